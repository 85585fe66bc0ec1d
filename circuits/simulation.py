"""Show patterns to a circuit and record what its cells do."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from circuits.circuit import Circuit, check_circuit
from circuits.describe import describe
from circuits.engine.plan import Recording, check_dtype
from circuits.engine.runner import (
    CHUNK,
    Runner,
    count_samples,
    run_bytes,
    serial_blas,
)
from circuits.presented import (
    check_forced_spikes,
    check_nothing_given,
    check_patterns,
    check_waveforms,
)
from circuits.schedule import Schedule, as_schedule, n_steps
from circuits.session import EQUILIBRIUM, EXACT
from circuits.training import (
    check_block,
    check_jumps,
    check_threads,
)
from circuits.weights import initial_weights
from dendrites._checks import flag, items, names, number, text
from dendrites._describe import plain
from dendrites._memory import check_memory
from dendrites.errors import ConfigError, choices
from dendrites.random import check_seed

JUMPS = 10


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


def simulate(
    circuit: Circuit,
    patterns: Mapping[str, np.ndarray],
    record: Sequence[Record | str],
    *,
    weights: Mapping | None = None,
    schedule: Schedule | None = None,
    learning: bool = False,
    integrator: str = EXACT,
    block: int | None = None,
    jumps: int | None = None,
    dtype: str = "float64",
    seed: int | None = None,
    threads: int = 1,
    forced_spikes: Mapping | None = None,
    spike_unit: str = "ms",
    waveforms: Mapping[str, np.ndarray] | None = None,
):
    """One presentation of a batch of patterns, recorded and labelled.

    Parameters
    ----------
    circuit : Circuit
    patterns : mapping of str to ndarray (n_samples, n) or (n,)
        What each clamped population shows; a constant pattern of the population itself
        (a bias) is the default.
    record : sequence of Record or population names
    weights : mapping, optional
        Weights (n_post, n_pre) or initialisers, by projection.
    schedule : Schedule, optional
        Default: the circuit's training schedule.
    learning : bool
        Whether rules act.
    integrator, block, dtype, seed, threads : see `circuits.train`
    jumps : int, optional
        As in `circuits.train`; default 10.
    forced_spikes : mapping of population to times or (times, channels), optional
        Spikes that take the place of those its cells would draw: ascending times
        and the unit of each; a list of pairs has one for every sample. A spike at t
        belongs to the step whose end is closest, so recorded trains can be forced
        again; times off the steps are warned about.
        Dead time, traces and whatever else follows a spike follow the given ones.
    spike_unit : {"ms", "s"}
        Of these times.
    waveforms : mapping of population to ndarray, optional
        (n_steps, n) or (n_samples, n_steps, n): what a clamped population shows in each
        step, instead of one pattern, in phases that switch it on.

    Returns
    -------
    xarray.DataTree
        ``/populations/<name>`` with ``v`` (sample, time, compartment, unit) and reads
        (sample, time, unit); the sample dimension is left out for one pattern. With
        ``learning`` also ``/connections/<projection>``, weights before and after.
        ``/spikes/<name>`` where a Record asks for spikes.

    Raises
    ------
    ConfigError, ModelError
        Before anything is compiled; also if the recording would not fit in memory.
    NumericalError
        If the circuit diverges.
    """
    from circuits.training_tree import now
    from dendrites.dataset import population_dataset, run_tree, spike_dataset

    check_circuit("circuits.simulate", circuit)
    schedule = circuit.schedule if schedule is None else schedule
    schedule = as_schedule("schedule", schedule)
    flag("learning", learning, error=ConfigError)
    seed = circuit.seed if seed is None else check_seed(seed)
    longest(schedule)
    # Phases are rounded one by one, so their sum is counted, not measured.
    steps = sum(segment.steps for segment in schedule.segments(circuit.dt))
    driven = check_waveforms(circuit, waveforms, steps)
    shown = check_patterns(circuit, patterns, schedule, driven, forced_spikes)
    samples = count_samples(shown)
    forced = check_forced_spikes(circuit, forced_spikes, steps, samples, spike_unit)
    records = check_records(record)
    recordings = [x for r in records for x in plan_record(circuit, r, steps)]
    jumps = check_jumps(circuit, integrator, jumps)
    if integrator == EQUILIBRIUM:
        check_nothing_given(forced, driven)
        jumps = jumps or JUMPS
    block = check_block(integrator, block)
    options = {
        "batch": samples,
        "block": block,
        "jumps": jumps,
        "dtype": check_dtype(dtype),
        "recordings": recordings,
        "steps": steps,
        "forced": tuple(forced),
        "driven": tuple(driven),
    }
    threads = check_threads(threads)
    planned = circuit.with_schedule(schedule)
    needed = _bytes_beside(circuit, recordings, steps, samples, driven, dtype, learning)
    check_memory(
        needed + run_bytes(planned, learning=learning, **options),
        f"circuits.simulate: {samples} samples of {steps} steps",
    )
    created = now()
    with serial_blas():
        start = initial_weights(circuit, seed=seed, given=weights)
        runner = Runner(
            planned,
            [start],
            chunk=CHUNK,
            threads=threads,
            seed=seed,
            **options,
        )
        lanes = runner.present(
            0,
            shown,
            schedule,
            learning=learning,
            recording=True,
            forced=forced,
            waveforms=driven,
        )
    # For every recording its views (records, samples of a lane, units).
    parts = list(
        zip(*(runner.plan.recorded(lane, m) for lane, m in lanes), strict=True)
    )
    groups, position = {}, 0
    for r in records:
        names = _compartments(circuit, r)
        mine = parts[position : position + len(names) + len(r.reads)]
        recording = recordings[position]
        position += len(mine)
        if r.spikes:
            # (records, samples, units) to (steps, units, samples)
            counts = np.moveaxis(np.concatenate(parts[position], axis=1)[1:], 1, 2)
            groups[f"/spikes/{r.population}"] = spike_dataset(
                counts if samples > 1 else counts[..., 0], circuit.dt, recording.units
            )
            position += 1
        if not mine:
            continue
        model = circuit.model(r.population)
        v = _by_sample(mine[: len(names)])
        count = steps // recording.every
        squeeze = (lambda a: a[0]) if samples == 1 else (lambda a: a)
        groups[f"/populations/{r.population}"] = population_dataset(
            np.arange(1, count + 1) * recording.every,
            circuit.dt,
            squeeze(v) if names else None,
            names,
            recording.units,
            v_units=model.unit(names[0]) if names else "1",
            others={
                name: (
                    ("time", "unit"),
                    squeeze(_by_sample([read])[:, :, 0]),
                    model.unit(name),
                )
                for name, read in zip(r.reads, mine[len(names) :], strict=True)
            },
            leading=None if samples == 1 else ("sample", np.arange(samples)),
            n_units=circuit.population(r.population).size,
        )
    if learning:
        after = runner.weights(0)
        for p in circuit.projections:
            if p.learns:
                groups[f"/connections/{p.name}"] = _before_and_after(
                    p, start[p.name], after[p.name], steps, circuit.dt
                )
    return run_tree(
        "simulation",
        {
            "circuit": describe(circuit),
            "schedule": plain(schedule),
            "patterns": plain(shown),
            "waveforms": plain(driven),
            "forced_spikes": plain(forced),
            "weights": plain(start),
            "record": plain(records),
            "learning": int(learning),
            "integrator": integrator,
            "block": block,
            "jumps": jumps,
            "dtype": dtype,
            "seed": str(seed),
        },
        groups,
        title=f"{circuit.name}: one presentation",
        integrator=integrator,
        dt_ms=circuit.dt,
        dtype=dtype,
        seed=seed,
        t_stop_ms=steps * circuit.dt,
        created_utc=created,
        extra={"finished_utc": now()},
    )


def _by_sample(recordings):
    """Recorded variables (samples, records, variables, units), without the initial one.

    Each comes as its views (records, samples, units) of all lanes.
    """
    if not recordings:
        return None
    shape = [part.shape for part in recordings[0]]
    result = np.empty(
        (sum(m for _, m, _ in shape), shape[0][0] - 1, len(recordings), shape[0][2])
    )
    for k, parts in enumerate(recordings):
        first = 0
        for part in parts:
            stop = first + part.shape[1]
            result[first:stop, :, k] = np.swapaxes(part[1:], 0, 1)
            first = stop
    return result


def _bytes_beside(circuit, recordings, steps, samples, driven, dtype, learning):
    """Memory of a simulation besides its runner: weights, waveforms, the result."""
    weights = sum(math.prod(circuit.shape(p.name)) for p in circuit.projections)
    # Afterwards all weights are read, and those that learn are stored twice.
    learned = [
        math.prod(circuit.shape(p.name)) for p in circuit.projections if p.learns
    ]
    copies = weights * (2 if learning else 1) + 2 * sum(learned) * bool(learning)
    recorded = sum((steps // r.every + 1) * len(r.units) for r in recordings)
    shown = sum(circuit.population(name).size for name in driven)
    item = np.dtype(dtype).itemsize
    # A waveform is repeated, laid out and joined; a check of the result takes a byte.
    return 8 * copies + (9 * recorded + 3 * item * steps * shown) * samples


def longest(schedule: Schedule) -> float:
    """Duration of a presentation, ms; phases of drawn length are refused."""
    if any(callable(phase.duration) for phase in schedule.phases):
        raise ConfigError(
            "a recorded presentation needs phases of fixed duration; give `schedule`"
        )
    if any(phase.settle for phase in schedule.phases):
        raise ConfigError(
            "settled phases take no time and leave nothing to record; give a "
            "`schedule` of phases with a duration"
        )
    return sum(phase.duration for phase in schedule.phases)


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
    names = (*_compartments(circuit, record), *record.reads)
    for name in names:
        population.model.read(name)
    if record.spikes and not population.model.spiking:
        raise ConfigError(f"{where}: {population.model.name} cells have no spikes")
    if not names and not record.spikes:
        raise ConfigError(f"{where}: no compartment and no read")
    units = _units(where, record.units, population.size)
    result = [Recording(population.name, name, units, interval) for name in names]
    if record.spikes:
        result.append(Recording(population.name, "spikes", units, 1))
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


def _compartments(circuit, record):
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


def _before_and_after(projection, before, after, steps, dt):
    """Weights of a projection at the start and at the end, as the schema has them."""
    from dendrites.dataset import group

    result = group(
        {"w": (("record", "post", "pre"), np.stack([before, after]), "1")},
        {
            "record": np.arange(2),
            "record_step": ("record", np.array([0, steps])),
            "record_time": ("record", np.array([0.0, steps * dt])),
            "post": np.arange(after.shape[0]),
            "pre": np.arange(after.shape[1]),
        },
        pre_population=projection.pre,
        post_population=projection.post,
        target_compartment=projection.field,
        rule=type(projection.rule).__name__,
        plastic=1,
        delay_ms=dt if projection.delay is None else float(projection.delay),
    )
    result.record_time.attrs["units"] = "ms"
    return result
