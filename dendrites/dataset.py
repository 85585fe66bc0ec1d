"""Labelled results of runs: build, check, write and read one xarray tree per run.

The names of groups, dimensions and attributes are those of the dataset schema 1.0.
A tree in memory, its netCDF file and its Zarr store hold the same values.
"""

import functools
import hashlib
import importlib.metadata
import importlib.util
import itertools
import json
import os
import platform
import re
import shutil
import stat
import subprocess
import uuid
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from dendrites._validate_dataset import (
    SCHEMA,
    VERSION,
    canonical_json,
    schema_version,
    validate,
)
from dendrites.errors import ConfigError, DataError, StorageError

__all__ = [
    *("labels", "open_run", "output_path", "population_dataset", "run_tree"),
    *("save_run", "update_root", "validate"),
]

SUFFIXES = (".nc", ".zarr")
CHUNK_BYTES = 4 << 20
# Follows the HDF5 data, where every reader ignores it: HDF5 itself neither notices
# flipped bytes in text and attributes nor survives all of them.
SEAL = b"\ndendrites sha256 "
SEAL_LENGTH = len(SEAL) + 64 + 1
MANIFEST = "manifest.json"
LEFTOVER = re.compile(r"\.(.+)\.(part|old)-([0-9a-f]{8})-(\d+)-\d+")
SOURCE = Path(__file__).resolve().parents[1]
_serial = itertools.count()


def labels(items: Iterable) -> np.ndarray:
    """Text labels in the one form every backend keeps: an object array of str."""
    return np.array([str(item) for item in items], dtype=object)


def population_dataset(
    step: Sequence[int] | np.ndarray,
    dt_ms: float,
    v: np.ndarray | None,
    compartments: Sequence[str],
    unit: Sequence[int] | np.ndarray,
    *,
    v_units: str = "mV",
    others: Mapping[str, tuple[Sequence[str], np.ndarray, str]] | None = None,
    leading: tuple | list[tuple] | None = None,
    record_initial: int = 0,
    n_units: int | None = None,
) -> xr.Dataset:
    """One population's recording as the schema's `/populations/<name>` group.

    Parameters
    ----------
    step : integers, shape (time,)
        Steps after which the state was recorded; time is `step * dt_ms`.
    dt_ms : float
        Step length, ms.
    v : array, shape (*leading, time, compartment, unit), or None
        Membrane potential; the arrays are referred to, not copied.
    compartments : sequence of str, shape (compartment,)
    unit : integers, shape (unit,)
        Index of each recorded unit in its population.
    v_units : str
        "mV", or "1" for a dimensionless model.
    others : mapping of name to (dims, array, units)
        Further variables; `dims` without the leading ones, which are put in front
        if the array has them.
    leading : (name, values) or (name, values, units), or a list of these
        Dimensions before time: `condition`, `replica`, `sample`. Numbers without
        units are dimensionless.
    record_initial : {0, 1}
        1 if the first sample is the initial state (step 0).
    n_units : int, optional
        Size of the whole population; needed when `unit` is 0, 1, ... of a larger one.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    DataError
        If an array does not have the shape of its labels.
    """
    step = np.asarray(step)
    if step.ndim != 1 or (step.size and step.dtype.kind not in "iu"):
        raise DataError(f"step must be a list of integers, got {step.dtype} array")
    step = step.astype(np.int64)
    sampling = {"units": "ms", "sampling": "state after the step"}
    coordinates = {
        "time": ("time", step * float(dt_ms), sampling),
        "step": ("time", step, {"units": "1"}),
        "unit": ("unit", np.asarray(unit, dtype=np.int64), {"units": "1"}),
    }
    leading = [leading] if isinstance(leading, tuple) else list(leading or ())
    for name, values, *units in leading:
        values = np.asarray(values)
        numeric = values.dtype.kind in "fiub"
        attrs = {"units": units[0] if units else "1"} if numeric or units else {}
        coordinates[name] = (name, values if numeric else labels(values), attrs)
    variables = dict(others or {})
    if v is not None:
        coordinates["compartment"] = ("compartment", labels(compartments), {})
        variables = {"v": (("time", "compartment", "unit"), v, v_units)} | variables
    outer = tuple(name for name, *_ in leading)
    data = {}
    for name, (dims, array, units) in variables.items():
        array, dims = np.asarray(array), tuple(dims)
        dims = outer + dims if array.ndim == len(outer) + len(dims) else dims
        sizes = tuple(len(coordinates[dim][1]) for dim in dims if dim in coordinates)
        if array.ndim != len(dims) or len(sizes) != len(dims) or array.shape != sizes:
            raise DataError(
                f"variable {name!r}: labels of {dims} give shape {sizes}, got an array"
                f" of shape {array.shape}"
            )
        data[name] = (dims, array, {"units": units})
    attrs = {"record_initial": int(record_initial)}
    if n_units is not None:
        attrs["n_units"] = int(n_units)
    return xr.Dataset(data, coordinates, attrs)


def run_tree(
    kind: str,
    config: Mapping,
    groups: Mapping[str, xr.Dataset],
    *,
    title: str,
    integrator: str,
    dt_ms: float,
    dtype: str,
    seed: int | str,
    t_stop_ms: float | None = None,
    n_epochs: int | None = None,
    headline: Mapping[str, Mapping] | None = None,
    citation: str = "",
    data_sources: Sequence[Mapping] = (),
    created_utc: str,
    n_threads: int = 1,
    parent_run_id: str = "",
    n_resumes: int = 0,
    run_id: str | None = None,
    complete: bool = True,
    extra: Mapping[str, str | int | float] | None = None,
) -> xr.DataTree:
    """The labelled result of one run, with its settings and provenance, checked.

    Parameters
    ----------
    kind : {"simulation", "training", "sweep"}
    config : mapping
        Everything needed to repeat the run; stored as canonical JSON. Keep absolute
        paths and names of people and machines out of it.
    groups : mapping of group path ("/populations/hidden1") to xarray.Dataset
    title, integrator, citation : str
    dt_ms, t_stop_ms : float
        Step and length of a run, ms; `dt_ms` is 0 for a run without time.
    n_epochs : int
        Length of a training run. This or `t_stop_ms` is required except for sweeps.
    dtype : {"float64", "float32"}
    seed : int or decimal text, >= 0, of any size
    headline : mapping of name to {"value", "unit", "reference", "source"}
        The run's headline figures; the last two may be left out.
    data_sources : sequence of {"name", "licence", "sha256"}
    created_utc : str
        "YYYY-MM-DDTHH:MM:SSZ".
    n_threads, n_resumes : int
    parent_run_id, run_id : uuid text; a new `run_id` is drawn if it is None
    complete : bool
    extra : mapping
        Further root attributes such as `state_sha256`, and `finished_utc`.

    Returns
    -------
    xarray.DataTree
        Attributes of all groups are plain Python values.

    Raises
    ------
    ConfigError
        If the settings cannot be stored.
    DataError
        If the tree is not valid; every problem is named with its path.
    """
    if isinstance(seed, bool) or not re.fullmatch(r"\d+", str(seed)):
        raise ConfigError(f"seed must be a whole number >= 0, got {seed!r}")
    config_json = _json_text(config, "config")
    attrs = {
        "schema": SCHEMA,
        "schema_version": "{}.{}".format(*VERSION),
        "Conventions": "dendrites-1.0",
        "run_id": str(uuid.uuid4()) if run_id is None else run_id,
        "kind": kind,
        "title": title,
        "created_utc": created_utc,
        "finished_utc": "",
        **_provenance(),
        "n_threads": n_threads,
        "config_json": config_json,
        "config_sha256": hashlib.sha256(config_json.encode()).hexdigest(),
        "seed": str(int(seed)),
        "rng": "philox4x32-10",
        "integrator": integrator,
        "dt_ms": float(dt_ms),
        "dtype": dtype,
        "complete": int(complete),
        "parent_run_id": parent_run_id,
        "n_resumes": n_resumes,
        "data_sources_json": _json_text(list(data_sources), "data_sources"),
        "headline_json": _headline_text(headline or {}),
        "citation": citation,
    }
    if t_stop_ms is not None:
        attrs["t_stop_ms"] = float(t_stop_ms)
    if n_epochs is not None:
        attrs["n_epochs"] = n_epochs
    taken = sorted(set(extra or ()) & (set(attrs) - {"finished_utc"}))
    if taken:
        raise ConfigError(f"extra: {taken[0]!r} is set by run_tree; choose other names")
    attrs |= extra or {}
    if misplaced := [path for path in groups if not path.strip("/")]:
        raise DataError(f"groups: {misplaced[0]!r} is the root, which holds no data")
    try:
        tree = _rebuilt({"/": xr.Dataset(attrs=attrs)} | dict(groups))
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"groups do not form a tree: {error}") from error
    validate(tree)
    return tree


def update_root(tree: xr.DataTree, **attrs) -> xr.DataTree:
    """A tree sharing the data of `tree`, with some root attributes changed.

    Parameters
    ----------
    tree : xarray.DataTree
    **attrs : str, int or float
        New values; `headline` takes a mapping as in `run_tree`.

    Raises
    ------
    DataError
        If the result is not valid.
    """
    if "headline" in attrs:
        attrs["headline_json"] = _headline_text(attrs.pop("headline"))
    groups = {node.path: node.to_dataset(inherit=False) for node in tree.subtree}
    groups["/"] = groups["/"].assign_attrs(attrs)
    tree = _rebuilt(groups)
    validate(tree)
    return tree


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
    temporary = _sibling(path, "part")
    try:
        _settle_leftovers(path.parent)
        if path.suffix == ".nc":
            _write_netcdf(tree, temporary)
            temporary.chmod(_usual_mode(path, 0o666))
            os.replace(temporary, path)
        else:
            _write_zarr(tree, temporary)
            temporary.chmod(_usual_mode(path, 0o777))
            _replace_folder(temporary, path)
        _sync(path.parent)
    except OSError as error:
        size = max(1, round(tree.nbytes / 1e6))
        reason = (error.strerror or str(error)).lower()
        raise StorageError(
            f"cannot write {path}: {reason}: needs about {size} MB\n"
            "Free some space or choose another folder; an earlier file is unchanged."
        ) from error
    finally:
        _remove(temporary)
    return path


def open_run(path: str | os.PathLike, *, verify: bool = True) -> xr.DataTree:
    """Read a run into memory, equal to the tree that was saved.

    Parameters
    ----------
    path : str or path
        A netCDF file or a Zarr store of schema 1.x.
    verify : bool
        Compare the stored checksums. Without them a file changed by other software
        is read as it is.

    Returns
    -------
    xarray.DataTree

    Raises
    ------
    StorageError
        If there is no such file, or it is damaged or not a file of this kind.
    DataError
        If it is no run, was written by schema 2 or later, or breaks the schema.
    """
    path = Path(path)
    try:
        if not path.exists():
            _settle_leftovers(path.parent, only=path.name)
        is_store = path.is_dir()
        if verify:
            _check_manifest(path) if is_store else _check_seal(path)
        tree = _read(path, is_store)
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
        symbolic link) or holds a NUL character.
    """
    text = os.fspath(name)
    refused = StorageError(
        f"output {text!r:.200} must stay under the output directory {folder}:\n"
        "use a relative name without '..', '~', NUL or links to other places"
    )
    parts = Path(text).parts
    if "\0" in text or ".." in parts or any(part.startswith("~") for part in parts):
        raise refused
    if Path(text).is_absolute():
        if not allow_absolute:
            raise refused
        folder, text = Path(text).parent, Path(text).name
    try:
        root = Path(folder).resolve()
        target = (root / text).resolve()
    except (OSError, RuntimeError) as error:  # a loop of links, a name too long
        raise refused from error
    if target == root or not target.is_relative_to(root):
        raise refused
    return target


# Building


def _rebuilt(groups: Mapping[str, xr.Dataset]) -> xr.DataTree:
    return xr.DataTree.from_dict(
        {path: _plain_dataset(dataset) for path, dataset in groups.items()}
    )


def _plain_dataset(dataset: xr.Dataset) -> xr.Dataset:
    """The same data with plain attributes, portable text and no encoding."""
    dataset = dataset.drop_encoding()
    text = {
        name: (variable.dims, labels(variable.values.ravel()).reshape(variable.shape))
        for name, variable in dataset.variables.items()
        if variable.dtype.kind in "UT"
    }
    attrs = {name: variable.attrs for name, variable in dataset.variables.items()}
    dataset = dataset.assign_coords(
        {k: v for k, v in text.items() if k in dataset.coords}
    )
    dataset = dataset.assign({k: v for k, v in text.items() if k not in dataset.coords})
    for name, values in attrs.items():
        dataset.variables[name].attrs = _plain(values)
    dataset.attrs = _plain(dataset.attrs)
    return dataset


def _plain(value):
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return [_plain(item) for item in value] if type(value) in (list, tuple) else value


def _json_text(value, what: str) -> str:
    try:
        return canonical_json(json.loads(json.dumps(value, default=_plain_number)))
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"{what} cannot be stored as JSON: {error}\n"
            "Allowed: text, finite numbers, true/false, null, lists and mappings."
        ) from error


def _plain_number(value):
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} {value!r:.60}")


def _headline_text(headline: Mapping[str, Mapping]) -> str:
    full = {}
    for name, entry in headline.items():
        unknown = set(entry) - {"value", "unit", "reference", "source"}
        missing = {"value", "unit"} - set(entry)
        if unknown or missing:
            raise ConfigError(
                f"headline {name!r}: keys are value, unit, reference, source;"
                f" unknown {sorted(unknown)}, missing {sorted(missing)}"
            )
        full[name] = {"reference": "", "source": ""} | dict(entry)
    return _json_text(full, "headline")


# Provenance


@functools.cache
def _provenance() -> dict[str, str | int]:
    commit, dirty = _git_state()
    packages = ("numpy", "scipy", "numba", "llvmlite", "xarray")
    return {
        "software": "dendrites",
        "software_version": _version("dendrites"),
        "git_commit": commit,
        "git_dirty": dirty,
        "python_version": platform.python_version(),
        **{f"{package}_version": _version(package) for package in packages},
        "platform": platform.platform(),
        "cpu": _cpu(),
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _git_state() -> tuple[str, int]:
    """Commit of the source tree this file lies in, and whether files differ."""
    if not (SOURCE / ".git").exists():
        return "", 0
    command = ["git", "-C", str(SOURCE), "status", "--porcelain=v2", "--branch"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        lines = subprocess.run(
            [*command, "--untracked-files=no"],
            capture_output=True,
            text=True,
            timeout=2,
            check=True,
            env=environment | {"GIT_OPTIONAL_LOCKS": "0"},
        ).stdout.splitlines()
    except (OSError, ValueError, subprocess.SubprocessError):
        return "", 0
    commit = [line[13:] for line in lines if line.startswith("# branch.oid ")]
    changed = any(not line.startswith("#") for line in lines)
    known = commit and re.fullmatch(r"[0-9a-f]{40,64}", commit[0])
    return (commit[0], int(changed)) if known else ("", 0)


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        text = ""
    model = re.search(r"^model name\s*:\s*(\S.*)$", text, re.MULTILINE)
    return model[1] if model else platform.processor() or platform.machine()


# Writing


def _check_target(path: Path, overwrite: bool) -> None:
    if path.suffix not in SUFFIXES:
        raise ConfigError(
            f"{path}: unknown kind of file {path.suffix!r}; use {' or '.join(SUFFIXES)}"
        )
    if path.suffix == ".zarr":
        _require_zarr()
    folder = path.parent
    if not folder.exists():
        raise StorageError(f"{path}: folder {folder} does not exist; create it first")
    if not folder.is_dir():
        raise StorageError(f"{path}: {folder} is a file, not a folder; choose another")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StorageError(
            f"{path}: folder {folder} is read-only for you; change its permissions or"
            " choose another"
        )
    if os.path.lexists(path):
        if not overwrite:
            raise StorageError(
                f"{path} already exists; choose another name, or replace it with"
                " --overwrite (overwrite=True)"
            )
        is_run = path.is_file() if path.suffix == ".nc" else _is_store(path)
        if not is_run:
            raise StorageError(
                f"{path} exists and is not a {path.suffix} output; it is left alone,"
                " remove it yourself or choose another name"
            )


def _is_store(path: Path) -> bool:
    return (path / "zarr.json").is_file() and not path.is_symlink()


def _require_zarr() -> None:
    if importlib.util.find_spec("zarr") is None:
        raise ConfigError(
            ".zarr needs the package zarr, which is not installed; run"
            " 'pip install dendrites[zarr]' or use .nc"
        )


def _write_netcdf(tree: xr.DataTree, temporary: Path) -> None:
    # Built in memory: HDF5 writing to a full disk crashed the process (measured).
    encoding = {}
    for node in tree.subtree:
        encoding[node.path] = {}
        for name, variable in node.to_dataset(inherit=False).variables.items():
            options = {}
            if variable.dtype.kind == "O":
                options = {"dtype": str}
            elif variable.size and variable.ndim:
                options = {"zlib": True, "complevel": 4, "shuffle": True}
                options |= {"fletcher32": True, "chunksizes": _chunks(variable)}
            encoding[node.path][name] = options
    image = _without_encoding(tree, type_empty_text=False).to_netcdf(
        engine="h5netcdf", encoding=encoding
    )
    seal = SEAL + hashlib.sha256(image).hexdigest().encode() + b"\n"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with open(os.open(temporary, flags, 0o600), "wb") as file:
        file.write(image)
        file.write(seal)
        file.flush()
        os.fsync(file.fileno())


def _write_zarr(tree: xr.DataTree, temporary: Path) -> None:
    from zarr.codecs import BloscCodec  # an optional dependency

    temporary.mkdir(mode=0o700)
    codec = BloscCodec(cname="zstd", clevel=3, shuffle="shuffle")
    encoding = {
        node.path: {
            name: {"chunks": _chunks(variable), "compressors": [codec]}
            for name, variable in node.to_dataset(inherit=False).variables.items()
            if variable.dtype.kind != "O" and variable.size and variable.ndim
        }
        for node in tree.subtree
    }
    _without_encoding(tree, type_empty_text=True).to_zarr(
        temporary, mode="w-", zarr_format=3, consolidated=False, encoding=encoding
    )
    manifest = {name: _facts(temporary / name) for name in _files(temporary)}
    (temporary / MANIFEST).write_text(canonical_json(manifest), encoding="utf-8")
    for folder, _, names in os.walk(temporary, topdown=False):
        for name in names:
            _sync(Path(folder, name))
        _sync(Path(folder))


def _without_encoding(tree: xr.DataTree, *, type_empty_text: bool) -> xr.DataTree:
    """Free of settings of an earlier file.

    xarray takes an object array of length 0 for float64; in Zarr only a dtype of text
    prevents that, and an index cannot have one.
    """
    groups = {}
    for node in tree.subtree:
        dataset = node.to_dataset(inherit=False).drop_encoding()
        for name, variable in dataset.variables.items():
            if type_empty_text and variable.dtype.kind == "O" and not variable.size:
                empty = np.empty(variable.shape, dtype=np.dtypes.StringDType())
                typed = {name: xr.Variable(variable.dims, empty, variable.attrs)}
                if name in dataset.coords:
                    bare = xr.Coordinates(typed, indexes={})
                    dataset = dataset.drop_vars(name).assign_coords(bare)
                else:
                    dataset = dataset.assign(typed)
        groups[node.path] = dataset
    return xr.DataTree.from_dict(groups)


def _chunks(variable) -> tuple[int, ...]:
    """The whole array, cut along its slowest axes into pieces of at most 4 MiB."""
    chunks = list(variable.shape)
    for axis in range(len(chunks)):
        row = variable.dtype.itemsize * int(np.prod(chunks[axis + 1 :]))
        chunks[axis] = min(chunks[axis], max(1, CHUNK_BYTES // row))
        if chunks[axis] > 1:
            break
    return tuple(chunks)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _usual_mode(path: Path, default: int) -> int:
    """Permissions of the file replaced, else those of any new file."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0o077)
    os.umask(mask)
    return default & ~mask


def _replace_folder(temporary: Path, path: Path) -> None:
    if not path.exists():
        os.replace(temporary, path)
        return
    old = _sibling(path, "old")
    os.replace(path, old)
    try:
        os.replace(temporary, path)
    except OSError:
        os.replace(old, path)
        raise
    _remove(old)


def _sibling(path: Path, role: str) -> Path:
    return path.with_name(
        f".{path.name}.{role}-{_machine()}-{os.getpid()}-{next(_serial)}"
    )


@functools.cache
def _machine() -> str:
    # A process id means nothing on another machine that shares the folder.
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _settle_leftovers(folder: Path, *, only: str | None = None) -> None:
    """Undo what dead processes left half-way; with `only`, just bring that back."""
    for entry in _leftovers(folder):
        name, role = LEFTOVER.fullmatch(entry.name).group(1, 2)
        target = folder / name
        if role == "old" and not target.exists() and only in (None, name):
            os.replace(entry, target)
        elif only is None:
            _remove(entry)


def _leftovers(folder: Path) -> Iterator[Path]:
    for name in sorted(os.listdir(folder)) if folder.is_dir() else ():
        match = LEFTOVER.fullmatch(name)
        if match and match[3] == _machine() and not _is_alive(int(match[4])):
            yield folder / name


def _is_alive(pid: int) -> bool:
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


# Reading


def _read(path: Path, is_store: bool) -> xr.DataTree:
    options = {"engine": "zarr", "consolidated": False}
    options = options if is_store else {"engine": "h5netcdf"}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", f"Object at {MANIFEST} is not recognized")
        opened = xr.open_datatree(
            path, decode_times=False, decode_timedelta=False, **options
        )
        with opened as tree:
            # zlib shrinks at most 1032-fold: a header claiming more is not honest.
            size = path.stat().st_size
            if not is_store and tree.nbytes > 1100 * size + (64 << 20):
                raise ValueError(f"claims {tree.nbytes} bytes in a file of {size}")
            groups = {
                node.path: node.to_dataset(inherit=False) for node in tree.subtree
            }
            return _rebuilt({path: group.load() for path, group in groups.items()})


def _check_seal(path: Path) -> None:
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size - SEAL_LENGTH
        if size < 0:
            return
        file.seek(size)
        seal = file.read(SEAL_LENGTH)
        if not seal.startswith(SEAL):
            return
        file.seek(0)
        if _sha256(file, size).encode() != seal[len(SEAL) : -1]:
            raise StorageError(
                f"{path} is damaged or was altered: its checksum does not match\n"
                "Restore a copy; verify=False reads it as it is, at your own risk."
            )


def _check_manifest(path: Path) -> None:
    if not (path / MANIFEST).exists():
        return
    listed = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    found = {name: _facts(path / name) for name in _files(path)}
    names = [
        *(f"missing {name}" for name in sorted(set(listed) - set(found))),
        *(f"added {name}" for name in sorted(set(found) - set(listed))),
        *(
            f"altered {k}"
            for k in sorted(listed)
            if listed[k] != found.get(k, listed[k])
        ),
    ]
    if names:
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        raise StorageError(
            f"{path} is damaged or was altered: {', '.join(names[:5])}{more}\n"
            "Restore a copy; verify=False reads it as it is, at your own risk."
        )


def _files(store: Path) -> list[str]:
    paths = (path for path in store.rglob("*") if path.is_file())
    return sorted(
        path.relative_to(store).as_posix() for path in paths if path.name != MANIFEST
    )


def _facts(path: Path) -> list:
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        return [size, _sha256(file, size)]


def _sha256(file, size: int) -> str:
    digest, left = hashlib.sha256(), size
    while left and (block := file.read(min(left, 1 << 20))):
        digest.update(block)
        left -= len(block)
    return digest.hexdigest()
