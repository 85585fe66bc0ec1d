"""Sparse connectivity: some pairs of cells have a synapse, given or drawn.

Weights are sparse arrays of scipy, (n_post, n_pre) by rows, with an entry for every
synapse; nothing as large as all pairs is ever made.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import sparse

from circuits.forms import Table
from circuits.synapses import BLOCK, Synapses, canonical, check_synapses
from dendrites._checks import number, shown
from dendrites._streams import generator
from dendrites.errors import ModelError

MASK = "an array of bool (n_post, n_pre), which may be sparse (scipy)"


class Edges(Table, ABC):
    """Connectivity whose synapses are a list: what `Sparse` and `Random` share."""

    @abstractmethod
    def synapses(self, n_post: int, n_pre: int) -> Synapses:
        """Which pairs of cells are joined."""

    def n_synapses(self, n_post: int, n_pre: int) -> int:
        """Number of weights."""
        return len(self.synapses(n_post, n_pre))

    def problems(self, n_post: int, n_pre: int) -> Iterator[str]:
        """Why populations of these sizes cannot be joined: any can."""
        return iter(())

    def masked(self, weights) -> sparse.csr_array:
        """The weights of the synapses among those of all pairs (n_post, n_pre)."""
        synapses = self.synapses(*weights.shape)
        return synapses.weights(synapses.values(weights))

    def constant(self, value: float, n_post: int, n_pre: int) -> sparse.csr_array:
        """Weights of one value."""
        synapses = self.synapses(n_post, n_pre)
        return synapses.weights(np.full(len(synapses), value))

    def sampled(self, draw: Callable, n_post: int, n_pre: int) -> sparse.csr_array:
        """Weights of what `draw(shape)` gives for all pairs of cells."""
        synapses = self.synapses(n_post, n_pre)
        return synapses.weights(synapses.sampled(draw))

    def outer(self, post: np.ndarray, pre: np.ndarray) -> sparse.csr_array:
        """Sum over samples of what each synapse joins, in the form of weights.

        Of postsynaptic (n_samples, n_post) and presynaptic numbers (n_samples, n_pre).
        """
        synapses = self.synapses(post.shape[1], pre.shape[1])
        total, rows = np.zeros(len(synapses)), synapses.post
        for one, other in zip(post, pre, strict=True):
            total += one[rows] * other[synapses.pre]
        return synapses.weights(total)

    def flatten(self, weights) -> np.ndarray:
        """Float64 weights (n_synapses,), presynaptic cell by presynaptic cell."""
        flat = np.empty(self.n_synapses(*np.shape(weights)))
        self.flatten_into(flat, weights)
        return flat

    def flatten_into(self, flat: np.ndarray, weights) -> None:
        """Write what `flatten` gives, without another array as large."""
        synapses = self.synapses(*np.shape(weights))
        values, order = synapses.values(weights, copy=False), synapses.by_pre[0]
        for first in range(0, len(order), BLOCK):
            part = slice(first, first + BLOCK)
            flat[part] = values[order[part]]

    def unflatten(self, flat: np.ndarray, n_post: int, n_pre: int) -> sparse.csr_array:
        """Weights (n_post, n_pre) of what `flatten` gives."""
        synapses = self.synapses(n_post, n_pre)
        values = np.empty(len(synapses))
        values[synapses.by_pre[0]] = flat
        return synapses.weights(values)

    def index(self, n_post: int, n_pre: int) -> np.ndarray:
        """Where the synapses of each presynaptic cell begin, and whom they reach.

        Returns
        -------
        ndarray of int32 (n_pre + 1 + n_synapses,)
            First synapse of every presynaptic cell and the end of the last one, then
            the postsynaptic cell of every synapse.

        Raises
        ------
        ModelError
            If these are too many to be counted so.
        """
        synapses = self.synapses(n_post, n_pre)
        if len(synapses) >= 2**31:
            raise ModelError(
                f"{len(synapses)} synapses of one projection are too many, at most "
                f"{2**31 - 1}: split its populations"
            )
        return synapses.by_pre[1]


@dataclass(frozen=True, eq=False)
class Sparse(Edges):
    """The pairs of cells that a mask names.

    Weights are (n_post, n_pre): sparse arrays of scipy (`csr_array`) in results; arrays
    are taken too, and what they hold where the mask is zero is left out.

    Parameters
    ----------
    mask : ndarray of bool (n_post, n_pre), or a sparse array of scipy
        Of the latter, in any format, entries that are not zero are synapses.

    Raises
    ------
    ModelError
        If it is no such mask.
    """

    mask: np.ndarray | sparse.sparray

    name: ClassVar[str] = "sparse"

    def __post_init__(self):
        mask = as_mask(self.mask)
        if mask is None:
            raise ModelError(f"Sparse: mask = {shown(self.mask)}: must be {MASK}")
        object.__setattr__(self, "mask", mask)

    def synapses(self, n_post: int, n_pre: int) -> Synapses:
        """Those of the mask."""
        if "_synapses" not in vars(self):
            object.__setattr__(self, "_synapses", Synapses.of_mask(self.mask))
        return self._synapses

    def expected(self, n_post: int, n_pre: int) -> float:
        """Number of weights, before anything is made."""
        mask = self.mask
        return mask.nnz if sparse.issparse(mask) else int(np.count_nonzero(mask))

    def fan_in(self, n_pre: int) -> float:
        """Presynaptic cells that a postsynaptic one could have."""
        return n_pre

    def problems(self, n_post: int, n_pre: int) -> Iterator[str]:
        """Why populations of these sizes cannot be joined."""
        if self.mask.shape != (n_post, n_pre):
            yield f"mask has shape {self.mask.shape}, must be {(n_post, n_pre)}"


@dataclass(frozen=True, eq=False)
class Random(Edges):
    """Every pair of cells with one probability, independently.

    A cell may be joined to itself where a projection returns to its population. Which
    synapses there are belongs to the description of a circuit: they are drawn by the
    name of the projection and the `seed` of the Circuit (stream
    ``connectivity/<projection>``), and the seed of a run changes weights alone. Weights
    are as those of `Sparse`.

    Parameters
    ----------
    probability : float
        From 0 to 1.

    Raises
    ------
    ModelError
        For other probabilities.
    """

    probability: float

    name: ClassVar[str] = "random"
    # Seed and name that it is drawn by, known once it is part of a circuit.
    _key: ClassVar[tuple[int, str] | None] = None

    def __post_init__(self):
        probability = number(
            "Random: probability", self.probability, least=0.0, most=1.0
        )
        object.__setattr__(self, "probability", float(probability))
        object.__setattr__(self, "_drawn", {})

    def of_circuit(self, seed: int, projection: str) -> "Random":
        """The same, drawn by a circuit's seed and the name of its projection."""
        if self._key == (seed, projection):
            return self
        result = Random(self.probability)
        object.__setattr__(result, "_key", (seed, projection))
        return result

    def synapses(self, n_post: int, n_pre: int) -> Synapses:
        """Those drawn for populations of these sizes."""
        shape = n_post, n_pre
        if shape not in self._drawn:
            if self._key is None:
                raise ModelError(
                    "Random: its synapses are drawn when the projection is part of a "
                    "Circuit"
                )
            seed, projection = self._key
            stream = f"connectivity/{projection}"
            check_synapses(shape, self.probability, f"projection {projection!r}")
            self._drawn[shape] = Synapses.drawn(
                generator(seed, stream), self.probability, shape
            )
        return self._drawn[shape]

    def expected(self, n_post: int, n_pre: int) -> float:
        """Number of weights on average, before anything is drawn."""
        return self.probability * n_post * n_pre

    def fan_in(self, n_pre: int) -> float:
        """Presynaptic cells of a postsynaptic one, on average."""
        return self.probability * n_pre


def as_mask(given):
    """An array of bool (n_post, n_pre), sparse if given so, or None."""
    if sparse.issparse(given):
        if len(given.shape) != 2:
            return None
        mask = canonical(given).astype(bool)
        mask.eliminate_zeros()
        return mask
    is_array = isinstance(given, np.ndarray) and not np.ma.isMaskedArray(given)
    return given if is_array and given.dtype == bool and given.ndim == 2 else None
