"""Sign symmetry: feedback weights have the signs of the forward weights."""

from collections.abc import Sequence

from circuits._microcircuit_parts import layer_names
from circuits._stack_options import checked_sizes
from circuits.algorithms._errors import delta_rules
from circuits.algorithms._options import check_options, rates_of
from circuits.circuit import Circuit
from circuits.initialisers import Uniform
from circuits.projection import Projection
from circuits.stack import bottom_up, layered
from circuits.ties import Tied
from dendrites._checks import choice
from dendrites.transfer import sign

SIZES = ("uniform", "redrawn", "fixed")


def sign_symmetry(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    magnitudes: str = "uniform",
    scale: float = 1.0,
    **options,
) -> Circuit:
    """B = M o sign(W^T): the signs of feedback follow those of the forward weights.

        e_l = (M o sign(W_(l+1)^T)) delta_(l+1)

    with magnitudes M of one size (uSF), drawn anew after every update (brSF), or drawn
    once (frSF). They are `scale` / sqrt(n_(l+1)), or uniform in (0, 2) times that.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of updates, in [0, 1).
    magnitudes : {"uniform", "redrawn", "fixed"}
    scale : float
        Mean magnitude times the root of the number of cells that send.
    **options
        Further arguments of `circuits.layered`: transfer functions, loss, biases, ...

    Returns
    -------
    Circuit

    Raises
    ------
    ModelError
        For an unknown option, and as `circuits.layered`.

    Source: Liao, Leibo & Poggio, AAAI (2016) 1837; Xiao et al., ICLR (2019). Names of
    the forms as in later comparisons of libraries.
    """
    own = ("learning_rate", "momentum", "magnitudes", "scale")
    without = ("forward", "feedback")
    check_options("sign_symmetry", options, own=own, without=without)
    sizes = checked_sizes(sizes, "sign_symmetry")
    rates = rates_of("sign_symmetry", learning_rate, sizes)
    choice("sign_symmetry: magnitudes", magnitudes, SIZES)
    names = layer_names(sizes)
    drawn = None
    if magnitudes != "uniform":
        drawn = Uniform(0.0, 2.0 * scale, per_root_fan_in=True)

    def signs(above, here):
        n = sizes[names.index(above)]
        tied = Tied(
            bottom_up(here, above),
            factor=scale / n**0.5 if drawn is None else 1.0,
            transpose=True,
            function=sign,
            times=drawn,
            redraw=magnitudes == "redrawn",
        )
        return Projection(above, here, "apical", "delta", tied_to=tied)

    return layered(
        sizes,
        forward=delta_rules(rates, momentum),
        feedback=signs,
        **{"name": "sign_symmetry", **options},
    )
