"""Weights of both signs: excitation minus what a linear inhibitory cell takes away."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from circuits.algorithms._dale import chosen
from circuits.circuit import Circuit
from circuits.initialisers import Constant, ScaledCopy
from circuits.population import Population
from circuits.projection import Projection
from circuits.weights import initial_weights
from dendrites._checks import number
from dendrites.errors import ModelError
from dendrites.models import linear_interneuron
from dendrites.synaptic_rule import SynapticRule


def dale_mapping(
    circuit: Circuit,
    *,
    weights: Mapping | None = None,
    shift: float | None = None,
    projections: Sequence[str] | None = None,
) -> Circuit:
    """A circuit that obeys Dale's law and does what the given one does.

        sum_j w_ij r_j = sum_j (w_ij + c) r_j - c sum_j r_j

    with a shift c that makes all weights positive: all cells excite, and one linear
    inhibitory cell for each projection, "<projection>_inhibition", sums them up and
    takes c times that sum away. Exact as long as no weight is to fall below -c, where
    it stops; the updates are the same.

    Parameters
    ----------
    circuit : Circuit
        Whose phases all take time, or all settle or advance.
    weights : mapping, optional
        By projection, to map. Default: those that the circuit starts from.
    shift : float, optional
        c. Default: twice what makes all of a projection's weights positive.
    projections : sequence of str, optional
        Default: all that learn, but those of constant sources (biases). Those tied to
        them get inhibitory cells, too.

    Returns
    -------
    Circuit
        Whose weights start from arrays, without a reference network.

    Raises
    ------
    ModelError
        If the shift is too small, cells relax, or a projection is not dense, decays,
        has a rule that sees the weight or ties that are no copies.

    Source: Parisien, Anderson & Eliasmith, Neural Comput. 20 (2008) 1473, whose
    equations were not read; our form of the idea.
    """
    where = "dale_mapping"
    names = chosen(where, circuit, projections)
    if shift is not None:
        shift = number(f"{where}: shift", shift, least=0.0)
    timed = _timed(circuit)
    start = initial_weights(circuit, given=weights)
    shifts = {name: _shift(circuit, name, start[name], shift) for name in names}
    projections, inhibition = [], []
    for p in circuit.projections:
        tied = p.tied_to is not None
        c = shifts.get(p.tied_to.to if tied else p.name, 0.0)
        if p.name in shifts:
            bounds = None if p.bounds is None else tuple(b + c for b in p.bounds)
            start_of = start[p.name] + c
            projections.append(replace(p, initial=start_of, sign=1, bounds=bounds))
        else:
            given = isinstance(p.initial, ScaledCopy) or p.name in (weights or ())
            own = {"initial": start[p.name]} if given and not tied else {}
            projections.append(replace(p, **own))
        if c > 0.0:
            inhibition.append(_taken_away(p, c * _factor(p) if tied else c, timed))
    cells, joined = zip(*inhibition, strict=True) if inhibition else ((), ())
    return replace(
        circuit,
        populations=(*circuit.populations, *cells),
        projections=(*projections, *(p for pair in joined for p in pair)),
        schedule=_through(circuit.schedule, joined),
        test_schedule=_through(circuit.test_schedule, joined),
        network=None,
        name=f"{circuit.name}_dale",
    )


def _timed(circuit):
    """Whether phases take time; refuse those in which inhibition would be late."""
    phases = [phase for schedule in circuit.schedules for phase in schedule.phases]
    relaxing = [phase.name for phase in phases if phase.relax]
    timed = {not phase.timeless for phase in phases}
    if relaxing:
        problem = f"in phase {relaxing[0]!r} cells relax all at once"
    elif len(timed) > 1:
        problem = "some phases take time and others none"
    else:
        return timed.pop()
    raise ModelError(
        f"dale_mapping: {problem}, so an inhibitory cell would come late; use "
        "dale(circuit)"
    )


def _shift(circuit, name, weights, shift):
    """What is added to all weights of a projection."""
    p = circuit.projection(name)
    problem = ""
    if not p.is_dense:
        problem = "is not dense, and one cell cannot take away what others do not get"
    if p.weight_decay:
        problem = "decays to 0, which its weights here would not"
    if isinstance(p.rule, SynapticRule):
        problem = "has a rule that sees the weight, which is another here"
    if problem:
        raise ModelError(f"dale_mapping: {name!r} {problem}; use dale(circuit)")
    needed = max(0.0, -float(weights.min()))
    if shift is None:
        return 2.0 * needed
    if shift < needed:
        raise ModelError(
            f"dale_mapping: shift = {shift:g}: {name!r} has a weight of {-needed:g}; "
            f"the shift must be at least {needed:g}"
        )
    return shift


def _factor(p):
    """What weights tied to others are a copy of them times."""
    tied = p.tied_to
    if tied.function is not None or tied.times is not None or not tied.factor > 0:
        raise ModelError(
            f"dale_mapping: {p.name!r} is tied to {tied.to!r} by more than a positive "
            "factor; use dale(circuit)"
        )
    return tied.factor


def _taken_away(p, c, timed):
    """The cell that sums up what a projection carries, and its two projections."""
    name = f"{p.name}_inhibition"
    cell = Population(name, linear_interneuron(), 1)
    one = {"initial": Constant(1.0), "delay": p.delay, "name": f"{p.name}_sum"}
    heard = Projection(p.pre, name, "drive", p.signal, **one)
    taken = Projection(
        name,
        p.post,
        p.field,
        initial=Constant(-c),
        sign=-1,
        delay=0.0 if timed else None,
        name=f"{p.name}_minus",
    )
    return cell, (heard, taken)


def _through(schedule, joined):
    """Phases in which inhibitory cells come right before those they inhibit."""
    if schedule is None or not joined:
        return schedule
    before = {}
    for heard, taken in joined:
        before.setdefault(taken.post, []).append(heard.post)
    silenced = {
        taken.pre.removesuffix("_inhibition"): taken.name for _, taken in joined
    }
    phases = []
    for phase in schedule.phases:
        orders = {
            way: tuple(n for name in names for n in (*before.get(name, ()), name))
            for way in ("settle", "advance")
            if (names := getattr(phase, way))
        }
        silent = (silenced[name] for name in phase.silent if name in silenced)
        phases.append(replace(phase, silent=(*phase.silent, *silent), **orders))
    return replace(schedule, phases=tuple(phases))
