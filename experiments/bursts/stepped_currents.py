"""An ensemble of burst cells under two square waves, one for each compartment."""

import numpy as np

from experiments.bursts.burst_statistics import ratio

SOMA_HALF, APICAL_HALF, APICAL_SHIFT = 500.0, 1000.0, 250.0  # ms


def square_wave(time, levels, half, shift) -> np.ndarray:
    """`levels[0]` and `levels[1]` in turn, each `half` ms long; edges `shift` early."""
    return np.asarray(levels)[np.floor((time + shift) / half).astype(int) % 2]


def stepped(soma, apical, *, duration, bin_width, cells, noise, dt, seed, cell=None):
    """The group ``/steps``: what an ensemble tells of two currents, bin by bin.

    The somatic current changes every 500 ms, the apical one every 1000 ms, 250 ms away
    from the changes of the other: together they take all four combinations equally
    long.

    Parameters
    ----------
    soma, apical : ndarray (2,)
        Levels, pA.
    duration, bin_width, dt : float
        ms.
    cells, seed : int
    noise : experiments.bursts.burst_ensemble.Noise
    cell : mapping of str to float, optional
        Changed parameters.

    Returns
    -------
    xarray.Dataset
        By the middle of each bin: ``soma_current``, ``apical_current`` (means over the
        bin), ``event_rate``, ``burst_rate``, ``burst_probability`` (their ratio) and
        errors from the number of events.
    """
    from dendrites.dataset import group
    from experiments.bursts.burst_ensemble import run_ensembles

    waves = (soma, SOMA_HALF, 0.0), (apical, APICAL_HALF, APICAL_SHIFT)

    def current(wave):
        # Middles of steps, so that rounding does not move an edge.
        return lambda first, count: square_wave(
            (first + np.arange(count) + 0.5) * dt, *wave
        )[:, np.newaxis]

    n_steps, n_bins = round(duration / dt), round(duration / bin_width)
    currents = [current(wave) for wave in waves]
    trains = run_ensembles(
        *currents,
        n_steps=n_steps,
        cells=cells,
        noise=noise,
        dt=dt,
        seed=seed,
        cell=cell,
    )
    # A spike of a step is stamped with its end.
    events, bursts = (
        np.bincount(
            np.minimum((time - 0.5 * dt) // bin_width, n_bins - 1).astype(int),
            minlength=n_bins,
        )
        for time, _ in (trains.events, trains.bursts)
    )
    per = cells * bin_width / 1000.0
    share = ratio(bursts, events)
    # Bursts are counted at their second spikes, so a bin can have more than events.
    chance = np.clip(share, 0.0, 1.0)
    middles = (np.arange(n_bins) + 0.5) * bin_width
    held = [
        x(0, n_steps)[:, 0][np.arange(n_steps) * dt // bin_width == k].mean()
        for x in currents
        for k in range(n_bins)
    ]
    dims = ("bin",)
    return group(
        {
            "soma_current": (dims, held[:n_bins], "pA"),
            "apical_current": (dims, held[n_bins:], "pA"),
            "event_rate": (dims, events / per, "Hz"),
            "event_rate_error": (dims, np.sqrt(events) / per, "Hz", "of a count"),
            "burst_rate": (dims, bursts / per, "Hz"),
            "burst_probability": (dims, share, "1", "burst rate over event rate"),
            "burst_probability_error": (
                dims,
                np.sqrt(ratio(chance * (1.0 - chance), events)),
                "1",
                "binomial, from the number of events",
            ),
        },
        {"bin": middles},
        units={"bin": "ms"},
        # Bins without an event have none.
        nonfinite=("burst_probability", "burst_probability_error"),
        n_cells=cells,
    )


def correlations(steps) -> dict[str, float]:
    """Pearson correlations over bins of what is read out with what was put in."""
    found = {}
    for name in ("event_rate", "burst_probability"):
        for current in ("soma_current", "apical_current"):
            pair = np.array([steps[name].values, steps[current].values])
            pair = pair[:, np.isfinite(pair).all(axis=0)]
            varies = pair.shape[1] > 1 and (np.ptp(pair, axis=1) > 0).all()
            key = f"{name}_with_{current}"
            found[key] = float(np.corrcoef(pair)[0, 1]) if varies else np.nan
    return found
