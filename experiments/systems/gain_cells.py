"""Cells under steady somatic and apical currents, side by side: their rates."""

from typing import NamedTuple

import numpy as np

from dendrites import transfer

SOMA, APICAL, CELLS = "soma_current", "apical_current", "cell"
SETTLING = 500.0  # ms
NOISE_TAU = 2.0  # ms


class Cell(NamedTuple):
    """A cell model and how currents reach it.

    Parameters
    ----------
    model : callable
        ``model(noise) -> CellModel``; noise in pA, of cells that have any.
    soma, apical : str
        Input fields of the currents.
    soma_scale, apical_scale : float
        What 1 pA is in the units of these fields.
    read : str
        "spikes", or a read in units of its own.
    dt : float
        ms.
    """

    model: object
    soma: str = "soma"
    apical: str = "apical"
    soma_scale: float = 1.0
    apical_scale: float = 1.0
    read: str = "spikes"
    dt: float = 0.1


def _noisy(name):
    def make(noise):
        from dendrites import models

        sizes = {"noise_soma": noise, "noise_apical": noise, "tau_noise": NOISE_TAU}
        return getattr(models, name)(noise=True, **sizes)

    return make


def _phi(v):
    return 100.0 * transfer.logistic((v - 5.0) / 2.0)


def _rate_cell(noise):
    from dendrites.models import three_compartment

    return three_compartment(phi=_phi)


def _segregated(noise):
    from dendrites.models import guerguiev_hidden

    return guerguiev_hidden()


#: Cells of the plasticity lab that have an apical dendrite and a rate, with the scales
#: of currents that they have there.
CELL_MODELS = {
    "naud_sprekeler": Cell(_noisy("naud_sprekeler")),
    "adex_dendrite": Cell(_noisy("adex_dendrite")),
    "guerguiev": Cell(
        _segregated, "bias", soma_scale=1 / 300, apical_scale=1 / 150, dt=1.0
    ),
    "three_compartment": Cell(
        _rate_cell, soma_scale=1 / 40, apical_scale=1 / 20, read="rate"
    ),
}


def steady_rates(cell: Cell, soma, apical, *, cells, duration, noise, seed):
    """Mean rates (n_conditions, n_cells), Hz, under pairs of constant currents.

    Cell k of every condition has the random stream k: conditions differ by their
    currents alone.

    Parameters
    ----------
    soma, apical : ndarray (n_conditions,)
        pA.
    cells : int
        Per condition.
    duration : float
        Counted, after 500 ms of settling, ms.
    """
    import circuits
    from circuits import Circuit, Phase, Population, Projection, Schedule
    from dendrites.models import source

    n = len(soma)
    streams = np.tile(np.arange(cells), n)
    to_its_cells = np.repeat(np.eye(n), cells, axis=0)
    model = cell.model(noise)
    given = streams if model.random or model.spiking else None
    phase = Phase("held", SETTLING + duration, on=(SOMA, APICAL), window=duration)
    circuit = Circuit(
        (
            Population(SOMA, source(), n),
            Population(APICAL, source(), n),
            Population(CELLS, model, n * cells, noise=given),
        ),
        (
            Projection(SOMA, CELLS, cell.soma, initial=cell.soma_scale * to_its_cells),
            Projection(
                APICAL, CELLS, cell.apical, initial=cell.apical_scale * to_its_cells
            ),
        ),
        Schedule((phase,)),
        output=CELLS,
        readout=cell.read,
        dt=cell.dt,
        name="gain_control",
    )
    with circuits.Presenter(circuit, seed=seed) as presenter:
        presenter.present({SOMA: soma[np.newaxis], APICAL: apical[np.newaxis]})
        found = presenter.read(CELLS, cell.read, phase="held")[0]
    per_second = 1000.0 / cell.dt if cell.read == "spikes" else 1.0
    return per_second * found.reshape(n, cells)


def gain_and_offset(before, after) -> tuple[float, float, float]:
    """What a current does to a curve of rates: after = gain * before + offset.

    Returns
    -------
    tuple of float
        Gain, offset, and the share of the variance of `after` that they explain. NaN
        gains where `before` does not vary.
    """
    before, after = np.asarray(before, float), np.asarray(after, float)
    spread = before - before.mean()
    if not np.any(spread):
        return np.nan, np.nan, np.nan
    gain = float(spread @ after / (spread @ spread))
    offset = float(after.mean() - gain * before.mean())
    left = after - gain * before - offset
    total = np.sum((after - after.mean()) ** 2)
    explained = 1.0 - float(left @ left / total) if total > 0 else 1.0
    return gain, offset, explained


def shift_of(soma, before, after) -> tuple[float, float]:
    """The somatic current that does the same: after(I) = before(I + shift).

    Least squares over the points whose shifted current was looked at, at least three;
    between points curves are straight.

    Parameters
    ----------
    soma : ndarray (n,)
        Rising currents, pA.
    before, after : ndarray (n,)

    Returns
    -------
    tuple of float
        Shift, pA, and the share of the variance of `after` that it explains there;
        NaN where no shift is better than others.
    """
    from scipy.optimize import minimize_scalar

    soma, before, after = (np.asarray(x, float) for x in (soma, before, after))
    widest = soma[-3] - soma[0]

    def left(shift):
        seen = (soma + shift >= soma[0]) & (soma + shift <= soma[-1])
        off = after[seen] - np.interp(soma[seen] + shift, soma, before)
        return np.mean(off**2), np.var(after[seen])

    if not np.ptp(before) or not np.ptp(after):
        return np.nan, np.nan
    tried = np.linspace(-widest, widest, 201)
    best = tried[np.argmin([left(shift)[0] for shift in tried])]
    step = tried[1] - tried[0]
    found = minimize_scalar(
        lambda shift: left(shift)[0], bounds=(best - step, best + step)
    )
    error, variance = left(found.x)
    return float(found.x), float(1.0 - error / variance) if variance else np.nan
