"""Whatever fails or is killed while saving, one complete checkpoint remains."""

import errno
import os
import random
import resource
import stat
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from checkpoint_files import PREAMBLE, assert_epoch, save_epochs

from circuits.checkpoint import load_checkpoint, save_checkpoint
from dendrites.errors import StorageError


class FailingCalls:
    """Counts os.write, os.fsync and os.replace; raises at the chosen call."""

    def __init__(self, patch, at, code, forever):
        self.count = 0
        for name in ("write", "fsync", "replace"):
            patch.setattr(os, name, self.wrapped(getattr(os, name), at, code, forever))

    def wrapped(self, call, at, code, forever):
        def run(*args):
            self.count += 1
            if self.count == at or (forever and self.count > at > 0):
                raise OSError(code, os.strerror(code))
            return call(*args)

        return run


def calls_of_one_save(monkeypatch, path):
    with monkeypatch.context() as patch:
        calls = FailingCalls(patch, 0, errno.EIO, False)
        save_epochs(path, 2)
    return calls.count


@pytest.mark.parametrize("forever", [False, True], ids=["once", "from_then_on"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("start", ["two_good", "one_good", "damaged", "renaming"])
def test_whichever_call_fails_a_state_can_be_loaded(
    tmp_path, monkeypatch, start, code, forever
):
    def prepare(path):
        save_epochs(path, 1)
        if start != "one_good":
            save_epochs(path, 1)
        if start == "damaged":
            path.write_bytes(path.read_bytes()[:-1])
        if start == "renaming":
            path.unlink()

    prepare(tmp_path / "count")
    total = calls_of_one_save(monkeypatch, tmp_path / "count")
    # Three writes, two syncs, and one or two renames.
    assert total == (7 if start in ("two_good", "one_good") else 6)
    for at in range(1, total + 1):
        path = tmp_path / str(at) / "run.ckpt"
        path.parent.mkdir()
        prepare(path)
        before = {p.name: p.read_bytes() for p in path.parent.iterdir()}
        with monkeypatch.context() as patch:
            FailingCalls(patch, at, code, forever)
            with pytest.raises(StorageError, match=os.strerror(code)):
                save_epochs(path, 2)
        if at <= 4:  # nothing was renamed yet: files intact, temporary removed
            assert before == {p.name: p.read_bytes() for p in path.parent.iterdir()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Only after the last rename can the new state be the one in place.
            assert_epoch(load_checkpoint(path), 2 if at == total else 1)
        save_epochs(path, 3)
        assert_epoch(load_checkpoint(path), 3)
        assert len(list(path.parent.iterdir())) == 2


def test_a_failed_last_rename_puts_the_current_file_back(tmp_path, monkeypatch):
    path = tmp_path / "run.ckpt"
    save_epochs(path, 1)
    with monkeypatch.context() as patch:
        FailingCalls(patch, 6, errno.EIO, False)
        with pytest.raises(StorageError):
            save_epochs(path, 2)
    assert_epoch(load_checkpoint(path), 1)  # a fallback would warn, and so fail


def test_a_first_save_that_fails_leaves_nothing(tmp_path, monkeypatch):
    for at in range(1, 6):  # three writes, sync, rename
        with monkeypatch.context() as patch:
            FailingCalls(patch, at, errno.ENOSPC, True)
            with pytest.raises(StorageError, match=r"needs about .* MB"):
                save_epochs(tmp_path / "run.ckpt", 1)
        assert not list(tmp_path.iterdir())


def test_a_write_stopped_by_the_system_leaves_the_old_state(tmp_path):
    path = tmp_path / "run.ckpt"
    save_epochs(path, 1, 2)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(StorageError, match="File too large"):
            save_checkpoint(path, {}, {"W": np.zeros(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert_epoch(load_checkpoint(path), 2)
    assert len(list(tmp_path.iterdir())) == 2


def test_an_interrupt_while_writing_leaves_the_old_state(tmp_path, monkeypatch):
    path = tmp_path / "run.ckpt"
    save_epochs(path, 1)

    def interrupt(descriptor):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            save_epochs(path, 2)
    assert_epoch(load_checkpoint(path), 1)
    assert len(list(tmp_path.iterdir())) == 1


def test_short_writes_are_continued(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
    save_epochs(tmp_path / "run.ckpt", 1)
    assert_epoch(load_checkpoint(tmp_path / "run.ckpt"), 1)


def test_data_are_synced_before_the_renames_and_the_folder_after(tmp_path, monkeypatch):
    path = tmp_path / "run.ckpt"
    save_epochs(path, 1)
    events = []
    fsync, replace = os.fsync, os.replace

    def record_sync(descriptor):
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            assert os.path.samestat(found, tmp_path.stat())
            events.append("sync folder")
        else:
            events.append(("sync", found.st_size, stat.S_IMODE(found.st_mode)))
        fsync(descriptor)

    def record_rename(source, target):
        events.append((Path(source).name, Path(target).name))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", record_sync)
    monkeypatch.setattr(os, "replace", record_rename)
    save_epochs(path, 2)
    assert events == [
        ("sync", path.stat().st_size, 0o600),
        ("run.ckpt", "run.ckpt.prev"),
        (f".run.ckpt.{os.getpid()}.tmp", "run.ckpt"),
        "sync folder",
    ]


def test_temporaries_of_dead_processes_only_are_removed(tmp_path):
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    child.wait()
    dead = child.pid
    stay = {
        f".run.ckpt.{os.getppid()}.tmp",  # alive
        f".other.ckpt.{dead}.tmp",
        f"run.ckpt.{dead}.tmp",
        f".run.ckpt.{dead}.tmp2",
        ".run.ckpt.x.tmp",
    }
    stale = {f".run.ckpt.{pid}.tmp" for pid in (dead, os.getpid(), 10**30)}
    for name in stay | stale:
        (tmp_path / name).write_bytes(b"part of a state")
    save_epochs(tmp_path / "run.ckpt", 1)
    assert {p.name for p in tmp_path.iterdir()} == stay | {"run.ckpt"}


def test_temporaries_of_another_users_process_are_kept(tmp_path, monkeypatch):
    def refuse(pid, signal):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "kill", refuse)
    (tmp_path / ".run.ckpt.1.tmp").write_bytes(b"part of a state")
    save_epochs(tmp_path / "run.ckpt", 1)
    assert (tmp_path / ".run.ckpt.1.tmp").exists()


# A process that is killed

# Sleeps around each call put most of the time, hence most kills, inside the save.
WRITER = """
import os, random, time
import numpy as np

path, epoch = sys.argv[1], int(sys.argv[2])

def slow(call):
    def run(*args):
        time.sleep(random.uniform(0, 0.004))
        result = call(*args)
        time.sleep(random.uniform(0, 0.004))
        return result
    return run

os.write, os.fsync, os.replace = slow(os.write), slow(os.fsync), slow(os.replace)
while True:
    epoch += 1
    save_checkpoint(path, {"epoch": epoch}, {"W": np.full((4, 5), float(epoch))})
    print(epoch, flush=True)
"""


def last_epoch_reported_before_kill(path, start, delay):
    command = [sys.executable, "-c", PREAMBLE + WRITER, str(path), str(start)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        rescue = threading.Timer(10, child.kill)  # should the first line never come
        rescue.start()
        try:
            first = child.stdout.readline()
            time.sleep(delay)
        finally:
            child.kill()
            rescue.cancel()
        lines = (first + child.stdout.read()).split("\n")
    assert child.returncode == -9
    return int(lines[-2])  # what follows the last newline is incomplete


def test_no_reported_epoch_is_lost_when_the_process_is_killed(tmp_path):
    path = tmp_path / "run.ckpt"
    rng = random.Random(4)
    epoch = 0
    for _ in range(10):
        reported = last_epoch_reported_before_kill(path, epoch, rng.uniform(0, 0.2))
        assert reported > epoch
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            loaded = load_checkpoint(path)
        epoch = loaded[0]["epoch"]
        assert_epoch(loaded, epoch)
        assert epoch in (reported, reported + 1)
        # A kill may leave the window between the renames, never a damaged file.
        assert not caught or not path.exists()
    save_epochs(path, epoch + 1)
    assert not list(tmp_path.glob(".*.tmp"))
