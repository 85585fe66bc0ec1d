"""Schedule: the phases of one presentation."""

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from dendrites._checks import check_name, flag, items, names, number, shown
from dendrites._sendable import Sendable
from dendrites._time import n_steps
from dendrites.errors import ModelError

# Times of a phase, and the fewest steps that each may have.
_TIMES = {"duration": 1, "lag": 0, "window": 1, "window_start": 0}

# By schedule and step: found once, since it takes as long as a small presentation's
# bookkeeping.
_SEGMENTS = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Phase(Sendable):
    """A stretch of time with fixed inputs, or one sweep in which cells settle.

    Parameters
    ----------
    name : str
        A noun: forward, target, free, nudged, clamped, relaxed.
    duration : float or callable
        ms; or ``draw(rng) -> ms`` with a `numpy.random.Generator`, drawn anew for
        every presentation and replica.
    settle : tuple of str
        Instead of a duration: populations that go, in this order and once each, to
        the steady state of their present input. Such a phase takes no time and its
        end can be read by rules like an averaging window.
    silent : tuple of str
        Projections that carry nothing during a settled phase.
    on : tuple of str
        Clamped populations that show their pattern; the others show 0.
    learning : bool
        Whether rules that act at every step do so in this phase.
    lag : float
        Those rules start this many ms after the phase does; weights and update
        filters stand still before.
    window : float, optional
        The last `window` ms are averaged for reads at this phase's moment.
    window_start : float, optional
        Instead of `window`: everything from so many ms after the phase begins.

    Raises
    ------
    ModelError
        For impossible times.
    """

    name: str
    duration: float | Callable[[np.random.Generator], float] | None = None
    on: tuple[str, ...] = ()
    learning: bool = True
    lag: float = 0.0
    window: float | None = None
    settle: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    window_start: float | None = None

    def __post_init__(self):
        check_name("phase", self.name)
        where = f"phase {self.name!r}"
        for field in ("on", "settle", "silent"):
            value = names(f"{where}: {field}", getattr(self, field))
            object.__setattr__(self, field, value)
        flag(f"{where}: learning", self.learning)
        self._check_numbers(where)
        if self.settle:
            self._check_settled(where)
            return
        if self.silent:
            raise ModelError(
                f"{where}: silent = {self.silent!r}: projections can be silenced in "
                "settled phases only; give `settle`"
            )
        if self.duration is None:
            raise ModelError(f"{where}: needs a duration in ms, or `settle`")
        if self.window is not None and self.window_start is not None:
            raise ModelError(
                f"{where}: window = {self.window!r} and window_start = "
                f"{self.window_start!r} ms: give one of them"
            )
        for name in ("lag", "window", "window_start"):
            value = getattr(self, name)
            if value is None:
                continue
            if not callable(self.duration) and value > self.duration:
                raise ModelError(
                    f"{where}: {name} = {value:g} ms is longer than the phase "
                    f"({self.duration:g} ms)"
                )

    def _check_numbers(self, where):
        for option, span in (
            ("duration", {"above": 0.0}),
            ("lag", {"least": 0.0}),
            ("window", {"above": 0.0}),
            ("window_start", {"least": 0.0}),
        ):
            value = getattr(self, option)
            drawn = option == "duration" and callable(value)
            if not drawn and (value is not None or option == "lag"):
                value = number(f"{where}: {option}", value, unit="ms", **span)
                object.__setattr__(self, option, value)

    def _check_settled(self, where):
        for name in ("duration", "window", "window_start", "lag"):
            if getattr(self, name):
                raise ModelError(
                    f"{where}: {name} = {getattr(self, name)!r}: a settled phase takes "
                    f"no time; leave out {name} or settle"
                )
        for name in self.settle:
            if self.settle.count(name) > 1:
                raise ModelError(f"{where}: settle names {name!r} twice")

    def steps(self, duration: float, dt: float) -> tuple[int, int, int]:
        """Steps of the phase, before its rules act, and of its averaging window."""
        where = f"phase {self.name!r}"
        steps = n_steps(duration, dt, where, quiet=True)
        lag = min(n_steps(self.lag, dt, where, quiet=True), steps)
        window = 0
        if self.window is not None:
            window = n_steps(self.window, dt, where, quiet=True, least=1)
        if self.window_start is not None:
            window = steps - n_steps(self.window_start, dt, where, quiet=True)
        if window > steps or (self.window_start is not None and window < 1):
            raise ModelError(
                f"{where}: its length of {duration:g} ms leaves no room for its window "
                f"({self.window or self.window_start:g} ms)"
            )
        return steps, lag, window

    @property
    def readable(self) -> bool:
        """Whether rules can read the cells of this phase."""
        windows = (self.window, self.window_start)
        return windows != (None, None) or bool(self.settle)


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
    """

    phases: tuple[Phase, ...]
    carry_state: bool = False

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
        names = [phase.name for phase in self.phases]
        for name in names:
            if names.count(name) > 1:
                raise ModelError(f"schedule: two phases are named {name!r}")

    def check_times(self, dt: float) -> None:
        """Warn of times that are no multiples of `dt`.

        Raises
        ------
        ConfigError, ModelError
            If nothing would be left of a duration or window.
        """
        for phase in self.phases:
            if phase.settle:
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
        if any(callable(phase.duration) for phase in self.phases):
            return self._stretches(dt, rng)
        known = _SEGMENTS.setdefault(self, {})
        if dt not in known:
            known[dt] = self._stretches(dt, rng)
        return known[dt]

    def _stretches(self, dt, rng):
        result = []
        for index, phase in enumerate(self.phases):
            if phase.settle:
                result.append(Segment(index, 0, phase.learning, True))
                continue
            drawn = callable(phase.duration)
            duration = phase.duration(rng) if drawn else phase.duration
            steps, lag, window = phase.steps(duration, dt)
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


@dataclass(frozen=True)
class Segment:
    """`steps` steps of one phase: do rules act, is the state averaged."""

    phase: int
    steps: int
    learning: bool
    averaging: bool
