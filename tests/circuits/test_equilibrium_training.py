"""Training along fixed points: jumps found, drift kept, resumed to the same bits."""

import json

import numpy as np
import pytest
from tiny_training import curves, tiny_circuit, tiny_task, tiny_train

from circuits.run.session import Session
from dendrites.errors import ConfigError

# 200 steps, 120 of them with plasticity, which begins after the cells' onset.
LONG = {"presentation": 30.0, "learning_lag": 12.0}
FEW = {"epochs": 3, "task": tiny_task(12, 8), "batch": 4, "probe": 4}


def train(circuit=None, **options):
    circuit = tiny_circuit(**LONG) if circuit is None else circuit
    return tiny_train(circuit, **{**FEW, "integrator": "equilibrium", **options})


class Stopped(Exception):
    """Stands for whatever ends a process between two epochs."""


def stop_after(monkeypatch, path, done, **options):
    run_epoch = Session.run_epoch

    def limited(self, epoch, tick):
        if epoch > done:
            raise Stopped
        run_epoch(self, epoch, tick)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "run_epoch", limited)
        with pytest.raises(Stopped):
            train(checkpoint=path, **options)


@pytest.mark.parametrize("carry", [False, True])
@pytest.mark.parametrize("options", [{"jumps": 3}, {"dtype": "float32"}])
def test_a_resumed_run_is_the_uninterrupted_one(monkeypatch, tmp_path, options, carry):
    circuit = tiny_circuit(**LONG, carry_state=carry)
    path = tmp_path / "run.ckpt"
    whole = train(circuit, **options)
    stop_after(monkeypatch, path, 1, circuit=circuit, **options)
    resumed = train(circuit, checkpoint=path, resume=True, **options)
    assert resumed.attrs["n_resumes"] == 1
    assert resumed.attrs["state_sha256"] == whole.attrs["state_sha256"]
    assert resumed.attrs["config_sha256"] == whole.attrs["config_sha256"]
    mine, theirs = curves(resumed), curves(whole)
    assert mine.keys() == theirs.keys()
    for name, values in theirs.items():
        np.testing.assert_array_equal(mine[name], values, err_msg=name)


def test_a_run_with_another_number_of_jumps_is_another_run(tmp_path):
    path = tmp_path / "run.ckpt"
    train(jumps=2, checkpoint=path)
    with pytest.raises(Exception, match="jumps: 2 != 3"):
        train(jumps=3, checkpoint=path, resume=True)


def test_the_weights_trained_are_near_those_of_single_steps():
    # Tenfold slower than above: what cells lag behind fixed points that move, and what
    # jumps miss, is in proportion to the rates.
    slow = tiny_circuit(**LONG, learning_rate=0.01, interneuron_rate=0.02)
    jumped, exact = train(slow, jumps=8), train(slow, integrator="exact")
    assert jumped.attrs["integrator"] == "equilibrium"
    for name in ("input_to_hidden1_basal", "hidden2_to_output_basal"):
        w, wanted = (tree[f"weights/{name}"].w.values for tree in (jumped, exact))
        off = np.linalg.norm(w[-1] - wanted[-1])
        assert off < 0.02 * np.linalg.norm(wanted[-1] - wanted[0])


def test_drift_is_among_the_diagnostics_of_every_epoch():
    few, many = (train(jumps=jumps)["diagnostics"].drift for jumps in (2, 4))
    assert few.dims == ("update",)
    assert few.sizes["update"] == FEW["epochs"] + 1
    assert (few > 0.0).all()
    # of second order, up to what is left of higher ones
    assert (many / few < 0.4).all()


def test_other_integrators_have_no_drift():
    assert "drift" not in train(integrator="blocked")["diagnostics"]


def test_jumps_are_chosen_for_the_accuracy_asked_for():
    def first_drift(**options):
        tree = train(batch=12, probe=12, epochs=1, **options)
        return float(tree["diagnostics"].drift[0])

    found = {}
    for accuracy in (0.1, 1e-3):
        tree = train(accuracy=accuracy, batch=12, probe=12, epochs=1)
        found[accuracy] = float(tree["diagnostics"].drift[0])
        # the first presentation and the first probe show the same examples
        assert found[accuracy] <= accuracy
        # and no smaller power of two is as accurate
        k = 1
        while (drift := first_drift(jumps=k)) > accuracy:
            k *= 2
        assert found[accuracy] == drift
        config = json.loads(tree.attrs["config_json"])
        assert (config["jumps"], config["accuracy"]) == (0, accuracy)
    assert found[1e-3] < found[0.1]


def test_an_accuracy_that_jumps_cannot_reach_is_refused():
    with pytest.raises(ConfigError, match="accuracy = 1e-14: not reached"):
        train(tiny_circuit(presentation=27.0, learning_lag=12.0), accuracy=1e-14)


@pytest.mark.parametrize("accuracy", [0.0, -0.1, 1.5, "fine"])
def test_an_accuracy_is_a_share(accuracy):
    with pytest.raises(ConfigError, match="accuracy = .*: must be .*> 0 and <= 1"):
        train(accuracy=accuracy)


def test_jumps_belong_to_their_integrator():
    with pytest.raises(ConfigError, match="jumps = 3: only the integrator 'equilib"):
        train(integrator="exact", jumps=3)


def test_noisy_cells_are_refused_before_anything_is_compiled():
    with pytest.raises(ConfigError, match="'hidden1' has random inputs"):
        train(tiny_circuit(**LONG, noise="white"))


def test_presentations_without_time_need_no_jumps():
    tree = train(tiny_circuit(form="two_sweep"), jumps=2)
    plain = train(tiny_circuit(form="two_sweep"), integrator="exact")
    assert tree.attrs["integrator"] == plain.attrs["integrator"] == "settled"
    assert tree.attrs["state_sha256"] == plain.attrs["state_sha256"]
