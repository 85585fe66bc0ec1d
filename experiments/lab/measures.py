"""What is read out of a run beside the weight: spikes, bursts, plateaus."""

import numpy as np

from dendrites.bursts import events_and_bursts

COUNTS = ("spikes", "events", "bursts", "plateaus", "plateau_area", "apical_peak")


class PlateauMeter:
    """Counts plateaus of many cells piece by piece: times above a threshold.

    Parameters
    ----------
    n : int
        Number of cells.
    threshold : float or None
        Potential; None counts nothing.
    every : float
        Interval of the values, ms.
    """

    def __init__(self, n, threshold, every):
        self.threshold, self.every = threshold, every
        self.above = np.zeros(n, bool)
        self.plateaus, self.area = np.zeros(n), np.zeros(n)
        self.peak = np.full(n, -np.inf)

    def add(self, values: np.ndarray) -> None:
        """Take the next values (n_records, n)."""
        if len(values) == 0:
            return
        self.peak = np.maximum(self.peak, values.max(axis=0))
        if self.threshold is None:
            return
        above = values > self.threshold
        before = np.vstack([self.above, above[:-1]])
        self.plateaus += (above & ~before).sum(axis=0)
        self.area += np.where(above, values - self.threshold, 0.0).sum(0) * self.every
        self.above = above[-1]

    def counts(self) -> dict[str, np.ndarray]:
        """Plateaus, their area and the peak potential, (n,)."""
        none = self.threshold is None
        peak = np.where(np.isfinite(self.peak), self.peak, np.nan)
        return {
            "plateaus": np.full_like(self.area, np.nan) if none else self.plateaus,
            "plateau_area": np.full_like(self.area, np.nan) if none else self.area,
            "apical_peak": peak,
        }


def spike_counts(steps, units, n, *, dt, burst_interval) -> dict[str, np.ndarray]:
    """Numbers of spikes, events and bursts of n cells.

    Parameters
    ----------
    steps, units : ndarray of int (n_spikes,)
    n : int
    dt, burst_interval : float
        ms.
    """
    # Units apart, spikes of one unit in ascending order.
    order = np.lexsort((steps, units))
    found = events_and_bursts(
        (steps[order] + 1) * dt, units[order], burst_interval=burst_interval, dt=dt
    )
    each = {"spikes": units, "events": found.event_unit, "bursts": found.burst_unit}
    return {
        name: np.bincount(rows, minlength=n).astype(float)
        for name, rows in each.items()
    }
