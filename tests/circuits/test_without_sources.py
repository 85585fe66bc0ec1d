"""Circuits without a clamped population: they run by themselves."""

from typing import Annotated, NamedTuple

import numpy as np
import pytest
from tiny_training import tiny_task

import circuits
import dendrites as dn
from circuits import Circuit, Phase, Population, Projection, Schedule
from dendrites.errors import ConfigError, ModelError

pytestmark = pytest.mark.usefixtures("every_engine")

DT, TAU, BIAS, STEPS = 0.5, 10.0, 0.7, 24
W = np.random.default_rng(3).normal(0.0, 0.4, (4, 4))
RATE = 0.001


class State(NamedTuple):
    v: Annotated[float, "mV"] = 1.0


class Params(NamedTuple):
    tau: Annotated[float, "ms", dn.POSITIVE] = TAU


class Inputs(NamedTuple):
    current: Annotated[float, "mV"] = 0.0


def leak(cell, inputs, p):
    return State((inputs.current + BIAS - cell.v) / p.tau)


CELL = dn.CellModel(
    "leaky", State, Params, Inputs, derivative=leak, compartments=("v",)
)
HEBB = dn.ActivityDifference("v", None, learning_rate=RATE, presynaptic="v")
CIRCUIT = Circuit(
    (Population("cells", CELL, 4),),
    (Projection("cells", "cells", "current", "v", initial=W, rule=HEBB, name="w"),),
    Schedule((Phase("free", STEPS * DT),), carry_state=True),
    output="cells",
    readout="v",
    dt=DT,
)


def by_hand(steps=STEPS, learning=False):
    """Potentials (steps, 4) and the weights after them."""
    v, w, course = np.ones(4), W.copy(), []
    for _ in range(steps):
        growth = RATE * DT * np.outer(v, v) * learning
        v = v + DT / TAU * (w @ v + BIAS - v)
        w = w + growth
        course.append(v)
    return np.array(course), w


def test_a_simulation_without_patterns_follows_the_equations():
    tree = circuits.simulate(CIRCUIT, record=["cells"])
    v = tree["populations/cells"].v.sel(compartment="v").values
    np.testing.assert_allclose(v, by_hand()[0], rtol=1e-12)


@pytest.mark.parametrize("patterns", [None, {}])
def test_a_presenter_shows_nothing_and_goes_on(patterns):
    presenter = circuits.Presenter(CIRCUIT, batch=3)
    for _ in range(2):
        presenter.present(patterns)
    v, w = by_hand(2 * STEPS, learning=True)
    np.testing.assert_allclose(presenter.read("cells", "v"), v[-1:], rtol=1e-12)
    np.testing.assert_allclose(presenter.weights()["w"], w, rtol=1e-12)


def test_a_sequence_has_as_many_presentations_as_schedules():
    v, w = by_hand(3 * STEPS, learning=True)
    reads = {"reads": [("cells", "v")]}
    schedules = [CIRCUIT.schedule] * 3
    shown = circuits.present_sequence(CIRCUIT, schedule=schedules, **reads)
    np.testing.assert_allclose(shown.reads["cells", "v"], v[-1:], rtol=1e-12)
    np.testing.assert_allclose(shown.weights[-1]["w"], w, rtol=1e-12)
    assert circuits.present_sequence(CIRCUIT).presentations == [1]


def test_pieces_need_no_inputs():
    pieces = circuits.run_in_pieces(CIRCUIT, n_steps=STEPS, piece=10, record=["cells"])
    v = np.concatenate([piece.reads["cells", "v"] for piece in pieces])
    np.testing.assert_allclose(v, by_hand(learning=True)[0], rtol=1e-12)


def test_what_needs_a_source_says_so():
    with pytest.raises(ConfigError, match="has no clamped population, so no example"):
        circuits.train(CIRCUIT, tiny_task(4, 4))
    with pytest.raises(ConfigError, match="has no clamped population, so no example"):
        circuits.evaluate(CIRCUIT, tiny_task(4, 4), {})
    with pytest.raises(ConfigError, match="no number of batches"):
        circuits.Presenter(CIRCUIT).present_many({})
    with pytest.raises(ConfigError, match="given = None is a NoneType"):
        circuits.run_in_pieces(CIRCUIT, n_steps=2, driven=["cells"])
    with pytest.raises(ModelError, match="no clamped population. there are none"):
        CIRCUIT.with_schedule(Schedule((Phase("free", 1.0, on=("cells",)),)))
