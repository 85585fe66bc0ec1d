"""Questions asked from Python: run, plot and list, and plain calls."""

import re
import subprocess
import sys

import fake_experiment
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import experiments
from dendrites.dataset import open_run, save_run
from dendrites.errors import ConfigError, DataError
from experiments.command.cli import main
from experiments.plateaus.early_late import early_late
from experiments.registry import EXPERIMENTS

SMALL = {"repeats": 2, "onset_step": 25, "amplitude": 1.5}
TYPED = ["--repeats", "2", "--onset-step", "25", "--amplitude", "1.5"]
OF_ONE_RUN = ("run_id", "created_utc", "finished_utc")


def told(tree):
    """Attributes that are not those of one run alone."""
    return {k: v for k, v in tree.attrs.items() if k not in OF_ONE_RUN}


@pytest.fixture(scope="module")
def tree():
    return experiments.run("early-late", **SMALL)


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(fake_experiment.question, "calls", [], raising=False)
    known = fake_experiment.experiment("cell-answers", "question")
    monkeypatch.setitem(EXPERIMENTS, known.name, known)
    return fake_experiment.question.calls


def test_python_and_the_command_line_give_the_same_bits(tree, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "early-late", *TYPED, "--out", "a.nc", "--no-plot"]) == 0
    stored = open_run("a.nc")
    assert told(stored) == told(tree)
    assert all(
        stored[path].to_dataset().identical(tree[path].to_dataset())
        for path in tree.groups
        if path != "/"
    )


def test_a_plain_call_gives_what_run_gives(tree):
    called = early_late(**SMALL)
    assert told(called) == told(tree)
    assert called["map"].to_dataset().identical(tree["map"].to_dataset())


def test_every_problem_of_a_call_is_told_at_once(fake):
    with pytest.raises(ConfigError) as caught:
        experiments.run("cell-answers", gian=1, epochs=0, hidden=(3, "x"), seed=-1)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("cell-answers: unknown argument 'gian'; did you mean 'g")
    assert "cell-answers: epochs: got 0, must be >= 1" in lines
    assert "cell-answers: hidden, item 2: expected a whole number" in str(caught.value)
    assert "non-negative integer" in str(caught.value)
    assert fake == []


def test_a_plain_call_checks_its_arguments():
    with pytest.raises(ConfigError) as caught:
        early_late(onset_steps=2, repeats=1)
    unknown, wrong = str(caught.value).splitlines()
    assert unknown.startswith("early-late: unknown argument 'onset_steps'; did you mea")
    assert "'onset_step'" in unknown
    assert wrong == "early-late: repeats: got 1, must be >= 2"


def test_an_unknown_question_names_close_ones():
    with pytest.raises(ConfigError, match="'early-latte': did you mean 'early-late'"):
        experiments.run("early-latte")


def test_arrays_and_numbers_of_numpy_stand_for_plain_ones(fake):
    experiments.run(
        "cell-answers",
        gain=np.float64(2),
        epochs=np.int64(2),
        hidden=np.array([3, 4]),
        seed=1,
    )
    (call,) = fake
    assert call["hidden"] == (3, 4) and type(call["hidden"][0]) is int
    assert type(call["gain"]) is float and type(call["epochs"]) is int


def test_a_seed_that_is_left_to_chance_is_drawn_and_recorded(fake):
    tree = experiments.run("cell-answers")
    assert tree.attrs["seed"] == str(fake[0]["seed"])


def test_full_size_is_a_start_that_arguments_win_over(fake, monkeypatch):
    sized = fake_experiment.experiment("sized", "question")
    object.__setattr__(sized, "full", {"epochs": 100, "gain": 2.5})
    monkeypatch.setitem(EXPERIMENTS, "sized", sized)
    experiments.run("sized", full=True, gain=1.0, seed=0)
    assert (fake[0]["epochs"], fake[0]["gain"]) == (100, 1.0)
    with pytest.raises(ConfigError, match="one size only"):
        experiments.run("cell-answers", full=True)


def test_a_tree_and_its_file_are_drawn_alike(tree, tmp_path):
    from_tree = experiments.plot(tree)
    from_file = experiments.plot(save_run(tree, tmp_path / "a.nc"))
    for figure in (from_tree, from_file):
        assert isinstance(figure, Figure)
    for one, other in zip(from_tree.axes, from_file.axes, strict=True):
        assert len(one.lines) == len(other.lines)
        for a, b in zip(one.lines, other.lines, strict=True):
            np.testing.assert_array_equal(a.get_xydata(), b.get_xydata())


def test_what_no_question_made_has_no_picture(tree):
    with pytest.raises(DataError, match="no attribute 'experiment': no question"):
        experiments.plot(xr.DataTree())
    with pytest.raises(DataError, match="unknown experiment 'early-latte'"):
        experiments.plot(xr.DataTree(xr.Dataset(attrs={"experiment": "early-latte"})))
    with pytest.raises(DataError, match="lacks what the picture of early-late shows"):
        experiments.plot(xr.DataTree(xr.Dataset(attrs={"experiment": "early-late"})))


def test_the_list_prints_a_line_for_each_question_and_imports_none():
    shown = repr(experiments.list())
    assert len(shown.splitlines()) == len(EXPERIMENTS) == len(experiments.list())
    assert experiments.list()[0].name == "digits"
    assert re.search("^plasticity-sign +Does apical current control", shown, re.M)
    script = (
        "import sys, experiments; repr(experiments.list());"
        "print([m for m in sys.modules if m in ('xarray', 'pydantic', 'numba') or"
        " m.startswith('experiments.micro')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_name_of_a_question_is_that_of_its_function(name):
    function = EXPERIMENTS[name].load()
    assert function.__name__.replace("_", "-") == name
    with pytest.raises(ConfigError, match=f"^{name}: unknown argument 'no_such_thing'"):
        function(no_such_thing=1)
