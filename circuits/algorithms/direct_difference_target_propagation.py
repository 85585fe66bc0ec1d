"""Direct difference target propagation: targets for all layers from the output."""

from collections.abc import Sequence

from circuits._microcircuit_parts import layer_names
from circuits.algorithms._errors import delta_rules
from circuits.algorithms._options import rates_of
from circuits.algorithms._targets import (
    INVERSE_INITIAL,
    cells,
    check_targets,
    into,
    inverse,
    noise_of,
    noises,
    target_phase,
)
from circuits.circuit import Circuit
from circuits.phase import Phase
from circuits.projection import Projection
from circuits.stack import layered, up
from circuits.ties import Tied
from dendrites._checks import number
from dendrites.activity_difference import ActivityDifference


def direct_difference_target_propagation(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    inverse_rate: float = 0.1,
    sigma: float = 0.1,
    damping: float = 0.01,
    target_step: float = 1.0,
    inverse_phi="identity",
    inverse_initial=INVERSE_INITIAL,
    **options,
) -> Circuit:
    """Direct inverses of all that lies above a layer learn the Gauss-Newton direction.

        h~_L = h_L + s (t - h_L),  h~_l = h_l + g_l(h~_L) - g_l(h_L)
        dW_l = learning_rate * mean((h~_l - h_l) / s o phi'(a_l) h_(l-1)^T)

    with s = `target_step` and g_l(h) = phi_g(V_l h). Noise xi of standard deviation
    `sigma` in layer l alone changes the output from h_L to y, and the inverse learns to
    tell that noise (difference reconstruction loss):

        d = xi - (g_l(y) - g_l(h_L))
        dV_l = inverse_rate * (mean(d o phi_g'(V_l y) y^T - d o phi_g'(V_l h_L) h_L^T)
                               / sigma^2 - damping * V_l)

    so that V_l of linear layers becomes J^T (J J^T + damping I)^-1 in the mean, J =
    dh_L/dh_l.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of updates, in [0, 1), those of inverses too.
    inverse_rate : float
        Of inverses, per presentation; 0: they stay.
    sigma : float
        Of the noise, > 0.
    damping : float
        >= 0. What weak noise of variance `damping` in the output would do, in the mean.
    target_step : float
        s, > 0. At 1 the target of the output is t itself. Linear inverses make the same
        update for any s, up to rounding.
    inverse_phi : name in `dendrites.transfer.TRANSFERS` or Transfer
        phi_g. Linear unless given.
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
        For an unknown option, sizes without hidden layers, no noise, and as
        `circuits.layered`.

    Source: Meulemans, Carzaniga, Suykens, Sacramento & Grewe, NeurIPS 33 (2020); its
    equations as recalled. Differs: distances are divided by s; damping is a decay of
    weights, which for linear inverses equals noise in the output; no biases in g.
    Exact: for linear layers, as inverses have learned and damping goes to 0, h~_l - h_l
    is the smallest change that corrects the output (Gauss-Newton). With inverses that
    stay as they are it is direct feedback alignment of raw errors. A hidden cell gets a
    vector; phases: forward, target, and two for each hidden layer; one presentation.
    """
    name = "direct_difference_target_propagation"
    own = ("learning_rate", "momentum", "inverse_rate", "sigma", "damping")
    own = (*own, "target_step", "inverse_phi", "inverse_initial")
    sizes = check_targets(name, sizes, options, own, target_step=target_step)
    rates = rates_of(name, learning_rate, sizes)
    number(f"{name}: sigma", sigma, above=0.0)
    number(f"{name}: damping", damping, least=0.0)
    number(f"{name}: inverse_rate", inverse_rate, least=0.0)
    number(f"{name}: inverse_rate * damping", inverse_rate * damping, most=1.0)
    hidden = layer_names(sizes)[1:-1]

    def feedback(above, here):
        own = inverse("output", here)
        rule = ActivityDifference(
            "noisy_delta",
            "clean_delta",
            inverse_rate / sigma**2,
            presynaptic=("answered", "activity"),
            moments=(f"told_{here}",) * 2,
            momentum=momentum,
        )
        learned = {"rule": rule, "weight_decay": inverse_rate * damping}
        again = {"signal": "answered", "tied_to": Tied(own)}
        return [
            Projection(
                "output", here, "apical", "goal", initial=inverse_initial, **learned
            ),
            Projection("output", here, "reconstruction", **again),
            Projection("output", here, "apical", name=_told(here), **again),
        ]

    def phases(stack):
        told = tuple(map(_told, hidden))
        to_noise = tuple(inverse(noise_of(here), here, "noise") for here in hidden)
        yield from up(stack)
        yield target_phase(stack, (*told, *to_noise))
        # From the top, so that no noise is left below the layer whose turn it is.
        for here, mine in zip(reversed(hidden), reversed(to_noise), strict=True):
            above = stack.layers[stack.layers.index(here) + 1 :]
            kept = ("soma", "heard", "reconstruction")
            others = tuple(n for n in to_noise if n != mine)
            yield Phase(
                f"noisy_{here}",
                settle=(noise_of(here), here, *above),
                silent=(*stack.feedback, *others, *into(stack, here)),
                hold={here: kept, **{layer: ("soma",) for layer in above}},
            )
            answers = (n for n in stack.feedback if n != _told(here))
            yield Phase(
                f"told_{here}",
                settle=(here,),
                silent=(*stack.forward, *answers, mine),
                hold={here: (*kept, "noise")},
            )

    return layered(
        sizes,
        forward=delta_rules(rates, momentum, "target", "rate"),
        feedback=feedback,
        phases=phases,
        signal="passed",
        extra=lambda stack: noises(hidden, stack.sizes[1:], sigma),
        **cells(name, inverse_phi, "rates", target_step),
        **{"name": name, **options},
    )


def _told(here):
    """Through the inverse at `here` comes what noise there did to the output."""
    return inverse("output", here, "told")
