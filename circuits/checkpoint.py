"""Training state on disk: replaced atomically, checked on reading, the last two kept.

A save writes a temporary file in the same folder, syncs it, renames the current file
to `<name>.prev`, renames the new one into place and syncs the folder. At every moment
one complete checkpoint is on disk under one of the two names. The format of the file
is described in `_checkpoint_format`.
"""

import contextlib
import hashlib
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from circuits._checkpoint_files import (
    previous_path,
    remove_stale_temporaries,
    rename_into_place,
    sync_folder,
    write_and_sync,
)
from circuits._checkpoint_format import (
    FORMAT_VERSION,
    MAGIC,
    NewerFormat,
    checked_arrays,
    encode,
    read,
    reason,
)
from circuits._config_differences import check_same_config, config_differences
from dendrites._version import __version__
from dendrites.errors import CheckpointError, StorageError

__all__ = [
    "ANY_VERSION",
    "FORMAT_VERSION",
    "MAGIC",
    "check_arrays",
    "check_same_config",
    "config_differences",
    "load_checkpoint",
    "load_same_run",
    "previous_path",
    "run_header",
    "save_checkpoint",
    "state_sha256",
]


#: Value of `resume` that also takes a checkpoint of another version of dendrites.
ANY_VERSION = "any-version"


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
    parts = encode(header, arrays)
    temporary = path.parent / f".{path.name}.{os.getpid()}.tmp"
    if os.path.lexists(path) and not os.path.isfile(path):
        raise StorageError(
            f"checkpoint {path}: exists and is not a regular file; choose another name"
        )
    try:
        remove_stale_temporaries(path)
        try:
            write_and_sync(temporary, parts)
            rename_into_place(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError, ValueError):
                os.unlink(temporary)
            raise
        sync_folder(path.parent)
    except (OSError, ValueError) as error:
        size = sum(map(len, parts)) / 1e6
        raise StorageError(
            f"checkpoint {path}: not saved: {reason(error)}\n"
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
        return read(path)
    except NewerFormat as error:
        raise CheckpointError(
            f"checkpoint {path}: {error}\n"
            "resume with the version that wrote it, or start a run in another folder"
        ) from None
    except CheckpointError as error:
        fault = error
    try:
        state = read(previous)
    except CheckpointError as error:
        raise CheckpointError(
            f"no usable checkpoint\n{path}: {fault}\n{previous}: {error}\n"
            "check the path, restore a copy, or start a new run"
        ) from error
    warnings.warn(
        f"checkpoint {path} cannot be used ({fault}); using the one before it, "
        f"{previous}",
        UserWarning,
        stacklevel=2,
    )
    return state


def run_header(config: dict, **facts) -> dict:
    """What the checkpoint of a run says of it: settings, version, further facts."""
    return {"config": config, "dendrites": __version__, **facts}


def load_same_run(
    path: str | os.PathLike[str], config: dict, resume: bool | str = True
) -> tuple[dict, dict[str, np.ndarray]] | None:
    """Header and arrays of the checkpoint of a run with these settings, if any.

    Parameters
    ----------
    path : path
    config : dict
        As given to `run_header`.
    resume : True or "any-version"
        Whether another version of dendrites may have written it.

    Raises
    ------
    CheckpointError
        If it is of other settings, of another version or of no run, or if no copy can
        be used.
    """
    path = Path(path)
    if not any(map(os.path.exists, (path, previous_path(path)))):
        return None
    header, arrays = load_checkpoint(path)
    if "config" not in header:
        raise CheckpointError(f"{path.name} is no checkpoint of a training run")
    check_same_config(header["config"], config)
    written_by = header.get("dendrites", "(unknown)")
    if written_by != __version__ and resume != ANY_VERSION:
        raise CheckpointError(
            f"{path.name} was written by dendrites {written_by}, and this is "
            f"{__version__}, which may compute other numbers\n"
            "Go on with that version, or say that the two may be mixed: resume="
            f"{ANY_VERSION!r}, in a shell --resume --any-version"
        )
    return header, arrays


def check_arrays(saved: Mapping, expected: Mapping) -> None:
    """Refuse the arrays of a checkpoint that are not those of its run.

    Parameters
    ----------
    saved, expected : mapping of str to numpy.ndarray
        Of the second only names, shapes and types count.

    Raises
    ------
    CheckpointError
        Naming the first array that is missing, unknown, or of another shape or type.
    """
    for name in sorted({*saved, *expected}):
        found, wanted = (
            "(absent)" if name not in arrays else _form(arrays[name])
            for arrays in (saved, expected)
        )
        if found != wanted:
            raise CheckpointError(
                f"the checkpoint was altered: array {name!r:.100} is {found}, and "
                f"{wanted} in a run of its configuration\n"
                "restore a copy, or start a new run"
            )


def _form(array):
    return f"{np.shape(array)} {array.dtype}"


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
    for name, value in sorted(checked_arrays(arrays).items()):
        label = json.dumps([name, value.dtype.str, list(value.shape)]).encode()
        digest.update(len(label).to_bytes(8, "little") + label)
        digest.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8))
    return digest.hexdigest()
