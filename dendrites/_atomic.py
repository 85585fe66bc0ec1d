"""Outputs that appear complete or not at all, and what dead processes left."""

import functools
import hashlib
import itertools
import os
import platform
import re
import shutil
import stat
from pathlib import Path

from dendrites.errors import StorageError

# Systems take names of 255 bytes; temporary ones and checkpoints add up to 50.
LONGEST_NAME = 200
LEFTOVER = re.compile(r"\.(.+)\.(part|old)-([0-9a-f]{8})-(\d+)-\d+")
_serial = itertools.count()


def check_name_fits(path: Path) -> None:
    """Refuse a name that leaves no room for those of the files beside it.

    Raises
    ------
    StorageError
        With its length and the largest one.
    """
    if (length := len(os.fsencode(path.name))) > LONGEST_NAME:
        raise StorageError(
            f"{path.name[:60]}...: a name of {length} bytes is too long: at most"
            f" {LONGEST_NAME}, for files beside it have names that are longer"
        )


def replace(temporary: Path, path: Path) -> None:
    """Put a finished file or folder in place of what is there, if anything."""
    if not path.is_dir():
        os.replace(temporary, path)
        return
    # A folder cannot be renamed onto a full one: the old one is kept aside meanwhile.
    old = sibling(path, "old")
    os.replace(path, old)
    try:
        os.replace(temporary, path)
    except OSError:
        os.replace(old, path)
        raise
    remove(old)


def sibling(path: Path, role: str) -> Path:
    """A hidden name next to `path` that says which process uses it."""
    return path.with_name(
        f".{path.name}.{role}-{machine()}-{os.getpid()}-{next(_serial)}"
    )


@functools.cache
def machine() -> str:
    # A process id means nothing on another machine that shares the folder.
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def settle_leftovers(folder: Path, *, only: str | None = None) -> None:
    """Undo what dead processes left half-way; with `only`, just bring that back."""
    for entry in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        match = LEFTOVER.fullmatch(entry)
        if not match or match[3] != machine() or is_alive(int(match[4])):
            continue
        name, role = match.group(1, 2)
        target = folder / name
        if role == "old" and not target.exists() and only in (None, name):
            os.replace(folder / entry, target)
        elif only is None:
            remove(folder / entry)


def sync(path: Path) -> None:
    """Return only when a file or folder would survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def usual_mode(path: Path, default: int) -> int:
    """Permissions of the file replaced, else those of any new file."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0o077)
    os.umask(mask)
    return default & ~mask


def remove(path: Path) -> None:
    """Delete a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def is_alive(pid: int) -> bool:
    """Whether a process runs here; a number no process can have counts as dead."""
    if os.name != "posix":
        return True  # there, signal 0 would end the process instead of asking
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # it exists and is someone else's
    return True
