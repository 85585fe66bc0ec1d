"""What schemes that carry errors back have in common."""

from circuits.initialisers import Uniform
from dendrites.activity_difference import ActivityDifference

RANDOM_FEEDBACK = Uniform(-0.5, 0.5)


def delta_rule(learning_rate, momentum, n_layers):
    """Error times slope times what arrives, for one layer or for each its own rate."""
    rates = learning_rate
    if not isinstance(rates, (tuple, list)):
        rates = [rates] * n_layers
    return [
        ActivityDifference(
            "delta",
            None,
            moments=("backward", "backward"),
            learning_rate=rate,
            momentum=momentum,
        )
        for rate in rates
    ]
