"""The parts a drive is a sum of: each gives its value in every step of a run.

What a part's `begin` returns is called with the first step of a stretch and the one
after its last, stretch by stretch without gaps, so that long runs need no long arrays.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dendrites._drive_checks import frozen, refuse_spike
from dendrites._streams import stream_key
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

    def begin(self, n_steps, dt):
        if self.cover and _snap(self.knots[-1:] / dt)[0] < n_steps:
            raise ModelError(
                f"{self.name}: its {self.left.size} samples end at "
                f"{self.knots[-1]:g} ms, but the run lasts {n_steps * dt:g} ms.\n"
                "Shorten the run, or append values (zeros for no drive)."
            )
        return lambda first, last: self._stretch(first, last, dt)

    def _stretch(self, first, last, dt):
        # From the last knot well before the stretch to the first well behind it.
        begin, end = np.searchsorted(self.knots, [(first - 1) * dt, (last + 1) * dt])
        begin = max(begin - 1, 0)
        knots = _snap(self.knots[begin : end + 1] / dt)
        # Between two neighbouring edges nothing changes but the height of one line.
        inner = knots[(knots > first) & (knots < last)]
        if not inner.size:
            piece = np.searchsorted(knots, first + 0.5, side="right") - 1
            there = piece >= 0 and begin + piece < self.left.size
            level = self.left[begin + piece] if there else 0.0
            if not there or level == self.right[begin + piece]:
                return np.full(last - first, 0.0 + level)
        edges = np.union1d(np.arange(first, last + 1.0), inner)
        width = np.diff(edges)
        middle = edges[:-1] + 0.5 * width
        piece = np.searchsorted(knots, middle, side="right") - 1
        inside = (piece >= 0) & (begin + piece < self.left.size)
        piece, middle, width = piece[inside], middle[inside], width[inside]
        left, right = self.left[begin + piece], self.right[begin + piece]
        along = (middle - knots[piece]) / (knots[piece + 1] - knots[piece])
        mean = (1.0 - along) * left + along * right
        mean = np.where(left == right, left, mean)
        step = middle.astype(np.intp) - first
        return np.bincount(step, width * mean, minlength=last - first)


@dataclass(frozen=True, eq=False)
class Spikes:
    """Weighted spikes at given times (ms)."""

    times: np.ndarray
    weight: float
    is_random: ClassVar[bool] = False

    def begin(self, n_steps, dt):
        units = np.zeros(self.times.size, np.int64)
        steps = nearest_points(
            self.times, units, dt=dt, end=n_steps, where="spike_train", stacklevel=5
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

        def stretch(first, last):
            begin, end = np.searchsorted(steps, [first, last])
            counts = np.bincount(steps[begin:end] - first, minlength=last - first)
            return self.weight * counts

        return stretch


@dataclass(frozen=True, eq=False)
class PoissonTrain:
    """Weighted counts of a Poisson process of constant rate (Hz)."""

    rate: float
    weight: float
    is_random: ClassVar[bool] = True

    def begin(self, n_steps, dt, address):
        del n_steps
        # Imported when needed: the compiler takes longer to load than the rest.
        from dendrites.random import POISSON_MEAN_LIMIT, fill_poisson_kernel

        mean = self.rate * dt / 1000.0
        if mean > POISSON_MEAN_LIMIT:
            raise ModelError(
                f"poisson_train: rate_hz={self.rate:g} gives {mean:g} spikes per step "
                f"of {dt:g} ms; at most {POISSON_MEAN_LIMIT:g} can be drawn.\n"
                "Lower the rate (it is in Hz) or shorten the step."
            )

        def stretch(first, last):
            counts = np.empty(last - first)
            fill_poisson_kernel(counts, mean, first, *address)
            return self.weight * counts

        return stretch


@dataclass(frozen=True, eq=False)
class Noise:
    """White noise, or an Ornstein-Uhlenbeck process of correlation time tau (ms)."""

    sd: float
    tau: float | None
    mean: float
    is_random: ClassVar[bool] = True

    def begin(self, n_steps, dt, address):
        from dendrites.random import fill_noise_kernel

        del n_steps
        decay, jump, before = 0.0, 1.0, 0.0
        if self.tau is not None:
            decay = math.exp(-dt / self.tau)
            jump = math.sqrt(-math.expm1(-2.0 * dt / self.tau))

        def stretch(first, last):
            nonlocal before
            values = np.empty(last - first)
            fill_noise_kernel(values, decay, jump, first, before, *address)
            before = values[-1]
            return self.mean + self.sd * values

        return stretch


def in_stretches(parts, n_steps, dt, seed, stream, condition):
    """Begin a sum of parts; arguments as those of `drives.sample`.

    Returns
    -------
    callable
        (first, last) -> float64, (last - first,), the sum in these steps. To be called
        for stretches that follow each other, from step 0 on.
    """
    begun, n_random = [], 0
    for part in parts:
        address = ()
        if part.is_random:
            # A room of its own: no name of a field is that of a cell's own numbers.
            key = stream_key(seed, f"drive/{stream}")
            address = ((*key, condition, 0, n_random),)
            n_random += 1
        begun.append(part.begin(n_steps, dt, *address))

    def stretch(first, last):
        values = np.zeros(last - first)
        for one in begun:
            values += one(first, last)
        return values

    return stretch


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
