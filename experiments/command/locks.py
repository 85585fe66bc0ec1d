"""One process at a time in the folder of a sweep, or at the result of a run.

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

try:
    import fcntl
except ImportError:  # not on this system
    fcntl = None


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
    with suppress(FileNotFoundError), open(path, "rb+") as file:
        _take(file.fileno(), use)


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
        If another process has it. That of a process which is gone is taken over.
    """
    descriptor = _open(path, use)
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


def _open(path, use):
    # A link in its place could make another file lose its content.
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    while True:
        try:
            descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise StorageError(f"cannot lock {path}: {reason}") from error
        try:
            _take(descriptor, use)
            if os.fstat(descriptor).st_ino == os.stat(path).st_ino:
                return descriptor
        except FileNotFoundError:
            pass  # removed by the process before; there may be a new one
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _take(descriptor, use):
    owner = _owner(descriptor)
    if not _is_free(descriptor, owner):
        raise StorageError(
            f"{use}: process {owner.get('pid', '(unknown)')}, since"
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
