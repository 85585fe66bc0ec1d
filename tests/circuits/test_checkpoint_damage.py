"""A damaged or hostile checkpoint never loads as something else."""

import io
import os
import random
import re
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from checkpoint_files import (
    FRAME,
    assert_epoch,
    npy_claiming,
    npz,
    save_epochs,
    write_valid_frame,
    zipped,
)

from circuits.checkpoint import load_checkpoint, previous_path
from dendrites.errors import CheckpointError, StorageError


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
