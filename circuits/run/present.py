"""Show one batch to a circuit: what its cells were, and what it did to the weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from circuits.circuit import Circuit, check_circuit
from circuits.engine.memory import CHUNK, run_bytes
from circuits.engine.replicas import Replicas, count_samples
from circuits.engine.sweep_counts import sweeps_of
from circuits.integrators import EXACT, Integrator
from circuits.run.given import check_forced_spikes, check_waveforms
from circuits.run.options import run_options
from circuits.run.planned import GIVEN, checked_reads
from circuits.run.recording import fixed_steps
from circuits.run.shown import check_patterns
from circuits.schedule import Schedule, as_schedule
from circuits.synapses import minus, numbers_of
from dendrites._blas import serial_blas
from dendrites._checks import flag, whole_number
from dendrites._memory import check_memory
from dendrites.errors import ConfigError


@dataclass(frozen=True, eq=False, repr=False)
class Presented:
    """What one presentation of a batch left behind.

    ``presented["output", "rate"]`` is short for ``presented.reads["output", "rate"]``.

    Parameters
    ----------
    reads : dict of (population, read) or (population, read, phase) to ndarray
        Values (n_samples, n), float64, under the keys that were asked for.
    before, weights : dict of str to ndarray (n_post, n_pre)
        Weights of all projections before and after the presentation.
    sweeps : dict of str to ndarray (n_samples,) of int
        Sweeps that every relaxing phase took, by its name.
    """

    reads: dict[tuple[str, ...], np.ndarray]
    before: dict[str, np.ndarray]
    weights: dict[str, np.ndarray]
    sweeps: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def update(self) -> dict[str, np.ndarray]:
        """What was added to the weights (n_post, n_pre), by projection."""
        return {name: minus(w, self.before[name]) for name, w in self.weights.items()}

    def __getitem__(self, read: tuple[str, ...]) -> np.ndarray:
        return self.reads[read]

    def __repr__(self) -> str:
        rows = [
            (" ".join(key), values, f"{values.min():.4g} .. {values.max():.4g}")
            for key, values in self.reads.items()
        ]
        rows += [
            (f"update of {name}", change, f"norm {norm:.4g}")
            for name, change in self.update.items()
            if (norm := np.linalg.norm(numbers_of(change)))
        ]
        if len(rows) == len(self.reads):
            rows.append(("no weight moved", None, ""))
        width = max(len(name) for name, _, _ in rows)
        lines = [
            f"    {name:{width}}  {'' if x is None else x.shape}  {text}".rstrip()
            for name, x, text in rows
        ]
        return "\n".join(["Presented", *lines])


class WeightsOfRun(dict):
    """Weights that are tied to none, and what those tied to them hold besides."""

    def __init__(self, circuit, weights, drawn):
        own = (p.name for p in circuit.projections if p.tied_to is None)
        super().__init__({name: weights[name] for name in own})
        self.drawn = drawn


def present(
    circuit: Circuit,
    patterns: Mapping[str, np.ndarray],
    schedule: Schedule | None = None,
    *,
    reads: Sequence[tuple[str, ...]] | None = None,
    learning: bool = False,
    weights: Mapping | None = None,
    learning_rates: Mapping[str, float] | None = None,
    integrator: Integrator | str = EXACT,
    block: int | None = None,
    jumps: int | None = None,
    dtype: str = "float64",
    chunk: int = CHUNK,
    seed: int | None = None,
    number: int = 0,
    threads: int | None = 1,
    forced_spikes: Mapping | None = None,
    spike_unit: str = "ms",
    waveforms: Mapping[str, np.ndarray] | None = None,
) -> Presented:
    """Show one batch, read cells at the ends of phases, and see what was learned.

    Cells begin in the default state of their models and update filters empty: equal
    calls give equal bits. For many presentations use a `Presenter`, which is built
    once; for the course of time `simulate`.

    Parameters
    ----------
    circuit : Circuit
    patterns : mapping of str to ndarray (n_samples, n), or (n,) of one sample
        What each clamped population shows; a constant pattern of the population itself
        (a bias) is the default.
    schedule : Schedule or Phase, optional
        Any. Default: the circuit's training schedule.
    reads : sequence of (population, read) or (population, read, phase), optional
        Scalar reads of cells, such as ("output", "rate"); a compartment's name reads
        its potential. With a phase: of the cells averaged in its window, or of a phase
        that settles, of those in which it ended; else as the presentation left them.
        Default: the circuit's answer.
    learning : bool
        Whether rules act. Updates are means or sums over the batch, as rules say.
    weights : mapping, optional
        Weights (n_post, n_pre) or initialisers, by projection.
    learning_rates : mapping of str to float, optional
        Replaces rules' rates: 1/ms, or per presentation for rules across phases.
    integrator : Integrator or {"exact", "blocked", "equilibrium"}
        With `block` and `jumps` as in `circuits.train`; jumps are 10 by default.
    dtype : {"float64", "float32"}
    chunk : int
        Samples per work unit. May change last digits; the number of threads does not.
    seed : int, optional
        Of initial weights, spikes, noise and drawn phases. Default: the circuit's.
    number : int
        Of the presentation, by which its random numbers are addressed.
    threads : int, optional
        None: all processors.
    forced_spikes, spike_unit, waveforms : optional
        As in `circuits.simulate`.

    Returns
    -------
    Presented

    Raises
    ------
    ConfigError, ModelError
        Before anything is compiled; of a read, with what there is to read.
    NumericalError
        If the circuit diverges.
    """
    check_circuit("present", circuit)
    schedule = circuit.schedule if schedule is None else schedule
    schedule = as_schedule("schedule", schedule)
    if not flag("learning", learning, error=ConfigError) and learning_rates:
        raise ConfigError(
            "learning_rates: no rule acts in a presentation without learning; say "
            "learning=True, or leave the rates out"
        )
    reads = checked_reads(
        circuit, schedule, _answer(circuit) if reads is None else reads
    )
    steps = 0
    if forced_spikes or waveforms:
        steps = fixed_steps(schedule, circuit.dt, GIVEN)
    driven = check_waveforms(circuit, waveforms, steps)
    shown = check_patterns(circuit, patterns, schedule, driven, forced_spikes)
    samples = count_samples(shown)
    forced = check_forced_spikes(circuit, forced_spikes, steps, samples, spike_unit)
    number = whole_number("number", number, lowest=0)
    options = run_options(
        circuit,
        integrator=integrator,
        block=block,
        jumps=jumps,
        dtype=dtype,
        chunk=chunk,
        threads=threads,
        seed=seed,
        weights=weights,
        learning_rates=learning_rates,
    )
    options.integrator.check_given(forced, driven)
    planned = circuit.with_schedule(schedule, learning=learning)
    plan = {"batch": samples, "driven": tuple(driven)}
    # All weights before, after and in the update, and what was read.
    kept = 3 * sum(circuit.n_synapses(p.name) for p in circuit.projections)
    kept += samples * sum(
        circuit.population(population).size for population, *_ in reads
    )
    check_memory(
        8 * kept + run_bytes(planned, learning=learning, **plan, **options.sizes),
        f"present: {samples} samples",
        advice="Use smaller populations or batches.",
    )
    with serial_blas():
        runner = Replicas(
            planned,
            [options.start(planned)],
            rates=[options.learning_rates],
            looks=reads,
            forced=tuple(forced),
            **plan,
            **options.engine,
        )
        if isinstance(weights, WeightsOfRun):
            runner.set_drawn(0, weights.drawn)
            runner.follow(0)
        before = runner.weights(0)
        lanes = runner.present(
            0,
            shown,
            schedule,
            presentation=number,
            learning=learning,
            forced=forced,
            waveforms=driven,
        )
        found = {read: runner.read(0, lanes, *read).astype(float) for read in reads}
        sweeps = {
            phase.name: sweeps_of(runner.layout, lanes, phase)
            for phase in schedule.phases
            if phase.relax
        }
        return Presented(found, before, runner.weights(0), sweeps)


def _answer(circuit):
    """What the circuit is asked for where nothing else is."""
    phase = () if circuit.readout_phase is None else (circuit.readout_phase,)
    return [(circuit.output, circuit.readout, *phase)]
