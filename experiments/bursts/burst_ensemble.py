"""Ensembles of noisy burst cells, each under currents of its own into two compartments.

Used by the burst-multiplexing experiment.
"""

from typing import NamedTuple

import numpy as np

CELLS, SOMA, APICAL = "cell", "soma_current", "apical_current"


# Parameters of the cell that its spikes depend on, besides those of its noise.
CELL = (
    *("e_leak", "tau_soma", "c_soma", "g_soma", "b_adaptation", "tau_adaptation"),
    *("threshold", "threshold_jump", "tau_threshold", "tau_apical", "c_apical"),
    *("g_apical", "e_apical", "d_apical", "bap_current", "bap_duration", "a_apical"),
    "tau_apical_adaptation",
)


class Noise(NamedTuple):
    """Ornstein-Uhlenbeck currents into soma and dendrite, independent of each other.

    Parameters
    ----------
    sd : float
        Standard deviation, pA.
    tau : float
        Correlation time, ms.
    """

    sd: float
    tau: float


class Trains(NamedTuple):
    """Spikes, events and bursts of ensembles.

    Parameters
    ----------
    spikes, events, bursts : tuple (time, cell)
        Times, ms, (n,) and the numbers of the cells, (n,): ensemble times cells of an
        ensemble plus the number in it. Bursts are at their second spikes.
    n : int
        Number of cells.
    """

    spikes: tuple[np.ndarray, np.ndarray]
    events: tuple[np.ndarray, np.ndarray]
    bursts: tuple[np.ndarray, np.ndarray]
    n: int

    def counts(self, name: str, *, after: float = 0.0) -> np.ndarray:
        """Spikes, events or bursts of every cell later than `after` ms, (n,)."""
        time, cell = getattr(self, name)
        # Times are rounded steps; one at `after` itself is not later.
        return np.bincount(cell[time > after + 1e-6], minlength=self.n)


def ensemble_circuit(
    n_ensembles: int, cells: int, *, noise: Noise, dt: float, cell=None
):
    """Ensembles of unconnected cells; one source of current per ensemble and place.

    Cell k of every ensemble has the random stream k: ensembles differ by their
    currents alone.
    """
    from circuits import Circuit, Phase, Population, Projection, Schedule
    from dendrites.models import naud_sprekeler, source

    n = n_ensembles * cells
    changes = dict(cell or {}, noise_soma=noise.sd, noise_apical=noise.sd)
    model = naud_sprekeler(noise=True, tau_noise=noise.tau, **changes)
    to_its_cells = np.repeat(np.eye(n_ensembles), cells, axis=0)
    return Circuit(
        populations=(
            Population(SOMA, source(), n_ensembles),
            Population(APICAL, source(), n_ensembles),
            Population(CELLS, model, n, noise=np.tile(np.arange(cells), n_ensembles)),
        ),
        projections=(
            Projection(SOMA, CELLS, "soma", initial=to_its_cells),
            Projection(APICAL, CELLS, "apical", initial=to_its_cells),
        ),
        schedule=Schedule((Phase("run", dt, on=(SOMA, APICAL)),)),
        output=CELLS,
        readout="spikes",
        dt=dt,
        name="burst_ensembles",
    )


def run_ensembles(
    soma, apical, *, n_steps: int, cells: int, noise: Noise, dt, seed: int, cell=None
) -> Trains:
    """What ensembles fire under currents that are the same for all their cells.

    Parameters
    ----------
    soma, apical : array_like (n_ensembles,), or callable
        Constant currents, pA, or ``(first_step, n_steps) -> (n_steps, n_ensembles)``.
    n_steps, cells : int
        Of the run; of an ensemble.
    noise : Noise
    dt : float
        ms.
    seed : int
    cell : mapping of str to float, optional
        Changed parameters.

    Returns
    -------
    Trains
    """
    import circuits
    from circuits.run.pieces import Inputs
    from dendrites.bursts import events_and_bursts

    soma, apical = (x if callable(x) else _held(x) for x in (soma, apical))
    n_ensembles = soma(0, 1).shape[1]
    circuit = ensemble_circuit(n_ensembles, cells, noise=noise, dt=dt, cell=cell)

    def given(first, count):
        return Inputs({SOMA: soma(first, count), APICAL: apical(first, count)}, {})

    pieces = circuits.run_in_pieces(
        circuit,
        given,
        n_steps=n_steps,
        record=[circuits.Record(CELLS, compartments=(), spikes=True)],
        driven=(SOMA, APICAL),
        learning=False,
        seed=seed,
    )
    parts = [piece.spikes[CELLS] for piece in pieces]
    steps, unit = (np.concatenate(part) for part in zip(*parts, strict=True))
    time = (steps + 1) * dt
    found = events_and_bursts(time, unit, dt=dt)
    return Trains(
        (time, unit),
        (found.event_time, found.event_unit),
        (found.burst_time, found.burst_unit),
        n_ensembles * cells,
    )


def _held(values):
    values = np.asarray(values, float)
    return lambda first, count: np.tile(values, (count, 1))
