"""A checkpoint survives crashes and damage, and never loads as something else."""

import errno
import hashlib
import io
import json
import os
import random
import re
import resource
import stat
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from circuits import checkpoint
from circuits.checkpoint import (
    check_same_config,
    config_differences,
    load_checkpoint,
    previous_path,
    save_checkpoint,
    state_sha256,
)
from dendrites.errors import CheckpointError, StorageError

ROOT = Path(checkpoint.__file__).parents[1]
FRAME = struct.Struct("<8sIQQ32s")  # restated from the format, not imported

ARRAYS = {
    "float32": np.linspace(-1, 1, 7, dtype=np.float32).reshape(7, 1),
    "float64": np.array([[0.0, -0.0, np.nan], [np.inf, 5e-324, 1 / 3]]),
    "int64": np.array([-(2**63), 2**63 - 1]),
    "uint64": np.array([0, 2**64 - 1], dtype=np.uint64),
    "bool": np.array([True, False]),
    "complex128": np.array([1 - 2j]),
    "big_endian": np.arange(3, dtype=">i4"),
    "zero_dimensional": np.array(2.5),
    "empty": np.zeros((0, 3), dtype=np.float32),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "strided": np.arange(20.0)[::3],
}


def epoch_state(epoch):
    return {"epoch": epoch}, {"W": np.full((4, 5), float(epoch))}


def assert_epoch(loaded, epoch):
    header, arrays = loaded
    assert header == {"epoch": epoch}
    assert list(arrays) == ["W"]
    np.testing.assert_array_equal(arrays["W"], np.full((4, 5), float(epoch)))


def save_epochs(path, *epochs):
    for epoch in epochs:
        save_checkpoint(path, *epoch_state(epoch))


def write_valid_frame(path, payload, text=b'{"epoch": 0}', version=1):
    """A file whose sizes and checksum are right, whatever its content."""
    digest = hashlib.sha256(version.to_bytes(4, "little") + text + payload).digest()
    frame = FRAME.pack(b"DENDCKPT", version, len(text), len(payload), digest)
    path.write_bytes(frame + text + payload)


def npz(**members):
    buffer = io.BytesIO()
    np.savez(buffer, **{f"array.{name}": value for name, value in members.items()})
    return buffer.getvalue()


def npy_claiming(shape, descr="<f8", data=b"\0" * 16):
    buffer = io.BytesIO()
    fields = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, fields)
    return buffer.getvalue() + data


def zipped(*members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", compression) as archive,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # of duplicate names, which are the point
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


# What goes in comes out


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_returns_with_its_type_shape_and_bits(tmp_path, name):
    value = ARRAYS[name]
    save_checkpoint(tmp_path / "run.ckpt", {}, {name: value})
    found = load_checkpoint(tmp_path / "run.ckpt")[1][name]
    assert (found.dtype, found.shape) == (value.dtype, value.shape)
    assert found.tobytes() == value.tobytes()


def test_a_header_returns_unchanged(tmp_path):
    header = {
        "generator": np.random.PCG64(3).state,  # 128-bit integers
        "name": "pyramidale Zelle \u00e9\n\x1b",
        "rates": [0.1, 1e-300, -0.0, None, True, []],
        "nested": {"": {"a.b": {}}},
    }
    save_checkpoint(tmp_path / "run.ckpt", header, {})
    assert load_checkpoint(tmp_path / "run.ckpt") == (header, {})


def test_array_names_that_clash_with_zip_or_numpy_words_are_kept_apart(tmp_path):
    names = ["file", "args", "x", "x.npy", "array.x", "pop/pyr W", "../up", "\u03b7"]
    arrays = {name: np.array(i) for i, name in enumerate(names)}
    save_checkpoint(tmp_path / "run.ckpt", {}, arrays)
    assert load_checkpoint(tmp_path / "run.ckpt")[1] == arrays


def test_the_file_depends_on_the_state_only(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    save_checkpoint(first, {"x": 1, "y": 2}, ARRAYS)
    save_checkpoint(second, {"y": 2, "x": 1}, dict(reversed(ARRAYS.items())))
    assert first.read_bytes() == second.read_bytes()


def test_the_file_has_the_documented_layout(tmp_path):
    path = tmp_path / "run.ckpt"
    save_checkpoint(path, {"epoch": 3}, {"W": np.arange(3.0)})
    rebuilt = tmp_path / "rebuilt"
    write_valid_frame(rebuilt, npz(W=np.arange(3.0)), b'{"epoch": 3}')
    assert path.read_bytes() == rebuilt.read_bytes()


def test_the_last_two_are_kept_and_readable_by_the_owner_only(tmp_path):
    path = tmp_path / "run.ckpt"
    mask = os.umask(0)
    try:
        save_epochs(path, 1, 2, 3)
    finally:
        os.umask(mask)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.ckpt", "run.ckpt.prev"]
    assert_epoch(load_checkpoint(path), 3)
    assert_epoch(load_checkpoint(previous_path(path)), 2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# What is refused on saving


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"rule": {"rate": float("nan")}}, "header.rule.rate: nan"),
        ({"a": [1, -np.inf]}, "header.a.1: -inf"),
        ({"a": {3: 1}}, "header.a: key 3"),
        ({"state": np.zeros(2)}, "header.state: ndarray"),
        ({"count": np.int64(3)}, "header.count: int64"),
        ({"a": {1, 2}}, "header.a: set"),
        ({"big": 10**5000}, "header: "),
        ([1], "header: got list"),
    ],
)
def test_a_header_that_json_would_change_is_refused(tmp_path, header, words):
    with pytest.raises(CheckpointError, match=re.escape(words)):
        save_checkpoint(tmp_path / "run.ckpt", header, {})
    assert not list(tmp_path.iterdir())


def test_a_header_containing_itself_is_refused(tmp_path):
    header = {}
    header["self"] = header
    with pytest.raises(CheckpointError, match="nested more than 64"):
        save_checkpoint(tmp_path / "run.ckpt", header, {})


@pytest.mark.parametrize(
    "arrays",
    [
        {"W": np.array([object()])},
        {"W": np.zeros(2, dtype=[("a", "f8")])},
        {"W": np.array(["text"])},
        {"W": np.zeros(2, dtype="M8[s]")},
        {"W": np.ma.masked_array([1.0], mask=[True])},
        {"W": np.float64(1.0)},
        {"W": [1.0]},
        {"": np.zeros(1)},
        {"a\0b": np.zeros(1)},
        {"a\\b": np.zeros(1)},
        {3: np.zeros(1)},
        [np.zeros(1)],
    ],
)
def test_anything_but_plain_numeric_arrays_is_refused(tmp_path, arrays):
    with pytest.raises(CheckpointError, match="array") as caught:
        save_checkpoint(tmp_path / "run.ckpt", {}, arrays)
    assert str(caught.value).count("\n") < 4
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["missing/run.ckpt", "folder", "a\0b", "x" * 300])
def test_a_path_that_cannot_be_used_is_named(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="checkpoint .*: "):
        save_checkpoint(tmp_path / name, *epoch_state(1))
    with pytest.raises(CheckpointError, match="no usable checkpoint"):
        load_checkpoint(tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


# Damage


def damaged_copies(blob, count, seed):
    """Single flipped bytes and truncations, alternating, all different from blob."""
    rng = random.Random(seed)
    for index in range(count):
        at = rng.randrange(len(blob))
        # A quarter of the flips go to the 60 bytes of the frame.
        at = at % FRAME.size if index % 8 == 0 else at
        flipped = bytes([blob[at] ^ rng.randrange(1, 256)])
        yield blob[:at] + (flipped + blob[at + 1 :] if index % 2 == 0 else b"")


def test_400_flips_and_truncations_give_the_previous_state_and_a_warning(tmp_path):
    path = tmp_path / "run.ckpt"
    save_epochs(path, 1, 2)
    for bad in damaged_copies(path.read_bytes(), 400, seed=1):
        path.write_bytes(bad)
        with pytest.warns(UserWarning, match=re.escape(f"{path} cannot be used")):
            assert_epoch(load_checkpoint(path), 1)


def test_400_flips_and_truncations_of_the_only_file_give_our_error(tmp_path):
    path = tmp_path / "run.ckpt"
    save_epochs(path, 1)
    for bad in damaged_copies(path.read_bytes(), 400, seed=2):
        path.write_bytes(bad)
        with pytest.raises(CheckpointError, match="no usable checkpoint"):
            load_checkpoint(path)


DAMAGE = {
    "damaged": lambda blob: blob[:-1] + bytes([blob[-1] ^ 1]),
    "bytes long, should be": lambda blob: blob[:-9],
    "truncated to 20": lambda blob: blob[:20],
    "zero length": lambda blob: b"",
    "wrong first 8": lambda blob: b"\x89HDF\r\n\x1a\n" + blob[8:],
    "not a checkpoint": lambda blob: random.Random(0).randbytes(len(blob)),
}


@pytest.mark.parametrize("reason", DAMAGE)
def test_the_warning_says_what_is_wrong(tmp_path, reason):
    path = tmp_path / "run.ckpt"
    save_epochs(path, 1, 2)
    path.write_bytes(DAMAGE[reason](path.read_bytes()))
    with pytest.warns(UserWarning, match=reason):
        assert_epoch(load_checkpoint(path), 1)


def test_two_bad_files_are_both_named_with_their_reasons(tmp_path):
    path = tmp_path / "run.ckpt"
    path.write_bytes(b"")
    previous_path(path).write_bytes(b"text")
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    lines = str(caught.value).splitlines()
    assert lines[1] == f"{path}: zero length"
    assert lines[2].startswith(f"{path}.prev: not a checkpoint")
    assert len(lines) <= 4


def test_a_save_interrupted_between_its_renames_loads_with_a_warning(tmp_path):
    path = tmp_path / "run.ckpt"
    save_epochs(path, 1, 2)
    os.replace(path, previous_path(path))
    with pytest.warns(UserWarning, match="No such file"):
        assert_epoch(load_checkpoint(path), 2)
    save_epochs(path, 3)
    assert_epoch(load_checkpoint(previous_path(path)), 2)


def test_a_damaged_file_never_replaces_the_good_previous_one(tmp_path):
    path = tmp_path / "run.ckpt"
    save_epochs(path, 1, 2)
    path.write_bytes(path.read_bytes()[:-1])
    save_epochs(path, 3)
    assert_epoch(load_checkpoint(path), 3)
    assert_epoch(load_checkpoint(previous_path(path)), 1)


def test_a_newer_format_is_never_passed_over(tmp_path):
    path = tmp_path / "run.ckpt"
    save_epochs(path, 1, 2)
    write_valid_frame(path, npz(W=np.zeros(1)), version=3)
    with pytest.raises(
        CheckpointError, match="written by format 3, this reads up to 1"
    ):
        load_checkpoint(path)


def test_saving_over_a_newer_format_keeps_it_as_the_previous_file(tmp_path):
    path = tmp_path / "run.ckpt"
    save_epochs(path, 1, 2)
    write_valid_frame(path, npz(W=np.zeros(1)), version=3)
    newer = path.read_bytes()
    save_epochs(path, 4)
    assert previous_path(path).read_bytes() == newer


def test_format_zero_is_not_read(tmp_path):
    write_valid_frame(tmp_path / "run.ckpt", npz(W=np.zeros(1)), version=0)
    with pytest.raises(CheckpointError, match="unknown format 0"):
        load_checkpoint(tmp_path / "run.ckpt")


# A hostile writer: sizes and checksum are right


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_stored_object_is_refused_and_not_executed(tmp_path):
    path, mark = tmp_path / "run.ckpt", tmp_path / "executed"
    write_valid_frame(path, npz(W=np.array([Payload(mark)], dtype=object)))
    with pytest.raises(CheckpointError, match="'W': dtype object is refused"):
        load_checkpoint(path)
    assert not mark.exists()


def overlapping():
    """A member lying inside another: each fits in the file, their sum does not."""
    inner = zipped(("array.B.npy", npy_claiming((512,), data=bytes(4096))))
    start = inner[: inner.index(b"PK\x01\x02")]  # without its directory
    start += bytes(-len(start) % 8)
    outer = npy_claiming((len(start) // 8,), data=start)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("array.A.npy", outer)
        hidden = zipfile.ZipFile(io.BytesIO(inner)).infolist()[0]
        hidden.header_offset = buffer.getvalue().index(start)
        archive.filelist.append(hidden)
    return buffer.getvalue()


def one_array(*args):
    return zipped(("array.W.npy", npy_claiming(*args)))


HOSTILE = {
    "claims 10000000000128 bytes": one_array((10**13 // 8,)),
    "claims 147573952589676413056": one_array((2**32, 2**32)),
    "claims 144 bytes": one_array((-1, -2)),
    "claims 152 bytes, the file has 144": one_array((3,)),
    "dtype .* is refused": one_array((2,), [("a", "<f8")]),
    "not a valid dtype": one_array((2,), "no such type"),
    "magic string": zipped(("array.W.npy", b"text")),
    "unexpected member 'W.npy'": zipped(("W.npy", npy_claiming((2,)))),
    "array name '.x1b": zipped(("array.\x1b[2J.npy", npy_claiming((2,)))),
    "unexpected member 'array.W.npy'": zipped(
        *[("array.W.npy", npy_claiming((2,)))] * 2
    ),
    "unexpected member 'array.Z.npy'": zipped(
        ("array.Z.npy", npy_claiming((2,))), compression=zipfile.ZIP_DEFLATED
    ),
    "more bytes than the file": zipped(
        ("array.W.npy", npy_claiming((10**6,), data=bytes(8 * 10**6))),
        compression=zipfile.ZIP_DEFLATED,
    ),
    "claim more bytes": overlapping(),
    "not a zip file": b"text",
    "not a zip": b"",
}


@pytest.mark.parametrize("reason", HOSTILE)
def test_hostile_arrays_are_refused_before_memory_is_taken(tmp_path, reason):
    path = tmp_path / "run.ckpt"
    write_valid_frame(path, HOSTILE[reason])
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match=reason):
            load_checkpoint(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # One reading block of 1 MiB, copies of a file of at most 10 kB, parser state.
    assert path.stat().st_size < 10_000
    assert peak < 4 * 2**20


def test_400_damaged_payloads_with_a_right_checksum_raise_nothing_else(tmp_path):
    path = tmp_path / "run.ckpt"
    refused = 0
    for bad in damaged_copies(npz(W=np.arange(3.0), b=np.zeros((2, 2))), 400, seed=3):
        write_valid_frame(path, bad)
        try:
            load_checkpoint(path)
        except CheckpointError:
            refused += 1
    # Every truncation at least; some flips only touch unused zip fields.
    assert refused >= 200


@pytest.mark.parametrize(
    "text",
    [b'{"a": NaN}', b"[" * 100_000, b"[1]", b"", b"\xff", b'{"a": 1' + b"0" * 5000],
)
def test_a_hostile_header_is_refused(tmp_path, text):
    write_valid_frame(tmp_path / "run.ckpt", npz(W=np.zeros(1)), text)
    with pytest.raises(CheckpointError, match="no usable checkpoint"):
        load_checkpoint(tmp_path / "run.ckpt")


@pytest.mark.parametrize("sizes", [(2**60, 0), (0, 10**13), (2**64 - 1, 2**64 - 1)])
def test_sizes_in_the_frame_are_compared_with_the_file_first(tmp_path, sizes):
    path = tmp_path / "run.ckpt"
    path.write_bytes(FRAME.pack(b"DENDCKPT", 1, *sizes, bytes(32)) + b"{}")
    with pytest.raises(CheckpointError, match=f"62 bytes long, .* {60 + sum(sizes)}"):
        load_checkpoint(path)


def test_a_pipe_in_place_of_the_file_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "run.ckpt")
    with pytest.raises(CheckpointError, match="not a regular file"):
        load_checkpoint(tmp_path / "run.ckpt")
    with pytest.raises(StorageError, match="not a regular file"):
        save_epochs(tmp_path / "run.ckpt", 1)


# A file system that fails


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

# The packages are entered without their public names, which import much more.
PREAMBLE = f"""
import sys, types
for name in ("circuits", "dendrites"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [{str(ROOT)!r} + "/" + name]
from circuits.checkpoint import load_checkpoint, save_checkpoint
"""
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


# State and configuration


def test_a_loaded_state_has_the_hash_of_the_saved_one(tmp_path):
    save_checkpoint(tmp_path / "run.ckpt", {}, ARRAYS)
    found = load_checkpoint(tmp_path / "run.ckpt")[1]
    assert state_sha256(found) == state_sha256(dict(reversed(ARRAYS.items())))


def test_the_hash_is_the_documented_one():
    digest = hashlib.sha256()
    for name, kind, shape, data in [
        ("W", "<f4", [2, 1], struct.pack("<2f", 1, 2)),
        ("b", "<i8", [], struct.pack("<q", -3)),
    ]:
        label = json.dumps([name, kind, shape]).encode()
        digest.update(struct.pack("<Q", len(label)) + label + data)
    arrays = {"b": np.array(-3), "W": np.array([[1], [2]], dtype=np.float32)}
    assert state_sha256(arrays) == digest.hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        {"V": np.zeros((2, 3))},
        {"W": np.zeros((3, 2))},
        {"W": np.zeros((2, 3), dtype=np.int64)},
        {"W": np.zeros((2, 3), dtype=">f8")},
        {"W": -np.zeros((2, 3))},
        {"W": np.zeros((2, 3)), "b": np.zeros(0)},
        {},
    ],
)
def test_any_difference_changes_the_hash(other):
    assert state_sha256(other) != state_sha256({"W": np.zeros((2, 3))})


def test_memory_layout_does_not_change_the_hash():
    value = np.arange(12.0).reshape(3, 4)
    expected = state_sha256({"W": value})
    assert state_sha256({"W": np.asfortranarray(value)}) == expected
    assert state_sha256({"W": np.repeat(value, 2, axis=0)[::2]}) == expected


def test_differences_name_the_path_and_both_values():
    saved = {"rule": {"rate": 0.1, "on": True}, "sizes": [3, 5, 2], "seed": 1, "x": {}}
    current = {"rule": {"rate": 0.2, "on": 1}, "sizes": (3, 4), "seed": 1.0, "y": "a"}
    assert config_differences(saved, current) == [
        "rule.on: True != 1",
        "rule.rate: 0.1 != 0.2",
        "sizes.1: 5 != 4",
        "sizes.2: 2 != (absent)",
        "x: {} != (absent)",
        "y: (absent) != 'a'",
    ]


def test_a_stored_configuration_equals_itself(tmp_path):
    config = {"sizes": (3, 4), "rule": {"rate": 1e-3, "name": None}}
    save_checkpoint(tmp_path / "run.ckpt", {"config": config}, {})
    saved = load_checkpoint(tmp_path / "run.ckpt")[0]["config"]
    assert config_differences(saved, config) == []
    check_same_config(saved, config)


def test_another_configuration_is_refused_with_its_differences():
    saved = {"rule": {"rate": 0.1}, "many": list(range(20))}
    current = {"rule": {"rate": 0.2}, "many": [-1] * 20}
    with pytest.raises(CheckpointError, match=r"differences: 21 ") as caught:
        check_same_config(saved, current)
    assert "many.0: 0 != -1; " in str(caught.value)
    assert "and 9 more" in str(caught.value)
    assert str(caught.value).count("\n") < 4


def test_long_values_are_shortened_in_the_list_of_differences():
    (line,) = config_differences({"a": "x" * 1000}, {"a": 1})
    assert line == "a: '" + "x" * 56 + "... != 1"


# What the module must not need


def test_the_module_loads_neither_numba_nor_xarray():
    check = "print({'numba', 'xarray'} & set(sys.modules))"
    command = [sys.executable, "-c", PREAMBLE + check]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_module_mentions_no_way_to_load_code():
    source = Path(checkpoint.__file__).read_text()
    assert "allow_pickle=False" in source
    rest = source.replace("allow_pickle=False", "")
    for word in ("pickle", "eval(", "exec(", "marshal", "__import__", "importlib"):
        assert word not in rest
