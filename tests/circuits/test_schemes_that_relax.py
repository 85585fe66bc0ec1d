"""Schemes of two relaxations, each said without a trick: one update, rounding."""

from typing import NamedTuple

import numpy as np
import pytest
from relaxing_cells import energy_based, relaxing, shown, swept
from scheme_circuits import EXACT, ONE, mean_product
from systems import logistic

import circuits
from circuits import Circuit, Phase, Population, Projection, Schedule, Tied, Uniform
from dendrites import ActivityDifference, CellModel, transfer
from dendrites.models import source

pytestmark = pytest.mark.usefixtures("every_engine")

BATCH = 3


# --- equilibrium propagation ----------------------------------------------------------


def symmetric(beta, **options):
    """Free, nudged towards the target and away from it, each from the one before."""
    rule = ActivityDifference(
        "rate",
        "rate",
        moments=("toward", "away"),
        presynaptic="rate",
        learning_rate=0.5 / beta,
    )
    phases = (
        relaxing(**options),
        relaxing("toward", on={"target": beta}, **options),
        relaxing("away", on={"target": -beta}, **options),
    )
    return energy_based(phases, rule=rule)


def test_symmetric_equilibrium_propagation():
    patterns, beta = shown(BATCH), 0.2
    found = circuits.present(symmetric(beta), patterns, learning=True)
    x, t, w = patterns["input"], patterns["target"], found.before
    state, ends = swept(w, x, 12), []
    for sign in (1.0, -1.0):
        state = swept(w, x, 12, state, t, sign * beta)
        ends.append((x, *map(logistic, state)))
    for k, name in enumerate(("in", "out")):
        toward, away = (mean_product(r[k + 1], r[k]) for r in ends)
        wanted = (toward - away) / (2.0 * beta)
        np.testing.assert_allclose(found.update[name], wanted, atol=EXACT)


def test_its_error_falls_with_the_square_of_the_nudge():
    patterns = shown(BATCH)
    rest = {"sweeps": 400, "tolerance": 1e-12}
    weights = circuits.initial_weights(symmetric(0.1))
    x, t = patterns["input"], patterns["target"]

    def loss(w):
        _, output = swept(w, x, 200)
        return 0.5 * ((t - output) ** 2).sum() / BATCH

    errors = []
    for beta in (0.1, 0.05):
        made = circuits.present(
            symmetric(beta, **rest), patterns, learning=True, weights=weights
        )
        for name in ("in", "out"):
            step = np.zeros_like(weights[name])
            step[1, 2] = 1e-5
            high, low = (
                loss({**weights, name: weights[name] + sign * step})
                for sign in (1.0, -1.0)
            )
            errors.append(made.update[name][1, 2] + (high - low) / 2e-5)
    of_in, of_out = errors[0] / errors[2], errors[1] / errors[3]
    assert 3.5 < of_in < 4.5 and 3.5 < of_out < 4.5


# --- contrastive Hebbian learning -----------------------------------------------------


class Activity(NamedTuple):
    activity: float = 0.0


class NoParams(NamedTuple):
    pass


class Drives(NamedTuple):
    drive: float = 0.0
    target: float = 0.0
    clamped: float = 0.0


def toward_rate(cell, inputs, p):
    free = (1.0 - inputs.clamped) * transfer.logistic(inputs.drive)
    return Activity(free + inputs.target - cell.activity)


def contrastive(gain, **options):
    """Free and clamped relaxations with feedback that is `gain` times the transpose."""
    cell = CellModel("rate", Activity, NoParams, Drives, derivative=toward_rate)

    def learned(pre, post, scale):
        rule = ActivityDifference(
            "activity", "activity", moments=("clamped", "free"), learning_rate=scale
        )
        options = {"signal": "rate" if pre == "input" else "activity"}
        options["initial"] = Uniform(-1.0, 1.0)
        return Projection(pre, post, "drive", rule=rule, **options)

    up = (learned("input", "hidden", 1.0 / gain), learned("hidden", "output", 1.0))
    back = Projection(
        "output",
        "hidden",
        "drive",
        signal="activity",
        tied_to=Tied(up[1].name, factor=gain, transpose=True),
    )
    both = {"relax": ("hidden", "output"), **options}
    return Circuit(
        (
            Population("input", source(), 5, pattern="inputs"),
            Population("target", source(), 3, pattern="targets"),
            Population("hidden", cell, 4),
            Population("output", cell, 3),
        ),
        (
            *up,
            back,
            Projection("target", "output", "target", **ONE),
            Projection("target", "output", "clamped", signal="active", **ONE),
        ),
        Schedule(
            (Phase("free", **both), Phase("clamped", on=("target",), **both)),
            always_on=("input",),
        ),
        readout="activity",
    )


UP = "input_to_hidden_drive", "hidden_to_output_drive"


def contrast(patterns, w, gain, sweeps, step):
    """Update of both layers, over the power of the gain."""
    x, t = patterns["input"], patterns["target"]
    h, y = np.zeros((BATCH, 4)), np.zeros((BATCH, 3))
    ends = []
    for clamped in (False, True):
        for _ in range(sweeps):
            dh = logistic(x @ w[UP[0]].T + gain * y @ w[UP[1]]) - h
            dy = (t if clamped else logistic(h @ w[UP[1]].T)) - y
            h, y = h + step * dh, y + step * dy
        ends.append((mean_product(h, x), mean_product(y, h)))
    return (ends[1][0] - ends[0][0]) / gain, ends[1][1] - ends[0][1]


def test_contrastive_hebbian_learning():
    patterns, gain = shown(BATCH, sizes=(5, 4, 3)), 0.4
    made = contrastive(gain, sweeps=9, step=0.7)
    found = circuits.present(made, patterns, learning=True)
    wanted = contrast(patterns, found.before, gain, 9, 0.7)
    for name, value in zip(UP, wanted, strict=True):
        np.testing.assert_allclose(found.update[name], value, atol=EXACT)


def test_it_is_backprop_as_feedback_gets_weak():
    patterns, errors = shown(BATCH, sizes=(5, 4, 3)), []
    for gain in (0.02, 0.01):
        made = contrastive(gain, sweeps=200, tolerance=1e-13)
        found = circuits.present(made, patterns, learning=True)
        w = [found.before[name] for name in UP]
        h = logistic(patterns["input"] @ w[0].T)
        # The output is clamped, so its error has no slope.
        delta = patterns["target"] - logistic(h @ w[1].T)
        exact = mean_product((delta @ w[1]) * h * (1 - h), patterns["input"])
        error = np.linalg.norm(found.update[UP[0]] - exact) / np.linalg.norm(exact)
        errors.append(error)
    assert errors[1] < 0.05 and 1.8 < errors[0] / errors[1] < 2.2


# --- recirculation --------------------------------------------------------------------


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
