"""The dendritic-prediction experiment: the figures of the demo, tree and picture."""

import json
from pathlib import Path

import numpy as np
import pytest

from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from experiments.command import cli
from experiments.plots.prediction import (
    dendritic_prediction as plot_dendritic_prediction,
)
from experiments.prediction.dendritic_prediction import (
    MOMENTS,
    REFERENCES,
    dendritic_prediction,
    draw_pattern,
    follow,
    matching_potential,
    taught_cell,
)
from experiments.registry import EXPERIMENTS, Experiment

SMALL = {"inputs": 30, "taught": 3, "free": 1, "dt": 0.2, "pattern": 100.0}


@pytest.fixture(scope="module")
def tree():
    """The published size, one run."""
    return dendritic_prediction()


@pytest.fixture(scope="module")
def small():
    return dendritic_prediction(**SMALL, seeds=2, seed=3)


@pytest.fixture(scope="module")
def figure(small):
    return plot_dendritic_prediction.plot(small)


@pytest.fixture
def command(run, monkeypatch):
    known = Experiment(
        "dendritic-prediction",
        "experiments.prediction.dendritic_prediction",
        "dendritic_prediction",
        "experiments.plots.prediction.dendritic_prediction",
        "",
    )
    monkeypatch.setitem(EXPERIMENTS, known.name, known)
    return lambda *words: run("run", known.name, *words)


def test_the_tree_is_valid_and_reopens_as_it_was(small, tmp_path):
    validate(small)
    assert open_run(save_run(small, tmp_path / "a.nc")).identical(small)
    assert json.loads(small.attrs["config_json"])["clip"] == "readout"


def test_the_prediction_becomes_what_it_is_with_nest(tree):
    # 45 runs of benchmarks/nest_dendritic_prediction.py: mean and standard deviation,
    # of which four are allowed.
    summary = tree["summary"].isel(replica=0)
    for name, mean, spread in (
        ("rms_mv_first", 9.37, 0.80),
        ("rms_mv_last", 4.42, 0.50),
        ("rate_error_hz_first", 46.5, 5.1),
        ("rate_error_hz_last", 20.7, 4.6),
        ("correlation_before", -0.04, 0.22),
        ("correlation_after_removal", 0.957, 0.016),
        ("rms_mv_before", 10.38, 0.68),
        ("rms_mv_after_removal", 4.57, 0.69),
        ("weight_mean", 59.9, 5.9),
        ("weight_max", 286.0, 44.0),
        ("weights_at_zero", 0.383, 0.053),
    ):
        assert abs(float(summary[name]) - mean) < 4 * spread, name


def test_figures_of_nest_are_quoted_in_the_results_as_in_the_experiment():
    docs = Path(__file__).resolve().parents[3] / "docs"
    results = (docs / "results.md").read_text()
    for name, unit in (
        ("rms_mv_first", " mV"),
        ("rms_mv_last", " mV"),
        ("rate_error_hz_last", " Hz"),
        ("correlation_after_removal", ""),
    ):
        mean = REFERENCES[name].split()[0]
        assert f"NEST: {mean}{unit}" in results


def test_the_soma_follows_its_dendrite_without_the_teacher_and_the_teacher_with_it(
    tree,
):
    learning = tree["learning"].to_dataset().isel(replica=0)
    free = learning.where(learning.taught == 0, drop=True)
    assert (free.rate_error < 5.0).all()
    taught = learning.where(learning.taught == 1, drop=True)
    assert (taught.soma_correlation > 0.97).all()


def test_inputs_without_a_spike_keep_their_weights(tree):
    found = tree["weights/input_to_output_dendrite"].to_dataset().isel(replica=0)
    silent = found.input_spikes.values == 0
    before, after = found.w.values[:, 0]
    assert 10 < silent.sum() < 60
    np.testing.assert_array_equal(after[silent], before[silent])
    assert (after[~silent] != before[~silent]).all()


def test_runs_have_patterns_and_spikes_of_their_own_seed(small):
    assert small["learning"].replica.values.tolist() == [3, 4]
    alone = dendritic_prediction(**SMALL, seed=4)
    for group in ("learning", "traces", "summary"):
        one = small[group].to_dataset().isel(replica=1)
        assert one.identical(alone[group].to_dataset().isel(replica=0))


def test_bounds_on_the_weight_itself_give_another_result():
    # Weights that drop below zero come back later where they moved on unbounded.
    found = [
        dendritic_prediction(**{**SMALL, "taught": 20}, eta=2.0, clip=clip)
        for clip in ("readout", "weights")
    ]
    w = [t["weights/input_to_output_dendrite"].w.values[0, 1] for t in found]
    assert np.abs(w[0] - w[1]).max() > 1.0
    assert all((x >= 0.0).all() for x in w)


def test_figures_of_a_presentation_are_those_of_its_samples():
    steps = np.arange(200)
    wave = np.sin(2 * np.pi * steps / 200)
    run = {
        "soma": np.stack([-60 + wave, -60 + wave]),
        "predicted_potential": np.stack([-58 + wave, np.full(200, -60.0)]),
        "matching_potential": np.stack([-60 + wave, -60 - wave]),
        "rate": np.full((2, 200), 30.0),
        "predicted_rate": np.stack([np.full(200, 20.0), np.full(200, 33.0)]),
        "spikes": np.array([0.1, 20.0, 20.1, 20.2, 40.0]),
    }
    found = {name: values for name, (values, *_) in follow(run, 0.1).items()}
    np.testing.assert_allclose(found["potential_error"], [2.0, np.sqrt(0.5)])
    np.testing.assert_allclose(found["rate_error"], [10.0, 3.0])
    np.testing.assert_allclose(found["correlation"], [1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(found["soma_correlation"], [1.0, -1.0])
    np.testing.assert_allclose(found["rate"], [30.0, 30.0])
    # Two spikes end by 20 ms, three after it.
    np.testing.assert_allclose(found["spike_rate"], [100.0, 150.0])


def test_the_matching_potential_is_that_of_the_teacher_3_ms_ago():
    p = taught_cell(
        1,
        10.0,
        eta=0.1,
        initial=1,
        largest=2,
        clip="readout",
        delay=0,
        dead_time=3,
        dt=1,
    )
    p = p.model("output").parameters
    # g_exc = 162 + 144 at a quarter of 100 ms: -75 * 540 / 846.
    assert matching_potential(np.array(28.0), p) == pytest.approx(-47.8723, abs=1e-4)
    assert matching_potential(np.array(78.0), p) == pytest.approx(-72.5806, abs=1e-4)


def test_a_pattern_has_the_rate_asked_for():
    counts = draw_pattern(200, 10.0, 2000, 0.1, 0)
    # 400 spikes expected: five times sqrt(400).
    assert counts.shape == (2000, 200)
    assert abs(counts.sum() - 400) < 100


def test_spikes_drawn_are_those_of_their_presentation(figure, small):
    times = small["spikes/output"].to_dataset()
    times = times.spike_time.values[times.spike_trial.values == 0]
    marks = [
        line.get_xdata()
        for axes in figure.axes
        for line in axes.lines
        if line.get_marker() == "|"
    ]
    length = SMALL["pattern"]
    starts = np.array([0, 1, 3, 4]) * length
    assert len(marks) == len(MOMENTS) and sum(map(len, marks)) > 5
    for start, found in zip(starts, marks, strict=True):
        mine = times[(times > start + 1e-6) & (times < start + length + 1e-6)]
        np.testing.assert_allclose(found, mine - start)


def test_a_pattern_that_is_no_whole_number_of_steps_is_refused():
    with pytest.raises(ConfigError, match=r"pattern = 0\.25 ms is not a whole number"):
        dendritic_prediction(pattern=0.25)


def test_weights_that_start_above_their_bound_are_refused():
    with pytest.raises(ConfigError, match="initial = 90 pA is above largest = 50 pA"):
        dendritic_prediction(largest=50.0)


def test_impossible_arguments_are_refused_before_anything_runs(command):
    words = "--clip somewhere --inputs 0 --delay=-1 --taught 0"
    code, _, err = command(*words.split())
    assert code == cli.main(["run", "dendritic-prediction", "--dt", "0"]) == 2
    for name in ("--clip", "--inputs", "--delay", "--taught"):
        assert name in err


def test_the_command_leaves_a_result_and_a_picture(command):
    words = "--inputs 5 --taught 2 --free 1 --pattern 20 --out d.nc"
    code, out, _ = command(*words.split())
    assert code == 0
    assert "rms_mv_last" in out and "d.png" in out
