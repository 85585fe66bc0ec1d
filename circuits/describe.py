"""A circuit as plain data: for a run's configuration and for comparing checkpoints."""

from circuits.circuit import Circuit
from dendrites._describe import plain


def describe(circuit: Circuit) -> dict:
    """Every field of a circuit and of all it is made of, ready for JSON.

    Populations and projections by name; their order, in which a step advances them,
    is kept beside them. See `dendrites._describe` for functions and arrays.
    """
    named = {
        kind: {thing.name: plain(thing) for thing in getattr(circuit, kind)}
        for kind in ("populations", "projections")
    }
    return plain(circuit) | named | {"order": {k: [*v] for k, v in named.items()}}
