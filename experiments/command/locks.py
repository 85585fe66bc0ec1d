"""One process at a time in the folder of a sweep, or at the result of a run.

The lock is the operating system's, taken by filelock, so that it ends with the process
however that ends. A file system without locks, such as some network ones, gets a file
that stands for one, and a warning says so. Whose the lock is stands beside it.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from dendrites.errors import StorageError


def owner_file(path: Path) -> Path:
    """Where it stands who holds the lock `path`."""
    return path.with_name(f"{path.name}.json")


def check_unused(path: Path, use: str) -> None:
    """Refuse what another process has locked.

    Parameters
    ----------
    path : Path
        The file with the lock.
    use : str
        What the other process does, for the message.

    Raises
    ------
    StorageError
        With the number of that process and when it started.
    """
    if path.exists():
        with locked(path, use):
            pass


@contextmanager
def locked(path: Path, use: str) -> Iterator[None]:
    """Within, no other process gets the lock.

    Parameters
    ----------
    path, use : see `check_unused`
        The file is removed at the end.

    Raises
    ------
    StorageError
        If another process has it, or the file system gives no locks. The lock of a
        process that is gone is free.
    """
    lock, owner = FileLock(path, mode=0o600), owner_file(path)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise StorageError(f"{use}: {_told(owner)}; wait for it or stop it") from error
    except OSError as error:
        raise StorageError(_cannot(path, error)) from error
    try:
        try:
            _sign(owner)
        except OSError as error:
            raise StorageError(_cannot(owner, error)) from error
        yield
    finally:
        owner.unlink(missing_ok=True)
        # Removed before it is released: whoever gets it next sees that it is gone.
        path.unlink(missing_ok=True)
        lock.release()


def now() -> str:
    """This moment, as run trees write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _sign(owner):
    owner.unlink(missing_ok=True)  # a link in its place could lead to another file
    with open(owner, "x") as file:
        json.dump({"pid": os.getpid(), "started_utc": now()}, file)


def _told(owner):
    try:
        found = json.loads(owner.read_text())
        return f"process {found['pid']}, since {found['started_utc']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "process (unknown)"


def _cannot(path, error):
    reason = (error.strerror or str(error)).lower()
    return (
        f"cannot lock {path}: {reason}\n"
        "Choose a folder on a file system with locks, such as a local disk."
    )
