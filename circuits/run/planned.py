"""What presentations a presenter was made for, and whether one is among them."""

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import numpy as np

from circuits.circuit import Circuit
from circuits.engine.facts import held_variables, stops_early
from circuits.engine.patterns import count_samples
from circuits.run.given import check_forced_spikes, check_waveforms
from circuits.run.recording import fixed_steps
from circuits.run.shown import check_patterns
from circuits.schedule import Schedule
from dendrites._checks import items, mapping, shown
from dendrites.errors import ConfigError, choices

GIVEN = "a presentation that is given something for every step"


class Planned:
    """What was planned for.

    Parameters
    ----------
    circuit : Circuit
        With the schedule that was planned for.
    steps : int
        Most steps that can be recorded; 0 if nothing is.
    driven, forced : tuple of str
        Populations that every presentation gives waveforms and spikes.
    """

    def __init__(
        self,
        circuit: Circuit,
        steps: int,
        driven: tuple[str, ...],
        forced: tuple[str, ...],
    ):
        self._circuit, self._steps = circuit, steps
        self._driven, self._forced = driven, forced
        # That of the circuit has been checked with it.
        self._checked = WeakKeyDictionary({circuit.schedule: {True, False}})

    @property
    def given(self) -> bool:
        """Whether presentations are given something for every step."""
        return bool(self._driven or self._forced)

    def check(self, schedule: Schedule, learning: bool) -> None:
        """Refuse schedules that do not fit the circuit or what was planned for.

        Raises
        ------
        ConfigError, ModelError
        """
        if learning in self._checked.get(schedule, ()):
            return
        circuit = self._circuit
        circuit.with_schedule(schedule, learning=learning)
        known = circuit.schedules
        windows = {name for s in known for name in windows_of(s)}
        settled = {name for s in known for phase in s.phases for name in phase.settle}
        held, stopping = set(held_variables(known)), stops_early(known)
        hint = "make a Presenter(..., schedule=...) of this schedule"
        for phase in schedule.phases:
            where = f"schedule, phase {phase.name!r}"
            if phase.readable and phase.name not in windows:
                raise ConfigError(
                    f"{where}: its window was not planned for; {hint}, or leave the "
                    "window out"
                )
            for name in phase.settle:
                if name not in settled:
                    raise ConfigError(
                        f"{where}: that {name!r} settles was not planned for; {hint}"
                    )
            if phase.tolerance is not None and phase.name not in stopping:
                raise ConfigError(
                    f"{where}: that it has a tolerance was not planned for; {hint}"
                )
            for name, variables in phase.hold.items():
                if missing := [v for v in variables if (name, v) not in held]:
                    raise ConfigError(
                        f"{where}: that {missing[0]!r} of {name!r} is held was not "
                        f"planned for; {hint}"
                    )
        steps = fixed_steps(schedule, circuit.dt) if self._steps else 0
        if steps > self._steps:
            raise ConfigError(
                f"schedule of {steps} steps: recordings were planned for {self._steps} "
                "at most; make the presenter with the longest one"
            )
        self._checked.setdefault(schedule, set()).add(learning)

    def check_given(
        self,
        patterns: Mapping,
        schedule: Schedule,
        forced_spikes: Mapping | None,
        waveforms: Mapping | None,
    ) -> tuple[dict[str, np.ndarray], dict, dict]:
        """Patterns, forced spikes and waveforms of a presentation, checked.

        Raises
        ------
        ConfigError
        """
        circuit, steps = self._circuit, fixed_steps(schedule, self._circuit.dt, GIVEN)
        for option, announced, given, names in (
            ("forced_spikes", "forced", forced_spikes, self._forced),
            ("waveforms", "driven", waveforms, self._driven),
        ):
            given = mapping(option, given, "what is given by population")
            for name in (*given, *names):
                if name not in names:
                    raise ConfigError(
                        f"{option}: {name!r} was not announced; make the presenter "
                        f"with {announced}=({name!r},)"
                    )
                if name not in given:
                    raise ConfigError(
                        f"{option}: nothing of {name!r}, which is {announced} in every "
                        "presentation"
                    )
        driven = check_waveforms(circuit, waveforms, steps)
        shown = check_patterns(circuit, patterns, schedule, driven, forced_spikes)
        forced = check_forced_spikes(
            circuit, forced_spikes, steps, count_samples(shown)
        )
        return shown, forced, driven


def checked_reads(circuit: Circuit, schedule: Schedule, reads) -> list[tuple]:
    """Reads (population, read) or (population, read, phase) that there are, once each.

    Raises
    ------
    ConfigError
        For anything else, and for phases without a mean.
    ModelError
        For populations and reads that the circuit does not have.
    """
    of = "(population, read) or (population, read, phase)"
    found = {}
    for read in items("reads", reads, of, error=ConfigError):
        several = isinstance(read, tuple | list) and len(read) in (2, 3)
        if not several or not all(isinstance(part, str) for part in read):
            raise ConfigError(
                f"reads holds {shown(read)}: must hold {of}, such as ('output', 'rate')"
            )
        population, name, *phase = read
        circuit.model(population).read(name)
        if phase:
            check_window(schedule, population, *phase)
        found[tuple(read)] = None
    return list(found)


def check_window(schedule: Schedule, population: str, phase: str) -> None:
    """Refuse to read cells in a phase that leaves no mean of them.

    Raises
    ------
    ConfigError
    """
    if phase not in (windows := windows_of(schedule)):
        raise ConfigError(
            f"read of {population!r}: phase {phase!r} has no averaging window in the "
            "schedule that was shown. " + choices(phase, windows)
        )


def windows_of(schedule: Schedule) -> list[str]:
    """Phases whose means can be read."""
    return [phase.name for phase in schedule.phases if phase.readable]
