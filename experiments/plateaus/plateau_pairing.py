"""Pairs of one presynaptic spike and one apical current, many side by side."""

from typing import NamedTuple

import numpy as np

from circuits import Population, Record
from dendrites import models
from dendrites.btsp import BtspParameters
from dendrites.errors import ConfigError
from dendrites.rules.btsp import btsp
from experiments import pairing

SYNAPSES = "pre_to_cell_synapse"
# The current of the experiments, and one that surely makes a plateau.
USUAL_CURRENT, USUAL_DURATION = 700.0, 300.0
# What is left of ET IS at the end: e^-20.
FADED = 20.0
BEFORE = 100.0


class Pairings(NamedTuple):
    """One spike and one current per synapse.

    Parameters
    ----------
    spike_time : ndarray (n,)
        ms from the beginning of the plateau; from where the usual current would begin
        one where there is none.
    weight : ndarray (n,)
        Before the pairing.
    current, duration : ndarray (n,)
        Into the apical dendrite, pA and ms.
    """

    spike_time: np.ndarray
    weight: np.ndarray
    current: np.ndarray
    duration: np.ndarray


def pairings(spike_time, weight, current=USUAL_CURRENT, duration=USUAL_DURATION):
    """Pairings of values of any shapes that broadcast, flattened."""
    values = np.broadcast_arrays(spike_time, weight, current, duration)
    return Pairings(*(np.ravel(value).astype(float) for value in values))


def run_pairings(given: Pairings, parameters: BtspParameters, dt: float) -> dict:
    """Weight changes in a circuit of one-to-one synapses on plateau cells.

    Returns
    -------
    dict of ndarray (n,)
        ``change`` of the weight, and of the plateau as it was in the run
        ``plateau_start`` and ``plateau_stop``, ms from where it was expected to begin;
        NaN without a plateau.

    Raises
    ------
    ConfigError
        If a time is no whole number of steps, or the step as long as a current.
    """
    for name in ("spike_time", "duration"):
        times = getattr(given, name)
        if np.abs(times / dt - np.rint(times / dt)).max() > 1e-6:
            raise ConfigError(
                f"{name} = {times[0]:g} to {times[-1]:g} ms: must be whole numbers of "
                f"steps of dt = {dt:g} ms"
            )
    n = len(given.weight)
    cells = models.plateau_cell(tau_instructive=parameters.tau_instructive)
    delay = _delay_steps(given.current, cells.parameters, dt)
    begin = int(np.ceil((BEFORE - min(given.spike_time.min(), 0.0)) / dt))
    fires = begin + delay + np.rint(given.spike_time / dt).astype(int)
    fade = FADED / (1.0 / parameters.tau_eligibility + 1.0 / parameters.tau_instructive)
    ends = max(given.spike_time.max(), given.duration.max()) + BEFORE + fade
    steps = begin + int(np.ceil(ends / dt))
    lengths = np.rint(given.duration / dt).astype(int)
    on = (np.arange(steps)[:, None] >= begin) & (
        np.arange(steps)[:, None] < begin + lengths
    )
    source = models.presynaptic(tau_trace=parameters.tau_eligibility)
    changes, tree = pairing.run(
        [
            Population("pre", source, n),
            Population("apical", models.source(), n),
            Population("cell", cells, n),
        ],
        [
            pairing.measured("pre", "cell", btsp(parameters)),
            pairing.partners("apical", "cell", "apical"),
        ],
        {"pre": pairing.trains(fires * dt)},
        duration=steps * dt,
        dt=dt,
        on=("pre", "apical"),
        record=[Record("cell", compartments=(), reads=("plateau",))],
        readout="soma",
        weights={SYNAPSES: given.weight},
        waveforms={"apical": np.where(on, given.current, 0.0)},
    )
    plateau = tree["populations/cell"].plateau.values > 0.5
    some = plateau.any(axis=0)
    # Row k is the state after k + 1 steps.
    first = np.argmax(plateau, axis=0) + 1 - begin - delay
    last = len(plateau) - np.argmax(plateau[::-1], axis=0) + 1 - begin - delay
    return {
        "change": changes[SYNAPSES],
        "plateau_start": np.where(some, first * dt, np.nan),
        "plateau_stop": np.where(some, last * dt, np.nan),
    }


def _delay_steps(current, p, dt):
    """Steps from the beginning of a current to that of its plateau."""
    threshold = p.plateau_threshold - p.e_leak
    height = current * p.tau_apical / p.c_apical
    usual = USUAL_CURRENT * p.tau_apical / p.c_apical
    height = np.where(height > threshold, height, usual)
    crossing = p.tau_apical * np.log(height / (height - threshold))
    return np.floor(crossing / dt).astype(int) + 1
