"""What schemes that carry errors back have in common."""

from circuits.initialisers import Uniform
from dendrites.activity_difference import ActivityDifference

RANDOM_FEEDBACK = Uniform(-0.5, 0.5)


def delta_rules(rates, momentum, moment="backward", presynaptic=None):
    """Error times slope times what arrives, for each layer its own rate.

    `presynaptic`: a read of the sender in the place of what the projection carries.
    """
    return [
        ActivityDifference(
            "delta",
            None,
            moments=(moment, moment),
            learning_rate=rate,
            momentum=momentum,
            presynaptic=presynaptic,
        )
        for rate in rates
    ]
