"""The parts a drive is a sum of: each gives its value in every step of a run."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dendrites._drive_checks import frozen, refuse_spike
from dendrites._time import nearest_points
from dendrites.errors import ModelError

# Times this close to a grid point, in steps, lie on it: 0.3 / 0.1 is 2.9999999999999996
# in floating point. Covers rounding of runs up to 1e8 steps.
GRID_TOLERANCE = 1e-7


@dataclass(frozen=True, eq=False)
class Piecewise:
    """Straight lines between knots (ms); zero before the first and after the last."""

    name: str
    knots: np.ndarray
    left: np.ndarray
    right: np.ndarray
    cover: bool
    is_random: ClassVar[bool] = False

    def sample(self, n_steps, dt):
        knots = _snap(self.knots / dt)
        if self.cover and knots[-1] < n_steps:
            raise ModelError(
                f"{self.name}: its {self.left.size} samples end at "
                f"{self.knots[-1]:g} ms, but the run lasts {n_steps * dt:g} ms.\n"
                "Shorten the run, or append values (zeros for no drive)."
            )
        # Between two neighbouring edges nothing changes but the height of one line.
        inner = knots[(knots > 0.0) & (knots < n_steps)]
        edges = np.union1d(np.arange(n_steps + 1.0), inner)
        width = np.diff(edges)
        middle = edges[:-1] + 0.5 * width
        piece = np.searchsorted(knots, middle, side="right") - 1
        inside = (piece >= 0) & (piece < self.left.size)
        piece, middle, width = piece[inside], middle[inside], width[inside]
        left, right = self.left[piece], self.right[piece]
        along = (middle - knots[piece]) / (knots[piece + 1] - knots[piece])
        mean = (1.0 - along) * left + along * right
        mean = np.where(left == right, left, mean)
        return np.bincount(middle.astype(np.intp), width * mean, minlength=n_steps)


@dataclass(frozen=True, eq=False)
class Spikes:
    """Weighted spikes at given times (ms)."""

    times: np.ndarray
    weight: float
    is_random: ClassVar[bool] = False

    def sample(self, n_steps, dt):
        units = np.zeros(self.times.size, np.int64)
        steps = nearest_points(
            self.times, units, dt=dt, end=n_steps, where="spike_train"
        )
        late = (steps >= n_steps) & (self.times >= (n_steps - GRID_TOLERANCE) * dt)
        refuse_spike(
            self.times,
            late,
            f"not before the end of the run, {n_steps * dt:g} ms",
            "Lengthen the run or drop the spike; times are in ms.",
        )
        # What falls into the second half of the last step is closest to the end.
        steps = np.minimum(steps, n_steps - 1)
        return self.weight * np.bincount(steps, minlength=n_steps)


@dataclass(frozen=True, eq=False)
class PoissonTrain:
    """Weighted counts of a Poisson process of constant rate (Hz)."""

    rate: float
    weight: float
    is_random: ClassVar[bool] = True

    def sample(self, n_steps, dt, address):
        # Imported when needed: the compiler takes longer to load than the rest.
        from dendrites.random import POISSON_MEAN_LIMIT, fill_poisson_kernel

        mean = self.rate * dt / 1000.0
        if mean > POISSON_MEAN_LIMIT:
            raise ModelError(
                f"poisson_train: rate_hz={self.rate:g} gives {mean:g} spikes per step "
                f"of {dt:g} ms; at most {POISSON_MEAN_LIMIT:g} can be drawn.\n"
                "Lower the rate (it is in Hz) or shorten the step."
            )
        counts = np.empty(n_steps)
        fill_poisson_kernel(counts, mean, *address)
        return self.weight * counts


@dataclass(frozen=True, eq=False)
class Noise:
    """White noise, or an Ornstein-Uhlenbeck process of correlation time tau (ms)."""

    sd: float
    tau: float | None
    mean: float
    is_random: ClassVar[bool] = True

    def sample(self, n_steps, dt, address):
        from dendrites.random import fill_noise_kernel

        decay, jump = 0.0, 1.0
        if self.tau is not None:
            decay = math.exp(-dt / self.tau)
            jump = math.sqrt(-math.expm1(-2.0 * dt / self.tau))
        values = np.empty(n_steps)
        fill_noise_kernel(values, decay, jump, *address)
        return self.mean + self.sd * values


def piecewise(name, knots, left, right=None, *, cover=False) -> Piecewise:
    """Lines from `left` to `right` (default: level) between neighbouring knots.

    With `cover` a run must not last longer than the last knot.
    """
    right = left if right is None else right
    return Piecewise(name, frozen(knots), frozen(left), frozen(right), cover)


def _snap(steps):
    nearest = np.rint(steps)
    # An infinite knot gives NaN, which is near nothing.
    with np.errstate(invalid="ignore"):
        near = np.abs(steps - nearest) <= GRID_TOLERANCE
    return np.where(near, nearest, steps)
