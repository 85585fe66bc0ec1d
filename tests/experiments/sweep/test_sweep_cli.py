"""``dendrites sweep``: what is refused before it starts, and sweeps on workers."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import pytest
import sweep_jobs
from fake_experiment import python
from sweep_jobs import EXITS, IS_KILLED, RAISES, SURPRISES, WARNS, contents, read_log

from dendrites.dataset import open_run
from experiments.command.sweep import _OPTIONS, _SWITCHES
from experiments.options import experiment_options
from experiments.parameters import Argument
from experiments.registry import EXPERIMENTS


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, sweep_jobs.NAME, sweep_jobs.EXPERIMENT)


@pytest.fixture
def refused(run):
    """Sweep with bad arguments: exit code, texts; nothing may be written."""

    def refused(code, argv, *texts):
        before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
        found, out, err = run("sweep", "answers", *argv)
        assert (found, out) == (code, "")
        assert err.startswith("error: ") and "Traceback" not in err
        for text in texts:
            assert text in err
        after = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
        assert after == before
        return err

    return refused


# before anything starts


GRID = ("--grid", "gain=1,2")
OUT = ("--out", "s")


@pytest.mark.parametrize(
    ("argv", "texts"),
    [
        ([*OUT], ["--grid: name an argument and its values"]),
        ([*GRID], ["--out: needs a folder"]),
        ([*OUT, "--grid", "gian=1"], ["unknown argument 'gian'; did you mean 'gain'"]),
        ([*OUT, "--grid", "gain=fast"], ["expected a number in mV", "'fast'"]),
        ([*OUT, *GRID, "--cells", "0"], ["--cells: got 0"]),
        ([*OUT, *GRID, "--gain", "3"], ["--gain and --grid gain: fixed and swept"]),
        ([*OUT, "--grid", "seed=0:0"], ["the range is empty"]),
        ([*OUT, "--grid", "seed=0:100000000"], ["100000000 points", "--limit"]),
        ([*OUT, *GRID, "--limit", "1"], ["2 points (gain 2), at most 1"]),
        ([*OUT, *GRID, "--limit", "0"], ["--limit: expected a whole number >= 1"]),
        (
            [*OUT, *GRID, "--workers", "0"],
            ["--workers: expected a whole number from 1"],
        ),
        ([*OUT, *GRID, "--workers", "2.5"], ["got '2.5'"]),
        (
            [*OUT, *GRID, "--job-timeout", "0"],
            ["--job-timeout: expected a number of s"],
        ),
        ([*OUT, *GRID, "--job-timeout", "long"], ["got 'long'"]),
        ([*OUT, *GRID, "--scheduler", "host"], ["expected an address such as tcp://"]),
        ([*OUT, *GRID, "--scheduler", "http://host:1"], ["address such as tcp://"]),
        ([*OUT, *GRID, "--scheduler", "a:1", "--workers", "1"], ["give one of them"]),
        ([*OUT, *GRID, "--config", "no.toml"], ["no.toml: no such file"]),
        ([*OUT, *GRID, "--color", "red"], ["dendrites sweep NAME --help"]),
    ],
)
def test_bad_arguments_are_refused(argv, texts, refused):
    refused(2, argv, *texts)


def test_all_problems_are_told_at_once(refused):
    grids = ["--grid", "gian=1", "--grid", "gain=x", "--grid", "cells=2"]
    argv = [*grids, "--cells", "3", "--workers", "no", "--rate", "high"]
    err = refused(
        2, argv, "'gian'", "--grid gain", "--cells and", "--workers", "--rate"
    )
    assert "--out" in err and len(err.splitlines()) == 6


def test_the_grid_of_a_configuration_file_is_fixed(refused):
    Path("c.toml").write_text("gain = 3.0\nout = 'x'\n")
    argv = [*OUT, *GRID, "--config", "c.toml"]
    refused(2, argv, "--gain and --grid gain", "c.toml: unknown argument 'out'")


def test_a_missing_extra_is_told_with_the_remedy(refused, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "experiments.sweep.cluster.importlib.util.find_spec",
        lambda name: None if name == "distributed" else find(name),
    )
    argv = [*OUT, *GRID, "--scheduler", "127.0.0.1:9"]
    refused(
        2, argv, "--scheduler needs distributed", "'dendritic-circuits[distributed]'"
    )


def test_what_the_result_could_not_hold_is_refused_before_any_job(refused, monkeypatch):
    # A dimension of this name must increase.
    number = Annotated[float, Argument("of the cell")]

    def renamed(*, epoch: number = 1.0):
        "Does it?"

    monkeypatch.setattr(sweep_jobs, "answers", renamed)
    refused(2, [*OUT, "--grid", "epoch=2,1"], "/sweep/epoch: not strictly increasing")


@pytest.mark.parametrize(
    ("make", "argv", "says"),
    [
        (lambda: Path("s").write_text(""), [], "s is a file, not a folder"),
        (lambda: None, ["--out", "a/b"], "does not exist"),
        (lambda: None, ["--out", "../s"], "must stay under the output directory"),
        (lambda: touch("s/notes.txt"), [], "holds other files, such as 'notes.txt'"),
        (
            lambda: touch("s/sweep.json"),
            [],
            "holds a sweep: go on with it with --resume",
        ),
        (lambda: None, ["--resume"], "holds no sweep, so there is nothing to resume"),
        (lambda: Path("s").mkdir(), ["--resume"], "holds no sweep"),
        (lambda: touch("s/notes.txt"), ["--resume"], "holds no sweep"),
    ],
)
def test_a_folder_that_cannot_be_that_of_the_sweep_is_refused(
    make, argv, says, refused
):
    make()
    refused(4, [*GRID, *([] if "--out" in argv else OUT), *argv], says)


def touch(path):
    Path(path).parent.mkdir()
    Path(path).write_text("")


def serial(folder="s", **grid):
    return sweep_jobs.serial(Path(folder).resolve(), {"seed": 1}, grid)


def test_a_folder_in_use_is_refused(refused):
    with serial(gain=(1.0,)).locked():
        for argv in ([], ["--resume"]):
            refused(
                4,
                [*OUT, *GRID, *argv],
                f"in use by a running sweep: process {os.getpid()}",
            )


def test_another_sweep_is_not_resumed(refused):
    serial(gain=(1.0, 2.0))
    argv = [*OUT, "--grid", "gain=1,3", "--cells", "4", "--seed", "1", "--resume"]
    refused(
        2,
        argv,
        "s holds another sweep:",
        "cells: 3 there, 4 here",
        "grid gain: [1.0, 2.0] there, [1.0, 3.0] here",
    )


def test_the_sweep_of_another_experiment_is_not_resumed(run, refused):
    serial(gain=(1.0, 2.0))
    code, _, err = run("sweep", "cell-answers", *OUT, "--resume")
    assert (code, "holds a sweep of answers, not of cell-answers" in err) == (4, True)


# help


def test_help_shows_the_grid_and_every_argument(run):
    code, out, _ = run("sweep", "answers", "--help")
    plain = " ".join(out.split())
    assert code == 0
    assert "Does the cell answer at every point?" in plain
    assert "NAME=start:stop:step (numbers, also fractions; stop is left out)" in plain
    assert "--gain FLOAT: of the cell (mV) [default: 0.5]" in plain
    names = [name for name, *_ in (*_OPTIONS, *_SWITCHES)]
    assert all(f"--{name.replace('_', '-')}" in plain for name in names)


def test_help_lists_what_can_be_swept(run):
    code, out, _ = run("sweep", "--help")
    assert code == 0 and all(f"  {name}:" in out for name in EXPERIMENTS)


def test_no_experiment_has_an_argument_that_the_command_needs():
    ours = {"grid", "progress", "full", *(name for name, *_ in (*_OPTIONS, *_SWITCHES))}
    for experiment in EXPERIMENTS.values():
        assert not ours & set(experiment_options(experiment.load()))


def test_bad_arguments_are_refused_before_dask_is_imported():
    script = """
import sys
from experiments.command.cli import main
code = main(["sweep", "digits", "--grid", "epochs=many"])
print([m for m in ("dask", "distributed", "xarray", "numba") if m in sys.modules], code)
"""
    assert python(script).stdout.splitlines()[-1] == "[] 2"


# on workers


def kept(folder):
    return sorted(os.listdir(f"{folder}/jobs"))


def test_failed_jobs_are_recorded_and_the_others_finish(tmp_path, monkeypatch):
    """The same bits as without workers, also after failures are mended."""
    monkeypatch.chdir(tmp_path)
    troubles = (RAISES, SURPRISES, EXITS, IS_KILLED)
    gains = (1.0, 2.0, *troubles, WARNS)
    argv = ["--grid", "gain=" + ",".join(map(str, gains)), "--seed", "1"]
    code, out, err = sweep_jobs.sweep(
        *argv, "--workers", 2, "--out", "s", SWEEP_LOG="log"
    )
    assert code == 5
    assert out == "jobs     3 of 7 jobs finished, 4 failed\nresult   s/sweep.nc\n"
    assert "error: 4 of 7 jobs failed, the first: gain=10" in err
    assert "warning: a gain of 102 is much (in 1 job)" in err
    line = "dendrites sweep answers --out s --workers 2 --retry-failed"
    assert err.splitlines()[-1] == line
    records = [json.loads(path.read_text()) for path in Path("s/failed").glob("*.json")]
    found = {
        r["swept"]["gain"]: (r["error"].split("\n")[0], r["tries"]) for r in records
    }
    died = "the worker process died (signal 9): killed, out of memory, or crashed in"
    died += " compiled code"
    assert found == {
        RAISES: ("NumericalError: population pyr became non-finite", 1),
        SURPRISES: ("RuntimeError: surprise", 1),
        EXITS: ("SystemExit: 3", 1),
        IS_KILLED: (died, 3),
    }
    (raised,) = [r for r in records if r["swept"]["gain"] == SURPRISES]
    assert any(line.endswith("in answers") for line in raised["traceback"])
    assert [line.gain for line in read_log("log")].count(IS_KILLED) == 3
    assert {(line.threads, line.progress) for line in read_log("log")} == {
        ("1", "False")
    }
    status = open_run("s/sweep.nc")["sweep"].status
    assert status.values.tolist() == ["ok"] * 2 + ["failed"] * 4 + ["ok"]

    # Failed jobs are left alone ...
    before = {path: path.read_bytes() for path in Path("s/jobs").iterdir()}
    code, out, err = sweep_jobs.sweep("--out", "s", "--resume", SWEEP_MENDED="1")
    assert (code, out.splitlines()[0][9:]) == (5, "3 of 7 jobs finished, 4 failed")
    # ... unless asked for; finished ones are kept in any case.
    code, out, _ = sweep_jobs.sweep(
        *line.replace("2", "1").split()[3:], SWEEP_MENDED="1", SWEEP_LOG="log2"
    )
    assert (code, out.splitlines()[0][9:]) == (0, "7 of 7 jobs finished")
    assert sorted(line.gain for line in read_log("log2")) == sorted(troubles)
    assert {path: path.read_bytes() for path in before} == before
    assert os.listdir("s/failed") == []
    assert sorted(os.listdir("s")) == ["failed", "jobs", "sweep.json", "sweep.nc"]

    monkeypatch.setenv("SWEEP_MENDED", "1")
    expected = serial("alone", gain=gains)
    assert kept("s") == kept("alone")
    for name in kept("s"):
        assert contents(f"s/jobs/{name}") == contents(expected.path / "jobs" / name)


@pytest.fixture
def scheduler(tmp_path, monkeypatch):
    """A scheduler and two workers, each started by its command."""
    monkeypatch.chdir(tmp_path)
    processes = []

    def start(*words):
        words = [sys.executable, "-m", "dask", *words]
        child = subprocess.Popen(
            words, env=sweep_jobs.environment(), stderr=subprocess.PIPE, text=True
        )
        processes.append(child)
        return child

    ours = start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    address = next(
        match[1]
        for line in ours.stderr
        if (match := re.search(r"Scheduler at: +(tcp://\S+)", line))
    )
    for _ in range(2):
        start("worker", address, "--nthreads", "1", "--no-dashboard")
    yield address, ours
    for child in processes:
        child.kill()
    for child in processes:
        child.communicate()


def test_a_sweep_runs_on_a_scheduler_that_runs_already(scheduler):
    address, process = scheduler
    where = ["--scheduler", address, "--seed", 1]
    code, out, err = sweep_jobs.sweep("--grid", "gain=1,2,3,103", *where, "--out", "s")
    assert (code, out.splitlines()[0][9:]) == (5, "3 of 4 jobs finished, 1 failed")
    assert err.splitlines()[-1].endswith(f"--scheduler {address} --retry-failed")
    expected = serial("alone", gain=(1.0, 2.0, 3.0))
    assert kept("s") == kept("alone")
    for name in kept("s"):
        assert contents(f"s/jobs/{name}") == contents(expected.path / "jobs" / name)
    # Its workers must be of this version.
    code, _, err = sweep_jobs.sweep(
        *("--grid", "gain=1,2", *where, "--out", "t"),
        before="import experiments.sweep.cluster as c; c.__version__ = '9.9'",
    )
    assert (code, kept("t"), os.listdir("t/failed")) == (5, [], [])
    assert f"the workers of {address} cannot run jobs: worker tcp://" in err
    assert "the sweep was started with 9.9" in err
    # A scheduler may die.
    with sweep_jobs.start(
        *("--grid", "gain=1:40", "--pause", 0.5, *where, "--out", "u")
    ) as child:
        sweep_jobs.wait_for(lambda: os.path.isdir("u/jobs") and kept("u"))
        process.kill()
        _, err = child.communicate(timeout=30)
    assert child.returncode == 5
    assert f"error: lost the scheduler at {address}" in err
    assert f"--out u --scheduler {address} --resume" in err


def test_a_scheduler_that_does_not_answer_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    argv = ["--grid", "gain=1,2", "--out", "s", "--scheduler", "127.0.0.1:9"]
    code, out, err = sweep_jobs.sweep(
        *argv, before="import experiments.sweep.cluster as c; c.CONNECT = 1"
    )
    assert (code, out, os.listdir()) == (2, "", [])
    assert "--scheduler tcp://127.0.0.1:9: no Dask scheduler answers there" in err


@pytest.mark.slow
def test_the_first_failed_job_can_stop_a_sweep(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    argv = ["--grid", "gain=103,1:100", "--pause", "0.05", "--workers", "1"]
    code, out, err = sweep_jobs.sweep(*argv, "--out", "s", "--fail-fast")
    assert code == 5
    assert "result" not in out and not os.path.exists("s/sweep.nc")
    assert "error: stopped at the first job that failed: gain=103.0" in err
    assert len(kept("s")) < 80
    assert (
        err.splitlines()[-1] == "dendrites sweep answers --out s --workers 1 --resume"
    )


@pytest.mark.slow
def test_a_job_that_takes_too_long_has_failed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    argv = ["--grid", "pause=0,0.01,600", "--job-timeout", "10", "--workers", "1"]
    code, out, err = sweep_jobs.sweep(*argv, "--out", "s")
    assert (code, out.splitlines()[0][9:]) == (5, "2 of 3 jobs finished, 1 failed")
    assert "pause=600.0: JobError: took longer than 10 s (--job-timeout)" in err
    (path,) = Path("s/failed").iterdir()
    assert json.loads(path.read_text())["tries"] == 1


@pytest.mark.slow
def test_a_damaged_result_is_run_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = serial(gain=(1.0, 2.0))
    damaged = place.path / "jobs" / kept("s")[0]
    damaged.write_bytes(damaged.read_bytes()[:-1000])
    code, out, err = sweep_jobs.sweep("--out", "s", "--resume", SWEEP_LOG="log")
    assert (code, out.splitlines()[0][9:]) == (0, "2 of 2 jobs finished")
    assert f"s/jobs/{damaged.name} does not end in a checksum" in err
    assert len(read_log("log")) == 1
    open_run(damaged)
