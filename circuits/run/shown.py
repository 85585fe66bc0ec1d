"""Checks of the patterns that a presentation shows."""

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import numpy as np

from circuits.circuit import Circuit, refuse_negative_conductances
from circuits.network import SOFTMAX
from circuits.run.given import spiking_sizes
from circuits.schedule import Schedule
from dendrites._checks import mapping, numbers
from dendrites.errors import ConfigError, DataError, choices
from dendrites.spike_trains import check_forced


def check_patterns(
    circuit: Circuit,
    patterns: Mapping,
    schedule: Schedule,
    driven: Mapping | None = None,
    forced: Mapping | None = None,
    samples: int = 1,
) -> dict[str, np.ndarray]:
    """Patterns (n_samples, n) of all clamped populations.

    Those given in another way (`driven` by waveforms, `forced` to spike) need none.
    `samples` counts where there is no pattern and no waveform with several.

    Raises
    ------
    ConfigError
        For unknown populations, wrong sizes, and values that are not finite.
    """
    clamped = {p.name: p for p in circuit.populations if p.model.clamped}
    driven = driven or {}
    forced = mapping("forced_spikes", forced, "(times, channels) by population")
    check_forced(dict.fromkeys(forced, ()), spiking_sizes(circuit))
    shown, counts = {}, set()
    patterns = mapping("patterns", patterns, "patterns by population")
    for name, values in patterns.items():
        if name not in clamped:
            raise ConfigError(
                f"patterns: {name!r} is no clamped population. {choices(name, clamped)}"
            )
        values = np.atleast_2d(numbers(f"patterns[{name!r}]", values))
        if values.ndim != 2 or values.shape[1] != clamped[name].size:
            raise ConfigError(
                f"patterns[{name!r}] has shape {values.shape}, must be (n_samples, "
                f"{clamped[name].size})"
            )
        refuse_negative_conductances(circuit, name, values, f"patterns[{name!r}]")
        shown[name] = values
        counts.add(len(values))
    if not counts:
        counts |= {len(w) for w in driven.values() if len(w) > 1} or {samples}
    if len(counts) != 1 or 0 in counts:
        raise ConfigError(
            f"patterns have {sorted(counts)} samples; all need the same number >= 1"
        )
    samples = counts.pop()
    for name, values in driven.items():
        if len(values) not in (1, samples):
            raise ConfigError(
                f"waveforms[{name!r}] has {len(values)} samples, and patterns have "
                f"{samples}; give one waveform for all, or one for each"
            )
    on = {name for phase in schedule.phases for name in phase.on}
    for name, p in clamped.items():
        constant = isinstance(p.pattern, (int, float))
        needed = name in on and not constant and name not in {*driven, *(forced or ())}
        if name not in shown and needed:
            raise ConfigError(
                f"patterns: {name!r} is on in phases of the schedule and has no "
                "pattern; give it one, or a schedule that leaves it off (such as "
                "schedule=circuit.test_schedule)"
            )
        if name not in shown:
            value = float(p.pattern) if constant else 0.0
            # Takes no memory: a run is planned before any is taken.
            shown[name] = np.broadcast_to(value, (samples, p.size))
        elif name in on and "potential" in p.model.reads:
            check_reachable(circuit, shown[name], f"patterns[{name!r}]")
    return shown


def patterns_of(circuit: Circuit, inputs, targets) -> dict[str, np.ndarray]:
    """What every clamped population shows for these examples of a task."""
    columns = {"inputs": inputs, "targets": targets}
    return {
        p.name: columns[p.pattern]
        if isinstance(p.pattern, str)
        else np.full((len(inputs), p.size), float(p.pattern or 0.0))
        for p in circuit.populations
        if p.model.clamped
    }


def check_reachable(circuit: Circuit, rates: np.ndarray, where: str) -> None:
    """Refuse target rates that the output cells' transfer function never takes."""
    if circuit.network is None or circuit.network.transfer(-1) == SOFTMAX:
        return
    for rate in (float(rates.min()), float(rates.max())):
        try:
            reachable = np.isfinite(circuit.network.transfer(-1)[2](rate))
        except (ValueError, ZeroDivisionError, OverflowError):
            reachable = False
        if not reachable:
            raise DataError(
                f"{where}: no potential gives the target rate {rate:g} in circuit "
                f"{circuit.name!r}. Use targets inside the range of its transfer "
                "function, such as 0.1 and 0.8"
            )


class QuickPatterns:
    """`check_patterns`, at little cost where many like each other are shown.

    What is checked of values are the ends of their range: arrays of the right shape
    whose numbers lie between some that have passed need no other look.
    """

    def __init__(self, circuit: Circuit):
        self._circuit = circuit
        # By schedule: for names of populations, ranges that have passed and, by number
        # of samples, what the other populations show.
        self._all = WeakKeyDictionary()
        self._schedule, self._passed = None, {}

    def check(self, patterns: Mapping, schedule: Schedule) -> dict[str, np.ndarray]:
        """Patterns (n_samples, n) of all clamped populations.

        Raises
        ------
        ConfigError, DataError
            As `check_patterns`.
        """
        patterns = {} if patterns is None else patterns
        if schedule is not self._schedule:
            self._schedule = schedule
            self._passed = self._all.setdefault(schedule, {})
        names = tuple(patterns) if isinstance(patterns, Mapping) else ()
        if names in self._passed:
            ranges, others = self._passed[names]
            samples = _samples_within(patterns, ranges)
            if samples in others:
                return {**patterns, **others[samples]}
        shown = check_patterns(self._circuit, patterns, schedule)
        ranges, others = self._passed.setdefault(names, ({}, {}))
        samples = len(next(iter(shown.values()), ()))
        others[samples] = {k: v for k, v in shown.items() if k not in names}
        for name in names:
            values = shown[name]
            low, high = float(values.min()), float(values.max())
            _, lowest, highest = ranges.get(name, (0, low, high))
            ranges[name] = values.shape[1], min(low, lowest), max(high, highest)
        return shown


def _samples_within(patterns, ranges):
    """Samples of float arrays of known sizes and ranges; 0 for any others."""
    samples = None
    for name, values in patterns.items():
        size, low, high = ranges[name]
        if type(values) is not np.ndarray or values.dtype.kind != "f":
            return 0
        if samples is None:
            samples = len(values) if values.ndim else 0
        if values.shape != (samples, size) or not samples:
            return 0
        if not (low <= values.min() and values.max() <= high):
            return 0
    return samples
