"""The new-association experiment: an error appears and is unlearned."""

import json

import numpy as np
import pytest
from reference.microcircuit_twin import MicrocircuitTwin
from systems import logistic, projections_of

import circuits
from dendrites.dataset import open_run, save_run, validate
from experiments.microcircuit.new_association import (
    association_circuit,
    draw_pair,
    follow,
    new_association,
    one_run,
)

RATES = {"W_1": 1.1875e-3, "W_2": 5e-4, "W_IP": 1.1875e-3, "W_PI": 5e-4}
FROZEN = {"hidden_rate": 0.0, "output_rate": 0.0, "interneuron_rate": 0.0}
FROZEN["apical_rate"] = 0.0


@pytest.fixture(scope="module")
def tree():
    return new_association(seeds=3)


@pytest.fixture(scope="module")
def curves(tree):
    return tree["new_association"].to_dataset()


def figures(tree):
    headline = json.loads(tree.attrs["headline_json"])
    return {name: entry["value"] for name, entry in headline.items()}


def test_an_apical_error_comes_with_the_teacher_and_is_unlearned(tree):
    found = figures(tree)
    assert found["apical_rms_onset"] > 1000 * found["apical_rms_before"]
    assert found["apical_rms_end"] < found["apical_rms_onset"] / 100
    assert found["apical_rms_after"] < found["apical_rms_onset"] / 100


def test_the_output_stays_near_the_target_without_the_teacher(tree):
    found = figures(tree)
    assert found["output_error_before"] > 0.1
    assert found["output_error_after"] < found["output_error_before"] / 30


def test_top_down_and_lateral_parts_match_before_and_after_not_at_the_onset(curves):
    def mismatch(time):
        now = curves.sel(time=time, method="nearest")
        return float((abs(now.top_down - now.lateral) / now.top_down).max())

    assert mismatch(990.0) < 1e-4
    assert mismatch(1050.0) > 1e-3
    assert mismatch(20990.0) < 1e-3


def test_the_parts_are_what_top_down_and_lateral_weights_carry():
    rates = {**RATES, "W_PI": 0.0}  # so that W_PI = -B throughout
    run = one_run(rates, 200.0, 700.0, seed=0)
    found, B = follow(run, rates), run["B"]
    for name, population in (("top_down", "output"), ("lateral", "interneuron1")):
        part = run[population].rate.values @ B.T
        # Potentials are one step of 0.1 ms older than rates, which by the first record,
        # 10 ms after a switch, move by far less than 1e-5 in a step.
        wanted = np.sqrt((part**2).mean(axis=1))
        np.testing.assert_allclose(found[name], wanted, rtol=1e-5)


def test_without_plasticity_the_error_stays_and_nothing_is_learned():
    tree = new_association(taught=0.5, untaught=0.2, seeds=1, **FROZEN)
    found, curves = figures(tree), tree["new_association"].to_dataset()
    # The input filter has exp(-200 / 3) left, the cells less: rounding alone.
    assert found["apical_rms_before"] < 1e-13
    at_end = curves.apical.sel(time=[390.0, 700.0], method="nearest").values
    assert at_end[0, 0] == pytest.approx(at_end[0, 1], rel=1e-12)
    assert at_end[0, 0] > 0.01
    before, after = (found[f"output_error_{when}"] for when in ("before", "after"))
    assert before == pytest.approx(after, rel=1e-12)
    assert not curves.weight_speed.any()
    assert "apical_half_time" not in found


def test_plastic_inhibition_cancels_the_error_before_the_output_is_learned(tree):
    found = figures(tree)
    assert found["apical_half_time"] < found["predicted_error_half_time"] / 3
    fixed = figures(new_association(seeds=3, apical_rate=0.0))
    assert fixed["apical_half_time"] > found["predicted_error_half_time"]
    assert fixed["output_error_after"] < fixed["output_error_before"] / 30


def test_a_run_is_that_of_the_twin_through_all_three_phases():
    circuit = association_circuit(RATES, 200.0, 500.0, seed=4)
    inputs, target = draw_pair(4)
    run = one_run(RATES, 200.0, 500.0, seed=4)
    weights = circuits.initial_weights(circuit)
    twin = MicrocircuitTwin(
        [30, 20, 10],
        {k: [weights[n] for n in names] for k, names in projections_of(2).items()},
        eta={
            "W": [RATES["W_1"], RATES["W_2"]],
            "WIP": [RATES["W_IP"]],
            "WPI": [RATES["W_PI"]],
        },
    )
    potential, filtered, rates = np.log(target / (1 - target)), np.zeros((1, 30)), []
    for step in range(1, 7001):
        twin.step(filtered, potential if 2000 < step <= 5000 else None)
        filtered = filtered + 0.1 / 3.0 * (inputs - filtered)
        if step % 100 == 0:
            rates.append(logistic(twin.u[-1][0]))
    # Rounding of rates and weights of order one over 7000 steps.
    np.testing.assert_allclose(run["output"].rate, rates, rtol=0, atol=1e-12)


def test_the_speed_of_learning_adds_up_to_the_weights_moved():
    onset, offset = 1000.0, 1300.0
    circuit = association_circuit(RATES, onset, offset, seed=0)
    inputs, target = draw_pair(0)
    phases = circuit.schedule.phases
    ends = []
    for schedule in (circuits.Schedule(phases[:1]), circuits.Schedule(phases[:2])):
        shown = {"input": inputs, "target": target}
        moved = circuits.simulate(circuit, shown, [], schedule=schedule, learning=True)
        ends.append(
            {n: g.w.values[1] for n, g in moved["connections"].children.items()}
        )
    speed = follow(one_run(RATES, onset, offset, seed=0), RATES)["weight_speed"]
    names = (
        "input_to_hidden1_basal",
        "hidden1_to_output_basal",
        "hidden1_to_interneuron1_dendrite",
        "interneuron1_to_hidden1_apical",
    )
    for row, name in zip(speed, names, strict=True):
        length = np.linalg.norm(ends[1][name] - ends[0][name])
        # The filter of 30 ms withholds about 30 of 300 ms, more as the speed falls.
        assert 0.8 < length / (10.0 * row[100:130].sum()) < 0.97, name


def test_figures_are_means_over_equal_stretches_and_medians_over_seeds(tree, curves):
    def median(name, last):
        # A record every 10 ms, the first at 10 ms: ten of them make 100 ms.
        return np.median(curves[name].values[:, last - 10 : last].mean(axis=1))

    wanted = {
        "apical_rms_before": median("apical", 100),
        "apical_rms_onset": median("apical", 110),
        "apical_rms_end": median("apical", 2100),
        "apical_rms_after": median("apical", 2200),
        "output_error_before": median("output_error", 100),
        "output_error_after": median("output_error", 2200),
    }
    onset = curves.predicted_error.values[:, 100:110].mean(axis=1, keepdims=True)
    low = curves.predicted_error.values[:, 100:] <= onset / 2
    wanted["predicted_error_half_time"] = np.median((low.argmax(axis=1) + 1) * 0.01)
    found = figures(tree)
    assert found.keys() == wanted.keys() | {"apical_half_time"}
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-12)


def test_curves_are_those_of_the_recorded_cells(tree, curves):
    apical = tree["populations/hidden1"].v.values[:, :, 0]
    np.testing.assert_allclose(curves.apical, np.sqrt((apical**2).mean(-1)), rtol=1e-14)
    output = tree["populations/output"].to_dataset()
    distance = output.rate.values - output.target.values[:, None]
    wanted = np.sqrt((distance**2).mean(-1))
    np.testing.assert_allclose(curves.output_error, wanted, rtol=1e-14)
    # Once settled without the teacher, the basal dendrites alone drive the output.
    settled = curves.sel(time=990.0, method="nearest")
    np.testing.assert_allclose(settled.predicted_error, settled.output_error, rtol=1e-6)


@pytest.mark.parametrize("noise", ["white", "per_step"])
def test_noise_leaves_a_floor_above_the_quiet_circuit(tree, noise):
    noisy, still = figures(new_association(seeds=1, noise=noise)), figures(tree)
    assert noisy["apical_rms_end"] > 10 * still["apical_rms_end"]
    assert noisy["apical_rms_end"] < noisy["apical_rms_onset"] / 3
    assert noisy["output_error_after"] < noisy["output_error_before"] / 10


def test_one_seed_gives_the_same_bits_alone_and_among_others(curves):
    alone = new_association(seeds=1, seed=2)["new_association"].to_dataset()
    assert alone.identical(curves.sel(seed=[2]))
    assert len(np.unique(curves.output_error[:, -1])) == 3


def test_the_tree_is_valid_and_reopens_as_it_was(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)
    v = tree["populations/hidden1"].v
    assert v.dims == ("replica", "time", "compartment", "unit")
    assert v.shape == (3, 2200, 1, 20)
    teacher = tree["stimuli/teacher"]
    assert (float(teacher.onset[0]), float(teacher.offset[0])) == (1000.0, 21000.0)
    assert tree.attrs["t_stop_ms"] == 22000.0


def test_the_command_leaves_a_result_and_a_picture(run):
    words = "--taught 0.3 --untaught 0.1 --seeds 1 --out a.nc"
    code, out, _ = run("run", "new-association", *words.split())
    assert code == 0
    assert open_run("a.nc").attrs["experiment"] == "new-association"
    assert "output_error_after" in out and "a.png" in out


def test_stretches_too_short_to_average_are_refused(run):
    code, _, err = run("run", "new-association", "--taught", "0.05")
    assert code == 2
    assert "--taught" in err and "0.1" in err
