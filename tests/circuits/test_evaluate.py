"""evaluate: the answers of a run are those that its tree holds."""

from dataclasses import replace

import numpy as np
import pytest
from tiny_training import tiny_circuit, tiny_task, tiny_train

import circuits
import dendrites as dn
from dendrites.errors import ConfigError, DendritesError


@pytest.fixture(scope="module")
def run():
    """Three epochs with a seed that is not the circuit's."""
    return tiny_train(epochs=3, seed=11)


def assert_is_that_of(found, run, split, epoch=-1):
    stored = run[f"predictions/{split}"].to_dataset()
    np.testing.assert_array_equal(found.example, stored.example)
    np.testing.assert_array_equal(found.score, stored.score[-1])
    np.testing.assert_array_equal(found.prediction, stored.prediction[-1])
    np.testing.assert_array_equal(found.target, stored.target)
    curves = run["training"].to_dataset().sel(split=split).isel(epoch=epoch)
    assert found.loss == curves.loss and found.error_rate == curves.error_rate


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_answers_of_a_run_are_its_predictions_and_last_errors(run, split):
    found = circuits.evaluate(tiny_circuit(), tiny_task(), run, split=split, threads=1)
    assert_is_that_of(found, run, split)


def test_the_answers_of_a_file_are_those_of_the_run(run, tmp_path):
    path = dn.save_run(run, tmp_path / "run.nc")
    for given in (path, str(path)):
        found = circuits.evaluate(tiny_circuit(), tiny_task(), given, threads=1)
        assert_is_that_of(found, run, "test")


@pytest.mark.parametrize("options", [{"integrator": "equilibrium"}])
def test_the_answers_of_another_integrator_are_found_with_it(options):
    circuit = tiny_circuit(presentation=27.0, learning_lag=12.0)
    other = tiny_train(circuit, epochs=1, probe=0, **options)
    found = circuits.evaluate(circuit, tiny_task(), other, threads=1)
    assert_is_that_of(found, other, "test")


@pytest.mark.slow
def test_the_answers_of_single_precision_are_found_with_it():
    single = tiny_train(epochs=1, probe=0, dtype="float32")
    found = circuits.evaluate(tiny_circuit(), tiny_task(), single, threads=1)
    assert_is_that_of(found, single, "test")


def test_a_snapshot_at_the_start_has_the_answers_of_the_first_weights(run):
    circuit = tiny_circuit()
    found = circuits.evaluate(circuit, tiny_task(), run, snapshot=0, threads=1)
    start = circuits.initial_weights(circuit, seed=11)
    for name, node in run["weights"].children.items():
        np.testing.assert_array_equal(node.w[0], start[name])
    again = circuits.evaluate(circuit, tiny_task(), start, threads=1)
    assert found.identical(again)
    assert found.loss != run["training"].loss[-1, 1]


def test_the_confusion_counts_every_example_once(run):
    found = circuits.evaluate(tiny_circuit(), tiny_task(), run, threads=1)
    task = tiny_task().splits["test"]
    for k in range(3):
        for j in range(3):
            count = np.sum((task.labels == k) & (found.prediction.values == j))
            assert found.confusion[k, j] == count
    wrong = found.confusion.sum() - np.trace(found.confusion)
    assert found.error_rate == wrong / found.confusion.sum()


def test_answers_to_targets_without_labels_have_scores_and_a_loss(run):
    task = tiny_task()
    splits = {name: split._replace(labels=None) for name, split in task.splits.items()}
    found = circuits.evaluate(
        tiny_circuit(), circuits.Task("targets", splits), run, threads=1
    )
    assert set(found) == {"score", "loss"}
    squares = (task.splits["test"].targets - found.score.values) ** 2
    assert found.loss.item() == squares.sum(axis=1).mean()


def test_the_result_is_saved_with_its_units(run, tmp_path):
    found = circuits.evaluate(tiny_circuit(), tiny_task(), run, threads=1)
    assert all(found[name].units == "1" for name in found.variables)
    found.to_netcdf(tmp_path / "answers.nc", engine="h5netcdf")


# --- bad input ----------------------------------------------------------------------


def test_a_run_of_another_circuit_is_refused(run):
    task = tiny_task()
    with pytest.raises(ConfigError, match="the run is one of another circuit"):
        circuits.evaluate(tiny_circuit([8, 5, 3]), task, run)
    whole = tiny_circuit()
    fixed = next(p for p in whole.projections if not p.learns and p.tied_to is None)
    others = tuple(
        replace(p, initial=circuits.Constant(0.25)) if p is fixed else p
        for p in whole.projections
    )
    with pytest.raises(ConfigError, match="would have begun with other weights"):
        circuits.evaluate(replace(whole, projections=others), task, run)


@pytest.mark.parametrize(
    ("given", "options", "text"),
    [
        (None, {}, "run = None: give the run tree"),
        (3, {}, "run = 3: give the run tree"),
        ({}, {"snapshot": 0}, "snapshot = 0: weights that are given"),
    ],
)
def test_what_is_no_run_is_refused(nothing_is_compiled, given, options, text):
    with pytest.raises(ConfigError, match=text):
        circuits.evaluate(tiny_circuit(), tiny_task(), given, **options)


def test_a_snapshot_that_the_run_lacks_is_refused(run):
    with pytest.raises(DendritesError, match="snapshot"):
        circuits.evaluate(tiny_circuit(), tiny_task(), run, snapshot=2)


def test_a_simulation_holds_no_weights_to_evaluate():
    shown = {"input": np.ones(8), "target": np.full(3, 0.5)}
    tree = circuits.simulate(tiny_circuit(), shown, ["output"])
    with pytest.raises(ConfigError, match="a tree of kind 'simulation'"):
        circuits.evaluate(tiny_circuit(), tiny_task(), tree)
