"""Exponentials of many numbers at once, in stages.

The same operations as `dendrites.transfer.exp` in the same order, so the same bits. In
each stage the numbers wait for a shorter chain, so that more are worked on at a time.
"""

import numpy as np

from dendrites.compile.calls import tile
from dendrites.compile.jit import inner_kernel, jit_disabled
from dendrites.transfer import (
    _BIAS_32,
    _BIASED,
    _C3,
    _C4,
    _C5,
    _C6,
    _C7,
    _HALF_32,
    _HIGHEST_32,
    _LN2_HIGH,
    _LN2_HIGH_32,
    _LN2_LOW,
    _LN2_LOW_32,
    _LOG2E,
    _LOG2E_32,
    _LOWEST_32,
    _ONE_32,
    _SHIFT_32,
    exp,
)


@inner_kernel
def exp_of_each(values, n):
    """Replace n float64 numbers, at most a tile of them, by their exponentials."""
    rest, scale = tile(values), tile(values)
    for i in range(n):
        x = min(max(values[i], -708.0), 709.0)
        k = np.floor(x * _LOG2E + 0.5)
        rest[i] = (x - k * _LN2_HIGH) - k * _LN2_LOW
        scale[i] = np.int64(np.float64(k + _BIASED).view(np.int64) << 52).view(
            np.float64
        )
    for i in range(n):
        r = rest[i]
        y = 1.6059043836821613e-10
        y = y * r + 2.08767569878681e-09
        y = y * r + 2.505210838544172e-08
        y = y * r + 2.755731922398589e-07
        y = y * r + 2.7557319223985893e-06
        y = y * r + 2.48015873015873e-05
        values[i] = y * r + 0.0001984126984126984
    for i in range(n):
        r = rest[i]
        y = values[i] * r + 0.001388888888888889
        y = y * r + 0.008333333333333333
        y = y * r + 0.041666666666666664
        y = y * r + 0.16666666666666666
        y = y * r + 0.5
        y = y * r + 1.0
        y = y * r + 1.0
        values[i] = y * scale[i]


@inner_kernel
def exp_of_each_32(values, n):
    """The same of float32 numbers."""
    rest, scale = tile(values), tile(values)
    for i in range(n):
        x = min(max(values[i], _LOWEST_32), _HIGHEST_32)
        k = np.floor(x * _LOG2E_32 + _HALF_32)
        rest[i] = (x - k * _LN2_HIGH_32) - k * _LN2_LOW_32
        scale[i] = np.int32((np.int32(k) + _BIAS_32) << _SHIFT_32).view(np.float32)
    for i in range(n):
        r = rest[i]
        y = _C7
        y = y * r + _C6
        y = y * r + _C5
        y = y * r + _C4
        y = y * r + _C3
        y = y * r + _HALF_32
        y = y * r + _ONE_32
        y = y * r + _ONE_32
        values[i] = y * scale[i]


if jit_disabled():

    def exp_of_each(values, n):  # noqa: F811
        """Replace n numbers by their exponentials, as plain Python makes them."""
        for i in range(n):
            values[i] = exp(values[i])

    exp_of_each_32 = exp_of_each
