"""Contrastive Hebbian learning in layers with weak feedback."""

from collections.abc import Sequence

from circuits._stack_options import checked_sizes
from circuits.algorithms._options import check_options, rates_of
from circuits.algorithms._relaxing import (
    clamp,
    contrast,
    free_and_clamped,
    matching_loss,
    only_free,
    weak_feedback,
)
from circuits.circuit import Circuit
from circuits.projection import Projection
from circuits.stack import bottom_up, layered
from circuits.ties import Tied


def contrastive_hebbian(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    gain: float = 0.1,
    sweeps: int = 1000,
    step: float = 0.5,
    tolerance: float | None = 1e-6,
    **options,
) -> Circuit:
    """Correlations with the target minus those without, each after relaxing.

        r_l = phi(W_l r_(l-1) + b_l + gamma W_(l+1)^T r_(l+1)),   r_L = t if clamped
        dW_l = learning_rate gamma^(l-L) mean(r_l r_(l-1)^T (clamped) - same (free))

    As gamma goes to 0 it is, with an error of first order, backprop of an output whose
    delta is t - r_L: the cross entropy of logistic cells, the squared error of linear
    ones. Those two have a reference network. A hidden cell gets activities, and their
    difference in time is its error; one presentation, two phases.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of updates, in [0, 1).
    gain : float
        gamma, > 0.
    sweeps, step, tolerance : int, float, float or None
        Of both relaxations, as in `Phase`. A sample that is not at rest after so many
        sweeps is a NumericalError; None: always as many, at rest or not. What is left
        of the tolerance counts gamma^(l-L) times in layer l.
    **options
        Further arguments of `circuits.layered`: transfer functions, biases, ...

    Returns
    -------
    Circuit

    Raises
    ------
    ModelError
        For an unknown option, and as `circuits.layered`.

    Source: Movellan (1991); Xie & Seung, Neural Comput. 15 (2003) 441.
    """
    own = ("learning_rate", "momentum", "gain", "sweeps", "step", "tolerance")
    without = ("forward", "feedback", "phases", "test", "loss", "hidden", "output")
    without = (*without, "teacher", "signal", "extra", "reference", "readout")
    check_options("contrastive_hebbian", options, own=own, without=without)
    sizes = checked_sizes(sizes, "contrastive_hebbian")
    rates = rates_of("contrastive_hebbian", learning_rate, sizes)
    relaxation = {"sweeps": sweeps, "step": step, "tolerance": tolerance}

    def transposed(above, here):
        tied = Tied(bottom_up(here, above), factor=gain, transpose=True)
        return Projection(above, here, "apical", tied_to=tied)

    return layered(
        sizes,
        forward=[contrast(rate, momentum) for rate in rates],
        feedback=transposed,
        phases=free_and_clamped(**relaxation),
        test=only_free(**relaxation),
        extra=clamp,
        **weak_feedback("contrastive_hebbian", gain, len(sizes) - 2),
        **matching_loss(options, len(sizes) - 2),
        **{"name": "contrastive_hebbian", **options},
    )
