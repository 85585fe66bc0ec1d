"""Deep linear networks whose weights share singular vectors, as circuits."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

#: Scheme: the algorithm it is an instance of, and what brings its errors back.
SCHEMES = {
    "backprop": ("backprop", "transposed"),
    "feedback_alignment": ("feedback_alignment", "aligned"),
    "sacramento": ("sacramento", "aligned"),
    "random_feedback": ("feedback_alignment", "random"),
}


class Network(NamedTuple):
    """A circuit of linear layers, and what is shown to it.

    Parameters
    ----------
    circuit : Circuit
    weights : dict of ndarray (n_post, n_pre)
        All the weights it starts from.
    inputs, targets : ndarray (n_examples, n)
        White inputs, sum x x^T / n_examples = 1, and what the map to be learned makes
        of them.
    gains : tuple of float
        Of every layer: its potential over what its weights make of the layer below.
    left, right : ndarray (n, n_modes)
        Singular vectors of the map.
    """

    circuit: object
    weights: dict
    inputs: np.ndarray
    targets: np.ndarray
    gains: tuple[float, ...]
    left: np.ndarray
    right: np.ndarray

    def strengths(self, weights) -> np.ndarray:
        """What the product of these bottom-up weights makes of every mode."""
        seen = self.right
        layers = self.circuit.network.layers
        for layer, gain in zip(layers, self.gains, strict=True):
            seen = gain * weights[layer.projection] @ seen
        return np.einsum("nm,nm->m", self.left, seen)


def linear_network(
    scheme: str,
    strengths,
    *,
    start: float,
    hidden: int,
    cells: int,
    feedback: float,
    learning_rate: float,
    seed: int,
) -> Network:
    """A network of one scheme, its weights balanced along the modes of the map.

    Parameters
    ----------
    scheme : str
        Of `SCHEMES`.
    strengths : ndarray (n_modes,)
        Singular values of the map.
    start : float
        Strength of every mode in the product of all weights.
    hidden, cells : int
        Hidden layers, and cells in each layer.
    feedback : float
        Singular value of fixed feedback weights.
    learning_rate : float
    seed : int
        Of the singular vectors, alike for all schemes.
    """
    from circuits import initial_weights
    from dendrites.random import generator

    algorithm, way = SCHEMES[scheme]
    sizes = [cells] * (hidden + 2)
    rng = generator(seed, "linear_stages/vectors")
    bases = [_orthogonal(rng, cells)[:, : len(strengths)] for _ in sizes]
    circuit, gains = _circuit(algorithm, sizes, learning_rate)
    each = start ** (1.0 / (hidden + 1))
    names = ["input", *(layer.population for layer in circuit.network.layers)]
    given = {}
    for k, gain in enumerate(gains):
        name = circuit.network.layers[k].projection
        given[name] = each / gain * bases[k + 1] @ bases[k].T
    if way != "transposed":
        rng = generator(seed, "linear_stages/feedback")
        for k, (here, above) in enumerate(pairwise(names[1:]), start=1):
            back = bases[k] @ bases[k + 1].T
            if way == "random":
                back = _orthogonal(rng, cells)
            given[f"{above}_to_{here}_apical"] = feedback / gains[k] * back
    inputs = np.sqrt(cells) * np.eye(cells)
    return Network(
        circuit,
        initial_weights(circuit, given=given),
        inputs,
        inputs @ (bases[0] * strengths) @ bases[-1].T,
        gains,
        bases[-1],
        bases[0],
    )


def _orthogonal(rng, n):
    q, r = np.linalg.qr(rng.normal(size=(n, n)))
    return q * np.sign(np.diag(r))


def _circuit(algorithm, sizes, learning_rate):
    """The circuit, and the gain of every layer."""
    from circuits import algorithms
    from dendrites.transfer import IDENTITY

    if algorithm != "sacramento":
        make = getattr(algorithms, algorithm)
        circuit = make(sizes, phi="identity", bias=False, learning_rate=learning_rate)
        return circuit, (1.0,) * (len(sizes) - 1)
    options = {
        "phi": IDENTITY,
        "form": "two_sweep",
        "tie_interneurons": True,
    }
    layers = algorithms.sacramento(sizes, **options).network.layers
    # The change of gain times weight is then the learning rate times error and input.
    rates = [learning_rate / (x.update_scale * x.attenuation**2) for x in layers]
    circuit = algorithms.sacramento(sizes, learning_rates=rates, **options)
    return circuit, tuple(layer.attenuation for layer in layers)
