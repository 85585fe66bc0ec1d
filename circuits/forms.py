"""Forms of weights: what several kinds of connectivity have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np


class Array(ABC):
    """Weights that are one array, of the shape that `weights_shape` says."""

    @abstractmethod
    def weights_shape(self, n_post: int, n_pre: int) -> tuple[int, ...]:
        """Shape of the weights."""

    def n_synapses(self, n_post: int, n_pre: int) -> int:
        """Number of weights."""
        return int(np.prod(self.weights_shape(n_post, n_pre)))

    def expected(self, n_post: int, n_pre: int) -> float:
        """Number of weights, before anything is made."""
        return self.n_synapses(n_post, n_pre)

    def constant(self, value: float, n_post: int, n_pre: int) -> np.ndarray:
        """Weights of one value."""
        return np.full(self.weights_shape(n_post, n_pre), float(value))

    def sampled(self, draw: Callable, n_post: int, n_pre: int) -> np.ndarray:
        """Weights of what `draw(shape)` gives."""
        return draw(self.weights_shape(n_post, n_pre))


class Table:
    """Weights (n_post, n_pre), of all pairs of cells or of some."""

    axes: ClassVar[tuple[str, ...]] = ("post", "pre")
    form: ClassVar[str] = "(n_post, n_pre)"

    def weights_shape(self, n_post: int, n_pre: int) -> tuple[int, ...]:
        """Shape of the weights, (n_post, n_pre)."""
        return n_post, n_pre

    def hint(self, shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
        """What may be done about weights of another shape than wanted, or nothing."""
        return "Transpose it?" if shape == wanted[::-1] else ""

    def turned(self, weights):
        """The weights as a projection the other way round has them."""
        return weights.T

    def drive(self, weights, pre: np.ndarray, n_post: int) -> np.ndarray:
        """What presynaptic numbers (n_samples, n_pre) sum to, (n_samples, n_post)."""
        return pre @ weights.T

    def back(self, weights, post: np.ndarray, n_pre: int) -> np.ndarray:
        """What postsynaptic numbers sum to the other way, (n_samples, n_pre)."""
        return post @ weights
