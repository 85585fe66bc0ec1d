"""mnist-microcircuit and depth, on small images of the same two kinds of digits."""

import json

import numpy as np
import pytest

import circuits
from circuits.task import Split, Task
from dendrites.dataset import open_run, save_run
from dendrites.errors import ConfigError
from experiments import tasks
from experiments.microcircuit.depth import depth, feedback_of
from experiments.microcircuit.image_circuit import image_circuit, initial
from experiments.microcircuit.mnist_microcircuit import mnist_microcircuit
from experiments.plots.microcircuit import depth as plot_depth
from experiments.plots.microcircuit import mnist_microcircuit as plot_mnist_microcircuit

SIZES = (784, 12, 8, 10)
OPTIONS = {"two_sweep": True, "steps": (0.02, 0.012), "mixing": 0.1}


def small_images(seed, n=60):
    """Bright patches, one place per class: anything that learns tells them apart."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 10
    inputs = rng.uniform(0, 0.2, (n, 784)).astype(np.float32)
    for row, label in enumerate(labels):
        inputs[row, 70 * label : 70 * label + 70] += 0.7
    targets = np.where(labels[:, None] == np.arange(10), 0.8, 0.1)
    return Split(inputs, targets, labels, np.arange(n))


@pytest.fixture(autouse=True)
def images(monkeypatch):
    task = Task("mnist", {"train": small_images(0), "test": small_images(1)})
    monkeypatch.setattr(tasks, "mnist", lambda: task)
    return task


def small_run(**changes):
    options = {"hidden": (20, 20), "epochs": 2, "references": False, "threads": 1}
    return mnist_microcircuit(**{**options, **changes})


@pytest.mark.parametrize(
    ("matched", "tied"), [(True, True), (False, True), (True, False)]
)
def test_steps_are_rates_times_the_size_of_an_update(matched, tied):
    circuit = image_circuit(
        SIZES, output_mixing=0.5, matched=matched, tied=tied, **OPTIONS
    )
    rates = [
        circuit.projection(x.projection).rule.learning_rate
        for x in circuit.network.layers
    ]
    steps = [
        r * x.update_scale for r, x in zip(rates, circuit.network.layers, strict=True)
    ]
    assert steps[-1] == pytest.approx(0.02)
    if matched:
        assert steps[:-1] == pytest.approx([0.012, 0.012])
    else:
        assert rates == pytest.approx([rates[-1]] * 3)


def test_shares_are_those_of_the_conductances():
    circuit = image_circuit(SIZES, output_mixing=0.5, **OPTIONS)
    output = circuit.model("output").parameters
    hidden = circuit.model("hidden1").parameters
    inter = circuit.model("interneuron1").parameters
    assert output.g_nudge / (sum(output)) == pytest.approx(0.5)
    assert hidden.g_apical / sum(hidden) == pytest.approx(0.1)
    assert inter.g_nudge / sum(inter) == pytest.approx(0.1)


def test_a_rate_per_ms_makes_the_same_step_in_a_presentation():
    sweeps = image_circuit(SIZES, output_mixing=0.5, **OPTIONS)
    timed = image_circuit(
        SIZES,
        output_mixing=0.5,
        presentation=80.0,
        learning_lag=30.0,
        **{**OPTIONS, "two_sweep": False},
    )
    for layer, own in zip(sweeps.network.layers, timed.network.layers, strict=True):
        rule = sweeps.projection(layer.projection).rule
        per_ms = timed.projection(layer.projection).rule
        assert 50.0 * per_ms.learning_rate * own.update_scale == pytest.approx(
            rule.learning_rate * layer.update_scale
        )
        assert per_ms.continuous
        assert not rule.continuous


def test_no_time_to_learn_is_refused():
    with pytest.raises(ConfigError, match="leaves nothing"):
        small_run(integrator="blocked", presentation=20.0, learning_lag=20.0)


def test_a_centred_start_puts_the_mean_input_into_the_middle(images):
    circuit = image_circuit(SIZES, output_mixing=0.5, **OPTIONS)
    given = initial(circuit, images, top_feedback=3.0, start="centred")
    weights = circuits.initial_weights(circuit, given=given)
    mean = images.splits["train"].inputs.mean(axis=0, dtype=float)
    for layer in circuit.network.layers:
        drive = weights[layer.projection] @ mean + weights[layer.bias][:, 0]
        assert np.abs(drive).max() < 1e-6 * np.abs(weights[layer.projection]).sum()
        mean = np.full(len(drive), 0.5)
    spread = weights["hidden1_to_hidden2_basal"] * np.sqrt(12)
    assert 3.5 < np.abs(spread).max() <= 4.0
    assert np.abs(weights["output_to_hidden2_apical"]).max() <= 3.0


def test_frozen_middle_weights_stay_and_others_learn():
    run = small_run(frozen="middle")
    assert "hidden1_to_hidden2_basal" not in run["weights"]
    for name in ("input_to_hidden1_basal", "hidden2_to_output_basal"):
        start, end = run[f"weights/{name}"].w.values
        assert not np.array_equal(start, end)


def test_learned_feedback_reaches_its_own_part_of_the_tree():
    run = small_run(feedback="learned", interneurons="plastic", top_feedback=1.0)
    start, end = run["weights/output_to_hidden2_top_down"].w.values
    assert not np.array_equal(start, end)


@pytest.mark.parametrize("integrator", ["blocked", "equilibrium"])
def test_the_continuous_form_runs_from_the_same_command(integrator):
    run = small_run(
        integrator=integrator, hidden=(6,), epochs=1, presentation=12.0, batch=20
    )
    assert run.attrs["integrator"] == integrator
    assert run["training"].error_rate.notnull().all()


def test_the_circuit_learns_and_its_tree_reopens(tmp_path):
    run = small_run(epochs=60, output_step=0.1, hidden_step=0.05, rate_decay=1.0)
    assert run.attrs["integrator"] == "settled"
    # None of 60 other images is wrong, with six seeds; with frozen hidden layers 0.8.
    assert float(run["training"].error_rate.sel(split="test")[-1]) < 0.1
    assert open_run(save_run(run, tmp_path / "run.nc")).identical(run)


def test_figures_published_for_mnist_stand_beside_no_other_images(images, monkeypatch):
    monkeypatch.setattr(tasks, "fashion_mnist", lambda: images)
    for dataset, published in (("mnist", "0.0196 published"), ("fashion_mnist", "")):
        run = small_run(dataset=dataset, epochs=1)
        error = json.loads(run.attrs["headline_json"])["test_error"]
        assert error["reference"][:16] == published


def test_references_are_drawn_beside_the_circuit():
    run = small_run(references=True)
    assert [*run["references"].reference.values] == ["backprop", "feedback_alignment"]
    names = json.loads(run.attrs["headline_json"])
    assert {"test_error", "test_error_backprop", "test_error_feedback_alignment"} <= {
        *names
    }
    assert plot_mnist_microcircuit.plot(run).axes


def small_depth(**changes):
    options = {"depths": (1, 2), "width": 6, "epochs": 2, "threads": 1}
    return depth(**{**options, **changes})


def test_every_setting_and_depth_has_its_curve():
    run = small_depth()
    errors = run["sweep"].test_error
    assert errors.shape == (3, 2, 2)
    assert errors.notnull().all()
    assert run["sweep"].signal.sel(setting="matched", depth=1) > run[
        "sweep"
    ].signal.sel(setting="plain_start", depth=1)
    assert plot_depth.plot(run).axes


def test_an_interrupted_curve_goes_on_with_the_same_bits(tmp_path, monkeypatch):
    whole = small_depth(settings=("matched",))
    path = str(tmp_path / "depth.ckpt")
    train, calls = circuits.train, []

    def stop_at_the_second(*args, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train(*args, **options)

    monkeypatch.setattr(circuits, "train", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        small_depth(settings=("matched",), checkpoint=path)
    monkeypatch.setattr(circuits, "train", train)
    resumed = small_depth(settings=("matched",), checkpoint=path, resume=True)
    assert resumed["sweep"].to_dataset().identical(whole["sweep"].to_dataset())


def test_feedback_grows_less_the_deeper_the_network():
    scales = [feedback_of(n) for n in (1, 2, 3, 4, 5)]
    assert scales == sorted(scales, reverse=True)
    # The lowest of five layers takes twelve times the highest's step.
    assert (scales[-1] / 8.5) ** 4 == pytest.approx(12.6)


def test_unknown_settings_are_refused():
    with pytest.raises(ConfigError, match="settings: 'matchd'"):
        small_depth(settings=("matchd",))
