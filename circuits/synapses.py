"""Synapses: which pairs of cells a sparse projection joins, and a number for each."""

from functools import cached_property
from math import prod

import numpy as np
from scipy import sparse

from dendrites._memory import check_memory

# Numbers that are drawn or put in order at once, 1 MiB.
BLOCK = 2**17


class Synapses:
    """Pairs of cells that are joined, in the order of scipy's compressed rows.

    Parameters
    ----------
    begins : ndarray of int (n_post + 1,)
        First synapse of every postsynaptic cell, and the end of the last one.
    pre : ndarray of int (n,)
        Presynaptic cell of every synapse, ascending for each postsynaptic cell.
    shape : (n_post, n_pre)
    """

    def __init__(self, begins, pre, shape):
        kind = sparse.get_index_dtype(maxval=max(len(pre), *shape))
        self.begins, self.pre = (np.asarray(x, kind) for x in (begins, pre))
        self.shape = tuple(map(int, shape))
        # All weights of a projection refer to these.
        for array in (self.begins, self.pre):
            array.flags.writeable = False

    @classmethod
    def of_mask(cls, mask) -> "Synapses":
        """Of an array of bool (n_post, n_pre), or the entries of a sparse one."""
        if sparse.issparse(mask):
            mask = canonical(mask)
            return cls(mask.indptr, mask.indices, mask.shape)
        begins = np.concatenate([[0], np.cumsum(np.count_nonzero(mask, axis=1))])
        return cls(begins, np.nonzero(mask)[1], mask.shape)

    @classmethod
    def drawn(cls, rng: np.random.Generator, probability: float, shape) -> "Synapses":
        """Each pair with a probability, by the distances from one to the next.

        Takes numbers in proportion to the synapses, not to the pairs.
        """
        n_post, n_pre = map(int, shape)
        pairs, found, last = n_post * n_pre, [], -1
        while probability > 0 and last < pairs:
            expected = probability * (pairs - 1 - last)
            count = int(expected + 4.0 * np.sqrt(expected) + 10.0)
            # What leads beyond the last pair needs no exact number.
            steps = np.minimum(rng.geometric(probability, count), pairs + 1)
            places = last + np.cumsum(steps)
            last = int(places[-1])
            found.append(places[places < pairs])
        places = np.concatenate([*found, np.zeros(0, np.int64)])
        begins = np.searchsorted(places, np.arange(n_post + 1) * n_pre)
        return cls(begins, places % max(n_pre, 1), shape)

    def __len__(self):
        return len(self.pre)

    @property
    def post(self) -> np.ndarray:
        """Postsynaptic cell of every synapse, int64 (n,)."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.begins))

    def weights(self, values) -> sparse.csr_array:
        """The numbers of all synapses (n,) as an array (n_post, n_pre)."""
        return sparse.csr_array((values, self.pre, self.begins), self.shape)

    def values(self, weights, *, copy=True) -> np.ndarray:
        """The numbers (n,) of an array (n_post, n_pre); 0 for entries that are absent.

        Entries of other pairs are left out. Without `copy` they may be those of the
        array itself.
        """
        if not sparse.issparse(weights):
            return np.asarray(weights)[self.post, self.pre].astype(float)
        weights = canonical(weights)
        if self.has_entries_of(weights):
            return np.array(weights.data, float, copy=copy or None)
        mine, theirs = self._pairs, Synapses.of_mask(weights)._pairs
        if not len(theirs):
            return np.zeros(len(self))
        at = np.minimum(np.searchsorted(theirs, mine), len(theirs) - 1)
        return np.where(theirs[at] == mine, weights.data[at], 0.0)

    def has_entries_of(self, weights: sparse.csr_array) -> bool:
        """Whether a canonical sparse array has exactly these entries."""
        mine, theirs = (self.begins, self.pre), (weights.indptr, weights.indices)
        pairs = zip(mine, theirs, strict=True)
        return all(a is b or np.array_equal(a, b) for a, b in pairs)

    def others(self, weights) -> int:
        """Entries of a sparse array that are not zero and belong to no synapse."""
        weights = canonical(weights)
        if self.has_entries_of(weights):
            return 0
        theirs = Synapses.of_mask(weights)._pairs[weights.data != 0]
        return int(np.isin(theirs, self._pairs, invert=True).sum())

    def sampled(self, draw) -> np.ndarray:
        """The numbers (n,) of these pairs among numbers for all, drawn by rows.

        `draw(shape)` gives some rows (rows, n_pre). What a synapse gets does not depend
        on which others there are.
        """
        n_post, n_pre = self.shape
        values, rows = np.empty(len(self)), max(BLOCK // max(n_pre, 1), 1)
        for first in range(0, n_post, rows):
            last = min(first + rows, n_post)
            begin, end = self.begins[first], self.begins[last]
            block = draw((last - first, n_pre))
            row = np.repeat(
                np.arange(last - first), np.diff(self.begins[first : last + 1])
            )
            values[begin:end] = block[row, self.pre[begin:end]]
        return values

    @cached_property
    def by_pre(self) -> tuple[np.ndarray, np.ndarray]:
        """Synapses by presynaptic cell: their numbers; first ones, then all targets."""
        numbers = np.arange(len(self), dtype=self.pre.dtype)
        by_column = self.weights(numbers).tocsc()
        del numbers
        return by_column.data, np.concatenate([by_column.indptr, by_column.indices])

    @property
    def _pairs(self):
        return self.post * self.shape[1] + self.pre


def canonical(array) -> sparse.csr_array:
    """A sparse array by rows, sorted, each entry once; as it is where it is so."""
    array = sparse.csr_array(array)
    if not array.has_canonical_format:
        array = array.copy()  # what was given stays as it is
        array.sum_duplicates()
    return array


def numbers_of(weights) -> np.ndarray:
    """The numbers of weights: an array itself, of a sparse one those that it holds."""
    return weights.data if sparse.issparse(weights) else weights


def with_numbers(weights, numbers: np.ndarray):
    """Other numbers in the form of some weights."""
    if not sparse.issparse(weights):
        return numbers
    return sparse.csr_array((numbers, weights.indices, weights.indptr), weights.shape)


def minus(after, before):
    """What was added to weights of one projection, in their form."""
    return with_numbers(after, numbers_of(after) - numbers_of(before))


def check_synapses(shape, share: float, where: str) -> None:
    """Refuse more synapses than memory could hold."""
    check_memory(24.0 * share * prod(shape), where)
