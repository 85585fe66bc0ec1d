"""What schemes that carry errors back have in common."""

from circuits.initialisers import Uniform
from dendrites.activity_difference import ActivityDifference

RANDOM_FEEDBACK = Uniform(-0.5, 0.5)


def delta_rules(rates, momentum, moment="backward"):
    """Error times slope times what arrives, for each layer its own rate."""
    return [
        ActivityDifference(
            "delta",
            None,
            moments=(moment, moment),
            learning_rate=rate,
            momentum=momentum,
        )
        for rate in rates
    ]
