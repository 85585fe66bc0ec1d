"""What can be looked at between the presentations of a presenter."""

from collections.abc import Mapping
from contextlib import ExitStack, nullcontext

import numpy as np

from circuits.circuit import Circuit
from circuits.engine.replicas import Replicas
from circuits.engine.sweep_counts import sweeps_of
from circuits.integrators import Equilibrium
from circuits.run.jumps import drift
from circuits.run.options import RunOptions
from circuits.run.planned import check_window
from circuits.run.recording import Recording, fixed_steps
from circuits.run.shown import QuickPatterns
from circuits.schedule import Schedule
from dendrites._blas import serial_blas
from dendrites._checks import shown, whole_number
from dendrites.errors import ConfigError, choices


class Looking:
    """Reads, recordings and weights of a circuit that is shown something."""

    circuit: Circuit
    schedule: Schedule
    options: RunOptions
    _quick: QuickPatterns
    _held: ExitStack | None
    _runner: Replicas
    _recordings: list[Recording]
    # Of the last presentation.
    _lanes: list | None = None
    _last: Schedule

    def read(self, population: str, name: str, phase: str | None = None) -> np.ndarray:
        """Any scalar read of the cells after the last presentation.

        Parameters
        ----------
        population, name : str
            Such as "output" and "rate"; a compartment's name reads its potential.
        phase : str, optional
            Of the cells averaged in the window of this phase; of a settled phase, of
            those in which it ended. Default: as the presentation left them.

        Returns
        -------
        ndarray (n_samples, n), float64
        """
        self._check_presented("read")
        self.circuit.model(population).read(name)
        if phase is not None:
            check_window(self._last, population, phase)
        found = self._runner.read(0, self._lanes, population, name, phase)
        return found.astype(float, copy=False)

    def recorded(self) -> dict[tuple[str, str], np.ndarray]:
        """What was recorded of the last presentation.

        Returns
        -------
        dict of (population, variable) to ndarray (n_records, n_samples, n_units)
            Record 0 is the state before the presentation, record k that after k
            intervals; spikes are the variable "spikes", counted per step.
        """
        self._check_presented("recorded")
        if not self._recordings:
            raise ConfigError(
                "recorded: this presenter records nothing; name populations or "
                "Records with Presenter(..., record=[...])"
            )
        steps = fixed_steps(self._last, self.circuit.dt)
        samples, result = sum(m for _, m in self._lanes), {}
        found = self._runner.recorded(0, self._lanes)
        for recording, values in zip(self._recordings, found, strict=True):
            if recording.events:
                shape = steps + 1, samples, len(recording.units)
                counts = np.zeros(shape, self._runner.layout.dtype)
                counts[values.step, values.sample, values.row] = values.count
                result[recording.population, "spikes"] = counts
                continue
            rows = np.swapaxes(values[:, : steps // recording.every + 1], 0, 1)
            for k, name in enumerate(recording.names):
                kept = rows[:, :, k].astype(self._runner.layout.dtype)
                result[recording.population, name] = kept
        return result

    def sweeps(self, phase: str) -> np.ndarray:
        """Sweeps that a relaxing phase of the last presentation took.

        Parameters
        ----------
        phase : str
            Of one with a tolerance, sweeps until the sample was at rest; of others
            all that it makes.

        Returns
        -------
        ndarray (n_samples,) of int
        """
        self._check_presented("sweeps")
        found = {p.name: p for p in self._last.phases if p.relax}
        if phase not in found:
            raise ConfigError(
                f"sweeps: {shown(phase)} is no relaxing phase of the schedule that was "
                "shown. " + choices(phase if isinstance(phase, str) else "", found)
            )
        return sweeps_of(self._runner.layout, self._lanes, found[phase])

    def weights(self, *names: str) -> dict[str, np.ndarray]:
        """Weights (n_post, n_pre) as they are now, of these projections or of all."""
        for name in names:
            self.circuit.projection(name)
        return self._runner.weights(0, names or None)

    def perturbation(self, projection: str) -> np.ndarray:
        """What the last presentation added to the weights of a projection.

        Returns
        -------
        ndarray or csr_array, float64, in the form of the weights
            xi of `circuits.Perturbation`, before a phase multiplies it.

        Raises
        ------
        ConfigError
            If nothing has been presented, or nothing was perturbed.
        """
        self._check_presented("perturbation")
        perturbation = self.circuit.projection(projection).perturbation
        if perturbation is None or not perturbation.acts_in(self._last.phases):
            raise ConfigError(
                f"perturbation of {projection!r}: nothing was added to its weights; "
                "give Projection(perturbation=Perturbation(...)) with phases of the "
                "schedule that is shown"
            )
        return self._runner.perturbation(0, projection)

    def drift(self, patterns: Mapping[str, np.ndarray], *, number: int = 0) -> float:
        """How far a presentation's weight change is from that with twice the jumps.

        Parameters
        ----------
        patterns, number : see `present`

        Returns
        -------
        float
            The largest relative distance over all projections. Weights and states are
            as before afterwards.

        Raises
        ------
        ConfigError
            If the integrator makes no jumps.
        """
        if not isinstance(self.options.integrator, Equilibrium):
            raise ConfigError(
                f"drift: the integrator {self.options.integrator.name!r} makes no "
                "jumps; only that of 'equilibrium' can drift"
            )
        shown = self._quick.check(patterns, self.schedule)
        with self._serial():
            return drift(
                self._runner,
                shown,
                self.schedule,
                presentation=whole_number("number", number, lowest=0),
            )

    def _check_presented(self, what):
        if self._lanes is None:
            raise ConfigError(f"{what}: nothing has been presented yet")

    def _serial(self):
        return nullcontext() if self._held is not None else serial_blas()
