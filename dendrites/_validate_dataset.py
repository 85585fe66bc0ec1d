"""What a run tree must look like: constants and checks of schema 1.0.

The checks see the intersection of what the storage backends keep unchanged, so the
same tree is accepted or refused whatever the file format.
"""

import datetime
import hashlib
import json
import re

import numpy as np

from dendrites.errors import DataError

SCHEMA = "dendrites/run"
VERSION = (1, 0)
KINDS = ("simulation", "training", "sweep")
UNITS = (
    *("ms", "s", "mV", "nS", "pA", "nA", "pF", "Hz"),
    *("1/ms", "pA ms", "mV ms", "percent", "degree", "1"),
)
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
ROOT_TEXT = (
    *("schema", "schema_version", "Conventions", "run_id", "kind", "title"),
    *("created_utc", "finished_utc", "software", "software_version", "git_commit"),
    *("python_version", "numpy_version", "scipy_version", "numba_version"),
    *("llvmlite_version", "xarray_version", "platform", "cpu", "config_json"),
    *("config_sha256", "seed", "rng", "integrator", "dtype", "parent_run_id"),
    *("data_sources_json", "headline_json", "citation"),
)
ROOT_INTEGER = ("git_dirty", "n_threads", "complete", "n_resumes")
CONTAINERS = ("populations", "spikes", "connections", "stimuli", "weights")
CONTAINERS += ("predictions",)
# xarray and HDF5 give these a meaning of their own and drop or apply them on reading.
RESERVED = {
    *("scale_factor", "add_offset", "missing_value", "coordinates", "calendar"),
    *("grid_mapping", "bounds", "CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST"),
}
LABELLED = {
    *("time", "compartment", "unit", "record", "post", "pre", "epoch", "split"),
    *("layer", "update", "snapshot"),
}
ORDER = {"condition": 0, "replica": 0, "sample": 0, "compartment": 2, "post": 2}
ORDER |= dict.fromkeys(("time", "epoch", "record", "snapshot", "update"), 1)
ORDER |= {"unit": 3, "pre": 3}
INT64 = range(-(2**63), 2**63)
SHOWN = 10


def validate(tree) -> None:
    """Refuse a tree that is not a run of this schema, naming every problem's path.

    Parameters
    ----------
    tree : xarray.DataTree

    Raises
    ------
    DataError
        With all problems counted and the first ten listed.
    """
    if not hasattr(tree, "subtree"):
        raise DataError(f"a run is an xarray.DataTree, got {type(tree).__name__}")
    found = problems(tree)
    if found:
        more = [f"... and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        lines = [f"run tree has {len(found)} problem(s):", *found[:SHOWN], *more]
        raise DataError("\n  ".join(lines))


def problems(tree) -> list[str]:
    """Every departure of a tree from the schema, one line each, the path first."""
    found = _root_problems(tree.attrs)
    kind = tree.attrs.get("kind")
    if kind in ("training", "sweep") and kind not in tree.children:
        found.append(f"/{kind}: this group is missing in a run of kind {kind!r}")
    sizes = _population_sizes(tree)
    for node in tree.subtree:
        dataset = node.to_dataset(inherit=False)
        path = node.path.rstrip("/")
        if path.count("/") < 2 and path.strip("/") in ("", *CONTAINERS):
            found += [
                f"{path}/{name}: this group holds attributes only, no variables"
                for name in dataset.variables
            ]
        if path and not NAME.fullmatch(node.name):
            found.append(f"{path}: {_name_rule(node.name)}")
        found += _attribute_problems(f"{path or '/'}", dataset.attrs)
        for name, variable in dataset.variables.items():
            where = f"{path}/{name}"
            found += _variable_problems(where, name, variable)
            found += _attribute_problems(where, variable.attrs)
            if name in dataset.coords:
                found += _coordinate_problems(where, name, variable)
            elif not _may_be_nonfinite(tree.attrs, dataset.attrs, variable.attrs):
                found += _nonfinite_problems(where, variable)
        found += _label_problems(path, node)
        found += _time_problems(path, dataset, tree.attrs.get("dt_ms"))
        if path.startswith(("/connections/", "/weights/")):
            found += _connection_problems(path, dataset, sizes)
        if path.startswith("/spikes/"):
            found += _spike_problems(path, dataset, sizes.get(node.name))
    return found


def schema_version(attrs) -> tuple[int, int]:
    """(major, minor) of a run's root attributes; DataError if it is not a run."""
    if attrs.get("schema") != SCHEMA:
        raise DataError(
            f"not a run file: root attribute schema is {attrs.get('schema')!r},"
            f" expected {SCHEMA!r}"
        )
    text = attrs.get("schema_version")
    match = re.fullmatch(r"(\d{1,6})\.(\d{1,6})", text) if type(text) is str else None
    if match is None:
        raise DataError(f"schema_version is {text!r}, expected a text such as '1.0'")
    major, minor = int(match[1]), int(match[2])
    if major != VERSION[0]:
        raise DataError(
            f"file written by schema {major}.{minor}, this version reads up to"
            f" {VERSION[0]}.x; upgrade"
        )
    return major, minor


def canonical_json(value) -> str:
    """JSON with sorted keys and no NaN; ValueError or TypeError if impossible."""
    return json.dumps(value, sort_keys=True, allow_nan=False)


def _root_problems(attrs) -> list[str]:
    found = []
    try:
        schema_version(attrs)
    except DataError as error:
        found.append(f"/: {error}")
    for name in ROOT_TEXT:
        if type(attrs.get(name)) is not str:
            found.append(f"/: attribute {name} must be text, {_got(attrs, name)}")
    for name in ROOT_INTEGER:
        if type(attrs.get(name)) is not int or attrs[name] < 0:
            found.append(f"/: attribute {name} must be int >= 0, {_got(attrs, name)}")
    wanted = ["dt_ms", *(key for key in ("t_stop_ms", "n_epochs") if key in attrs)]
    if len(wanted) == 1 and attrs.get("kind") != "sweep":
        found.append("/: attribute t_stop_ms or n_epochs is missing")
    for name in wanted:
        kind = int if name == "n_epochs" else float
        if not isinstance(attrs.get(name), kind) or not attrs[name] >= 0:
            found.append(
                f"/: attribute {name} must be {kind.__name__} >= 0, {_got(attrs, name)}"
            )
    text = {key: value for key, value in attrs.items() if type(value) is str}
    for name, allowed in (
        ("Conventions", ("dendrites-1.0",)),
        ("kind", KINDS),
        ("dtype", ("float32", "float64")),
    ):
        if name in text and text[name] not in allowed:
            found.append(f"/: {name} is {text[name]!r}, allowed: {', '.join(allowed)}")
    found += [
        f"/: {name} must be 0 or 1, got {attrs[name]}"
        for name in ("complete", "git_dirty")
        if type(attrs.get(name)) is int and attrs[name] > 1
    ]
    for name in ("run_id", "parent_run_id"):
        empty = name == "parent_run_id" and text.get(name) == ""
        if name in text and not empty and not UUID.fullmatch(text[name]):
            found.append(f"/: {name} {text[name]!r} is not a lower-case uuid")
    for name in ("created_utc", "finished_utc"):
        empty = name == "finished_utc" and text.get(name) == ""
        if name in text and not empty and not _is_utc(text[name]):
            found.append(
                f"/: {name} {text[name]!r} is not of the form YYYY-MM-DDTHH:MM:SSZ"
            )
    if "seed" in text and not re.fullmatch(r"0|[1-9][0-9]{0,99}", text["seed"]):
        found.append(f"/: seed {text['seed']!r} is not a decimal integer >= 0")
    for name in ("config_json", "data_sources_json", "headline_json", "extra_json"):
        if name in text and not _is_canonical(text[name]):
            found.append(f"/: {name} is not JSON with sorted keys and without NaN")
    if "config_json" in text and "config_sha256" in text:
        encoded = text["config_json"].encode("utf-8", "surrogatepass")
        if hashlib.sha256(encoded).hexdigest() != text["config_sha256"]:
            found.append("/: config_sha256 is not the sha256 of config_json")
    return found


def _is_utc(text: str) -> bool:
    try:
        parsed = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return False
    return parsed.strftime("%Y-%m-%dT%H:%M:%SZ") == text


def _is_canonical(text: str) -> bool:
    try:
        return canonical_json(json.loads(text)) == text
    except (ValueError, RecursionError):
        return False


def _got(attrs, name: str) -> str:
    if name not in attrs:
        return "but it is missing"
    return f"got {type(attrs[name]).__name__} {attrs[name]!r:.60}"


def _name_rule(name) -> str:
    return (
        f"name {name!r:.80} must start with a letter, then letters, digits or _,"
        " at most 64 characters"
    )


def _attribute_problems(where: str, attrs) -> list[str]:
    found = []
    for name, value in attrs.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            found.append(f"{where}: attribute {_name_rule(name)}")
        elif name in RESERVED:
            found.append(f"{where}: attribute name {name!r} is used by the file format")
        elif fault := _value_fault(value):
            found.append(f"{where}: attribute {name} {fault}")
    return found


def _value_fault(value) -> str:
    if type(value) is list:
        if len(value) < 2:
            return f"is a list of length {len(value)}; use the bare value or 2 or more"
        if len({type(item) for item in value}) > 1 or type(value[0]) is list:
            return "is a list of unlike items; store it as JSON text"
        return next(filter(None, map(_value_fault, value)), "")
    if type(value) is str:
        return "" if _is_portable(value) else "holds a NUL or an unpaired surrogate"
    if type(value) is int:
        return "" if value in INT64 else "does not fit int64; store it as text"
    if type(value) is float:
        return "" if np.isfinite(value) else f"is {value}, must be finite"
    return (
        f"is {type(value).__name__} {value!r:.40}; allowed: str, int, finite float,"
        " list of these (0/1 for a flag, JSON text for the rest)"
    )


def _is_portable(text: str) -> bool:
    return "\0" not in text and not re.search("[\ud800-\udfff]", text)


def _variable_problems(where: str, name, variable) -> list[str]:
    found = []
    for item in (name, *(dim for dim in variable.dims if dim != name)):
        if not isinstance(item, str) or not NAME.fullmatch(item):
            found.append(f"{where}: {_name_rule(item)}")
    ranks = [ORDER[dim] for dim in variable.dims if dim in ORDER]
    if ranks != sorted(ranks):
        found.append(
            f"{where}: dimensions {variable.dims} out of order; time, epoch or record"
            " first, then compartment or post, then unit or pre"
        )
    units, kind = variable.attrs.get("units"), variable.dtype.kind
    if kind == "O":
        items = variable.values.ravel()
        bad = [x for x in items if type(x) is not str or not _is_portable(x)]
        if bad:
            found.append(f"{where}: holds {bad[0]!r:.40}; only str without NUL allowed")
    elif kind in "US" or kind == "T":
        found.append(f"{where}: text of dtype {variable.dtype}; build it with labels()")
    elif (
        kind not in "fiub"
        or not variable.dtype.isnative
        or (kind == "f" and variable.dtype.itemsize not in (4, 8))
    ):
        found.append(
            f"{where}: dtype {variable.dtype} is not portable; allowed: float32,"
            " float64, integers, bool, labels()"
        )
    if (kind != "O" or units is not None) and units not in UNITS:
        missing = "missing" if units is None else f"{units!r:.40}"
        found.append(f"{where}: units {missing}; allowed: {', '.join(UNITS)}")
    return found


def _coordinate_problems(where: str, name: str, variable) -> list[str]:
    values = variable.values
    if values.ndim != 1 or values.dtype.kind not in "fiubO":
        return []
    # What is no label may be NaN where a variable may: a field that was not given.
    label = variable.dims == (name,) or variable.attrs.get("allow_nonfinite") != 1
    found = _nonfinite_problems(where, variable) if label else []
    if name in ("time", "epoch", "step") and values.dtype.kind in "fiu":
        if not (ahead := values[1:] > values[:-1]).all():
            i = int(np.argmin(ahead)) + 1
            found.append(
                f"{where}: not strictly increasing, first at index {i}"
                f" ({values[i - 1]} then {values[i]})"
            )
    elif variable.dims == (name,):
        seen = set()
        for i, value in enumerate(values.tolist()):
            if value in seen:
                found.append(f"{where}: value {value!r:.40} repeats at index {i}")
                break
            seen.add(value)
    wanted = {"time": "f", "step": "iu", "epoch": "iu", "unit": "iu"}
    wanted |= {"post": "iu", "pre": "iu", "compartment": "O"}
    if values.dtype.kind not in wanted.get(name, "fiubO"):
        found.append(f"{where}: dtype {values.dtype} is not the one of a {name} label")
    if name == "time" and (
        values.dtype != "float64" or variable.attrs.get("units") != "ms"
    ):
        found.append(f"{where}: time must be float64 in ms")
    return found


def _nonfinite_problems(where: str, variable) -> list[str]:
    if variable.dtype.kind != "f" or (finite := np.isfinite(variable.values)).all():
        return []
    first = np.unravel_index(int(np.argmin(finite)), finite.shape)
    return [
        f"{where}: {np.count_nonzero(~finite)} non-finite value(s), first at"
        f" {tuple(map(int, first))}; set allow_nonfinite=1 or complete=0 if meant"
    ]


def _may_be_nonfinite(root, *attributes) -> bool:
    flags = [attrs.get("allow_nonfinite") for attrs in (root, *attributes)]
    complete = root.get("complete")
    return 1 in [x for x in flags if type(x) is int] or complete in (0, None)


def _label_problems(path: str, node) -> list[str]:
    own, coordinates = node.to_dataset(inherit=False), node.coords
    found = [
        f"{path}: dimension {dim} has no coordinate"
        for dim in own.sizes
        if dim in LABELLED and dim not in coordinates
    ]
    if path.startswith("/populations/") and "time" in own.coords:
        if "step" not in own.coords:
            found.append(f"{path}: coordinate step is missing next to time")
        if type(own["time"].attrs.get("sampling")) is not str:
            found.append(f"{path}/time: attribute sampling is missing")
    return found


def _time_problems(path: str, dataset, dt_ms) -> list[str]:
    coords = dataset.coords
    if "time" not in coords or "step" not in coords or not isinstance(dt_ms, float):
        return []
    time, step = coords["time"].values, coords["step"].values
    if (
        time.shape != step.shape
        or time.dtype.kind != "f"
        or step.dtype.kind not in "iu"
    ):
        return [f"{path}/step: must be integers along the dimension of time"]
    t0 = coords["time"].attrs.get("t0_ms", 0.0)
    if not isinstance(t0, (int, float)):
        return [f"{path}/time: attribute t0_ms must be a number"]
    found = []
    # Beyond a million ms the spacing of float64 itself approaches the 1e-9 ms allowed.
    off = np.abs(time - (t0 + step * dt_ms)) > 1e-9 + 2 * np.spacing(np.abs(time))
    if off.any():
        i = int(np.argmax(off))
        found.append(
            f"{path}/time: {time[i]} ms at index {i}, but t0_ms + step * dt_ms ="
            f" {t0 + step[i] * dt_ms}"
        )
    initial = dataset.attrs.get("record_initial")
    if step.size and type(initial) is int and (step[0] == 0) != (initial == 1):
        found.append(f"{path}/step: first is {step[0]}, but record_initial={initial}")
    return found


def _population_sizes(tree) -> dict[str, int]:
    """Number of units where known: stated as n_units, or units 0..N-1 recorded."""
    sizes = {}
    for node in tree.subtree:
        if node.path.startswith("/populations/") and node.path.count("/") == 2:
            unit = node.to_dataset(inherit=False).coords.get("unit")
            if type(node.attrs.get("n_units")) is int:
                sizes[node.name] = node.attrs["n_units"]
            elif unit is not None and np.array_equal(unit, np.arange(unit.size)):
                sizes[node.name] = unit.size
    return sizes


def _connection_problems(path: str, dataset, sizes) -> list[str]:
    found = []
    for dim in ("pre", "post") if "synapse" in dataset.sizes else ():
        found += _synapse_problems(path, dataset, f"synapse_{dim}", f"n_{dim}")
    for dim in ("pre", "post"):
        population = dataset.attrs.get(f"{dim}_population")
        if path.startswith("/connections/") and type(population) is not str:
            found.append(f"{path}: attribute {dim}_population is missing")
        length = dataset.sizes.get(dim)
        expected = sizes.get(population) if type(population) is str else None
        if None not in (length, expected) and length != expected:
            found.append(
                f"{path}: {dim} has length {length}, but population {population!r} has"
                f" {expected} units; if only some were recorded set its n_units"
            )
    return found


def _synapse_problems(path: str, dataset, name: str, size: str) -> list[str]:
    """Cells that synapses join: each must be one of its population."""
    cells, n = dataset.variables.get(name), dataset.attrs.get(size)
    if cells is None or cells.dims != ("synapse",) or cells.dtype != "int64":
        return [f"{path}/{name}: must be int64 along the dimension synapse"]
    if type(n) is not int:
        return [f"{path}: attribute {size} must be int, {_got(dataset.attrs, size)}"]
    outside = (cells.values < 0) | (cells.values >= n)
    if not outside.any():
        return []
    i = int(np.argmax(outside))
    return [f"{path}/{name}: {cells.values[i]} at index {i}, units are 0 to {n - 1}"]


def _spike_problems(path: str, dataset, size: int | None) -> list[str]:
    absent = {"spike_time", "spike_unit"} - set(dataset.variables)
    if absent:
        return [f"{path}: variable {name} is missing" for name in sorted(absent)]
    found = []
    time, unit = dataset["spike_time"].values, dataset["spike_unit"].values
    if dataset["spike_time"].dims != ("spike",) or time.dtype.kind != "f":
        return [f"{path}/spike_time: must be floats along the dimension spike"]
    if dataset["spike_unit"].dims != ("spike",) or unit.dtype != "int64":
        return [f"{path}/spike_unit: must be int64 along the dimension spike"]
    backwards = time[1:] < time[:-1]
    if "spike_trial" in dataset and dataset["spike_trial"].dims == ("spike",):
        trial = dataset["spike_trial"].values
        backwards &= trial[1:] == trial[:-1]
    if backwards.any():
        i = int(np.argmax(backwards)) + 1
        found.append(f"{path}/spike_time: not sorted, first at index {i}")
    outside = (unit < 0) | (unit >= (np.iinfo("int64").max if size is None else size))
    if outside.any():
        i = int(np.argmax(outside))
        allowed = ">= 0" if size is None else f"0 to {size - 1}"
        found.append(f"{path}/spike_unit: {unit[i]} at index {i}, units are {allowed}")
    return found
