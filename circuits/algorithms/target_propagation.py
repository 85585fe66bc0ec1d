"""Target propagation: every layer is told what it should have been."""

from collections.abc import Mapping, Sequence

import numpy as np

from circuits.algorithms._inverses import OWN, target_stack
from circuits.algorithms._targets import INVERSE_INITIAL, inverse
from circuits.circuit import Circuit


def target_propagation(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    inverse_rate: float = 0.1,
    sigma: float = 0.1,
    target_step: float = 1.0,
    inverse_phi=None,
    inverse_of: str = "rates",
    inverse_initial=INVERSE_INITIAL,
    **options,
) -> Circuit:
    """Inverses bring targets down, and every layer learns its own, as a delta rule.

        h~_L = h_L + s (t - h_L),  h~_l = g_(l+1)(h~_(l+1))
        dW_l = learning_rate * mean((h~_l - h_l) / s o phi'(a_l) h_(l-1)^T)

    with s = `target_step`, g_(l+1)(h) = phi_g(V_(l+1) h + c_(l+1)). The output learns
    the delta rule of its own loss. Inverses learn from rates with noise of standard
    deviation `sigma` that the layer above hears:

        h' = h_l + noise,  y = phi(W_(l+1) h' + b_(l+1))
        dV_(l+1) = inverse_rate * mean((h' - g_(l+1)(y)) o phi_g' y^T)

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of updates, in [0, 1), those of inverses too.
    inverse_rate : float
        Of inverses and their biases, per presentation; 0: they stay.
    sigma : float
        Of the noise; 0: inverses learn to reconstruct the rates themselves.
    target_step : float
        s, > 0. At 1 the target of the output is t itself.
    inverse_phi : name in `dendrites.transfer.TRANSFERS` or Transfer, optional
        phi_g. Default: the function of the layer that is reconstructed, for potentials
        the identity.
    inverse_of : {"rates", "potentials"}
        What an inverse sees: h, or phi^-1(h), with which V = W^-1, c = -W^-1 b is the
        exact inverse of any phi (`exact_inverses`). A target that is no rate of phi
        then has no potential, which stops the run. A softmax shows its potentials.
    inverse_initial : initialiser
        What the weights V are drawn from.
    **options
        Further arguments of `circuits.layered`: transfer functions, loss, biases, ...

    Returns
    -------
    Circuit

    Raises
    ------
    ModelError
        For an unknown option, sizes without hidden layers, and as `circuits.layered`.

    Source: LeCun (1986); Bengio, arXiv:1407.7906. Differs: distances are divided by s,
    so that it does not act as a learning rate; a cross entropy has the target of the
    squared error.
    Exact: with exact inverses targets reproduce the output's as they travel up, and as
    s goes to 0 hidden layers get (dh_L/dh_l)^-1 (t - h_L), the Gauss-Newton step, which
    is backprop for orthogonal linear layers. A hidden cell gets a vector; phases:
    forward, target, noisy, reconstructed; one presentation.
    """
    return target_stack(
        "target_propagation",
        sizes,
        options,
        OWN,
        learning_rate=learning_rate,
        momentum=momentum,
        inverse_rate=inverse_rate,
        sigma=sigma,
        target_step=target_step,
        inverse_phi=inverse_phi,
        inverse_of=inverse_of,
        inverse_initial=inverse_initial,
        difference=False,
    )


def exact_inverses(circuit: Circuit, weights: Mapping) -> dict[str, np.ndarray]:
    """Weights of linear inverses of potentials: W^+ and -W^+ b of the layer above.

    Parameters
    ----------
    circuit : Circuit
        Of `target_propagation` or `difference_target_propagation` with
        ``inverse_of="potentials"``, or of linear layers.
    weights : mapping of str to ndarray (n_post, n_pre)
        Of the bottom-up projections and biases.

    Returns
    -------
    dict of ndarray
        Of all inverses and their biases, by projection.
    """
    layers, found = circuit.network.layers, {}
    for below, layer in zip(layers[:-1], layers[1:], strict=True):
        name = inverse(layer.population, below.population)
        if name not in {p.name for p in circuit.projections}:
            continue
        found[name] = np.linalg.pinv(weights[layer.projection])
        if layer.bias:
            shift = -found[name] @ weights[layer.bias]
            found[inverse("bias", below.population)] = shift
    return found
