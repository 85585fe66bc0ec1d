"""Training a small circuit: what comes out, and that it is always the same."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from tiny_training import (
    CONTROLS,
    HIDDEN,
    SIZES,
    curves,
    tiny_circuit,
    tiny_task,
    tiny_train,
)

import circuits
from circuits.run.options import run_options
from circuits.run.session import Session
from circuits.run.train_options import TrainOptions
from dendrites._blas import serial_blas
from dendrites.dataset import open_run, save_run, validate

LEARNING = [
    "input_to_hidden1_basal",
    "hidden1_to_hidden2_basal",
    "hidden2_to_output_basal",
    "hidden1_to_interneuron1_dendrite",
    "hidden2_to_interneuron2_dendrite",
    "interneuron1_to_hidden1_apical",
    "interneuron2_to_hidden2_apical",
]


@pytest.fixture(scope="module")
def tree():
    return tiny_train()


def test_the_tree_is_valid_and_has_the_promised_groups(tree):
    validate(tree)
    assert {node.path for node in tree.subtree if node.to_dataset().variables} == {
        "/training",
        "/controls/frozen_hidden",
        "/diagnostics",
        "/predictions/train",
        "/predictions/test",
        *(f"/weights/{name}" for name in LEARNING),
    }
    assert tree.attrs["kind"] == "training"
    assert tree.attrs["complete"] == 1
    assert tree.attrs["n_epochs"] == 3
    assert tree.attrs["seed"] == "3"
    assert tree.attrs["parent_run_id"] == ""
    assert len(tree.attrs["state_sha256"]) == 64


@pytest.mark.parametrize("path", ["training", "controls/frozen_hidden"])
def test_curves_are_labelled_by_epoch_and_split(tree, path):
    curve = tree[path].to_dataset()
    assert list(curve.split.values) == ["train", "test"]
    assert list(curve.epoch.values) == [1, 2, 3]
    for name in ("loss", "error_rate", "accuracy"):
        assert curve[name].dims == ("epoch", "split")
        assert curve[name].attrs["units"] == "1"
    assert ((curve.error_rate >= 0) & (curve.error_rate <= 1)).all()
    np.testing.assert_array_equal(curve.accuracy, 1 - curve.error_rate)
    if path == "training":
        assert curve.wall_time.attrs["units"] == "s"
        assert (curve.wall_time > 0).all()


def test_diagnostics_compare_every_layers_update_with_the_gradient(tree):
    found = tree["diagnostics"].to_dataset()
    assert list(found.layer.values) == ["hidden1", "hidden2", "output"]
    assert list(found.hidden_layer.values) == ["hidden1", "hidden2"]
    assert list(found.epoch_at.values) == [0, 1, 2, 3]
    assert list(found.examples_seen.values) == [0, 40, 80, 120]
    angle = found.angle_to_bp
    assert angle.dims == ("update", "layer")
    assert angle.attrs["units"] == "degree"
    assert ((angle > 0) & (angle < 180)).all()
    # The output layer has its teacher at hand: it follows the gradient closely.
    assert (angle.sel(layer="output") < 45).all()
    np.testing.assert_allclose(
        found.size_ratio, found.update_norm / found.bp_norm, rtol=1e-12
    )


def test_the_self_predicting_start_is_silent(tree):
    # Matched interneurons are silent through transients too; only rounding is left.
    residual = tree["diagnostics"].sps_residual
    assert (residual.isel(update=0) < 1e-14).all()
    assert (residual.isel(update=-1) > 1e-6).all()  # while they track moving weights


def test_weights_are_stored_post_by_pre_before_and_after(tree):
    shapes = {
        "input_to_hidden1_basal": (6, 8),
        "interneuron2_to_hidden2_apical": (5, 3),
    }
    start = circuits.initial_weights(tiny_circuit())
    for name, shape in shapes.items():
        w = tree[f"weights/{name}"].w
        assert w.dims == ("snapshot", "post", "pre")
        assert w.shape == (2, *shape)
        np.testing.assert_array_equal(w.epoch_at, [0, 3])
        np.testing.assert_array_equal(w.isel(snapshot=0), start[name])
    moved = tree["weights/input_to_hidden1_basal"].w
    assert not np.array_equal(moved[0], moved[1])
    # Its rate is 0: the exact cancellation is kept, to the bit.
    kept = tree["weights/interneuron2_to_hidden2_apical"].w
    np.testing.assert_array_equal(kept[0], kept[1])


def test_predictions_are_those_of_the_stored_weights(tree):
    task, found = tiny_task(), tree["predictions/test"].to_dataset()
    np.testing.assert_array_equal(found.example, task.splits["test"].index)
    np.testing.assert_array_equal(found.target, task.splits["test"].labels)
    weights = {name: tree[f"weights/{name}"].w.values[1] for name in LEARNING}
    again = circuits.evaluate(tiny_circuit(), task, weights, threads=1)
    np.testing.assert_array_equal(found.score[0], again.score)
    np.testing.assert_array_equal(found.prediction[0], again.prediction)
    last = tree["training"].to_dataset().sel(epoch=3, split="test")
    assert float(last.error_rate) == again["error_rate"]
    assert float(last.loss) == again["loss"]


def test_the_circuit_learns_and_more_than_its_frozen_control():
    circuit = tiny_circuit(learning_rate=4.0, hidden_rate=20.0, interneuron_rate=8.0)
    tree = tiny_train(circuit, tiny_task(n_test=100), epochs=100, probe=0)
    assert "diagnostics" not in tree
    loss, control = (
        tree[group].loss.sel(epoch=100, split="test").item()
        for group in ("training", "controls/frozen_hidden")
    )
    # Over eight seeds 0.095 to 0.157 and 0.340 to 0.377, on examples never learnt. The
    # same answer to every example, the share of its class, has a loss of 0.33.
    assert loss < 0.2 < 0.3 < control


def test_a_control_keeps_its_frozen_projections_to_the_bit():
    run = run_options(tiny_circuit(), integrator="blocked")
    options = TrainOptions(run, epochs=2, batch=10, controls=CONTROLS)
    with serial_blas():
        session = Session(tiny_circuit(), tiny_task(), options)
        for epoch in (1, 2):
            session.run_epoch(epoch, lambda *_: None)
    trained, frozen = (session.trainer.weights(k) for k in (0, 1))
    for name in HIDDEN:
        np.testing.assert_array_equal(frozen[name], session.start[name])
        assert not np.array_equal(trained[name], session.start[name])
    name = "hidden2_to_output_basal"
    assert not np.array_equal(frozen[name], session.start[name])


@pytest.mark.parametrize("options", [{"threads": 2}, {"progress": True}])
def test_threads_and_a_progress_bar_change_no_bit(tree, options, capsys):
    other = tiny_train(**options)
    assert other.attrs["state_sha256"] == tree.attrs["state_sha256"]
    for name, values in curves(tree).items():
        np.testing.assert_array_equal(values, curves(other)[name], err_msg=name)


def test_threads_change_no_bit_where_batches_are_cut_into_chunks():
    one, two = (tiny_train(chunk=4, threads=n, epochs=2) for n in (1, 2))
    assert one.attrs["state_sha256"] == two.attrs["state_sha256"]


def test_a_control_beside_it_changes_nothing_for_the_circuit(tree):
    alone = tiny_train(controls=None)
    np.testing.assert_array_equal(alone["training"].loss, tree["training"].loss)


def test_blocks_of_one_step_are_the_exact_integrator():
    exact = tiny_train(integrator="exact", epochs=2)
    single = tiny_train(block=1, epochs=2)
    assert exact.attrs["integrator"] == "exact"
    assert exact.attrs["state_sha256"] == single.attrs["state_sha256"]
    blocked = tiny_train(epochs=2)
    assert blocked.attrs["integrator"] == "blocked"
    gap = np.abs(blocked["training"].loss - exact["training"].loss).max()
    # Second order in block x dt / tau = 1.5 / 30, times a change of loss of 0.04.
    assert 0 < gap < 0.04 * (1.5 / 30) ** 2


def test_the_seed_decides_and_defaults_to_the_circuits(tree):
    assert tiny_train(seed=3).attrs["state_sha256"] == tree.attrs["state_sha256"]
    other = tiny_train(seed=4)
    assert other.attrs["seed"] == "4"
    assert other.attrs["state_sha256"] != tree.attrs["state_sha256"]


def test_rates_decay_by_the_factor_after_every_epoch():
    # Halved rates in the second epoch are those of a run with halved rates, started
    # from the weights of the first epoch and shown the same order.
    def session(rates, decay, weights):
        run = run_options(
            tiny_circuit(), integrator="blocked", weights=weights, learning_rates=rates
        )
        options = TrainOptions(run, epochs=2, batch=10, rate_decay=decay)
        return Session(tiny_circuit(), tiny_task(), options)

    learning = [p for p in tiny_circuit().projections if p.learns]
    halved = {p.name: p.rule.learning_rate / 2 for p in learning}
    with serial_blas():
        decaying = session({}, 0.5, {})
        decaying.run_epoch(1, lambda *_: None)
        second = session(halved, 1.0, {})
        second.trainer.restore(decaying.trainer.arrays())
        decaying.run_epoch(2, lambda *_: None)
        second.run_epoch(2, lambda *_: None)
    for name, value in decaying.trainer.weights(0).items():
        np.testing.assert_array_equal(value, second.trainer.weights(0)[name])


def test_given_weights_are_where_training_starts():
    name = "input_to_hidden1_basal"
    given = np.full((SIZES[1], SIZES[0]), 0.25)
    tree = tiny_train(weights={name: given}, epochs=1)
    np.testing.assert_array_equal(tree[f"weights/{name}"].w[0], given)


def test_a_learning_rate_of_zero_freezes_a_projection():
    tree = tiny_train(learning_rates={HIDDEN[0]: 0.0}, epochs=1)
    w = tree[f"weights/{HIDDEN[0]}"].w
    np.testing.assert_array_equal(w[0], w[1])


def test_the_configuration_repeats_the_run(tree):
    config = json.loads(tree.attrs["config_json"])
    for name, value in (("epochs", 3), ("batch", 10), ("seed", "3"), ("task", "tiny")):
        assert config[name] == value
    assert config["controls"] == {"frozen_hidden": list(HIDDEN)}
    assert config["circuit"]["populations"]["hidden1"]["size"] == SIZES[1]
    assert "threads" not in config  # they change no bit


@pytest.mark.parametrize("suffix", ["nc", "zarr"])
def test_saved_and_opened_again_it_is_the_same(tree, tmp_path, suffix):
    pytest.importorskip("zarr") if suffix == "zarr" else None
    path = save_run(tree, tmp_path / f"run.{suffix}")
    opened = open_run(path)
    assert opened.identical(tree)
    assert pickle.dumps(opened.attrs) == pickle.dumps(tree.attrs)


def test_training_in_single_precision_stays_close(tree):
    single = tiny_train(dtype="float32")
    assert single.attrs["dtype"] == "float32"
    # 384 steps of 1e-7 each would be 4e-5 at the very worst.
    np.testing.assert_allclose(
        single["training"].loss, tree["training"].loss, rtol=0, atol=1e-4
    )


def test_a_circuit_without_layers_is_not_probed():
    tree = tiny_train(replace(tiny_circuit(), network=None), epochs=1)
    assert json.loads(tree.attrs["config_json"])["probe"] == 0
