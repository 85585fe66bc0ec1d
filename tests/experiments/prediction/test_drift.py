"""The drift experiment: the closed form within chance, tree and picture."""

import json

import numpy as np
import pytest

from dendrites import models
from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from experiments.plots.prediction import drift as plot_drift
from experiments.prediction.drift import drift, filtered_time, fixed_point
from experiments.prediction.held_dendrite import (
    holding_current,
    rate_and_importance,
    settled_soma,
)

P = models.urbanczik_senn().parameters
POTENTIALS = (-64.0, -60.476, -53.0, -51.0, -50.0, -48.0)


@pytest.fixture(scope="module")
def tree():
    return drift(potentials=POTENTIALS, cells=200)


@pytest.fixture(scope="module")
def found(tree):
    return tree["drift"].to_dataset()


def test_the_tree_is_valid_and_reopens_as_it_was(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)


def test_the_measured_drift_is_the_closed_form_within_chance(found):
    error = (found.measured - found.predicted) / found.standard_error
    # A largest of six normal numbers above 4.5 has a chance of 4e-5.
    assert float(abs(error).max()) < 4.5
    strong = found.sel(potential=[-64.0, -60.476])
    assert (strong.standard_error < 0.02 * strong.measured).all()


def test_a_known_point_has_its_potentials_and_prediction(tree, found):
    at = found.sel(potential=-60.476)
    assert float(at.soma) == pytest.approx(-55.714, abs=1e-3)
    # V* is rounded to 2e-4 mV: 3e-5 of the drift.
    assert float(at.predicted) == pytest.approx(3550.5e-6, rel=1e-4)
    headline = json.loads(tree.attrs["headline_json"])
    assert headline["drift_measured"]["reference"] == "0.0035505"
    assert headline["drift_predicted"]["value"] == float(at.predicted)


def test_the_soma_settles_where_the_convex_mixture_is(found):
    expected = settled_soma(found.potential.values, 175.0, 350.0, P)
    # Weights of 0.01 pA move it by 1e-5 mV.
    np.testing.assert_allclose(found.soma, expected, atol=2e-5)
    share = 525.0 / 1155.0
    mixed = share * -50.0 + (1.0 - share) * found.potential.values
    np.testing.assert_allclose(expected, mixed, rtol=1e-13)


def test_the_drift_vanishes_at_the_matching_potential(tree):
    point = tree["fixed_point"]
    assert float(point.matching_potential) == pytest.approx(-50.0)
    error = float(point.crossing_error)
    assert error < 0.3
    assert abs(float(point.zero_crossing) + 50.0) < 4.5 * error


def test_a_known_curve_has_its_zero_found():
    v = np.array([-53.0, -51.5, -50.0, -49.0, -47.0])
    curve = -(v + 49.2) + 0.02 * (v + 49.2) ** 2
    found = fixed_point(v, curve, np.full(5, 0.1), 175.0, 350.0, P)
    assert found["zero_crossing"] == pytest.approx(-49.2)
    # Five errors of 0.1 and a slope of 1.
    assert 0.1 / np.sqrt(5) < found["crossing_error"] < 0.1


def test_too_few_points_by_the_matching_potential_find_no_zero():
    v = np.array([-60.0, -51.0, -50.0, -49.0])
    found = fixed_point(v, -v - 50.0, np.ones(4), 175.0, 350.0, P)
    assert set(found) == {"matching_potential"}


def test_time_lost_in_the_filter_is_its_integral():
    t = np.linspace(0.0, 500.0, 200_001)
    expected = np.trapezoid(1.0 - np.exp(-(500.0 - t) / 100.0), t)
    assert filtered_time(500.0, 100.0) == pytest.approx(expected, rel=1e-9)


def test_the_current_holds_the_prediction_where_it_is_asked_to():
    current = holding_current(-57.0, P)
    dendrite = P.e_leak + current / P.g_leak
    mixed = (P.g_leak * P.e_leak + P.g_dendrite * dendrite) / (P.g_leak + P.g_dendrite)
    assert mixed == pytest.approx(-57.0, rel=1e-14)
    rate, importance = rate_and_importance(P.theta, P)
    assert (rate, 15 * importance) == pytest.approx((0.1, 5 / 3))


def test_without_a_teacher_nothing_drifts_and_there_is_no_fixed_point():
    found = drift(
        potentials=(-60.0,), cells=100, duration=500.0, g_exc=0.0, g_inh=0.0, seed=2
    )
    at = found["drift"].isel(potential=0)
    assert abs(float(at.measured)) < 4.5 * float(at.standard_error)
    assert abs(float(at.predicted)) < 1e-3 * float(at.standard_error)
    assert "zero_crossing_mv" not in found.attrs["headline_json"]
    plot_drift.plot(found)


def test_a_step_that_is_not_positive_is_refused():
    with pytest.raises(ConfigError, match="dt"):
        drift(dt=0.0)
