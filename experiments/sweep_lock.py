"""One process at a time in the folder of a sweep.

The lock is held on an open file, so that it ends with the process however that ends;
what the file says only tells whose it is. Where the file system has no locks, the
process named in the file must do.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from dendrites._atomic import is_alive, machine
from dendrites.errors import StorageError
from experiments.outputs import shown

try:
    import fcntl
except ImportError:  # not on this system
    fcntl = None

LOCK = "sweep.lock"


def check_unused(folder: Path) -> None:
    """Refuse a folder that another process has locked.

    Raises
    ------
    StorageError
        With the number of that process and when it started.
    """
    with suppress(FileNotFoundError), open(folder / LOCK, "rb+") as file:
        _take(folder, file.fileno())


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Within, no other process gets the lock of the folder.

    Raises
    ------
    StorageError
        If another process has it. That of a process which is gone is taken over.
    """
    path = folder / LOCK
    descriptor = _open(folder)
    try:
        owner = {"pid": os.getpid(), "machine": machine(), "started_utc": now()}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(owner).encode(), 0)
        yield
    finally:
        # Removed before it is unlocked: whoever locks it next sees that it is gone.
        path.unlink(missing_ok=True)
        os.close(descriptor)


def now() -> str:
    """This moment, as run trees write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _open(folder):
    path = folder / LOCK
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _take(folder, descriptor)
            if os.fstat(descriptor).st_ino == os.stat(path).st_ino:
                return descriptor
        except FileNotFoundError:
            pass  # removed by the process before; there may be a new one
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _take(folder, descriptor):
    owner = _owner(descriptor)
    if not _is_free(descriptor, owner):
        raise StorageError(
            f"{shown(folder)} is in use by a running sweep: process"
            f" {owner.get('pid', '(unknown)')}, since"
            f" {owner.get('started_utc', 'a moment ago')}; wait for it or stop it"
        )


def _is_free(descriptor, owner):
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False
        except OSError:
            pass  # a file system without locks
    pid = owner.get("pid")
    if type(pid) is not int or pid == os.getpid():
        return True
    return owner.get("machine") == machine() and not is_alive(pid)


def _owner(descriptor):
    try:
        owner = json.loads(os.pread(descriptor, 1000, 0))
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}
