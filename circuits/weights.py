"""Initial weights of a circuit: from its own initialisers or from given arrays."""

from collections.abc import Mapping

import numpy as np

from circuits.circuit import Circuit, check_circuit
from circuits.initialisers import INITIALISERS, Constant, Distribution
from circuits.projection import Projection
from circuits.ties import Tied
from dendrites._checks import mapping, numbers, shown
from dendrites._streams import check_seed, generator
from dendrites.errors import ConfigError, ModelError, choices

_ROUNDING = 1e-6


def initial_weights(
    circuit: Circuit, *, seed: int | None = None, given: Mapping | None = None
) -> dict[str, np.ndarray]:
    """Weights of every projection at the start of a run.

    Arrays are (n_post, n_pre), of one-to-one projections (n,). Those of initialisers
    take the size that is drawn and the sign of their presynaptic cell, where a
    projection has signs.

    Parameters
    ----------
    circuit : Circuit
    seed : int, optional
        Default: the circuit's. Each projection draws from a stream of its own name.
    given : mapping of str to ndarray or initialiser, optional
        Replaces the initial weights of these projections. Copies of them follow.

    Returns
    -------
    dict of ndarray, float64

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
        for text in _array_problems(circuit, p.name, initial)
    ]
    if problems:
        raise ModelError("\n".join(problems))
    result = {}
    for p in circuit.projections:
        _resolve(circuit, p, given, seed, result, ())
    _check_ties(circuit, given, seed, result)
    problems = [
        text
        for p in circuit.projections
        for text in _range_problems(circuit, p, result)
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


def _range_problems(circuit, p, weights):
    """Weights outside the bounds that act on them, or of negative conductances."""
    value = p.connectivity.flatten(weights[p.name])
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
    signs = np.broadcast_to(p.sign, circuit.weights_shape(p.name))
    wrong = value * p.connectivity.flatten(signs) < 0
    if wrong.any():
        yield (
            f"weights of {p.name!r}: {wrong.sum()} of {value.size} have another sign "
            f"than their presynaptic cell (sign={shown(p.sign)}), such as "
            f"{value[wrong][0]:g}; give others, or another sign"
        )


def _check_ties(circuit, given, seed, result):
    """Refuse weights of a tied projection that are not those it is tied to."""
    for p in circuit.projections:
        if p.tied_to is None or p.name not in given:
            continue
        times = drawn_times(circuit, p, seed)
        tied = p.tied_to.follow(result[p.tied_to.to], times)
        if not np.allclose(result[p.name], tied, rtol=1e-5, atol=1e-7):
            raise ModelError(
                f"weights of {p.name!r}: it is tied to {p.tied_to.to!r} with the "
                f"factor {p.tied_to.factor:g} and cannot have others; give those of "
                f"{p.tied_to.to!r}"
            )
        result[p.name] = tied


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
    initial = given.get(name, projection.tied_to or projection.initial)
    if hasattr(initial, "factor"):
        of = circuit.projection(getattr(initial, "of", None) or initial.to)
        other = _resolve(circuit, of, given, seed, result, (*above, name))
        if isinstance(initial, Tied):
            value = initial.follow(other, drawn_times(circuit, projection, seed))
        else:
            value = initial.factor * (other.T if initial.transpose else other)
        if value.shape != shape:
            raise ModelError(
                f"weights of {name!r}: {shape} {connectivity.form} cannot be a copy of "
                f"those of {of.name!r}, {other.shape}"
            )
    elif isinstance(initial, Distribution):
        value = _drawn(circuit, projection, initial, seed, "weights", "zeros")
    elif isinstance(initial, Constant):
        value = np.full(shape, float(initial.value))
    else:
        value = np.array(initial, float)
    if projection.sign is not None and isinstance(initial, INITIALISERS):
        value = np.abs(value) * projection.sign
    result[name] = connectivity.masked(value)
    return result[name]


def drawn_times(circuit: Circuit, p: Projection, seed: int) -> np.ndarray | None:
    """What tied weights are multiplied by when a run begins, in their shape, or None.

    Drawn from a stream of the projection's name.
    """
    times = p.tied_to.times
    if isinstance(times, Distribution):
        return _drawn(circuit, p, times, seed, "times", "times/zeros")
    return times


def root_of_fan_in(circuit: Circuit, p: Projection, initial: Distribution) -> float:
    """What numbers that are drawn for every weight are divided by."""
    if not initial.per_root_fan_in:
        return 1.0
    return float(np.sqrt(p.connectivity.fan_in(circuit.shape(p.name)[1])))


def _drawn(circuit, p, initial, seed, stream, zeros):
    """Numbers drawn for every weight, from a stream of the projection's name."""
    shape = circuit.weights_shape(p.name)
    value = initial.draw(generator(seed, f"{stream}/{p.name}"), shape)
    value /= root_of_fan_in(circuit, p, initial)
    if initial.share < 1:
        # Exactly this share: of all weights of the projection, not of each cell.
        order = generator(seed, f"{zeros}/{p.name}").permutation(value.size)
        value.ravel()[order[round(initial.share * value.size) :]] = 0.0
    return value


def _array_problems(circuit: Circuit, name, value):
    shape, connectivity = (
        circuit.weights_shape(name),
        circuit.projection(name).connectivity,
    )
    try:
        value = numbers(f"weights of {name!r}", value, finite=False)
    except ConfigError as error:
        yield (
            f"{error}; must be numbers {shape} {connectivity.form} or an initialiser "
            "such as Uniform(-1, 1) or Constant(0.5)"
        )
        return
    if value.shape != shape:
        hint = connectivity.hint(value.shape, shape)
        yield (
            f"weights of {name!r} have shape {value.shape}, must be {shape} "
            f"{connectivity.form}.{hint and ' ' + hint}"
        )
        return
    wrong = np.argwhere(~np.isfinite(value))
    if len(wrong):
        first = tuple(int(i) for i in wrong[0])
        place = f"(post, pre) = {first}" if len(first) > 1 else f"cell {first[0]}"
        yield (
            f"weights of {name!r}: {len(wrong)} of {value.size} values are not finite, "
            f"the first at {place}"
        )
