"""The teacher-student experiment: against a twin, resumed, drawn, and as documented."""

import json
from pathlib import Path

import numpy as np
import pytest
from reference import two_sweep_twin as twin

import circuits
from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import CheckpointError, StorageError
from dendrites.random import generator
from experiments.microcircuit import stretches
from experiments.microcircuit import teacher_student as module
from experiments.microcircuit.stretches import LONGEST, READOUT, TOP_DOWN, Run, moments
from experiments.microcircuit.teacher_student import (
    student_circuit,
    teacher_student,
    teacher_task,
    teacher_variance,
)
from experiments.plots.microcircuit import teacher_student as plot_teacher_student

DOCS = Path(__file__).resolve().parents[3] / "docs"
# Learning rates of W_1, W_2, W_IP and W_PI, none equal to another.
RATES = (10.0, 2.0, 4.0, 0.5)
BOTTOM_UP = "input_to_hidden1_basal"
LATERAL = ("hidden1_to_interneuron1_dendrite", "interneuron1_to_hidden1_apical")
SHORT = {"trials": 400, "test": 50, "hidden": 8, "threads": 1}


@pytest.fixture(scope="module", autouse=True)
def few_examples_for_the_optimum():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FITTED", 500)
        yield


@pytest.fixture(scope="module")
def tree():
    return teacher_student(trials=15_000, test=500, threads=1)


@pytest.fixture(scope="module")
def short():
    return teacher_student(**SHORT)


def numbers(tree):
    """Everything measured, by group and variable, but for times."""
    return {
        f"{node.path}/{name}": variable.values
        for node in tree.subtree
        for name, variable in node.to_dataset().variables.items()
        if name != "wall_time"
    }


def fraction(tree, where="training"):
    return tree[where].error_fraction.sel(split="test")


def test_the_tree_is_valid_and_reopens_as_it_was(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)
    assert json.loads(tree.attrs["config_json"])["apical_rate"] == 1.0


def test_trials_give_the_weights_of_the_numpy_twin():
    # 560 trials in seven stretches, the order of each drawn anew.
    circuit = student_circuit(hidden=50, rates=RATES, self_predicting=False, seed=2)
    task = teacher_task(560, 50, 2)
    run = Run(circuit, task, threads=1)
    names = (BOTTOM_UP, READOUT, TOP_DOWN, *LATERAL)
    first, second, down, inward, outward = (run.start[name] for name in names)
    weights = twin.Weights(
        W=[first, second],
        b=[np.zeros(50), np.zeros(10)],
        B=[down],
        WIP=[inward],
        bI=[np.zeros(10)],
        WPI=[outward],
    )
    g = twin.conductances(2)
    rates = {"W": RATES[:2], "WIP": RATES[2:3], "WPI": RATES[3:]}

    def phi(u):
        return 0.1 * np.logaddexp(0.0, u - 3.0)

    train, test = task.splits["train"], task.splits["test"]
    done = 0
    for stop in moments(560):
        run.advance(stop)
        for k in done + generator(2, "order/1").permutation(stop - done):
            target = 3.0 + np.log(np.expm1(train.targets[k : k + 1] / 0.1))
            inputs = train.inputs[k : k + 1]
            weights, _ = twin.present(weights, g, inputs, target, rates, phi=phi)
        done = stop
    wanted = (*weights.W, *weights.B, *weights.WIP, *weights.WPI)
    for name, expected in zip(names, wanted, strict=True):
        # Weights of order 1 after 560 sums, each rounded: 560 x 2e-16.
        np.testing.assert_allclose(run.weights["main"][name], expected, atol=1e-12)
    answers = phi(twin.sweep(weights, g, test.inputs, phi=phi).up[-1])
    np.testing.assert_allclose(run.answers, answers, atol=1e-12)
    loss = ((answers - test.targets) ** 2).sum(axis=1).mean()
    assert run.table()["loss/main"][-1] == pytest.approx(loss, rel=1e-9)


def test_the_circuit_learns_and_output_weights_alone_do_not(tree):
    # The mean of the teacher's rates would leave a share of 1; measured 0.41 and 1.2.
    assert float(fraction(tree)[-1]) < 0.6
    assert float(fraction(tree, "controls/shallow")[-1]) > 0.8
    turned = tree["diagnostics"].angle_w_b
    assert float(turned[-1]) < float(turned[0]) - 10


def test_the_error_is_the_share_of_variance_missed_on_the_test_examples(tree):
    found = tree["predictions/test"].to_dataset()
    wanted, given = found.target.values, found.score.values[-1]
    share = ((given - wanted) ** 2).mean() / wanted.var(axis=0).mean()
    assert float(fraction(tree)[-1]) == pytest.approx(share, rel=1e-12)
    headline = json.loads(tree.attrs["headline_json"])
    assert headline["error_fraction"]["value"] == pytest.approx(share, rel=1e-12)


def test_answering_with_the_mean_rates_misses_all_of_the_variance():
    targets = np.random.default_rng(0).uniform(size=(40, 3)) * [1.0, 2.0, 3.0]
    loss = ((targets.mean(axis=0) - targets) ** 2).sum(axis=1).mean()
    assert teacher_variance(targets) == pytest.approx(loss, rel=1e-12)


def test_no_test_example_was_shown():
    splits = teacher_task(3000, 200, 4).splits
    shown = {tuple(row) for row in splits["train"].inputs}
    assert not shown & {tuple(row) for row in splits["test"].inputs}


def test_the_control_changes_its_output_weights_alone():
    circuit = student_circuit(hidden=8, rates=RATES, self_predicting=False, seed=0)
    run = Run(circuit, teacher_task(300, 20, 0), threads=1)
    run.advance(300)
    for name, start in run.start.items():
        same = np.array_equal(run.weights["shallow"][name], start)
        assert same == (name != READOUT), name


def test_lateral_weights_do_not_reach_the_controls_output():
    circuit = student_circuit(hidden=8, rates=RATES, self_predicting=False, seed=0)
    task = teacher_task(300, 20, 0)
    run = Run(circuit, task, threads=1)
    run.advance(300)
    free = circuits.train(circuit.frozen(BOTTOM_UP), task, epochs=1, batch=1, probe=0)
    found = free["weights"]
    np.testing.assert_array_equal(found[READOUT].w[-1], run.weights["shallow"][READOUT])
    for name in LATERAL:
        assert (found[name].w[-1] != found[name].w[0]).any()


def test_angle_is_that_of_the_stored_weights(tree):
    for snapshot in (0, -1):
        up = tree[f"weights/{READOUT}"].w.values[snapshot]
        down = tree[f"weights/{TOP_DOWN}"].w.values[snapshot]
        cosine = (up * down.T).sum() / np.linalg.norm(up) / np.linalg.norm(down)
        found = float(tree["diagnostics"].angle_w_b[snapshot])
        assert found == pytest.approx(np.degrees(np.arccos(cosine)), abs=1e-6)
    start, end = tree[f"weights/{TOP_DOWN}"].w.values
    np.testing.assert_array_equal(start, end)


def test_a_self_predicting_start_is_silent_and_a_random_one_is_not(short):
    silent = teacher_student(**SHORT, self_predicting=True)
    at_start = [t["diagnostics"].sps_residual.values[0, 0] for t in (silent, short)]
    # Sums of 10 products of order 1 cancel to rounding.
    assert at_start[0] < 1e-14 < 1e-4 < at_start[1]


def test_after_the_last_example_come_the_first_again(monkeypatch):
    circuit = student_circuit(hidden=4, rates=RATES, self_predicting=False, seed=0)
    task = teacher_task(70, 5, 0)
    run = Run(circuit, task, threads=1)
    inputs, shown = task.splits["train"].inputs, []
    train = circuits.train

    def spy(circuit, task, **options):
        shown.append(task.splits["train"].inputs)
        return train(circuit, task, **options)

    monkeypatch.setattr(stretches.circuits, "train", spy)
    run.advance(50)
    run.advance(170)
    np.testing.assert_array_equal(shown[0], inputs[:50])  # shown[1]: the control's
    np.testing.assert_array_equal(shown[2], inputs[np.arange(50, 170) % 70])


@pytest.mark.parametrize("trials", [1, 60, 100, 101, 300_000, 10_000_000])
def test_measurements_are_spread_in_ratios_and_end_with_the_last_trial(trials):
    found = np.array(moments(trials))
    assert found[-1] == trials and found[0] == min(100, trials)
    steps = np.diff(found)
    assert (steps > 0).all() and (steps <= LONGEST).all()
    # Rounding to whole trials moves a ratio of 10^(1/8) at 100 by half a trial.
    assert (found[1:] / found[:-1] <= 10 ** (1 / 8) + 0.005).all()


@pytest.mark.parametrize("stops", [1, 3])
def test_a_resumed_run_gives_the_same_bits(stops, short, tmp_path, monkeypatch):
    path, advance = tmp_path / "run.ckpt", Run.advance

    def interrupted(run, stop):
        if len(run.rows) > stops:
            raise KeyboardInterrupt
        advance(run, stop)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "advance", interrupted)
        with pytest.raises(KeyboardInterrupt):
            teacher_student(**SHORT, checkpoint=str(path))
    again = teacher_student(**SHORT, checkpoint=str(path), resume=True)
    assert again.attrs["n_resumes"] == 1 and again.attrs["parent_run_id"]
    wanted = numbers(short)
    assert numbers(again).keys() == wanted.keys()
    for name, values in numbers(again).items():
        np.testing.assert_array_equal(values, wanted[name], err_msg=name)
    assert again.attrs["state_sha256"] == short.attrs["state_sha256"]


def test_another_configuration_is_not_resumed(tmp_path):
    path = str(tmp_path / "run.ckpt")
    teacher_student(**SHORT, checkpoint=path)
    with pytest.raises(CheckpointError, match=r"seed: 0 != 1"):
        teacher_student(**SHORT, checkpoint=path, resume=True, seed=1)


def test_a_checkpoint_in_a_missing_folder_is_refused_at_the_first_measurement(tmp_path):
    with pytest.raises(StorageError, match="not saved"):
        teacher_student(**SHORT, checkpoint=str(tmp_path / "no" / "run.ckpt"))


def test_a_second_run_and_two_threads_give_the_same_bits(short):
    again = teacher_student(**{**SHORT, "threads": 2})
    assert again.attrs["state_sha256"] == short.attrs["state_sha256"]


# The picture


# What is documented


@pytest.fixture(scope="module")
def stored():
    return open_run(DOCS / "results" / "teacher-student.nc")["sweep"].to_dataset()


def test_every_seed_learns_the_teacher_and_no_shallow_learner_does(stored):
    assert stored.sizes["seed"] == 5
    at_defaults = stored.sel(apical_rate=1.0)
    assert (at_defaults.error_fraction < 0.01).all()
    assert (at_defaults.error_fraction_shallow > 0.5).all()


@pytest.mark.parametrize("apical_rate", [0.5, 1.0])
def test_at_least_three_seeds_are_below_a_tenth_by_100_000_trials(stored, apical_rate):
    # The curve is measured at 99,610 trials.
    row = stored.sel(apical_rate=apical_rate)
    by_then = row.error_fraction_curve.sel(
        epoch=[int(e) for e in row.epoch if row.examples_seen.sel(update=e) <= 1e5]
    )
    assert int((by_then.min("epoch") < 0.1).sum()) >= 3


def test_a_single_run_has_the_picture_of_a_sweep(tree):
    assert plot_teacher_student.plot(tree).axes
