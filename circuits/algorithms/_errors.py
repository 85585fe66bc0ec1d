"""What schemes that carry errors back have in common."""

import inspect

from circuits.initialisers import Uniform
from circuits.stack import layered
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ModelError, choices

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


def check_options(algorithm, options, *, own=(), of=layered, without=()):
    """Refuse options that the builder of an algorithm's circuit does not have."""
    allowed = [
        name
        for name in inspect.signature(of).parameters
        if name not in ("sizes", *without)
    ]
    for name in options:
        if name not in allowed:
            raise ModelError(
                f"{algorithm} has no option {name!r}. "
                + choices(name, [*own, *allowed])
            )
