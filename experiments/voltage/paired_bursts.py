"""Bursts of spike pairings, forced on many cells of one circuit at once.

Condition k is unit k of every population. Synapses are read and not heard, so all
rules on one cell can be measured in one run, each in a projection of its own.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from circuits import Circuit, Phase, Population, Projection, Schedule
from circuits.initialisers import Constant
from dendrites.cell import CellModel
from dendrites.errors import ConfigError
from dendrites.rules.voltage import clopath_delays
from experiments.repeats import check_repeats

LEAD = 150.0  # ms of rest, or of a constant current, before the first pairing
TAIL = 60.0  # ms after the last spike


class Bursts(NamedTuple):
    """Forced trains of all conditions.

    Parameters
    ----------
    pre, post : (ndarray of ms, ndarray of int)
        Ascending times and the condition of each.
    duration : float
        ms, with `LEAD` before and `TAIL` after.
    """

    pre: tuple[np.ndarray, np.ndarray]
    post: tuple[np.ndarray, np.ndarray]
    duration: float


def pairing_times(frequency, lag, *, pairings: int, gap: float, dt: float):
    """Presynaptic and postsynaptic times of one burst, ms, on the grid of dt.

    Parameters
    ----------
    frequency : float
        Hz. A period above `gap` is shortened to it.
    lag : float
        ms, t_post - t_pre; less than a period.
    gap : float
        ms.
    """
    period = min(1000.0 / frequency, gap)
    first = LEAD + period * np.arange(pairings) + max(-lag, 0.0)
    return tuple(np.round(t / dt) * dt for t in (first, first + lag))


def bursts(
    conditions: Sequence[tuple[float, float]],
    *,
    pairings: int,
    gap: float,
    dt: float,
) -> Bursts:
    """One burst of pairings for every condition (frequency, lag).

    Raises
    ------
    ConfigError
        If a lag is not shorter than the period of its pairings, or there is none.
    """
    check_repeats(pairings=pairings)
    if not gap > 0:
        raise ConfigError(f"gap = {gap:g} ms: must be > 0")
    pre, post = [], []
    for frequency, lag in conditions:
        if not frequency > 0:
            raise ConfigError(f"frequency = {frequency:g} Hz: must be > 0")
        if abs(lag) >= 1000.0 / frequency:
            raise ConfigError(
                f"pairings at {frequency:g} Hz repeat every {1000 / frequency:.4g} ms: "
                f"a lag of {lag:g} ms must be shorter. Use lower frequencies"
            )
        one, other = pairing_times(frequency, lag, pairings=pairings, gap=gap, dt=dt)
        pre.append(one)
        post.append(other)
    last = max(times[-1] for times in (*pre, *post))
    return Bursts(_train(pre), _train(post), np.ceil((last + TAIL) / dt) * dt)


def _train(times):
    """Ascending times and conditions of one array per condition."""
    unit = np.repeat(np.arange(len(times)), [len(one) for one in times])
    every = np.concatenate(times)
    order = np.argsort(every, kind="stable")
    return every[order], unit[order]


def delay_projections(
    population: str, cell: CellModel, compartment: str, delay: float
) -> list[Projection]:
    """What brings a population its own filters of some ms before."""
    return [
        one_to_one(population, population, d.field, signal=d.signal, delay=d.delay)
        for d in clopath_delays(cell, compartment=compartment, delay=delay)
    ]


def one_to_one(pre: str, post: str, field: str, **options) -> Projection:
    """A projection of weight 1 between partners."""
    return Projection(
        pre, post, field, connectivity="one_to_one", initial=Constant(1.0), **options
    )


def measured(pre: str, post: str, rule, name: str) -> Projection:
    """A synapse between partners that starts at 0 and whose rule is measured."""
    return Projection(
        pre,
        post,
        "synapse",
        signal="spikes",
        connectivity="one_to_one",
        initial=Constant(0.0),
        rule=rule,
        name=name,
    )


def weight_changes(
    populations: Sequence[Population],
    projections: Sequence[Projection],
    given: Bursts,
    trains: Mapping[str, tuple],
    *,
    dt: float,
    on: tuple[str, ...] = (),
    record: Sequence = (),
    patterns: Mapping | None = None,
):
    """Change of the weight of every plastic projection in every condition, and the run.

    Parameters
    ----------
    trains : mapping of population to (times, units)
        Forced spikes.
    on : tuple of str
        Sources that show their pattern throughout.

    Returns
    -------
    dict of ndarray (n_conditions,), by projection; DataTree
    """
    import circuits

    circuit = Circuit(
        tuple(populations),
        tuple(projections),
        Schedule((Phase("pairing", given.duration, on=on),)),
        dt=dt,
        output=populations[-1].name,
        readout="spikes",
        name="paired_bursts",
    )
    tree = circuits.simulate(
        circuit,
        patterns or {},
        record,
        learning=True,
        forced_spikes=trains,
    )
    found = {}
    for p in projections:
        if p.learns:
            w = tree[f"connections/{p.name}"].w.values
            found[p.name] = w[1] - w[0]
    return found, tree
