"""Steering: apical input to one of two burst-cell populations, at constant events."""

from typing import NamedTuple

import numpy as np

SOMA, APICAL = 400.0, 150.0
TAU_TRACE, TAU_AVERAGE, ETA, WEIGHT = 100.0, 5_000.0, 3.5e-3, 0.5
DT = 0.1
BIN = 1_000.0
# Averages near those the cells settle to, so that little is left to wait for.
EVENT_AVERAGE, BURST_PROBABILITY = 0.0065, 0.59
SETTLING = 15.0


class Steering(NamedTuple):
    """What happened, in bins of one second.

    Parameters
    ----------
    event_rate, pre_event_rate : ndarray (n_bins,)
        Hz per cell.
    burst_probability, pre_burst_probability : ndarray (n_bins,)
    weight : ndarray (n_bins, cells)
        Mean weight onto every postsynaptic cell at the end of the bin.
    """

    event_rate: np.ndarray
    burst_probability: np.ndarray
    pre_event_rate: np.ndarray
    pre_burst_probability: np.ndarray
    weight: np.ndarray


def steer(
    currents, pre_currents, *, cells: int, seed: int, changes=None, tick=None
) -> Steering:
    """Two populations of noisy burst cells, all to all, under apical currents.

    Parameters
    ----------
    currents, pre_currents : sequence of float (n_bins,)
        Into the dendrites of the postsynaptic and of the presynaptic cells, pA.
    cells : int
        Of each population.
    seed : int
    changes : dict, optional
        Parameters of the cells by name.
    tick : callable, optional
        Called after every bin.
    """
    import circuits
    from circuits.run.pieces import Inputs, run_in_pieces
    from dendrites.bursts import events_and_bursts

    steps = round(BIN / DT)

    def given(first, n_steps):
        k = first // steps
        shape = (n_steps, cells)
        waveforms = {
            "apical": np.full(shape, currents[k]),
            "pre_apical": np.full(shape, pre_currents[k]),
        }
        return Inputs(waveforms, {})

    n_bins = len(currents)
    spikes = {name: ([], []) for name in ("cell", "pre")}
    weight = np.empty((n_bins, cells))
    pieces = run_in_pieces(
        _circuit(cells, changes or {}),
        given,
        n_steps=n_bins * steps,
        record=[circuits.Record(name, compartments=(), spikes=True) for name in spikes],
        driven=("apical", "pre_apical"),
        piece=steps,
        seed=seed,
    )
    for k, piece in enumerate(pieces):
        for name, (times, units) in spikes.items():
            when, who = piece.spikes[name]
            times.append(DT * (when + 1))
            units.append(who)
        weight[k] = piece.weights["plastic"].mean(1)
        if tick is not None:
            tick()
    found = []
    for times, units in spikes.values():
        parsed = events_and_bursts(np.concatenate(times), np.concatenate(units), dt=DT)
        events, bursts = (
            np.histogram(t, bins=n_bins, range=(0.0, n_bins * BIN))[0]
            for t in (parsed.event_time, parsed.burst_time)
        )
        found += [events / cells / (BIN / 1000.0), bursts / np.maximum(events, 1)]
    return Steering(*found, weight)


def _circuit(cells, changes):
    import circuits
    from dendrites.models import naud_sprekeler, source
    from dendrites.rules import burst_dependent
    from experiments.pairing import partners

    cell = naud_sprekeler(
        noise=True,
        **changes,
        tau_event=TAU_TRACE,
        tau_average=TAU_AVERAGE,
        initial={
            "event_average": EVENT_AVERAGE,
            "burst_average": EVENT_AVERAGE * BURST_PROBABILITY,
        },
    )
    plastic = circuits.Projection(
        "pre",
        "cell",
        "synapse",
        signal="spikes",
        rule=burst_dependent(ETA, homeostasis=True),
        initial=np.full((cells, cells), WEIGHT),
        bounds=(0.0, 1.0),
        name="plastic",
    )
    currents = [
        partners(pre, post, field)
        for pre, post, field in (
            ("soma", "pre", "soma"),
            ("soma", "cell", "soma"),
            ("pre_apical", "pre", "apical"),
            ("apical", "cell", "apical"),
        )
    ]
    return circuits.Circuit(
        [
            circuits.Population("pre", cell, cells),
            circuits.Population("cell", cell, cells),
            circuits.Population("soma", source(), cells, pattern=SOMA),
            circuits.Population("pre_apical", source(), cells),
            circuits.Population("apical", source(), cells),
        ],
        [plastic, *currents],
        circuits.Schedule((circuits.Phase("steering", BIN),)),
        output="cell",
        readout="spike_rate",
        dt=DT,
        name="burst_steering",
    )
