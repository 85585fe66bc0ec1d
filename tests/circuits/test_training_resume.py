"""A run that stopped goes on from its checkpoint and ends with the same bits."""

import errno
import json
import os
from dataclasses import replace

import numpy as np
import pytest
from relaxing_cells import RULE, energy_based, relaxing
from tiny_training import HIDDEN, curves, tiny_circuit, tiny_task, tiny_train

import circuits
from circuits.algorithms import guerguiev
from circuits.checkpoint import load_checkpoint, previous_path, save_checkpoint
from circuits.run import session
from circuits.run.session import Session
from dendrites import transfer
from dendrites.dataset import validate
from dendrites.errors import (
    CheckpointError,
    ConfigError,
    NumericalError,
    StorageError,
)
from dendrites.random import generator


class Stopped(Exception):
    """Stands for whatever ends a process between two epochs."""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.ckpt"


def stop_after(monkeypatch, path, done, **options):
    """Train with a checkpoint, stopped after some epochs."""
    run_epoch = Session.run_epoch

    def limited(self, epoch, tick):
        if epoch > done:
            raise Stopped
        run_epoch(self, epoch, tick)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "run_epoch", limited)
        with pytest.raises(Stopped):
            tiny_train(checkpoint=path, **options)


def assert_same(resumed, whole):
    assert resumed.attrs["state_sha256"] == whole.attrs["state_sha256"]
    assert resumed.attrs["config_sha256"] == whole.attrs["config_sha256"]
    mine, theirs = curves(resumed), curves(whole)
    assert mine.keys() == theirs.keys()
    for name, values in theirs.items():
        np.testing.assert_array_equal(mine[name], values, err_msg=name)


@pytest.mark.parametrize("done", [1, 2])
@pytest.mark.parametrize("options", [{}, {"rate_decay": 0.9, "dtype": "float32"}])
def test_a_resumed_run_is_the_uninterrupted_one(monkeypatch, path, done, options):
    whole = tiny_train(**options)
    stop_after(monkeypatch, path, done, **options)
    assert_same(tiny_train(checkpoint=path, resume=True, **options), whole)


def test_state_carried_between_presentations_is_resumed_too(monkeypatch, path):
    circuit = tiny_circuit(carry_state=True)
    whole = tiny_train(circuit)
    assert whole.attrs["state_sha256"] != tiny_train().attrs["state_sha256"]
    stop_after(monkeypatch, path, 1, circuit=circuit)
    assert_same(tiny_train(circuit, checkpoint=path, resume=True), whole)


def test_how_many_sweeps_were_made_is_resumed_too(monkeypatch, path):
    nudged = relaxing("nudged", sweeps=5, on={"target": 0.3})
    phases = relaxing(sweeps=300, tolerance=1e-3), nudged
    circuit = energy_based(phases, rule=RULE, sizes=(8, 6, 3))
    options = {"circuit": circuit, "controls": {"first": ("in",)}}
    whole = tiny_train(**options)
    assert (whole["training"].sweeps_free > 3).all()
    stop_after(monkeypatch, path, 1, **options)
    assert_same(tiny_train(checkpoint=path, resume=True, **options), whole)


def test_traces_of_spikes_are_resumed_too(monkeypatch, path):
    circuit = guerguiev(
        [8, 4, 3], drawn=False, test_duration=50.0, learning_rate=(2.0, 2.0)
    )
    options = {"task": tiny_task(8, 4), "batch": 1, "controls": {}}
    whole = tiny_train(circuit, **options)
    stop_after(monkeypatch, path, 1, circuit=circuit, **options)
    assert_same(tiny_train(circuit, checkpoint=path, resume=True, **options), whole)


def test_what_is_drawn_for_weights_is_resumed_too(monkeypatch, path):
    base = tiny_circuit()
    feedback = circuits.Tied(
        "hidden1_to_hidden2_basal",
        transpose=True,
        function=transfer.sign,
        noise=0.1,
        times=circuits.Uniform(0.0, 1.0),
        redraw=True,
    )
    noisy = circuits.Perturbation(0.1, phases=("nudged",))
    changes = {
        "hidden2_to_hidden1_apical": {"tied_to": feedback, "rule": None},
        "input_to_hidden1_basal": {"sign": 1},
        "hidden2_to_output_basal": {"perturbation": noisy},
    }
    projections = (replace(p, **changes.get(p.name, {})) for p in base.projections)
    circuit = replace(base, projections=tuple(projections))
    whole = tiny_train(circuit)
    stop_after(monkeypatch, path, 1, circuit=circuit)
    assert_same(tiny_train(circuit, checkpoint=path, resume=True), whole)


def test_a_run_stopped_again_and_again_ends_the_same(monkeypatch, path):
    whole = tiny_train(epochs=4)
    stop_after(monkeypatch, path, 1, epochs=4)
    for done in (2, 3):
        stop_after(monkeypatch, path, done, epochs=4, resume=True)
    tree = tiny_train(epochs=4, checkpoint=path, resume=True)
    assert_same(tree, whole)
    assert tree.attrs["n_resumes"] == 3


def test_a_finished_run_resumes_to_its_own_result(path):
    whole = tiny_train(checkpoint=path)
    again = tiny_train(checkpoint=path, resume=True)
    assert_same(again, whole)
    np.testing.assert_array_equal(
        again["training"].wall_time, whole["training"].wall_time
    )
    assert again.attrs["parent_run_id"] == whole.attrs["run_id"]
    assert again.attrs["run_id"] != whole.attrs["run_id"]
    assert again.attrs["created_utc"] == whole.attrs["created_utc"]


def test_without_a_checkpoint_resume_starts_fresh(path, capsys):
    tree = tiny_train(checkpoint=path, resume=True, progress=True)
    assert tree.attrs["n_resumes"] == 0
    assert "resuming" not in capsys.readouterr().err
    assert_same(tree, tiny_train())


def test_without_resume_a_checkpoint_is_not_read(monkeypatch, path):
    stop_after(monkeypatch, path, 2, seed=8)
    assert_same(tiny_train(checkpoint=path), tiny_train())


def test_resuming_says_where_it_starts(monkeypatch, path, capsys):
    stop_after(monkeypatch, path, 2)
    tiny_train(checkpoint=path, resume=True, progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert "resuming after epoch 2" in lines
    assert lines[-1].startswith("epoch 3/3")


CHANGES = [
    ({"epochs": 4}, ["epochs: 3 != 4"]),
    ({"seed": 4, "batch": 5}, ["batch: 10 != 5", "seed: '3' != '4'"]),
    ({"learning_rates": {HIDDEN[0]: 0.5}}, [f"learning_rates.{HIDDEN[0]}"]),
    ({"controls": None}, ["controls.frozen_hidden"]),
    ({"circuit": tiny_circuit(dt=0.1)}, ["circuit.dt: 0.15 != 0.1"]),
    ({"circuit": tiny_circuit([8, 7, 5, 3])}, ["circuit.populations.hidden1.size"]),
    ({"task": tiny_task(seed=1)}, ["data_sha256"]),
    (
        {"weights": {HIDDEN[0]: np.zeros((6, 8))}},
        ["initial_weights_sha256"],
    ),
]


@pytest.mark.parametrize(("change", "paths"), CHANGES, ids=[c[1][0] for c in CHANGES])
def test_a_checkpoint_of_another_run_is_refused_with_the_differences(
    path, change, paths
):
    tiny_train(checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match="another configuration") as caught:
        tiny_train(checkpoint=path, resume=True, **change)
    for text in paths:
        assert text in str(caught.value)
    assert path.read_bytes() == before


def test_another_transfer_function_is_another_run(path):
    def circuit(gamma):
        phi = transfer.soft_rectifier(gamma=gamma, theta=0.0)
        return tiny_circuit(phi=phi)

    tiny_train(circuit(1.0), checkpoint=path, epochs=1)
    with pytest.raises(CheckpointError, match="circuit.network.phi.0"):
        tiny_train(circuit(1.1), checkpoint=path, epochs=1, resume=True)


def test_a_file_of_another_kind_is_refused(path):
    save_checkpoint(path, {"epoch": 1}, {"W": np.zeros(3)})
    with pytest.raises(CheckpointError, match="no checkpoint of a training run"):
        tiny_train(checkpoint=path, resume=True)


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "missing"])
def test_a_damaged_checkpoint_falls_back_and_ends_the_same(monkeypatch, path, damage):
    stop_after(monkeypatch, path, 2)
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        middle = len(data) // 2
        flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        path.write_bytes({"empty": b"", "cut": data[:-9], "flipped": flipped}[damage])
    with pytest.warns(UserWarning, match="using the one before it"):
        tree = tiny_train(checkpoint=path, resume=True)
    assert_same(tree, tiny_train())


def test_two_damaged_checkpoints_are_an_error_naming_both(monkeypatch, path):
    stop_after(monkeypatch, path, 2)
    path.write_bytes(b"")
    previous_path(path).write_bytes(b"")
    with pytest.raises(CheckpointError, match="no usable checkpoint") as caught:
        tiny_train(checkpoint=path, resume=True)
    assert previous_path(path).name in str(caught.value)


def test_a_full_disk_warns_once_and_the_run_ends_the_same(monkeypatch, path, capsys):
    stop_after(monkeypatch, path, 1, epochs=4)

    def full(descriptor, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("circuits.checkpoint.os.write", full)
        tree = tiny_train(epochs=4, checkpoint=path, resume=True)
    err = capsys.readouterr().err
    assert err.count("warning: ") == 1
    assert err.count("No space left on device") == 2  # the warning, and at the end
    assert "checkpoints could not be written" in err.splitlines()[-3]
    assert_same(tree, tiny_train(epochs=4))
    kept, _ = load_checkpoint(path)
    assert json.loads(json.dumps(kept))["config"]["epochs"] == 4
    assert_same(tiny_train(epochs=4, checkpoint=path, resume=True), tree)


def test_a_disk_that_has_room_again_is_used_again(monkeypatch, path, capsys):
    calls, save = [], save_checkpoint

    def sometimes(*args):
        calls.append(args)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return save(*args)

    from dendrites.errors import StorageError

    def wrapped(*args):
        try:
            return sometimes(*args)
        except OSError as error:
            raise StorageError(str(error)) from error

    monkeypatch.setattr("circuits.run.train.save_checkpoint", wrapped)
    tiny_train(checkpoint=path)
    err = capsys.readouterr().err
    assert err.count("warning: ") == 1
    _, arrays = load_checkpoint(path)
    assert len(arrays["history/epochs/wall_time"]) == 3


def test_divergence_keeps_the_last_checkpoint(monkeypatch, path):
    run_epoch = Session.run_epoch

    def diverging(self, epoch, tick):
        if epoch == 2:
            self._rates = [np.where(rates > 0, 1e306, rates) for rates in self._rates]
        run_epoch(self, epoch, tick)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "run_epoch", diverging)
        with pytest.raises(NumericalError):
            tiny_train(checkpoint=path)
    assert_same(tiny_train(checkpoint=path, resume=True), tiny_train())


def altered(arrays, name, how):
    """Arrays of a checkpoint of which one is another, as if by hand."""
    value = arrays[name]
    return arrays | {
        name: {
            "one number": np.ones((1,), value.dtype),
            "too long": np.concatenate([value.ravel(), value.ravel()]),
            "another type": value.astype(np.float32),
        }[how]
    }


@pytest.mark.parametrize("how", ["one number", "too long", "another type"])
@pytest.mark.parametrize(
    "name", ["replica1/weights", "replica0/state0", "history/updates/hidden1/angle"]
)
def test_arrays_of_another_form_are_refused(path, whole_checkpoint, name, how):
    header, arrays = whole_checkpoint
    save_checkpoint(path, header, altered(arrays, name, how))
    with pytest.raises(CheckpointError, match=f"altered: array '{name}' is"):
        tiny_train(checkpoint=path, resume=True)


def test_missing_unknown_and_unequal_curves_are_refused(path, whole_checkpoint):
    header, arrays = whole_checkpoint
    name = "history/epochs/wall_time"
    for changed in (
        {k: v for k, v in arrays.items() if k != name},
        arrays | {"history/epochs/more": arrays[name]},
        arrays | {name: arrays[name][:1]},
        arrays | {name: np.zeros(9)},
    ):
        save_checkpoint(path, header, changed)
        with pytest.raises(CheckpointError, match="the checkpoint was altered"):
            tiny_train(checkpoint=path, resume=True)


@pytest.fixture(scope="module")
def whole_checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "run.ckpt"
    tiny_train(checkpoint=path)
    return load_checkpoint(path)


def test_a_checkpoint_of_another_version_is_taken_when_that_is_said(
    path, whole_checkpoint
):
    header, arrays = whole_checkpoint
    save_checkpoint(path, header | {"dendrites": "0.0.1"}, arrays)
    with pytest.raises(CheckpointError, match=r"written by dendrites 0\.0\.1"):
        tiny_train(checkpoint=path, resume=True)
    tree = tiny_train(checkpoint=path, resume="any-version")
    assert tree.attrs["n_resumes"] == 1


@pytest.mark.parametrize("name", ["a" * 300, "d" * 300 + "/a"])
def test_a_checkpoint_with_too_long_a_name_is_refused_before_the_run(path, name):
    with pytest.raises(StorageError, match="too long|does not exist"):
        tiny_train(checkpoint=path.parent / name)


def test_a_setting_that_train_stores_itself_cannot_be_given_another_value():
    with pytest.raises(ConfigError, match="config: 'circuit' is one of the settings"):
        tiny_train(config={"circuit": "another"})


def interrupted(monkeypatch, at, **options):
    """What training throws that is stopped in the tests of an epoch."""
    test = Session.test

    def stopped(self, k, split):
        result = test(self, k, split)
        if len(self.history.epochs) == at and k == 1:
            raise KeyboardInterrupt
        return result

    with monkeypatch.context() as patch:
        patch.setattr(Session, "test", stopped)
        with pytest.raises(KeyboardInterrupt) as caught:
            tiny_train(**options)
    return caught.value


def test_an_interrupted_run_hands_back_its_finished_epochs(monkeypatch):
    run = interrupted(monkeypatch, 2).run
    validate(run)
    assert (run.attrs["complete"], run.attrs["finished_utc"]) == (0, "")
    assert run.attrs["n_epochs"] == 3
    shorter = tiny_train(epochs=2)
    assert run.attrs["state_sha256"] == shorter.attrs["state_sha256"]
    mine, theirs = curves(run), curves(shorter)
    assert mine.keys() == theirs.keys()
    for name, values in theirs.items():
        np.testing.assert_array_equal(mine[name], values, err_msg=name)


def test_a_run_interrupted_in_its_first_epoch_hands_back_its_weights(monkeypatch):
    run = interrupted(monkeypatch, 0).run
    validate(run)
    assert (run.attrs["complete"], run.attrs["finished_utc"]) == (0, "")
    assert run["training"].sizes["epoch"] == 0
    assert run.attrs["state_sha256"] == tiny_train(epochs=1).attrs["state_sha256"]


def test_a_run_interrupted_in_a_presentation_hands_back_the_one_before(monkeypatch):
    def stopped(after):
        shown, present = [], session.Replicas.present

        def interrupt(self, *arguments, **options):
            found = present(self, *arguments, **options)
            shown.append(self)
            if shown.count(shown[0]) > after:
                raise KeyboardInterrupt
            return found

        with monkeypatch.context() as patch:
            patch.setattr(session.Replicas, "present", interrupt)
            with pytest.raises(KeyboardInterrupt) as caught:
                tiny_train(probe=0, controls=None, integrator="exact")
        return caught.value.run["weights"]

    one, two = stopped(1), stopped(2)
    split, circuit = tiny_task().splits["train"], tiny_circuit()
    order = generator(circuit.seed, "order/1").permutation(len(split.inputs))[:10]
    shown = {"input": split.inputs[order], "target": split.targets[order]}
    with circuits.Presenter(circuit, batch=10) as presenter:
        presenter.present(shown)
    for name, weights in presenter.weights(*one.children).items():
        np.testing.assert_array_equal(one[name].w[1], weights)
        np.testing.assert_array_equal(one[name].epoch_at, [0, 0])
    assert any((two[name].w[1] != one[name].w[1]).any() for name in one.children)


def test_what_is_stopped_before_its_first_presentation_is_where_it_started(monkeypatch):
    def interrupt(self, *arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(session.Replicas, "present", interrupt)
        with pytest.raises(KeyboardInterrupt) as caught:
            tiny_train(probe=0)
    validate(caught.value.run)
    for node in caught.value.run["weights"].children.values():
        np.testing.assert_array_equal(node.w[0], node.w[1])


def test_an_interrupted_run_with_a_checkpoint_goes_on_from_it(monkeypatch, path):
    assert interrupted(monkeypatch, 1, checkpoint=path).run.attrs["complete"] == 0
    assert_same(tiny_train(checkpoint=path, resume=True), tiny_train())


def test_the_data_and_initial_weights_are_part_of_the_configuration():
    found = {
        tiny_train(epochs=1, **options).attrs["config_sha256"]
        for options in (
            {},
            {"task": tiny_task(seed=1)},
            {"weights": {HIDDEN[0]: np.zeros((6, 8))}},
        )
    }
    assert len(found) == 3
