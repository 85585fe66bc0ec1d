"""Integrators: how the time of a presentation is taken, and what each refuses."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import ClassVar

from dendrites._checks import number, shown, whole_number
from dendrites._time import n_steps
from dendrites.errors import ConfigError, choices

EXACT, BLOCKED, EQUILIBRIUM = "exact", "blocked", "equilibrium"
INTEGRATORS = (EXACT, BLOCKED, EQUILIBRIUM)
BLOCK = 10
ACCURACY = 0.01
# Where nothing can be learned from a first presentation.
JUMPS = 10
# After so many time constants a deviation from the fixed point is below 1e-4.
ONSET = 10


class Integrator:
    """What all integrators have.

    Attributes
    ----------
    name : str
        As it is stored with a run.
    block : int
        Steps over which weights stand still.
    jumps : int or None
        Jumps per stretch of learning, of one that leaves out time.
    onset : float or None
        Time after a switch, ms, that is taken step by step all the same.
    """

    name: ClassVar[str]
    block = 1
    jumps = None
    onset = None

    def check(self, circuit) -> None:
        """Refuse circuits whose cells it cannot integrate; ConfigError."""

    def check_given(self, forced: Collection, driven: Collection) -> None:
        """Refuse what is given for every step where it leaves steps out; ConfigError.

        Populations that are given spikes and waveforms.
        """


@dataclass(frozen=True)
class Exact(Integrator):
    """Every step of every cell, and rules move the weights at every step."""

    name: ClassVar[str] = EXACT


@dataclass(frozen=True)
class Blocked(Integrator):
    """Every step of every cell, and weights move once for a block of steps.

    Second-order error in the block for filtered rules.

    Parameters
    ----------
    steps : int
        Steps per block.
    """

    steps: int = BLOCK
    name: ClassVar[str] = BLOCKED

    def __post_init__(self):
        # The word `block` is how doors call it.
        steps = whole_number("block", self.steps, lowest=1)
        object.__setattr__(self, "steps", steps)

    @property
    def block(self) -> int:
        """Steps per block."""
        return self.steps

    def check(self, circuit) -> None:
        """Refuse rules that multiply what a block has only the sum of.

        Raises
        ------
        ConfigError
        """
        if self.steps > 1:
            _refuse_modulators(
                circuit, f"'{BLOCKED}' with blocks of {self.steps} steps"
            )


@dataclass(frozen=True)
class Equilibrium(Integrator):
    """Leaves out the time in which cells settle.

    Weights move in a few jumps along the fixed points of the cells.

    Parameters
    ----------
    jumps : int, optional
        Jumps per stretch of learning. Default: `circuits.train` finds as many as
        `accuracy` takes on the first presentation, a power of two; 10 elsewhere.
    accuracy : float, optional
        Where `circuits.train` finds the jumps: largest relative difference from the
        weight change with twice as many, default 0.01.
    onset : float, optional
        Time after a switch, ms, in which every step is taken where plasticity is on, in
        blocks of ten as `Blocked` does. Default: 10 times the slowest
        `time_constant` of the cells.
    """

    jumps: int | None = None
    accuracy: float | None = None
    onset: float | None = None
    name: ClassVar[str] = EQUILIBRIUM
    block: ClassVar[int] = BLOCK

    def __post_init__(self):
        if self.jumps is not None:
            jumps = whole_number("jumps", self.jumps, lowest=1)
            object.__setattr__(self, "jumps", jumps)
        if self.accuracy is not None:
            if self.jumps is not None:
                raise _no_accuracy(self.accuracy, "jumps are given")
            accuracy = number(
                "accuracy", self.accuracy, above=0.0, most=1.0, error=ConfigError
            )
            object.__setattr__(self, "accuracy", float(accuracy))
        if self.onset is not None:
            onset = number("onset", self.onset, unit="ms", least=0, error=ConfigError)
            object.__setattr__(self, "onset", float(onset))

    def check(self, circuit) -> None:
        """Refuse cells without fixed points and signals on their way.

        Raises
        ------
        ConfigError
            If cells have noise, traces or no derivative, signals are delayed, weights
            perturbed, or rules have a modulator.
        """
        _refuse_modulators(circuit, f"'{EQUILIBRIUM}'")
        for p in circuit.populations:
            if p.model.random:
                raise ConfigError(
                    f"integrator 'equilibrium': population {p.name!r} has random "
                    f"inputs ({', '.join(p.model.random)}) and no fixed point. Use "
                    "'exact' or 'blocked', or cells without noise"
                )
            if p.model.step is not None or p.model.spiking:
                raise ConfigError(
                    f"integrator 'equilibrium': {p.model.name} cells of {p.name!r} "
                    "spike or advance by a step of their own; a fixed point needs a "
                    "derivative. Use 'exact' or 'blocked'"
                )
            if p.model.traces:
                raise ConfigError(
                    f"integrator 'equilibrium': population {p.name!r} has traces "
                    f"({', '.join(p.model.traces)}), which follow what is left out. "
                    "Use 'exact' or 'blocked'"
                )
        for p in circuit.projections:
            if p.perturbation is not None:
                raise ConfigError(
                    f"integrator 'equilibrium': projection {p.name!r} is perturbed in "
                    "some phases, which jumps do not know of. Use 'exact' or "
                    "'blocked', or settled phases"
                )
            if p.delay is not None and p.delay > circuit.dt:
                raise ConfigError(
                    f"integrator 'equilibrium': projection {p.name!r} has a delay of "
                    f"{p.delay:g} ms, and what is on its way when time is left out "
                    "would be lost. Use 'exact' or 'blocked'"
                )

    def check_given(self, forced: Collection, driven: Collection) -> None:
        """Refuse spikes and waveforms, which say what happens in every step."""
        for word, given in (("forced_spikes", forced), ("waveforms", driven)):
            if given:
                raise ConfigError(
                    f"{word} say what happens in every step, and the integrator "
                    "'equilibrium' leaves steps out. Use 'exact' or 'blocked'"
                )

    def with_jumps(self) -> "Equilibrium":
        """With a number of jumps, where no training can find one.

        Raises
        ------
        ConfigError
            If an accuracy was asked for.
        """
        if self.accuracy is not None:
            raise ConfigError(
                f"accuracy = {self.accuracy!r}: only circuits.train finds the number "
                "of jumps; give jumps instead"
            )
        return self if self.jumps is not None else replace(self, jumps=JUMPS)


def _refuse_modulators(circuit, integrator):
    for p in circuit.projections:
        if p.learns and getattr(p.rule, "modulator", None) is not None:
            raise ConfigError(
                f"integrator {integrator}: the rule of projection {p.name!r} has a "
                "modulator, which multiplies its filtered update anew in every step, "
                "and this integrator moves weights by sums over many. Use 'exact'"
            )


def as_integrator(
    given: Integrator | str,
    *,
    block: int | None = None,
    jumps: int | None = None,
    accuracy: float | None = None,
) -> Integrator:
    """The integrator, of its name and the options of doors if it is given as text.

    Raises
    ------
    ConfigError
        For unknown names, options that do not belong to it, and options beside an
        object, which holds its own.
    """
    options = {"block": block, "jumps": jumps, "accuracy": accuracy}
    if isinstance(given, Integrator):
        for option, value in options.items():
            if value is not None:
                own = {"block": "Blocked(steps=...)"}
                raise ConfigError(
                    f"{option} = {value!r}: {given} holds its own options; give it "
                    f"there, as {own.get(option, f'Equilibrium({option}=...)')}, or "
                    "the integrator by its name"
                )
        return given
    if not isinstance(given, str) or given not in INTEGRATORS:
        raise ConfigError(
            f"integrator = {shown(given)}: "
            + choices(given if isinstance(given, str) else "", INTEGRATORS)
            + "; or an object: Exact(), Blocked(steps), Equilibrium(jumps)"
        )
    if block is not None and given != BLOCKED:
        raise ConfigError(
            f"block = {block!r}: only the integrator 'blocked' has blocks, not "
            f"{given!r}; leave block out, or use 'blocked'"
        )
    if jumps is not None and given != EQUILIBRIUM:
        raise ConfigError(
            f"jumps = {jumps!r}: only the integrator 'equilibrium' makes jumps, "
            f"not {given!r}; leave jumps out, or use 'equilibrium'"
        )
    if accuracy is not None and given != EQUILIBRIUM:
        raise _no_accuracy(accuracy, "there are none")
    if given == EXACT:
        return Exact()
    if given == BLOCKED:
        return Blocked() if block is None else Blocked(block)
    return Equilibrium(jumps, accuracy)


def _no_accuracy(accuracy, why):
    return ConfigError(
        f"accuracy = {accuracy!r}: it chooses the number of jumps of the integrator "
        f"'equilibrium'; leave it out where {why}"
    )


def onset_steps(circuit, onset: float | None) -> int:
    """Steps after a switch that `equilibrium` takes one by one.

    Parameters
    ----------
    circuit : Circuit
    onset : float or None
        ms; None stands for 10 times the slowest `time_constant` of the cells.
    """
    if onset is None:
        models = [p.extreme(max) for p in circuit.populations]
        constants = [
            float(m.time_constant(m.parameters)) for m in models if m.time_constant
        ]
        onset = ONSET * max(constants, default=0.0)
    return n_steps(onset, circuit.dt, "onset", quiet=True)
