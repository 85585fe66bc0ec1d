"""Arguments of an experiment, typed and from configuration files."""

import json
import os
from pathlib import Path

import example_runs
import fake_experiment
import pytest
from fake_experiment import question, refused

from dendrites.dataset import open_run
from experiments.registry import EXPERIMENTS


def test_arguments_arrive_with_their_types(answer):
    typed = "--gain 2 --epochs 7 --hidden 10 20 30 --learning-rule far --seed 12"
    code, _, _ = answer(*typed.split(), "--threads", "none", "--no-progress")
    call = question.calls[0]
    assert code == 0
    assert (call["gain"], call["epochs"], call["seed"]) == (2.0, 7, 12)
    assert (call["hidden"], call["learning_rule"]) == ((10, 20, 30), "far")
    assert call["threads"] is None and call["progress"] is False
    assert isinstance(call["gain"], float)


def test_values_separated_by_commas_are_several(answer):
    answer("--hidden", "10,20")
    assert question.calls[0]["hidden"] == (10, 20)


def test_arguments_that_are_not_given_keep_their_defaults(answer):
    answer()
    call = question.calls[0]
    assert (call["gain"], call["epochs"], call["hidden"]) == (0.5, 3, (4, 2))
    assert call["progress"] is True


def test_a_seed_that_is_not_given_is_drawn_and_recorded(answer, tmp_path):
    answer("--out", "a.nc")
    assert open_run("a.nc").attrs["seed"] == str(question.calls[0]["seed"])


WRONG = [
    ("gain", "20 mV", '"20 mV"', ["in mV as a plain number", "'20 mV'"]),
    ("gain", "inf", "inf", ["finite number in mV"]),
    ("gain", "nan", "nan", ["finite number in mV"]),
    ("epochs", "2.5", "2.5", ["expected a whole number", "2.5"]),
    ("epochs", "0", "0", ["must be >= 1"]),
    ("epochs", "True", "true", ["expected a whole number"]),
    ("hidden", "3,x", '[3, "x"]', ["item 2", "'x'"]),
    ("hidden", "", "[]", ["at least one value"]),
    ("learning_rule", "middle", '"middle"', ["one of near, far", "'middle'"]),
    ("seed", "-1", "-1", ["non-negative integer"]),
    ("seed", "1.5", "1.5", ["non-negative integer"]),
    ("threads", "x", '"x"', ["expected a whole number"]),
]


@pytest.mark.parametrize(("name", "typed", "toml", "says"), WRONG)
def test_a_wrong_value_is_explained_alike_typed_and_in_a_file(
    answer, tmp_path, name, typed, toml, says
):
    flag = "--" + name.replace("_", "-")
    by_hand = answer(f"{flag}={typed}")
    refused(by_hand, 2, flag, *says)
    Path("c.toml").write_text(f"{name} = {toml}\n")
    from_file = answer("--config", "c.toml")
    refused(from_file, 2, f"c.toml: {name}", *says)
    assert os.listdir() == ["c.toml"]


def test_all_problems_are_told_at_once(answer):
    Path("c.toml").write_text('gian = 1\nepochs = "x"\n[__class__]\nresume = 1\n')
    result = answer("--config", "c.toml", "--gain", "20 mV", "--seed", "-1")
    refused(result, 2, "'gian'", "'gain'", "epochs", "'__class__'", "--gain", "--seed")
    assert len(result[2].splitlines()) == 5


def test_what_the_command_line_handles_is_refused_in_a_file(answer):
    Path("c.json").write_text('{"checkpoint": "/etc/x"}')
    refused(answer("--config", "c.json"), 2, "'checkpoint'", "command line only")


def test_arguments_in_a_table_are_told_to_leave_it(answer):
    Path("c.toml").write_text("[cell-answers]\ngain = 2\n")
    says = "'cell-answers' is a table", "remove the heading [cell-answers]"
    refused(answer("--config", "c.toml"), 2, *says)
    Path("c.json").write_text('{"cell-answers": {"gain": 2}}')
    refused(answer("--config", "c.json"), 2, says[0])


def test_many_unknown_names_are_counted_not_listed(answer):
    Path("c.json").write_text(json.dumps({f"gain{k}": 1 for k in range(20_000)}))
    result = answer("--config", "c.json")
    refused(result, 2, "... and 19980 more")
    assert len(result[2].splitlines()) == 21


def test_the_command_line_wins_over_the_file(answer):
    Path("c.toml").write_text("gain = 2\nepochs = 5\nhidden = [1]\nout = 'f.nc'\n")
    assert answer("--config", "c.toml", "--epochs", 9, "--out", "t.nc")[0] == 0
    call = question.calls[0]
    assert (call["gain"], call["epochs"], call["hidden"]) == (2.0, 9, (1,))
    assert sorted(os.listdir()) == ["c.toml", "t.nc", "t.png"]


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["run", "cell-answer"], "cell-answers"),
        (["run", "cell-answers", "--gian", "1"], "--gain"),
        (["run", "cell-answers", "--gain"], "requires an argument"),
        (["run", "cell-answers", "7"], "7"),
        (["rnu"], "run"),
    ],
)
def test_a_misspelt_command_or_option_is_a_usage_error(run, argv, text):
    refused(run(*argv), 2, text)


def other_experiment(monkeypatch, function):
    monkeypatch.setattr(fake_experiment, "other", function, raising=False)
    other = fake_experiment.experiment("other", "other")
    monkeypatch.setitem(EXPERIMENTS, "other", other)


def test_a_required_argument_is_asked_for(run, monkeypatch):
    def other(*, sizes: tuple[int, ...]):
        raise AssertionError("must not run")

    other_experiment(monkeypatch, other)
    refused(run("run", "other"), 2, "--sizes: needs a value (a list, each a whole num")
    assert "--sizes INT: [required]" in " ".join(
        run("run", "other", "--help")[1].split()
    )


def test_an_experiment_without_checkpoints_has_no_resume(run, monkeypatch):
    def other(*, size: int = 3):
        return example_runs.simulation(config={"size": size})

    other_experiment(monkeypatch, other)
    refused(run("run", "other", "--out", "a.nc", "--resume"), 2, "--resume")
    assert run("run", "other", "--out", "a.nc", "--size", "4")[0] == 0
    assert open_run("a.nc").attrs["config_json"] == '{"size": 4}'
