"""The limits experiment: orders of schemes, how they are told, tree."""

import json

import numpy as np
import pytest

from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from experiments.learning.limit_table import LIMITS
from experiments.learning.limits import NAMES, limits, order_of

SMALL = {"values": (0.03, 0.01, 0.003), "cells": 3, "examples": 2, "networks": 1}
QUICK = ("recirculation", "target_propagation")


@pytest.fixture(scope="module")
def tree():
    return limits(rules=QUICK, **SMALL)


@pytest.fixture(scope="module")
def found(tree):
    return tree["limits"].to_dataset()


def check_orders(found):
    # The next power of the parameter changes slopes by a few percent.
    order = found.order.mean("replica")
    np.testing.assert_allclose(order, found.expected, rtol=0.05)


def test_errors_fall_with_the_exact_order(found):
    check_orders(found)
    assert (found.error.max() < 0.1) & (found.error.min() > 1e-5)


@pytest.mark.slow
def test_errors_of_all_schemes_do():
    check_orders(limits(**SMALL)["limits"].to_dataset())


def test_an_order_is_the_slope_of_the_smallest_errors_above_rounding():
    values = np.array([0.1, 0.03, 0.01, 0.003, 0.001])
    errors = 5.0 * values**2
    errors[0] = 3.0
    assert order_of(values, errors) == pytest.approx(2.0, rel=1e-12)
    errors[-1] = 1e-9
    assert order_of(values, errors) == pytest.approx(2.0, rel=1e-12)
    assert np.isnan(order_of(values, np.full(5, 1e-12)))


def test_networks_differ_and_the_tree_reopens(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)
    figures = json.loads(tree.attrs["headline_json"])
    assert [*figures] == [f"order_{name}" for name in QUICK]
    assert figures["order_recirculation"]["reference"] == "1"
    other = limits(rules=("recirculation",), **{**SMALL, "seed": 1})
    error = tree["limits"].error.sel(scheme="recirculation")
    assert (other["limits"].error.values != error.values).all()


def test_the_table_names_what_can_be_asked_for():
    assert {*NAMES} == {*LIMITS}
    with pytest.raises(ConfigError, match="rules, item 1"):
        limits(rules=("backprop",))


@pytest.mark.parametrize("values", [(0.1, 0.01), (0.1, 0.1, 0.1, 0.01)])
def test_too_few_values_tell_no_order(values):
    with pytest.raises(ConfigError, match="values: 2 different ones, must be at least"):
        limits(values=values)
