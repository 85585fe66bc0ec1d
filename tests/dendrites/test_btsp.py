"""Behavioural-time-scale plasticity of whole trials: published numbers, exact facts."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from reference import btsp_twin

from dendrites.btsp import (
    FIT,
    ONE_CELL,
    SINGLE_SPIKE,
    BtspParameters,
    activation,
    btsp_change,
    btsp_trial,
)
from dendrites.errors import ModelError
from dendrites.rules import btsp
from dendrites.synaptic_rule import SynapticRule

PLATEAU = [(0.0, 300.0)]
WEIGHTS = np.array([1.0, 2.0, 3.0, 4.0])
# Time of the spike, s; equilibrium; change of weights 1, 2, 3, 4.
TABLE = (
    (-6.0, 1.197, (0.057, -0.252, -0.561, -0.870)),
    (-4.0, 1.621, (0.260, -0.222, -0.703, -1.185)),
    (-2.0, 2.402, (0.765, 0.078, -0.608, -1.294)),
    (-1.0, 2.886, (1.135, 0.334, -0.466, -1.266)),
    (0.0, 3.335, (1.480, 0.582, -0.315, -1.212)),
    (0.5, 3.215, (1.357, 0.499, -0.358, -1.216)),
    (1.0, 2.842, (1.061, 0.292, -0.477, -1.246)),
    (2.0, 2.079, (0.508, -0.070, -0.649, -1.227)),
    (4.0, 1.199, (0.052, -0.230, -0.513, -0.795)),
)
# The table is from Euler steps, good to 0.001, and has three digits.
TABLE_ERROR = 1.5e-3
pytestmark = pytest.mark.nojit


@pytest.mark.parametrize(("seconds", "equilibrium", "changes"), TABLE)
def test_one_spike_and_one_plateau_change_weights_as_tabulated(
    seconds, equilibrium, changes
):
    trial = btsp_trial([1000.0 * seconds], PLATEAU, SINGLE_SPIKE)
    assert abs(trial.equilibrium - equilibrium) < TABLE_ERROR
    assert np.abs(trial.change(WEIGHTS) - changes).max() < TABLE_ERROR


@pytest.mark.parametrize("p", [SINGLE_SPIKE, FIT])
@pytest.mark.parametrize("seed", [0, 1])
def test_trains_and_several_plateaus_agree_with_sums_on_a_fine_grid(p, seed):
    draw = np.random.default_rng(seed)
    spikes = np.sort(draw.integers(-3000, 4000, 6)).astype(float)
    plateaus = [(-500.0, -380.0), (200.0, 500.0), (2000.0, 2250.0)]
    # The steepest rise, that of q- of the fit, takes 0.13 ms: to the sum it is a jump
    # at worst, good to half a step of k_depression W, 0.5 x 0.05 x 0.33e-3 x 4 each.
    dt, stop = 0.05, 30000.0
    offset, factor = btsp_twin.trial(spikes, plateaus, asdict(p), dt, stop)
    expected = offset + (factor - 1.0) * WEIGHTS
    found = btsp_change(WEIGHTS, spikes, plateaus, p)
    assert np.abs(found - expected).max() < 3e-5
    assert np.abs(found).max() > 0.5


def test_two_weights_determine_the_change_of_all():
    trial = btsp_trial([-700.0, 200.0], PLATEAU, SINGLE_SPIKE)
    low, high = trial.change([0.5, 4.5])
    between = np.linspace(0.0, 5.0, 11)
    line = low + (high - low) * (between - 0.5) / 4.0
    np.testing.assert_allclose(trial.change(between), line, atol=1e-14)


@pytest.mark.parametrize("p", [SINGLE_SPIKE, FIT])
@pytest.mark.parametrize("time", [-1000.0, 0.0, 1000.0])
def test_the_equilibrium_is_left_alone_by_a_trial_with_held_weights(p, time):
    trial = btsp_trial([time], PLATEAU, p)
    assert abs(trial.change(trial.equilibrium, frozen=True)) < 1e-12
    assert trial.change(trial.equilibrium - 0.1, frozen=True) > 0.0
    assert trial.change(trial.equilibrium + 0.1, frozen=True) < 0.0


@pytest.mark.parametrize("p", [SINGLE_SPIKE, FIT])
@pytest.mark.parametrize("time", [-1000.0, 0.0, 1000.0])
def test_the_fixed_point_is_left_alone_by_the_trial_itself(p, time):
    trial = btsp_trial([time], PLATEAU, p)
    assert abs(trial.change(trial.fixed_point)) < 1e-12
    # Depression outlasts potentiation, and has the last word.
    assert trial.fixed_point < trial.equilibrium - 0.01


def test_fixed_point_and_equilibrium_agree_for_slow_plasticity():
    gaps = []
    for slower in (1e2, 1e3):
        p = replace(
            SINGLE_SPIKE,
            k_potentiation=SINGLE_SPIKE.k_potentiation / slower,
            k_depression=SINGLE_SPIKE.k_depression / slower,
        )
        trial = btsp_trial([0.0], PLATEAU, p)
        gaps.append(trial.equilibrium - trial.fixed_point)
    # Of first order in the rates.
    assert gaps[0] / gaps[1] == pytest.approx(10.0, rel=0.02)
    assert 0.0 < gaps[1] < 2e-3


def test_a_weight_held_through_the_trial_overshoots_its_maximum():
    # The rule itself gives +1.48.
    change = btsp_change(1.0, [0.0], PLATEAU, SINGLE_SPIKE, frozen=True)
    assert change == pytest.approx(5.32, abs=5e-3)
    assert 1.0 + change > SINGLE_SPIKE.weight_max


@pytest.mark.parametrize("p", [SINGLE_SPIKE, FIT])
def test_no_trial_moves_a_weight_out_of_its_range(p):
    draw = np.random.default_rng(3)
    ends = np.array([0.0, p.weight_max])
    for _ in range(5):
        spikes = np.sort(draw.uniform(-2000.0, 2000.0, 20))
        after = ends + btsp_change(ends, spikes, PLATEAU, p)
        assert 0.0 <= after[0] <= after[1] <= p.weight_max


@pytest.mark.parametrize("seconds", [-6.0, -4.0, -2.0, 2.0, 4.0])
def test_strong_weights_are_depressed_seconds_away_and_weak_ones_are_not(seconds):
    weak, strong = btsp_change([1.0, 3.0], [1000.0 * seconds], PLATEAU, SINGLE_SPIKE)
    assert weak > 0.05 and strong < -0.5


@pytest.mark.parametrize("seconds", [-6.0, -4.0, -2.0, 2.0, 4.0])
def test_short_time_constants_cannot_depress_seconds_away(seconds):
    p = replace(SINGLE_SPIKE, tau_eligibility=49.0, tau_instructive=49.0)
    change = btsp_change(WEIGHTS, [1000.0 * seconds], PLATEAU, p)
    assert np.abs(change).max() < 1e-12


def test_straight_lines_in_place_of_sigmoids_cannot_depress():
    # q(x) = x: W_eq = W_max k+ / (k+ + k-) = 4.46 whenever the spike comes.
    p = replace(SINGLE_SPIKE, beta_potentiation=1e-3, beta_depression=1e-3)
    expected = p.weight_max * 1.7 / (1.7 + 0.204)
    for seconds, *_ in TABLE:
        trial = btsp_trial([1000.0 * seconds], PLATEAU, p)
        assert trial.equilibrium == pytest.approx(expected, rel=1e-4)
        assert trial.fixed_point == pytest.approx(expected, rel=1e-4)
        assert trial.change(WEIGHTS).min() > 0.0


def test_short_plateaus_lower_the_equilibrium():
    found = [
        btsp_trial([0.0], [(0.0, duration)], SINGLE_SPIKE).fixed_point
        for duration in (20.0, 100.0, 300.0, 1000.0)
    ]
    assert (np.diff(found) > 0.0).all()
    assert found[1] < 2.0 < found[2]


def test_trials_far_apart_are_maps_after_one_another():
    late = 60000.0
    one = btsp_trial([-500.0], PLATEAU, SINGLE_SPIKE)
    spikes = [-500.0, late - 500.0]
    both = btsp_change(WEIGHTS, spikes, [*PLATEAU, (late, late + 300.0)], SINGLE_SPIKE)
    between = WEIGHTS + one.change(WEIGHTS)
    expected = between + one.change(between) - WEIGHTS
    # What is left after 60 s: e^-24 of ET; the tolerance of the solver.
    np.testing.assert_allclose(both, expected, atol=2e-8)


def test_only_the_time_between_spike_and_plateau_matters():
    here = btsp_change(WEIGHTS, [-400.0], PLATEAU, FIT)
    there = btsp_change(WEIGHTS, [4600.0], [(5000.0, 5300.0)], FIT)
    np.testing.assert_allclose(here, there, atol=1e-9)


def test_eligibility_is_counted_in_its_largest_value():
    twice = btsp_change(WEIGHTS, [100.0, 100.0], PLATEAU, FIT, largest=2.0)
    once = btsp_change(WEIGHTS, [100.0], PLATEAU, FIT)
    np.testing.assert_allclose(twice, once, atol=1e-12)


@pytest.mark.parametrize(("spikes", "plateaus"), [([], PLATEAU), ([0.0], [])])
def test_without_spikes_or_plateaus_nothing_changes(spikes, plateaus):
    trial = btsp_trial(spikes, plateaus, FIT)
    assert (trial.change(WEIGHTS) == 0.0).all()
    assert np.isnan([trial.equilibrium, trial.fixed_point]).all()


def test_changes_have_the_shape_of_the_weights():
    assert btsp_change(np.ones((2, 3)), [0.0], PLATEAU).shape == (2, 3)
    assert np.shape(btsp_change(1.0, [0.0], PLATEAU)) == ()


@pytest.mark.parametrize(
    ("alpha", "beta"), [(0.24, 30.3), (0.09, 2261.0), (0.01, 44.44)]
)
def test_sigmoids_go_through_zero_and_one(alpha, beta):
    assert activation(0.0, alpha, beta) == 0.0
    assert activation(1.0, alpha, beta) == 1.0
    # 1 / (exp(beta (alpha - x)) + 1), the ends taken off.
    ends = [1.0 / (1.0 + np.exp(beta * (alpha - x))) for x in (0.0, 0.1, 1.0)]
    expected = (ends[1] - ends[0]) / (ends[2] - ends[0])
    assert activation(0.1, alpha, beta) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"tau_eligibility": 0.0}, "tau_eligibility = 0.0 ms: must be > 0 and finite"),
        ({"k_depression": -1e-3}, "k_depression = -0.001 1/ms: must be >= 0"),
        ({"alpha_depression": np.inf}, "alpha_depression = inf: must be a finite"),
        ({"weight_max": True}, "weight_max = True: must be a finite number > 0"),
        (
            {"alpha_potentiation": 5.0, "beta_potentiation": 2e3},
            "the sigmoid is flat between 0 and 1",
        ),
    ],
)
def test_impossible_parameters_are_refused(change, text):
    with pytest.raises(ModelError, match=text):
        replace(SINGLE_SPIKE, **change)


@pytest.mark.parametrize(
    ("spikes", "plateaus", "options", "text"),
    [
        ([1.0, 0.0], PLATEAU, {}, "in ascending order"),
        ([np.nan], PLATEAU, {}, "must be finite times"),
        ([0.0], [(0.0, 300.0), (200.0, 400.0)], {}, "end before the next begins"),
        ([0.0], [(300.0, 300.0)], {}, "must begin before it ends"),
        ([0.0], [(0.0, 1.0, 2.0)], {}, "must be pairs"),
        ([0.0], PLATEAU, {"reference_plateau": 0.0}, "reference_plateau = 0.0"),
        ([0.0], PLATEAU, {"largest": -1.0}, "largest = -1.0: must be > 0"),
    ],
)
def test_impossible_trials_are_refused(spikes, plateaus, options, text):
    with pytest.raises(ModelError, match=text):
        btsp_trial(spikes, plateaus, FIT, **options)


def test_the_rule_acts_at_every_step_and_refuses_impossible_options():
    rule = btsp(SINGLE_SPIKE)
    assert isinstance(rule, SynapticRule) and rule.continuous
    assert rule.learning_rate == 1.0 and rule.presynaptic == "trace"
    with pytest.raises(ModelError, match="parameters is a str"):
        btsp("fit")
    with pytest.raises(ModelError, match="largest = 0.0"):
        btsp(FIT, largest=0.0)


def test_presets_are_the_published_numbers():
    per_second = (FIT.k_potentiation, FIT.k_depression)
    assert np.allclose(np.multiply(1000.0, per_second), (2.27, 0.33), rtol=1e-12)
    assert isinstance(FIT, BtspParameters) and FIT.weight_max == 4.02
    assert (FIT.tau_eligibility, FIT.tau_instructive) == (864.0, 543.0)
    # The released code has half widths, 2 / beta.
    widths = (2.0 / ONE_CELL.beta_potentiation, 2.0 / ONE_CELL.beta_depression)
    assert np.allclose(widths, (0.14992877, 0.01762301), rtol=1e-3)
