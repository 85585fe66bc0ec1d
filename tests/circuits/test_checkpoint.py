"""What a checkpoint holds comes back exactly; anything else is refused on saving."""

import hashlib
import json
import os
import re
import stat
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from checkpoint_files import (
    PREAMBLE,
    assert_epoch,
    epoch_state,
    npz,
    save_epochs,
    write_valid_frame,
)

from circuits import _checkpoint_format, _config_differences, checkpoint
from circuits.checkpoint import (
    load_checkpoint,
    previous_path,
    save_checkpoint,
    state_sha256,
)
from dendrites.errors import CheckpointError, StorageError

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


# The fingerprint of a state


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


# What the module must not need


def test_the_module_loads_neither_numba_nor_xarray():
    check = "print({'numba', 'xarray'} & set(sys.modules))"
    command = [sys.executable, "-c", PREAMBLE + check]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_modules_mention_no_way_to_load_code():
    modules = (checkpoint, _checkpoint_format, _config_differences)
    source = "".join(Path(module.__file__).read_text() for module in modules)
    assert "allow_pickle=False" in source
    rest = source.replace("allow_pickle=False", "")
    for word in ("pickle", "eval(", "exec(", "marshal", "__import__", "importlib"):
        assert word not in rest
