"""REINFORCE: stochastic cells repeat what was followed by reward."""

from collections.abc import Sequence

from circuits.algorithms._options import check_options
from circuits.algorithms._rewards import (
    ALWAYS,
    expected,
    gate,
    sampled,
    scalar_rules,
    tell,
)
from circuits.circuit import Circuit
from circuits.schedule import Schedule
from circuits.stack import layered
from dendrites._checks import number
from dendrites.models import reward_critic, rewarded_binary


def reinforce(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    baseline: float = 0.0,
    averaging: float = 0.0,
    **options,
) -> Circuit:
    """All cells choose at random, and a scalar tells how good it was.

        s_l ~ Bernoulli(p_l),  p_l = logistic(W_l s_(l-1) + b_l)
        R = -|t - s_L|^2 / 2,  dW_l = eta mean((R - b - m) (s_l - p_l) s_(l-1)^T)

    with a constant baseline b and a running mean m of earlier rewards. Its loss is the
    expectation of -R; tests show p in place of samples.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of updates, in [0, 1).
    baseline : float
        b. It changes the variance of updates and not their mean.
    averaging : float
        In [0, 1]: m' = m + averaging (R - b - m) after every presentation, of each
        place in the batch by itself. 0: no m.
    **options
        Further arguments of `circuits.layered`: biases, connectivity, seed, ...

    Returns
    -------
    Circuit
        A hidden cell gets a scalar. One presentation has one pass. The mean update is
        the gradient of the expected reward, exactly, for any baseline. Cells are
        logistic, and there is no reference network, since no network without noise has
        that gradient.

    Raises
    ------
    ModelError
        For an unknown option, `averaging` out of range, and as `circuits.layered`.

    Source: Williams, Mach. Learn. 8 (1992) 229.
    """
    own = ("learning_rate", "momentum", "baseline", "averaging")
    without = ("forward", "feedback", "phases", "test", "hidden", "output", "extra")
    without = (*without, "phi", "output_phi", "loss", "teacher", "signal", "reference")
    check_options("reinforce", options, own=own, without=without)
    number("reinforce: baseline", baseline)
    number("reinforce: averaging", averaging, least=0.0, most=1.0)
    made = reward_critic(baseline=baseline, averaging=averaging)

    def beside(stack):
        return (*tell(made, stack.layers[1:]), *gate(stack.layers[1:]))

    def phases(stack):
        always = ALWAYS[: 1 + options.get("bias", True)]
        made = sampled(stack.layers[1:], silent=stack.forward)
        return Schedule(made, carry_state=averaging > 0, always_on=always)

    return layered(
        sizes,
        forward=scalar_rules(
            learning_rate, len(sizes) - 1, "credit", momentum=momentum
        ),
        phases=phases,
        test=lambda stack: expected(stack.layers[1:]),
        hidden=lambda phi: rewarded_binary(),
        output=lambda phi, loss: rewarded_binary(),
        extra=beside,
        reference=False,
        **{"name": "reinforce", **options},
    )
