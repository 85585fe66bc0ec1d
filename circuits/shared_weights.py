"""Connectivity whose weights are slots, each shared by many synapses.

Synapse k joins the presynaptic cell ``pre[k]`` to the postsynaptic ``post[k]`` with the
weight of slot ``slots[k]``:

    drive_i = sum over k with post[k] = i of weight[slots[k]] * signal[pre[k]]

A rule changes a slot by the sum of what it does at the synapses of the slot. `images`
has the kinds that are known by their geometry.
"""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from circuits.forms import Array
from dendrites._checks import shown
from dendrites.errors import ModelError


class SlotSynapses(NamedTuple):
    """Cells that synapses join, and their slots: int64 arrays (n_synapses,)."""

    post: np.ndarray
    pre: np.ndarray
    slots: np.ndarray


class SharedWeights(Array):
    """What all connectivity with shared weights has.

    Weights are arrays of `slot_shape`; in a run they lie as `flatten` gives them.
    """

    axes: ClassVar[tuple[str, ...]]
    form: ClassVar[str]
    name: ClassVar[str]
    slot_shape: tuple[int, ...]

    @property
    @abstractmethod
    def transposed(self) -> "SharedWeights":
        """The same synapses the other way round, with weights of the same array."""

    @abstractmethod
    def synapses(self) -> SlotSynapses:
        """All synapses; slots count weights in the order of their array."""

    def weights_shape(self, n_post: int, n_pre: int) -> tuple[int, ...]:
        """Shape of the weights."""
        return self.slot_shape

    def work(self, n_post: int, n_pre: int) -> int:
        """Multiply-adds of a product, for one sample."""
        return len(self.synapses().slots)

    def fan_in(self, n_pre: int) -> int:
        """Presynaptic cells of a postsynaptic one, at most."""
        return int(np.bincount(self.synapses().post).max(initial=1))

    def hint(self, shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
        """What may be done about weights of another shape than wanted, or nothing."""
        return ""

    def masked(self, weights: np.ndarray) -> np.ndarray:
        """The weights, zero where there is no synapse."""
        return weights

    def turned(self, weights: np.ndarray) -> np.ndarray:
        """The weights as the transposed projection has them: as they are."""
        return weights

    def flatten(self, weights: np.ndarray) -> np.ndarray:
        """Float64 weights in the order of a run."""
        return np.array(weights, float).ravel()

    def unflatten(self, flat: np.ndarray, n_post: int, n_pre: int) -> np.ndarray:
        """Weights of what `flatten` gives."""
        return np.array(flat, float).reshape(self.slot_shape)

    @abstractmethod
    def index(self, n_post: int, n_pre: int) -> np.ndarray:
        """Whole numbers that tell the engine who is joined, int64."""

    # --- sums over synapses, as the exact gradient needs them ---------------------

    def drive(self, weights: np.ndarray, pre: np.ndarray, n_post: int) -> np.ndarray:
        """What presynaptic numbers (n_samples, n_pre) sum to, (n_samples, n_post)."""
        return pre @ self._matrix(weights, (n_post, pre.shape[1])).T

    def back(self, weights: np.ndarray, post: np.ndarray, n_pre: int) -> np.ndarray:
        """What postsynaptic numbers sum to the other way, (n_samples, n_pre)."""
        return post @ self._matrix(weights, (post.shape[1], n_pre))

    def outer(self, post: np.ndarray, pre: np.ndarray) -> np.ndarray:
        """Sum over samples of what each synapse joins, in the form of weights.

        Of postsynaptic (n_samples, n_post) and presynaptic numbers (n_samples, n_pre).
        """
        rows, columns, slots = self.synapses()
        total = np.zeros(int(np.prod(self.slot_shape)))
        for one, other in zip(post, pre, strict=True):
            total += np.bincount(slots, one[rows] * other[columns], len(total))
        return total.reshape(self.slot_shape)

    def _matrix(self, weights, shape):
        post, pre, slots = self.synapses()
        values = np.asarray(weights, float).ravel()[slots]
        return csr_array((values, (post, pre)), shape)


@dataclass(frozen=True, eq=False)
class Shared(SharedWeights):
    """Synapses given one by one, each with the slot of its weight.

    Weights are (n_slots,), one for each slot.

    Parameters
    ----------
    post, pre, slots : ndarray of int (n_synapses,)
        Synapse k joins cell ``pre[k]`` to cell ``post[k]`` with weight ``slots[k]``;
        all count from 0, and every slot up to the largest has a synapse.

    Raises
    ------
    ModelError
        If they are no such arrays.
    """

    post: np.ndarray
    pre: np.ndarray
    slots: np.ndarray

    name: ClassVar[str] = "shared"
    axes: ClassVar[tuple[str, ...]] = ("slot",)
    form: ClassVar[str] = "(n_slots,)"

    def __post_init__(self):
        for option in ("post", "pre", "slots"):
            object.__setattr__(self, option, _whole(option, getattr(self, option)))
        lengths = {
            option: len(array) for option, array in self.synapses()._asdict().items()
        }
        if len(set(lengths.values())) > 1:
            given = ", ".join(f"{n} {option}" for option, n in lengths.items())
            raise ModelError(f"Shared: {given}: give one of each for every synapse")
        missing = np.flatnonzero(np.bincount(self.slots) == 0)
        if len(missing):
            raise ModelError(
                f"Shared: slot {missing[0]} has no synapse, and slot "
                f"{self.slots.max()} has: number the slots without gaps from 0"
            )

    @property
    def slot_shape(self) -> tuple[int, ...]:
        """(n_slots,)."""
        return (int(self.slots.max()) + 1,)

    @property
    def n_post(self) -> int:
        """Postsynaptic cells that it needs at least."""
        return int(self.post.max()) + 1

    @property
    def n_pre(self) -> int:
        """Presynaptic cells that it needs at least."""
        return int(self.pre.max()) + 1

    @property
    def transposed(self) -> "Shared":
        """The same synapses the other way round."""
        return Shared(self.pre, self.post, self.slots)

    def synapses(self) -> SlotSynapses:
        """All synapses, as given."""
        return SlotSynapses(self.post, self.pre, self.slots)

    def problems(self, n_post: int, n_pre: int) -> Iterator[str]:
        """Why populations of these sizes cannot be joined."""
        for side, least, size in (
            ("post", self.n_post, n_post),
            ("pre", self.n_pre, n_pre),
        ):
            if least > size:
                yield (
                    f"shared weights join {side} cell {least - 1}, and the "
                    f"{side}synaptic population has {size} cells (0 to {size - 1})"
                )

    def index(self, n_post: int, n_pre: int) -> np.ndarray:
        """Number of synapses, then their post and pre cells and slots, by post cell."""
        order = np.lexsort((self.pre, self.post))
        parts = (array[order] for array in self.synapses())
        return np.concatenate([[len(order)], *parts]).astype(np.int64)


def _whole(option, given):
    """Whole numbers >= 0, at least one."""
    try:
        array = np.asarray(given)
    except ValueError:  # rows of several lengths
        array = np.zeros(0)
    fits = array.ndim == 1 and array.size and array.dtype.kind in "iu"
    if not fits or np.ma.isMaskedArray(given) or array.min() < 0:
        raise ModelError(
            f"Shared: {option} = {shown(given)}: must be a flat array of whole numbers "
            ">= 0, one for each synapse, at least one"
        )
    return array.astype(np.int64)
