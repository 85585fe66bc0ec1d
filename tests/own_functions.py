"""Functions of a user's that are swept."""

import os
import warnings
from typing import Annotated

import numpy as np
import xarray as xr

from experiments.parameters import Argument


def numbers(
    *,
    gain: Annotated[float, Argument("of the cell", "mV")],
    seed: int,
    cells: int = 2,
):
    draws = np.random.default_rng(seed).normal(size=cells) * gain
    return {"peak": (draws.max(), "mV"), "count": cells, "sign": str(draws[0] > 0)}


def curves(*, gain: float, seed: int):
    draws = np.random.default_rng(seed).normal(size=7)
    time = xr.Variable("time", np.arange(7.0), {"units": "ms"})
    return xr.Dataset({"v": ("time", gain * draws.cumsum())}, {"time": time})


def sometimes(gain):
    if gain > 1.5 and os.environ.get("OWN_FAILS"):
        raise ValueError("too much")
    return {"value": gain}


def warns(gain):
    warnings.warn(f"a gain of {gain} is much", stacklevel=1)
    return {"value": gain}


def seeded(*, gain: float, seed: int | None = None):
    return {"drawn": seed % 1000}


def plain(gain, fixed="nothing", *others, **more):
    return {"value": gain}
