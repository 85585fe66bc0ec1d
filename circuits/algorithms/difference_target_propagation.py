"""Difference target propagation: what inverses get wrong is subtracted."""

from collections.abc import Sequence

from circuits.algorithms._inverses import OWN, target_stack
from circuits.algorithms._targets import INVERSE_INITIAL
from circuits.circuit import Circuit


def difference_target_propagation(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    inverse_rate: float = 0.1,
    sigma: float = 0.1,
    target_step: float = 1.0,
    top: str = "inverse",
    inverse_phi=None,
    inverse_of: str = "rates",
    inverse_initial=INVERSE_INITIAL,
    **options,
) -> Circuit:
    """Targets are activities plus the difference that inverses make of the error above.

        h~_L = h_L + s (t - h_L)
        h~_l = h_l + g_(l+1)(h~_(l+1)) - g_(l+1)(h_(l+1))

    with the inverses, their noise and the update of weights of `target_propagation`. A
    layer below one that is content does not learn, whatever the inverse.

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
    top : {"inverse", "gradient"}
        How the last hidden layer gets its target: like all others, through an inverse
        (Bartunov et al.: SDTP), or as the step h + s W_L^T delta_L along the gradient
        (Lee et al.), which takes the transposed weights of the output.
    inverse_phi : name in `dendrites.transfer.TRANSFERS` or Transfer, optional
        phi_g. Default: the function of the layer that is reconstructed, for potentials
        the identity. "identity": linear inverses.
    inverse_of : {"rates", "potentials"}
        What an inverse sees: see `target_propagation`.
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

    Source: Lee, Zhang, Fischer & Bengio, ECML (2015) 498; Bartunov et al., NeurIPS 31
    (2018). Differs: as `target_propagation`.
    Exact: with exact inverses it is target propagation. With linear inverses that stay
    as they are it is feedback alignment in which what travels is h~ - h. A hidden cell
    gets a vector; phases: forward, target, noisy, reconstructed; one presentation.
    """
    return target_stack(
        "difference_target_propagation",
        sizes,
        options,
        (*OWN, "top"),
        learning_rate=learning_rate,
        momentum=momentum,
        inverse_rate=inverse_rate,
        sigma=sigma,
        target_step=target_step,
        inverse_phi=inverse_phi,
        inverse_of=inverse_of,
        inverse_initial=inverse_initial,
        difference=True,
        top=top,
    )
