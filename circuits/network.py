"""The reference network of a circuit: what its exact gradient is that of.

The network is u_k = a_k (W_k r_{k-1} + bias), r_k = phi_k(u_k). `losses` has its
losses, `gradient` their gradients with respect to weights.
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
# The transfer function of an output layer that is no function of one potential.
SOFTMAX = "softmax"
Transfer = tuple[Callable, Callable, Callable]
# Potentials at which a transfer function is asked whether it gives probabilities.
_ASKED = (-10.0, -3.0, -1.0, 0.0, 1.0, 3.0, 10.0)


class Layer(NamedTuple):
    """One layer of the feedforward network a circuit computes.

    Parameters
    ----------
    population : str
    projection : str
        Its bottom-up weights, of any connectivity.
    attenuation : float
        Potential per dendritic potential.
    update_scale : float
        First-order size of the circuit's update over the exact gradient.
    bias : str
        Projection of the biases, or nothing.
    phi : three functions or "softmax", optional
        Transfer function, slope and inverse of this layer, where they are not the
        network's. "softmax", of the last layer alone: r_i = exp(u_i) / sum_j exp(u_j).
    """

    population: str
    projection: str
    attenuation: float
    update_scale: float
    bias: str = ""
    phi: Transfer | str | None = None


@dataclass(frozen=True, eq=False)
class Feedforward(Sendable):
    """The feedforward network that a circuit computes, and its loss.

    Parameters
    ----------
    layers : tuple of Layer
        First hidden layer to output.
    phi : tuple of callables
        Transfer function, slope and inverse, float -> float, of layers without one of
        their own.
    loss : {"integral", "squared", "cross_entropy"}
        Of output potentials u and target rates r*, summed over the output cells:

        - integral: integral of (phi(s) - phi(u)) ds from u to the potential whose rate
          is r*, the loss that a weakly nudged dendritic microcircuit descends;
        - squared: (r* - phi(u))^2 / 2;
        - cross_entropy: -r* log phi(u) - (1 - r*) log(1 - phi(u)), for rates in (0, 1);
          of a softmax, -r* log phi(u), whose targets are usually shares that sum to 1.

    Raises
    ------
    ModelError
        For what is no layer, no transfer function or no loss, for a softmax that is not
        the last layer, and for a loss that does not fit the output: cross entropy of
        rates that are no probabilities, the integral loss of a softmax (which has no
        inverse).
    """

    layers: tuple[Layer, ...]
    phi: Transfer
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
        _check_functions("Feedforward: phi", self.phi)
        object.__setattr__(self, "phi", tuple(self.phi))
        object.__setattr__(self, "layers", tuple(map(_with_transfer, layers)))
        for layer in layers[:-1]:
            if layer.phi == SOFTMAX:
                raise ModelError(
                    f"Feedforward: layers: phi of {layer.population!r} is a softmax, "
                    "which only the last layer can have; give it three functions"
                )
        choice("Feedforward: loss", self.loss, LOSSES)
        self._check_loss()

    def _check_loss(self):
        """Refuse a loss of outputs that it is not defined for."""
        last = self.layers[-1].population
        phi = self.transfer(-1)
        if self.loss == "integral" and phi == SOFTMAX:
            raise ModelError(
                f"Feedforward: loss = 'integral': the softmax of {last!r} has no "
                "inverse, which gives the target potential. Use 'cross_entropy' or "
                "'squared'"
            )
        if self.loss != "cross_entropy" or phi == SOFTMAX:
            return
        for u in _ASKED:
            try:
                rate = float(phi[0](u))
            except (ArithmeticError, ValueError):
                continue
            if not 0.0 <= rate <= 1.0:
                raise ModelError(
                    f"Feedforward: loss = 'cross_entropy': the transfer function of "
                    f"{last!r} gives the rate {rate:g} at the potential {u:g}, which "
                    "is no probability. Use one between 0 and 1 such as the logistic, "
                    "phi='softmax' of the last layer, or loss='squared'"
                )

    def transfer(self, k: int) -> Transfer | str:
        """Transfer function, slope and inverse of layer k, or "softmax"."""
        return self.layers[k].phi or self.phi

    @property
    def loss_formula(self) -> str:
        """The loss in words, as results name it."""
        if self.transfer(-1) == SOFTMAX:
            return LOSSES[self.loss].replace("output rates", "softmax output rates")
        return LOSSES[self.loss]


def _check_functions(where, phi, more=""):
    several = isinstance(phi, tuple | list) and len(phi) == 3
    if not several or not all(callable(part) for part in phi):
        raise ModelError(
            f"{where} = {shown(phi)}: must be three functions (transfer function, "
            f"slope, inverse){more}"
        )


def _with_transfer(layer):
    if layer.phi is None or isinstance(layer.phi, str) and layer.phi == SOFTMAX:
        return layer
    where = f"Feedforward: layers: phi of {layer.population!r}"
    _check_functions(where, layer.phi, f", {SOFTMAX!r} or None")
    return layer._replace(phi=tuple(layer.phi))
