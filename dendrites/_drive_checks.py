"""What the arguments of a drive must be, and errors that say so."""

import math
from numbers import Integral, Real

import numpy as np

from dendrites.errors import ConfigError, ModelError

LARGEST = np.finfo(float).max.item()


def is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool)


def number(where, name, value, *, unit="", least=-math.inf, strict=False):
    if is_number(value):
        # The comparison also refuses integers too large for a float.
        finite = -LARGEST <= value <= LARGEST
        if finite and (value > least if strict else value >= least):
            return float(value)
    else:
        unit = ""
    allowed = "a finite number" if least == -math.inf else "finite and not negative"
    raise ModelError(
        f"{where}: {name}={value!r}{unit}: "
        f"must be {'finite and positive' if strict else allowed}."
    )


def index(name, value, *, least):
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_whole or not (least <= value < 2**32):
        raise ConfigError(
            f"sample: {name}={value!r}: must be a whole number, "
            f"at least {least} and below 2**32."
        )
    return int(value)


def vector(where, name, values):
    try:
        array = np.asarray(values)
    except ValueError:
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "iuf":
        raise ModelError(
            f"{where}: {name} must be a one-dimensional list or array of real numbers, "
            f"not {type(values).__name__} of {array.dtype}."
        )
    array = frozen(array)
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
