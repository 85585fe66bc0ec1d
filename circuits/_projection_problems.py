"""Why a projection does not fit the populations and projections of its circuit."""

import math
from collections.abc import Iterator
from operator import attrgetter

import numpy as np

from circuits._copy_problems import copy_problems
from circuits.cell_parameters import each_cell
from circuits.perturbation import XI, reads_xi
from circuits.shared_weights import SharedWeights
from dendrites._time import MOST_STEPS, is_multiple
from dendrites.errors import choices


def projection_problems(circuit) -> Iterator[str]:
    """Everything that is wrong between projections and what they name."""
    by_name = {population.name: population for population in circuit.populations}
    projections = {projection.name: projection for projection in circuit.projections}
    for p in circuit.projections:
        where = f"projection {p.name!r}"
        missing = [name for name in (p.pre, p.post) if name not in by_name]
        for name in missing:
            yield f"{where}: no population {name!r}. {choices(name, by_name)}"
        if missing:
            continue
        pre, post = by_name[p.pre], by_name[p.post]
        yield from _field_problems(where, p, post)
        yield from _read_problems(where, p, pre.model, post.model)
        yield from _need_problems(where, p, pre, post, circuit.dt)
        if p.field in post.model.conductance_inputs:
            yield from _conductance_problems(where, p, pre, post)
        if np.ndim(p.sign) and isinstance(p.connectivity, SharedWeights):
            yield (
                f"{where}: sign for each presynaptic cell: in a {p.connectivity.name} "
                "projection several share a weight; give one sign, 1 or -1"
            )
        elif np.ndim(p.sign) and len(p.sign) != pre.size:
            yield (
                f"{where}: sign has {len(p.sign)} values, must have one for each of "
                f"the {pre.size} presynaptic cells, or be one for all"
            )
        for problem in p.connectivity.problems(post.size, pre.size):
            yield f"{where}: {problem}"
        yield from copy_problems(where, p, projections, by_name)


def delay_problems(circuit) -> Iterator[str]:
    """Delays and bounds that cells or steps do not allow."""
    for p in circuit.projections:
        where = f"projection {p.name!r}"
        if p.delay is not None and p.delay / circuit.dt > MOST_STEPS:
            yield (
                f"{where}: delay = {p.delay:g} ms is more than the "
                f"{MOST_STEPS:g} steps of dt = {circuit.dt:g} ms that can be counted"
            )
            continue
        if p.delay is not None and not is_multiple(p.delay, circuit.dt):
            yield (
                f"{where}: delay = {p.delay:g} ms is no whole number of steps of "
                f"dt = {circuit.dt:g} ms"
            )
        if p.delay is not None and circuit.stepper == "heun":
            yield f"{where}: heun has no delays. Use euler"
        if p.clip == "readout" and not (circuit.is_event_driven(p.name) and p.is_dense):
            yield (
                f"{where}: clip = 'readout' needs a dense projection that carries "
                "the spikes of a spiking population"
            )


def trace_problems(circuit) -> Iterator[str]:
    """Traces that steps of the circuit cannot keep."""
    for population in circuit.populations:
        for name, kernel in population.model.traces.items():
            where = f"population {population.name!r}: traces[{name!r}]"
            if problem := kernel.problem(circuit.dt):
                yield f"{where}: {problem}"
            if circuit.stepper == "heun":
                yield (
                    f"{where}: heun takes two stages per step, and a trace one. Use "
                    "euler or exponential_euler"
                )


def signal_of_value(signal: str, value):
    """What a source that shows a value, or an array, sends; None if unknown."""
    if signal in ("rate", "value"):
        return value
    return 1.0 - value if signal == "complement" else None


def _field_problems(where, p, post):
    if p.field not in post.model.inputs._fields:
        yield (
            f"{where}: {post.model.name} cells have no input {p.field!r}. "
            + choices(p.field, post.model.inputs._fields)
        )
    if p.field in post.model.random:
        yield (
            f"{where}: input {p.field!r} of {post.model.name} cells is filled "
            "with random numbers; nothing else may reach it"
        )


def _read_problems(where, p, pre, post):
    wanted = [(pre, p.signal)]
    for rule in getattr(p.rule, "parts", (p.rule,)):
        wanted += [
            (post, read)
            for name in ("teaching", "baseline", "gain", "modulator")
            if isinstance(read := getattr(rule, name, None), str)
        ]
        signals = getattr(rule, "presynaptic", None) or ()
        for signal in (signals,) if isinstance(signals, str) else signals:
            if signal != XI or p.perturbation is None:
                wanted.append((pre, signal))
    if XI in pre.read_names and p.perturbation is not None and reads_xi(p):
        yield (
            f"{where}: its rule reads {XI!r}, which is a read of {pre.name} cells and "
            "what its perturbation adds to the weights; give the read another name"
        )
    for model, name in wanted:
        if name not in model.read_names:
            yield (
                f"{where}: {model.name} cells have no read {name!r}. "
                + choices(name, model.read_names)
                + (f"; {XI!r} needs a perturbation" if name == XI else "")
            )


def _need_problems(where, p, pre, post, dt):
    """Options of a rule that must agree with its cells and its projection."""
    for rule in getattr(p.rule, "parts", (p.rule,)):
        needs = getattr(rule, "needs", None)
        if needs is None:
            continue
        sides = ((pre, needs.presynaptic), (post, needs.postsynaptic))
        for cells, values in sides:
            for name, value in values.items():
                wanted = _all_of(post, value) if callable(value) else {value}
                if wanted == {None} or name not in cells.model.params._fields:
                    continue
                found = _all_of(cells, attrgetter(name))
                spread = {min(wanted), max(wanted), min(found), max(found)}
                if not math.isclose(min(spread), max(spread), rel_tol=1e-9):
                    yield (
                        f"{where}: its rule needs {name} = {_span(wanted)} "
                        f"{cells.model.unit(name)}, and the {cells.model.name} cells "
                        f"have {_span(found)}. Make both the same"
                    )
        late = p.delay is not None and p.delay > dt * (1 + 1e-6)
        if needs.undelayed and late:
            yield (
                f"{where}: delay = {p.delay:g} ms: its rule reads the presynaptic "
                "cells themselves, so their spikes would count before they "
                "arrive. Leave the delay out, or delay the presynaptic spikes"
            )


def _all_of(population, value):
    """A function of the parameters, of every cell."""
    every = each_cell(population.model, population.values, population.size)
    return {value(p) for p in every}


def _span(values):
    low, high = min(values), max(values)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _conductance_problems(where, p, pre, post):
    """Why an input that opens a conductance could become negative."""
    unit = post.model.unit(p.field)
    must = f"the conductance {p.field!r} of {post.name!r}, which must be >= 0 ({unit})"
    positive = p.sign is not None and bool(np.all(np.equal(p.sign, 1)))
    if p.learns and not positive and (p.bounds is None or p.bounds[0] < 0):
        yield (
            f"{where}: bounds = {p.bounds}: it learns and opens {must}: give bounds "
            "with a lower one >= 0, such as (0.0, float('inf'))"
        )
    if p.perturbation is not None:
        yield f"{where}: a perturbation could make negative {must}; leave it out"
    tied = p.tied_to
    if tied is not None and tied.noise:
        yield (
            f"{where}: noise of tied weights could make negative {must}; leave noise "
            "out"
        )
    if tied is not None and tied.redraw and tied.factor * tied.times.low < 0:
        yield (
            f"{where}: times that are drawn anew could make negative {must}; give "
            "times whose product with the factor is >= 0"
        )
    if tied is not None and tied.function is not None:
        yield (
            f"{where}: a function of weights that move could make negative {must}. Let "
            "the weights learn that this conductance needs, or tie without function"
        )
    if isinstance(pre.pattern, int | float):
        value = signal_of_value(p.signal, pre.pattern)
        if value is not None and value < 0:
            yield (
                f"{where}: the pattern {pre.pattern:g} of {pre.name!r} opens {must}; "
                "give another pattern or signal"
            )
