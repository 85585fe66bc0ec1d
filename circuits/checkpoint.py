"""Training state on disk: replaced atomically, checked on reading, the last two kept.

A file is: 8-byte magic, format version (uint32), header length and payload length
(uint64 each), sha256 of version + header + payload, header (JSON), payload (npz,
uncompressed). Integers are little-endian. Later formats keep this frame, so that an
older reader can tell a newer file from a damaged one. The same header and arrays give
the same bytes: no time, host or dictionary order enters the file.

A save writes a temporary file in the same folder, syncs it, renames the current file
to `<name>.prev`, renames the new one into place and syncs the folder. At every moment
one complete checkpoint is on disk under one of the two names.
"""

import contextlib
import errno
import hashlib
import io
import json
import math
import os
import re
import stat
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from dendrites.errors import CheckpointError, StorageError

MAGIC = b"DENDCKPT"
FORMAT_VERSION = 1

_FRAME = struct.Struct("<8sIQQ32s")
_BLOCK = 1 << 20
_MAX_DEPTH = 64
_MAX_SHOWN = 12
# Without a prefix, an array called like an argument of numpy.savez would become one.
_MEMBER = "array."
_HEADER_READERS = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}
_ABSENT = object()


class _NewerFormat(CheckpointError):
    """An intact file of a format this version does not know."""


def previous_path(path: str | os.PathLike[str]) -> Path:
    """Where the checkpoint before the current one is kept."""
    return Path(f"{Path(path)}.prev")


def save_checkpoint(
    path: str | os.PathLike[str], header: dict, arrays: dict[str, np.ndarray]
) -> None:
    """Make this state the current checkpoint and keep the one before it.

    When the call returns, the state survives a crash or power loss. When it raises,
    a checkpoint that could be loaded before can still be loaded. A damaged current
    file is replaced but never becomes the previous one, which may be the last good
    copy. Temporary files left by dead processes under this name are removed.

    Parameters
    ----------
    path : path of the file
        Its folder must exist. One process at a time may write to one path.
    header : dict
        Plain data: text keys; text, finite numbers, booleans, None, lists (tuples
        come back as lists) and dictionaries, nested at most 64 deep.
    arrays : dict of str to numpy.ndarray
        Any shape, zero-dimensional and empty included; boolean, integer, float or
        complex of at most 64 bits per part. Units are the caller's.

    Raises
    ------
    CheckpointError
        If header or arrays cannot be stored exactly; nothing is written.
    StorageError
        If the file system refuses (full, read-only, missing folder, ...).

    Source: our format.
    """
    path = Path(path)
    text = _encode_header(header)
    buffer = io.BytesIO()
    named = sorted(_checked_arrays(arrays).items())
    np.savez(buffer, **{_MEMBER + name: value for name, value in named})
    payload = buffer.getbuffer()
    frame = _frame(text, payload)
    temporary = path.parent / f".{path.name}.{os.getpid()}.tmp"
    if os.path.lexists(path) and not path.is_file():
        raise StorageError(
            f"checkpoint {path}: exists and is not a regular file; choose another name"
        )
    try:
        _remove_stale_temporaries(path)
        try:
            _write_and_sync(temporary, (frame, text, payload))
            _rename_into_place(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError, ValueError):
                os.unlink(temporary)
            raise
        _sync_folder(path.parent)
    except (OSError, ValueError) as error:
        size = (len(frame) + len(text) + len(payload)) / 1e6
        raise StorageError(
            f"checkpoint {path}: not saved: {_reason(error)}\n"
            f"needs about {size:.3g} MB in a writable folder {path.parent}\n"
            "a checkpoint saved earlier can still be loaded"
        ) from error


def load_checkpoint(
    path: str | os.PathLike[str],
) -> tuple[dict, dict[str, np.ndarray]]:
    """Header and arrays of the newest checkpoint that is intact.

    Falls back to the previous file, with a UserWarning naming the unusable one and
    why, also when the current file is missing because a save was interrupted between
    its two renames. An intact file of a newer format is never passed over: going on
    from the older state would discard the newer run.

    Parameters
    ----------
    path : path given to `save_checkpoint`

    Returns
    -------
    header : dict
    arrays : dict of str to numpy.ndarray
        Shapes, types and bits as saved.

    Raises
    ------
    CheckpointError
        If neither file can be used (both are named with the reason), or the current
        one was written by a newer format.

    Source: our format.
    """
    path = Path(path)
    previous = previous_path(path)
    try:
        return _read(path)
    except _NewerFormat as error:
        raise CheckpointError(
            f"checkpoint {path}: {error}\n"
            "resume with the version that wrote it, or start a run in another folder"
        ) from None
    except CheckpointError as error:
        reason = error
    try:
        state = _read(previous)
    except CheckpointError as error:
        raise CheckpointError(
            f"no usable checkpoint\n{path}: {reason}\n{previous}: {error}\n"
            "check the path, restore a copy, or start a new run"
        ) from error
    warnings.warn(
        f"checkpoint {path} cannot be used ({reason}); using the one before it, "
        f"{previous}",
        UserWarning,
        stacklevel=2,
    )
    return state


def state_sha256(arrays: dict[str, np.ndarray]) -> str:
    """Fingerprint of a state: equal only if all names, types, shapes and bits are.

    Independent of dictionary order and memory layout; 0.0 and -0.0 differ.

    Parameters
    ----------
    arrays : dict of str to numpy.ndarray
        As for `save_checkpoint`.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    CheckpointError
        If `save_checkpoint` would refuse these arrays.

    Source: our definition.
    """
    digest = hashlib.sha256()
    for name, value in sorted(_checked_arrays(arrays).items()):
        label = json.dumps([name, value.dtype.str, list(value.shape)]).encode()
        digest.update(len(label).to_bytes(8, "little") + label)
        digest.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8))
    return digest.hexdigest()


def config_differences(a: dict, b: dict) -> list[str]:
    """Where two configurations differ, as `dotted.path: value in a != value in b`.

    Lists and tuples are compared item by item and are interchangeable, as they are in
    a stored header. 1 equals 1.0; True does not equal 1.

    Parameters
    ----------
    a, b : dict
        Plain data.

    Returns
    -------
    list of str
        Sorted by path; empty if the configurations are the same.

    Source: our definition.
    """
    return list(_differences(a, b, ""))


def check_same_config(saved: dict, current: dict) -> None:
    """Refuse to resume a run under another configuration.

    Parameters
    ----------
    saved, current : dict
        Plain data: the configuration in the checkpoint, and the one asked for now.

    Raises
    ------
    CheckpointError
        If they differ; the first 12 differing paths are listed with both values.

    Source: our definition.
    """
    found = config_differences(saved, current)
    if not found:
        return
    shown = "; ".join(found[:_MAX_SHOWN])
    if len(found) > _MAX_SHOWN:
        shown += f"; and {len(found) - _MAX_SHOWN} more"
    raise CheckpointError(
        f"the checkpoint has another configuration; differences: {len(found)} "
        f"(saved != current)\n{shown}\n"
        "resume with the saved configuration, or start a run in another folder"
    )


def _differences(a, b, where):
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        a, b = dict(enumerate(a)), dict(enumerate(b))
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted({*a, *b}, key=lambda key: (isinstance(key, str), key)):
            text = str(key) if str(key).isprintable() else repr(key)
            path = f"{where}.{text}" if where else text
            yield from _differences(a.get(key, _ABSENT), b.get(key, _ABSENT), path)
    elif isinstance(a, bool) is not isinstance(b, bool) or a != b:
        yield f"{where}: {_shown(a)} != {_shown(b)}"


def _shown(value):
    if value is _ABSENT:
        return "(absent)"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


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


def _checked_arrays(arrays: Any) -> dict[str, np.ndarray]:
    _require_dict(arrays, "arrays")
    for name, value in arrays.items():
        printable = isinstance(name, str) and name.isprintable()
        if not printable or not 1 <= len(name) <= 200 or "\\" in name:
            raise CheckpointError(
                f"checkpoint array name {_shown(name)}: must be 1 to 200 printable "
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


def _write_and_sync(temporary, parts):
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o600)
    try:
        for part in parts:
            rest = memoryview(part)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename_into_place(temporary, path):
    previous = previous_path(path)
    keep = _is_intact(path)
    if keep:
        os.replace(path, previous)
    try:
        os.replace(temporary, path)
    except BaseException:
        if keep:
            with contextlib.suppress(OSError):
                os.replace(previous, path)
        raise


def _sync_folder(folder):
    if os.name != "posix":
        return  # other systems cannot open a folder
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems have no such operation on folders.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def _remove_stale_temporaries(path):
    pattern = re.compile(re.escape(f".{path.name}.") + r"([1-9][0-9]*)\.tmp")
    with os.scandir(path.parent) as entries:
        found = [(entry.path, pattern.fullmatch(entry.name)) for entry in entries]
    for name, match in found:
        # Our own number on an existing file is a dead process that had it before us.
        if match and (int(match[1]) == os.getpid() or not _is_alive(int(match[1]))):
            with contextlib.suppress(OSError):
                os.unlink(name)


def _is_alive(pid):
    if os.name != "posix":
        return True  # there, signal 0 would end the process instead of asking
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # it exists and is someone else's
    return True


def _is_intact(path):
    try:
        with open(path, "rb") as stream:
            _verify(stream)
    except (OSError, CheckpointError) as error:
        return isinstance(error, _NewerFormat)
    return True


def _verify(stream: BinaryIO) -> tuple[int, int]:
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
        raise _NewerFormat(newer)
    if version < 1:
        raise CheckpointError(f"unknown format {version}")
    return text_size, payload_size


def _read(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise CheckpointError("not a regular file")
        with open(path, "rb") as stream:
            text_size, payload_size = _verify(stream)
            stream.seek(_FRAME.size)
            text, payload = stream.read(text_size), stream.read(payload_size)
        return _decode_header(text), _decode_arrays(payload)
    except CheckpointError:
        raise
    except Exception as error:
        # A hostile file can make the JSON, zip and npy readers raise almost anything.
        raise CheckpointError(_reason(error)) from error


def _reason(error):
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())[:200]


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
                raise CheckpointError(f"unexpected member {_shown(member.filename)}")
            with archive.open(member) as stream:
                arrays[name] = _read_array(stream, name, member.file_size)
    return _checked_arrays(arrays)


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
