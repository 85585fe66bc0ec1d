"""Sweeps of a function of one's own, and of experiments, from Python."""

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import own_functions
import pytest
import sweep_jobs
import xarray as xr

from dendrites.errors import ConfigError, DataError, JobError, StorageError
from experiments.command.cli import main
from experiments.registry import EXPERIMENTS
from experiments.sweep import open_sweep, run_sweep
from experiments.sweep import run as sweep_run
from experiments.sweep.functions import function_options, run_of
from experiments.sweep.worker import outcome_of

GRID = {"gain": np.array([1.0, 2.0]), "seed": range(3)}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def sweep(function, grid, out="s", **options):
    options = {"workers": 1, "progress": False} | options
    return run_sweep(function, grid, out=out, **options)


def test_numbers_stand_at_their_points_with_units():
    tree = sweep(own_functions.numbers, GRID, cells=4)
    group = tree["sweep"].to_dataset()
    assert dict(group.sizes) == {"gain": 2, "seed": 3}
    for gain in GRID["gain"]:
        for seed in GRID["seed"]:
            here = group.sel(gain=gain, seed=seed)
            expected = own_functions.numbers(gain=gain, seed=seed, cells=4)
            assert here.peak == expected["peak"][0]
            assert here["count"] == expected["count"]
            assert here.sign == expected["sign"]
    assert group.gain.attrs == {"units": "mV", "long_name": "of the cell"}
    assert group.peak.attrs["units"] == "mV"
    xr.testing.assert_identical(open_sweep("s"), tree)
    config = json.loads(tree.attrs["config_json"])
    assert config["experiment"] == "own_functions:numbers"
    assert config["arguments"] == {"cells": 4}


def test_the_same_bits_come_from_any_number_of_workers_and_after_a_resume():
    two = sweep(own_functions.curves, GRID, "two", workers=2)
    one = sweep(own_functions.curves, GRID, "one")
    lost = sorted(Path("one/jobs").iterdir())[1::2]
    for path in lost:
        path.unlink()
    kept = {path: path.read_bytes() for path in Path("one/jobs").iterdir()}
    again = sweep(own_functions.curves, GRID, "one", resume=True)
    assert {path: path.read_bytes() for path in kept} == kept
    for tree in (one, again):
        v = tree["result"].v
        assert v.dims == ("gain", "seed", "time")
        assert v.values.tobytes() == two["result"].v.values.tobytes()
    for gain, seed in ((1.0, 2), (2.0, 0)):
        alone = own_functions.curves(gain=gain, seed=seed)
        here = two["result"].to_dataset().sel(gain=gain, seed=seed)
        assert np.array_equal(here.v, alone.v)


def test_groups_of_a_tree_are_kept():
    trace = xr.Dataset({"v": ("sample", [1.0, 2.0])})
    root = xr.Dataset({"total": 3.0})
    tree = run_of(xr.DataTree.from_dict({"/": root, "/trace": trace}), "own", {})
    assert tree["trace"].v.values.tolist() == [1.0, 2.0]
    assert tree["result"].total == 3.0
    assert tree["trace"].v.attrs == {"units": "1"}
    assert run_of(tree, "own", {}) is tree


def test_a_point_that_fails_is_nan_and_can_be_run_again(monkeypatch):
    monkeypatch.setenv("OWN_FAILS", "1")
    said = "1 of 2 jobs failed, the first: gain=2.0: ValueError: too much"
    with pytest.warns(UserWarning, match=said):
        tree = sweep(own_functions.sometimes, {"gain": [1.0, 2.0]})
    assert tree["sweep"].status.values.tolist() == ["ok", "failed"]
    assert np.isnan(tree["sweep"].value).values.tolist() == [False, True]
    with pytest.raises(JobError, match="stopped at the first job that failed"):
        sweep(own_functions.sometimes, {"gain": [2.0]}, "t", fail_fast=True)
    monkeypatch.delenv("OWN_FAILS")
    tree = sweep(own_functions.sometimes, {"gain": [1.0, 2.0]}, retry_failed=True)
    assert tree["sweep"].value.values.tolist() == [1.0, 2.0]


def test_warnings_of_jobs_are_told():
    with pytest.warns(UserWarning, match="a gain of 3.0 is much"):
        sweep(own_functions.warns, {"gain": [3.0]})


def test_a_seed_left_open_is_drawn_once():
    tree = sweep(own_functions.seeded, {"gain": [1.0, 2.0]})
    drawn = json.loads(tree.attrs["config_json"])["arguments"]["seed"]
    assert tree["sweep"].drawn.values.tolist() == [drawn % 1000] * 2
    again = sweep(own_functions.seeded, {"gain": [1.0, 2.0]}, resume=True)
    assert again["sweep"].drawn.values.tolist() == [drawn % 1000] * 2


def test_an_experiment_is_swept_by_its_name(monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, sweep_jobs.NAME, sweep_jobs.EXPERIMENT)
    monkeypatch.setattr(sweep_run, "local_pool", lambda *_: nullcontext(Serial()))
    grid = {"gain": [1.0, 2.0], "hidden": [[4], [3, 2]]}
    tree = sweep("answers", grid, "a", seed=1, kind="far")
    argv = ["sweep", "answers", "--grid", "gain=1,2", "--grid", "hidden=4,3/2"]
    argv += ["--seed", "1", "--kind", "far", "--out", "b", "--no-progress"]
    assert main(argv) == 0
    assert sorted(os.listdir("a/jobs")) == sorted(os.listdir("b/jobs"))
    for name in ["sweep.nc", *(f"jobs/{name}" for name in os.listdir("a/jobs"))]:
        assert sweep_jobs.contents(f"a/{name}") == sweep_jobs.contents(f"b/{name}")
    assert tree.attrs["title"] == "answers: Does the cell answer?"


class Serial:
    """Jobs in this process."""

    has_workers = staticmethod(lambda: True)

    def outcomes(self, target, jobs, seconds):
        for job in jobs:
            file = Path(f"{job.name}.nc").resolve()
            outcome = outcome_of(target, job.arguments, job.name, file)
            yield job, outcome | {"file": file}


def test_the_folder_of_a_function_is_never_imported_from(capsys, monkeypatch):
    sweep(own_functions.numbers, {"gain": [1.0]}, seed=1)
    text = Path("s/sweep.json").read_text()
    Path("s/sweep.json").write_text(text.replace("own_functions", "antigravity"))
    assert open_sweep("s").attrs["title"] == "antigravity:numbers"
    assert "antigravity" not in sys.modules
    assert main(["sweep", "digits", "--out", "s", "--resume"]) == 4
    assert "s holds a sweep of antigravity:numbers, not of digits" in (
        capsys.readouterr().err
    )
    with pytest.raises(StorageError, match="of antigravity:numbers, not of own"):
        sweep(own_functions.numbers, {"gain": [1.0]}, seed=1, resume=True)


def inside():
    def function(*, gain):
        return {"value": gain}

    return function


class Method:
    def function(self, *, gain):
        return {"value": gain}


def in_main(*, gain):
    return {"value": gain}


in_main.__module__ = "__main__"


def of_arrays(*, gain, weights: np.ndarray = None):
    return {"value": gain}


def with_array(*, gain, weights=np.zeros(2)):  # noqa: B008
    return {"value": gain}


def by_place(gain, /):
    return {"value": gain}


@pytest.mark.parametrize(
    ("function", "options", "says"),
    [
        (lambda *, gain: {}, {}, "cannot be imported; worker processes import it, so"),
        (inside(), {}, "write it at the top level of a file, such as mymodel.py"),
        (Method().function, {}, "cannot be imported"),
        (in_main, {}, "'in_main' is written in the script or notebook itself"),
        (of_arrays, {}, "argument weights is a"),
        (with_array, {}, "an argument, or the default of one, is no plain data"),
        (by_place, {}, "argument gain has no name to callers"),
        (3, {}, "expected the name of an experiment or a function, got int"),
        ("digtis", {}, "did you mean 'digits'"),
        (own_functions.numbers, {"grid": {}}, "expected arguments with their values"),
        (own_functions.numbers, {"grid": {"gain": 1.0}}, "grid gain: expected a list"),
        (own_functions.numbers, {"grid": {"gain": []}}, "grid gain: expected a list"),
        (own_functions.numbers, {"grid": {"gian": [1]}}, "did you mean 'gain'"),
        (own_functions.numbers, {"grid": {"gain": ["a"]}}, "expected a number in mV"),
        (own_functions.numbers, {"grid": {"gain": [1, 1]}}, "is there twice"),
        (own_functions.numbers, {"grid": {"seed": [-1]}}, "a non-negative integer"),
        (own_functions.numbers, {"gain": 2.0}, "gain is both fixed and swept"),
        (own_functions.numbers, {"cells": "a"}, "cells: expected a whole number"),
        (own_functions.numbers, {"cels": 2}, "did you mean 'cells'"),
        (own_functions.numbers, {}, "seed: needs a value"),
        (own_functions.numbers, {"workers": 0}, "workers: expected a whole number"),
        (own_functions.numbers, {"workers": True}, "got True"),
        (own_functions.numbers, {"limit": 0}, "limit: expected a whole number >= 1"),
        (own_functions.numbers, {"limit": 1}, "2 points, at most 1 are run"),
        (own_functions.numbers, {"job_timeout": 0}, "job_timeout: expected a number"),
        (own_functions.numbers, {"scheduler": "a:1"}, "give one of them"),
        (own_functions.plain, {"fixed": float("nan")}, "is no plain data"),
        (own_functions.plain, {"fixed": object()}, "is no plain data"),
    ],
)
def test_what_cannot_be_swept_is_refused_before_anything_is_written(
    function, options, says
):
    options = {"grid": {"gain": [1.0, 2.0]}} | options
    with pytest.raises(ConfigError) as error:
        sweep(function, **options)
    assert says in str(error.value)
    assert os.listdir() == []


def test_a_folder_that_holds_a_sweep_is_gone_on_with_when_asked():
    sweep(own_functions.plain, {"gain": [1.0]})
    with pytest.raises(StorageError, match="in Python resume=True"):
        sweep(own_functions.plain, {"gain": [1.0]})
    with pytest.raises(ConfigError, match=r"grid gain: \[1.0\] there, \[2.0\] here"):
        sweep(own_functions.plain, {"gain": [2.0]}, resume=True)
    with pytest.raises(StorageError, match="holds no sweep"):
        sweep(own_functions.plain, {"gain": [1.0]}, "t", resume=True)


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (1.5, r"returned float; a sweep's function returns .* \{\"peak\": 1.5\}"),
        ({"v": [1, 2]}, "returned 'v': list; .*Arrays belong into an xarray.Dataset"),
        ({"v": np.zeros(2)}, "returned 'v': ndarray"),
        (xr.Dataset({"v": ("a/b", [1.0])}), "name 'a/b' must start with a letter"),
        (xr.Dataset({"v": ("x", [1.0], {"units": "mile"})}), "units 'mile'"),
    ],
)
def test_results_that_cannot_be_kept_are_refused(result, says):
    with pytest.raises(DataError, match=says):
        run_of(result, "own", {})


def test_numbers_that_are_not_finite_are_left_out_and_arrays_may_hold_them():
    tree = run_of({"a": np.float64(1.0), "b": np.nan, "c": True}, "own", {})
    assert list(json.loads(tree.attrs["headline_json"])) == ["a", "c"]
    tree = run_of(xr.Dataset({"v": ("x", [1.0, np.nan])}), "own", {})
    assert tree["result"].v.attrs == {"units": "1", "allow_nonfinite": 1}


def test_arguments_without_type_hints_take_plain_data():
    options = function_options(own_functions.plain)
    assert list(options) == ["gain", "fixed"]
    tree = sweep(own_functions.plain, {"fixed": ["a", "b"]}, gain=2)
    assert tree["sweep"].fixed.values.tolist() == ["a", "b"]
    assert tree["sweep"].value.values.tolist() == [2.0, 2.0]


# The documentation has one that does.
SCRIPT = """
import own_functions
from experiments.sweep import run_sweep
run_sweep(own_functions.plain, {"gain": [1.0, 2.0]}, out="s", workers=2)
"""


@pytest.mark.slow
def test_a_script_that_does_not_say_that_it_is_the_main_one_is_told():
    Path("script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"],
        env=sweep_jobs.environment(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    said = "in it must stand below if __name__ == '__main__':"
    assert said in done.stderr.splitlines()[-1]
    assert "called while a worker process imports this script" in done.stderr
