"""Presenter: show patterns to a circuit, look at its cells and weights, go on."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import numpy as np

from circuits.circuit import Circuit, check_circuit
from circuits.engine.memory import CHUNK, run_bytes
from circuits.engine.replicas import Replicas
from circuits.integrators import EXACT, Integrator
from circuits.optimisers import Optimiser
from circuits.run.given import check_announced
from circuits.run.looking import Looking
from circuits.run.options import run_options
from circuits.run.planned import Planned
from circuits.run.recording import Record, check_records, fixed_steps, plan_record
from circuits.run.shown import QuickPatterns
from circuits.schedule import Schedule, as_schedule
from circuits.weights import replaced_weights
from dendrites._blas import serial_blas
from dendrites._checks import flag, text, whole_number
from dendrites._memory import check_memory
from dendrites.errors import ConfigError


class Presenter(Looking):
    """A circuit that is shown presentations one after the other.

    Weights and what updates remember (filters, optimisers) carry over from one
    presentation to the next; states of cells do if the schedule says `carry_state`.
    Looking changes nothing. Inside a ``with`` statement the products of all
    presentations stay on one thread, which is arranged once; outside of one every call
    arranges it, which takes about as long as a small circuit's presentation.

        with circuits.Presenter(circuit) as presenter:
            presenter.present({"input": x, "target": y})
            rates = presenter.read("output", "rate")

    Parameters
    ----------
    circuit : Circuit
    weights : mapping, optional
        Weights (n_post, n_pre) or initialisers, by projection.
    schedule : Schedule, optional
        Default: the circuit's training schedule.
    learning_rates : mapping of str to float, optional
        Replaces rules' rates: 1/ms, or per presentation for rules across phases.
    optimiser : circuits.Sgd or circuits.Adam, optional
        As in `circuits.train`.
    batch : int
        Largest number of samples shown side by side.
    integrator : Integrator or {"exact", "blocked", "equilibrium"}
        See `circuits.Exact`, `circuits.Blocked` and `circuits.Equilibrium`.
    dtype : {"float64", "float32"}
    chunk : int
        Samples per work unit. May change last digits; the number of threads does not.
    seed : int, optional
        Of initial weights, spikes, noise and drawn phases. Default: the circuit's.
    stream : str
        Runs of one seed with different names have different random inputs.
    threads : int, optional
        None: all processors.
    record : sequence of Record or population names
        What `recorded` gives of the last presentation.
    driven, forced : sequence of str
        Populations that every presentation gives waveforms and spikes.

    Raises
    ------
    ConfigError, ModelError
        Before anything is compiled.
    """

    def __init__(
        self,
        circuit: Circuit,
        *,
        weights: Mapping | None = None,
        schedule: Schedule | None = None,
        learning_rates: Mapping[str, float] | None = None,
        optimiser: Optimiser | None = None,
        batch: int = 1,
        integrator: Integrator | str = EXACT,
        dtype: str = "float64",
        chunk: int = CHUNK,
        seed: int | None = None,
        stream: str = "",
        threads: int | None = 1,
        record: Sequence[Record | str] = (),
        driven: Sequence[str] = (),
        forced: Sequence[str] = (),
    ):
        check_circuit("Presenter", circuit)
        schedule = circuit.schedule if schedule is None else schedule
        schedule = as_schedule("schedule", schedule)
        planned = circuit.with_schedule(schedule)
        options = run_options(
            circuit,
            integrator=integrator,
            dtype=dtype,
            chunk=chunk,
            threads=threads,
            seed=seed,
            weights=weights,
            learning_rates=learning_rates,
            optimiser=optimiser,
        )
        text("stream", stream, error=ConfigError)
        self.circuit, self.schedule, self.options = planned, schedule, options
        self._batch = whole_number("batch", batch, lowest=1)
        driven, forced = check_announced(circuit, driven, forced)
        options.integrator.check_given(forced, driven)
        records = check_records(record)
        steps = fixed_steps(schedule, circuit.dt) if records else 0
        self._recordings = [x for r in records for x in plan_record(circuit, r, steps)]
        self._planned = Planned(planned, steps, driven, forced)
        self._quick = QuickPatterns(planned)
        self._next = 0
        self._held = None
        plan = {
            "batch": self._batch,
            "recordings": self._recordings,
            "steps": steps,
            "driven": driven,
        }
        check_memory(
            run_bytes(planned, **plan, **options.sizes),
            f"Presenter of {circuit.name!r}",
            advice="Use smaller populations or batches, or record less.",
        )
        with serial_blas():
            self._runner = Replicas(
                planned,
                [options.start(circuit)],
                rates=[options.learning_rates],
                stream=stream,
                forced=forced,
                **plan,
                **options.engine,
            )

    def __enter__(self) -> "Presenter":
        if self._held is not None:
            raise ConfigError("this Presenter is in a with statement already")
        self._held = ExitStack()
        self._held.enter_context(serial_blas())
        return self

    def __exit__(self, *error) -> None:
        held, self._held = self._held, None
        held.close()

    def present(
        self,
        patterns: Mapping[str, np.ndarray] | None = None,
        schedule: Schedule | None = None,
        *,
        learning: bool = True,
        number: int | None = None,
        forced_spikes: Mapping | None = None,
        waveforms: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Show a batch of patterns through every phase of a schedule.

        Parameters
        ----------
        patterns : mapping of str to ndarray (n_samples, n) or (n,), optional
            What each clamped population shows; a constant pattern of the population
            itself (a bias) is the default. Without any, one sample is shown.
        schedule : Schedule, optional
            Instead of the presenter's; its windows, the populations that settle and,
            where something is recorded, its steps must be among those of that one.
        learning : bool
            Whether rules act.
        number : int, optional
            Number of the presentation, by which its random numbers are addressed.
            Default: one more than that of the last one, from 0.
        forced_spikes : mapping of population to (times, channels)
            As in `circuits.simulate`, of the populations that are `forced`.
        waveforms : mapping of population to ndarray
            As in `circuits.simulate`, of the populations that are `driven`.

        Raises
        ------
        ConfigError, ModelError
        NumericalError
            If the circuit diverges.
        """
        number = self._numbered(number)
        learning = flag("learning", learning, error=ConfigError)
        if schedule is None:
            schedule = self.schedule
        else:
            schedule = as_schedule("schedule", schedule)
            self._planned.check(schedule, learning)
        forced, driven = None, None
        if self._planned.given or forced_spikes or waveforms:
            shown, forced, driven = self._planned.check_given(
                patterns, schedule, forced_spikes, waveforms
            )
        else:
            shown = self._quick.check(patterns, schedule)
        with self._serial():
            self._lanes = self._runner.present(
                0,
                shown,
                schedule,
                presentation=number,
                learning=learning,
                recording=bool(self._recordings),
                forced=forced,
                waveforms=driven,
            )
        self._last, self._next = schedule, number + 1

    def present_many(
        self, patterns: Mapping[str, np.ndarray], *, number: int | None = None
    ) -> None:
        """Show whole batches one after the other, with learning.

        The same as `present` for every batch, and much faster for small circuits whose
        presentations take no time.

        Parameters
        ----------
        patterns : mapping of str to ndarray (n_batches * batch, n)
        number : int, optional
            Of the first presentation, as in `present`.
        """
        shown = self._quick.check(patterns, self.schedule)
        if not shown:
            raise ConfigError(
                "present_many: nothing is shown, so there is no number of batches; "
                "use present once for each presentation"
            )
        count = len(next(iter(shown.values())))
        batch = self._batch
        if count % batch:
            raise ConfigError(
                f"present_many: {count} samples are no whole number of batches of "
                f"{batch}; show the last ones with present"
            )
        if self._recordings or not self._runner.streams(self.schedule):
            for first in range(0, count, batch):
                some = slice(first, first + batch)
                self.present({k: x[some] for k, x in shown.items()}, number=number)
                number = None
            return
        number = self._numbered(number)
        with self._serial():
            self._runner.present_many(0, shown, self.schedule, presentation=number)
        self._lanes = self._runner.lanes_of(0, batch)
        self._last, self._next = self.schedule, number + count // batch

    def set_weights(self, weights: Mapping) -> None:
        """Replace the weights of some projections, and of those that are tied to them.

        Update filters stay as they are.

        Parameters
        ----------
        weights : mapping of str to ndarray (n_post, n_pre) or initialiser

        Raises
        ------
        ModelError
            As `circuits.initial_weights`; nothing is replaced then.
        """
        seed = self.options.seed
        moved = replaced_weights(self.circuit, self.weights(), weights, seed=seed)
        self._runner.set_weights(0, moved)
        self._runner.follow(0)

    # --- inside ---------------------------------------------------------------

    def _numbered(self, number):
        return (
            self._next if number is None else whole_number("number", number, lowest=0)
        )
