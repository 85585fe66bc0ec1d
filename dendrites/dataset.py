"""Labelled results of runs: build, check, write and read one xarray tree per run.

The names of groups, dimensions and attributes are those of the dataset schema 1.0.
A tree in memory, its netCDF file and its Zarr store hold the same values.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from dendrites._plain_tree import groups_of, labels, plain_tree
from dendrites._validate_dataset import SCHEMA, VERSION, canonical_json, validate
from dendrites.errors import ConfigError, DataError
from dendrites.provenance import provenance
from dendrites.storage import open_run, output_path, save_run

__all__ = [
    "event_dataset",
    "group",
    "labels",
    "open_run",
    "output_path",
    "population_dataset",
    "run_tree",
    "spike_dataset",
    "save_run",
    "update_root",
    "validate",
    "with_groups",
]


def group(
    variables: Mapping[str, tuple[Sequence[str], np.ndarray, str]],
    coordinates: Mapping[str, Sequence],
    *,
    units: Mapping[str, str | tuple[str, str]] | None = None,
    nonfinite: Sequence[str] = (),
    **attrs,
) -> xr.Dataset:
    """One group of a run tree from plain arrays.

    Parameters
    ----------
    variables : mapping of name to (dims, array, units) or (dims, array, units, text)
        The optional text becomes the variable's `long_name`.
    coordinates : mapping of name to values or (dim, values)
        Numbers are dimensionless unless `units` says otherwise; text becomes labels.
    units : mapping of coordinate to units or (units, text), optional
        The text becomes the coordinate's `long_name`.
    nonfinite : sequence of str, or "found"
        Variables that may hold NaN or infinity, for which others are refused in a
        tree; "found": those that do.
    **attrs
        Attributes of the group.

    Raises
    ------
    DataError
        If `units` or `nonfinite` names what is not in the group.
    """
    units = units or {}
    if nonfinite == "found":
        nonfinite = [k for k, (_, x, *_) in variables.items() if not _all_finite(x)]
    _check_names("units", units, coordinates)
    _check_names("nonfinite", nonfinite, variables)
    data = {}
    for name, (dims, array, unit, *text) in variables.items():
        known = {"units": unit} | ({"long_name": text[0]} if text else {})
        known |= {"allow_nonfinite": 1} if name in nonfinite else {}
        data[name] = (tuple(dims), np.asarray(array), known)
    coords = {}
    for name, values in coordinates.items():
        dim, values = values if isinstance(values, tuple) else (name, values)
        values = np.asarray(values)
        numeric = values.dtype.kind in "iuf"
        known = {"units": "1"} if numeric else {}
        if name in units:
            given = units[name]
            pair = (given,) if isinstance(given, str) else given
            known = dict(zip(("units", "long_name"), pair, strict=False))
        coords[name] = (dim, values if numeric else labels(values), known)
    return xr.Dataset(data, coords, attrs)


def _all_finite(values):
    values = np.asarray(values)
    return values.dtype.kind != "f" or bool(np.isfinite(values).all())


def _check_names(argument, names, known):
    """Refuse names that are none of the known ones."""
    names = [names] if isinstance(names, str) else names
    for name in names:
        if name not in known:
            raise DataError(
                f"group, {argument}: got {name!r}; expected some of "
                f"({', '.join(known)})"
            )


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


def spike_dataset(
    counts: np.ndarray, dt_ms: float, unit: Sequence[int] | None = None
) -> xr.Dataset:
    """Spikes as the schema's ragged `/spikes/<name>` group, sorted by trial and time.

    Parameters
    ----------
    counts : array, shape (step, unit, trial) or (step, unit)
        Spikes of every step; those of step k (from 0) have the time (k + 1) dt_ms. A
        count of two makes two spikes of one time.
    dt_ms : float
    unit : integers, shape (unit,), optional
        Index of each recorded unit in its population; default: 0, 1, ...
    """
    with_trials = counts.ndim == 3
    counts = counts if with_trials else counts[..., np.newaxis]
    trial, step, row = np.nonzero(counts.transpose(2, 0, 1))
    times = counts[step, row, trial].astype(np.int64)
    unit = np.arange(counts.shape[1]) if unit is None else np.asarray(unit)
    trial = trial if with_trials else None
    return event_dataset(step + 1, unit[row], dt_ms, trial=trial, count=times)


def event_dataset(
    step: np.ndarray,
    unit: np.ndarray,
    dt_ms: float,
    *,
    trial: np.ndarray | None = None,
    count: np.ndarray | int = 1,
) -> xr.Dataset:
    """Spikes as the schema's ragged `/spikes/<name>` group, of what is given as events.

    Parameters
    ----------
    step : integers, shape (event,)
        The time is `step * dt_ms`. Ascending, within each trial where there are any.
    unit : integers, shape (event,)
        In the population.
    dt_ms : float
    trial : integers, shape (event,), optional
        Ascending.
    count : integers, shape (event,), or one
        Spikes of every event.
    """
    labels_of = {"unit": unit} if trial is None else {"unit": unit, "trial": trial}
    time = np.repeat(step, count) * float(dt_ms)
    variables = {"spike_time": (("spike",), time, "ms")}
    for name, values in labels_of.items():
        values = np.repeat(values, count).astype(np.int64)
        variables[f"spike_{name}"] = (("spike",), values, "1")
    return group(variables, {})


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
        **provenance(),
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
        tree = plain_tree({"/": xr.Dataset(attrs=attrs)} | dict(groups))
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"groups do not form a tree: {error}") from error
    validate(tree)
    return tree


def with_groups(tree: xr.DataTree, groups: Mapping[str, xr.Dataset]) -> xr.DataTree:
    """A copy of a run tree with further groups, checked like any tree."""
    result = plain_tree({**groups_of(tree), **groups})
    validate(result)
    return result


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
    groups = groups_of(tree)
    groups["/"] = groups["/"].assign_attrs(attrs)
    tree = plain_tree(groups)
    validate(tree)
    return tree


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
