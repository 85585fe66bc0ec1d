"""The burst-multiplexing experiment: table, errors, stepped currents, tree."""

import json

import numpy as np
import pytest
from reference import naud_sprekeler_twin as twin
from reference.burst_multiplexing import ensembles

import dendrites as dn
from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from dendrites.models import naud_sprekeler
from experiments.bursts.burst_ensemble import Noise, run_ensembles
from experiments.bursts.burst_multiplexing import burst_multiplexing
from experiments.bursts.burst_statistics import (
    DIGIT,
    TABLE,
    TABLE_APICAL,
    TABLE_CELLS,
    deviation,
    main_effects,
    mean_share_and_error,
    rate_and_error,
    share_and_error,
)
from experiments.bursts.stepped_currents import correlations, square_wave, stepped

SMALL = {
    "soma_currents": (600.0, 200.0),
    "apical_currents": (-200.0, 200.0, 600.0),
    "cells": 30,
    "settling": 100.0,
    "duration": 500.0,
    "stepped_cells": 60,
    "stepped_duration": 1000.0,
    "threads": 1,
}
NOISE = Noise(450.0, 2.0)
WITHOUT_NOISE = {"cells": 1, "noise": 0.0, "settling": 100.0, "duration": 500.0}


@pytest.fixture(scope="module")
def tree():
    return burst_multiplexing(**SMALL)


@pytest.fixture(scope="module")
def found(tree):
    return tree["multiplexing"].to_dataset()


def test_the_tree_is_valid_and_reopens_as_it_was(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)
    assert tree["multiplexing"].soma_current.units == "pA"
    assert tree["steps"]["bin"].units == "ms"


def test_threads_and_other_currents_do_not_change_a_result(found):
    again = burst_multiplexing(
        **{**SMALL, "threads": 2, "soma_currents": (200.0,), "seeds": 1}
    )["multiplexing"].to_dataset()
    for name in ("event_rate", "burst_rate", "spike_rate", "burst_probability"):
        np.testing.assert_array_equal(
            again[name], found[name].sel(soma_current=[200.0], seed=[0])
        )


def test_counts_are_those_of_spikes_parsed_plainly(found):
    # One pair of currents again, by another way: simulate, and a parser of its own.
    trains = run_ensembles(
        [600.0], [200.0], n_steps=6000, cells=30, noise=NOISE, dt=0.1, seed=1
    )
    time, cell = trains.spikes
    counts = np.zeros((3, 30))
    for k in range(30):
        steps = np.rint(time[cell == k] / 0.1).astype(int)
        events, bursts = twin.parse(steps.tolist(), 160, "strict")
        for row, of in enumerate((steps, events, bursts)):
            counts[row, k] = (np.asarray(of, int) > 1000).sum()
    at = found.sel(soma_current=600.0, apical_current=200.0, seed=1)
    spikes, events, bursts = counts.sum(axis=1)
    assert events > bursts > 30
    assert int(at.n_events) == events
    assert float(at.spike_rate) == pytest.approx(spikes / 15.0)
    assert float(at.burst_rate) == pytest.approx(bursts / 15.0)
    assert float(at.burst_probability) == pytest.approx(bursts / events)


def test_currents_reach_their_compartments_in_their_steps():
    # Without noise an ensemble is one cell under the same courses.
    def soma(first, count):
        return 600.0 * (first + np.arange(count) >= 700)[:, np.newaxis]

    def apical(first, count):
        return 200.0 * (first + np.arange(count) >= 1500)[:, np.newaxis]

    quiet = Noise(0.0, 2.0)
    trains = run_ensembles(
        soma, apical, n_steps=4000, cells=2, noise=quiet, dt=0.1, seed=0
    )
    expected = dn.simulate(
        naud_sprekeler(),
        soma=dn.step(600.0, start=70.0),
        apical=dn.step(200.0, start=150.0),
        duration=400.0,
        dt=0.1,
    )["spikes/cell"].spike_time.values
    assert len(expected) == 7
    for k in (0, 1):
        found = trains.spikes[0][trains.spikes[1] == k]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_events_follow_the_soma_and_bursts_the_dendrite_below_the_breakdown(found):
    below = found.sel(apical_current=[-200.0, 200.0])
    low, high = (below.sel(soma_current=x) for x in (200.0, 600.0))
    # 30 s of cells: errors of counts of at most 0.65 Hz, differences of 4 and 10 Hz;
    # probabilities rise by more than 0.5, with errors below 0.06.
    assert (high.event_rate_all > low.event_rate_all + 2.0).all()
    rise = below.burst_probability_all.diff("apical_current")
    assert (rise > 0.4).all()
    at_breakdown = found.soma_contrast.sel(apical_current=600.0)
    assert abs(float(at_breakdown)) < 0.15 < float(found.soma_contrast[0])


@pytest.mark.slow
def test_rates_and_probabilities_are_those_of_the_table():
    tree = burst_multiplexing(
        apical_currents=(-200.0, 0.0, 200.0, 400.0, 600.0),
        seeds=1,
        stepped_cells=2,
        stepped_duration=1000.0,
    )
    grid = tree["multiplexing"]
    for name in ("event_rate_z", "burst_probability_z", "cell_probability_z"):
        # Of 15 normal values one in 140 samples has one above 3.5.
        assert np.isfinite(grid[name]).all()
        assert float(abs(grid[name]).max()) < 3.5
    # Mean squares of 15 normal values: 1 with a standard deviation of sqrt(2 / 15).
    for name in ("event_rate_z", "burst_probability_z", "cell_probability_z"):
        assert float((grid[name] ** 2).mean()) < 1.0 + 4.0 * np.sqrt(2 / 15)


def test_the_plain_program_counts_as_one_cell_at_a_time():
    """Without noise, under a soma and a dendrite that are at their currents at once."""
    currents = [(400.0, 0.0), (600.0, 400.0), (0.0, 200.0)]
    events, bursts = ensembles(*zip(*currents, strict=True), seed=0, **WITHOUT_NOISE)
    for k, (soma, apical) in enumerate(currents):
        cell = twin.run(np.full(6000, soma), np.full(6000, apical))
        spikes = np.flatnonzero(cell["spikes"]).tolist()
        found = twin.parse(spikes, 160, "strict")
        counts = [np.sum(np.array(steps) >= 1000) for steps in found]
        assert [events[k, 0], bursts[k, 0]] == counts
    assert events[:, 0].min() == 0 < bursts[:, 0].max()


@pytest.mark.slow
def test_the_table_is_what_the_plain_program_prints():
    pairs = [(soma, apical) for soma in TABLE for apical in TABLE_APICAL]
    run = {"cells": TABLE_CELLS, "seed": 1, "duration": 2000.0}
    events, bursts = ensembles(*zip(*pairs, strict=True), **run)
    found = events.mean(1) / 2.0, bursts.sum(1) / events.sum(1)
    each = np.nanmean(bursts / np.where(events, events, np.nan), axis=1)
    table = [np.ravel(x) for x in zip(*TABLE.values(), strict=True)]
    np.testing.assert_array_equal(np.round([*found, each], 3), table)


# Statistics


def test_the_error_of_a_share_of_independent_events_is_binomial():
    rng = np.random.default_rng(0)
    events = rng.poisson(20.0, (400, 300))
    bursts = rng.binomial(events, 0.3)
    share, error = share_and_error(bursts, events)
    # The spread of 400 samples is known to 1/sqrt(800).
    assert error.mean() == pytest.approx(share.std(ddof=1), rel=4 / np.sqrt(800))
    binomial = np.sqrt(0.3 * 0.7 / events.sum(axis=1))
    assert error.mean() == pytest.approx(binomial.mean(), rel=0.01)


def test_cells_that_differ_widen_the_error_of_a_share():
    events = np.full((1, 100), 10)
    bursts = np.where(np.arange(100) < 50, 10, 0)[np.newaxis]
    share, error = share_and_error(bursts, events)
    # Half the cells burst always: as uncertain as 100 tosses, not 1000.
    assert share[0] == 0.5
    assert error[0] == pytest.approx(np.sqrt(0.25 / 99), rel=1e-12)


def test_a_rate_has_the_error_of_its_cells():
    mean, error = rate_and_error(np.array([[2, 4, 6]]), 2.0)
    assert mean[0] == 2.0
    assert error[0] == pytest.approx(2.0 / np.sqrt(3) / 2.0)


def test_silent_cells_have_no_share():
    share, error = share_and_error(np.zeros((1, 5)), np.zeros((1, 5)))
    assert np.isnan(share[0]) and np.isnan(error[0])


def test_a_mean_of_shares_weighs_cells_equally_and_leaves_out_silent_ones():
    bursts, events = np.array([[1, 0, 0, 3]]), np.array([[1, 9, 0, 6]])
    mean, error = mean_share_and_error(bursts, events)
    assert mean[0] == pytest.approx(0.5)
    assert error[0] == pytest.approx(0.5 / np.sqrt(3))
    assert share_and_error(bursts, events)[0][0] == pytest.approx(0.25)
    assert np.isnan(mean_share_and_error(bursts[:, :1], events[:, :1])[1]).all()


def test_main_effects_split_the_variance_of_a_table():
    rows, columns = np.array([[0.0], [3.0]]), np.array([[0.0, 1.0, 2.0]])
    assert main_effects(rows + 0 * columns) == pytest.approx((1.0, 0.0))
    # Variances 9/4 and 2/3.
    by_row, by_column = main_effects(rows + columns)
    assert by_row == pytest.approx(2.25 / (2.25 + 2 / 3))
    assert by_row + by_column == pytest.approx(1.0)
    assert sum(main_effects(np.array([[1.0, -1.0], [-1.0, 1.0]]))) == 0.0
    assert np.isnan(main_effects(np.ones((2, 2)))).all()


def test_a_deviation_counts_the_errors_of_both_samples():
    # As many cells as the table: twice the variance; rounding adds digit^2 / 12.
    z = deviation(5.0, 0.3, 600, 4.0)
    assert z == pytest.approx(1.0 / (0.3 * np.sqrt(2.0)), rel=1e-6)
    assert deviation(5.0, 0.0, 600, 4.0) == pytest.approx(np.sqrt(12.0) / DIGIT)


def test_the_table_is_met_only_under_its_own_noise_and_duration(tree, found):
    assert np.isnan(found.event_rate_z).all()
    assert "event_rate_rms_deviation" not in json.loads(tree.attrs["headline_json"])


# Stepped currents


def test_square_waves_take_every_combination_equally_long():
    time = np.arange(0, 4000.0) + 0.5
    soma = square_wave(time, (0, 1), 500.0, 0.0)
    apical = square_wave(time, (0, 1), 1000.0, 250.0)
    assert np.bincount(2 * soma + apical).tolist() == [1000] * 4
    assert soma[499] == 0 and soma[500] == 1
    assert apical[749] == 0 and apical[750] == 1 and apical[1750] == 0


def test_events_and_bursts_fall_into_their_bins(tree):
    steps = tree["steps"].to_dataset()
    trains = run_ensembles(
        lambda first, n: np.where(first + np.arange(n) < 5000, 200.0, 600.0)[:, None],
        lambda first, n: np.where(first + np.arange(n) < 7500, 0.0, 200.0)[:, None],
        n_steps=10000,
        cells=60,
        noise=NOISE,
        dt=0.1,
        seed=0,
    )
    for name, (time, _) in (
        ("event_rate", trains.events),
        ("burst_rate", trains.bursts),
    ):
        # A spike stamped on an edge belongs to the bin before it.
        edges = np.arange(21) * 50.0 + 0.05
        expected = np.histogram(time, edges)[0] / (60 * 0.05)
        np.testing.assert_allclose(steps[name], expected, rtol=1e-12)
    assert steps.event_rate.sum() > 0
    np.testing.assert_array_equal(steps.soma_current, np.repeat([200.0, 600.0], 10))
    np.testing.assert_array_equal(
        steps.apical_current, np.repeat([0.0, 200.0], [15, 5])
    )


def test_two_currents_are_read_out_of_one_ensemble():
    steps = stepped(
        np.array([200.0, 600.0]),
        np.array([0.0, 200.0]),
        duration=2000.0,
        bin_width=50.0,
        cells=200,
        noise=NOISE,
        dt=0.1,
        seed=3,
    )
    found = correlations(steps)
    assert found["event_rate_with_soma_current"] > 0.6
    assert found["burst_probability_with_apical_current"] > 0.6
    assert abs(found["burst_probability_with_soma_current"]) < 0.45
    assert abs(found["event_rate_with_apical_current"]) < 0.45


# What cannot be asked


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"soma_currents": (200.0, 200.0)}, "soma_currents = .*none twice"),
        ({"cells": 1}, "cells: got 1, must be >= 2"),
        ({"noise": -1.0}, "noise: got -1.0, must be >= 0 pA"),
        ({"noise_tau": 0.0}, "noise_tau: got 0.0, must be > 0 ms"),
        ({"bin_width": 70.0}, "bin_width = 70 ms: whole bins"),
        (
            {"stepped_soma": (1.0, 2.0, 3.0)},
            "stepped_soma: has too many or too few values",
        ),
    ],
)
def test_impossible_questions_are_refused(given, words):
    with pytest.raises(ConfigError, match=words):
        burst_multiplexing(**given)
