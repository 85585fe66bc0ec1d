"""Why populations, projections and schedules make no circuit."""

from collections.abc import Iterator

from circuits._phase_problems import phase_problems
from circuits._projection_problems import (
    delay_problems,
    projection_problems,
    trace_problems,
)
from dendrites.activity_difference import NOW, ActivityDifference
from dendrites.errors import ModelError, choices


def circuit_problems(circuit) -> list[str]:
    """Everything that is wrong; what needs right names only where names are right."""
    problems = [
        *_network_problems(circuit),
        *_duplicates(circuit),
        *projection_problems(circuit),
        *phase_problems(circuit),
        *_moment_problems(circuit),
        *_perturbation_problems(circuit),
        *_output_problems(circuit),
        *_stepper_problems(circuit),
    ]
    if problems:
        return problems
    return [
        *delay_problems(circuit),
        *trace_problems(circuit),
        *_time_problems(circuit),
        *_order_problems(circuit),
        *_readout_problems(circuit),
    ]


def unconnected(circuit) -> Iterator[str]:
    """Populations that no projection joins, in words."""
    joined = {name for p in circuit.projections for name in (p.pre, p.post)}
    for p in circuit.populations:
        if p.name not in joined:
            yield f"population {p.name!r} has no input and no output"


def _network_problems(circuit):
    projections = {p.name: p for p in circuit.projections}
    for layer in () if circuit.network is None else circuit.network.layers:
        for name in filter(None, (layer.projection, layer.bias)):
            where = f"circuit {circuit.name!r}: network: {name!r}"
            if name not in projections:
                yield f"{where} is no projection. {choices(name, projections)}"
            elif projections[name].post != layer.population:
                yield (
                    f"{where} reaches {projections[name].post!r}, not the layer's "
                    f"population {layer.population!r}"
                )


def _duplicates(circuit):
    for kind, things in (
        ("population", circuit.populations),
        ("projection", circuit.projections),
    ):
        names = [thing.name for thing in things]
        for name in sorted({n for n in names if names.count(n) > 1}):
            places = [str(k) for k, other in enumerate(names) if other == name]
            yield (
                f"two {kind}s are named {name!r} (definitions number "
                f"{' and '.join(places)}, counted from 0)"
            )


def _moment_problems(circuit):
    windows = [phase.name for phase in circuit.schedule.phases if phase.readable]
    for p in circuit.projections:
        for moment in _moments(p.rule) if p.plastic else ():
            if moment not in (NOW, *windows):
                yield (
                    f"projection {p.name!r}: its rule reads phase {moment!r}, "
                    "which has no averaging window. " + choices(moment, windows)
                )


def _perturbation_problems(circuit):
    """Perturbations in phases that do not exist."""
    names = [phase.name for phase in circuit.schedule.phases]
    for p in circuit.projections:
        for name in p.perturbation.phases if p.perturbation and p.plastic else ():
            if name not in names:
                yield (
                    f"projection {p.name!r}: its perturbation acts in phase {name!r}, "
                    f"which the schedule does not have. {choices(name, names)}"
                )


def _output_problems(circuit):
    models = {p.name: p.model for p in circuit.populations}
    if circuit.output not in models:
        yield (
            f"output population {circuit.output!r} does not exist. "
            + choices(circuit.output, models)
        )
        return
    model = models[circuit.output]
    if circuit.readout not in model.read_names:
        yield (
            f"output {circuit.output!r}: {model.name} cells have no read "
            f"{circuit.readout!r}. {choices(circuit.readout, model.read_names)}"
        )


def _stepper_problems(circuit):
    for p in circuit.populations if circuit.stepper == "heun" else ():
        if p.model.step is not None or p.model.spiking:
            yield (
                f"population {p.name!r}: {p.model.name} cells advance by a step of "
                "their own or spike, which heun cannot use: it needs a derivative. Use "
                "euler"
            )


def _time_problems(circuit):
    """Some phases take no time, in which nothing can be delayed."""
    short = [f for s in circuit.schedules for f in s.phases if f.timeless]
    for p in circuit.projections:
        if short and p.delay is not None:
            yield (
                f"projection {p.name!r} has a delay, and phase {short[0].name!r} takes "
                "no time: leave the delay out, or use phases with a duration"
            )
    for p in circuit.populations:
        if short and p.model.traces:
            yield (
                f"population {p.name!r}: {p.model.name} cells have traces "
                f"({', '.join(p.model.traces)}), and phase {short[0].name!r} takes no "
                "time: use phases with a duration, or cells without traces"
            )


def _order_problems(circuit):
    try:
        _ = circuit.update_order
    except ModelError as error:
        yield str(error)


def _readout_problems(circuit):
    if circuit.readout_phase is None:
        return
    for schedule in (circuit.schedule, circuit.test_schedule or circuit.schedule):
        names = [phase.name for phase in schedule.phases if phase.readable]
        if circuit.readout_phase not in names:
            yield (
                f"circuit {circuit.name!r}: readout_phase {circuit.readout_phase!r} is "
                "no phase with an averaging window. "
                + choices(circuit.readout_phase, names)
            )


def _moments(rule) -> tuple[str, ...]:
    """Every moment at which a rule reads something."""
    if rule is None:
        return ()
    if not isinstance(rule, ActivityDifference):
        return (rule.moment,)
    return tuple(
        moment
        for part in rule.parts
        for moment in (
            *part.moments,
            *(part.presynaptic_moments or ()),
            *((part.gain_moment,) if part.gain_moment else ()),
        )
    )
