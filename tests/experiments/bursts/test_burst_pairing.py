"""The burst-pairing experiment: known curves, predictions and tree."""

import json

import numpy as np
import pytest
from reference import naud_sprekeler_twin as twin

from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from experiments.bursts import burst_protocols
from experiments.bursts.burst_pairing import burst_pairing
from experiments.bursts.burst_steering import steer

SMALL = {
    "frequencies": (10, 50, 70, 100),
    "rates": (5.0, 20.0, 40.0),
    "event_rates": (10.0,),
    "probabilities": (0.0, 0.2, 0.4),
    "duration": 20.0,
    "realisations": 30,
    "cells": 4,
    "segment": 2,
}


@pytest.fixture(scope="module")
def tree():
    return burst_pairing(**SMALL)


def test_the_tree_is_valid_and_reopens_as_it_was(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)


def test_periodic_pairings_give_the_known_changes(tree):
    figures = json.loads(tree.attrs["headline_json"])
    for frequency in SMALL["frequencies"]:
        figure = figures[f"dw_{frequency}hz"]
        by_event = twin.periodic_pairings(float(frequency))
        assert figure["reference"] == f"{by_event:+.4f}"
        # Sequences begin at whole steps in the circuit: at most half a step of 1 ms
        # apart, of averages that decay in 15 s. What is gained and lost is below one.
        assert figure["value"] == pytest.approx(by_event, abs=0.5 / 15_000.0)
    found = tree["periodic"]
    # 200,000 factors exp(-dt / tau), each rounded to 1e-16.
    np.testing.assert_allclose(found.weight_change, found.predicted, rtol=3e-11)


@pytest.mark.parametrize("name", ["poisson", "burst_poisson"])
def test_random_trains_follow_the_closed_form(tree, name):
    found = tree[name]
    change = found.weight_change
    error = change.std("realisation", ddof=1) / np.sqrt(SMALL["realisations"])
    # Fluctuations of the averages add 2 % of the largest terms.
    slack = 3.5 * error + 0.02 * abs(found.predicted).max()
    assert bool((abs(change.mean("realisation") - found.predicted) < slack).all())


def test_the_sign_follows_the_burst_probability(tree):
    change = tree["burst_poisson"].weight_change.mean("realisation")
    low, _, high = change.sel(event_rate=10.0).values
    assert low < 0.0 < high


def test_the_closed_form_vanishes_where_the_probability_is_the_expected_one():
    dt = 0.5
    p = 1.0 - 0.7 ** (1.0 / 31.0)
    rate = 1000.0 * p / dt
    args = (1e5, dt)
    assert abs(burst_protocols.poisson_prediction(rate, 0.3, *args)) < 1e-12
    assert burst_protocols.poisson_prediction(rate, 0.29, *args) > 0.0
    assert burst_protocols.burst_poisson_prediction(5.0, 0.2, 0.2, 1e5) == (
        pytest.approx(0.0, abs=3e-3)
    )


def test_trains_have_their_rates_dead_times_and_burst_intervals():
    rng = np.random.default_rng(1)
    dt, n_steps = 0.5, 400_000
    (single,) = burst_protocols.burst_poisson_trains(rng, 8.0, 0.0, 1, n_steps, dt)
    assert np.diff(single).min() >= 40
    # 1600 intervals of 125 ms, 105 of them random.
    assert abs(len(single) / 200.0 - 8.0) < 4.0 * 8.0 * 0.84 / np.sqrt(1600)
    (train,) = burst_protocols.burst_poisson_trains(rng, 8.0, 0.5, 1, n_steps, dt)
    gaps = np.diff(train)
    short = gaps[gaps < 40]
    assert short.min() == 4 and short.max() == 24
    assert abs(len(short) / (len(train) - len(short)) - 0.5) < 4 * 0.5 / np.sqrt(1500)
    assert train.max() < n_steps


@pytest.mark.parametrize(("frequency", "dt"), [(10, 1.0), (62, 1000 / 62 / 17)])
def test_periodic_intervals_are_whole_steps(frequency, dt):
    train, step = burst_protocols.periodic_train(frequency)
    assert step == pytest.approx(dt)
    assert len(train) == 75 and train[0] == 0
    np.testing.assert_allclose(np.diff(train[:5]) * step, 1000.0 / frequency)
    assert abs(train[5] * step - (5000.0 / frequency + 11_000.0)) <= step / 2


def test_steering_without_change_of_current_repeats_for_its_seed():
    first, again, other = (
        steer([150.0] * 2, [150.0] * 2, cells=3, seed=seed) for seed in (1, 1, 2)
    )
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(first.weight, other.weight)
    assert np.all((first.event_rate > 2.0) & (first.event_rate < 15.0))


@pytest.mark.slow
def test_apical_input_steers_weights_of_its_own_cells_only():
    found = burst_pairing(
        frequencies=(10,),
        rates=(5.0,),
        expected=(0.3,),
        event_rates=(5.0,),
        probabilities=(0.2,),
        duration=1.0,
        realisations=2,
        cells=30,
        segment=15,
    )["segments"]
    change, error = found.weight_change.values, found.weight_change_error.values
    assert change[1] > 3 * error[1]
    assert change[3] < -3 * error[3]
    assert np.all(np.abs(change[5:]) < 4 * error[5:])
    # Events stay, bursts follow: 150 pA by 1.5 and 0.55.
    assert found.event_rate.values.std() < 0.05 * found.event_rate.values.mean()
    p = found.burst_probability.values
    assert p[3] + 0.05 < p[[0, 2, 4]].min() and p[[0, 2, 4]].max() + 0.05 < p[1]


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        ({"duration": -1.0}, "duration: got -1.0, must be > 0 s"),
        ({"cells": 1}, "cells: got 1, must be >= 2"),
        ({"realisations": 1}, "realisations: got 1, must be >= 2"),
        ({"segment": 2.5}, "segment: .* got the number 2.5"),
        ({"event_rates": (30.0,)}, "event_rates, item 1: got 30.0, must be <= 25 Hz"),
        ({"probabilities": (0.5, 1.5)}, "probabilities, item 2: got 1.5, must be <= 1"),
        ({"rates": ()}, "rates: needs at least one value"),
    ],
)
def test_impossible_arguments_are_refused_before_anything_runs(bad, text):
    with pytest.raises(ConfigError, match=text):
        burst_pairing(**{**SMALL, **bad})
