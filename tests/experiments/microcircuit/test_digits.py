"""The digits experiment end to end, small, and its picture from the saved file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import circuits
import experiments
from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from experiments import tasks
from experiments.baselines.linear import has_learned
from experiments.microcircuit.digits import (
    BACKPROP_EPOCHS,
    digits,
    digits_circuit,
    stored_weights,
)
from experiments.plots.microcircuit.digits import plot

ROOT = Path(experiments.__file__).parents[1]
CIRCUIT = {
    "hidden": (12, 8),
    "learning_rate": 1.0,
    "hidden_rate": 2.0,
    "interneuron_rate": 2.0,
    "presentation": 4.8,
    "learning_lag": 2.4,
    "dt": 0.15,
    "seed": 0,
}


@pytest.fixture(scope="module")
def tree():
    return digits(epochs=2, hidden=(12, 8), threads=1)


@pytest.fixture(scope="module")
def saved(tree, tmp_path_factory):
    return save_run(tree, tmp_path_factory.mktemp("digits") / "digits.nc")


@pytest.fixture(scope="module")
def figure(saved):
    return plot(open_run(saved))


def test_the_tree_is_valid_and_has_every_part_of_the_answer(tree, saved):
    validate(tree)
    groups = {node.path for node in tree.subtree if node.to_dataset().variables}
    assert groups >= {
        "/training",
        "/diagnostics",
        "/controls/frozen_hidden",
        "/references",
        "/populations/hidden1",
        "/predictions/test",
        "/weights/input_to_hidden1_basal",
    }
    assert open_run(saved).identical(tree)
    sources = json.loads(tree.attrs["data_sources_json"])
    assert all(set(source) >= {"name", "licence", "sha256"} for source in sources)
    assert sources


def test_headline_figures_have_value_unit_reference_and_source(tree):
    headline = json.loads(tree.attrs["headline_json"])
    for name in (
        "test_error",
        "test_error_frozen_hidden",
        "angle_deg_hidden1",
        "wall_s",
    ):
        assert set(headline[name]) == {"value", "unit", "reference", "source"}
        assert np.isfinite(headline[name]["value"])
        assert headline[name]["source"]
    curve = tree["training"].error_rate.sel(split="test")
    assert headline["test_error"]["value"] == float(curve[-1])
    angle = tree["diagnostics"].angle_to_bp.sel(layer="hidden1")
    assert headline["angle_deg_hidden1"]["value"] == float(np.median(angle[1:]))
    found = tree["references"].error_rate
    for name in found.reference.values:
        key = f"test_error_{str(name).removesuffix('_readout')}"
        assert headline[key]["value"] == float(found.sel(reference=name))


def test_an_untrained_learner_is_no_reference(tree):
    headline = json.loads(tree.attrs["headline_json"])
    backprop = headline["test_error_backprop"]
    # Two epochs of this circuit; backprop leaves chance after more than ten.
    assert backprop["value"] < 0.1
    assert f"{BACKPROP_EPOCHS} epochs" in backprop["source"]
    assert headline["test_error"]["reference"] == f"backprop {backprop['value']:.4f}"
    assert has_learned(0.4, 10) and not has_learned(0.897, 10)
    assert not has_learned(0.6, 3)


def test_the_time_of_a_run_is_compared_with_nothing(tree):
    assert json.loads(tree.attrs["headline_json"])["wall_s"]["reference"] == ""


def test_the_circuit_starts_to_learn_within_two_epochs(tree):
    loss = tree["training"].loss.sel(split="test")
    assert float(loss[-1]) < float(loss[0])


def test_one_image_is_recorded_without_and_with_the_teacher(tree):
    v = tree["populations/hidden1"].v
    assert v.dims == ("condition", "time", "compartment", "unit")
    assert list(v.condition.values) == [
        "without teacher, before training",
        "with teacher, before training",
        "without teacher, after training",
        "with teacher, after training",
    ]
    assert list(v.compartment.values) == ["soma", "basal", "apical"]
    assert v.sizes["unit"] == 12
    assert float(v.time[-1]) == pytest.approx(12.0)


def apical(tree, teacher, when):
    """Apical potentials (time, unit) of one of the four conditions."""
    condition = f"{teacher} teacher, {when} training"
    v = tree["populations/hidden1"].v
    return v.sel(compartment="apical", condition=condition).values


def rms(values):
    return float(np.sqrt((values**2).mean()))


def test_apical_dendrites_start_silent_without_the_teacher(tree):
    # Self-predicting with matched interneurons: silent through transients as well.
    assert np.abs(apical(tree, "without", "before")).max() < 1e-13
    assert rms(apical(tree, "with", "before")[-1]) > 1e-3


def test_after_training_the_teacher_still_adds_to_apical_potentials(tree):
    # Interneurons lag behind weights that move fast, so silence is lost meanwhile; what
    # is left stays below the error the untrained circuit is taught with.
    quiet = rms(apical(tree, "without", "after")[-1])
    assert quiet < rms(apical(tree, "with", "after")[-1])
    assert quiet < rms(apical(tree, "with", "before")[-1]) / 2


def test_faster_interneurons_keep_apical_dendrites_quieter(tree, monkeypatch):
    monkeypatch.setattr("experiments.microcircuit.digits.BACKPROP_EPOCHS", 1)
    fast = digits(epochs=2, hidden=(12, 8), interneuron_rate=8.0, threads=1)
    quiet = rms(apical(fast, "without", "after")[-1])
    # Four times the rate; the lag of a tracking weight falls with the rate.
    assert quiet < rms(apical(tree, "without", "after")[-1]) / 2
    assert quiet < rms(apical(fast, "with", "after")[-1]) / 3


def test_recorded_potentials_are_those_of_the_stored_weights(tree):
    weights = stored_weights(tree, -1)
    task, circuit = tasks.digits(seed=0), digits_circuit(**CIRCUIT)
    taught = circuits.Phase("shown", 12.0, on=("input", "target"), learning=False)
    test = task.splits["test"]
    again = circuits.simulate(
        circuit,
        {"input": test.inputs[0], "target": test.targets[0]},
        ["hidden1"],
        weights=weights,
        schedule=circuits.Schedule((taught,)),
    )
    found = again["populations/hidden1"].v.sel(compartment="apical")
    np.testing.assert_array_equal(found, apical(tree, "with", "after"))


def test_a_second_run_and_two_threads_give_the_same_bits(tree):
    again = digits(epochs=2, hidden=(12, 8), threads=2)
    assert again.attrs["state_sha256"] == tree.attrs["state_sha256"]
    np.testing.assert_array_equal(
        again["references"].error_rate, tree["references"].error_rate
    )


def test_a_lag_that_leaves_no_time_to_learn_is_refused():
    with pytest.raises(ConfigError, match="leaves nothing of a presentation"):
        digits(presentation=3.0, learning_lag=3.0)


# The picture


def test_learning_curves_are_the_stored_arrays(tree, figure):
    lines = figure.axes[0].lines
    levels = [line for line in lines if list(line.get_xdata()) == [0, 1]]
    references = 100 * tree["references"].error_rate
    np.testing.assert_array_equal(
        sorted(line.get_ydata()[0] for line in levels), sorted(references)
    )
    curves = tree["training"].error_rate
    drawn = {str(line.get_label()): line for line in lines if line not in levels}
    for split in ("train", "test"):
        (line,) = (
            line
            for label, line in drawn.items()
            if label.startswith("microcircuit") and split in label
        )
        np.testing.assert_array_equal(line.get_xdata(), curves.epoch)
        np.testing.assert_array_equal(line.get_ydata(), 100 * curves.sel(split=split))
    control = 100 * tree["controls/frozen_hidden"].error_rate.sel(split="test")
    for label, line in drawn.items():
        if not label.startswith("microcircuit"):
            np.testing.assert_array_equal(line.get_ydata(), control)


def test_angles_are_the_stored_arrays(tree, figure):
    lines = {line.get_label(): line for line in figure.axes[1].lines}
    angles = tree["diagnostics"].angle_to_bp
    for layer in ("hidden1", "hidden2", "output"):
        np.testing.assert_array_equal(lines[layer].get_xdata(), angles.epoch_at)
        np.testing.assert_array_equal(lines[layer].get_ydata(), angles.sel(layer=layer))


def test_apical_traces_are_the_stored_arrays(tree, figure):
    v = tree["populations/hidden1"].v.sel(compartment="apical")
    panels = figure.axes[2:]
    assert len(panels) == v.sizes["condition"]
    for axes, condition in zip(panels, v.condition.values, strict=True):
        shown = v.sel(condition=condition)
        assert axes.get_title().startswith(str(condition).split(",")[0])
        assert len(axes.lines) == 12
        for unit, line in enumerate(axes.lines):
            np.testing.assert_array_equal(line.get_xdata(), v.time)
            np.testing.assert_array_equal(line.get_ydata(), shown.isel(unit=unit))


def test_apical_panels_share_their_scale_and_axes_are_labelled(figure):
    assert len({axes.get_ylim() for axes in figure.axes[2:]}) == 1
    assert all(axes.get_title() for axes in figure.axes)
    for axes in figure.axes[:3]:
        assert axes.get_xlabel() and axes.get_ylabel()


def test_a_saved_file_is_drawn_by_a_process_without_a_display(saved):
    program = (
        "import sys\nfrom dendrites.dataset import open_run\n"
        "from experiments.plots.microcircuit.digits import plot\n"
        "plot(open_run(sys.argv[1])).savefig(sys.argv[2])\n"
        "assert not {'numba', 'circuits.run.train'} & {*sys.modules}\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "DISPLAY"}
    picture = saved.with_suffix(".png")
    subprocess.run(
        [sys.executable, "-c", program, saved, picture],
        env={**environment, "PYTHONPATH": str(ROOT)},
        check=True,
        timeout=60,
    )
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
