"""Behavioural-time-scale plasticity: a plateau decides when, the weight which way.

    dW/dt = (weight_max - W) k_potentiation q+(ET IS) - W k_depression q-(ET IS)

ET, the eligibility of the synapse, is a trace of presynaptic activity and IS, the
instructive signal, a trace of plateaus; both last for about a second and have the
maximum 1. q+ and q- are sigmoids through (0, 0) and (1, 1).
"""

import math
from dataclasses import dataclass, fields
from typing import Annotated, get_args, get_type_hints

from dendrites import transfer
from dendrites._checks import flag, number, text
from dendrites.activity_difference import Needs
from dendrites.cell import NON_NEGATIVE, POSITIVE
from dendrites.errors import ModelError
from dendrites.synaptic_rule import SynapticRule


def activation(x, alpha, beta):
    """q(x) = [s(x) - s(0)] / [s(1) - s(0)], s(x) = 1 / (1 + exp(-beta (x - alpha))).

    0 at 0 and 1 at 1; above 1 for x > 1.

    Parameters
    ----------
    x : float
        ET IS, >= 0.
    alpha, beta : float
        Middle and slope, beta > 0.
    """
    zero, one = _ends(alpha, beta)
    return (transfer.logistic(beta * (x - alpha)) - zero) / (one - zero)


def _ends(alpha, beta):
    """s(0) and s(1)."""
    return transfer.logistic(-beta * alpha), transfer.logistic(beta * (1.0 - alpha))


@dataclass(frozen=True)
class BtspParameters:
    """Parameters of the rule; rates are per ms.

    Parameters
    ----------
    tau_eligibility, tau_instructive : float
        Decay of ET and IS, ms, > 0.
    alpha_potentiation, alpha_depression : float
        Middles of q+ and q-, in units of ET IS.
    beta_potentiation, beta_depression : float
        Slopes of q+ and q-, > 0; near 0 the sigmoid is the straight line q(x) = x.
    k_potentiation, k_depression : float
        Largest rates, 1/ms, >= 0.
    weight_max : float
        Weight at which potentiation ends, > 0.

    Raises
    ------
    ModelError
        If a value is no finite number or out of its range, or a sigmoid is flat between
        0 and 1, its middle being too far away.

    Source: Milstein et al. (2021), eqs. 1 and 8-16.
    """

    tau_eligibility: Annotated[float, "ms", POSITIVE]
    tau_instructive: Annotated[float, "ms", POSITIVE]
    alpha_potentiation: Annotated[float, "1"]
    beta_potentiation: Annotated[float, "1", POSITIVE]
    alpha_depression: Annotated[float, "1"]
    beta_depression: Annotated[float, "1", POSITIVE]
    k_potentiation: Annotated[float, "1/ms", NON_NEGATIVE]
    k_depression: Annotated[float, "1/ms", NON_NEGATIVE]
    weight_max: Annotated[float, "1", POSITIVE]

    def __post_init__(self):
        hints = get_type_hints(type(self), include_extras=True)
        for field in fields(self):
            _, unit, *ranges = get_args(hints[field.name])
            number(
                f"BtspParameters: {field.name}",
                getattr(self, field.name),
                unit="" if unit == "1" else unit,
                above=0.0 if POSITIVE in ranges else None,
                least=0.0 if NON_NEGATIVE in ranges else None,
            )
        for side in ("potentiation", "depression"):
            alpha = getattr(self, f"alpha_{side}")
            beta = getattr(self, f"beta_{side}")
            zero, one = _ends(alpha, beta)
            if not one > zero:
                raise ModelError(
                    f"BtspParameters: alpha_{side} = {alpha:g} with beta_{side} = "
                    f"{beta:g}: the sigmoid is flat between 0 and 1; bring its middle "
                    "nearer or lower the slope"
                )


def check_parameters(where: str, parameters) -> None:
    """Refuse what is no BtspParameters."""
    if not isinstance(parameters, BtspParameters):
        raise ModelError(
            f"{where}: parameters is a {type(parameters).__name__}, must be "
            "BtspParameters, such as FIT or SINGLE_SPIKE"
        )


#: Mean of the fits to 22 place cells (26 inductions), parameter by parameter.
FIT = BtspParameters(
    tau_eligibility=864.0,
    tau_instructive=543.0,
    alpha_potentiation=0.24,
    beta_potentiation=30.3,
    alpha_depression=0.09,
    beta_depression=2261.0,
    k_potentiation=2.27e-3,
    k_depression=0.33e-3,
    weight_max=4.02,
)

#: One of these fits, that of cell 11 in the released code.
ONE_CELL = BtspParameters(
    tau_eligibility=1745.6,
    tau_instructive=196.0,
    alpha_potentiation=0.2069,
    beta_potentiation=13.34,
    alpha_depression=0.01506,
    beta_depression=113.5,
    k_potentiation=1.942e-3,
    k_depression=0.7049e-3,
    weight_max=4.929,
)

#: The published illustration with one presynaptic spike and one plateau.
SINGLE_SPIKE = BtspParameters(
    tau_eligibility=2500.0,
    tau_instructive=1500.0,
    alpha_potentiation=0.5,
    beta_potentiation=4.0,
    alpha_depression=0.01,
    beta_depression=44.44,
    k_potentiation=1.7e-3,
    k_depression=0.204e-3,
    weight_max=5.0,
)


def btsp(
    parameters: BtspParameters = FIT,
    *,
    presynaptic: str = "trace",
    decays: bool = True,
    largest: float = 1.0,
) -> SynapticRule:
    """Behavioural-time-scale plasticity at every step, for `models.plateau_cell`.

    A step moves the weight exactly for the rates k q of its middle:

    W <- W_eq + (W - W_eq) exp(-(up + down) dt),  W_eq = weight_max up / (up + down),

    with up = k_potentiation q+(ET IS) and down = k_depression q-(ET IS). The weight
    stays in [0, weight_max], and the error is of second order in the step.

    Parameters
    ----------
    parameters : BtspParameters
        The postsynaptic cell must have the same tau_instructive, and what makes the
        presynaptic trace the same tau_eligibility; a circuit checks both for cells
        with parameters tau_instructive and, where that makes the trace, tau_trace.
    presynaptic : str
        Read of the presynaptic cell that is ET. ``trace`` of `models.presynaptic` with
        tau_trace = tau_eligibility has the maximum 1 after a single spike.
    decays : bool
        True for a trace of spikes, which decays with tau_eligibility during a step.
        False for a trace of a rate: it is taken as it is when the step begins, half a
        step early.
    largest : float
        Value of that read that counts as 1, > 0.

    Returns
    -------
    SynapticRule
        It needs a postsynaptic cell with the State fields ``plateau``, ``instructive``
        and ``step_length`` and the parameters tau_instructive and reference_plateau.

    Raises
    ------
    ModelError
        If an option is impossible.

    Source: Milstein et al. (2021), eqs. 1 and 8-16; the step is our derivation.
    Differs: the published fits hold W fixed during a lap and clip it at its end.
    """
    check_parameters("btsp", parameters)
    text("btsp: presynaptic", presynaptic)
    flag("btsp: decays", decays)
    scale = 1.0 / float(number("btsp: largest", largest, above=0.0))
    tau = parameters.tau_eligibility
    k_up, k_down = parameters.k_potentiation, parameters.k_depression
    alpha_up, beta_up = parameters.alpha_potentiation, parameters.beta_potentiation
    alpha_down, beta_down = parameters.alpha_depression, parameters.beta_depression
    # The ends of the sigmoids, once instead of for every synapse and step.
    zero_up, one_up = _ends(alpha_up, beta_up)
    zero_down, one_down = _ends(alpha_down, beta_down)
    gain_up, gain_down = k_up / (one_up - zero_up), k_down / (one_down - zero_down)
    weight_max = parameters.weight_max
    fading = 1.0 if decays else 0.0

    def change(weight, cell, pre, p):
        if pre <= 0.0:
            return 0.0
        half = 0.5 * cell.step_length
        peak = 1.0 - math.exp(-p.reference_plateau / p.tau_instructive)
        held = cell.plateau / peak
        left = math.exp(-half / p.tau_instructive)
        instructive = held + (cell.instructive - held) * left
        x = scale * pre * math.exp(-fading * half / tau) * instructive
        if x <= 0.0:
            return 0.0
        up = gain_up * (transfer.logistic(beta_up * (x - alpha_up)) - zero_up)
        down = gain_down * (transfer.logistic(beta_down * (x - alpha_down)) - zero_down)
        moved = (up + down) * cell.step_length
        share = -math.expm1(-moved) / moved if moved > 0.0 else 1.0
        return share * (up * (weight_max - weight) - down * weight)

    traced = {"tau_trace": tau} if decays and presynaptic == "trace" else {}
    needs = Needs(traced, {"tau_instructive": parameters.tau_instructive}, True)
    return SynapticRule(change, presynaptic=presynaptic, needs=needs)
