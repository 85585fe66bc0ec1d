"""Runs on disk: written so that a crash loses nothing, checked when read."""

import importlib.util
import os
import unicodedata
from pathlib import Path

import xarray as xr

from dendrites._atomic import (
    check_name_fits,
    remove,
    replace,
    settle_leftovers,
    sibling,
    sync,
    usual_mode,
)
from dendrites._run_formats import read_tree, write_netcdf, write_zarr
from dendrites._validate_dataset import VERSION, schema_version, validate
from dendrites.errors import ConfigError, DataError, StorageError

__all__ = ["open_run", "output_path", "save_run"]

# How each kind of output is written, and its permissions before the umask.
FORMATS = {".nc": (write_netcdf, 0o666), ".zarr": (write_zarr, 0o777)}


def save_run(
    tree: xr.DataTree, path: str | os.PathLike, *, overwrite: bool = False
) -> Path:
    """Write a run so that a crash leaves the old file or the complete new one.

    Parameters
    ----------
    tree : xarray.DataTree
    path : str or path
        Ends in `.nc` (one netCDF file) or `.zarr` (a Zarr 3 store, needs the extra
        `dendrites[zarr]`).
    overwrite : bool
        Replace what is there.

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    DataError
        If the tree is not valid; nothing is written.
    ConfigError
        If the suffix is unknown or Zarr is not installed.
    StorageError
        If the target exists, or its folder cannot be written, or the disk is full.
    """
    validate(tree)
    path = Path(path)
    _check_target(path, overwrite)
    write, mode = FORMATS[path.suffix]
    temporary = sibling(path, "part")
    try:
        settle_leftovers(path.parent)
        write(tree, temporary)
        temporary.chmod(usual_mode(path, mode))
        replace(temporary, path)
        sync(path.parent)
    except OSError as error:
        size = max(1, round(tree.nbytes / 1e6))
        reason = (error.strerror or str(error)).lower()
        raise StorageError(
            f"cannot write {path}: {reason}: needs about {size} MB\n"
            "Free some space or choose another folder; an earlier file is unchanged."
        ) from error
    finally:
        remove(temporary)
    return path


def open_run(path: str | os.PathLike, *, verify: bool = True) -> xr.DataTree:
    """Read a run into memory, equal to the tree that was saved.

    Parameters
    ----------
    path : str or path
        A netCDF file or a Zarr store of schema 1.x.
    verify : bool
        Compare the stored checksums. False reads a file as it is: one that has no
        checksums because other software has written or changed it, or a damaged one.

    Returns
    -------
    xarray.DataTree

    Raises
    ------
    StorageError
        If there is no such file, it is damaged, has no checksums or is not a file of
        this kind, or it points to other files.
    DataError
        If it is no run, was written by schema 2 or later, or breaks the schema.

    Notes
    -----
    The checksums find accidents, not malice: whoever can change a file can change them
    too. A file made to do so can keep HDF5 busy for ever; read what strangers send in
    a process of its own that is ended after some time (``timeout 60 python ...``).
    """
    path = Path(path)
    try:
        if not os.path.exists(path):
            settle_leftovers(path.parent, only=path.name)
            if not os.path.exists(path):
                raise FileNotFoundError
        tree = read_tree(path, verify=verify)
    except StorageError:
        raise
    except FileNotFoundError as error:
        raise StorageError(f"{path}: no such file or Zarr store") from error
    except Exception as error:
        # The format libraries raise nearly any type on damaged input.
        if isinstance(error, ImportError):
            _require_zarr()
        raise StorageError(
            f"{path}: not a readable netCDF file or Zarr store; it may be damaged"
            f" ({type(error).__name__}: {str(error)[:200]})"
        ) from error
    try:
        if schema_version(tree.attrs) <= VERSION:
            validate(tree)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    return tree


def output_path(
    name: str | os.PathLike, folder: str | os.PathLike, *, allow_absolute: bool = False
) -> Path:
    """Where an output called `name` goes, guaranteed to lie under `folder`.

    Parameters
    ----------
    name : str or path
        Relative to `folder`.
    folder : str or path
    allow_absolute : bool
        Accept an absolute `name`; its parent is then the folder.

    Returns
    -------
    pathlib.Path
        Absolute, symbolic links resolved.

    Raises
    ------
    StorageError
        If `name` is empty or leads out of the folder (`..`, `~`, an absolute path, a
        symbolic link), holds control characters, or is too long.
    """
    text = os.fspath(name)
    refused = StorageError(
        f"output {text!r:.200} must stay under the output directory {folder}:\n"
        "use a relative name without '..', '~', control characters or links to other"
        " places"
    )
    parts = Path(text).parts
    # Control characters, NUL among them, could steer the terminal that shows the name.
    if any(unicodedata.category(c) == "Cc" for c in text):
        raise refused
    if ".." in parts or any(part.startswith("~") for part in parts):
        raise refused
    if Path(text).is_absolute():
        if not allow_absolute:
            raise refused
        folder, text = Path(text).parent, Path(text).name
    check_name_fits(Path(text))
    try:
        root = Path(folder).resolve()
        target = (root / text).resolve()
    except (OSError, RuntimeError) as error:  # a loop of links, a name too long
        raise refused from error
    if target == root or not target.is_relative_to(root):
        raise refused
    return target


def _check_target(
    path: Path, overwrite: bool, *, elsewhere: str = "choose another"
) -> None:
    """Refuse what cannot be written; `elsewhere` says how to name another folder."""
    if path.suffix not in FORMATS:
        raise ConfigError(
            f"{path}: unknown kind of file {path.suffix!r}; use {' or '.join(FORMATS)}"
        )
    if path.suffix == ".zarr":
        _require_zarr()
    check_folder(path, elsewhere=elsewhere)
    if os.path.lexists(path):
        if not overwrite:
            raise StorageError(
                f"{path} already exists; choose another name, or replace it with"
                " overwrite=True"
            )
        is_run = path.is_file() if path.suffix == ".nc" else _is_store(path)
        if not is_run:
            raise StorageError(
                f"{path} exists and is not a {path.suffix} output; it is left alone,"
                " remove it yourself or choose another name"
            )


def check_folder(path: Path, *, elsewhere: str = "choose another") -> None:
    """Refuse a file whose name is too long, or whose folder cannot be written.

    Parameters
    ----------
    path : Path
        Of the file.
    elsewhere : str
        How to name another folder, for the message.

    Raises
    ------
    StorageError
    """
    check_name_fits(path)
    folder = path.parent
    if not os.path.exists(folder):
        raise StorageError(
            f"{path}: folder {folder} does not exist; create it, or {elsewhere}"
        )
    if not folder.is_dir():
        raise StorageError(f"{path}: {folder} is a file, not a folder; {elsewhere}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StorageError(
            f"{path}: folder {folder} is read-only for you; change its permissions, or"
            f" {elsewhere}"
        )


def _is_store(path: Path) -> bool:
    return (path / "zarr.json").is_file() and not path.is_symlink()


def _require_zarr() -> None:
    if importlib.util.find_spec("zarr") is None:
        raise ConfigError(
            ".zarr needs the package zarr, which is not installed; run"
            " pip install 'dendritic-circuits[zarr]', or use .nc"
        )
