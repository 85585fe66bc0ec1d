"""Phase: a stretch of one presentation, and what is on in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from dendrites._brief import brief_repr
from dendrites._checks import (
    check_name,
    flag,
    mapping,
    names,
    number,
    shown,
    whole_number,
)
from dendrites._sendable import Sendable
from dendrites._time import n_steps
from dendrites.errors import ModelError

# What cells do in phases that take no time, and what such a phase is called.
WITHOUT_TIME = {"settle": "settled", "relax": "relaxing", "advance": "advancing"}


def _count(where, value):
    return whole_number(where, value, lowest=1, error=ModelError)


def _positive(unit):
    return lambda where, value: number(where, value, unit=unit, above=0.0)


# Options of such phases with their defaults.
_COUNTS = {
    "relax": {
        "sweeps": (30, _count),
        "step": (1.0, _positive("ms")),
        "tolerance": (None, _positive("units of the variable per ms")),
    },
    "advance": {"times": (1, _count)},
}


@dataclass(frozen=True, eq=False)
class Phase(Sendable):
    """A stretch of time with fixed inputs, or one that takes no time.

    Either it has a `duration`, or cells `settle`, `relax` or `advance`. The latter
    three take no time: signals are read as they are at the moment, without delay, rules
    that act at every step rest, and rules can read the phase like an averaging window:
    its end, of one that advances the mean over its `times`.

    Parameters
    ----------
    name : str
        A noun: forward, target, free, nudged, clamped, relaxed.
    duration : float or callable
        ms; or ``draw(rng) -> ms`` with a `numpy.random.Generator`, drawn anew for
        every presentation and replica.
    on : tuple of str, or mapping of str to float
        Clamped populations that show their pattern; the others show 0. A mapping gives
        each an amplitude (1 in a tuple) that multiplies all that a `models.source`
        sends, waveforms too: its value, ``active``, ``complement`` and ``potential``.
        ``on={"input": 1.0, "target": -0.1}`` thus nudges away from the target by a
        tenth. Sources of other models see ``value`` and ``active`` multiplied.
    learning : bool
        Whether rules that act at every step do so in this phase.
    lag : float
        Those rules start this many ms after the phase does; weights and update
        filters stand still before.
    window : float, optional
        The last `window` ms are averaged for reads at this phase's moment.
    settle : tuple of str
        Populations that go, in this order and once each, to the steady state of their
        present input; their random inputs are drawn once for it.
    silent : tuple of str
        Projections that carry nothing during a phase that takes no time.
    window_start : float, optional
        Instead of `window`: everything from so many ms after the phase begins.
    hold : mapping of str to tuple of str
        By population, variables of the State that keep throughout the phase the value
        that they had when it began, whatever the cells' equations do with them:
        ``hold={"hidden": ("prediction",)}``. All else sees the held values; only what
        one and the same cell function computes from its own new value of a held
        variable does not.
    relax : tuple of str
        Populations that sweep towards a fixed point. A sweep computes all signals,
        input fields and algebraic compartments from the state that it begins with; then
        all these populations make one Euler step of their derivative at once (or one
        `step` of their own, of this length). It begins where the phase before ended.
    sweeps : int, optional
        Sweeps, by default 30; with a `tolerance`, the most that there may be.
    step : float, optional
        Length of the step of a sweep, ms, by default 1. At the time constant of a cell
        it goes all the way to where its derivative points; less is damped.
    tolerance : float, optional
        A sample stops by itself when nothing in it changed by more than `tolerance`
        times `step` in a sweep, so when no derivative is larger (unit of the variable
        per ms); none is affected by those beside it. Sweeps of every sample are told
        by `Presenter.sweeps`, their mean by ``/training`` of `circuits.train`. A sample
        that does not get there is a NumericalError.
    advance : tuple of str
        Populations that make one step of length `dt` each, in this order: every one
        sees what those before it show by then. Random inputs are drawn, cells spike.
        A repetition of the phase counts as a step in the addresses of random numbers,
        as does a phase in which cells with random inputs settle.
    times : int, optional
        How often they do, by default once.

    Raises
    ------
    ModelError
        For impossible times, amplitudes and names.
    """

    name: str
    duration: float | Callable[[np.random.Generator], float] | None = None
    on: tuple[str, ...] | Mapping[str, float] = ()
    learning: bool = True
    lag: float = 0.0
    window: float | None = None
    settle: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    window_start: float | None = None
    hold: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    relax: tuple[str, ...] = ()
    sweeps: int | None = None
    step: float | None = None
    tolerance: float | None = None
    advance: tuple[str, ...] = ()
    times: int | None = None

    __repr__ = brief_repr

    def __post_init__(self):
        check_name("phase", self.name)
        where = f"phase {self.name!r}"
        for option in (*WITHOUT_TIME, "silent"):
            value = names(f"{where}: {option}", getattr(self, option))
            object.__setattr__(self, option, value)
        object.__setattr__(self, "on", _checked_on(f"{where}: on", self.on))
        object.__setattr__(self, "hold", _checked_hold(f"{where}: hold", self.hold))
        flag(f"{where}: learning", self.learning)
        self._check_numbers(where)
        self._check_counts(where)
        if self.timeless:
            self._check_timeless(where)
            return
        if self.silent:
            raise ModelError(
                f"{where}: silent = {self.silent!r}: projections can be silenced in "
                "settled phases only, and those that relax or advance; give `settle`"
            )
        if self.duration is None:
            raise ModelError(
                f"{where}: needs a duration in ms, or `settle`, `relax` or `advance`"
            )
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

    def _check_counts(self, where):
        """Options of phases that relax or advance."""
        for way, options in _COUNTS.items():
            for option, (default, check) in options.items():
                value = getattr(self, option)
                if value is not None and not getattr(self, way):
                    raise ModelError(
                        f"{where}: {option} = {shown(value)} is for phases in which "
                        f"cells {way}; give `{way}`, or leave {option} out"
                    )
                if value is not None:
                    value = check(f"{where}: {option}", value)
                elif getattr(self, way):
                    value = default
                object.__setattr__(self, option, value)

    def _check_timeless(self, where):
        way = self.timeless
        for name in ("duration", "window", "window_start", "lag"):
            if getattr(self, name):
                raise ModelError(
                    f"{where}: {name} = {getattr(self, name)!r}: a {WITHOUT_TIME[way]} "
                    f"phase takes no time; leave out {name} or {way}"
                )
        if not self.learning:
            raise ModelError(
                f"{where}: learning = False: rules that act at every step rest in a "
                f"{WITHOUT_TIME[way]} phase anyhow; leave learning out"
            )
        for other in WITHOUT_TIME:
            if other != way and getattr(self, other):
                raise ModelError(
                    f"{where}: {way} and {other}: cells of one phase do one of these; "
                    "make two phases"
                )
        given = getattr(self, way)
        for name in given:
            if given.count(name) > 1:
                raise ModelError(f"{where}: {way} names {name!r} twice")

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
        return windows != (None, None) or bool(self.timeless)

    @property
    def timeless(self) -> str:
        """What cells do in a phase that takes no time: "settle", ...; else ""."""
        return next((way for way in WITHOUT_TIME if getattr(self, way)), "")

    @property
    def amplitudes(self) -> dict[str, float]:
        """Amplitudes of the clamped populations that are on."""
        if isinstance(self.on, Mapping):
            return dict(self.on)
        return dict.fromkeys(self.on, 1.0)

    def also_on(self, always: tuple[str, ...]) -> "Phase":
        """The same phase with more populations on, where it does not name them."""
        more = [name for name in dict.fromkeys(always) if name not in self.on]
        if not more:
            return self
        if isinstance(self.on, Mapping):
            return replace(self, on={**self.on, **dict.fromkeys(more, 1.0)})
        return replace(self, on=(*self.on, *more))

    def without(self, off) -> "Phase":
        """The same phase with these populations off."""
        kept = {name: a for name, a in self.amplitudes.items() if name not in off}
        return replace(self, on=kept if isinstance(self.on, Mapping) else tuple(kept))


def _checked_on(where, on):
    if not isinstance(on, Mapping):
        return names(where, on)
    found = mapping(where, on, "names to amplitudes", error=ModelError)
    return {name: number(f"{where}[{name!r}]", a) for name, a in found.items()}


def _checked_hold(where, hold):
    found = mapping(where, hold, "populations to names of variables", error=ModelError)
    return {name: names(f"{where}[{name!r}]", held) for name, held in found.items()}
