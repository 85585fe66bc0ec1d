"""Ensembles of bursting cells: events tell what drives the soma, bursts the dendrite.

A unit stands for cells of one kind. Its event rate is e = phi(soma), its burst
probability p, its burst rate p e; every compartment is what it receives,

    tau dv/dt = I - v   with tau = 1 ms, so that a settled phase finds v = I,

and h = phi'(soma) / phi(soma), which is 1 - e of a logistic.

Source: Payeur et al., Nat. Neurosci. 24 (2021) 1010; Greedy et al., NeurIPS 35 (2022).
"""

import math
from typing import Annotated, NamedTuple

from dendrites._checks import number, shown
from dendrites.cell import POSITIVE, CellModel
from dendrites.errors import ModelError
from dendrites.transfer import LOGISTIC, Transfer, logistic

SOURCE = "Payeur et al. (2021); Greedy et al. (2022)"
# Potentials at which a transfer function is asked whether it gives event rates.
_ASKED = (-10.0, -3.0, -1.0, 0.0, 1.0, 3.0, 10.0)


class State(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    recurrent: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    inhibition: Annotated[float, "1"] = 0.0
    recurrent: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    gain: Annotated[float, "1", POSITIVE] = 1.0
    bias: Annotated[float, "1"] = 0.0
    tonic: Annotated[float, "1"] = 0.0


class TaughtState(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    taught: Annotated[float, "1"] = 0.0


class TaughtInputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    taught: Annotated[float, "1"] = 0.0


class TaughtParams(NamedTuple):
    resting: Annotated[float, "1", POSITIVE] = 0.2


def _derivative(cell, inputs, p):
    apical = p.tonic + inputs.apical - inputs.inhibition
    return State(
        inputs.basal - cell.soma,
        apical - cell.apical,
        inputs.recurrent - cell.recurrent,
    )


def _taught_derivative(cell, inputs, p):
    return TaughtState(
        inputs.basal - cell.soma,
        inputs.target - cell.target,
        inputs.taught - cell.taught,
    )


def burst_cell(
    phi: Transfer = LOGISTIC,
    *,
    gain: float = 1.0,
    resting: float = 0.5,
    tonic: float = 0.0,
) -> CellModel:
    """A hidden ensemble, whose apical dendrite decides which events become bursts.

        p = logistic(gain h apical - recurrent + log(resting / (1 - resting)))

    The apical compartment holds `tonic` plus what reaches the input field ``apical``
    minus what reaches ``inhibition``. Reads: ``rate`` = e, ``probability`` = p,
    ``burst`` = p e, ``potential`` = gain h apical - recurrent, ``delta`` = (p -
    resting) e, ``before`` = e logistic(apical), the bursts that apical input would give
    without slope and recurrent input.

    Parameters
    ----------
    phi : Transfer
        Event rate of a potential, above 0.
    gain : float
        Slope alpha of the dendrite, > 0.
    resting : float
        Burst probability without apical input, in (0, 1).
    tonic : float
        Constant apical excitation.

    Raises
    ------
    ModelError
        For a transfer function that gives rates of 0 or below, and such numbers.
    """
    rate_of, slope_of = event_rate("burst_cell", phi)
    check_probability("burst_cell: resting", resting)
    number("burst_cell: gain", gain, above=0.0)

    def rate(cell, p):
        return rate_of(cell.soma)

    def potential(cell, p):
        h = slope_of(cell.soma) / rate_of(cell.soma)
        return p.gain * h * cell.apical - cell.recurrent

    def probability(cell, p):
        h = slope_of(cell.soma) / rate_of(cell.soma)
        return logistic(p.gain * h * cell.apical - cell.recurrent + p.bias)

    def burst(cell, p):
        e = rate_of(cell.soma)
        h = slope_of(cell.soma) / e
        return e * logistic(p.gain * h * cell.apical - cell.recurrent + p.bias)

    def delta(cell, p):
        e = rate_of(cell.soma)
        h = slope_of(cell.soma) / e
        x = p.gain * h * cell.apical - cell.recurrent
        return e * (logistic(x + p.bias) - logistic(p.bias))

    def before(cell, p):
        return rate_of(cell.soma) * logistic(cell.apical)

    return CellModel(
        "burst_cell",
        State,
        Params,
        Inputs,
        derivative=_derivative,
        reads={
            "rate": rate,
            "potential": potential,
            "probability": probability,
            "burst": burst,
            "delta": delta,
            "before": before,
        },
        parameters=Params(gain, math.log(resting / (1.0 - resting)), tonic),
        source=SOURCE,
    )


def taught_burst_cell(phi: Transfer = LOGISTIC, *, resting: float = 0.2) -> CellModel:
    """An output ensemble, whose burst probability a teacher moves.

        p = resting (1 + (target - taught e) h)

    with ``taught`` 1 where a teacher is there. Reads: ``rate`` = e, ``probability`` =
    p, ``burst`` = p e, ``error`` = target - taught e, and ``delta`` = (p - resting) e =
    resting error phi', the gradient of half the squared error times `resting`.

    Parameters
    ----------
    phi : Transfer
        Event rate of a potential, above 0.
    resting : float
        Burst probability without a teacher, in (0, 1).

    Raises
    ------
    ModelError
        As `burst_cell`.
    """
    rate_of, slope_of = event_rate("taught_burst_cell", phi)
    check_probability("taught_burst_cell: resting", resting)

    def rate(cell, p):
        return rate_of(cell.soma)

    def error(cell, p):
        return cell.target - cell.taught * rate_of(cell.soma)

    def probability(cell, p):
        e = rate_of(cell.soma)
        h = slope_of(cell.soma) / e
        return p.resting * (1.0 + (cell.target - cell.taught * e) * h)

    def burst(cell, p):
        e = rate_of(cell.soma)
        return p.resting * (e + (cell.target - cell.taught * e) * slope_of(cell.soma))

    def delta(cell, p):
        e = rate_of(cell.soma)
        return p.resting * (cell.target - cell.taught * e) * slope_of(cell.soma)

    return CellModel(
        "taught_burst_cell",
        TaughtState,
        TaughtParams,
        TaughtInputs,
        derivative=_taught_derivative,
        reads={
            "rate": rate,
            "error": error,
            "probability": probability,
            "burst": burst,
            "delta": delta,
        },
        parameters=TaughtParams(resting),
        source=SOURCE,
    )


def event_rate(where, phi):
    """Rate and slope of a transfer function that can be an event rate."""
    if not isinstance(phi, Transfer):
        raise ModelError(
            f"{where}: phi = {shown(phi)}: must be a dendrites.transfer.Transfer "
            "(rate, slope, inverse), such as dendrites.transfer.LOGISTIC"
        )
    for u in _ASKED:
        if not phi.rate(u) > 0.0:
            raise ModelError(
                f"{where}: phi gives the event rate {phi.rate(u):g} at the potential "
                f"{u:g}: bursts are a share of events, which must be above 0. Use a "
                "transfer function such as the logistic or softplus"
            )
    return phi.rate, phi.slope


def check_probability(where, value):
    """Refuse what is no probability between 0 and 1."""
    number(where, value, above=0.0)
    if not value < 1.0:
        raise ModelError(f"{where} = {shown(value)}: must be below 1, a probability")
