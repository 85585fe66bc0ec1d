"""Connectivity: which cells of two populations are joined, and the form of weights.

Weights are given and kept as arrays whose shape is `weights_shape`; `flatten` lays them
out one after the other, presynaptic cell by presynaptic cell, as a run holds them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dendrites._checks import shown
from dendrites._memory import check_memory
from dendrites.errors import ModelError


class _Table:
    """Weights (n_post, n_pre): what `Dense` and `Sparse` have in common."""

    axes: ClassVar[tuple[str, ...]] = ("post", "pre")
    form: ClassVar[str] = "(n_post, n_pre)"

    def weights_shape(self, n_post: int, n_pre: int) -> tuple[int, ...]:
        """Shape of the weights, (n_post, n_pre)."""
        return n_post, n_pre

    def hint(self, shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
        """What may be done about weights of another shape than wanted, or nothing."""
        return "Transpose it?" if shape == wanted[::-1] else ""


@dataclass(frozen=True)
class Dense(_Table):
    """Every cell of one population to every cell of the other."""

    name: ClassVar[str] = "dense"

    def n_synapses(self, n_post: int, n_pre: int) -> int:
        """Number of weights."""
        return n_post * n_pre

    def fan_in(self, n_pre: int) -> int:
        """Presynaptic cells of a postsynaptic one, at most."""
        return n_pre

    def problems(self, n_post: int, n_pre: int) -> Iterator[str]:
        """Why populations of these sizes cannot be joined: any can."""
        return iter(())

    def masked(self, weights: np.ndarray) -> np.ndarray:
        """The weights (n_post, n_pre), zero where there is no synapse."""
        return weights

    def flatten(self, weights: np.ndarray) -> np.ndarray:
        """Float64 weights (n_pre * n_post,), of (n_post, n_pre)."""
        return np.asarray(weights, float).T.ravel()

    def unflatten(self, flat: np.ndarray, n_post: int, n_pre: int) -> np.ndarray:
        """Weights (n_post, n_pre) of what `flatten` gives."""
        return np.ascontiguousarray(np.asarray(flat, float).reshape(n_pre, n_post).T)


@dataclass(frozen=True)
class OneToOne:
    """Every cell of one population to the cell of the same number in the other.

    Weights are (n,), one for each pair.
    """

    name: ClassVar[str] = "one_to_one"
    axes: ClassVar[tuple[str, ...]] = ("post",)
    form: ClassVar[str] = "(n,)"

    def weights_shape(self, n_post: int, n_pre: int) -> tuple[int, ...]:
        """Shape of the weights, (n,)."""
        return (n_post,)

    def hint(self, shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
        """What may be done about weights of another shape than wanted, or nothing."""
        square = shape == (*wanted, *wanted)
        return "Give its diagonal: one weight for each pair of cells" if square else ""

    def n_synapses(self, n_post: int, n_pre: int) -> int:
        """Number of weights."""
        return n_post

    def fan_in(self, n_pre: int) -> int:
        """Presynaptic cells of a postsynaptic one: 1."""
        return 1

    def problems(self, n_post: int, n_pre: int) -> Iterator[str]:
        """Why populations of these sizes cannot be joined."""
        if n_pre != n_post:
            yield (
                f"one-to-one needs equal sizes, got {n_pre} -> {n_post} (an "
                "interneuron layer needs one cell for each cell of the layer it "
                "predicts)"
            )

    def masked(self, weights: np.ndarray) -> np.ndarray:
        """The weights (n,): each is of a synapse."""
        return weights

    def flatten(self, weights: np.ndarray) -> np.ndarray:
        """Float64 weights (n,)."""
        return np.array(weights, float)

    def unflatten(self, flat: np.ndarray, n_post: int, n_pre: int) -> np.ndarray:
        """Weights (n,) of what `flatten` gives."""
        return np.array(flat, float)


@dataclass(frozen=True, eq=False)
class Sparse(_Table):
    """The pairs of cells that a mask names.

    Weights are (n_post, n_pre), zero where the mask is.

    Parameters
    ----------
    mask : ndarray of bool (n_post, n_pre), or a sparse array of scipy
        Of the latter, entries that are not zero are synapses.

    Raises
    ------
    ModelError
        If it is no such mask, or too large to be kept.
    """

    mask: np.ndarray

    name: ClassVar[str] = "sparse"

    def __post_init__(self):
        mask = _mask("Sparse: mask", self.mask)
        if mask is None:
            raise ModelError(f"Sparse: mask = {shown(self.mask)}: must be {_MASK}")
        object.__setattr__(self, "mask", mask)

    def n_synapses(self, n_post: int, n_pre: int) -> int:
        """Number of weights."""
        return int(self.mask.sum())

    def fan_in(self, n_pre: int) -> int:
        """Presynaptic cells that a postsynaptic one could have."""
        return n_pre

    def problems(self, n_post: int, n_pre: int) -> Iterator[str]:
        """Why populations of these sizes cannot be joined."""
        if self.mask.shape != (n_post, n_pre):
            yield f"mask has shape {self.mask.shape}, must be {(n_post, n_pre)}"

    def masked(self, weights: np.ndarray) -> np.ndarray:
        """The weights (n_post, n_pre), zero where there is no synapse."""
        return np.where(self.mask, weights, 0.0)

    def flatten(self, weights: np.ndarray) -> np.ndarray:
        """Float64 weights (n_synapses,), of (n_post, n_pre)."""
        return np.asarray(weights, float).T[self.mask.T]

    def unflatten(self, flat: np.ndarray, n_post: int, n_pre: int) -> np.ndarray:
        """Weights (n_post, n_pre) of what `flatten` gives."""
        full = np.zeros((n_pre, n_post))
        full[self.mask.T] = flat
        return np.ascontiguousarray(full.T)

    def index(self, n_post: int, n_pre: int) -> np.ndarray:
        """Where the synapses of each presynaptic cell begin, and whom they reach.

        Returns
        -------
        ndarray of int64 (n_pre + 1 + n_synapses,)
            First synapse of every presynaptic cell and the end of the last one, then
            the postsynaptic cell of every synapse.
        """
        ends = np.cumsum(self.mask.sum(axis=0))
        return np.concatenate([[0], ends, np.nonzero(self.mask.T)[1]]).astype(np.int64)


Connectivity = Dense | OneToOne | Sparse
_WORDS = {kind.name: kind for kind in (Dense, OneToOne)}
_MASK = "an array of bool (n_post, n_pre), which may be sparse (scipy)"


def as_connectivity(where: str, given) -> Connectivity:
    """The connectivity, or that of a word or a mask.

    Raises
    ------
    ModelError
        Where it is said, and what is allowed.
    """
    if isinstance(given, Connectivity):
        return given
    if isinstance(given, str) and given in _WORDS:
        return _WORDS[given]()
    mask = _mask(f"{where}: its mask", given)
    if mask is None:
        raise ModelError(
            f"{where}: connectivity = {shown(given)}: allowed: {', '.join(_WORDS)}, or "
            f"{_MASK}"
        )
    return Sparse(mask)


def _mask(where, given):
    """An array of bool (n_post, n_pre), or None for what is no mask."""
    if hasattr(given, "toarray"):
        check_memory(given.shape[0] * given.shape[1], where)
        return given.astype(bool).toarray()
    is_array = isinstance(given, np.ndarray) and not np.ma.isMaskedArray(given)
    return given if is_array and given.dtype == bool and given.ndim == 2 else None
