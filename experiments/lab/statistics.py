"""Whether apical input and pairing interact."""

import numpy as np
from scipy import stats


def interaction_test(changes: dict[str, np.ndarray]) -> dict[str, float]:
    """Whether pairing changes what the apical current does, over seeds.

    For every seed: (paired - no_apical) - (unpaired - nothing), the interaction of a
    2 x 2 design, averaged over all other axes. Its mean over seeds is compared with 0
    by a two-sided one-sample t test.

    Parameters
    ----------
    changes : dict of ndarray (..., n_seeds)
        As in `experiments.lab.lab.Outcome`.

    Returns
    -------
    dict
        ``mean``, ``sd`` over seeds, and ``p``: NaN where fewer than two seeds or no
        variance leave nothing to test.
    """
    paired, unpaired = changes["paired"], changes["unpaired"]
    each = (paired - changes["no_apical"]) - (unpaired - changes["nothing"])
    seeds = each.reshape(-1, each.shape[-1]).mean(axis=0)
    spread = float(np.std(seeds, ddof=1)) if len(seeds) > 1 else float("nan")
    # Differences of equal numbers leave rounding, which is no variance.
    scale = max(float(np.abs(values).max()) for values in changes.values())
    if not spread > 1e-12 * scale:
        p = float("nan")
    else:
        p = float(stats.ttest_1samp(seeds, 0.0).pvalue)
    return {"mean": float(seeds.mean()), "sd": spread, "p": p}


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
