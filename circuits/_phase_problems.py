"""Why phases do not fit the populations and projections of their circuit."""

from collections.abc import Iterator

from dendrites.errors import choices


def phase_problems(circuit) -> Iterator[str]:
    """Everything that is wrong between the phases of schedules and what they name."""
    clamped = [p.name for p in circuit.populations if p.model.clamped]
    models = {p.name: p.extreme() for p in circuit.populations}
    projections = [p.name for p in circuit.projections]
    for schedule in circuit.schedules:
        for name in schedule.always_on:
            if name not in clamped:
                yield (
                    f"schedule: always_on: {name!r} is no clamped population. "
                    + choices(name, clamped)
                )
        for phase in schedule.phases:
            where = f"phase {phase.name!r}"
            for name in phase.on:
                if name not in (*clamped, *schedule.always_on):
                    yield (
                        f"{where}: {name!r} is no clamped population. "
                        + choices(name, clamped)
                    )
            yield from _amplitude_problems(circuit, models, where, phase)
            yield from _held_problems(models, where, phase)
            for name in phase.silent:
                if name not in projections:
                    yield (
                        f"{where}: no projection {name!r}. {choices(name, projections)}"
                    )
            if phase.timeless:
                for name in getattr(phase, phase.timeless):
                    if name not in models:
                        yield (
                            f"{where}: no population {name!r}. {choices(name, models)}"
                        )
                    elif problem := _UNFIT[phase.timeless](models[name], phase):
                        yield f"{where}: {name!r}: {models[name].name} cells {problem}"
            if phase.advance and circuit.stepper == "heun":
                yield (
                    f"{where}: heun looks twice at what reaches a cell, and cells that "
                    "advance look once. Use euler"
                )


def _amplitude_problems(circuit, models, where, phase):
    """Amplitudes that would turn a conductance negative."""
    for p in circuit.projections:
        amplitude = phase.amplitudes.get(p.pre, 1.0)
        post = models.get(p.post)
        if amplitude < 0 and post and p.field in post.conductance_inputs:
            yield (
                f"{where}: on[{p.pre!r}] = {amplitude:g}: it opens the conductance "
                f"{p.field!r} of {p.post!r} through {p.name!r}, which must be >= 0; "
                "give an amplitude >= 0"
            )


def _held_problems(models, where, phase):
    for name, variables in phase.hold.items():
        if name not in models:
            yield f"{where}: hold: no population {name!r}. {choices(name, models)}"
            continue
        fields = models[name].state._fields
        for variable in variables:
            if variable not in fields:
                yield (
                    f"{where}: hold[{name!r}]: {models[name].name} cells have no "
                    f"variable {variable!r}. {choices(variable, fields)}"
                )
            elif models[name].clamped and variable in ("value", "active"):
                yield (
                    f"{where}: hold[{name!r}]: {variable!r} of a clamped population is "
                    "set from outside when a phase begins; leave it out"
                )
            elif variable in models[name].own_traces:
                yield (
                    f"{where}: hold[{name!r}]: {variable!r} is a trace of the cell's "
                    "spikes, which the run keeps; leave it out"
                )


def _settle_problem(model, phase):
    """Why cells have no steady state to go to."""
    if model.derivative is None or model.spiking:
        return (
            "cannot settle: they have no derivative whose zero is their steady state. "
            "Use a phase with a duration, or one in which they relax or advance"
        )
    if white := [name for name, kind in model.random.items() if kind == "white"]:
        return (
            f"cannot settle: their input {white[0]!r} is white noise, a number per "
            "square root of time, and a settled phase takes none. Use random inputs of "
            "kind 'normal', or a phase with a duration"
        )
    return ""


def _relax_problem(model, phase):
    """Why cells do not go anywhere in sweeps."""
    if model.constant:
        return "do not relax: they show what they are given"
    if model.spiking:
        return "cannot relax: they spike. Use a phase in which they advance"
    if model.random:
        return (
            f"cannot relax: their inputs {', '.join(model.random)} are random, and "
            "what is drawn anew in every sweep has no fixed point. Use a phase in "
            "which they advance"
        )
    if model.derivative is not None and model.time_constant is not None:
        tau = float(model.time_constant(model.parameters))
        if phase.step > 2.0 * tau:
            return (
                f"diverge at step = {phase.step:g} ms: their fastest time constant is "
                f"{tau:.4g} ms, and steps above {2 * tau:.4g} ms overshoot more and "
                f"more. Use step <= {tau:.4g} ms"
            )
    return ""


def _advance_problem(model, phase):
    """Why one step of cells is no answer to their input."""
    if model.constant:
        return "do not advance: they show what they are given"
    if model.step or model.spiking or model.random or model.instantaneous:
        return ""
    return (
        "do not advance: they have neither a step of their own nor spikes, random "
        "inputs or algebraic compartments, and one Euler step of a derivative alone is "
        "no answer to their input. Use `settle` or `relax`, or a phase with a duration"
    )


_UNFIT = {
    "settle": _settle_problem,
    "relax": _relax_problem,
    "advance": _advance_problem,
}
