"""The self-prediction experiment: silence learned, tree and picture."""

import json

import numpy as np
import pytest
from systems import twin_of, weight_deviation

import circuits
from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from experiments.microcircuit.self_prediction import (
    SETTLED,
    draw_inputs,
    measure,
    self_prediction,
    untaught_circuit,
)

RATES = {"basal_rates": 0.0, "interneuron_rates": 2.375e-4, "apical_rates": 5e-4}


@pytest.fixture(scope="module")
def tree():
    return self_prediction(patterns=30)


@pytest.fixture(scope="module")
def found(tree):
    return tree["self_prediction"].to_dataset()


def ratio(found, presentation):
    power = found.apical_power
    return (power.sel(presentation=presentation) / power.sel(presentation=0)).values


def test_apical_dendrites_fall_silent(found):
    # Ten medians of five seeds each, 100 to 149: 3.8 to 9.7 % after 10 inputs, 0.50 to
    # 0.96 % after 30.
    assert 0.03 < np.median(ratio(found, 10)) < 0.1
    assert 0.004 < np.median(ratio(found, 30)) < 0.011
    assert ratio(found, 0).tolist() == [1.0] * 5


def test_the_power_falls_long_before_the_lateral_weights_mirror_the_feedback(found):
    # Two independent uniform matrices of 20 x 10 are sqrt(2) apart, in units of one's
    # length, with a standard deviation of 0.065 over 50 seeds: 0.036 of the median of
    # five, of which this is three. After 30 inputs ten medians were 1.32 to 1.37.
    mismatch = found.feedback_mismatch
    at_start = float(mismatch.sel(presentation=0).median())
    assert at_start == pytest.approx(np.sqrt(2.0), abs=0.11)
    assert 1.25 < float(mismatch.sel(presentation=30).median()) < at_start
    assert (mismatch.diff("presentation") < 0).all()


def test_interneurons_come_closer_to_the_output_more_slowly(found):
    error = found.prediction_error
    relative = float((error.sel(presentation=30) / error.sel(presentation=0)).median())
    # Ten medians of five seeds each: 0.46 to 0.67, where the power is below 0.01.
    assert 0.4 < relative < 0.75


def test_the_circuit_learns_step_by_step_as_the_twin_behind_an_input_filter():
    circuit = untaught_circuit(seed=3, presentation=100.0)
    inputs = np.random.default_rng(0).uniform(0.0, 1.0, (2, 30))
    run = circuits.present_sequence(circuit, {"input": inputs})
    start = circuits.initial_weights(circuit)
    twin, filtered = twin_of(circuit, start, RATES), np.zeros((1, 30))
    for row in inputs:
        for _ in range(1000):
            twin.step(filtered)
            filtered = filtered + 0.1 / 3.0 * (row - filtered)
    # Rounding of weights of order one over 2000 steps.
    assert weight_deviation(twin, run.weights[0]) < 1e-12
    moved = {n for n in start if not np.array_equal(start[n], run.weights[0][n])}
    assert moved == {
        "hidden1_to_interneuron1_dendrite",
        "interneuron1_to_hidden1_apical",
    }


def test_measured_is_the_fixed_point_of_the_twin():
    circuit = untaught_circuit(seed=3, presentation=SETTLED)
    weights = circuits.initial_weights(circuit)
    _, fresh = draw_inputs("unit", 1, 3)
    power, error, mismatch = measure(circuit, weights, fresh)
    twin = twin_of(circuit, weights, dict.fromkeys(RATES, 0.0), batch=20)
    for _ in range(3000):
        twin.step(fresh)
    # The input filter, the slowest part, is exp(-100 / 3) from its end: 3e-15.
    wanted = (twin.vA[0] ** 2).sum(axis=1).mean()
    assert power == pytest.approx(wanted, rel=1e-10)
    wanted = ((twin.u[-1] - twin.uI[0]) ** 2).sum(axis=1).mean()
    assert error == pytest.approx(wanted, rel=1e-10)
    B, lateral = twin.B[0], twin.WPI[0]
    wanted = np.sqrt(((lateral + B) ** 2).sum() / (B**2).sum())
    assert mismatch == pytest.approx(wanted, rel=1e-12)


def test_a_self_predicting_circuit_measures_as_silent():
    circuit = untaught_circuit(seed=3, presentation=SETTLED)
    weights = circuits.initial_weights(circuit)
    weights["interneuron1_to_hidden1_apical"] = -weights["output_to_hidden1_apical"]
    # Below the output, W_IP = W of the layer above: attenuations are equal.
    weights["hidden1_to_interneuron1_dendrite"] = weights["hidden1_to_output_basal"]
    _, fresh = draw_inputs("unit", 1, 3)
    # 100 ms are 33 time constants of the input filter: 1e-14 of potentials remain.
    assert measure(circuit, weights, fresh) == pytest.approx((0, 0, 0), abs=1e-24)


def test_measuring_leaves_no_trace_in_the_run(found):
    # The same inputs with fewer moments measured: only 0, 1, 2 and 3 of them.
    short = self_prediction(patterns=3)["self_prediction"].to_dataset()
    assert short.presentation.values.tolist() == [0, 1, 2, 3]
    kept = found.sel(presentation=short.presentation)
    for name in short.data_vars:
        np.testing.assert_array_equal(short[name], kept[name])


def test_symmetric_inputs_are_slower(found):
    tree = self_prediction(patterns=30, inputs="symmetric")
    symmetric = tree["self_prediction"].to_dataset()
    assert np.median(ratio(symmetric, 10)) > np.median(ratio(found, 10))
    # Ten medians of five seeds each: 1.8 to 3.9 % after 30 inputs, not 0.5 to 1.0 %.
    assert 0.014 < np.median(ratio(symmetric, 30)) < 0.045


def two_runs(**options):
    return self_prediction(patterns=30, seeds=2, **options)["self_prediction"]


@pytest.mark.parametrize("noise", ["white", "per_step"])
def test_noise_while_learning_hardly_changes_the_outcome(found, noise):
    still = found.apical_power.sel(seed=[0, 1])
    noisy = two_runs(noise=noise).apical_power
    assert not noisy.equals(still)
    # Noise averages out over the 30 ms of the filter: of 20 seeds none moves by more
    # than 0.7 % (white) and 0.2 % (per step); seeds differ by a factor of ten.
    np.testing.assert_allclose(noisy, still, rtol=0.02)
    assert two_runs(noise=noise, sigma=0.0).apical_power.identical(still)


@pytest.mark.parametrize(
    ("integrator", "rtol"), [("blocked", 1e-4), ("equilibrium", 1e-3)]
)
def test_faster_integrators_give_the_same_curve(found, integrator, rtol):
    # Cells settle in a few ms of 100 ms. Of 20 seeds none moves by more than 3e-5 where
    # weights move in blocks of steps, and 3e-4 where settling is left out.
    exact, other = found.apical_power, two_runs(integrator=integrator).apical_power
    np.testing.assert_allclose(other, exact.sel(seed=[0, 1]), rtol=rtol)


def test_noise_cannot_be_jumped_over():
    with pytest.raises(ConfigError, match="no fixed point"):
        self_prediction(patterns=1, noise="white", integrator="equilibrium")


def test_one_seed_gives_the_same_bits_alone_and_among_others(found):
    alone = self_prediction(patterns=30, seed=2, seeds=1)["self_prediction"]
    assert alone.to_dataset().identical(found.sel(seed=[2]))
    assert len(np.unique(found.apical_power.sel(presentation=0))) == 5


def test_the_tree_is_valid_and_reopens_as_it_was(tree, found, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)
    assert found.apical_power.dims == ("seed", "presentation")
    assert found.presentation.values.tolist() == [0, 1, 2, 3, 5, 10, 20, 30]
    assert tree.attrs["t_stop_ms"] == 3000.0
    assert json.loads(tree.attrs["config_json"])["patterns"] == 30


def test_headline_figures_are_medians_over_seeds(tree, found):
    headline = json.loads(tree.attrs["headline_json"])
    wanted = {
        "apical_power_ratio_10": np.median(ratio(found, 10)),
        "apical_power_ratio_30": np.median(ratio(found, 30)),
        "feedback_mismatch_30": found.feedback_mismatch.values[:, -1],
    }
    assert headline.keys() == wanted.keys()
    for name, value in wanted.items():
        assert headline[name]["value"] == pytest.approx(np.median(value), rel=1e-14)
        assert headline[name]["source"]


def test_the_command_leaves_a_result_and_a_picture(run):
    words = "--patterns 10 --seeds 2 --out s.nc"
    code, out, _ = run("run", "self-prediction", *words.split())
    assert code == 0
    assert open_run("s.nc").attrs["experiment"] == "self-prediction"
    assert "apical_power_ratio_10" in out and "s.png" in out
