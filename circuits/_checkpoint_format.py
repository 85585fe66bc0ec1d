"""The bytes of a checkpoint: written exactly, and checked before they are believed.

A file is: 8-byte magic, format version (uint32), header length and payload length
(uint64 each), sha256 of version + header + payload, header (JSON), payload (npz,
uncompressed). Integers are little-endian. Later formats keep this frame, so that an
older reader can tell a newer file from a damaged one. The same header and arrays give
the same bytes: no time, host or dictionary order enters the file.
"""

import hashlib
import io
import json
import math
import os
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from circuits._config_differences import shortened
from dendrites.errors import CheckpointError

MAGIC = b"DENDCKPT"
FORMAT_VERSION = 1

_FRAME = struct.Struct("<8sIQQ32s")
_BLOCK = 1 << 20
_MAX_DEPTH = 64
# Without a prefix, an array called like an argument of numpy.savez would become one.
_MEMBER = "array."
_HEADER_READERS = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}


class NewerFormat(CheckpointError):
    """An intact file of a format this version does not know."""


def encode(
    header: dict, arrays: dict[str, np.ndarray]
) -> tuple[bytes | memoryview, ...]:
    """The parts of a file in order; CheckpointError if they cannot be exact."""
    text = _encode_header(header)
    buffer = io.BytesIO()
    named = sorted(checked_arrays(arrays).items())
    np.savez(buffer, **{_MEMBER + name: value for name, value in named})
    payload = buffer.getbuffer()
    return _frame(text, payload), text, payload


def read(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    """Header and arrays of an intact file; CheckpointError saying why not."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise CheckpointError("not a regular file")
        with open(path, "rb") as stream:
            text_size, payload_size = verify(stream)
            stream.seek(_FRAME.size)
            text, payload = stream.read(text_size), stream.read(payload_size)
        return _decode_header(text), _decode_arrays(payload)
    except CheckpointError:
        raise
    except Exception as error:
        # A hostile file can make the JSON, zip and npy readers raise almost anything.
        raise CheckpointError(reason(error)) from error


def verify(stream: BinaryIO) -> tuple[int, int]:
    """Lengths of header and payload of a file whose frame and checksum hold."""
    start = stream.read(_FRAME.size)
    if not start:
        raise CheckpointError("zero length")
    if not start.startswith(MAGIC):
        raise CheckpointError("not a checkpoint: wrong first 8 bytes")
    if len(start) < _FRAME.size:
        raise CheckpointError(f"truncated to {len(start)} bytes")
    _, version, text_size, payload_size, expected = _FRAME.unpack(start)
    size = os.fstat(stream.fileno()).st_size
    claimed = _FRAME.size + text_size + payload_size
    newer = f"written by format {version}, this reads up to {FORMAT_VERSION}"
    hint = f", or {newer}" if version > FORMAT_VERSION else ""
    if size != claimed:
        raise CheckpointError(f"{size} bytes long, should be {claimed}{hint}")
    digest = hashlib.sha256(version.to_bytes(4, "little"))
    while block := stream.read(_BLOCK):
        digest.update(block)
    if digest.digest() != expected:
        raise CheckpointError(f"damaged: checksum does not match{hint}")
    if version > FORMAT_VERSION:
        raise NewerFormat(newer)
    if version < 1:
        raise CheckpointError(f"unknown format {version}")
    return text_size, payload_size


def reason(error: Exception) -> str:
    """What an error says, in one line of at most 200 characters."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())[:200]


def _encode_header(header: Any) -> bytes:
    _require_dict(header, "header")
    _check_plain(header, "header", 0)
    try:
        return json.dumps(header, allow_nan=False, sort_keys=True).encode()
    except ValueError as error:  # an integer too long for Python to print
        raise CheckpointError(f"checkpoint header: {error}") from error


def _require_dict(value, what):
    if not isinstance(value, dict):
        raise CheckpointError(
            f"checkpoint {what}: got {type(value).__name__}, must be a dictionary"
        )


def _check_plain(value, where, depth):
    if depth > _MAX_DEPTH:
        raise CheckpointError(
            f"checkpoint {where[:80]}...: nested more than {_MAX_DEPTH} deep"
        )
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise CheckpointError(
                    f"checkpoint {where}: key {key!r} is {type(key).__name__}; "
                    "keys must be text"
                )
            _check_plain(item, f"{where}.{key}", depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check_plain(item, f"{where}.{index}", depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise CheckpointError(
            f"checkpoint {where}: {value!r} is not finite; JSON cannot hold it"
        )
    elif value is not None and not isinstance(value, str | int | float):
        raise CheckpointError(
            f"checkpoint {where}: {type(value).__name__} is not plain data\n"
            "allowed: text, int, float, bool, None, list, dict; "
            "arrays belong in `arrays`"
        )


def checked_arrays(arrays: Any) -> dict[str, np.ndarray]:
    _require_dict(arrays, "arrays")
    for name, value in arrays.items():
        printable = isinstance(name, str) and name.isprintable()
        if not printable or not 1 <= len(name) <= 200 or "\\" in name:
            raise CheckpointError(
                f"checkpoint array name {shortened(name)}: must be 1 to 200 printable "
                "characters without backslash"
            )
        # Subclasses carry more than the bytes we store, such as a mask.
        if type(value) is not np.ndarray:
            raise CheckpointError(
                f"checkpoint array {name!r}: got {type(value).__name__}, must be a "
                "plain numpy.ndarray; use numpy.asarray"
            )
        if not _storable(value.dtype):
            raise CheckpointError(
                f"checkpoint array {name!r}: dtype {value.dtype} is refused\n"
                "allowed: bool, integers, float and complex of at most 64 bits per part"
            )
    return arrays


def _storable(dtype):
    # Objects would be executable content, and long doubles hold undefined padding
    # that would make equal states hash differently.
    widest = {"b": 1, "i": 8, "u": 8, "f": 8, "c": 16}
    return dtype.itemsize <= widest.get(dtype.kind, -1)


def _frame(text, payload) -> bytes:
    version = FORMAT_VERSION.to_bytes(4, "little")
    digest = hashlib.sha256(version)
    digest.update(text)
    digest.update(payload)
    return _FRAME.pack(MAGIC, FORMAT_VERSION, len(text), len(payload), digest.digest())


def _decode_header(text: bytes) -> dict:
    header = json.loads(text, parse_constant=_refuse_constant)
    if not isinstance(header, dict):
        raise CheckpointError("its header is not a JSON object")
    return header


def _refuse_constant(text):
    raise CheckpointError(f"its header holds {text}")


def _decode_arrays(payload: bytes) -> dict[str, np.ndarray]:
    arrays = {}
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        members = archive.infolist()
        # Members may overlap, so each can fit while their sum would not.
        if sum(member.file_size for member in members) > len(payload):
            raise CheckpointError("its arrays claim more bytes than the file has")
        for member in members:
            name = member.filename.removeprefix(_MEMBER).removesuffix(".npy")
            plain = member.compress_type == zipfile.ZIP_STORED
            if member.filename != f"{_MEMBER}{name}.npy" or name in arrays or not plain:
                raise CheckpointError(f"unexpected member {shortened(member.filename)}")
            with archive.open(member) as stream:
                arrays[name] = _read_array(stream, name, member.file_size)
    return checked_arrays(arrays)


def _read_array(stream, name, size):
    version = npy.read_magic(stream)
    if version not in _HEADER_READERS:
        raise CheckpointError(f"array {name!r}: npy version {version} is not read")
    shape, _, dtype = _HEADER_READERS[version](stream)
    if not _storable(dtype):
        raise CheckpointError(f"array {name!r}: dtype {dtype} is refused")
    claimed = stream.tell() + math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or claimed != size:
        raise CheckpointError(
            f"array {name!r}: claims {claimed} bytes, the file has {size} for it"
        )
    stream.seek(0)
    return npy.read_array(stream, allow_pickle=False)
