"""Sweeps that are killed: nothing lost, nothing run twice, the same bits at the end.

What a sweep of 60 jobs gives is compared with the same jobs run one after the other in
this process. A job is done when its file is there; none may begin after that.
"""

import json
import os
import random
import signal
import time
from pathlib import Path

import psutil
import pytest
import sweep_jobs
from sweep_jobs import HANGS, IS_LARGE, LAST, QUITS, contents, read_log, wait_for

from dendrites._atomic import is_alive
from experiments.registry import EXPERIMENTS

JOBS = 60
GRID = {"gain": tuple(float(k) for k in range(1, int(LAST) + 1)), "cells": (2, 3)}
FIXED = {"seed": 1, "pause": 0.02, "dense": False}
TYPED = ["--grid", f"gain=1:{int(LAST) + 1}", "--grid", "cells=2,3"]
TYPED += ["--seed", 1, "--pause", 0.02, "--no-dense"]
SLOW_TRIALS = 5
ORPHANS = 5  # seconds after which none may be left


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The folder of the sweep as it is without workers, and the jobs by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EXPERIMENTS, sweep_jobs.NAME, sweep_jobs.EXPERIMENT)
        from dendrites.dataset import save_run
        from experiments.sweep.tree import sweep_tree

        folder = sweep_jobs.serial(tmp_path_factory.mktemp("serial"), FIXED, GRID)
        save_run(sweep_tree(folder, *folder.read()), folder.result)
        jobs = {job.name: job for job in folder.read()[0].jobs()}
        assert len(jobs) == JOBS
        return folder, jobs


class Trial:
    """One sweep that is started, disturbed and gone on with until it is done.

    Its last jobs wait until it shall end, so that it is disturbed in time however busy
    the machine is.
    """

    def __init__(self, path, expected, number, workers):
        self.folder, self.log, self.hold = path / "s", path / "log", path / "hold"
        (self.reference, self.jobs), self.workers = expected, workers
        self.random = random.Random(number)

    def start(self, *, resume):
        argv = ["--resume"] if resume else TYPED
        argv = [*argv, "--out", self.folder.name, "--workers", self.workers]
        self.hold.touch()
        return sweep_jobs.start(
            *argv, SWEEP_LOG=str(self.log), SWEEP_HOLD=str(self.hold)
        )

    def done(self):
        files = self.folder / "jobs"
        names = os.listdir(files) if files.is_dir() else ()
        # Hidden ones are being written.
        return {name[:-3] for name in names if not name.startswith(".")}

    def await_more(self, child, jobs):
        """Wait until some more jobs are done, and then for a moment."""
        enough = min(len(self.done()) + jobs, JOBS - 5)
        wait_for(lambda: len(self.done()) >= enough or child.poll() is not None)
        assert child.poll() is None
        time.sleep(self.random.uniform(0.0, 0.1))

    def begun(self):
        """How often each job has begun."""
        points = [(line.gain, line.cells) for line in read_log(self.log)]
        return {
            name: points.count((job.point["gain"], job.point["cells"]))
            for name, job in self.jobs.items()
        }

    def stop(self, child, number, *, group=False):
        """Kill a sweep or its whole group, and see that its workers end."""
        workers = {line.pid for line in read_log(self.log)}
        (os.killpg if group else os.kill)(child.pid, number)
        out, err = child.communicate(timeout=60)
        wait_for(lambda: not any(map(is_alive, workers)), ORPHANS)
        return child.returncode, out, err

    def kill(self, *, group):
        """Start or go on, and kill; what was done stays and does not begin again."""
        done, begun = self.done(), self.begun()
        with self.start(resume=bool(done)) as child:
            self.await_more(child, self.random.randint(4, 12))
            self.nothing_again(done, begun)
            done, begun = self.done(), self.begun()
            code, *_ = self.stop(child, signal.SIGKILL, group=group)
            assert code == -signal.SIGKILL
        self.nothing_again(done, begun)

    def kill_a_worker_and_finish(self):
        """Go on, kill the worker that began last, and wait for the end."""
        done, begun = self.done(), self.begun()
        with self.start(resume=True) as child:
            self.await_more(child, self.random.randint(4, 12))
            self.nothing_again(done, begun)
            done, begun = self.done(), self.begun()
            os.kill(read_log(self.log)[-1].pid, signal.SIGKILL)
            self.ends_well(child)
        self.nothing_again(done, begun)

    def finish(self):
        """Go on until the end."""
        done, begun = self.done(), self.begun()
        with self.start(resume=True) as child:
            self.ends_well(child)
        self.nothing_again(done, begun)

    def ends_well(self, child):
        self.hold.unlink()
        out, err = child.communicate(timeout=300)
        assert child.returncode == 0, err
        assert out.startswith(f"jobs     {JOBS} of {JOBS} jobs finished\n")

    def nothing_again(self, done, begun):
        assert done <= self.done()
        now = self.begun()
        assert {name: now[name] for name in done} == {
            name: begun[name] for name in done
        }

    def is_as_expected(self):
        assert self.done() == set(self.jobs)
        for name in self.jobs:
            ours = contents(self.folder / "jobs" / f"{name}.nc")
            assert ours == contents(self.reference.job_file(name))
        assert contents(self.folder / "sweep.nc") == contents(self.reference.result)
        names = sorted(os.listdir(self.folder))
        assert names == ["failed", "jobs", "sweep.json", "sweep.nc"]
        assert os.listdir(self.folder / "failed") == []


@pytest.fixture
def trial(tmp_path, monkeypatch, expected):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(EXPERIMENTS, sweep_jobs.NAME, sweep_jobs.EXPERIMENT)
    return lambda number, workers: Trial(tmp_path, expected, number, workers)


@pytest.mark.slow
def test_a_sweep_survives_the_death_of_its_process_and_of_a_worker(trial):
    trial = trial(0, workers=2)
    trial.kill(group=False)
    trial.kill_a_worker_and_finish()
    trial.is_as_expected()


@pytest.mark.slow
def test_a_sweep_survives_the_death_of_all_its_processes(trial):
    trial = trial(1, workers=1)
    trial.kill(group=True)
    trial.finish()
    trial.is_as_expected()


@pytest.mark.slow
@pytest.mark.parametrize("number", range(2, 2 + SLOW_TRIALS))
def test_a_sweep_survives_one_death_after_the_other(number, trial):
    trial = trial(number, workers=2)
    for group in trial.random.sample([False, True, False], 3):
        trial.kill(group=group)
    trial.kill_a_worker_and_finish()
    trial.is_as_expected()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow),
    ],
)
def test_a_signal_stops_a_sweep_and_tells_how_to_go_on(number, code, trial):
    trial = trial(9, workers=1)
    with trial.start(resume=False) as child:
        trial.await_more(child, 5)
        # As Ctrl+C does, to the workers too.
        found, out, err = trial.stop(child, number, group=number == signal.SIGINT)
    assert (found, out) == (code, "")
    assert (
        f"interrupted; {len(trial.done())} of {JOBS} jobs finished. Go on with" in err
    )
    line = "dendrites sweep answers --out s --workers 1 --resume"
    assert err.splitlines()[-1] == line
    assert "Traceback" not in err
    assert len(trial.done()) < JOBS


@pytest.mark.slow
def test_workers_leave_interruptions_to_the_sweep_and_listen_nowhere(trial):
    trial = trial(9, workers=2)
    with trial.start(resume=False) as child:
        trial.await_more(child, 5)
        processes = [psutil.Process(child.pid)]
        processes += processes[0].children(recursive=True)
        assert [c for p in processes for c in p.net_connections()] == []
        workers = {line.pid for line in read_log(trial.log)}
        for worker in workers:
            os.kill(worker, signal.SIGINT)
        trial.ends_well(child)
    assert {line.pid for line in read_log(trial.log)} == workers
    trial.is_as_expected()


def test_jobs_that_take_their_process_with_them_are_recorded(tmp_path, monkeypatch):
    """One hangs with the interpreter's lock; one leaves with 0; memory is too small."""
    monkeypatch.chdir(tmp_path)
    gains = ",".join(map(str, (1.0, HANGS, QUITS, IS_LARGE, 2.0)))
    argv = ["--grid", f"gain={gains}", "--job-timeout", 10, "--workers", 1]
    code, out, err = sweep_jobs.sweep(*argv, "--out", "s")
    assert (code, out.splitlines()[0][9:]) == (5, "2 of 5 jobs finished, 3 failed")
    records = map(json.loads, map(Path.read_text, Path("s/failed").iterdir()))
    found = {record["swept"]["gain"]: record for record in records}
    hung, quits, large = found[HANGS], found[QUITS], found[IS_LARGE]
    assert (hung["error"], hung["tries"]) == (
        "JobError: took longer than 10 s (--job-timeout)",
        1,
    )
    assert any(line.endswith("in answers") for line in hung["traceback"])
    assert "worker process died (exit code 0)" in quits["error"]
    assert quits["tries"] == 3
    assert "MemoryError: Unable to allocate" in large["error"]
    assert sorted(os.listdir("s")) == ["failed", "jobs", "sweep.json", "sweep.nc"]


def test_a_job_that_never_lets_go_ends_with_the_sweep(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    argv = ["--grid", f"gain={HANGS}", "--workers", 1, "--out", "s"]
    with sweep_jobs.start(*argv, SWEEP_LOG="log") as child:
        wait_for(lambda: read_log("log"))
        child.kill()
        wait_for(lambda: not is_alive(read_log("log")[0].pid), ORPHANS)


def test_a_file_that_workers_cannot_write_ends_the_sweep(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))"
    argv = ["--grid", "gain=1,2", "--workers", "1", "--out", "s"]
    code, out, err = sweep_jobs.sweep(*argv, before=full)
    assert (code, out) == (4, "")
    assert "file too large: needs about 1 MB" in err
    line = "dendrites sweep answers --out s --workers 1 --resume"
    assert err.splitlines()[-1] == line
    assert sorted(os.listdir("s")) == ["failed", "jobs", "sweep.json"]
    assert os.listdir("s/jobs") == os.listdir("s/failed") == []


# The first worker starts; the system gives no further process, or one that dies early.
NOT_AGAIN = """
from multiprocessing.context import SpawnProcess
start, begun = SpawnProcess.start, []
def once(self):
    if begun:
        {instead}
    begun.append(self)
    start(self)
SpawnProcess.start = once
"""


@pytest.mark.parametrize(
    "instead",
    [
        "raise BlockingIOError(11, 'Resource temporarily unavailable')",
        pytest.param(
            "self._target = sys.exit; self._args = (1,)", marks=pytest.mark.slow
        ),
    ],
)
def test_a_sweep_that_gets_no_worker_ends(instead, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    argv = ["--grid", "gain=1,109", "--workers", "1", "--out", "s"]
    before = NOT_AGAIN.format(instead=instead)
    code, out, err = sweep_jobs.sweep(*argv, before=before)
    assert (code, out) == (5, "")
    assert "error: no worker process could be started; try fewer workers" in err
    assert "--out s --workers 1 --resume" in err
