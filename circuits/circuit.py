"""Circuit: populations, projections, schedules. A description: it holds no arrays."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from circuits.population import Population
from circuits.projection import Projection
from circuits.schedule import Schedule, as_schedule
from dendrites._checks import flag, items, number, shown, text
from dendrites._sendable import Sendable
from dendrites._streams import check_seed
from dendrites._time import MOST_STEPS, is_multiple, n_steps
from dendrites.activity_difference import NOW, ActivityDifference
from dendrites.cell import CellModel
from dendrites.errors import ConfigError, ModelError, choices
from dendrites.steppers import check_stepper, is_explicit


class Layer(NamedTuple):
    """One layer of the feedforward network a circuit computes.

    population : str; projection : str, its bottom-up weights; attenuation : float,
    potential per dendritic potential; update_scale : float, first-order size of the
    circuit's update over the exact gradient; bias : str, projection of the biases.
    """

    population: str
    projection: str
    attenuation: float
    update_scale: float
    bias: str = ""


@dataclass(frozen=True, eq=False)
class Circuit(Sendable):
    """Populations joined by projections, shown patterns phase by phase.

    Parameters
    ----------
    populations : tuple of Population
    projections : tuple of Projection
    schedule, test_schedule : Schedule
        Phases of a training and of a test presentation.
    output : str
        Population whose `readout` at the end of a presentation is the answer.
    readout : str
        Scalar read of the output cells.
    readout_phase : str, optional
        Phase in whose averaging window the cells are read; default: at the end.
    dt : float
        Step, ms.
    stepper : {"euler", "exponential_euler", "heun"}
    layers : tuple of Layer
        The feedforward network inside, for the exact gradient; may be empty.
    phi : tuple of callables, optional
        Transfer function, slope and inverse of that network.
    name : str
    seed : int
        Default seed of initial weights and of runs.
    strict : bool
        Makes warnings about unconnected populations errors.

    Raises
    ------
    ModelError
        If names do not fit; all such problems at once.
    """

    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    schedule: Schedule
    test_schedule: Schedule | None = None
    output: str = "output"
    readout: str = "rate"
    readout_phase: str | None = None
    dt: float = 0.1
    stepper: str = "euler"
    layers: tuple[Layer, ...] = ()
    phi: tuple[Callable, Callable, Callable] | None = None
    name: str = "circuit"
    seed: int = 0
    strict: bool = False

    def __post_init__(self):
        text("circuit: name", self.name)
        where = f"circuit {self.name!r}"
        check_stepper(self.stepper)
        for kind, things in (
            (Population, "populations"),
            (Projection, "projections"),
        ):
            given = getattr(self, things)
            if isinstance(given, kind):
                given = (given,)
            object.__setattr__(self, things, _all_of(where, things, given, kind))
        for name in ("schedule", "test_schedule"):
            given = getattr(self, name)
            if given is not None or name == "schedule":
                object.__setattr__(self, name, as_schedule(f"{where}: {name}", given))
        n_steps(0.0, self.dt, where)
        for option in ("output", "readout"):
            text(f"{where}: {option}", getattr(self, option))
        if self.readout_phase is not None:
            text(f"{where}: readout_phase", self.readout_phase)
        flag(f"{where}: strict", self.strict)
        object.__setattr__(self, "seed", check_seed(self.seed))
        self._check_layers(where)
        problems = [
            *self._layer_problems(),
            *self._duplicates(),
            *self._projection_problems(),
            *self._schedule_problems(),
        ]
        if self.output not in self._names:
            problems.append(
                f"output population {self.output!r} does not exist. "
                + choices(self.output, self._names)
            )
        elif self.readout not in self.population(self.output).model.read_names:
            model = self.population(self.output).model
            problems.append(
                f"output {self.output!r}: {model.name} cells have no read "
                f"{self.readout!r}. {choices(self.readout, model.read_names)}"
            )
        problems += [
            f"population {p.name!r}: {p.model.name} cells advance by a step of their "
            "own or spike, which heun cannot use: it needs a derivative. Use euler"
            for p in self.populations
            if self.stepper == "heun" and (p.model.step is not None or p.model.spiking)
        ]
        if not problems:
            problems += [*self._delay_problems(), *self._readout_problems()]
        if problems:
            raise ModelError("\n".join(problems))
        self._check_connected()
        for schedule in filter(None, (self.schedule, self.test_schedule)):
            schedule.check_times(self.dt)
        for population in self.populations:
            coarse = population.model.check_step(
                self.dt, explicit=is_explicit(self.stepper)
            )
            if coarse:
                warnings.warn(f"population {population.name!r}: {coarse}", stacklevel=3)

    def population(self, name: str) -> Population:
        """The population of that name; ModelError with close matches otherwise."""
        return _named("population", name, self.populations)

    def projection(self, name: str) -> Projection:
        """The projection of that name; ModelError with close matches otherwise."""
        return _named("projection", name, self.projections)

    def model(self, population: str) -> CellModel:
        """Cell model of a population."""
        return self.population(population).model

    def shape(self, projection: str) -> tuple[int, int]:
        """Shape of a projection's weights, (n_post, n_pre)."""
        p = self.projection(projection)
        return self.population(p.post).size, self.population(p.pre).size

    def frozen(self, *names: str) -> "Circuit":
        """The same circuit with these projections frozen."""
        for name in names:
            self.projection(name)
        projections = tuple(
            replace(p, plastic=False) if p.name in names else p
            for p in self.projections
        )
        return replace(self, projections=projections)

    def with_schedule(self, schedule: Schedule) -> "Circuit":
        """The same circuit with another training schedule."""
        return replace(self, schedule=schedule)

    @property
    def update_order(self) -> tuple[str, ...]:
        """Populations in the order in which a step advances them.

        As given, but those that send signals without delay before those that receive.

        Raises
        ------
        ModelError
            If projections without delay form a loop.
        """
        before = {name: set() for name in self._names}
        for p in self.projections:
            if p.delay == 0 and not self.model(p.pre).constant:
                before[p.post].add(p.pre)
        order = []
        while before:
            ready = next((n for n, rest in before.items() if not rest), None)
            if ready is None:
                raise ModelError(
                    f"circuit {self.name!r}: projections without delay form a loop "
                    f"through {', '.join(before)}; give one of them a delay of a step"
                )
            order.append(ready)
            del before[ready]
            for rest in before.values():
                rest.discard(ready)
        return tuple(order)

    def is_event_driven(self, projection: str) -> bool:
        """Whether a projection carries spikes, so that silent cells cost nothing."""
        p = self.projection(projection)
        return self.model(p.pre).spiking and p.signal == "spikes"

    @property
    def _names(self):
        return [population.name for population in self.populations]

    def _duplicates(self):
        for kind, things in (
            ("population", self.populations),
            ("projection", self.projections),
        ):
            names = [thing.name for thing in things]
            for name in sorted({n for n in names if names.count(n) > 1}):
                places = [str(k) for k, other in enumerate(names) if other == name]
                yield (
                    f"two {kind}s are named {name!r} (definitions number "
                    f"{' and '.join(places)}, counted from 0)"
                )

    def _check_layers(self, where):
        layers = _all_of(where, "layers", self.layers, Layer)
        for layer in layers:
            for option in ("population", "projection", "bias"):
                text(f"{where}: layers: {option}", getattr(layer, option))
            for option in ("attenuation", "update_scale"):
                number(f"{where}: layers: {option}", getattr(layer, option))
        object.__setattr__(self, "layers", layers)
        if self.phi is None:
            if layers:
                raise ModelError(
                    f"{where}: layers without phi: the network inside needs its "
                    "transfer function too; give both, or neither"
                )
            return
        phi = self.phi if isinstance(self.phi, tuple | list) else ()
        if len(phi) != 3 or not all(callable(part) for part in phi):
            raise ModelError(
                f"{where}: phi = {shown(self.phi)}: must be three functions (transfer "
                "function, slope, inverse), or None"
            )
        object.__setattr__(self, "phi", tuple(phi))

    def _layer_problems(self):
        projections = {p.name: p for p in self.projections}
        for layer in self.layers:
            for name in filter(None, (layer.projection, layer.bias)):
                where = f"circuit {self.name!r}: layers: {name!r}"
                if name not in projections:
                    yield f"{where} is no projection. {choices(name, projections)}"
                elif projections[name].post != layer.population:
                    yield (
                        f"{where} reaches {projections[name].post!r}, not the layer's "
                        f"population {layer.population!r}"
                    )

    def _projection_problems(self):
        by_name = {population.name: population for population in self.populations}
        projections = {projection.name: projection for projection in self.projections}
        for p in self.projections:
            where = f"projection {p.name!r}"
            missing = [name for name in (p.pre, p.post) if name not in by_name]
            for name in missing:
                yield f"{where}: no population {name!r}. {choices(name, by_name)}"
            if missing:
                continue
            pre, post = by_name[p.pre], by_name[p.post]
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
            yield from self._read_problems(where, p, pre.model, post.model)
            yield from self._need_problems(where, p, pre.model, post.model)
            if p.field in post.model.conductance_inputs:
                yield from _conductance_problems(where, p, pre, post)
            shape = (post.size, pre.size)
            if isinstance(p.connectivity, np.ndarray) and p.connectivity.shape != shape:
                yield f"{where}: mask has shape {p.connectivity.shape}, must be {shape}"
            paired = isinstance(p.connectivity, str) and p.connectivity == "one_to_one"
            if paired and pre.size != post.size:
                yield (
                    f"{where}: one-to-one needs equal sizes, got {pre.size} -> "
                    f"{post.size} (an interneuron layer needs one cell for each "
                    "cell of the layer it predicts)"
                )
            for other in (p.tied_to, p.initial):
                target = getattr(other, "to", None) or getattr(other, "of", None)
                if target is None:
                    continue
                if target not in projections:
                    yield f"{where}: no projection {target!r}. " + choices(
                        target, projections
                    )
                    continue
                q = projections[target]
                if q.pre not in by_name or q.post not in by_name:
                    continue
                if other is p.tied_to and q.tied_to is not None:
                    yield f"{where}: {target!r} is itself tied; tie to what it follows"
                    continue
                if other is p.tied_to and not (p.is_dense and q.is_dense):
                    yield f"{where}: only dense projections can be tied to dense ones"
                    continue
                theirs = (by_name[q.post].size, by_name[q.pre].size)
                if (theirs[::-1] if other.transpose else theirs) != shape:
                    yield (
                        f"{where}: weights {shape} cannot follow {target!r} "
                        f"{theirs}{' transposed' if other.transpose else ''}"
                    )

    def _read_problems(self, where, p, pre, post):
        wanted = [(pre, p.signal)]
        for rule in getattr(p.rule, "parts", (p.rule,)):
            wanted += [
                (post, read)
                for name in ("teaching", "baseline", "gain")
                if isinstance(read := getattr(rule, name, None), str)
            ]
            signals = getattr(rule, "presynaptic", None) or ()
            for signal in (signals,) if isinstance(signals, str) else signals:
                wanted.append((pre, signal))
        for model, name in wanted:
            if name not in model.read_names:
                yield (
                    f"{where}: {model.name} cells have no read {name!r}. "
                    + choices(name, model.read_names)
                )

    def _need_problems(self, where, p, pre, post):
        """Options of a rule that must agree with its cells and its projection."""
        for rule in getattr(p.rule, "parts", (p.rule,)):
            needs = getattr(rule, "needs", None)
            if needs is None:
                continue
            sides = ((pre, needs.presynaptic), (post, needs.postsynaptic))
            for model, values in sides:
                for name, value in values.items():
                    value = value(post.parameters) if callable(value) else value
                    found = getattr(model.parameters, name, value)
                    if value is not None and not math.isclose(
                        found, value, rel_tol=1e-9
                    ):
                        yield (
                            f"{where}: its rule needs {name} = {value:g} "
                            f"{model.unit(name)}, and the {model.name} cells have "
                            f"{found:g}. Make both the same"
                        )
            late = p.delay is not None and p.delay > self.dt * (1 + 1e-6)
            if needs.undelayed and late:
                yield (
                    f"{where}: delay = {p.delay:g} ms: its rule reads the presynaptic "
                    "cells themselves, so their spikes would count before they "
                    "arrive. Leave the delay out, or delay the presynaptic spikes"
                )

    def _schedule_problems(self):
        clamped = [p.name for p in self.populations if p.model.clamped]
        for schedule in filter(None, (self.schedule, self.test_schedule)):
            for phase in schedule.phases:
                for name in phase.on:
                    if name not in clamped:
                        yield (
                            f"phase {phase.name!r}: {name!r} is no clamped population. "
                            + choices(name, clamped)
                        )
                yield from self._settled_problems(phase)
        windows = [phase.name for phase in self.schedule.phases if phase.readable]
        for p in self.projections:
            for moment in rule_moments(p.rule):
                if moment not in (NOW, *windows):
                    yield (
                        f"projection {p.name!r}: its rule reads phase {moment!r}, "
                        "which has no averaging window. " + choices(moment, windows)
                    )

    def _delay_problems(self):
        for p in self.projections:
            where = f"projection {p.name!r}"
            if p.delay is not None and p.delay / self.dt > MOST_STEPS:
                yield (
                    f"{where}: delay = {p.delay:g} ms is more than the "
                    f"{MOST_STEPS:g} steps of dt = {self.dt:g} ms that can be counted"
                )
                continue
            if p.delay is not None and not is_multiple(p.delay, self.dt):
                yield (
                    f"{where}: delay = {p.delay:g} ms is no whole number of steps of "
                    f"dt = {self.dt:g} ms"
                )
            if p.delay is not None and self.stepper == "heun":
                yield f"{where}: heun has no delays. Use euler"
            if p.clip == "readout" and not (
                self.is_event_driven(p.name) and p.is_dense
            ):
                yield (
                    f"{where}: clip = 'readout' needs a dense projection that carries "
                    "the spikes of a spiking population"
                )
            pre, post = self.model(p.pre), self.model(p.post)
            for mine, theirs in p.carries.items():
                for model, name in ((post, mine), (pre, theirs)):
                    if name not in model.state._fields:
                        yield (
                            f"{where}: carries: {model.name} cells have no variable "
                            f"{name!r}. {choices(name, model.state._fields)}"
                        )
        yield from self._time_problems()
        try:
            _ = self.update_order
        except ModelError as error:
            yield str(error)

    def _time_problems(self):
        """Settled phases take no time, in which nothing can be delayed."""
        schedules = filter(None, (self.schedule, self.test_schedule))
        settled = [f.name for s in schedules for f in s.phases if f.settle]
        for p in self.projections:
            if settled and (p.delay is not None or p.carries):
                yield (
                    f"projection {p.name!r} has a delay or carried traces, and phase "
                    f"{settled[0]!r} settles without taking time"
                )

    def _readout_problems(self):
        if self.readout_phase is None:
            return
        for schedule in (self.schedule, self.test_schedule or self.schedule):
            names = [phase.name for phase in schedule.phases if phase.readable]
            if self.readout_phase not in names:
                yield (
                    f"circuit {self.name!r}: readout_phase {self.readout_phase!r} is "
                    "no phase with an averaging window. "
                    + choices(self.readout_phase, names)
                )

    def _settled_problems(self, phase):
        """Names of a settled phase, and cells that have no steady state to go to."""
        models = {p.name: p.model for p in self.populations}
        projections = [p.name for p in self.projections]
        where = f"phase {phase.name!r}"
        for name in phase.settle:
            if name not in models:
                yield f"{where}: no population {name!r}. {choices(name, models)}"
            elif models[name].derivative is None or models[name].spiking:
                yield f"{where}: {name!r}: {_no_steady_state(models[name])}"
        for name in phase.silent:
            if name not in projections:
                yield f"{where}: no projection {name!r}. {choices(name, projections)}"

    def _check_connected(self):
        joined = {name for p in self.projections for name in (p.pre, p.post)}
        for name in self._names:
            if name not in joined:
                text = f"population {name!r} has no input and no output"
                if self.strict:
                    raise ModelError(text + "; connect it or remove it")
                warnings.warn(text, stacklevel=4)


def _no_steady_state(model):
    return (
        f"{model.name} cells cannot settle: they have no derivative whose zero is "
        "their steady state. Use a phase with a duration"
    )


def check_circuit(where: str, value) -> None:
    """Refuse what is no Circuit as the first argument of a door."""
    if not isinstance(value, Circuit):
        raise ConfigError(
            f"{where}: expected a Circuit, got a {type(value).__name__} "
            f"({shown(value, 40)}): make one with circuits.Circuit(...) or a function "
            "of circuits.algorithms"
        )


def _conductance_problems(where, p, pre, post):
    """Why an input that opens a conductance could become negative."""
    unit = post.model.unit(p.field)
    must = f"the conductance {p.field!r} of {post.name!r}, which must be >= 0 ({unit})"
    if p.learns and (p.bounds is None or p.bounds[0] < 0):
        yield (
            f"{where}: bounds = {p.bounds}: it learns and opens {must}: give bounds "
            "with a lower one >= 0, such as (0.0, float('inf'))"
        )
    if p.tied_to is not None and p.tied_to.noise:
        yield f"{where}: noise of tied weights could make negative {must}"
    if isinstance(pre.pattern, int | float):
        value = signal_of_value(p.signal, pre.pattern)
        if value is not None and value < 0:
            yield f"{where}: the pattern {pre.pattern:g} of {pre.name!r} opens {must}"


def signal_of_value(signal: str, value):
    """What a source that shows a value, or an array, sends; None if unknown."""
    if signal in ("rate", "value"):
        return value
    return 1.0 - value if signal == "complement" else None


def refuse_negative_conductances(circuit: Circuit, name: str, values, where) -> None:
    """Refuse negative values of a source that opens conductances of other cells."""
    for p in circuit.projections:
        post = circuit.model(p.post)
        if p.pre != name or p.field not in post.conductance_inputs or not values.size:
            continue
        # Signals are linear in the value: its ends tell.
        for value in (float(values.min()), float(values.max())):
            sent = signal_of_value(p.signal, value)
            if sent is not None and sent < 0:
                raise ConfigError(
                    f"{where}: {value:g} gives {p.signal} = {sent:g}: it opens the "
                    f"conductance {p.field!r} of {p.post!r}, which must be >= 0 "
                    f"({post.unit(p.field)})"
                )


def rule_moments(rule) -> tuple[str, ...]:
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


def _named(kind, name, things):
    for thing in things:
        if thing.name == name:
            return thing
    raise ModelError(f"no {kind} {name!r}. {choices(name, [t.name for t in things])}")


def _all_of(where, option, given, kind):
    """The members as a tuple, each of one kind."""
    found = items(f"{where}: {option}", given, f"{kind.__name__}s")
    for thing in found:
        if not isinstance(thing, kind):
            raise ModelError(
                f"{where}: {option} hold a {type(thing).__name__}, must hold "
                f"{kind.__name__}s"
            )
    return found
