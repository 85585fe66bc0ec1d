"""Initial weights of a circuit: from its own initialisers or from given arrays."""

from collections.abc import Mapping
from functools import partial

import numpy as np
from scipy.sparse import issparse

from circuits._weight_problems import array_problems, range_problems, signs_of
from circuits.circuit import Circuit, check_circuit
from circuits.initialisers import INITIALISERS, Constant, Distribution
from circuits.projection import Projection
from circuits.synapses import numbers_of
from circuits.ties import Tied
from dendrites._checks import mapping
from dendrites._streams import check_seed, generator
from dendrites.errors import ModelError, choices


def initial_weights(
    circuit: Circuit, *, seed: int | None = None, given: Mapping | None = None
) -> dict[str, np.ndarray]:
    """Weights of every projection at the start of a run.

    Arrays are (n_post, n_pre), of one-to-one projections (n,). Those of sparse
    projections are sparse arrays of scipy (`csr_array`) with an entry for each synapse.
    Weights of initialisers take the size that is drawn and the sign of their
    presynaptic cell, where a projection has signs.

    Parameters
    ----------
    circuit : Circuit
    seed : int, optional
        Default: the circuit's. Each projection draws from a stream of its own name.
    given : mapping of str to ndarray or initialiser, optional
        Replaces the initial weights of these projections. Copies of them follow. For a
        sparse projection they may be a sparse array in any format, with no entries but
        those of its synapses (absent ones are 0), an array, of which what belongs to
        no synapse is left out, or the numbers of its synapses (n_synapses,) in the
        order of results, as run trees hold them.

    Returns
    -------
    dict of ndarray or csr_array, float64

    Raises
    ------
    ModelError
        For unknown names, wrong shapes, values that are not finite, outside the bounds
        of their projection or of negative conductances; all at once.
    """
    check_circuit("initial_weights", circuit)
    given = mapping("weights", given, "weights by projection", error=ModelError)
    seed = circuit.seed if seed is None else check_seed(seed)
    names = [p.name for p in circuit.projections]
    problems = [
        f"weights: no projection {name!r}. {choices(name, names)}"
        for name in given
        if name not in names
    ]
    problems += [
        text
        for p in circuit.projections
        for initial in (given.get(p.name, p.initial),)
        if not isinstance(initial, INITIALISERS)
        for text in array_problems(circuit, p.name, initial)
    ]
    if problems:
        raise ModelError("\n".join(problems))
    result = {}
    for p in circuit.projections:
        _resolve(circuit, p, given, seed, result, ())
    _check_ties(circuit, given, seed, result)
    problems = [
        text for p in circuit.projections for text in range_problems(circuit, p, result)
    ]
    if problems:
        raise ModelError("\n".join(problems))
    return {name: result[name] for name in names}


def replaced_weights(
    circuit: Circuit, weights: Mapping, given: Mapping, *, seed: int
) -> dict[str, np.ndarray]:
    """Weights of those projections that change when some are replaced.

    Parameters
    ----------
    circuit : Circuit
    weights : mapping of str to ndarray (n_post, n_pre)
        All of them, as they are now.
    given : mapping of str to ndarray or initialiser

    Returns
    -------
    dict of ndarray (n_post, n_pre)
        Those given, and those that are tied to them.

    Raises
    ------
    ConfigError, ModelError
        As `initial_weights`.
    """
    given = mapping("weights", given, "weights by projection")
    tied = {p.name: p.tied_to.to for p in circuit.projections if p.tied_to}
    own = {name: w for name, w in weights.items() if name not in tied}
    found = initial_weights(circuit, seed=seed, given=own | given)
    moved = {*given, *(name for name, to in tied.items() if to in given)}
    return {name: w for name, w in found.items() if name in moved}


def _check_ties(circuit, given, seed, result):
    """Refuse weights of a tied projection that are not those it is tied to."""
    for p in circuit.projections:
        if p.tied_to is None or p.name not in given:
            continue
        times = drawn_times(circuit, p, seed)
        tied = p.tied_to.follow(_turned(circuit, p.tied_to, result), times)
        both = numbers_of(result[p.name]), numbers_of(tied)
        if not np.allclose(*both, rtol=1e-5, atol=1e-7):
            raise ModelError(
                f"weights of {p.name!r}: it is tied to {p.tied_to.to!r} with the "
                f"factor {p.tied_to.factor:g} and cannot have others; give those of "
                f"{p.tied_to.to!r}"
                + (" alone: what is drawn is drawn anew" if _draws(p.tied_to) else "")
            )
        result[p.name] = tied


def _draws(tied):
    return bool(tied.noise) or tied.redraw


def _resolve(circuit, projection, given, seed, result, above):
    """Weights of one projection, those it copies first."""
    name = projection.name
    if name in result:
        return result[name]
    if name in above:
        raise ModelError(
            "initial weights copy each other in a circle: "
            + " -> ".join((*above, name))
        )
    connectivity, shape = projection.connectivity, circuit.weights_shape(name)
    sizes = circuit.shape(name)
    initial = given.get(name, projection.tied_to or projection.initial)
    if hasattr(initial, "factor"):
        of = circuit.projection(getattr(initial, "of", None) or initial.to)
        _resolve(circuit, of, given, seed, result, (*above, name))
        other = _turned(circuit, initial, result)
        if isinstance(initial, Tied):
            value = initial.follow(other, drawn_times(circuit, projection, seed))
        else:
            value = initial.factor * other
        if value.shape != shape:
            raise ModelError(
                f"weights of {name!r}: {shape} {connectivity.form} cannot be a copy of "
                f"those of {of.name!r}, {other.shape}"
            )
    elif isinstance(initial, Distribution):
        value = _drawn(circuit, projection, initial, seed, "weights", "zeros")
    elif isinstance(initial, Constant):
        value = connectivity.constant(initial.value, *sizes)
    else:
        value = initial if issparse(initial) else np.array(initial, float)
        if value.ndim < len(shape):  # of a run tree, synapse by synapse
            value = connectivity.synapses(*sizes).weights(value)
    result[name] = connectivity.masked(value)
    if projection.sign is not None and isinstance(initial, INITIALISERS):
        flat = numbers_of(result[name])
        np.multiply(np.abs(flat), signs_of(circuit, projection), out=flat)
    return result[name]


def _turned(circuit, copy, weights):
    """Weights that a copy or tie is of, turned round if they run the other way."""
    name = getattr(copy, "of", None) or copy.to
    theirs = circuit.projection(name).connectivity
    return theirs.turned(weights[name]) if copy.transpose else weights[name]


def drawn_times(circuit: Circuit, p: Projection, seed: int) -> np.ndarray | None:
    """What tied weights are multiplied by when a run begins, in their shape, or None.

    Drawn from a stream of the projection's name.
    """
    times = p.tied_to.times
    if isinstance(times, Distribution):
        return _drawn(circuit, p, times, seed, "times", "times/zeros")
    return None if times is None else p.connectivity.masked(times)


def root_of_fan_in(circuit: Circuit, p: Projection, initial: Distribution) -> float:
    """What numbers that are drawn for every weight are divided by."""
    if not initial.per_root_fan_in:
        return 1.0
    return float(np.sqrt(p.connectivity.fan_in(circuit.shape(p.name)[1])))


def _drawn(circuit, p, initial, seed, stream, zeros):
    """Numbers drawn for every weight, from a stream of the projection's name."""
    draw = partial(initial.draw, generator(seed, f"{stream}/{p.name}"))
    value = p.connectivity.sampled(draw, *circuit.shape(p.name))
    flat = numbers_of(value).ravel()
    flat /= root_of_fan_in(circuit, p, initial)
    if initial.share < 1:
        # Exactly this share: of all weights of the projection, not of each cell.
        order = generator(seed, f"{zeros}/{p.name}").permutation(flat.size)
        flat[order[round(initial.share * flat.size) :]] = 0.0
    return value
