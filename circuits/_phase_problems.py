"""Why phases do not fit the populations and projections of their circuit."""

from collections.abc import Iterator

from dendrites.errors import choices


def phase_problems(circuit) -> Iterator[str]:
    """Everything that is wrong between the phases of schedules and what they name."""
    clamped = [p.name for p in circuit.populations if p.model.clamped]
    models = {p.name: p.model for p in circuit.populations}
    for schedule in filter(None, (circuit.schedule, circuit.test_schedule)):
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
            yield from _settled_problems(circuit, phase)


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


def _settled_problems(circuit, phase):
    """Names of a settled phase, and cells that have no steady state to go to."""
    models = {p.name: p.model for p in circuit.populations}
    projections = [p.name for p in circuit.projections]
    where = f"phase {phase.name!r}"
    for name in phase.settle:
        if name not in models:
            yield f"{where}: no population {name!r}. {choices(name, models)}"
        elif models[name].derivative is None or models[name].spiking:
            yield (
                f"{where}: {name!r}: {models[name].name} cells cannot settle: they "
                "have no derivative whose zero is their steady state. Use a phase with "
                "a duration"
            )
        elif models[name].random:
            yield (
                f"{where}: {name!r}: {models[name].name} cells cannot settle: their "
                f"inputs {', '.join(models[name].random)} are filled with random "
                "numbers at every step, and a settled phase has none. Use a phase with "
                "a duration, or cells without noise"
            )
    for name in phase.silent:
        if name not in projections:
            yield f"{where}: no projection {name!r}. {choices(name, projections)}"
