"""The signed-errors experiment: theory, exact sizes, tree."""

import json

import numpy as np
import pytest

from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from dendrites.transfer import IDENTITY, RELU, TANH
from experiments.learning.error_sizes import error_sizes, mean_square, variances
from experiments.learning.signed_errors import circuit_of, errors_of, signed_errors

SMALL = {
    "gains": (0.5, 3.0),
    "hidden": 3,
    "cells": 40,
    "output_error": 0.2,
    "examples": 20,
    "networks": 2,
}


@pytest.fixture(scope="module")
def tree():
    return signed_errors(**SMALL)


@pytest.fixture(scope="module")
def errors(tree):
    return tree["errors"].to_dataset()


def test_means_over_a_normal_variable_are_its_moments():
    assert mean_square(IDENTITY.rate, 2.5) == pytest.approx(2.5, rel=1e-12)
    # sech^4 of a wide normal variable: density at 0 times the integral, 4/3.
    wide = mean_square(TANH.slope, 30.0**2)
    density = 1.0 / (30.0 * np.sqrt(2.0 * np.pi))
    assert wide == pytest.approx(density * 4.0 / 3.0, rel=2e-3)


def test_linear_errors_change_by_the_gain_and_rectified_ones_by_the_root_of_its_half():
    np.testing.assert_allclose(
        error_sizes(IDENTITY, 1.5, 1.0, 4), 1.5 ** np.arange(4.0, 0.0, -1), rtol=1e-12
    )
    np.testing.assert_allclose(variances(IDENTITY, 2.0, 3.0, 2), [12.0, 48.0])
    steps = error_sizes(RELU, np.sqrt(2.0), 1.0, 5)
    np.testing.assert_allclose(steps, np.sqrt(2.0), rtol=1e-12)


def test_errors_of_the_circuit_are_those_of_its_weights():
    import circuits
    from dendrites.random import generator

    options = {"hidden": 3, "cells": 6, "phi": "tanh", "baseline": 1.0, "seed": 4}
    shown = {**options, "output_error": 0.3, "examples": 5}
    found = errors_of("backprop", 1.5, **shown)
    circuit = circuit_of("backprop", 1.5, **options)
    weights = circuits.initial_weights(circuit)
    names = [layer.projection for layer in circuit.network.layers]
    rate, slopes = generator(4, "signed_errors/input").normal(size=(5, 6)), []
    for name in names[:-1]:
        rate = np.tanh(rate @ weights[name].T)
        slopes.append(1.0 - rate**2)
    back = 0.3 * generator(4, "signed_errors/error").normal(size=(5, 6))
    for k in (2, 1, 0):
        back = back @ weights[names[k + 1]]
        assert found["size"][k] == pytest.approx(np.sqrt(np.mean(back**2)) / 0.3)
        assert found["positive"][k] == np.mean(back > 0)
        back = back * slopes[k]


def test_wide_layers_follow_the_theory(errors):
    # 40 cells, 20 examples, 2 networks: errors of a layer are known to 5 %.
    for scheme in ("backprop", "feedback_alignment"):
        ratio = errors["size"].sel(scheme=scheme).mean("replica") / errors.expected
        np.testing.assert_allclose(ratio, 1.0, atol=0.25)


def test_small_gains_vanish_and_large_ones_explode_unless_errors_come_directly(errors):
    low, high = errors["size"].sel(layer="hidden1"), errors["size"].sel(layer="hidden3")
    ratio = (low / high).mean("replica")
    direct = ratio.sel(scheme="direct_feedback_alignment")
    np.testing.assert_allclose(direct, 1.0, atol=0.15)
    chained = ratio.drop_sel(scheme="direct_feedback_alignment")
    assert (chained.sel(gain=0.5) < 0.4).all()
    assert (chained.drop_sel(scheme="error_network").sel(gain=3.0) > 1.2).all()


def test_rates_around_a_baseline_lose_what_is_below_minus_the_baseline(errors):
    # A baseline of 5 deviations of the outputs loses 3e-7 of them.
    same = errors["size"].sel(gain=0.5)
    np.testing.assert_allclose(
        same.sel(scheme="error_network"), same.sel(scheme="backprop"), rtol=1e-3
    )
    assert float(errors.lost.sel(gain=0.5).max()) < 1e-3
    assert 0.05 < float(errors.lost.sel(gain=3.0, layer="hidden1").mean()) < 0.5
    high = SMALL | {"baseline": 1e3, "networks": 1}
    whole = signed_errors(**high)["errors"].to_dataset().isel(replica=0)
    assert float(whole.lost.max()) == 0.0
    np.testing.assert_allclose(
        whole["size"].sel(scheme="error_network"),
        whole["size"].sel(scheme="backprop"),
        rtol=1e-9,  # of rates near 1000, rounding is 1e-13 of the baseline
    )


def test_errors_have_either_sign(errors):
    assert (abs(errors.positive.mean("replica") - 0.5) < 0.15).all()


def test_the_tree_is_valid_and_its_headline_are_factors_per_layer(
    tree, errors, tmp_path
):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)
    figures = json.loads(tree.attrs["headline_json"])
    ends = errors["size"].sel(scheme="backprop", gain=3.0).isel(layer=[0, -1])
    factor = np.sqrt(ends[:, 0] / ends[:, 1]).mean()
    assert figures["factor_backprop_largest_gain"]["value"] == pytest.approx(
        float(factor)
    )


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        ({"gains": (0.0,)}, "gains"),
        ({"phi": "logistic"}, "phi"),
        ({"hidden": 1}, "hidden"),
    ],
)
def test_impossible_networks_are_refused(bad, text):
    with pytest.raises(ConfigError, match=text):
        signed_errors(**bad)
