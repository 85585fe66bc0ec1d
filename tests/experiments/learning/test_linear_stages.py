"""The linear-stages experiment: the curves of theory, tree and picture."""

import json

import numpy as np
import pytest

from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from experiments.learning.linear_stages import linear_stages
from experiments.learning.stage_curves import modes, stages

SMALL = {
    "strengths": (2.0, 1.0),
    "cells": 3,
    "learning_rate": 4e-3,
    "duration": 6.0,
    "records": 31,
    "networks": 1,
}


@pytest.fixture(scope="module")
def tree():
    return linear_stages(**SMALL)


@pytest.fixture(scope="module")
def curves(tree):
    return tree["stages"].to_dataset()


def test_the_sigmoid_solves_its_equation_and_crosses_half_when_it_says():
    t = np.linspace(0.0, 6.0, 13)
    u = stages(t, 1.5, 1e-3)
    step = 1e-6
    slope = (stages(t + step, 1.5, 1e-3) - stages(t - step, 1.5, 1e-3)) / (2 * step)
    # Differences of 1e-6 of values near 1 keep 10 digits.
    np.testing.assert_allclose(slope, 2 * u * (1.5 - u), atol=1e-8)
    half = np.log(1.5 / 1e-3 - 1.0) / (2 * 1.5)
    assert stages(np.array([half]), 1.5, 1e-3)[0] == pytest.approx(0.75, rel=1e-12)


def test_integrated_modes_are_the_sigmoid_for_two_matrices():
    t = np.linspace(0.0, 6.0, 13)
    a = modes(t, 1.5, [np.sqrt(1e-3)] * 2)
    # The tolerance of the integration is 1e-9 a step.
    np.testing.assert_allclose(a.prod(axis=1), stages(t, 1.5, 1e-3), rtol=1e-6)
    np.testing.assert_allclose(a[:, 0], a[:, 1], rtol=1e-9)


def test_three_balanced_matrices_grow_as_the_four_thirds_power():
    t = np.linspace(0.0, 20.0, 2001)
    u = modes(t, 1.0, [1e-3 ** (1 / 3)] * 3).prod(axis=1)
    # Central differences of 0.01 are right to 1e-4 / 6 of the third derivative.
    slope = (u[2:] - u[:-2]) / (t[2:] - t[:-2])
    wanted = 3 * u[1:-1] ** (4 / 3) * (1.0 - u[1:-1])
    np.testing.assert_allclose(slope, wanted, atol=1e-3)


def test_with_fixed_feedback_a_quantity_is_conserved():
    # da/dt = g (s - ab) and db/dt = a (s - ab): a^2 / 2 - g b never changes.
    a, b = modes(np.linspace(0.0, 8.0, 9), 2.0, [0.1, 0.1], [0.7]).T
    np.testing.assert_allclose(a**2 / 2 - 0.7 * b, 0.005 - 0.07, atol=1e-8)
    assert a[-1] * b[-1] == pytest.approx(2.0, rel=1e-4)


def test_circuits_follow_the_curves_to_first_order_in_the_learning_rate(curves):
    fine = linear_stages(**{**SMALL, "learning_rate": 2e-3})["stages"].to_dataset()
    known = ["backprop", "feedback_alignment", "sacramento"]
    coarse, fine = (x.deviation.sel(scheme=known, replica=0) for x in (curves, fine))
    assert float(coarse.max()) < 0.01
    np.testing.assert_allclose(coarse / fine, 2.0, rtol=0.05)


def test_linear_microcircuits_learn_as_feedback_alignment_does(curves):
    # To rounding of 1500 updates, whose size over error is read off the circuit.
    np.testing.assert_allclose(
        curves.strength.sel(scheme="sacramento"),
        curves.strength.sel(scheme="feedback_alignment"),
        rtol=1e-9,
    )


def test_random_feedback_is_off_the_aligned_curves_and_ends_there(curves):
    random = curves.sel(scheme="random_feedback", replica=0)
    assert 0.01 < float(random.deviation) < 0.5
    np.testing.assert_allclose(random.strength[-1], [2.0, 1.0], rtol=0.02)


def test_stronger_modes_are_learned_first_in_every_scheme(curves):
    assert (curves.half_time.diff("mode") > 0).all()


def test_three_matrices_wait_longer_for_the_weak_mode():
    deep = linear_stages(**{**SMALL, "hidden": 2, "duration": 16.0})
    found = deep["stages"].sel(scheme="backprop", replica=0)
    assert float(found.deviation) < 0.02
    strong, weak = found.half_time.values
    assert 1.9 < weak / strong < 2.1  # waiting goes as 1 / s


def test_a_run_that_is_too_short_has_no_half_time(tree, tmp_path):
    short = linear_stages(**{**SMALL, "duration": 0.5})
    assert np.isnan(short["stages"].half_time.sel(scheme="backprop")).all()
    for found in (tree, short):
        validate(found)
        assert open_run(save_run(found, tmp_path / "a.nc", overwrite=True)) is not None


def test_headline_figures_are_the_largest_deviations(tree, curves):
    figures = json.loads(tree.attrs["headline_json"])
    assert figures["max_deviation"]["value"] == float(
        curves.deviation.sel(scheme="backprop").max()
    )
    assert len(figures) == curves.sizes["scheme"]


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        ({"cells": 1}, "cells = 1: fewer than the 2 singular values"),
        ({"start": 0.6}, "start = 0.6: must be below half of the smallest"),
        ({"hidden": 0}, "hidden: got 0, must be >= 1"),
    ],
)
def test_impossible_networks_are_refused(bad, text):
    with pytest.raises(ConfigError, match=text):
        linear_stages(**{**SMALL, **bad})
