"""Cells and synapses that choose at random and are told how good it was.

    p = logistic(basal),   spikes ~ Bernoulli(p),   credit = reward (spikes - p)

spikes - p is the derivative of the log-probability of the choice, so that credit times
input follows the gradient of the expected reward (REINFORCE). What is random goes on
while a gate is open; else cells show what they expect.

Source: Williams, Mach. Learn. 8 (1992) 229, for cells; Seung, Neuron 40 (2003) 1063,
for synapses; Urbanczik & Senn, Nat. Neurosci. 12 (2009) 250, for the population.
"""

import math
from typing import Annotated, NamedTuple

from dendrites.cell import CellModel
from dendrites.models.binary_cell import drawn, fired
from dendrites.models.rewarded_cell import check_transfer
from dendrites.transfer import LOGISTIC, Transfer, exp, logistic


class State(NamedTuple):
    spikes: Annotated[float, "1"] = 0.0
    p: Annotated[float, "1"] = 0.5
    gate: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    reward: Annotated[float, "1"] = 0.0
    activity: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    gate: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    reward: Annotated[float, "1"] = 0.0
    activity: Annotated[float, "1"] = 0.0


class ReleaseState(NamedTuple):
    spikes: Annotated[float, "1"] = 0.0
    p: Annotated[float, "1"] = 0.5
    pre: Annotated[float, "1"] = 0.0
    gate: Annotated[float, "1"] = 0.0
    reward: Annotated[float, "1"] = 0.0


class ReleaseInputs(NamedTuple):
    pre: Annotated[float, "1"] = 0.0
    q: Annotated[float, "1"] = 0.0
    gate: Annotated[float, "1"] = 0.0
    reward: Annotated[float, "1"] = 0.0


class JudgedState(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    rate: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0


class JudgedInputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0


class CriticState(NamedTuple):
    reward: Annotated[float, "1"] = 0.0
    mean: Annotated[float, "1"] = 0.0


class CriticInputs(NamedTuple):
    loss: Annotated[float, "1"] = 0.0


class MajorityState(NamedTuple):
    activity: Annotated[float, "1"] = 0.0
    reward: Annotated[float, "1"] = 0.0


class MajorityInputs(NamedTuple):
    votes: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    pass


class CriticParams(NamedTuple):
    baseline: Annotated[float, "1"] = 0.0
    averaging: Annotated[float, "1"] = 0.0


def _step(cell, inputs, p, dt):
    return State(
        cell.spikes,
        logistic(inputs.basal),
        inputs.gate,
        inputs.target,
        inputs.reward,
        inputs.activity,
    )


def _rate(cell, p):
    return cell.spikes if cell.gate > 0.0 else cell.p


def _vote(cell, p):
    return 2.0 * (cell.spikes if cell.gate > 0.0 else cell.p) - 1.0


def _loss(cell, p):
    rate = cell.spikes if cell.gate > 0.0 else cell.p
    return 0.5 * (cell.target - rate) ** 2


def _credit(cell, p):
    return cell.reward * (cell.spikes - cell.p)


def _corrected(cell, p):
    right = 1.0 if cell.reward * cell.activity > 0.0 else 0.0
    attenuation = exp(-cell.activity * cell.activity) if cell.reward > 0.0 else 1.0
    return attenuation * (right - cell.p)


def rewarded_binary() -> CellModel:
    """A binary cell that is told a reward, and what its population has done.

    Reads: ``rate``, what was drawn while what reaches ``gate`` is above 0, else p;
    ``vote`` = 2 rate - 1; ``credit`` = reward (spikes - p); ``loss``, half the squared
    difference of target and rate. With the activity A of a population whose decision is
    its sign, ``corrected`` = a (d - p): d = 1 if reward times A is above 0, else 0, is
    what would have been right, and a = exp(-A^2) where it was, else 1.
    """
    return CellModel(
        "rewarded_binary",
        State,
        Params,
        Inputs,
        step=_step,
        spike=drawn,
        fired=fired,
        reads={
            "rate": _rate,
            "vote": _vote,
            "loss": _loss,
            "credit": _credit,
            "corrected": _corrected,
        },
        source="Williams (1992)",
    )


def _release_step(cell, inputs, p, dt):
    q = logistic(inputs.q)
    return ReleaseState(cell.spikes, q, inputs.pre, inputs.gate, inputs.reward)


def _sent(cell, p):
    return cell.pre * (cell.spikes if cell.gate > 0.0 else cell.p)


def _release_credit(cell, p):
    return cell.reward * (cell.spikes - cell.p) if cell.pre != 0.0 else 0.0


def release_site() -> CellModel:
    """A synapse that passes on what its presynaptic cell sends, or fails.

    It releases with p = logistic(q). Reads: ``sent``, what reaches ``pre`` on release,
    else 0 (with closed gate p times that); ``credit`` = reward (release - p), 0 where
    the presynaptic cell sends nothing.
    """
    return CellModel(
        "release_site",
        ReleaseState,
        Params,
        ReleaseInputs,
        step=_release_step,
        spike=drawn,
        fired=fired,
        reads={"sent": _sent, "credit": _release_credit},
        source="Seung (2003)",
    )


def _squared(cell, p):
    return 0.5 * (cell.target - cell.rate) ** 2


def judged_cell(phi: Transfer = LOGISTIC) -> CellModel:
    """A cell without chance, whose rate is phi of its input and may have a target.

    Reads: ``rate``; ``loss``, half the squared difference of target and rate.

    Parameters
    ----------
    phi : Transfer
    """
    check_transfer("judged_cell", phi)
    function = phi.rate

    def step(cell, inputs, p, dt):
        return JudgedState(inputs.basal, function(inputs.basal), inputs.target)

    return CellModel(
        "judged_cell",
        JudgedState,
        Params,
        JudgedInputs,
        step=step,
        reads={"loss": _squared},
    )


def _critic_step(cell, inputs, p, dt):
    reward = -inputs.loss - p.baseline - cell.mean
    return CriticState(reward, cell.mean + p.averaging * reward)


def reward_critic(*, baseline: float = 0.0, averaging: float = 0.0) -> CellModel:
    """A cell whose ``reward`` is how much less than expected it hears of a loss.

    reward = -loss - baseline - mean, where the State field ``mean`` begins at 0 and
    moves by `averaging` times the reward with every step of the cell.

    Parameters
    ----------
    baseline, averaging : float
    """
    return CellModel(
        "reward_critic",
        CriticState,
        CriticParams,
        CriticInputs,
        step=_critic_step,
        parameters=CriticParams(baseline, averaging),
        limit=math.inf,
        source="Williams (1992)",
    )


def _majority_step(cell, inputs, p, dt):
    right = (inputs.votes > 0.0) == (inputs.target > 0.5)
    return MajorityState(inputs.votes, 1.0 if right else -1.0)


def _choice(cell, p):
    return 1.0 if cell.activity > 0.0 else 0.0


def majority_cell() -> CellModel:
    """A cell that decides as most of its votes do.

    Reads: ``activity``, the sum of its votes; ``choice``, 1 where that is above 0, else
    0; ``reward``, 1 where the choice is the target (above a half, or not), else -1.
    """
    return CellModel(
        "majority_cell",
        MajorityState,
        Params,
        MajorityInputs,
        step=_majority_step,
        reads={"choice": _choice},
        source="Urbanczik & Senn (2009)",
    )
