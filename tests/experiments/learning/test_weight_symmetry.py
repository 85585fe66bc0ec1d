"""The weight-symmetry experiment: what holds at every step, tree and picture."""

import json

import numpy as np
import pytest

from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from experiments.learning.feedback_schemes import SCHEMES
from experiments.learning.weight_symmetry import (
    forward_and_feedback,
    look_times,
    update_angles,
    weight_symmetry,
)
from experiments.tasks import digits

SMALL = {"hidden": (6, 5), "epochs": 1, "records": 5, "seeds": 1, "decay": 2e-3}


@pytest.fixture(scope="module")
def tree():
    return weight_symmetry(**SMALL)


@pytest.fixture(scope="module")
def symmetry(tree):
    return tree["symmetry"].to_dataset().isel(replica=0)


def test_the_tree_is_valid_and_reopens_as_it_was(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)


@pytest.mark.parametrize("scheme", ["kolen_pollack", "burstprop"])
def test_where_both_decay_their_difference_shrinks_by_it_at_every_presentation(
    symmetry, scheme
):
    # To rounding of 143 updates; bursts are differences of rates near their average.
    left = 0.998**symmetry.presentation
    found = symmetry.difference.sel(scheme=scheme)
    np.testing.assert_allclose(found / left, 1.0, rtol=1e-10)


def test_without_decay_the_difference_stays_and_the_angle_still_falls(symmetry):
    amit = symmetry.sel(scheme="amit")
    np.testing.assert_allclose(amit.difference, 1.0, rtol=1e-12)
    assert (amit.angle[-1] < amit.angle[0]).all()


def test_fixed_feedback_stays_while_forward_weights_turn(symmetry):
    fixed = symmetry.sel(scheme="feedback_alignment")
    assert (abs(fixed.angle[-1] - fixed.angle[0]) > 0.1).all()


def test_the_mirror_turns_feedback_before_anything_is_learned(symmetry):
    angles = symmetry.angle.sel(look=3).mean("layer")
    assert int(symmetry.presentation[3]) < 50
    assert float(angles.sel(scheme="weight_mirror")) < 0.8 * float(
        angles.sel(scheme="feedback_alignment")
    )


def test_schemes_of_errors_start_from_the_same_weights(symmetry):
    first = symmetry.isel(look=0, scheme=slice(0, 4))
    for name in ("angle", "error_rate"):
        np.testing.assert_array_equal(first[name], first[name][[0]].values.repeat(4, 0))


def test_with_transposed_feedback_the_update_is_the_gradient_and_decay_is_no_error():
    from circuits import initial_weights

    train = digits().splits["train"]
    circuit = SCHEMES["kolen_pollack"].circuit(
        (64, 6, 5, 10), learning_rate=0.5, decay=2e-3, seed=0
    )
    weights = initial_weights(circuit)
    for above, here in (("output", "hidden2"), ("hidden2", "hidden1")):
        weights[f"{above}_to_{here}_apical"] = weights[f"{here}_to_{above}_basal"].T
    for forward, back in forward_and_feedback(circuit, weights):
        np.testing.assert_array_equal(forward.T, back)
    assert max(update_angles(circuit, weights, train)) < 1e-5


def test_looks_begin_at_the_start_and_end_at_the_end():
    assert look_times(100, 5).tolist() == [0, 1, 5, 22, 100]
    assert look_times(3, 50).tolist() == [0, 1, 2, 3]


def test_headline_figures_are_the_angles_at_the_end(tree, symmetry):
    figures = json.loads(tree.attrs["headline_json"])
    for name in SCHEMES:
        last = symmetry.angle.sel(scheme=name)[-1].mean()
        assert figures[f"angle_deg_{name}"]["value"] == pytest.approx(float(last))
    for name in ("kolen_pollack", "burstprop"):
        assert figures[f"{name}_max_deviation"]["value"] < 1e-10


def test_a_scheme_without_feedback_of_its_own_is_refused():
    with pytest.raises(ConfigError, match="schemes, item 1: expected one of"):
        weight_symmetry(schemes=("backprop",))
