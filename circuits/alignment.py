"""How well a weight change follows a reference direction."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, issparse

from circuits.synapses import Synapses
from dendrites._checks import numbers
from dendrites.errors import DataError


class Alignment(NamedTuple):
    """Angle (degree), cosine, norms, their ratio and the share of equal signs."""

    angle: float
    cosine: float
    norm: float
    reference_norm: float
    size_ratio: float
    sign_agreement: float


def measure_alignment(change, reference) -> Alignment:
    """Compare a weight change with a reference of the same shape.

    Both may be sparse arrays of scipy, whose entries need not be the same ones.

    The angle is twice the arctangent of half-difference over half-sum of the unit
    vectors: the arccosine of a cosine cannot resolve angles below about 1e-6 degree.
    A zero vector has no direction: its angle is 90 degrees and its ratio 0.

    Parameters
    ----------
    change, reference : ndarray or sparse array of one shape

    Returns
    -------
    Alignment
        ``sign_agreement`` is the share of entries with equal sign among those where
        neither is zero (1 if there are none).

    Raises
    ------
    DataError
        If the shapes differ, or something is no array of finite numbers.
    """
    a, b = _checked("change", change), _checked("reference", reference)
    if a.shape != b.shape:
        raise DataError(
            f"alignment of a change of shape {a.shape} with a reference of shape "
            f"{b.shape}: both must have one shape"
        )
    if issparse(a) or issparse(b):
        a, b = _entries(a, b)
    a, b = a.ravel(), b.ravel()
    # Scaled first: squares of entries beyond 1e-154 or 1e154 leave float64.
    scale, reference_scale = np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0)
    a, b = a / (scale or 1.0), b / (reference_scale or 1.0)
    length, reference_length = np.linalg.norm(a), np.linalg.norm(b)
    norm = float(scale * length)
    reference_norm = float(reference_scale * reference_length)
    both = (a != 0) & (b != 0)
    agreement = (
        float(np.mean(np.sign(a[both]) == np.sign(b[both]))) if both.any() else 1.0
    )
    if norm == 0 or reference_norm == 0:
        return Alignment(90.0, 0.0, norm, reference_norm, 0.0, agreement)
    a, b = a / length, b / reference_length
    angle = 2 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b))
    return Alignment(
        float(np.degrees(angle)),
        float(np.cos(angle)),
        norm,
        reference_norm,
        norm / reference_norm,
        agreement,
    )


def _checked(name, values):
    """Finite numbers; a sparse array as one by rows."""
    where = f"alignment: {name}"
    if not issparse(values):
        return numbers(where, values, error=DataError)
    numbers(where, values.tocoo().data, error=DataError)
    return csr_array(values)


def _entries(*arrays):
    """Numbers of sparse arrays, each at the places where any of them is not zero."""
    rows = [csr_array(array) for array in arrays]
    places = Synapses.of_mask(sum(array.astype(bool) for array in rows))
    return [places.values(array) for array in rows]
