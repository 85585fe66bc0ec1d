"""Recirculation, said without a trick: one update, rounding."""

from typing import NamedTuple

import numpy as np
import pytest
from relaxing_cells import shown
from scheme_circuits import EXACT, ONE, mean_product
from systems import logistic

import circuits
from circuits import Circuit, Phase, Population, Projection, Schedule, Uniform
from dendrites import ActivityDifference, CellModel, transfer
from dendrites.models import source

pytestmark = pytest.mark.usefixtures("every_engine")

BATCH = 3


class Activity(NamedTuple):
    activity: float = 0.0


class Mixed(NamedTuple):
    drive: float = 0.0
    shown: float = 0.0
    begin: float = 0.0


class Regression(NamedTuple):
    kept: float = 0.75


def recirculate(function):
    def step(cell, inputs, p, dt):
        kept = p.kept * (1.0 - inputs.begin)
        new = inputs.shown + function(inputs.drive)
        return Activity(kept * cell.activity + (1.0 - kept) * new)

    return step


def identity(x):
    return x


def test_recirculation():
    kept, rate = 0.75, 0.3
    hidden, visible = (
        CellModel(name, Activity, Regression, Mixed, step=recirculate(function))
        for name, function in (("code", transfer.logistic), ("picture", identity))
    )
    encoder = ActivityDifference(
        "activity",
        "activity",
        moments=("second", "third"),
        presynaptic_moments=("second", "second"),
        learning_rate=rate,
    )
    decoder = ActivityDifference(
        "activity",
        "activity",
        moments=("first", "second"),
        presynaptic_moments=("first", "first"),
        learning_rate=rate,
    )
    learned = {"signal": "activity", "initial": Uniform(-1.0, 1.0)}
    begin = {"initial": circuits.Constant(1.0)}
    made = Circuit(
        (
            Population("input", source(), 5, pattern="inputs"),
            Population("begin", source(), 1, pattern=1.0),
            Population("visible", visible, 5),
            Population("hidden", hidden, 3),
        ),
        (
            Projection("input", "visible", "shown", **ONE),
            Projection("begin", "visible", "begin", **begin),
            Projection("begin", "hidden", "begin", **begin),
            Projection("visible", "hidden", "drive", name="W", rule=encoder, **learned),
            Projection("hidden", "visible", "drive", name="B", rule=decoder, **learned),
        ),
        Schedule(
            (
                Phase(
                    "first",
                    advance=("visible", "hidden"),
                    on=("input", "begin"),
                    silent=("B",),
                ),
                Phase("second", advance=("visible",)),
                Phase("third", advance=("hidden",)),
            )
        ),
        output="hidden",
        readout="activity",
    )
    x0 = shown(BATCH, sizes=(5, 3))["input"]
    found = circuits.present(made, {"input": x0}, learning=True)
    w, b = found.before["W"], found.before["B"]
    h1 = logistic(x0 @ w.T)
    x2 = kept * x0 + (1 - kept) * h1 @ b.T
    h3 = kept * h1 + (1 - kept) * logistic(x2 @ w.T)
    wanted = {"W": rate * mean_product(h1 - h3, x2)}
    wanted["B"] = rate * mean_product(x0 - x2, h1)
    for name, value in wanted.items():
        np.testing.assert_allclose(found.update[name], value, atol=EXACT)
