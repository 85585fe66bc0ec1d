"""plateau-angle: updates against backpropagation, tree, picture."""

import json

import numpy as np
import pytest

from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError, ModelError
from experiments.options import experiment_options
from experiments.plateaus.plateau_angle import backpropagated, plateau_angle
from experiments.plateaus.watched import Means
from tests.reference import guerguiev_twin as twin

SMALL = {"task": "digits", "images": 45, "hidden": 15, "stretch": 20, "summed": 10}


@pytest.fixture(scope="module")
def tree():
    return plateau_angle(**SMALL, networks=2)


def test_the_tree_is_valid_and_holds_every_image(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)
    found = tree["alignment"].to_dataset()
    assert found.angle.shape == (2, 2, 45)
    assert found.examples_seen.values.tolist() == [20, 40, 45]
    assert found.examples_summed.values.tolist() == [10, 20, 30, 40]
    angle = found.angle.values
    np.testing.assert_array_equal(
        found.angle_median[..., 1], np.median(angle[..., 20:40], axis=-1)
    )
    assert ((angle > 0) & (angle < 180)).all()
    assert len(np.unique(angle)) == angle.size


def test_headline_figures_are_means_over_networks_of_the_last_stretch(tree):
    headline = json.loads(tree.attrs["headline_json"])
    found = tree["alignment"].to_dataset()
    for word, sent in (("spiking", "spikes"), ("rate", "rate")):
        last = found.angle_median.sel(fed_back=sent)[:, -1]
        assert headline[f"angle_deg_{word}"]["value"] == float(last.mean())
        summed = found.angle_sum.sel(fed_back=sent)[:, -1]
        assert headline[f"angle_deg_{word}_summed"]["value"] == float(summed.mean())
        assert headline[f"angle_deg_{word}"]["reference"]


def test_the_reference_is_backpropagation_of_the_mean_field_network():
    # With the means of a network without spikes it is that network's gradient.
    rng = np.random.default_rng(0)
    W = [rng.normal(size=(6, 5)), rng.normal(size=(3, 6))]
    b = [rng.normal(size=6), rng.normal(size=3)]
    rates, taught = rng.uniform(0, 0.2, 5), rng.uniform(0, 0.2, 3)
    hidden, output = twin.mean_field(W, b, rates, kernel_sum=1.0)
    means = Means(
        active=rates,
        plateau_forward=[],
        plateau_target=[],
        slope=[twin.sigma_slope(hidden), twin.sigma_slope(output)],
        rate_forward=[],
        rate_target=taught,
        predicted=twin.PHI_MAX * twin.sigma(output),
    )
    _, (expected, _) = twin.backprop_update(W, b, rates, taught, kernel_sum=1.0)
    found = backpropagated(means, W[1])
    np.testing.assert_allclose(found / found[0], expected / expected[0], rtol=1e-12)
    assert np.sign(found[0]) == np.sign(expected[0])


def test_transposed_feedback_is_closer_to_backpropagation_than_random(tree):
    found = plateau_angle(**SMALL, fed_back=("spikes",), feedback="symmetric")
    random = tree["alignment"].angle.sel(fed_back="spikes", replica=0)
    # Random weights start at 90 degrees.
    assert float(found["alignment"].angle.median()) < 60 < float(random.median())


def test_one_seed_gives_the_same_bits_twice(tree):
    again = plateau_angle(**SMALL, networks=2)["alignment"].to_dataset()
    assert again.identical(tree["alignment"].to_dataset())


def test_impossible_options_are_refused():
    with pytest.raises(ConfigError, match="more than there are images"):
        plateau_angle(**{**SMALL, "summed": 46})
    with pytest.raises(ModelError, match="fed_back = 'spikes'"):
        plateau_angle(**SMALL, feedback="symmetric")
    with pytest.raises(ConfigError, match="expected a whole number"):
        plateau_angle(**{**SMALL, "images": 10_000})


def test_the_words_allowed_in_a_list_are_named():
    option = experiment_options(plateau_angle)["fed_back"]
    assert option.expected_item == "one of spikes, rate"
