"""How many sweeps samples took in phases that relax."""

from collections.abc import Mapping

import numpy as np


def sweeps_of(layout, lanes, phase) -> np.ndarray:
    """Sweeps (n_samples,) in the lanes of the last presentation."""
    if phase.tolerance is None:
        return np.full(sum(m for _, m in lanes), phase.sweeps)
    part = layout.lane.part("sweeps", phase.name)
    return np.concatenate([lane[part][:m] for lane, m in lanes]).astype(int)


def mean_sweeps(layout, lanes, examples: Mapping[str, int]) -> dict[str, float]:
    """``sweeps_<phase>``: of phases with a tolerance, since this was asked last.

    `examples` were shown in each phase; 0 where there were none.
    """
    found = {}
    for key in layout.lane.of_kind("all sweeps"):
        parts = [lane[layout.lane.part(*key)] for lane in lanes]
        total = sum(part.sum(dtype=float) for part in parts)
        found[f"sweeps_{key[1]}"] = float(total / max(examples.get(key[1], 0), 1))
        for part in parts:
            part[:] = 0
    return found
