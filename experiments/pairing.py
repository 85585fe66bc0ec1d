"""Spikes forced on many cells side by side, one-to-one synapses, and what they learnt.

Condition k is unit k of every population. Synapses are read and not heard where their
cell does not listen to them, so that all rules on one cell can be measured in one run,
each in a projection of its own.
"""

from collections.abc import Mapping, Sequence

import numpy as np

import circuits
from circuits import Circuit, Constant, Phase, Population, Projection, Schedule


def trains(times: Sequence) -> tuple[np.ndarray, np.ndarray]:
    """Spike times of many cells in the form of ``simulate(forced_spikes=)``.

    Parameters
    ----------
    times : sequence of array_like (n_spikes,), or ndarray (n_cells,)
        ms, a train for every cell; or one spike for every cell.

    Returns
    -------
    times : ndarray (n_spikes,)
        Of all cells, ascending, ms.
    cells : ndarray of int (n_spikes,)
        At equal times ascending.
    """
    times = [np.atleast_1d(each) for each in times]
    cells = np.repeat(np.arange(len(times)), [len(each) for each in times])
    every = np.concatenate(times)
    order = np.argsort(every, kind="stable")
    return every[order], cells[order]


def partners(pre: str, post: str, field: str, weight=1.0, **options) -> Projection:
    """A projection from every cell to its partner.

    Parameters
    ----------
    weight : float or ndarray (n_cells,)
    **options
        As `circuits.Projection` takes them.
    """
    initial = Constant(weight) if np.ndim(weight) == 0 else weight
    return Projection(
        pre, post, field, connectivity="one_to_one", initial=initial, **options
    )


def measured(pre: str, post: str, rule, **options) -> Projection:
    """A synapse between partners that starts at 0 and whose rule is measured."""
    return partners(pre, post, "synapse", 0.0, signal="spikes", rule=rule, **options)


def weight_change(tree, projection: str) -> np.ndarray:
    """What a simulation did to the weights of a projection; of partners (n_cells,)."""
    before, after = tree[f"connections/{projection}"].w.values
    return after - before


def run(
    populations: Sequence[Population],
    projections: Sequence[Projection],
    forced: Mapping[str, tuple],
    *,
    duration: float,
    dt: float,
    on: tuple[str, ...] = (),
    patterns: Mapping | None = None,
    record: Sequence = (),
    readout: str = "spikes",
    **options,
):
    """Change of the weight of every plastic projection, and the run.

    Parameters
    ----------
    populations, projections : sequence
        The last population is the output.
    forced : mapping of population to (times, cells)
        As `trains` returns them.
    duration, dt : float
        ms.
    on : tuple of str
        Sources that show their pattern or waveform throughout.
    patterns, record, options
        As `circuits.simulate` takes them.
    readout : str
        A read of the output population.

    Returns
    -------
    dict of ndarray (n_cells,), by projection; DataTree
    """
    circuit = Circuit(
        tuple(populations),
        tuple(projections),
        Schedule((Phase("pairing", duration, on=on),)),
        dt=dt,
        output=populations[-1].name,
        readout=readout,
        name="pairing",
    )
    tree = circuits.simulate(
        circuit,
        patterns or {},
        record,
        learning=True,
        forced_spikes=forced,
        **options,
    )
    changes = {p.name: weight_change(tree, p.name) for p in projections if p.learns}
    return changes, tree
