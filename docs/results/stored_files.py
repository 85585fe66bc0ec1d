"""Read figures of stored files, and what is known of how they were made."""

import functools
import json
import tomllib
from datetime import datetime
from pathlib import Path

import xarray as xr

from dendrites.dataset import open_run

RESULTS = Path(__file__).resolve().parent
TABLES = tomllib.loads((RESULTS / "tables.toml").read_text(encoding="utf-8"))
#: Dimensions along which runs lie.
RUNS = ("seed", "replica")


@functools.cache
def stored(name: str) -> xr.DataTree:
    """A stored file by its name in tables.toml."""
    return open_run(RESULTS / f"{name}.nc")


def headline(name: str) -> dict:
    return json.loads(stored(name).attrs["headline_json"])


def values_of(row) -> xr.DataArray:
    """The values of a row, one for each run; a headline figure is a single one."""
    tree, factor = stored(row["file"]), row.get("factor", 1)
    where, _, name = row["figure"].rpartition("/")
    where = where or "sweep"
    group = tree[where] if f"/{where}" in tree.groups else {}
    if name not in group:
        return factor * xr.DataArray(headline(row["file"])[name]["value"])
    found = _selected(group[name], row.get("at", {}))
    if "over" in row:
        found = found / _selected(group[name], row["over"])
    runs = row.get("runs", RUNS)
    return factor * found.mean([dim for dim in found.dims if dim not in runs])


def _selected(array, at):
    for name, place in at.items():
        if name not in array.dims:
            array = array.swap_dims({array[name].dims[0]: name})
        array = array.sel({name: slice(*place) if isinstance(place, list) else place})
    return array


def seeds_of(name: str, values=None) -> str:
    """Seeds of a file's runs, such as "0-4", or that there is one."""
    if TABLES["files"][name].get("random") is False:
        return "nothing random"
    attrs = stored(name).attrs
    if values is None and "sweep" in stored(name):
        values = stored(name)["sweep"].coords.get("seed")
    if values is not None and values.ndim:
        dim = max(values.dims, key=lambda dim: values.sizes[dim])
        seeds = [int(x) for x in values[dim].values]
    else:
        config = json.loads(attrs["config_json"])
        counts = ("seeds", "networks", "animals")
        n = next((config[name] for name in counts if name in config), 1)
        seeds = list(range(int(attrs["seed"]), int(attrs["seed"]) + n))
    if len(seeds) == 1:
        return f"one seed ({seeds[0]})"
    if seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}-{seeds[-1]}"
    return ", ".join(map(str, seeds))


def seconds_of(name: str, values=None) -> list[float]:
    """How long the runs of a row took, or all of a file that was made in one go."""
    tree = stored(name)
    if "sweep" in tree and "wall_s" in tree["sweep"]:
        wall = tree["sweep"].wall_s
        known = {} if values is None else values.coords
        at = {k: known[k] for k in wall.dims if k not in RUNS and k in known}
        return [float(x) for x in wall.sel(at).values.ravel()]
    begun, ended = (
        datetime.fromisoformat(tree.attrs[key])
        for key in ("created_utc", "finished_utc")
    )
    return [(ended - begun).total_seconds()]


def time_text(seconds) -> str:
    """A length of time, or the shortest and longest of several."""
    unit, size = ("min", 60) if max(seconds) >= 180 else ("s", 1)
    low, high = (f"{x / size:.{0 if x >= 9.5 * size else 1}f}" for x in ends(seconds))
    return f"{low} {unit}" if low == high else f"{low}-{high} {unit}"


def took(name: str, values=None) -> str:
    """How long the runs of a row took, or what stands for it."""
    known = TABLES["files"][name].get("time")
    return known or time_text(seconds_of(name, values))


def ends(values):
    return min(values), max(values)


def plain(text):
    """Without the sign of a zero."""
    return text.lstrip("-") if float(text) == 0 else text


def command(name):
    return f"`{TABLES['files'][name]['command']}`"


def commands(name):
    """All commands of a file."""
    return f"{command(name)} {TABLES['files'][name].get('also', '')}".strip()


def link(name, up=""):
    return f"[{name}.nc]({up}results/{name}.nc)"


def faults(name: str) -> list[str]:
    """Why a file's commit does not say what it was made with."""
    tree, found = stored(name), []
    commits = tree["sweep"].coords if "sweep" in tree else {}
    config = json.loads(tree.attrs["config_json"])
    dirty = [tree.attrs["git_dirty"]]
    if "git_commit" in commits:
        dirty = [int(x or 0) for x in commits["git_dirty"].values.ravel()]
        kept = set(commits["git_commit"].values.ravel())
        if len(kept) > 1:
            found.append("runs of several commits")
        if "unknown" in kept:
            found.append("no commit")
    elif config.get("seed") == "all" or "grid" in config:
        found.append("commit of the joining, those of the runs are not kept")
    elif tree.attrs["git_commit"] in ("", "unknown"):
        found.append("no commit")
    if any(dirty):
        found.append("files differed from the commit")
    return found
