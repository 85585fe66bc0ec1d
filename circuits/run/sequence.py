"""Show patterns to a circuit one after the other, and look in between."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from circuits.circuit import Circuit, check_circuit
from circuits.engine.memory import run_bytes
from circuits.engine.patterns import count_samples
from circuits.engine.replicas import Replicas
from circuits.integrators import EXACT, Integrator
from circuits.optimisers import Optimiser
from circuits.phase import Phase
from circuits.run.given import check_forced_spikes
from circuits.run.interrupts import handing_back
from circuits.run.options import run_options
from circuits.run.planned import checked_reads
from circuits.run.recording import fixed_steps
from circuits.run.shown import check_patterns
from circuits.schedule import Schedule, as_schedule
from dendrites._blas import serial_blas
from dendrites._checks import flag, function, items, whole_number
from dendrites._memory import check_memory
from dendrites.errors import ConfigError
from dendrites.spike_trains import check_unit


class PresentedSequence(NamedTuple):
    """What was kept of a sequence of presentations.

    Parameters
    ----------
    presentations : ndarray (n_kept,)
        Numbers of presentations shown by then; 0 is the start.
    weights : list of dict, one per kept moment
        Arrays (n_post, n_pre) by projection.
    reads : dict of (population, read) or (population, read, phase) to ndarray
        Values (n_kept, n_cells) of the presentation before each moment.
    """

    presentations: np.ndarray
    weights: list[dict[str, np.ndarray]]
    reads: dict[tuple[str, ...], np.ndarray]


def present_sequence(
    circuit: Circuit,
    patterns: Mapping[str, np.ndarray] | None = None,
    *,
    keep: Sequence[int] | None = None,
    reads: Sequence[tuple[str, ...]] = (),
    weights: Mapping | None = None,
    schedule: Schedule | Sequence[Schedule] | None = None,
    learning: bool = True,
    optimiser: Optimiser | None = None,
    integrator: Integrator | str = EXACT,
    block: int | None = None,
    jumps: int | None = None,
    dtype: str = "float64",
    seed: int | None = None,
    forced_spikes: Sequence[Mapping] | None = None,
    spike_unit: str = "ms",
    tick: Callable[[], None] | None = None,
) -> PresentedSequence:
    """Patterns shown one after the other; weights and reads kept on the way.

    Weights and update filters carry over from one presentation to the next; states of
    cells do if the schedule says `carry_state`. The first presentation starts from the
    models' default states. Looking does not disturb: what is kept changes nothing.

    Parameters
    ----------
    circuit : Circuit
    patterns : mapping of str to ndarray (n_presentations, n), optional
        What each clamped population shows, one row per presentation; a constant pattern
        of the population itself (a bias) is the default. Without any there are as many
        presentations as schedules or forced spikes are given for, or one.
    keep : sequence of int, optional
        Numbers of presentations after which to keep weights and reads; 0 is the start.
        Default: the end alone.
    reads : sequence of (population, read) or (population, read, phase)
        Scalar reads to keep as well, as in `circuits.present`.
    weights : mapping, optional
        Weights (n_post, n_pre) or initialisers, by projection.
    schedule : Schedule, or one for every presentation, optional
        Default: the circuit's training schedule. Several must have phases of the same
        names and the same `carry_state`.
    learning : bool
        Whether rules act.
    optimiser : circuits.Sgd or circuits.Adam, optional
        As in `circuits.train`.
    integrator, block, dtype, seed : see `circuits.train`
    jumps : int, optional
        As in `circuits.train`; default 10.
    forced_spikes : sequence of mappings, optional
        As in `circuits.simulate`, one mapping for every presentation, all of the same
        populations; phases must then have fixed durations.
    spike_unit : {"ms", "s"}
        Of the times of these spikes.
    tick : callable, optional
        Called after every presentation, for a progress bar.

    Returns
    -------
    PresentedSequence
        In ascending order of presentations.

    Raises
    ------
    ConfigError, ModelError
        Before anything is compiled.
    NumericalError
        If the circuit diverges.
    KeyboardInterrupt
        After Ctrl+C. Its attribute `run` is what was kept until then.
    """
    check_circuit("present_sequence", circuit)
    first, schedule = _first(circuit.schedule if schedule is None else schedule)
    flag("learning", learning, error=ConfigError)
    if tick is not None:
        function("tick", tick, "()", error=ConfigError)
    if forced_spikes is not None:
        of = "mappings, one for every presentation"
        forced_spikes = items("forced_spikes", forced_spikes, of, error=ConfigError)
    given = forced_spikes[0] if forced_spikes else None
    # Without patterns as many presentations as there are spikes or schedules for.
    several = forced_spikes or ([] if isinstance(schedule, Schedule) else schedule)
    shown = check_patterns(
        circuit, patterns, first, forced=given, samples=max(len(several), 1)
    )
    count = count_samples(shown, default=max(len(several), 1))
    schedules = _schedules(schedule, count)
    differing = tuple({id(s): s for s in schedules}.values())
    for other in differing:
        # The checks of a circuit, for every schedule.
        circuit.with_schedule(other, learning=learning)
    forced = _forced(circuit, forced_spikes, schedules, spike_unit)
    kept = _check_kept(keep, count)
    reads = checked_reads(circuit, first, reads)
    if kept[0] == 0 and (early := [read for read in reads if len(read) > 2]):
        raise ConfigError(
            f"keep holds 0, and reads {early[0]}: before the first presentation no "
            "phase was averaged; keep later moments, or read without a phase"
        )
    options = run_options(
        circuit,
        integrator=integrator,
        block=block,
        jumps=jumps,
        dtype=dtype,
        seed=seed,
        weights=weights,
        optimiser=optimiser,
    )
    if optimiser is not None and not learning:
        raise ConfigError(
            f"optimiser = {optimiser}: learning is False, so there are no updates for "
            "it; leave one of the two out"
        )
    options.integrator.check_given(forced[0], ())
    planned = circuit.with_schedule(first, learning=learning)
    plan = {"schedules": differing[1:]}
    kept_bytes = 8 * (
        (len(kept) + 1) * sum(circuit.n_synapses(p.name) for p in circuit.projections)
        + len(kept) * sum(circuit.population(name).size for name, *_ in reads)
    )
    check_memory(
        kept_bytes + run_bytes(planned, learning=learning, **plan, **options.sizes),
        f"present_sequence: weights and reads of {len(kept)} moments",
        advice="Keep fewer moments, or use smaller populations.",
    )
    result = _Kept(reads)
    with handing_back(result.presented), serial_blas():
        start = options.start(planned)
        given = {"forced": tuple(forced[0]), **options.engine}
        runner = Replicas(planned, [start], looks=reads, **plan, **given)
        lanes = runner.lanes_of(0, 1)
        for number in range(count + 1):
            if number in kept:
                result.keep(number, runner, lanes)
            if number == count:
                break
            lanes = runner.present(
                0,
                {name: rows[number : number + 1] for name, rows in shown.items()},
                schedules[number],
                presentation=number,
                learning=learning,
                forced=forced[number],
            )
            if tick is not None:
                tick()
    return result.presented()


class _Kept:
    """What has been kept so far."""

    def __init__(self, reads):
        self.reads, self.moments = reads, []

    def keep(self, number, runner, lanes):
        values = [runner.read(0, lanes, *read)[0] for read in self.reads]
        self.moments.append((number, runner.weights(0), values))

    def presented(self):
        columns = zip(*self.moments, strict=True) if self.moments else ((), (), ())
        numbers, weights, values = columns
        return PresentedSequence(
            np.array(numbers, int),
            [*weights],
            {
                read: np.array([v[k] for v in values], float)
                for k, read in enumerate(self.reads)
            },
        )


def _first(schedule):
    """The schedule of the first presentation, and the one or all, checked."""
    if isinstance(schedule, Schedule | Phase):
        one = as_schedule("schedule", schedule)
        return one, one
    each = items("schedule", schedule, "Schedules", error=ConfigError)
    each = [as_schedule(f"schedule {k}", one) for k, one in enumerate(each)]
    if not each:
        raise ConfigError("schedule is empty: give one for every presentation")
    return each[0], each


def _schedules(schedule, count):
    """The schedule of every presentation."""
    if isinstance(schedule, Schedule):
        return [schedule] * count
    schedules = list(schedule)
    if len(schedules) != count:
        raise ConfigError(
            f"schedule: {len(schedules)} schedules for {count} presentations; give one "
            "for each, or one for all"
        )
    kinds = {
        (s.carry_state, *((p.name, p.readable) for p in s.phases)) for s in schedules
    }
    if len(kinds) > 1:
        raise ConfigError(
            "schedule: the schedules of a sequence must have phases of the same names "
            "and windows, and the same carry_state; all else may differ"
        )
    return schedules


def _forced(circuit, forced_spikes, schedules, unit):
    """Forced spikes of every presentation, checked."""
    check_unit(unit, forced_spikes)
    if forced_spikes is None:
        return [{}] * max(len(schedules), 1)
    if isinstance(forced_spikes, Mapping) or len(forced_spikes) != len(schedules):
        raise ConfigError(
            f"forced_spikes must be a list of {len(schedules)} mappings, one for every "
            "presentation"
        )
    result = []
    for schedule, forced in zip(schedules, forced_spikes, strict=True):
        steps = fixed_steps(schedule, circuit.dt, "a presentation with forced spikes")
        result.append(check_forced_spikes(circuit, forced, steps, 1, unit))
    if len({tuple(sorted(forced)) for forced in result}) > 1:
        raise ConfigError(
            "forced_spikes must name the same populations in every presentation"
        )
    return result


def _check_kept(keep, count):
    """Numbers of presentations in ascending order, each once."""
    if keep is None:
        return [count]
    given = items("keep", keep, "numbers of presentations", error=ConfigError)
    numbers = {whole_number("keep", n, lowest=0, highest=count) for n in given}
    if not numbers:
        raise ConfigError(
            f"keep is empty: give numbers of presentations from 0 to {count}, or "
            "leave it out to keep the end"
        )
    return sorted(numbers)
