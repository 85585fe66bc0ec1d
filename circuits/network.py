"""The reference network of a circuit: what its exact gradient is that of.

The network is u_k = a_k (W_k r_{k-1} + bias), r_k = phi(u_k). `losses` has its losses,
`gradient` their gradients with respect to weights.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from dendrites._checks import choice, items, number, shown, text
from dendrites._sendable import Sendable
from dendrites.errors import ModelError

# What results say of each loss.
LOSSES = {
    "integral": "integral of (phi(s) - phi(u)) from output to target potential",
    "squared": "half the squared difference of output and target rates",
    "cross_entropy": "cross entropy of output rates with target rates",
}


class Layer(NamedTuple):
    """One layer of the feedforward network a circuit computes.

    population : str; projection : str, its bottom-up weights; attenuation : float,
    potential per dendritic potential; update_scale : float, first-order size of the
    circuit's update over the exact gradient; bias : str, projection of the biases.
    """

    population: str
    projection: str
    attenuation: float
    update_scale: float
    bias: str = ""


@dataclass(frozen=True, eq=False)
class Feedforward(Sendable):
    """The feedforward network that a circuit computes, and its loss.

    Parameters
    ----------
    layers : tuple of Layer
        First hidden layer to output.
    phi : tuple of callables
        Transfer function, slope and inverse, float -> float.
    loss : {"integral", "squared", "cross_entropy"}
        Of output potentials u and target rates r*, summed over the output cells:

        - integral: integral of (phi(s) - phi(u)) ds from u to the potential whose rate
          is r*, the loss that a weakly nudged dendritic microcircuit descends;
        - squared: (r* - phi(u))^2 / 2;
        - cross_entropy: -r* log phi(u) - (1 - r*) log(1 - phi(u)), for rates in (0, 1).

    Raises
    ------
    ModelError
        For what is no layer, no transfer function or no loss.
    """

    layers: tuple[Layer, ...]
    phi: tuple[Callable, Callable, Callable]
    loss: str = "integral"

    def __post_init__(self):
        layers = items("Feedforward: layers", self.layers, "Layers")
        if not layers:
            raise ModelError(
                "Feedforward: layers is empty: give a Layer for every layer from the "
                "first hidden one to the output, or leave the network out"
            )
        for layer in layers:
            if not isinstance(layer, Layer):
                raise ModelError(
                    f"Feedforward: layers hold a {type(layer).__name__}, must hold "
                    "Layers"
                )
            for option in ("population", "projection", "bias"):
                text(f"Feedforward: layers: {option}", getattr(layer, option))
            for option in ("attenuation", "update_scale"):
                number(f"Feedforward: layers: {option}", getattr(layer, option))
        object.__setattr__(self, "layers", layers)
        phi = self.phi if isinstance(self.phi, tuple | list) else ()
        if len(phi) != 3 or not all(callable(part) for part in phi):
            raise ModelError(
                f"Feedforward: phi = {shown(self.phi)}: must be three functions "
                "(transfer function, slope, inverse)"
            )
        object.__setattr__(self, "phi", tuple(phi))
        choice("Feedforward: loss", self.loss, LOSSES)

    @property
    def loss_formula(self) -> str:
        """The loss in words, as results name it."""
        return LOSSES[self.loss]
