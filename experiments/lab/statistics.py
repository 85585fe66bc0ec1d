"""Whether apical input and pairing interact."""

import numpy as np
import xarray as xr

from dendrites.random import generator
from experiments.lab.labelled import CHANGES

FLIPS = 9_999  # of signs of seeds, where there are too many to try all


def interaction_test(found: xr.Dataset) -> dict[str, float]:
    """Whether pairing changes what the apical current does, over seeds.

    The interaction of a 2 x 2 design, (paired - no apical current) - (no somatic pulses
    - neither), is averaged over all axes but that of seeds, leaving out protocols that
    were not run. Were there none, and a seed as likely to show one of either sign, then
    signs could be flipped at will: p is the share of flips of the signs of seeds whose
    mean is as far from 0. No more than n seeds can tell follows from it: all flips are
    tried up to 13 seeds, so p >= 2 / 2^n, else 9,999, so p >= 2e-4.

    All conditions of a seed have the same noise, so that a p says whether there is an
    interaction, however small, and not how large: that is ``mean``.

    Parameters
    ----------
    found : Dataset
        Of one model, as `experiments.lab.run_lab` returns it with controls.

    Returns
    -------
    dict
        ``mean``, ``sd`` over seeds, and the two-sided ``p``: NaN where fewer than two
        seeds or no variance leave nothing to test.

    Source: Fisher's randomisation test, `scipy.stats.permutation_test`.
    """
    from scipy import stats

    interaction = found.interaction.transpose(..., "seed").values
    each = interaction.reshape(-1, interaction.shape[-1])
    seeds = each[np.isfinite(each).all(axis=-1)].mean(axis=0)
    spread = float(np.std(seeds, ddof=1)) if len(seeds) > 1 else float("nan")
    # Differences of equal numbers leave rounding, which is no variance.
    scale = max(float(np.abs(found[name]).max()) for name in CHANGES)
    p = float("nan")
    if spread > 1e-12 * scale:
        p = stats.permutation_test(
            (seeds,),
            np.mean,
            permutation_type="samples",
            n_resamples=FLIPS,
            rng=generator(0, "lab/interaction"),
        ).pvalue
    return {"mean": float(seeds.mean()), "sd": spread, "p": float(p)}


def at_matched_events(change, events, control_events) -> tuple[np.ndarray, np.ndarray]:
    """Mean change over the seeds in which apical input left the events alone.

    Parameters
    ----------
    change, events, control_events : ndarray (..., n_seeds)

    Returns
    -------
    mean : ndarray (...)
        NaN where no seed has as many events as its control.
    count : ndarray (...)
        Seeds that have.
    """
    alike = events == control_events
    count = alike.sum(axis=-1)
    total = np.where(alike, change, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan), count
