"""Cells that a scalar tells how well it went, alone or beside noise of their own.

Every compartment is what it receives, tau dv/dt = I - v with tau = 1 ms, so that a
settled phase finds v = I. Potentials carry noise while a gate is open,

    soma = basal input + noise,   noise = sigma * gate * N(0, 1).

Source: Flower & Jabri (1993) for the noise of cells, Jabri & Flower (1992) for that of
weights; our notation.
"""

import math
from typing import Annotated, NamedTuple

from dendrites._checks import choice, shown
from dendrites.cell import NON_NEGATIVE, POSITIVE, CellModel
from dendrites.errors import ModelError
from dendrites.transfer import LOGISTIC, Transfer, exp


class State(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    noise: Annotated[float, "1"] = 0.0
    reward: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    gate: Annotated[float, "1"] = 0.0
    reward: Annotated[float, "1"] = 0.0
    draw: Annotated[float, "1"] = 0.0


class OutputState(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    noise: Annotated[float, "1"] = 0.0
    reward: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    total: Annotated[float, "1"] = 1.0


class OutputInputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    gate: Annotated[float, "1"] = 0.0
    reward: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    total: Annotated[float, "1"] = 0.0
    draw: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    sigma: Annotated[float, "1", NON_NEGATIVE] = 0.0


class CriticState(NamedTuple):
    before: Annotated[float, "1"] = 0.0
    now: Annotated[float, "1"] = 0.0


class CriticInputs(NamedTuple):
    loss: Annotated[float, "1"] = 0.0


class CriticParams(NamedTuple):
    scale: Annotated[float, "1", POSITIVE] = 1.0


LOSSES = ("squared", "cross_entropy")


def _derivative(cell, inputs, p):
    noise = p.sigma * inputs.gate * inputs.draw
    return State(
        inputs.basal + noise - cell.soma,
        noise - cell.noise,
        inputs.reward - cell.reward,
    )


def _output_derivative(cell, inputs, p):
    noise = p.sigma * inputs.gate * inputs.draw
    return OutputState(
        inputs.basal + noise - cell.soma,
        noise - cell.noise,
        inputs.reward - cell.reward,
        inputs.target - cell.target,
        inputs.total - cell.total,
    )


def _critic_derivative(cell, inputs, p):
    loss = inputs.loss / p.scale
    return CriticState(loss - cell.before, loss - cell.now)


def _reward(cell, p):
    return cell.before - cell.now


def _kept(cell, p):
    return 1.0 if cell.now < cell.before else 0.0


def _credit(cell, p):
    return cell.reward * cell.noise


def _unnormalised(cell, p):
    return exp(cell.soma)


def _share(cell, p):
    return exp(cell.soma) / cell.total


def _random(sigma):
    return {"draw": "normal"} if sigma else {}


def rewarded_cell(phi: Transfer = LOGISTIC, *, sigma: float = 0.0) -> CellModel:
    """A hidden cell that knows its own noise and is told a scalar.

    Reads: ``rate`` = phi(soma), ``credit`` = reward times noise.

    Parameters
    ----------
    phi : Transfer
    sigma : float
        Standard deviation of the noise while what reaches ``gate`` is 1; with 0 no
        numbers are drawn.
    """
    check_transfer("rewarded_cell", phi)
    function = phi.rate

    def rate(cell, p):
        return function(cell.soma)

    return CellModel(
        "rewarded_cell",
        State,
        Params,
        Inputs,
        derivative=_derivative,
        reads={"rate": rate, "credit": _credit},
        parameters=Params(sigma),
        random=_random(sigma),
        limit=math.inf,  # of a reward over sigma^2
        source="Flower & Jabri (1993)",
    )


def rewarded_output(
    phi: Transfer | str = LOGISTIC, *, loss: str = "squared", sigma: float = 0.0
) -> CellModel:
    """An output cell that knows its own part of a loss.

    Reads besides those of a `rewarded_cell`: ``loss``, half the squared difference of
    target and rate, or the cross entropy.

    Parameters
    ----------
    phi : Transfer or "softmax"
        With "softmax" rate = exp(soma) / total, where a `summing_cell` sends ``total``,
        the sum of the reads ``unnormalised`` = exp(soma).
    loss : {"squared", "cross_entropy"}
    sigma : float
        Standard deviation of the noise.

    Raises
    ------
    ModelError
        For a cross entropy of another function than logistic or softmax.
    """
    choice("rewarded_output: loss", loss, LOSSES)
    softmax = isinstance(phi, str)
    if softmax:
        choice("rewarded_output: phi", phi, ("softmax",))
    else:
        check_transfer("rewarded_output", phi)
    function = None if softmax else phi.rate

    def rate(cell, p):
        return function(cell.soma)

    def squared(cell, p):
        return 0.5 * (cell.target - function(cell.soma)) ** 2

    if loss == "cross_entropy" and not softmax and phi != LOGISTIC:
        raise ModelError(
            "rewarded_output: loss = 'cross_entropy' needs rates that are "
            "probabilities: phi = LOGISTIC or 'softmax'. Use one of them, or loss = "
            "'squared'"
        )
    losses = {
        (False, "squared"): squared,
        (False, "cross_entropy"): _cross_entropy,
        (True, "squared"): _share_squared,
        (True, "cross_entropy"): _share_cross_entropy,
    }
    reads = {"rate": _share if softmax else rate, "credit": _credit}
    if softmax:
        reads["unnormalised"] = _unnormalised
    return CellModel(
        "rewarded_output",
        OutputState,
        Params,
        OutputInputs,
        derivative=_output_derivative,
        reads={**reads, "loss": losses[softmax, loss]},
        parameters=Params(sigma),
        random=_random(sigma),
        limit=math.inf,
        source="Flower & Jabri (1993)",
    )


def _cross_entropy(cell, p):
    # log(1 + exp(u)) - t u, without overflow
    u = cell.soma
    return max(u, 0.0) + math.log1p(exp(-abs(u))) - cell.target * u


def _share_squared(cell, p):
    return 0.5 * (cell.target - exp(cell.soma) / cell.total) ** 2


def _share_cross_entropy(cell, p):
    return cell.target * (math.log(cell.total) - cell.soma)


def comparing_critic(scale: float = 1.0) -> CellModel:
    """A cell that compares a loss with the one before.

    Both State fields, ``before`` and ``now``, become what it receives over `scale`; a
    phase that holds ``before`` keeps the one of an earlier phase. Reads: ``reward`` =
    before - now, and ``kept``, 1 where the loss fell, else 0.

    Parameters
    ----------
    scale : float
        Above 0.
    """
    return CellModel(
        "comparing_critic",
        CriticState,
        CriticParams,
        CriticInputs,
        derivative=_critic_derivative,
        reads={"reward": _reward, "kept": _kept},
        parameters=CriticParams(scale),
        limit=math.inf,
        source="Jabri & Flower (1992)",
    )


def check_transfer(where: str, phi) -> None:
    """Refuse what is no Transfer.

    Raises
    ------
    ModelError
    """
    if not isinstance(phi, Transfer):
        raise ModelError(
            f"{where}: phi = {shown(phi)}: must be a dendrites.transfer.Transfer "
            "(rate, slope, inverse), such as dendrites.transfer.TANH"
        )
