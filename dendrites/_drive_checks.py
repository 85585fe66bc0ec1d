"""What the arguments of a drive must be, and errors that say so."""

import numpy as np

from dendrites._checks import numbers
from dendrites.errors import ModelError


def vector(where, name, values):
    array = frozen(numbers(f"{where}: {name}", values, finite=False, error=ModelError))
    if array.ndim != 1:
        raise ModelError(
            f"{where}: {name} has shape {array.shape}, but must have one dimension.\n"
            "Pass one drive per condition or unit."
        )
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise ModelError(
            f"{where}: {name}[{bad[0]}]={array[bad[0]]}: must be finite "
            f"({bad.size} of {array.size} are not)."
        )
    return array


def refuse_spike(times, is_bad, reason, remedy):
    bad = np.flatnonzero(is_bad)
    if bad.size:
        i = bad[0]
        raise ModelError(
            f"spike_train: times_ms[{i}]={times[i]:g} ms: {reason}.\n{remedy}"
        )


def frozen(values):
    copy = np.array(values, dtype=float)
    copy.setflags(write=False)
    return copy
