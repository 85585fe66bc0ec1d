"""The compare-rules experiment: curves, moments, one's own circuits, picture."""

import json
from pathlib import Path

import numpy as np
import pytest

import circuits
import experiments
from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from experiments.family.compare_rules import (
    compare_rules,
    first_reached,
    measured_at,
    task_of,
)
from experiments.family.learners import Learners
from experiments.family.table import SCHEMES

SMALL = {"hidden": (4,), "presentations": 300, "seeds": 2, "threads": 1}


def mine(sizes):
    """Backprop under another name."""
    return SCHEMES["backprop"].circuit(sizes)


@pytest.fixture(scope="module")
def tree():
    return compare_rules(
        rules=("backprop", "shallow"), circuits=(mine,), goal=92.0, **SMALL
    )


@pytest.fixture(scope="module")
def found(tree):
    return tree["compare"].to_dataset()


def test_the_tree_is_valid_and_reopens_as_it_was(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "c.nc")).identical(tree)
    kept = json.loads(tree.attrs["config_json"])
    assert (kept["rules"], kept["circuits"]) == (["shallow", "backprop"], ["mine"])


def test_the_same_circuit_under_another_name_has_the_same_curves(found):
    one, other = (found.sel(scheme=name) for name in ("backprop", "mine"))
    np.testing.assert_array_equal(one.error_rate, other.error_rate)
    assert len(np.unique(one.error_rate)) > 3
    assert (one.error_rate[0] != one.error_rate[1]).any()


def test_replicas_learn_what_circuits_train_does():
    circuit = SCHEMES["backprop"].circuit([64, 4, 10])
    tasks = [task_of("digits", k, (0.1, 0.8)).subset(train=200) for k in (0, 1)]
    learners = Learners(circuit, tasks, [0, 1], batch=10, threads=1)
    learners.advance(200)
    for k, task in enumerate(tasks):
        run = circuits.train(circuit, task, epochs=1, batch=10, seed=k, probe=0)
        name = "input_to_hidden1_basal"
        np.testing.assert_array_equal(
            learners.weights(k)[name], run[f"weights/{name}"].w.values[-1]
        )
        error = run["training"].error_rate.sel(split="test").item()
        assert learners.test("test")[k] == error


def test_a_factor_on_rates_is_one_on_the_first_update():
    circuit = SCHEMES["backprop"].circuit([64, 4, 10])
    task = task_of("digits", 0, (0.1, 0.8))
    start = circuits.initial_weights(circuit, seed=0)
    moved = []
    for factor in (1.0, 2.0):
        learners = Learners(circuit, [task], [0], batch=10, factor=factor, threads=1)
        learners.advance(10)
        name = "input_to_hidden1_basal"
        moved.append(learners.weights(0)[name] - start[name])
    np.testing.assert_allclose(moved[1], 2.0 * moved[0], rtol=1e-9, atol=1e-15)


def test_moments_are_in_equal_ratios_up_to_the_last_presentation():
    assert measured_at(100_000)[:3] == [100, 133, 178]
    assert measured_at(100_000)[-1] == 100_000
    assert [x for x in measured_at(100_000) if x in (1000, 10_000)] == [1000, 10_000]


def test_the_goal_is_reached_where_the_error_is_first_no_larger():
    curves = np.array([[0.5, 0.05, 0.2], [0.5, 0.4, 0.2]])
    reached = first_reached(curves, [1, 10, 100], 0.05)
    assert reached[0] == 10.0 and np.isnan(reached[1])


def test_validation_examples_are_neither_learned_nor_tested():
    task = task_of("digits", 0, (0.1, 0.8))
    rows = [{*split.index.tolist()} for split in task.splits.values()]
    assert sum(map(len, rows)) == len(set.union(*rows)) == 1797
    assert len(task.splits["validation"].inputs) == 287
    other = compare_rules(rules=("shallow",), tested="validation", **SMALL)
    assert json.loads(other.attrs["config_json"])["tested"] == "validation"


def test_headline_figures_are_means_over_networks(tree, found):
    figures = json.loads(tree.attrs["headline_json"])
    for name in ("shallow", "backprop", "mine"):
        one = found.sel(scheme=name)
        last = one.error_rate.isel(presentation=-1).mean()
        assert figures[f"test_error_{name}"]["value"] == pytest.approx(float(last))
        key = f"presentations_to_92_percent_{name}"
        wanted = float(one.presentations_to_goal.mean(skipna=False))
        assert figures.get(key, {"value": np.nan})["value"] == pytest.approx(
            wanted, nan_ok=True
        )
    assert "presentations_to_92_percent_shallow" in figures


def test_processor_time_grows_with_what_is_shown(found):
    assert (found.seconds > 0).all()
    known = found.seconds_to_goal.where(np.isfinite(found.seconds_to_goal), 0.0)
    assert (known <= found.seconds).all()


def test_the_picture_is_drawn_without_backprop_and_without_a_goal():
    found = compare_rules(rules=("shallow",), **SMALL)
    experiments.plot(found)


def test_the_command_leaves_a_result_and_a_picture(run):
    words = "--rules shallow --hidden 4 --presentations 200 --seeds 1 --out c.nc"
    code, out, _ = run("run", "compare-rules", *words.split())
    assert code == 0
    assert open_run("c.nc").attrs["experiment"] == "compare-rules"
    assert "test_error_shallow" in out and "c.png" in out


def test_a_stored_scheme_with_vector_feedback_is_close_to_backprop_or_says_why():
    stored = Path(__file__).parents[3] / "docs" / "results" / "compare-rules.nc"
    found = open_run(stored)["compare"].to_dataset()
    error = found.test_error.mean("replica")
    far = error > 1.5 * error.sel(scheme="backprop")
    told = found.information == "vector"
    assert int((told & ~far).sum()) >= 15
    for name in found.scheme.values[(told & far).values]:
        assert SCHEMES[name].why


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rules": ("shalow",)}, "did you mean 'shallow'"),
        ({"presentations": 50}, "must be >= 200"),
        ({"circuits": (lambda sizes: 3,)}, "circuits: lambda: expected a Circuit"),
    ],
)
def test_what_cannot_take_part_is_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        compare_rules(**{**SMALL, "rules": ("shallow",), **given})
