"""Checkpoints of known content, and files made without the code under test."""

import hashlib
import io
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np

import circuits
from circuits.checkpoint import save_checkpoint

ROOT = Path(circuits.__file__).parents[1]
FRAME = struct.Struct("<8sIQQ32s")  # restated from the format, not imported

# The packages are entered without their public names, which import much more.
PREAMBLE = f"""
import sys, types
for name in ("circuits", "dendrites"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [{str(ROOT)!r} + "/" + name]
from circuits.checkpoint import load_checkpoint, save_checkpoint
"""


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
