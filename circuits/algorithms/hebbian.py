"""Hebbian layers: Hebb, Oja, covariance and BCM rules, without teacher or loss."""

from collections.abc import Sequence

from circuits._stack_options import checked_sizes
from circuits.algorithms._options import check_options, rates_of
from circuits.circuit import Circuit
from circuits.phase import Phase
from circuits.schedule import Schedule
from circuits.stack import layered
from dendrites._checks import choice, number, shown
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ModelError
from dendrites.models import averaging_cell
from dendrites.synaptic_rule import SynapticRule

RULES = ("hebb", "oja", "covariance", "bcm")
AVERAGING = 0.05


def hebbian(
    sizes: Sequence[int],
    *,
    rule: str = "oja",
    learning_rate: float | Sequence[float] = 0.01,
    averaging: float | None = None,
    **options,
) -> Circuit:
    """Layers that learn from what their own cells and those below do.

        "hebb"        dw = eta <y x>
        "oja"         dw = eta <y (x - y w)>
        "covariance"  dw = eta <(y - m) x>,    m the running mean of y
        "bcm"         dw = eta <y (y - m) x>,  m the running mean of y^2

    For linear cells and C = <x x^T>, Hebb's weights grow as (1 + eta C)^n toward its
    first eigenvector; Oja's go there with length 1; the covariance rule does with the
    covariance what Hebb's does with C; BCM cells become selective.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output; the output is a layer as all others.
    rule : {"hebb", "oja", "covariance", "bcm"}
    learning_rate : float or one per layer
        Per presentation.
    averaging : float, optional
        In (0, 1], of covariance and BCM rules: the share of a presentation in the
        running mean, 0.05 by default. Every place in a batch has one of its own, from
        0, so show examples in changing order.
    **options
        Further arguments of `circuits.layered`: transfer functions, ...; here there are
        no biases unless asked for.

    Returns
    -------
    Circuit
        A hidden cell gets no feedback. One presentation has one pass. There is no loss,
        so nothing that it could be the gradient of.

    Raises
    ------
    ModelError
        For an unknown option, `averaging` of a rule without mean, and as
        `circuits.layered`.

    Source: Hebb (1949); Oja, J. Math. Biol. 15 (1982) 267; Sejnowski, J. Math. Biol. 4
    (1977) 303; Bienenstock, Cooper & Munro, J. Neurosci. 2 (1982) 32.
    """
    without = ("forward", "feedback", "phases", "test", "hidden", "output", "loss")
    without = (*without, "teacher", "reference")
    own = ("rule", "learning_rate", "averaging")
    check_options("hebbian", options, own=own, without=without)
    sizes = checked_sizes(sizes, "hebbian")
    rates = rates_of("hebbian", learning_rate, sizes)
    options = {"name": "hebbian", "bias": False, **options}
    choice("hebbian: rule", rule, RULES)
    averages = rule in ("covariance", "bcm")
    if averaging is not None and not averages:
        raise ModelError(
            f"hebbian: averaging = {shown(averaging)}: the rule {rule!r} has no "
            "running mean; leave it out, or use 'covariance' or 'bcm'"
        )
    averaging = AVERAGING if averaging is None else averaging
    number("hebbian: averaging", averaging, above=0.0, most=1.0)

    def cell(phi, loss=None):
        power = 2.0 if rule == "bcm" else 1.0
        return averaging_cell(phi, averaging=averaging, power=power)

    def forward(stack):
        layers = stack.layers[1:]
        hold = dict.fromkeys(layers, ("mean",))
        return Phase("forward", advance=layers, hold=hold)

    def phases(stack):
        layers = stack.layers[1:]
        hold = dict.fromkeys(layers, ("soma", "rate"))
        after = Phase("averaged", advance=layers, silent=stack.forward, hold=hold)
        always = ("input", *(("bias",) if options["bias"] else ()))
        steps = (forward(stack), after) if averages else forward(stack)
        return Schedule(steps, carry_state=averages, always_on=always)

    return layered(
        sizes,
        forward=[_RULES[rule](rate) for rate in rates],
        phases=phases,
        test=lambda stack: (forward(stack),),
        hidden=cell,
        output=cell,
        teacher=None,
        reference=False,
        **options,
    )


def _separable(teaching, gain=None):
    def make(learning_rate):
        moments = {"moments": ("forward", "forward"), "learning_rate": learning_rate}
        return ActivityDifference(teaching, None, gain=gain, **moments)

    return make


def _oja_change(weight, cell, pre, p):
    return cell.rate * (pre - cell.rate * weight)


def _oja(learning_rate):
    return SynapticRule(_oja_change, learning_rate, moment="forward")


_RULES = {
    "hebb": _separable("rate"),
    "oja": _oja,
    "covariance": _separable("deviation"),
    "bcm": _separable("deviation", gain="rate"),
}
