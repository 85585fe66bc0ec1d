"""The weak-nudge experiment: angles and sizes, tree and picture."""

import inspect
import json

import numpy as np
import pytest

import circuits
from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ModelError
from experiments.microcircuit.weak_nudge import (
    compare_update,
    draw_patterns,
    feedback_alignment,
    taught_circuit,
    weak_nudge,
    with_feedback,
)

NUDGES = (1e-4, 1e-3, 1e-2, 0.1)
OPTIONS = {
    "g_apical": 0.8,
    "g_interneuron_nudge": 0.8,
    "settling": 200.0,
    "dt": 0.1,
}


@pytest.fixture(scope="module")
def tree():
    """The default network, few patterns."""
    return weak_nudge(nudges=NUDGES, patterns=3)


@pytest.fixture(scope="module")
def small():
    return weak_nudge(sizes=(6, 5, 4), nudges=(1e-3, 0.1), patterns=2, settling=60.0)


@pytest.fixture(scope="module")
def alignment(tree):
    return tree["alignment"].to_dataset()


def test_the_tree_is_valid_and_reopens_as_it_was(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)
    assert json.loads(tree.attrs["config_json"])["patterns"] == 3


def test_every_pattern_of_every_network_is_kept():
    found = weak_nudge(
        sizes=(6, 5, 4), nudges=(1e-3,), patterns=2, networks=2, settling=60.0, seed=4
    )["alignment"]
    assert found.angle_to_bp.dims == (
        "feedback",
        "replica",
        "nudge",
        "layer",
        "pattern",
    )
    assert found.angle_to_bp.shape == (2, 2, 1, 2, 2)
    assert found.replica.values.tolist() == [4, 5]
    assert len(np.unique(found.angle_to_bp.sel(feedback="transpose"))) == 8


@pytest.mark.parametrize("feedback", ["transpose", "random"])
def test_the_angle_is_proportional_to_the_teachers_share(alignment, feedback):
    # One ratio from 1e-4 to 1e-2, within 5 %, in every layer.
    weak = alignment.sel(feedback=feedback, nudge=slice(1e-4, 1e-2))
    ratio = weak.angle_to_fa.mean(("replica", "pattern")) / weak.nudge
    assert ratio.sizes == {"nudge": 3, "layer": 3}
    assert float((ratio.max("nudge") / ratio.min("nudge")).max()) < 1.05


@pytest.mark.parametrize("feedback", ["transpose", "random"])
def test_the_length_is_the_predicted_one_for_a_weak_teacher(alignment, feedback):
    # Within 1e-3 at a share of 1e-3.
    at = alignment.size_over_prediction.sel(feedback=feedback, nudge=1e-3)
    assert float(abs(at.mean(("replica", "pattern")) - 1).max()) < 1e-3


def test_transposed_feedback_gives_the_gradient_and_random_feedback_does_not(alignment):
    means = alignment.sel(nudge=1e-3).mean(("replica", "pattern"))
    transposed, random = (means.sel(feedback=f) for f in ("transpose", "random"))
    # Set from 0.0256, 0.0272 and 0.0201 degree of five networks; patterns vary by 2.
    assert (transposed.angle_to_bp > 0.005).all()
    assert (transposed.angle_to_bp < 0.06).all()
    assert (random.angle_to_fa < 0.06).all()
    assert (random.angle_to_bp.sel(layer=["hidden1", "hidden2"]) > 45).all()
    assert float(random.angle_to_bp.sel(layer="output")) < 0.06


def test_predicted_sizes_are_those_of_the_card(alignment):
    # lambda_N [lambda_A (1 - lambda_I)]^(N - k) / product of a_j, j = k..N.
    hidden, output, passed = 1 / 1.9, 1 / 1.1, 0.8 / 1.9 * (1 - 0.8 / 1.9)
    expected = [
        passed**2 / (hidden**2 * output),
        passed / (hidden * output),
        1 / output,
    ]
    for nudge in NUDGES:
        found = alignment.predicted_size.sel(nudge=nudge)
        np.testing.assert_allclose(found, nudge * np.array(expected), rtol=1e-12)
    ratio = alignment.size_ratio / alignment.predicted_size
    np.testing.assert_allclose(
        ratio.sel(feedback="transpose").transpose(
            *alignment.size_over_prediction.dims[1:]
        ),
        alignment.size_over_prediction.sel(feedback="transpose"),
        rtol=1e-12,
    )


def test_headline_figures_are_the_means_at_the_references(tree, alignment):
    headline = json.loads(tree.attrs["headline_json"])
    transposed = alignment.sel(feedback="transpose", layer="hidden1")
    for name, nudge in (("1e-3", 1e-3), ("1e-1", 0.1)):
        figure = headline[f"angle_deg_hidden1_at_{name}"]
        values = transposed.angle_to_bp.sel(nudge=nudge).values
        assert figure["value"] == pytest.approx(values.mean(), rel=1e-12)
        assert figure["unit"] == "degree" and figure["source"]
    # Set from 0.0256 and 2.55 degree of five networks; patterns vary by 2.
    assert 0.01 < headline["angle_deg_hidden1_at_1e-3"]["value"] < 0.05
    assert 1.0 < headline["angle_deg_hidden1_at_1e-1"]["value"] < 5.0
    assert headline["size_ratio_error_at_1e-3"]["value"] < 1e-3


def test_figures_of_shares_that_were_not_asked_for_are_left_out():
    found = weak_nudge(sizes=(6, 5, 4), nudges=(0.2, 0.1), patterns=1, settling=60.0)
    assert [*json.loads(found.attrs["headline_json"])] == ["angle_deg_hidden1_at_1e-1"]
    assert found["alignment"].nudge.values.tolist() == [0.1, 0.2]


def test_the_default_shares_hold_the_references():
    defaults = inspect.signature(weak_nudge).parameters["nudges"].default
    assert {1e-3, 1e-1} <= set(defaults)
    assert (min(defaults), max(defaults)) == (1e-5, 0.7)


def test_with_transposed_weights_feedback_alignment_is_backpropagation():
    circuit = taught_circuit((7, 6, 5, 4), 1e-3, **OPTIONS)
    inputs, targets = (x[0] for x in draw_patterns((7, 6, 5, 4), 1, 0))
    weights = with_feedback(circuit, "transpose", 0)
    assigned = feedback_alignment(circuit, weights, inputs, targets)
    exact = circuits.negative_gradient(circuit, weights, inputs[None], targets[None])
    assert assigned.keys() == exact.keys()
    for name, direction in exact.items():
        np.testing.assert_allclose(assigned[name], direction, rtol=1e-12, atol=1e-15)


def test_both_feedbacks_start_self_predicting_from_the_same_bottom_up_weights():
    circuit = taught_circuit((7, 6, 5, 4), 1e-3, **OPTIONS)
    both = [with_feedback(circuit, name, 3) for name in ("transpose", "random")]
    for weights in both:
        for k, above in ((1, "hidden2"), (2, "output")):
            down = weights[f"{above}_to_hidden{k}_apical"]
            up = weights[f"interneuron{k}_to_hidden{k}_apical"]
            np.testing.assert_array_equal(up, -down)
    for name in ("input_to_hidden1_basal", "hidden2_to_output_basal"):
        np.testing.assert_array_equal(both[0][name], both[1][name])
    down = both[0]["hidden2_to_hidden1_apical"]
    np.testing.assert_array_equal(down, both[0]["hidden1_to_hidden2_basal"].T)
    assert (both[1]["hidden2_to_hidden1_apical"] != down).all()


def test_the_update_is_that_of_the_fixed_point():
    # A longer wait changes nothing: what is left after 100 ms is below rounding.
    found = []
    for settling in (100.0, 150.0):
        circuit = taught_circuit((6, 5, 4), 1e-2, **{**OPTIONS, "settling": settling})
        weights = with_feedback(circuit, "transpose", 0)
        inputs, targets = (x[0] for x in draw_patterns((6, 5, 4), 1, 0))
        found.append(compare_update(circuit, weights, inputs, targets))
    # Updates of 1e-3 are read off rates near 0.5 to 1e-16: 1e-13, angles 1e-3 of that.
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9)


def test_more_patterns_leave_the_first_ones_alone():
    short, long = (draw_patterns((4, 3, 2), n, 5) for n in (2, 9))
    for few, many in zip(short, long, strict=True):
        np.testing.assert_array_equal(few, many[:2])
    assert (draw_patterns((4, 3, 2), 2, 6)[0] != short[0]).all()


def test_one_seed_gives_the_same_bits_twice(small):
    again = weak_nudge(sizes=(6, 5, 4), nudges=(1e-3, 0.1), patterns=2, settling=60.0)
    assert again["alignment"].identical(small["alignment"])


def test_impossible_sizes_are_refused():
    with pytest.raises(ModelError, match="at least one hidden layer"):
        weak_nudge(sizes=(6, 4))


def test_the_command_leaves_a_result_and_a_picture(run):
    words = "--sizes 6 5 4 --nudges 0.001 --patterns 1 --settling 60 --out w.nc"
    code, out, _ = run("run", "weak-nudge", *words.split())
    assert code == 0
    assert open_run("w.nc").attrs["experiment"] == "weak-nudge"
    assert "angle_deg_hidden1_at_1e-3" in out and "w.png" in out


@pytest.mark.parametrize("share", ["0", "1", "-0.1"])
def test_a_share_of_everything_or_nothing_is_refused(run, share):
    code, _, err = run("run", "weak-nudge", f"--nudges={share}")
    assert (code, "--nudges, item 1" in err) == (2, True)
