"""Files that appear complete or not at all, and errors that say what could not be."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dendrites._atomic import replace, sibling, sync, usual_mode
from dendrites.errors import StorageError
from experiments.command.outputs import shown


def write_json(path: Path, record: Mapping, indent: int | None = None) -> None:
    """Put plain data in place, see `write_whole`."""
    text = json.dumps(record, sort_keys=True, allow_nan=False, indent=indent)
    write_whole(path, text.encode() + b"\n")


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in place whole; it would survive a loss of power.

    Raises
    ------
    StorageError
        If it cannot be written; an earlier file is unchanged.
    """
    temporary = sibling(path, "part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with storage_errors(path, len(data)):
            with open(os.open(temporary, flags, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(usual_mode(path, 0o666))
            replace(temporary, path)
            sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def storage_errors(path: Path, size: int = 0) -> Iterator[None]:
    """Within, what the system refuses becomes a StorageError about `path`.

    Parameters
    ----------
    path : Path
    size : int
        Bytes that are needed, if that may be the reason.
    """
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        needs = f": needs about {max(1, round(size / 1e6))} MB" if size else ""
        raise StorageError(f"cannot write {shown(path)}: {reason}{needs}") from error
