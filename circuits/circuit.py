"""Circuit: populations, projections, schedules. A description: it holds no arrays."""

import warnings
from dataclasses import dataclass, replace

from circuits._circuit_problems import circuit_problems, unconnected
from circuits._projection_problems import signal_of_value
from circuits.connectivity import Random
from circuits.network import Feedforward
from circuits.population import Population
from circuits.projection import Projection
from circuits.schedule import Schedule, as_schedule
from dendrites._brief import count
from dendrites._checks import flag, items, shown, text
from dendrites._sendable import Sendable
from dendrites._streams import check_seed
from dendrites._time import n_steps
from dendrites.cell import CellModel
from dendrites.errors import ConfigError, ModelError, choices
from dendrites.steppers import check_stepper, is_explicit

MOST_NAMED = 12  # populations in the text of a circuit


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
    network : Feedforward, optional
        The feedforward network inside, for the exact gradient.
    name : str
    seed : int
        Default seed of initial weights and of runs; the seed of synapses and parameters
        that are drawn as part of the description, whatever the seed of a run.
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
    network: Feedforward | None = None
    name: str = "circuit"
    seed: int = 0
    strict: bool = False

    def __repr__(self):
        cells = [f"{p.name} {p.size}" for p in self.populations]
        cells = ", ".join(cells[:MOST_NAMED]) + ", ..." * (len(cells) > MOST_NAMED)
        joined = count(len(self.projections), "projection")
        learning = sum(p.learns for p in self.projections)
        return (
            f"Circuit({self.name!r}: {cells}; {joined}, {learning} learning; "
            f"{self.schedule!r}, dt {self.dt:g} ms)"
        )

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
        populations = tuple(p.of_circuit(self.seed) for p in self.populations)
        projections = tuple(_of_circuit(p, self.seed) for p in self.projections)
        object.__setattr__(self, "populations", populations)
        object.__setattr__(self, "projections", projections)
        if self.network is not None and not isinstance(self.network, Feedforward):
            raise ModelError(
                f"{where}: network = {shown(self.network)}: must be "
                "Feedforward(layers, phi), or None"
            )
        problems = circuit_problems(self)
        if problems:
            raise ModelError("\n".join(problems))
        for problem in unconnected(self):
            if self.strict:
                raise ModelError(problem + "; connect it or remove it")
            warnings.warn(problem, stacklevel=3)
        for schedule in self.schedules:
            schedule.check_times(self.dt)
        for population in self.populations:
            coarse = population.extreme().check_step(
                self.dt, explicit=is_explicit(self.stepper)
            )
            if coarse:
                warnings.warn(f"population {population.name!r}: {coarse}", stacklevel=3)

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """The schedule, and that of tests if it has one."""
        return tuple(filter(None, (self.schedule, self.test_schedule)))

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
        """Sizes of the populations that a projection joins, (n_post, n_pre)."""
        p = self.projection(projection)
        return self.population(p.post).size, self.population(p.pre).size

    def weights_shape(self, projection: str) -> tuple[int, ...]:
        """Shape of a projection's weights, (n_post, n_pre) or, one-to-one, (n,)."""
        connectivity = self.projection(projection).connectivity
        return connectivity.weights_shape(*self.shape(projection))

    def n_synapses(self, projection: str) -> int:
        """Number of a projection's weights."""
        connectivity = self.projection(projection).connectivity
        return connectivity.n_synapses(*self.shape(projection))

    def frozen(self, *names: str) -> "Circuit":
        """The same circuit with these projections frozen."""
        for name in names:
            self.projection(name)
        projections = tuple(
            replace(p, plastic=False) if p.name in names else p
            for p in self.projections
        )
        return replace(self, projections=projections)

    def with_schedule(self, schedule: Schedule, *, learning: bool = True) -> "Circuit":
        """The same circuit with another training schedule.

        Where no rule acts (`learning` is false), all are frozen, and the schedule needs
        no windows for what they and the answer read, and no phases in which weights
        are perturbed.
        """
        if schedule is self.schedule:
            return self
        if learning:
            return replace(self, schedule=schedule)
        moved = (p.name for p in self.projections if p.learns or p.perturbation)
        return replace(self.frozen(*moved), schedule=schedule, readout_phase=None)

    @property
    def update_order(self) -> tuple[str, ...]:
        """Populations in the order in which a step advances them.

        As given, but those that send signals without delay before those that receive.

        Raises
        ------
        ModelError
            If projections without delay form a loop.
        """
        before = {p.name: set() for p in self.populations}
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


def check_circuit(where: str, value) -> None:
    """Refuse what is no Circuit as the first argument of a door."""
    if not isinstance(value, Circuit):
        raise ConfigError(
            f"{where}: expected a Circuit, got a {type(value).__name__} "
            f"({shown(value, 40)}): make one with circuits.Circuit(...) or a function "
            "of circuits.algorithms"
        )


def opens_conductances(circuit: Circuit, name: str) -> bool:
    """Whether a population opens conductances of others."""
    return any(
        p.pre == name and p.field in circuit.model(p.post).conductance_inputs
        for p in circuit.projections
    )


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


def _of_circuit(projection, seed):
    """The projection, its synapses drawn by the seed and its name if they are drawn."""
    connectivity = projection.connectivity
    if not isinstance(connectivity, Random):
        return projection
    drawn = connectivity.of_circuit(seed, projection.name)
    return replace(projection, connectivity=drawn)


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
