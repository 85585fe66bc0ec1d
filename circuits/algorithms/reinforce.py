"""REINFORCE: stochastic cells repeat what was followed by reward."""

from collections.abc import Sequence
from dataclasses import replace

from circuits._stack_options import checked_sizes
from circuits.algorithms._options import check_options, rates_of
from circuits.algorithms._rewards import (
    ALWAYS,
    chance,
    expected,
    gate,
    sampled,
    scalar_rules,
    tell,
)
from circuits.circuit import Circuit
from circuits.phase import Phase
from circuits.schedule import Schedule
from circuits.stack import layered
from dendrites._checks import choice, number
from dendrites.models import choosing_output, reward_critic, rewarded_binary


def reinforce(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    baseline: float = 0.0,
    averaging: float = 0.0,
    outputs: str = "choice",
    **options,
) -> Circuit:
    """All cells choose at random, and a scalar tells how good it was.

        s_l ~ Bernoulli(p_l),  p_l = logistic(W_l s_(l-1) + b_l)
        dW_l = eta mean((R - b - m) (s_l - p_l) s_(l-1)^T)

    with a constant baseline b and a running mean m of earlier rewards. Outputs make one
    choice by their softmax p_L, s_L one-hot and R = 1 if it is the target, else 0; or
    they are binary cells, too, and R = -|t - s_L|^2 / 2. Its loss is the expectation of
    -R; tests show p in place of samples.

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
    outputs : {"choice", "binary"}
    **options
        Further arguments of `circuits.layered`: biases, connectivity, seed, ...

    Returns
    -------
    Circuit
        A hidden cell gets a scalar. One presentation has one pass. The mean update is
        the gradient of the expected reward, exactly, for any baseline. Hidden cells are
        logistic, and there is no reference network, since no network without noise has
        that gradient.

    Raises
    ------
    ModelError
        For an unknown option, `averaging` out of range, and as `circuits.layered`.

    Source: Williams, Mach. Learn. 8 (1992) 229.
    """
    own = ("learning_rate", "momentum", "baseline", "averaging", "outputs")
    without = ("forward", "feedback", "phases", "test", "hidden", "output", "extra")
    without = (*without, "phi", "output_phi", "loss", "teacher", "signal", "reference")
    check_options("reinforce", options, own=own, without=without)
    sizes = checked_sizes(sizes, "reinforce")
    rates = rates_of("reinforce", learning_rate, sizes)
    number("reinforce: baseline", baseline)
    number("reinforce: averaging", averaging, least=0.0, most=1.0)
    choice("reinforce: outputs", outputs, ("choice", "binary"))
    chooses = outputs == "choice"
    made = reward_critic(baseline=baseline, averaging=averaging)
    rules = scalar_rules(rates, "credit", momentum=momentum)
    if chooses:
        rules[-1] = replace(rules[-1], moments=("output_told", "output_told"))

    def beside(stack):
        binary = stack.layers[1:-1] if chooses else stack.layers[1:]
        yield from tell(made, stack.layers[1:])
        if binary:
            yield from gate(binary)
        if chooses:
            yield from chance(stack.sizes[-1])

    def phases(stack):
        always = ALWAYS[: 1 + options.get("bias", True)]
        steps = _chosen(stack) if chooses else sampled(stack.layers[1:], stack.forward)
        return Schedule(steps, carry_state=averaging > 0, always_on=always)

    return layered(
        sizes,
        forward=rules,
        phases=phases,
        test=_expected if chooses else lambda stack: expected(stack.layers[1:]),
        output_phi="softmax" if chooses else "logistic",
        loss="cross_entropy" if chooses else "squared",
        hidden=lambda phi: rewarded_binary(),
        output=lambda phi, loss: choosing_output() if chooses else rewarded_binary(),
        extra=beside,
        reference=False,
        **{"name": "reinforce", **options},
    )


def _chosen(stack):
    """Phases in which hidden layers are sampled, one output is, and all are told."""
    hidden = stack.layers[1:-1]
    around = sampled(hidden, stack.forward, also=()) if hidden else ()
    silent = {"silent": stack.forward}
    known = {"output": ("soma", "target", "total", "before", "chance")}
    return (
        *around[:1],
        Phase("drawn", settle=("output", *stack.normaliser, "chance")),
        Phase(
            "chosen",
            settle=("output",),
            on=("target",),
            hold={"output": ("soma",)},
            **silent,
        ),
        Phase("judged", advance=("critic",)),
        *around[1:],
        Phase("output_told", settle=("output",), hold=known, **silent),
    )


def _expected(stack):
    """Phases in which hidden cells show p, and outputs their shares."""
    hidden = stack.layers[1:-1]
    return (
        *(expected(hidden) if hidden else ()),
        Phase("potentials", settle=("output", *stack.normaliser)),
        Phase("shares", settle=("output",)),
    )
