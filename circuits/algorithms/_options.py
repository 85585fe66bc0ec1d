"""Options that an algorithm hands on to what builds its circuit."""

import inspect

from circuits.stack import layered
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
