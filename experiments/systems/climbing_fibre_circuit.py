"""Purkinje cells taught by climbing fibres, and what theory says of their learning."""

from typing import Annotated, NamedTuple

import numpy as np

from dendrites.cell import NON_NEGATIVE, POSITIVE, CellModel
from dendrites.spikes import poisson_count

#: What tells a Purkinje cell its error: the rate of its climbing fibre, which may be
#: negative, or not, or spikes at that rate.
CODES = ("signed", "rectified", "spikes")
PER_HZ = 1e-3  # 1/ms


class State(NamedTuple):
    output: Annotated[float, "1"] = 0.0
    demand: Annotated[float, "1"] = 0.0
    spikes: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    baseline: Annotated[float, "Hz", POSITIVE] = 1.0
    sensitivity: Annotated[float, "Hz", NON_NEGATIVE] = 4.0
    interval: Annotated[float, "ms", POSITIVE] = 10.0


class Inputs(NamedTuple):
    parallel: Annotated[float, "1"] = 0.0
    demand: Annotated[float, "1"] = 0.0


def _step(cell, inputs, p, dt):
    return State(inputs.parallel, inputs.demand, 0.0)


def _climbing(cell, p):
    """Rate of the climbing fibre, Hz: above baseline for too much output."""
    return p.baseline + p.sensitivity * (cell.output - cell.demand)


def _spike(cell, u, p, dt):
    return poisson_count(u, _climbing(cell, p) * PER_HZ * dt)


def _fired(cell, count, p, dt):
    return cell._replace(spikes=count)


def _signed(cell, p):
    return p.baseline - _climbing(cell, p)


def _rectified(cell, p):
    return p.baseline - max(_climbing(cell, p), 0.0)


def _counted(cell, p):
    return p.baseline - cell.spikes / (PER_HZ * p.interval)


def purkinje_cell(*, baseline: float, sensitivity: float, dt: float) -> CellModel:
    """A Purkinje cell with its climbing fibre, which reports what it did wrong.

        c = c_0 + k (output - demand)

    Reads: ``climbing`` = c, Hz; ``signed``, ``rectified`` and ``counted``, what a
    synapse of an active parallel fibre learns from: c_0 minus c, minus max(c, 0), and
    minus the complex spikes of the step over its length.

    Parameters
    ----------
    baseline, sensitivity : float
        c_0 and k, Hz.
    dt : float
        Step of the run, ms.
    """
    return CellModel(
        "purkinje_cell",
        State,
        Params,
        Inputs,
        step=_step,
        spike=_spike,
        fired=_fired,
        reads={
            "climbing": _climbing,
            "signed": _signed,
            "rectified": _rectified,
            "counted": _counted,
        },
        parameters=Params(baseline, sensitivity, dt),
        compartments=("output", "demand"),
        source="Marr (1969), Albus (1971), Ito (1989)",
    )


def taught_circuit(n_granule, n_tasks, *, duration, baseline, sensitivity, rate, dt):
    """Granule cells, and one Purkinje cell for every task and code.

    Parameters
    ----------
    rate : float
        eta, of dw/dt = -eta (c - c_0) g, with c in Hz and times in s.
    """
    from circuits import Circuit, Constant, Phase, Population, Projection, Schedule
    from dendrites import ActivityDifference
    from dendrites.models import source

    cell = purkinje_cell(baseline=baseline, sensitivity=sensitivity, dt=dt)
    reads = dict(zip(CODES, ("signed", "rectified", "counted"), strict=True))
    populations = [
        Population("granule", source(), n_granule),
        Population("demand", source(), n_tasks),
        *(Population(code, cell, n_tasks) for code in CODES),
    ]
    projections = []
    for code in CODES:
        rule = ActivityDifference(reads[code], None, rate * PER_HZ)
        projections += [
            Projection("granule", code, "parallel", rule=rule, initial=Constant(0.0)),
            Projection(
                "demand",
                code,
                "demand",
                connectivity="one_to_one",
                initial=Constant(1.0),
            ),
        ]
    return Circuit(
        tuple(populations),
        tuple(projections),
        Schedule((Phase("moving", duration, on=("granule", "demand")),)),
        output="signed",
        readout="output",
        dt=dt,
        name="climbing_fibre",
    )


def granule_rates(head_phase, n_granule: int, rng, *, mossy: int = 20) -> np.ndarray:
    """Rates (n_times, n_granule) of a random expansion of the phase of the head.

    Mossy fibres follow the head with phases spread over the cycle, every granule cell
    sums four of them and is silent below a threshold; all are scaled so that the mean
    over time of the sum of squares is 1.

    Parameters
    ----------
    head_phase : ndarray (n_times,)
        Phase in the cycle, radians.
    """
    lead = 2.0 * np.pi * (np.arange(mossy) + rng.uniform(size=mossy)) / mossy
    fibres = np.sin(head_phase[:, np.newaxis] + lead)
    joined = np.array([rng.permutation(mossy)[:4] for _ in range(n_granule)])
    drive = fibres[:, joined].sum(axis=2) - rng.uniform(0.0, 1.0, n_granule)
    rates = np.maximum(drive, 0.0)
    return rates / np.sqrt(np.mean(np.sum(rates**2, axis=1)))


def residual(rates, demand, time, learning: float) -> np.ndarray:
    """Root mean square error over a cycle while the signed code learns, by theory.

    The weights' distance to the least-squares solution shrinks in every direction by
    exp(-eta k lambda t), with the eigenvalues lambda of <g g^T>.

    Parameters
    ----------
    rates : ndarray (n_steps, n_granule)
        Of one cycle.
    demand : ndarray (n_steps,)
    time : ndarray (n_times,)
        s.
    learning : float
        eta k, 1/s.
    """
    # Errors over the cycle obey the same equation with the kernel g(t) g(t')^T.
    values, vectors = np.linalg.eigh(rates @ rates.T / len(rates))
    start = vectors.T @ demand
    left = start * np.exp(-learning * np.outer(time, np.maximum(values, 0.0)))
    return np.sqrt(np.mean(left**2, axis=1))
