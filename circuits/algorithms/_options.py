"""Options that an algorithm hands on to what builds its circuit."""

import inspect
from numbers import Real

from circuits._stack_options import one_per
from circuits.stack import layered
from dendrites._checks import number
from dendrites.errors import ModelError, choices


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


def rates_of(algorithm, learning_rate, sizes):
    """The learning rate of each layer but the input, of one for all or one for each."""
    where = f"{algorithm}: learning_rate"
    rates = one_per(where, learning_rate, len(sizes) - 1, "layer", Real)
    return [number(where, rate, least=0.0) for rate in rates]
