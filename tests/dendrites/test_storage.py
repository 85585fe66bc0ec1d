"""A crash or a full disk leaves the old output or the complete new one."""

import errno
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from example_runs import assert_same, changed_root, simulation

from dendrites import _atomic, storage
from dendrites.errors import ConfigError, DataError, StorageError
from dendrites.storage import open_run, output_path, save_run

BACKENDS = pytest.mark.parametrize("suffix", [".nc", ".zarr"])


@BACKENDS
def test_an_existing_output_is_replaced_only_on_request(tmp_path, suffix):
    path = save_run(simulation(title="old"), tmp_path / f"a{suffix}")
    with pytest.raises(StorageError, match="already exists.* overwrite=True$"):
        save_run(simulation(title="new"), path)
    assert open_run(path).attrs["title"] == "old"
    save_run(simulation(title="new"), path, overwrite=True)
    assert open_run(path).attrs["title"] == "new"
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("name", ["a.txt", "a", "a.h5"])
def test_an_unknown_suffix_lists_the_allowed_ones(tmp_path, name):
    with pytest.raises(ConfigError, match=r"use \.nc or \.zarr"):
        save_run(simulation(), tmp_path / name)


def test_zarr_that_is_not_installed_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'dendritic-circuits\[zarr\]'"):
        save_run(simulation(), tmp_path / "a.zarr")


def test_an_invalid_tree_writes_nothing(tmp_path):
    with pytest.raises(DataError):
        save_run(changed_root(kind="x"), tmp_path / "a.nc")
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(
        StorageError, match="does not exist; create it, or choose another"
    ):
        save_run(simulation(), tmp_path / "none" / "a.nc")


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "f").write_text("x")
    with pytest.raises(StorageError, match="f is a file, not a folder"):
        save_run(simulation(), tmp_path / "f" / "a.nc")


def test_a_read_only_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StorageError, match="read-only for you"):
        save_run(simulation(), tmp_path / "a.nc")


def test_a_folder_that_is_no_store_is_never_replaced(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "diary.txt").write_text("x")
    with pytest.raises(StorageError, match=r"not a \.zarr output"):
        save_run(simulation(), tmp_path / "a.zarr", overwrite=True)
    assert (tmp_path / "a.zarr" / "diary.txt").exists()


class Disk:
    """Records the calls that make a write durable, and fails the n-th on request."""

    def __init__(self, monkeypatch, fail_at=None, code=errno.ENOSPC):
        self.calls, self.fail_at, self.code = [], fail_at, code
        self.fsync, self.replace = os.fsync, os.replace
        monkeypatch.setattr(os, "fsync", self.on_fsync)
        monkeypatch.setattr(os, "replace", self.on_replace)

    def count(self, what):
        self.calls.append(what)
        if len(self.calls) == self.fail_at:
            raise OSError(self.code, os.strerror(self.code))

    def on_fsync(self, descriptor):
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        self.count(("sync", "folder" if path.is_dir() else "file", path.name))
        self.fsync(descriptor)

    def on_replace(self, source, target):
        self.count(("replace", Path(target).name))
        self.replace(source, target)


def test_a_file_is_synced_then_renamed_then_its_folder_is_synced(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    save_run(simulation(), tmp_path / "a.nc")
    (_, kind, temporary), renamed, last = disk.calls
    assert kind == "file" and temporary.startswith(".a.nc.part-")
    assert renamed == ("replace", "a.nc")
    assert last == ("sync", "folder", tmp_path.name)


def test_every_file_of_a_store_is_synced_before_the_rename(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    path = save_run(simulation(), tmp_path / "a.zarr")
    rename = disk.calls.index(("replace", "a.zarr"))
    assert disk.calls[rename + 1 :] == [("sync", "folder", tmp_path.name)]
    synced = sum(call[:2] == ("sync", "file") for call in disk.calls[:rename])
    assert synced == sum(p.is_file() for p in path.rglob("*"))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("n", [1, 2])
def test_a_failure_before_the_rename_keeps_the_old_file(tmp_path, n, code, monkeypatch):
    path = save_run(simulation(title="old"), tmp_path / "a.nc")
    with monkeypatch.context() as patch:
        Disk(patch, fail_at=n, code=code)
        with pytest.raises(StorageError, match=os.strerror(code).lower()):
            save_run(simulation(title="new"), path, overwrite=True)
    assert open_run(path).attrs["title"] == "old"
    assert os.listdir(tmp_path) == ["a.nc"]


def test_a_failed_sync_of_the_folder_leaves_a_complete_file(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        Disk(patch, fail_at=3, code=errno.EIO)
        with pytest.raises(StorageError):
            save_run(simulation(), tmp_path / "a.nc")
    assert_same(open_run(tmp_path / "a.nc"), simulation())


def test_a_store_survives_a_failure_at_any_durable_step(tmp_path, monkeypatch):
    path = save_run(simulation(title="old"), tmp_path / "a.zarr")
    with monkeypatch.context() as patch:
        disk = Disk(patch)
        save_run(simulation(title="old"), tmp_path / "b.zarr")
    syncs = len(disk.calls) - 2
    for n in (1, syncs // 2, syncs, syncs + 1, syncs + 2):
        with monkeypatch.context() as patch:
            Disk(patch, fail_at=n)
            with pytest.raises(StorageError, match="needs about 1 MB"):
                save_run(simulation(title="new"), path, overwrite=True)
        assert open_run(path).attrs["title"] == "old"
        assert sorted(os.listdir(tmp_path)) == ["a.zarr", "b.zarr"]


def test_a_full_disk_is_reported_with_the_size_needed(tmp_path):
    resource = pytest.importorskip("resource")
    path = save_run(simulation(title="old"), tmp_path / "a.nc")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(StorageError, match="file too large: needs about 1 MB"):
            save_run(simulation(title="new"), path, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert open_run(path).attrs["title"] == "old"
    assert os.listdir(tmp_path) == ["a.nc"]


def test_the_temporary_file_is_private(tmp_path, monkeypatch):
    seen, replace = [], os.replace
    monkeypatch.setattr(
        storage,
        "usual_mode",
        lambda path, default: seen.append(modes(tmp_path)) or 0o644,
    )
    monkeypatch.setattr(os, "replace", replace)
    save_run(simulation(), tmp_path / "a.nc")
    assert seen == [[0o600]]


def modes(folder):
    return [path.stat().st_mode & 0o777 for path in folder.iterdir()]


def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_leftovers_of_dead_processes_only_are_removed(tmp_path):
    machine = _atomic.machine()
    dead = f".b.nc.part-{machine}-{dead_pid()}-0"
    alive = f".b.nc.part-{machine}-{os.getpid()}-999"
    elsewhere = f".b.nc.part-{'0' * 8}-{dead_pid()}-0"
    for name in (dead, alive, elsewhere):
        (tmp_path / name).write_text("x")
    save_run(simulation(), tmp_path / "a.nc")
    assert sorted(os.listdir(tmp_path)) == sorted([alive, elsewhere, "a.nc"])


@pytest.mark.parametrize("reader", ["open", "save"])
def test_a_store_killed_between_its_two_renames_comes_back(tmp_path, reader):
    path = save_run(simulation(title="old"), tmp_path / "a.zarr")
    path.rename(tmp_path / f".a.zarr.old-{_atomic.machine()}-{dead_pid()}-0")
    if reader == "save":
        save_run(simulation(), tmp_path / "b.zarr")
    assert open_run(path).attrs["title"] == "old"


# Where outputs may go


@pytest.mark.parametrize("name", ["a.nc", "sub/a.nc", "./a.nc", "a..b.nc", "é.nc"])
def test_a_relative_name_lies_under_the_folder(tmp_path, name):
    assert output_path(name, tmp_path) == tmp_path.resolve() / name


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../a.nc", "s/../../a.nc", "~/a.nc", "~x", "a\0.nc", "/a.nc"),
        *("a\x1b[2J.nc", "a\n.nc", "a\x9b2J.nc"),
    ],
)
def test_a_name_leading_elsewhere_is_refused(tmp_path, name):
    with pytest.raises(StorageError, match="must stay under the output directory"):
        output_path(name, tmp_path)


def test_a_link_leaving_the_folder_is_refused(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path)
    with pytest.raises(StorageError, match="must stay under"):
        output_path("link/a.nc", tmp_path / "out")


def test_a_link_inside_the_folder_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert output_path("link/a.nc", tmp_path) == tmp_path.resolve() / "real" / "a.nc"


def test_a_loop_of_links_is_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(StorageError, match="must stay under"):
        output_path("a/x.nc", tmp_path)


def test_an_absolute_name_is_accepted_only_on_request(tmp_path):
    target = tmp_path.resolve() / "a.nc"
    assert output_path(target, "elsewhere", allow_absolute=True) == target
    with pytest.raises(StorageError, match="must stay under"):
        output_path(target, tmp_path)


# Names at the system's limit


@BACKENDS
def test_the_longest_name_can_be_saved_replaced_and_read(tmp_path, suffix):
    path = tmp_path / ("é" * ((200 - len(suffix)) // 2) + suffix)
    save_run(simulation(), path)
    save_run(simulation(), path, overwrite=True)
    assert_same(open_run(path), simulation())
    assert os.listdir(tmp_path) == [path.name]


@BACKENDS
@pytest.mark.parametrize("length", [201, 255, 256, 5000])
def test_a_longer_name_is_refused_with_the_limit(tmp_path, suffix, length):
    path = tmp_path / ("a" * (length - len(suffix)) + suffix)
    with pytest.raises(StorageError, match=f"of {length} bytes is too long: at most 2"):
        save_run(simulation(), path)
    with pytest.raises(StorageError, match=f"of {length} bytes is too long"):
        output_path(path.name, tmp_path)
    with pytest.raises(StorageError, match="no such file"):
        open_run(path)
    with pytest.raises(StorageError, match="does not exist"):
        save_run(simulation(), tmp_path / ("d" * 300) / "a.nc")
