"""Files of checkpoints: written, synced and renamed so that one is always complete."""

import contextlib
import errno
import os
import re
from pathlib import Path

from circuits._checkpoint_format import NewerFormat, verify
from dendrites._atomic import is_alive
from dendrites.errors import CheckpointError


def previous_path(path: str | os.PathLike[str]) -> Path:
    """Where the checkpoint before the current one is kept."""
    return Path(f"{Path(path)}.prev")


def write_and_sync(temporary, parts):
    """Write a new file, on disk when the call returns."""
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


def rename_into_place(temporary, path):
    """Make a file the current one, and an intact current one the previous."""
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


def sync_folder(folder):
    """Names in the folder are on disk when the call returns."""
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


def remove_stale_temporaries(path):
    """Remove files that dead processes were writing under this name."""
    pattern = re.compile(re.escape(f".{path.name}.") + r"([1-9][0-9]*)\.tmp")
    with os.scandir(path.parent) as entries:
        found = [(entry.path, pattern.fullmatch(entry.name)) for entry in entries]
    for name, match in found:
        # Our own number on an existing file is a dead process that had it before us.
        if match and (int(match[1]) == os.getpid() or not is_alive(int(match[1]))):
            with contextlib.suppress(OSError):
                os.unlink(name)


def _is_intact(path):
    try:
        with open(path, "rb") as stream:
            verify(stream)
    except (OSError, CheckpointError) as error:
        return isinstance(error, NewerFormat)
    return True
