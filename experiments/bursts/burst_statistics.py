"""Rates and burst probabilities of ensembles with errors, and the table they meet."""

import numpy as np

from experiments.statistics import standard_error

# What tests/reference/burst_multiplexing.py prints (plain NumPy, other draws): event
# rate, Hz, burst probability and the mean over cells of theirs, by somatic current, for
# apical currents of -200 to 600 pA.
TABLE_APICAL = (-200.0, 0.0, 200.0, 400.0, 600.0)
TABLE = {
    200.0: (
        (2.858, 3.101, 4.287, 7.867, 14.543),
        (0.089, 0.338, 0.685, 0.723, 0.573),
        (0.092, 0.345, 0.698, 0.733, 0.581),
    ),
    400.0: (
        (7.630, 6.862, 6.428, 8.439, 14.300),
        (0.098, 0.314, 0.656, 0.781, 0.659),
        (0.103, 0.325, 0.665, 0.788, 0.667),
    ),
    600.0: (
        (12.616, 10.308, 8.296, 9.097, 13.811),
        (0.123, 0.325, 0.646, 0.804, 0.734),
        (0.128, 0.336, 0.655, 0.810, 0.741),
    ),
}
TABLE_CELLS = 600
TABLE_RUN = {"duration": 2000.0, "noise": 450.0, "noise_tau": 2.0}
DIGIT = 0.001  # of the table


def ratio(part, whole) -> np.ndarray:
    """part / whole, NaN where whole is 0."""
    whole = np.asarray(whole, float)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole != 0)


def rate_and_error(events, seconds: float):
    """Mean rate of cells (..., n_cells) and its standard error over cells, Hz."""
    return events.mean(axis=-1) / seconds, standard_error(events) / seconds


def share_and_error(bursts, events):
    """Bursts over events of all cells (..., n_cells) and its standard error.

    P = sum(b) / sum(e), error sqrt(n / (n - 1) sum((b - P e)^2)) / sum(e) over cells,
    the first order of a ratio; where every event is a burst with the same chance,
    whatever the others are, it is sqrt(P (1 - P) / number of events). NaN without
    events.
    """
    n, total = events.shape[-1], events.sum(axis=-1)
    share = ratio(bursts.sum(axis=-1), total)
    rest = bursts - share[..., np.newaxis] * events
    return share, ratio(np.sqrt(n / (n - 1) * (rest**2).sum(axis=-1)), total)


def mean_share_and_error(bursts, events):
    """Mean over cells (..., n_cells) of their own bursts over events, and its error.

    Cells with few events count as much as the others, and a short train overstates its
    share, since a burst takes time from further events. Silent cells are left out; NaN
    with fewer than two others.
    """
    each = ratio(bursts, events)
    known = np.isfinite(each)
    n = known.sum(axis=-1)
    mean = ratio(np.where(known, each, 0.0).sum(axis=-1), n)
    rest = np.where(known, each - mean[..., np.newaxis], 0.0)
    return mean, np.sqrt(ratio((rest**2).sum(axis=-1), n * (n - 1.0)))


def main_effects(values) -> tuple[float, float]:
    """Shares of the variance of a table explained by its rows and by its columns.

    Parameters
    ----------
    values : ndarray (n_rows, n_columns)

    Returns
    -------
    tuple
        Sums of squares of row and column means around the grand mean, over the total;
        what is left to 1 is interaction. NaN for a constant table.
    """
    grand = values.mean()
    total = ((values - grand) ** 2).mean()
    if not total > 0:
        return np.nan, np.nan
    rows = ((values.mean(axis=1) - grand) ** 2).mean()
    columns = ((values.mean(axis=0) - grand) ** 2).mean()
    return float(rows / total), float(columns / total)


def table_values(soma, apical) -> np.ndarray:
    """The table's three figures, (3, n_soma, n_apical); NaN where it has none."""
    found = np.full((3, len(soma), len(apical)), np.nan)
    for i, s in enumerate(soma):
        for j, a in enumerate(apical):
            if s in TABLE and a in TABLE_APICAL:
                found[:, i, j] = [row[TABLE_APICAL.index(a)] for row in TABLE[s]]
    return found


def deviation(value, error, n_cells: int, expected) -> np.ndarray:
    """value - expected in standard errors of both.

    The table's error is that of as many cells as it has, and of its rounding, which is
    uniform.
    """
    both = error**2 * (1.0 + n_cells / TABLE_CELLS) + DIGIT**2 / 12.0
    return (value - expected) / np.sqrt(both)
