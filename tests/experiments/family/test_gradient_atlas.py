"""The gradient-atlas experiment: exact schemes, own circuits, tree and picture."""

import json
from pathlib import Path

import numpy as np
import pytest

import circuits
import experiments
from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from experiments.family import scheme
from experiments.family.gradient_atlas import gradient_atlas
from experiments.family.table import SCHEMES

SMALL = {"hidden": (4,), "examples": 5, "learning": 20, "networks": 2}


def mine(sizes):
    """Backprop under another name, with other numbers."""
    return circuits.algorithms.backprop(
        sizes, phi="tanh", output_phi="logistic", loss="cross_entropy", seed=9
    )


@pytest.fixture(scope="module")
def tree():
    return gradient_atlas(rules=("backprop", "shallow"), circuits=(mine,), **SMALL)


@pytest.fixture(scope="module")
def atlas(tree):
    return tree["atlas"].to_dataset()


def test_the_tree_is_valid_and_reopens_as_it_was(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)
    kept = json.loads(tree.attrs["config_json"])
    assert (kept["rules"], kept["circuits"]) == (["shallow", "backprop"], ["mine"])


def test_backprop_is_the_gradient_before_and_after_learning(atlas):
    exact = atlas.sel(scheme=["backprop", "mine"])
    # Updates of 1e-3 are read off weights of 1: relative errors of 1e-13, in radians.
    assert float(exact.angle.max()) < 1e-9
    np.testing.assert_allclose(exact.size_ratio, 1.0, rtol=1e-11)


def test_hidden_layers_of_shallow_learning_have_no_direction(atlas):
    shallow = atlas.sel(scheme="shallow")
    assert (shallow.angle.sel(layer="hidden1") == 90.0).all()
    assert (shallow.size_ratio.sel(layer="hidden1") == 0.0).all()
    assert float(shallow.angle.sel(layer="output").max()) < 1e-9


def test_learning_moves_the_weights_that_are_looked_at(monkeypatch):
    seen = []
    monkeypatch.setattr(
        scheme.Scheme,
        "gradient",
        lambda self, circuit, weights, x, t: (
            seen.append(weights) or circuits.negative_gradient(circuit, weights, x, t)
        ),
    )
    gradient_atlas(rules=("backprop",), **{**SMALL, "networks": 1})
    start, learned = (w["hidden1_to_output_basal"] for w in seen)
    assert np.abs(learned - start).max() > 1e-3


def test_headline_figures_are_means_of_the_first_hidden_layer(tree, atlas):
    figures = json.loads(tree.attrs["headline_json"])
    for name in ("shallow", "backprop", "mine"):
        one = atlas.sel(scheme=name, layer="hidden1").mean("replica")
        start, learned = one.sel(state="start"), one.sel(state="learned")
        wanted = {
            f"angle_deg_{name}_hidden1": start.angle,
            f"size_ratio_{name}_hidden1": start.size_ratio,
            f"angle_deg_{name}_hidden1_learned": learned.angle,
        }
        for key, value in wanted.items():
            assert figures[key]["value"] == pytest.approx(float(value), rel=1e-12)


def test_a_row_says_what_hidden_cells_are_told_and_at_what_cost(atlas):
    assert atlas.information.values.tolist() == ["none", "vector", "own"]
    assert atlas.phases.values.tolist() == [2, 2, 2]
    assert set(atlas.loss.values) == {"cross entropy"}


def test_nothing_is_learned_where_nothing_is_asked_for():
    found = gradient_atlas(rules=("backprop",), **{**SMALL, "learning": 0})
    assert found["atlas"].state.values.tolist() == ["start"]
    experiments.plot(found)


def test_the_command_leaves_a_result_and_a_picture(run):
    words = "--rules backprop --hidden 4 --examples 5 --learning 0 --networks 1"
    code, out, _ = run("run", "gradient-atlas", *words.split(), "--out", "g.nc")
    assert code == 0
    assert open_run("g.nc").attrs["experiment"] == "gradient-atlas"
    assert "angle_deg_backprop_hidden1" in out and "g.png" in out


def test_functions_cannot_be_typed(run):
    code, _, err = run("run", "gradient-atlas", "--circuits", "mine")
    assert code == 2 and "--circuits" in err


def backprop(sizes):
    return mine(sizes)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rules": ("backprob",)}, "did you mean 'backprop'"),
        ({"circuits": (backprop,)}, "name 'backprop' is that of a scheme"),
        ({"circuits": (lambda: 0,)}, "must be a function of the layer sizes"),
        ({"circuits": (3,)}, "function"),
    ],
)
def test_what_cannot_take_part_is_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        gradient_atlas(**given)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda sizes: sizes, "circuits: lambda: expected a Circuit"),
        (
            lambda sizes: circuits.layered(sizes, reference=False),
            "has no reference network",
        ),
    ],
)
def test_functions_are_tried_before_anything_is_learned(monkeypatch, function, message):
    monkeypatch.setattr(scheme.Scheme, "gradient", None)
    with pytest.raises(ConfigError, match=message):
        gradient_atlas(rules=("shallow",), circuits=(function,), **SMALL)


def test_stored_orders_are_those_of_the_limits_within_five_percent():
    stored = Path(__file__).parents[3] / "docs" / "results" / "gradient-atlas.nc"
    found = open_run(stored)["atlas"].to_dataset()
    limits = [name for name, row in SCHEMES.items() if row.limit is not None]
    assert len(limits) == 5
    one = found.sel(scheme=limits)
    assert float(abs(one.order / one.order_expected - 1.0).max()) < 0.05


@pytest.mark.parametrize("row", SCHEMES.values(), ids=SCHEMES)
def test_a_row_of_the_table_fits_its_algorithm(row):
    assert row.information in scheme.INFORMATION
    assert {*row.tasks} <= {"atlas", "compare"}
    circuit = row.circuit([4, 3, 2])
    assert row.loss_of(circuit)
    if row.limit is not None:
        for value in row.limit.values:
            row.circuit([4, 3, 2], **row.limit.options(value))
