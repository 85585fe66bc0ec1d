"""``--full``: the arguments of an experiment at its full size."""

import dataclasses
from pathlib import Path

import fake_experiment
import pytest
from fake_experiment import question, refused

from experiments.arguments import InFile, check_values, unknown_names
from experiments.options import experiment_options
from experiments.registry import EXPERIMENTS

FULL = {"epochs": 100, "hidden": (500, 500), "gain": 2.5}


@pytest.fixture
def preset(run, monkeypatch):
    """Run cell-answers with a preset, or with another one."""

    def run_with(*argv, full=FULL):
        known = fake_experiment.experiment("cell-answers", "question")
        known = dataclasses.replace(known, full=full)
        monkeypatch.setitem(EXPERIMENTS, known.name, known)
        return run("run", "cell-answers", *argv)

    return run_with


def test_full_sets_the_arguments_of_the_preset_and_leaves_the_others(preset):
    assert preset("--full", "--no-progress")[0] == 0
    call = question.calls[0]
    assert (call["epochs"], call["hidden"], call["gain"]) == (100, (500, 500), 2.5)
    assert call["learning_rule"] == "near"


def test_without_full_the_defaults_hold(preset):
    assert preset()[0] == 0
    call = question.calls[0]
    assert (call["epochs"], call["hidden"], call["gain"]) == (3, (4, 2), 0.5)


def test_a_file_wins_over_full_and_what_is_typed_over_both(preset):
    Path("c.toml").write_text("epochs = 7\nhidden = [9]\n")
    assert preset("--hidden", 8, "--config", "c.toml", "--full")[0] == 0
    call = question.calls[0]
    assert (call["gain"], call["epochs"], call["hidden"]) == (2.5, 7, (8,))


def test_help_shows_what_full_sets(preset):
    code, out, _ = preset("--help")
    assert code == 0
    wanted = "--full: full size: --epochs 100 --hidden 500 500 --gain 2.5"
    assert wanted in " ".join(out.split())


def test_an_experiment_without_a_preset_has_no_such_switch(answer):
    assert "--full" not in answer("--help")[1]
    refused(answer("--full"), 2, "--full")


@pytest.mark.parametrize(
    ("full", "says"),
    [
        ({"epochs": 0}, ["--full: epochs", "must be >= 1"]),
        ({"hidden": ("x",)}, ["--full: hidden, item 1", "whole number"]),
        ({"gian": 1.0}, ["--full: unknown argument 'gian'", "'gain'"]),
        ({"seed": -1}, ["--full: seed", "non-negative integer"]),
    ],
)
def test_values_of_a_preset_are_checked_like_any(preset, full, says):
    refused(preset("--full", full=full), 2, *says)


def test_the_command_that_goes_on_repeats_full(preset, run):
    code, _, err = preset("--full", "--gain", 6, "--seed", 5)
    assert code == 130
    line = err.splitlines()[-1]
    assert "--full" in line.split() and "--epochs" not in line
    again = line.replace("--gain 6", "--gain 5").split()[1:]
    assert run(*again)[0] == 0
    call = question.calls[-1]
    assert (call["resume"], call["epochs"], call["gain"]) == (True, 100, 5.0)


@pytest.mark.parametrize("word", ["flag", "many", "none", "one"])
def test_a_preset_is_shown_as_it_would_be_typed(word):
    def function(
        *, flag: bool = False, many: tuple[int, ...] = (), one: int | None = 1
    ):
        pass

    options = experiment_options(function)
    words = {
        "flag": options["flag"].typed(True) + options["flag"].typed(False),
        "many": options["many"].typed((1, 2)),
        "none": options["one"].typed(None),
        "one": options["one"].typed(3),
    }[word]
    assert (
        words
        == {
            "flag": ["--flag", "--no-flag"],
            "many": ["--many", "1", "2"],
            "none": ["--one", "none"],
            "one": ["--one", "3"],
        }[word]
    )


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_presets_of_all_experiments_are_valid(name):
    experiment = EXPERIMENTS[name]
    options = experiment_options(experiment.load())
    assert not unknown_names(experiment.full, options, (), "--full")
    assert not check_values(options, experiment.full, InFile("--full"))[1]
