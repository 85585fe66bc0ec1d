"""Jobs, the folder of a sweep and what is read from it, without any cluster."""

import errno
import fcntl
import itertools
import json
import os
import subprocess
import sys
from contextlib import nullcontext

import example_runs
import numpy as np
import pytest
import sweep_jobs
import xarray as xr

import dendrites._atomic
from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError, DataError, StorageError
from experiments.command.locks import check_unused, locked, owner_file
from experiments.options import experiment_options
from experiments.registry import EXPERIMENTS
from experiments.sweep import run as sweep_run
from experiments.sweep.folder import SweepFolder
from experiments.sweep.jobs import (
    Sweep,
    complete_arguments,
    differences,
    read_sweep,
)
from experiments.sweep.join import open_sweep
from experiments.sweep.tree import sweep_tree

pytestmark = pytest.mark.nojit
OPTIONS = experiment_options(sweep_jobs.answers)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The files of all jobs of `make()`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EXPERIMENTS, sweep_jobs.NAME, sweep_jobs.EXPERIMENT)
        scratch = tmp_path_factory.mktemp("finished")
        return {job.name: sweep_jobs.image(job, scratch) for job in make().jobs()}


@pytest.fixture
def filled(finished, tmp_path):
    """Makes a folder with the jobs of a sweep, but for those at these places."""

    def fill(sweep=None, *, failed=(), missing=()):
        sweep = make() if sweep is None else sweep
        folder = SweepFolder(tmp_path / "s")
        with folder.locked():
            folder.start(sweep)
            for k, job in enumerate(sweep.jobs()):
                if k in failed:
                    failure = {"error": "no", "traceback": [], "tries": 1}
                    folder.write_failure(job, failure)
                elif k not in missing:
                    folder.write_job(
                        job, finished.get(job.name) or sweep_jobs.image(job, tmp_path)
                    )
        return folder

    return fill


@pytest.fixture(autouse=True)
def known(monkeypatch, tmp_path):
    monkeypatch.setitem(EXPERIMENTS, sweep_jobs.NAME, sweep_jobs.EXPERIMENT)
    monkeypatch.chdir(tmp_path)


def make(grid=None, **given):
    grid = {"gain": (1.0, 2.0), "seed": (3, 4, 5)} if grid is None else grid
    fixed = complete_arguments(OPTIONS, {"seed": 1} | given, grid)
    return Sweep(sweep_jobs.NAME, fixed, grid)


# jobs


def test_there_is_a_job_at_every_point_and_the_last_argument_varies_fastest():
    jobs = list(make().jobs())
    points = [(job.point["gain"], job.point["seed"]) for job in jobs]
    assert points == [(1.0, 3), (1.0, 4), (1.0, 5), (2.0, 3), (2.0, 4), (2.0, 5)]
    assert all(job.arguments["cells"] == 3 for job in jobs)
    assert all(set(job.arguments) == set(OPTIONS) for job in jobs)


def test_a_job_is_named_by_what_it_computes_alone():
    names = {job.name for job in make().jobs()}
    other_way = make({"seed": (5, 4, 3), "gain": (2.0, 1.0)})
    fixed_and_swept = make({"gain": (1.0,)}, seed=3)
    assert len(names) == 6
    assert {job.name for job in other_way.jobs()} == names
    assert {job.name for job in fixed_and_swept.jobs()} < names
    assert not {job.name for job in make(cells=4).jobs()} & names


def test_the_name_of_a_job_stays_the_same():
    # Of a sweep begun with an earlier version, or another Python.
    job = next(make().jobs())
    text = (
        '{"arguments": {"cells": 3, "dense": true, "gain": 1.0, "hidden": [4, 2], '
        '"kind": "near", "pause": 0.0, "rate": 0.1, "seed": 3, "spacing": 1.0, '
        '"threads": 1}, "experiment": "answers"}'
    )
    command = f"import hashlib; print(hashlib.sha256({text!r}.encode()).hexdigest())"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True)
    assert done.stdout.decode()[:16] == job.name


def test_jobs_use_one_thread_unless_told_otherwise():
    assert make().fixed["threads"] == 1
    assert make(threads=None).fixed["threads"] is None
    assert make(threads=3).fixed["threads"] == 3


def test_a_seed_nobody_gives_is_drawn_once_for_all_jobs():
    grid = {"gain": (1.0, 2.0)}
    drawn = [complete_arguments(OPTIONS, {}, grid)["seed"] for _ in range(2)]
    assert drawn[0] != drawn[1]
    jobs = Sweep("answers", complete_arguments(OPTIONS, {}, grid), grid).jobs()
    assert len({job.arguments["seed"] for job in jobs}) == 1


def test_a_sweep_is_the_same_after_a_file():
    sweep = make({"hidden": ((4,), (3, 2)), "seed": (2**70, 1)}, gain=0.1)
    again = read_sweep(json.loads(json.dumps(sweep.config)), "sweep.json")
    assert again == sweep
    assert [j.name for j in again.jobs()] == [j.name for j in sweep.jobs()]


def test_every_experiment_can_be_swept_with_its_defaults():
    for name, experiment in EXPERIMENTS.items():
        options = experiment_options(experiment.load())
        swept = "seed" if "seed" in options else next(iter(options))
        grid = {swept: (options[swept].example,)}
        sweep = Sweep(name, complete_arguments(options, {}, grid), grid)
        assert read_sweep(json.loads(json.dumps(sweep.config)), "f") == sweep


def changed(path, value):
    config = make().config
    *inner, last = path
    place = config
    for key in inner:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return config


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ([], "holds no sweep"),
        (changed(["grid"], None), "holds no sweep"),
        (changed(["experiment"], "asnwers"), "did you mean 'answers'"),
        (changed(["experiment"], "os:system"), "unknown experiment"),
        (changed(["experiment"], ["answers"]), "unknown experiment"),
        (changed(["arguments", "__class__"], 1), "unknown argument '__class__'"),
        (changed(["arguments", "cells"], "3"), "cells: expected a whole number"),
        (changed(["arguments", "cells"], None), "argument cells is missing"),
        (changed(["arguments", "gain"], 1.0), "gain is both fixed and swept"),
        (changed(["grid"], []), "do not have the form"),
        (changed(["grid", 0, 1], []), "do not have the form"),
        (changed(["grid", 0, 0], "seed"), "do not have the form"),
        (changed(["grid", 0, 1], ["a"]), "expected a number in mV"),
        (changed(["grid", 0, 1], [1.0, 1]), "1.0 is there twice"),
        (changed(["grid", 1, 1], [-1]), "a seed is a non-negative integer"),
        (changed(["grid", 0, 0], "gian"), "unknown argument 'gian'"),
    ],
)
def test_a_file_is_checked_as_if_it_were_typed(config, says):
    with pytest.raises(ConfigError, match="sweep.json") as error:
        read_sweep(config, "sweep.json")
    assert says in str(error.value)


def test_differences_of_two_sweeps_are_named():
    ours = make({"gain": (1.0,), "cells": (2, 3)}).config
    theirs = make(kind="far").config
    assert differences(theirs, ours) == [
        'order of the grid: ["gain", "seed"] there, ["gain", "cells"] here',
        'kind: "far" there, "near" here',
        "cells: 3 there, not set here",
        "grid gain: [1.0, 2.0] there, [1.0] here",
        "grid seed: [3, 4, 5] there, not set here",
        "seed: not set there, 1 here",
        "grid cells: not set there, [2, 3] here",
    ]
    assert differences(ours, ours) == []


# the folder


def test_the_ledger_is_what_lies_in_the_folder(filled):
    sweep = make()
    folder = filled(sweep, failed=[1], missing=[4])
    names = [job.name for job in sweep.jobs()]
    states = ["ok", "failed", "ok", "ok", "missing", "ok"]
    assert list(folder.ledger(names).values()) == states
    folder.job_file(names[0]).unlink()
    assert folder.ledger(names)[names[0]] == "missing"


def test_an_interrupt_between_a_file_and_its_count_is_told_right(
    finished, monkeypatch, tmp_path
):
    class Pool:
        has_workers = staticmethod(lambda: True)

        def outcomes(self, experiment, jobs, seconds):
            for job in jobs:
                yield job, {"file": finished[job.name], "warnings": []}

    written, write = [], SweepFolder.write_job

    def interrupted(folder, job, data):
        write(folder, job, data)
        written.append(job)
        if len(written) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(sweep_run, "local_pool", lambda *_: nullcontext(Pool()))
    monkeypatch.setattr(SweepFolder, "write_job", interrupted)
    tally = sweep_run.Tally()
    control = sweep_run.Control(progress=False)
    with pytest.raises(KeyboardInterrupt):
        place = SweepFolder(tmp_path / "s")
        sweep_run.run_jobs(place, make(), control, tally, resume=False)
    assert str(tally) == "3 of 6 jobs finished"


def test_a_job_that_succeeds_after_all_is_not_failed_any_more(filled, tmp_path):
    sweep = make()
    folder = filled(sweep, failed=[0])
    job = next(sweep.jobs())
    assert folder.write_failure(job, {"error": "no", "traceback": [], "tries": 2}) == 3
    record = json.loads(folder.failure_file(job.name).read_text())
    assert (record["tries"], record["swept"]) == (3, {"gain": 1.0, "seed": 3})
    assert record["arguments"]["hidden"] == [4, 2]
    folder.write_job(job, sweep_jobs.image(job, tmp_path))
    assert os.listdir(folder.path / "failed") == []


def test_what_is_read_back_is_what_was_begun(filled):
    sweep = make()
    folder = filled(sweep, missing=range(6))
    assert folder.read()[0] == sweep
    run_id = folder.read()[1]["run_id"]
    with folder.locked():
        record = folder.resume()
    assert folder.read()[0] == sweep
    assert (record["n_resumes"], record["run_id"]) == (1, run_id)
    assert folder.read()[1] == record


def test_a_folder_that_became_a_sweep_meanwhile_is_left_alone(filled):
    folder = filled(missing=range(6))
    with folder.locked(), pytest.raises(StorageError, match="holds a sweep by now"):
        folder.start(make(cells=9))
    assert folder.read()[0] == make()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "line 1, column 2"),
        ('{"schema": "other"}', "not the configuration of a sweep"),
        ('{"schema": "dendrites/sweep", "version": 2}', "format 2, this reads 1"),
        ('{"schema": "dendrites/sweep", "version": 1}', "run_id is missing"),
    ],
)
def test_a_damaged_configuration_is_refused(filled, text, says):
    folder = filled(missing=range(6))
    folder.config.write_text(text)
    with pytest.raises(ConfigError, match="sweep.json") as error:
        folder.read()
    assert says in str(error.value)


def test_files_of_a_dead_process_are_cleared_away(filled):
    folder = filled(missing=range(6))
    machine = dendrites._atomic.machine()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = [folder.path, folder.path / "jobs", folder.path / "failed"]
    left = [part / f".x.nc.part-{machine}-{dead.pid}-0" for part in left]
    for path in left:
        path.write_text("half")
    with folder.locked():
        assert not any(path.exists() for path in left)


def test_a_disk_that_is_full_leaves_no_half_of_a_job(filled, monkeypatch):
    sweep = make()
    folder = filled(sweep, missing=[0])

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="no space left on device: needs about 3 MB"):
        folder.write_job(next(sweep.jobs()), b"x" * 3_000_000)
    assert len(os.listdir(folder.path / "jobs")) == 5


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-200]), "damaged"),
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: flip(path), "checksum"),
        (lambda path: save_run(example_runs.simulation(), path, overwrite=True), "job"),
    ],
)
def test_a_job_file_that_is_damaged_or_not_ours_is_noticed(filled, damage, says):
    sweep = make()
    folder = filled(sweep)
    name = next(sweep.jobs()).name
    damage(folder.job_file(name))
    with pytest.raises(StorageError, match=says):
        folder.job_attributes(name)
    with pytest.raises(StorageError, match=name):
        open_sweep(folder.path)


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_job_files_of_two_jobs_cannot_be_exchanged(filled):
    sweep = make()
    folder = filled(sweep)
    one, two = (folder.job_file(job.name) for job in list(sweep.jobs())[:2])
    one.write_bytes(two.read_bytes())
    with pytest.raises(StorageError, match="another job"):
        open_sweep(folder.path)


# the lock


HOLD = """
import sys, time
from pathlib import Path
{before}
from experiments.command.locks import locked
with locked(Path(sys.argv[1]), "in use"):
    print("held", flush=True)
    time.sleep(60)
"""
# As where the file system has no locks.
NO_FLOCK = """
import errno, fcntl
def flock(*_):
    raise OSError(errno.ENOSYS, "Function not implemented")
fcntl.flock = flock
"""


def holder(path, before):
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(before=before), str(path)],
        env=sweep_jobs.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "held\n"
    return child


@pytest.mark.parametrize("before", ["", NO_FLOCK])
def test_a_folder_in_use_is_refused_until_its_process_is_gone(
    before, tmp_path, monkeypatch
):
    path = tmp_path / "sweep.lock"
    expected = nullcontext()
    if before:
        monkeypatch.setattr(fcntl, "flock", no_flock)
        expected = pytest.warns(UserWarning, match="falling back to SoftFileLock")
    with holder(path, before) as child, expected:
        for attempt in (
            lambda: check_unused(path, "in use"),
            lambda: locked(path, "in use").__enter__(),
        ):
            with pytest.raises(StorageError, match=f"process {child.pid}, since 20"):
                attempt()
        child.kill()
        child.wait()
        # The files are still there, as after a crash.
        assert path.exists()
        with locked(path, "in use"):
            owner = json.loads(owner_file(path).read_text())
            assert owner["pid"] == os.getpid()
    assert os.listdir(tmp_path) == []


def no_flock(*_):
    raise OSError(errno.ENOSYS, "Function not implemented")


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"pid": 1}'])
def test_nonsense_about_the_owner_names_nobody(text, tmp_path):
    path = tmp_path / "sweep.lock"
    owner_file(path).write_text(text)
    with locked(path, "in use"):
        owner_file(path).write_text(text)
        with pytest.raises(StorageError, match=r"in use: process \(unknown\); wait"):
            check_unused(path, "in use")


def test_a_file_system_that_gives_no_locks_is_told(tmp_path, monkeypatch):
    def none_left(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none_left)
    with (
        pytest.raises(StorageError, match="no locks available\nChoose a folder on a"),
        locked(tmp_path / "sweep.lock", "in use"),
    ):
        pass
    assert not owner_file(tmp_path / "sweep.lock").exists()


def test_a_link_in_place_of_the_lock_costs_no_file_its_content(tmp_path):
    path, mine = tmp_path / "sweep.lock", tmp_path / "mine"
    mine.write_text("mine")
    path.symlink_to(mine)
    with pytest.raises(StorageError, match="cannot lock"), locked(path, "in use"):
        pass
    assert mine.read_text() == "mine"


# what is read from it


def test_the_tree_of_a_sweep_has_a_dimension_for_every_swept_argument(filled):
    sweep = make({"gain": (1.0,), "rate": (0.1, 0.2, 0.3), "kind": ("far", "near")})
    group = open_sweep(filled(sweep).path)["sweep"]
    assert dict(group.sizes) == {"gain": 1, "rate": 3, "kind": 2}
    assert group.gain.attrs == {"units": "mV", "long_name": "of the cell"}
    # 1/presentation is no unit of the schema.
    long_name = "of learning (1/presentation)"
    assert group.rate.attrs == {"units": "1", "long_name": long_name}
    assert group.kind.values.tolist() == ["far", "near"]


def test_figures_are_those_of_each_job(filled):
    sweep = make()
    folder = filled(sweep, failed=[2])
    group = open_sweep(folder.path)["sweep"].to_dataset()
    for k, job in enumerate(sweep.jobs()):
        here = group.sel(job.point)
        if k == 2:
            assert (here.status, here.run_id, here.verdict) == ("failed", "", "")
            assert (here.git_commit, here.git_dirty) == ("", "")
            assert np.isnan(here.peak) and np.isnan(here.firing)
            continue
        one = open_run(folder.job_file(job.name))
        figures = json.loads(one.attrs["headline_json"])
        assert (here.status, here.run_id) == ("ok", one.attrs["run_id"])
        assert here.git_commit == one.attrs["git_commit"]
        assert int(here.git_dirty) == one.attrs["git_dirty"]
        for name in ("peak", "firing", "verdict"):
            assert here[name] == figures[name]["value"]
    # An argument is swept that has the name of a figure and of something known.
    assert group.gain_of_job.sel(gain=2.0, seed=3) == 2.0
    assert group.seed.dims == ("seed",)
    assert group.peak.attrs == {"units": "mV", "reference": "1", "allow_nonfinite": 1}


def test_the_root_of_a_sweep_says_what_its_jobs_agree_on(filled):
    sweep = make()
    folder = filled(sweep)
    root = open_sweep(folder.path).attrs
    record = folder.read()[1]
    assert root["kind"] == "sweep" and root["sweep_of"] == "answers"
    assert json.loads(root["config_json"]) == sweep.config
    assert (root["run_id"], root["created_utc"]) == (
        record["run_id"],
        record["created_utc"],
    )
    assert (root["integrator"], root["dt_ms"], root["seed"]) == ("exact", 1.0, "3")
    assert root["finished_utc"] == "2026-01-02T03:04:06Z"
    assert (root["complete"], root["citation"]) == (1, "nobody (2000)")
    (source,) = json.loads(root["data_sources_json"])
    assert source["name"] == "near"


def test_an_unfinished_sweep_is_read_as_far_as_it_is(filled):
    folder = filled(missing=[0, 5])
    tree = open_sweep(folder.path)
    assert (tree.attrs["complete"], tree.attrs["finished_utc"]) == (0, "")
    assert tree["sweep"].status.values.ravel().tolist().count("missing") == 2


def test_a_sweep_without_any_job_can_be_stored(filled):
    folder = filled(missing=range(6))
    tree = sweep_tree(None, *folder.read())
    validate(tree)
    assert list(open_sweep(folder.path).children) == ["sweep"]


@pytest.mark.parametrize("failed", [[], [1]])
def test_alike_groups_are_joined_along_the_swept_arguments(filled, failed, tmp_path):
    # `rate` and `gain` are swept; the group has a variable `rate` of its own.
    sweep = make({"gain": (1.0, 2.0), "rate": (0.1, 0.2)})
    folder = filled(sweep, failed=failed)
    tree = open_sweep(folder.path)
    response = tree["response"].to_dataset()
    assert response.v.dims == ("gain", "rate", "cell", "time")
    assert response.v.attrs["units"] == "mV"
    for k, job in enumerate(sweep.jobs()):
        here = response.sel(job.point)
        if k in failed:
            assert np.isnan(here.v).all() and (here.label == "").all()
            continue
        with xr.open_datatree(folder.job_file(job.name), engine="h5netcdf") as one:
            alone = one["response"].to_dataset()
            for name in ("v", "fires", "label"):
                assert np.array_equal(here[name], alone[name])
            assert np.array_equal(here.rate_of_job, alone.rate)
            w = one["weights/input_to_hidden"].w
            assert np.array_equal(tree["weights/input_to_hidden"].w.sel(job.point), w)
    # Truth values have no NaN.
    assert response.fires.dtype == (float if failed else bool)
    example_runs.assert_same(open_run(save_run(tree, tmp_path / "all.nc")), tree)


def test_groups_that_differ_are_left_to_the_files_of_the_jobs(filled):
    sweep = make({"hidden": ((4,), (3, 2)), "kind": ("near", "far")})
    folder = filled(sweep)
    tree = open_sweep(folder.path)
    assert tree["sweep"].hidden.values.tolist() == ["4", "3/2"]
    assert "weights" not in tree.children
    assert tree["response"].v.shape == (2, 2, 3, 5)
    with pytest.raises(DataError, match="'weights/input_to_hidden' is not alike"):
        open_sweep(folder.path, groups=["weights/input_to_hidden"])


@pytest.mark.parametrize("grid", [{"cells": (2, 3)}, {"spacing": (1.0, 2.0)}])
def test_coordinates_that_differ_keep_groups_apart(grid, filled):
    folder = filled(make(grid))
    assert list(open_sweep(folder.path).children) == ["sweep", "weights"]


def test_only_the_groups_asked_for_are_joined(filled):
    folder = filled()
    for name in ("response", "/response/"):
        tree = open_sweep(folder.path, groups=[name])
        assert list(tree.children) == ["sweep", "response"]
    assert list(open_sweep(folder.path, groups=[]).children) == ["sweep"]


def test_groups_larger_than_memory_are_refused(filled, monkeypatch):
    folder = filled()
    monkeypatch.setattr("dendrites._memory.available_bytes", lambda: 1000)
    monkeypatch.setattr("dendrites._memory.SMALL", 0)
    with pytest.raises(ConfigError, match=r"joining 2 groups of 6 jobs.*groups="):
        open_sweep(folder.path)


def test_seeds_beyond_64_bits_become_text(filled):
    folder = filled(make({"seed": (2**70, 1)}))
    tree = open_sweep(folder.path)
    assert tree["sweep"].seed.values.tolist() == [str(2**70), "1"]
    assert tree.attrs["seed"] == str(2**70)


def test_every_point_of_a_grid_of_one_value_is_kept(filled):
    grid = {"gain": (1.0,), "seed": (3,)}
    group = open_sweep(filled(make(grid)).path)["sweep"]
    assert dict(group.sizes) == {"gain": 1, "seed": 1}
    assert len(list(itertools.product(*grid.values()))) == group.peak.size == 1


def test_a_folder_without_a_sweep_cannot_be_opened(tmp_path):
    with pytest.raises(StorageError, match="is no sweep"):
        open_sweep(tmp_path)
