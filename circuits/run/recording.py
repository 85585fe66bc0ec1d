"""What is recorded of a presentation, and how long that is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from circuits.circuit import Circuit
from circuits.phase import WITHOUT_TIME
from circuits.schedule import Schedule
from dendrites._checks import flag, items, names, number, text
from dendrites._time import n_steps
from dendrites.errors import ConfigError, choices


@dataclass(frozen=True)
class Recording:
    """What is recorded side by side: which variables, of which units, how often.

    Parameters
    ----------
    population : str
    names : tuple of str
        State fields (compartments) or any reads of the cells.
    units : ndarray of int64
        Recorded cells, in the order of the output.
    every : int
        Interval in steps.
    events : bool
        Whether only what differs from 0 is kept: the spikes of every step.
    """

    population: str
    names: tuple[str, ...]
    units: np.ndarray
    every: int
    events: bool = False


@dataclass(frozen=True)
class Record:
    """What to record of one population.

    Parameters
    ----------
    population : str
    compartments : sequence of str, optional
        Default: all compartments of the model.
    reads : sequence of str
        Further scalar reads, such as "rate".
    units : sequence of int, optional
        Default: all cells.
    every : float, optional
        Interval, ms. Default: every step.
    spikes : bool
        Whether to keep the spikes of these units, all of them whatever `every` is.
    """

    population: str
    compartments: Sequence[str] | None = None
    reads: Sequence[str] = ()
    units: Sequence[int] | None = None
    every: float | None = None
    spikes: bool = False

    def __post_init__(self):
        text("Record: population", self.population, error=ConfigError)
        where = f"record of {self.population!r}"
        for option in ("compartments", "reads"):
            given = getattr(self, option)
            if given is not None or option == "reads":
                given = names(f"{where}: {option}", given, error=ConfigError)
            object.__setattr__(self, option, given)
        flag(f"{where}: spikes", self.spikes, error=ConfigError)
        if self.every is not None:
            number(
                f"{where}: every", self.every, unit="ms", above=0.0, error=ConfigError
            )

    def interval(self, dt: float) -> int:
        """Steps between records."""
        every = dt if self.every is None else self.every
        return n_steps(every, dt, f"record of {self.population!r}, every", quiet=True)


def fixed_steps(
    schedule: Schedule, dt: float, what: str = "a recorded presentation"
) -> int:
    """Steps of a presentation; ConfigError if it has none or their number is drawn.

    Phases are rounded one by one, so that they are counted, not measured.
    """
    for phase in schedule.phases:
        if callable(phase.duration):
            raise ConfigError(
                f"phase {phase.name!r}: {what} needs phases of fixed duration, and "
                "that of this one is drawn; give `schedule`"
            )
        if phase.timeless:
            raise ConfigError(
                f"phase {phase.name!r}: {WITHOUT_TIME[phase.timeless]} phases take no "
                f"time, and {what} takes some in each; give a `schedule` of phases "
                "with a duration"
            )
    return sum(segment.steps for segment in schedule.segments(dt))


def check_records(record: Sequence[Record | str]) -> list[Record]:
    """What to record, names of populations made Records.

    Raises
    ------
    ConfigError
        If something says no population, or a population twice: its group can hold
        one interval and one choice of units.
    """
    if isinstance(record, (str, Record)):
        record = [record]
    of = "Records or names of populations"
    given = items("record", record, of, error=ConfigError)
    records = [Record(r) if isinstance(r, str) else r for r in given]
    for r in records:
        if not isinstance(r, Record):
            raise ConfigError(f"record holds a {type(r).__name__}, must hold {of}")
    names = [r.population for r in records]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"record: population {name!r} is recorded twice")
    return records


def plan_record(circuit: Circuit, record: Record, steps: int) -> list[Recording]:
    """The recordings of one Record, checked.

    Raises
    ------
    ConfigError, ModelError
        For unknown populations, compartments, reads, units and impossible intervals.
    """
    population = circuit.population(record.population)
    where = f"record of {population.name!r}"
    dt = circuit.dt
    every = dt if record.every is None else record.every
    interval = n_steps(every, dt, f"{where}, every")
    if interval < 1 or interval > steps:
        raise ConfigError(
            f"{where}: every = {every:g} ms: must be between dt = {dt:g} ms and the "
            f"presentation, {steps * dt:g} ms"
        )
    names = (*compartments_of(circuit, record), *record.reads)
    for name in names:
        population.model.read(name)
    if record.spikes and not population.model.spiking:
        raise ConfigError(f"{where}: {population.model.name} cells have no spikes")
    if not names and not record.spikes:
        raise ConfigError(f"{where}: no compartment and no read")
    units = _units(where, record.units, population.size)
    compartments = compartments_of(circuit, record)
    each = [compartments] if compartments else []
    each += [(name,) for name in record.reads]
    result = [Recording(population.name, names, units, interval) for names in each]
    if record.spikes:
        result.append(Recording(population.name, ("spikes",), units, 1, events=True))
    return result


def _units(where, given, size):
    """Recorded cells as int64, all in the population."""
    if given is None:
        # Takes no memory: a run is planned before any is taken.
        return range(size)
    of = "whole numbers"
    if not isinstance(given, np.ndarray):
        given = items(f"{where}: units", given, of, error=ConfigError)
    try:
        units = np.asarray(given)
    except ValueError:
        units = np.zeros(0)
    if units.ndim != 1 or units.size == 0 or units.dtype.kind not in "iu":
        raise ConfigError(f"{where}: units must be a list of {of}, and not empty")
    if units.min() < 0 or units.max() >= size:
        wrong = units[(units < 0) | (units >= size)][0]
        raise ConfigError(f"{where}: unit {wrong} is out of range 0..{size - 1}")
    if len(np.unique(units)) < units.size:
        raise ConfigError(f"{where}: a unit is given twice")
    return units.astype(np.int64)


def compartments_of(circuit: Circuit, record: Record) -> tuple[str, ...]:
    """Compartments that a Record names, checked; all by default."""
    model = circuit.model(record.population)
    if record.compartments is None:
        return model.compartments
    for name in record.compartments:
        if name not in model.compartments:
            raise ConfigError(
                f"record of {record.population!r}: {model.name} cells have no "
                f"compartment {name!r}. {choices(name, model.compartments)}"
            )
    return tuple(record.compartments)
