"""Schedule: the phases of one presentation."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from circuits.phase import Phase
from dendrites._checks import flag, items, names, shown
from dendrites._time import n_steps
from dendrites.errors import ModelError

# Times of a phase, and the fewest steps that each may have.
_TIMES = {"duration": 1, "lag": 0, "window": 1, "window_start": 0}

# By schedule, step and lengths of phases, some drawn: found once, since it takes
# as long as a small presentation's bookkeeping.
_SEGMENTS = WeakKeyDictionary()
MOST_KNOWN = 1000


@dataclass(frozen=True, eq=False)
class Schedule:
    """Phases of one presentation, in order.

    Parameters
    ----------
    phases : tuple of Phase
    carry_state : bool
        Whether a presentation starts from the state the previous one ended in; else
        from the models' default state, as do samples that a smaller batch left out.
        Weights and update filters always carry over.
    always_on : tuple of str
        Clamped populations that are on in every phase; a phase that names one itself
        says with which amplitude. `phases` holds the phases with them.
    """

    phases: tuple[Phase, ...]
    carry_state: bool = False
    always_on: tuple[str, ...] = ()

    def __repr__(self):
        phases = ", ".join(
            p.name if p.timeless else f"{p.name} {_length(p.duration)}"
            for p in self.phases
        )
        return f"Schedule({phases}{', carry_state=True' if self.carry_state else ''})"

    def __post_init__(self):
        if isinstance(self.phases, Phase):
            object.__setattr__(self, "phases", (self.phases,))
        phases = items("schedule: phases", self.phases, "Phases")
        object.__setattr__(self, "phases", phases)
        flag("schedule: carry_state", self.carry_state)
        if not self.phases:
            raise ModelError("schedule: needs at least one phase")
        for phase in self.phases:
            if not isinstance(phase, Phase):
                raise ModelError(
                    f"schedule: {shown(phase)} is a {type(phase).__name__}, must be "
                    "a Phase"
                )
        given = [phase.name for phase in self.phases]
        for name in given:
            if given.count(name) > 1:
                raise ModelError(f"schedule: two phases are named {name!r}")
        always = names("schedule: always_on", self.always_on)
        object.__setattr__(self, "always_on", always)
        phases = tuple(phase.also_on(always) for phase in self.phases)
        object.__setattr__(self, "phases", phases)

    def check_times(self, dt: float) -> None:
        """Warn of times that are no multiples of `dt`.

        Raises
        ------
        ConfigError, ModelError
            If nothing would be left of a duration or window.
        """
        for phase in self.phases:
            if phase.timeless:
                continue
            for option, least in _TIMES.items():
                time = getattr(phase, option)
                if time is not None and not callable(time):
                    n_steps(time, dt, f"phase {phase.name!r}: {option}", least=least)
            if not callable(phase.duration):
                phase.steps(phase.duration, dt)

    def segments(self, dt: float, rng: np.random.Generator | None = None):
        """Stretches of steps over which nothing is switched.

        Parameters
        ----------
        dt : float
            ms
        rng : numpy.random.Generator, optional
            Draws the lengths of phases that are drawn.

        Returns
        -------
        tuple of Segment
        """
        lengths = tuple(
            phase.duration(rng) if callable(phase.duration) else phase.duration
            for phase in self.phases
        )
        known = _SEGMENTS.setdefault(self, {})
        if (dt, lengths) not in known:
            if len(known) >= MOST_KNOWN:
                known.clear()
            known[dt, lengths] = self._stretches(dt, lengths)
        return known[dt, lengths]

    def _stretches(self, dt, lengths):
        result = []
        for index, (phase, length) in enumerate(zip(self.phases, lengths, strict=True)):
            if phase.timeless:
                result.append(Segment(index, 0, phase.learning, True))
                continue
            steps, lag, window = phase.steps(length, dt)
            cuts = sorted({0, lag, steps - window, steps})
            for start, stop in zip(cuts[:-1], cuts[1:], strict=True):
                result.append(
                    Segment(
                        index,
                        stop - start,
                        phase.learning and start >= lag,
                        window > 0 and start >= steps - window,
                    )
                )
        return tuple(result)


def as_schedule(where: str, value) -> Schedule:
    """The schedule, or the schedule of one phase; ModelError for anything else."""
    if isinstance(value, Phase):
        return Schedule((value,))
    if not isinstance(value, Schedule):
        raise ModelError(
            f"{where} is a {type(value).__name__}, must be a Schedule of Phases"
        )
    return value


def _length(duration):
    return "drawn" if callable(duration) else f"{duration:g} ms"


@dataclass(frozen=True)
class Segment:
    """`steps` steps of one phase: do rules act, is the state averaged."""

    phase: int
    steps: int
    learning: bool
    averaging: bool
