"""The scalar-feedback experiment: the law of N + 2 in learning, tree."""

import json

import numpy as np
import pytest

from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from experiments.learning.scalar_feedback import SCHEMES, scalar_feedback, time_to

SMALL = {"cells": (4, 12), "inputs": 2, "networks": 30, "left": 0.3}


@pytest.fixture(scope="module")
def tree():
    return scalar_feedback(**SMALL)


@pytest.fixture(scope="module")
def times(tree):
    return tree["times"].to_dataset()


def test_what_moves_are_weights_or_cells(times):
    assert times.moving.values.tolist() == [[8.0, 24.0], [4.0, 12.0]]
    np.testing.assert_allclose(times.shrinks_expected, 1.0 / (times.moving + 2.0))


def test_the_mean_loss_shrinks_by_one_in_n_plus_two(tree, times):
    # 30 networks; the spread of the log of the loss is sqrt(2 t) / N after t steps.
    ratio = times.presentations / times.expected
    np.testing.assert_allclose(ratio, 1.0, atol=0.25)
    early = tree["curves"].loss.sel(presentation=3)
    wanted = (1.0 - 1.0 / (times.moving + 2.0)) ** 3
    np.testing.assert_allclose(early, wanted, atol=0.12)


def test_times_grow_with_what_moves_and_not_with_the_weights_of_a_cell(times):
    weights, nodes = times.presentations.values
    assert (weights > nodes).all() and (np.diff(weights) > 0).all()
    more = scalar_feedback(**{**SMALL, "cells": (4,), "inputs": 3})["times"]
    node = more.presentations.sel(scheme="node_perturbation", size=4)
    assert float(node) == pytest.approx(nodes[0], rel=0.4)


def test_a_time_lies_between_two_presentations():
    assert time_to(np.array([1.0, 0.5, 0.25]), 0.5 * 2**-0.5) == pytest.approx(1.5)
    assert np.isnan(time_to(np.array([1.0, 0.9]), 0.1))


def test_the_tree_is_valid_and_its_headline_holds_exponents(tree, times, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")) is not None
    figures = json.loads(tree.attrs["headline_json"])
    assert [*figures] == ["exponent", "exponent_node_perturbation", "max_deviation"]
    x, y = (times[k].sel(scheme=[*SCHEMES][0]) for k in ("moving", "presentations"))
    slope = np.diff(np.log(y)) / np.diff(np.log(x + 2.0))
    assert figures["exponent"]["value"] == pytest.approx(float(slope[0]))


@pytest.mark.parametrize("bad", [{"left": 1.0}, {"cells": (0,)}, {"inputs": 0}])
def test_impossible_layers_are_refused(bad):
    with pytest.raises(ConfigError, match=next(iter(bad))):
        scalar_feedback(**bad)
