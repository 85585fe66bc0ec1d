"""Why weights cannot be those of a projection."""

from collections.abc import Iterator, Mapping

import numpy as np
from scipy.sparse import issparse

from circuits.circuit import Circuit
from circuits.connectivity import Edges
from circuits.projection import Projection
from circuits.synapses import canonical, numbers_of
from dendrites._checks import numbers, shown
from dendrites.errors import ConfigError

_ROUNDING = 1e-6


def array_problems(circuit: Circuit, name: str, value) -> Iterator[str]:
    """Why what was given cannot be the weights of a projection."""
    shape, connectivity = (
        circuit.weights_shape(name),
        circuit.projection(name).connectivity,
    )
    if issparse(value) and isinstance(connectivity, Edges):
        yield from _sparse_problems(circuit, name, value)
        return
    try:
        value = numbers(f"weights of {name!r}", value, finite=False)
    except ConfigError as error:
        yield (
            f"{error}; must be numbers {shape} {connectivity.form} or an initialiser "
            "such as Uniform(-1, 1) or Constant(0.5)"
        )
        return
    listed = isinstance(connectivity, Edges) and value.ndim == 1
    if listed:
        shape = (connectivity.n_synapses(*shape),)
    if value.shape != shape:
        hint = "" if listed else connectivity.hint(value.shape, shape)
        yield (
            f"weights of {name!r} have shape {value.shape}, must be {shape} "
            f"{'(n_synapses,)' if listed else connectivity.form}.{hint and ' ' + hint}"
        )
        return
    wrong = np.argwhere(~np.isfinite(value))
    if len(wrong):
        first = tuple(int(i) for i in wrong[0])
        axes, which = ", ".join(connectivity.axes), "synapse" if listed else "cell"
        place = f"({axes}) = {first}" if len(first) > 1 else f"{which} {first[0]}"
        yield (
            f"weights of {name!r}: {len(wrong)} of {value.size} values are not finite, "
            f"the first at {place}"
        )


def _sparse_problems(circuit, name, value):
    """What is wrong about a sparse array for a sparse projection."""
    shape, where = circuit.weights_shape(name), f"weights of {name!r}"
    if value.shape != shape:
        connectivity = circuit.projection(name).connectivity
        hint = connectivity.hint(value.shape, shape)
        yield (
            f"{where} have shape {value.shape}, must be {shape} {connectivity.form}."
            f"{hint and ' ' + hint}"
        )
        return
    if value.dtype.kind not in "biuf":
        yield f"{where} are of type {value.dtype}, must be real numbers"
        return
    value = canonical(value)
    if wrong := np.count_nonzero(~np.isfinite(value.data)):
        yield f"{where}: {wrong} of {value.nnz} values are not finite"
    synapses = circuit.projection(name).connectivity.synapses(*shape)
    if others := synapses.others(value):
        yield (
            f"{where}: {others} of {value.nnz} entries are of pairs of cells without a "
            "synapse; leave them out, or give a connectivity that has them"
        )


def range_problems(circuit: Circuit, p: Projection, weights: Mapping) -> Iterator[str]:
    """Weights outside the bounds that act on them, or of negative conductances."""
    value = numbers_of(weights[p.name]).ravel()
    if not value.size:
        return
    lower, upper = -np.inf, np.inf
    if p.bounds is not None and p.clip == "weights":
        lower, upper = p.bounds
    # Weights that a run in float32 has held at a bound may be given again.
    room = [_ROUNDING * abs(b) if np.isfinite(b) else 0.0 for b in (lower, upper)]
    wrong = (value < lower - room[0]) | (value > upper + room[1])
    if wrong.any():
        yield (
            f"weights of {p.name!r}: {wrong.sum()} of {value.size} are outside the "
            f"bounds ({lower:g}, {upper:g}) of the projection, such as "
            f"{value[wrong][0]:g}; give others, or other bounds"
        )
    if p.sign is not None:
        yield from _sign_problems(circuit, p, value)
    post = circuit.model(p.post)
    if p.field in post.conductance_inputs and value.min() < 0:
        yield (
            f"weights of {p.name!r}: {value.min():g}: they open the conductance "
            f"{p.field!r} of {p.post!r}, which must be >= 0 ({post.unit(p.field)})"
        )


def _sign_problems(circuit, p, value):
    """Weights of another sign than that of their presynaptic cell."""
    wrong = value * signs_of(circuit, p).ravel() < 0
    if wrong.any():
        yield (
            f"weights of {p.name!r}: {wrong.sum()} of {value.size} have another sign "
            f"than their presynaptic cell (sign={shown(p.sign)}), such as "
            f"{value[wrong][0]:g}; give others, or another sign"
        )


def signs_of(circuit: Circuit, p: Projection) -> np.ndarray:
    """The sign of every weight, of the form in which weights hold their numbers."""
    signs = np.broadcast_to(p.sign, circuit.weights_shape(p.name))
    return numbers_of(p.connectivity.masked(signs))
