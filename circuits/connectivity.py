"""Connectivity: which cells of two populations are joined, and the form of weights.

Weights are given and kept as arrays whose shape is `weights_shape`; `flatten` lays them
out one after the other, presynaptic cell by presynaptic cell, as a run holds them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import issparse

from circuits.forms import Array, Table
from circuits.shared_weights import SharedWeights
from circuits.sparse import MASK, Edges, Random, Sparse, as_mask
from dendrites._checks import is_number, number, shown
from dendrites.errors import ModelError


@dataclass(frozen=True)
class Dense(Table, Array):
    """Every cell of one population to every cell of the other."""

    name: ClassVar[str] = "dense"

    def fan_in(self, n_pre: int) -> int:
        """Presynaptic cells of a postsynaptic one, at most."""
        return n_pre

    def problems(self, n_post: int, n_pre: int) -> Iterator[str]:
        """Why populations of these sizes cannot be joined: any can."""
        return iter(())

    def masked(self, weights: np.ndarray) -> np.ndarray:
        """The weights (n_post, n_pre) as an array, zero where they had no synapse."""
        return weights.toarray() if issparse(weights) else weights

    def outer(self, post: np.ndarray, pre: np.ndarray) -> np.ndarray:
        """Sum over samples of what each synapse joins, in the form of weights.

        Of postsynaptic (n_samples, n_post) and presynaptic numbers (n_samples, n_pre).
        """
        return post.T @ pre

    def flatten(self, weights: np.ndarray) -> np.ndarray:
        """Float64 weights (n_pre * n_post,), of (n_post, n_pre)."""
        return np.asarray(weights, float).T.ravel()

    def unflatten(self, flat: np.ndarray, n_post: int, n_pre: int) -> np.ndarray:
        """Weights (n_post, n_pre) of what `flatten` gives."""
        return np.ascontiguousarray(np.asarray(flat, float).reshape(n_pre, n_post).T)


@dataclass(frozen=True)
class OneToOne(Array):
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

    def turned(self, weights: np.ndarray) -> np.ndarray:
        """The weights as a projection the other way round has them: as they are."""
        return weights

    def drive(self, weights: np.ndarray, pre: np.ndarray, n_post: int) -> np.ndarray:
        """What presynaptic numbers (n_samples, n_pre) sum to, (n_samples, n_post)."""
        return pre * weights

    def back(self, weights: np.ndarray, post: np.ndarray, n_pre: int) -> np.ndarray:
        """What postsynaptic numbers sum to the other way, (n_samples, n_pre)."""
        return post * weights

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

    def outer(self, post: np.ndarray, pre: np.ndarray) -> np.ndarray:
        """Sum over samples of what each synapse joins, in the form of weights.

        Of postsynaptic (n_samples, n_post) and presynaptic numbers (n_samples, n_pre).
        """
        return (post * pre).sum(axis=0)

    def flatten(self, weights: np.ndarray) -> np.ndarray:
        """Float64 weights (n,)."""
        return np.array(weights, float)

    def unflatten(self, flat: np.ndarray, n_post: int, n_pre: int) -> np.ndarray:
        """Weights (n,) of what `flatten` gives."""
        return np.array(flat, float)


Connectivity = Dense | OneToOne | Edges | SharedWeights
_WORDS = {kind.name: kind for kind in (Dense, OneToOne)}


def as_connectivity(where: str, given) -> Connectivity:
    """The connectivity, or that of a word, a probability or a mask.

    Raises
    ------
    ModelError
        Where it is said, and what is allowed.
    """
    if isinstance(given, Connectivity):
        return given
    if isinstance(given, str) and given in _WORDS:
        return _WORDS[given]()
    if is_number(given):
        span = {"least": 0.0, "most": 1.0}
        return Random(number(f"{where}: connectivity (a probability)", given, **span))
    mask = as_mask(given)
    if mask is None:
        raise ModelError(
            f"{where}: connectivity = {shown(given)}: allowed: {', '.join(_WORDS)}, a "
            f"probability, {MASK}, or an object such as circuits.Convolution(...)"
        )
    return Sparse(mask)
