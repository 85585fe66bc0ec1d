"""Show patterns to a circuit and record what its cells do."""

from collections.abc import Mapping, Sequence

import numpy as np

from circuits.circuit import Circuit, check_circuit
from circuits.describe import describe
from circuits.engine.memory import run_bytes
from circuits.engine.patterns import count_samples
from circuits.engine.replicas import Replicas
from circuits.integrators import EXACT, Integrator
from circuits.run.given import check_forced_spikes, check_waveforms
from circuits.run.interrupts import handing_back
from circuits.run.options import run_options
from circuits.run.recording import Record, check_records, fixed_steps, plan_record
from circuits.run.shown import check_patterns
from circuits.schedule import Schedule, as_schedule
from dendrites._blas import serial_blas
from dendrites._checks import flag
from dendrites._describe import plain
from dendrites._memory import check_memory
from dendrites.errors import ConfigError


def simulate(
    circuit: Circuit,
    patterns: Mapping[str, np.ndarray] | None = None,
    record: Sequence[Record | str] = (),
    *,
    weights: Mapping | None = None,
    schedule: Schedule | None = None,
    learning: bool = False,
    integrator: Integrator | str = EXACT,
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
    patterns : mapping of str to ndarray (n_samples, n) or (n,), optional
        What each clamped population shows; a constant pattern of the population itself
        (a bias) is the default. A circuit without clamped populations needs none.
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
    KeyboardInterrupt
        After Ctrl+C. Its attribute `run` is the tree up to the last recorded step,
        marked ``complete=0``; None before the first.
    """
    from circuits.run.simulation_tree import simulation_tree
    from dendrites.provenance import now

    check_circuit("circuits.simulate", circuit)
    schedule = circuit.schedule if schedule is None else schedule
    schedule = as_schedule("schedule", schedule)
    learning = flag("learning", learning, error=ConfigError)
    steps = fixed_steps(schedule, circuit.dt)
    driven = check_waveforms(circuit, waveforms, steps)
    shown = check_patterns(circuit, patterns, schedule, driven, forced_spikes)
    samples = count_samples(shown)
    forced = check_forced_spikes(circuit, forced_spikes, steps, samples, spike_unit)
    records = check_records(record)
    recordings = [x for r in records for x in plan_record(circuit, r, steps)]
    options = run_options(
        circuit,
        integrator=integrator,
        block=block,
        jumps=jumps,
        dtype=dtype,
        threads=threads,
        seed=seed,
        weights=weights,
    )
    options.integrator.check_given(forced, driven)
    planned = circuit.with_schedule(schedule, learning=learning)
    plan = {
        "batch": samples,
        "recordings": recordings,
        "steps": steps,
        "driven": tuple(driven),
    }
    needed = _bytes_beside(circuit, recordings, steps, samples, driven, dtype, learning)
    check_memory(
        needed + run_bytes(planned, learning=learning, **plan, **options.sizes),
        f"circuits.simulate: {samples} samples of {steps} steps",
    )
    described = describe(circuit) | {"schedule": plain(schedule)}
    config = {
        "circuit": described,
        "schedule": described["schedule"],
        "patterns": plain(shown),
        "waveforms": plain(driven),
        "forced_spikes": plain(forced),
        "record": plain(records),
        "learning": int(learning),
        **options.config,
    }
    created, runner, start = now(), None, options.start(planned)
    config["weights"] = plain(start)

    def tree(lanes, done):
        return simulation_tree(
            runner,
            lanes,
            records,
            start if learning else None,
            config,
            circuit=circuit,
            created=created,
            steps=steps,
            done=done,
        )

    def stopped():
        return None if runner is None else tree(*runner.interrupted(0))

    with handing_back(stopped), serial_blas():
        given = {"forced": tuple(forced), **options.engine}
        runner = Replicas(planned, [start], looks=(), **plan, **given)
        lanes = runner.present(
            0,
            shown,
            schedule,
            learning=learning,
            recording=True,
            forced=forced,
            waveforms=driven,
        )
    return tree(lanes, steps)


def _bytes_beside(circuit, recordings, steps, samples, driven, dtype, learning):
    """Memory of a simulation besides its runner: weights, waveforms, the result."""
    weights = sum(circuit.n_synapses(p.name) for p in circuit.projections)
    # Afterwards all weights are read, and those that learn are stored twice.
    learned = [circuit.n_synapses(p.name) for p in circuit.projections if p.learns]
    copies = weights * (2 if learning else 1) + 2 * sum(learned) * bool(learning)
    recorded = sum(
        (steps // r.every + 1) * len(r.units) * len(r.names)
        for r in recordings
        if not r.events
    )
    shown = sum(circuit.population(name).size for name in driven)
    item = np.dtype(dtype).itemsize
    # A waveform is repeated, laid out and joined; a check of the result takes a byte.
    return 8 * copies + (recorded + 3 * item * steps * shown) * samples
