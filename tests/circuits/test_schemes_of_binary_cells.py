"""Schemes of binary cells, said without a trick: one update, numbers by address."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from drawn_numbers import SEED, drawn
from scheme_circuits import ALL, DRAWN, NoParams, mean_product, pictures
from systems import logistic

import circuits
from circuits import (
    Circuit,
    Phase,
    Population,
    Projection,
    Schedule,
)
from dendrites import ActivityDifference, CellModel, LowPass, transfer
from dendrites.models import source
from dendrites.random import uniform

pytestmark = pytest.mark.usefixtures("every_engine")

BATCH = 3


def flip(cell, u, p, dt):
    return 1.0 if u < cell.p else 0.0


def flipped(cell, count, p, dt):
    return cell._replace(spikes=count)


class Chosen(NamedTuple):
    spikes: float = 0.0
    p: float = 0.0
    reward: float = 0.0


class Rewarded(NamedTuple):
    drive: float = 0.0
    reward: float = 0.0


def choose(cell, inputs, p, dt):
    return cell._replace(p=transfer.logistic(inputs.drive))


def hear(cell, inputs, p):
    return cell._replace(reward=inputs.reward)


def test_reinforce_with_a_reward_30_ms_late():
    rate, tau = 0.5, 20.0
    cell = CellModel(
        "chooser",
        Chosen,
        NoParams,
        Rewarded,
        step=choose,
        instantaneous=hear,
        spike=flip,
        fired=flipped,
    )
    rule = ActivityDifference(
        "spikes",
        "p",
        learning_rate=rate,
        low_pass=LowPass(tau, exact=True),
        modulator="reward",
    )
    made = Circuit(
        (
            Population("input", source(), 4, pattern="inputs"),
            Population("reward", source(), 1, pattern="targets"),
            Population("chooser", cell, 3),
        ),
        (
            Projection("input", "chooser", "drive", name="W", rule=rule, **DRAWN),
            Projection("reward", "chooser", "reward", **ALL),
        ),
        # A rule sees the choice of the step before, so the input stays for another.
        Schedule(
            (
                Phase("act", 2.0, on=("input",)),
                Phase("wait", 29.0),
                Phase("reward", 1.0, on=("reward",)),
            )
        ),
        output="chooser",
        readout="p",
        dt=1.0,
        seed=SEED,
    )
    x, reward = pictures(BATCH, 4)[:1], np.array([[-0.7]])
    shown = {"input": x, "reward": reward}
    found = circuits.present(made, shown, learning=True)
    p = logistic(x @ found.before["W"].T)
    u = drawn(uniform, "spikes/chooser", 3, 1, step=0)
    a = math.exp(-1.0 / tau)
    eligibility = (1 - a) * a**30 * mean_product((u < p) - p, x)
    wanted = rate * reward * eligibility
    assert np.abs(wanted).max() > 1e-4
    np.testing.assert_allclose(found.update["W"], wanted, rtol=1e-10)
