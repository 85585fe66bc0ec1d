"""The climbing-fibre experiment: a plain twin, theory, tree and picture."""

import json

import numpy as np
import pytest

from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from dendrites.random import generator
from experiments.systems.climbing_fibre import (
    climbing_fibre,
    demands,
    gain_and_lead,
    moved,
    steps_of_cycle,
)
from experiments.systems.climbing_fibre_circuit import granule_rates, residual

SMALL = {"granule": 100, "cycles": 400, "dt": 40.0, "eta": 0.01}
ANGLE = 2.0 * np.pi * np.arange(50) / 50


@pytest.fixture(scope="module")
def tree():
    return climbing_fibre(**SMALL)


@pytest.fixture(scope="module")
def learning(tree):
    return tree["learning"].to_dataset()


def rates(n):
    return granule_rates(ANGLE, n, generator(0, "climbing_fibre/granule"))


def test_outputs_are_those_of_a_plain_loop():
    # A synapse learns from the climbing fibre of the step before.
    g, (_, demand) = rates(12), demands((0.5,), 45.0, ANGLE)
    found = moved(g, demand, 3, 1.0, 8.0, 0.02, 40.0, 0)
    for code, lowest in ((0, -np.inf), (1, 0.0)):
        w, told = np.zeros((2, 12)), np.full((1, 2), 1.0)
        for k in range(150):
            output = w @ g[k % 50]
            np.testing.assert_allclose(
                found[code].reshape(-1, 2)[k], output, atol=1e-14
            )
            w -= (
                0.02 * 0.040 * (np.maximum(told[-1], lowest) - 1.0)[:, None] * g[k % 50]
            )
            told = 1.0 + 8.0 * (output - demand[k % 50])[None]


def test_the_theory_is_gradient_flow_on_the_mean_of_a_cycle():
    g, (_, demand) = rates(8), demands((0.5,), 45.0, ANGLE)
    matrix, side = g.T @ g / 50, g.T @ demand[:, 1] / 50
    w, time = np.zeros(8), 0.0
    for _ in range(4000):
        w += 0.01 * (side - matrix @ w)
    time = 4000 * 0.01
    error = np.sqrt(np.mean((g @ w - demand[:, 1]) ** 2))
    # Euler steps of 0.01 are right to 0.5 % of what is left.
    expected = residual(g, demand[:, 1], np.array([time]), 1.0)[0]
    assert error == pytest.approx(expected, rel=5e-3)


def test_long_learning_ends_at_the_least_squares_solution():
    g, demand = rates(8), np.sin(ANGLE + 0.7)
    w = np.linalg.lstsq(g, demand, rcond=None)[0]
    best = np.sqrt(np.mean((g @ w - demand) ** 2))
    assert residual(g, demand, np.array([1e9]), 1.0)[0] == pytest.approx(best, rel=1e-6)


def test_a_signed_code_learns_as_fast_as_the_theory_says(learning):
    # Learning from the step before costs 1 - cos(2 pi / 50) = 0.8 % of the speed.
    signed = learning.error.sel(code="signed")
    deviation = abs(signed - learning.expected) / learning.expected.isel(cycle=0)
    assert float(deviation.max()) < 0.01


def test_rates_that_cannot_be_negative_are_slower_and_end_alike(learning):
    signed, rectified = (learning.error.sel(code=c) for c in ("signed", "rectified"))
    assert (rectified.isel(cycle=20) > 1.1 * signed.isel(cycle=20)).all()
    assert (rectified.isel(cycle=-1) < 0.1 * rectified.isel(cycle=0)).all()


def test_spikes_leave_the_error_of_their_variance(learning):
    # Three tasks and 80 cycles, errors of some 20 cycles each are alike: 30 %.
    late = learning.error.sel(code="spikes")[:, -80:]
    assert float(np.sqrt((late**2).mean())) == pytest.approx(
        float(learning.floor), rel=0.3
    )
    assert float(learning.floor) == pytest.approx(np.sqrt(0.01 / 16.0))


def test_gain_and_lead_become_what_is_asked(learning):
    end = learning.isel(cycle=-1).sel(code=["signed", "rectified"])
    for task, gain, lead in (
        ("gain 0.5", 0.5, 0),
        ("gain 1.5", 1.5, 0),
        ("lead 45", 1, 45),
    ):
        np.testing.assert_allclose(end.gain.sel(task=task), gain, atol=0.02)
        np.testing.assert_allclose(end.lead.sel(task=task), lead, atol=1.0)
    eye = (0.8 * np.sin(ANGLE + 0.3))[None, None, :, None]
    gain, lead = gain_and_lead(eye, ANGLE)
    assert gain[0, 0, 0] == pytest.approx(0.8)
    assert lead[0, 0, 0] == pytest.approx(np.degrees(0.3))


def test_the_tree_is_valid_and_its_headline_says_how_long_codes_take(
    tree, learning, tmp_path
):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)
    figures = json.loads(tree.attrs["headline_json"])
    signed, rectified = (
        figures[f"cycles_to_a_tenth_{code}"]["value"]
        for code in ("signed", "rectified")
    )
    assert signed < rectified
    assert figures["max_deviation"]["value"] < 0.01


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        ({"dt": 30.0}, "dt = 30 ms: must go into a cycle of 2000 ms"),
        ({"dt": 500.0}, "at least 10"),
        ({"frequency": 0.0}, "frequency"),
    ],
)
def test_impossible_steps_are_refused(bad, text):
    with pytest.raises(ConfigError, match=text):
        climbing_fibre(**bad)
    assert steps_of_cycle(0.5, 10.0) == 200
