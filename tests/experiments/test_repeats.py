"""Counts that nobody could wait for are refused before an experiment begins."""

import pytest

from dendrites.errors import ConfigError
from experiments.lab import Protocol, run_lab
from experiments.options import experiment_options
from experiments.registry import EXPERIMENTS

COUNTED = ("networks", "pairings", "realisations", "repeats", "seeds")
GIVEN = [
    (experiment, option)
    for experiment in EXPERIMENTS.values()
    for option in experiment_options(experiment.load())
    if option in COUNTED
]


@pytest.mark.parametrize(
    ("experiment", "name"), GIVEN, ids=lambda given: getattr(given, "name", given)
)
def test_a_count_that_is_too_large_is_refused_at_once(experiment, name):
    for count in (10**9, 10**30):
        with pytest.raises(ConfigError, match=f"{name}: got 10*, too large: at most"):
            experiment.load()(**{name: count})
    with pytest.raises(ConfigError, match=f"{name}: got 0, must be >= "):
        experiment.load()(**{name: 0})


@pytest.mark.parametrize("name", ["burst-multiplexing", "burst-pairing", "drift"])
def test_cells_that_are_too_many_are_refused_at_once(name):
    with pytest.raises(ConfigError, match="cells: got 10*, too large: at most"):
        EXPERIMENTS[name].load()(cells=10**9)


def test_a_protocol_of_too_many_pairings_is_refused():
    with pytest.raises(ConfigError, match="pairings = 1000000000: too large"):
        Protocol(pairings=10**9)


def test_more_seeds_than_a_lab_can_run_are_refused():
    with pytest.raises(ConfigError, match=r"seeds = range\(0, 10*\): too many"):
        run_lab("burst", Protocol(), seeds=range(10**30))
