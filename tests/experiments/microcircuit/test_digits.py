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
from experiments.microcircuit.digits import digits, reference_errors
from experiments.microcircuit.digits_circuit import digits_circuit, stored_weights
from experiments.plots.microcircuit.digits import plot

ROOT = Path(experiments.__file__).parents[1]
CIRCUIT = {
    "hidden": (12, 8),
    "learning_rate": 0.6,
    "hidden_rate": (8.0, 0.2),
    "interneuron_rate": None,
    "g_teacher": 0.8,
    "top_feedback": 10.0,
    "hidden_feedback": 10.0,
    "start": "centred",
    "filter_tau": 0.0,
    "presentation": 9.0,
    "learning_lag": 8.1,
    "dt": 0.18,
    "seed": 0,
}


def small_circuit(task, **options):
    return digits_circuit(task, **{**CIRCUIT, **options})


@pytest.fixture(scope="module")
def tree():
    return digits(epochs=2, negatives_epochs=1, hidden=(12, 8), threads=1)


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
        "/negatives/training",
        "/negatives/diagnostics",
        "/negatives/references",
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
    for layer in ("hidden1", "hidden2"):
        # Of two epochs, the second half is the last.
        angle = tree["diagnostics"].angle_to_bp.sel(layer=layer)
        assert headline[f"angle_deg_{layer}"]["value"] == float(angle[-1])
    for of, prefix in (("references", ""), ("negatives/references", "negatives_")):
        found = tree[of].error_rate
        for name in set(map(str, found.reference.values)) - {"backprop"}:
            key = f"test_error_{prefix}{name.removesuffix('_readout')}"
            assert headline[key]["value"] == float(found.sel(reference=name))
    quiet = rms(apical(tree, "without", "after")[-1])
    assert headline["apical_without_teacher"]["value"] == pytest.approx(quiet)


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
    assert float(v.time[-1]) == pytest.approx(12.6)


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


def test_interneurons_that_take_the_steps_of_their_layer_keep_dendrites_quieter(tree):
    slow = digits(
        epochs=2,
        negatives_epochs=0,
        hidden=(12, 8),
        interneuron_rate=0.3,
        threads=1,
    )
    # A twentieth of the matched rates (5 and 1.5 for these circuits) cannot keep up.
    quiet = rms(apical(tree, "without", "after")[-1])
    assert quiet < rms(apical(slow, "without", "after")[-1]) / 3
    assert "negatives" not in slow.children
    assert "test_error_negatives" not in json.loads(slow.attrs["headline_json"])


def test_recorded_potentials_are_those_of_the_stored_weights(tree):
    weights = stored_weights(tree, -1)
    task = tasks.digits(seed=0)
    circuit = small_circuit(task)
    on = ("input", "target", "bias")
    taught = circuits.Phase("shown", 12.6, on=on, learning=False)
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
    again = digits(epochs=2, negatives_epochs=1, hidden=(12, 8), threads=2)
    assert again.attrs["state_sha256"] == tree.attrs["state_sha256"]
    np.testing.assert_array_equal(
        again["references"].error_rate, tree["references"].error_rate
    )
    np.testing.assert_array_equal(
        again["negatives/training"].loss, tree["negatives/training"].loss
    )


def test_a_lag_that_leaves_no_time_to_learn_is_refused():
    with pytest.raises(ConfigError, match="leaves nothing of a presentation"):
        digits(presentation=3.0, learning_lag=3.0)


# The picture


def panel(figure, words):
    """The panel whose title has these words."""
    (found,) = (axes for axes in figure.axes if words in axes.get_title(loc="left"))
    return found


def drawn_curves(axes):
    """Curves and levels of a panel by their labels."""
    return {str(line.get_label()): line for line in axes.lines}


@pytest.mark.parametrize(
    ("words", "group"),
    [("digits: ", ""), ("in negative", "negatives/")],
)
def test_errors_are_the_stored_arrays(tree, figure, words, group):
    lines = drawn_curves(panel(figure, words))
    curves = tree[f"{group}training"].error_rate
    for label, split in (
        ("microcircuit, new images", "test"),
        ("microcircuit, its training images", "train"),
    ):
        np.testing.assert_array_equal(lines[label].get_xdata(), curves.epoch)
        np.testing.assert_array_equal(
            lines[label].get_ydata(), 100 * curves.sel(split=split)
        )
    if not group:
        control = tree["controls/frozen_hidden"].error_rate.sel(split="test")
        np.testing.assert_array_equal(
            lines["frozen hidden layers, own rule"].get_ydata(), 100 * control
        )
    found = tree[f"{group}references"].error_rate
    for label, name in (
        ("linear classifier", "linear"),
        ("frozen hidden layers, best readout", "frozen_hidden_readout"),
        ("backprop, same network", "backprop"),
    ):
        level = 100 * float(found.sel(reference=name))
        assert list(lines[label].get_ydata()) == [level, level]


def test_no_two_curves_of_a_panel_look_alike(figure):
    for axes in figure.axes[:3]:
        looks = [(line.get_color(), line.get_linestyle()) for line in axes.lines]
        assert len({*looks}) == len(looks) >= 3


def test_angles_are_the_stored_arrays(tree, figure):
    lines = drawn_curves(panel(figure, "updates, digits"))
    angles = tree["diagnostics"].angle_to_bp
    for layer in ("hidden1", "hidden2", "output"):
        np.testing.assert_array_equal(lines[layer].get_xdata(), angles.epoch_at)
        np.testing.assert_array_equal(lines[layer].get_ydata(), angles.sel(layer=layer))


def apical_panels(figure):
    return [axes for axes in figure.axes if "teacher" in axes.get_title(loc="left")]


def test_apical_traces_are_the_stored_arrays(tree, figure):
    v = tree["populations/hidden1"].v.sel(compartment="apical")
    panels = apical_panels(figure)
    assert len(panels) == v.sizes["condition"]
    for axes, condition in zip(panels, v.condition.values, strict=True):
        shown = v.sel(condition=condition)
        assert str(condition).split(",")[0] in axes.get_title(loc="left")
        assert len(axes.lines) == 12
        for unit, line in enumerate(axes.lines):
            np.testing.assert_array_equal(line.get_xdata(), v.time)
            np.testing.assert_array_equal(line.get_ydata(), shown.isel(unit=unit))


def test_apical_panels_share_their_scale_and_axes_are_labelled(figure):
    assert len({axes.get_ylim() for axes in apical_panels(figure)}) == 1
    assert all(axes.get_title(loc="left") for axes in figure.axes)
    for axes in figure.axes[:4]:
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


# The references


def test_references_of_the_negatives_need_a_hidden_layer_that_learned():
    task = tasks.digits(seed=0, negatives=0.5)
    circuit = small_circuit(task, hidden=(30, 20))
    found = reference_errors(circuit, task, epochs=40, batch=10, rate_decay=1.0, seed=0)
    # A linear readout of an image and of its negative says opposite things; what it
    # gets right it owes to the number of bright pixels.
    assert found["linear"] > 0.5
    assert found["frozen_hidden_readout"] > 0.4
    assert found["backprop"] < 0.25
