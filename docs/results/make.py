"""Write the tables of the docs from the stored files, or check that they are current.

    python docs/results/make.py           # rewrites what lies between markers
    python docs/results/make.py --check   # names the tables that are not current

`tables.toml` declares every row once; seeds, spreads, intervals, references of the lab
and run times come from the files. A page holds a table between `<!-- made: NAME -->`
and `<!-- end: NAME -->`.
"""

import argparse
import functools
import json
import re
import sys
import tomllib
from datetime import datetime
from pathlib import Path

import numpy as np
import xarray as xr
from scipy import stats

from dendrites.dataset import open_run
from experiments.lab.matrix import matrix_table, sign_table

RESULTS = Path(__file__).resolve().parent
DOCS = RESULTS.parent
TABLES = tomllib.loads((RESULTS / "tables.toml").read_text(encoding="utf-8"))
#: Dimensions along which runs lie.
RUNS = ("seed", "replica")
RESULT_TITLES = (
    "what",
    "published, or measured elsewhere",
    "ours",
    "lowest to highest",
)
RESULT_TITLES += ("95 % of the mean", "seeds", "command", "run time", "stored file")
LAB_TITLES = (
    "experiment",
    "figure",
    "reference",
    "ours",
    "95 % of the mean",
    "unit",
    "seeds",
)
LAB_TITLES += ("command, run time", "stored file")
AGAIN_TITLES = ("stored file", "commit", "made on", "why again", "command", "took")


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
    group = tree.get(where or "sweep")
    if group is None or name not in group:
        return factor * xr.DataArray(headline(row["file"])[name]["value"])
    found = _selected(group[name], row.get("at", {}))
    if "over" in row:
        found = found / _selected(group[name], row["over"])
    return factor * found.mean([dim for dim in found.dims if dim not in RUNS])


def _selected(array, at):
    parts = {k: slice(*v) if isinstance(v, list) else v for k, v in at.items()}
    return array.sel(parts)


def seeds_of(name: str, values=None) -> str:
    """Seeds of a file's runs, such as "0-4", or that there is one."""
    if TABLES["files"][name].get("random") is False:
        return "nothing random"
    attrs = stored(name).attrs
    if values is not None and values.ndim:
        dim = max(values.dims, key=lambda dim: values.sizes[dim])
        seeds = [int(x) for x in values[dim].values]
    else:
        config = json.loads(attrs["config_json"])
        n = config.get("seeds", config.get("networks", 1))
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
    low, high = (f"{x / size:.{0 if x >= 9.5 * size else 1}f}" for x in _ends(seconds))
    return f"{low} {unit}" if low == high else f"{low}-{high} {unit}"


def _ends(values):
    return min(values), max(values)


def result_rows():
    """Cells of the first table."""
    before = {}
    for row in TABLES["results"]:
        values = values_of(row)
        each = np.asarray(values.values, float).ravel()
        show = f"{{:{row['format']}}}".format
        middle = np.median(each) if row.get("of") == "median" else each.mean()
        interval = None
        if "error" in row:
            error = row.get("factor", 1) * headline(row["file"])[row["error"]]["value"]
            interval = stats.norm.interval(0.95, middle, error)
        elif len(each) > 1 and "of" not in row:
            error = each.std(ddof=1) / np.sqrt(len(each))
            interval = stats.t.interval(0.95, len(each) - 1, middle, error)
        cells = {
            "what": row["what"],
            "reference": row.get("reference", ""),
            "ours": f"{row.get('of', '')} {_plain(show(middle))} {row.get('unit', '')}",
            "ends": " to ".join(map(show, _ends(each))) if len(each) > 1 else "",
            "interval": " to ".join(map(show, interval)) if interval else "",
            "seeds": seeds_of(row["file"], values),
            "command": row.get("command", _command(row["file"])),
            "time": TABLES["files"][row["file"]].get("time")
            or time_text(seconds_of(row["file"], values)),
            "file": _link(row["file"]),
        }
        shown = dict(cells)
        if cells["file"] == before.get("file"):
            shown |= {k: "same" for k in ("command", "file") if cells[k] == before[k]}
        yield [text.strip() for text in shown.values()]
        before = cells


def _plain(text):
    """Without the sign of a zero."""
    return text.lstrip("-") if float(text) == 0 else text


def _command(name):
    return f"`{TABLES['files'][name]['command']}`"


def _link(name):
    return f"[{name}.nc](results/{name}.nc)"


def lab_rows():
    """Cells of the table of the lab."""
    for name, figures in TABLES["lab"].items():
        entries = headline(name)
        for k, figure in enumerate(figures):
            entry = entries[figure]
            ends = [entries.get(f"{figure}_{end}") for end in ("low", "high")]
            yield [
                name if k else f"[{name}](experiments/{name}.md)",
                figure,
                entry["reference"],
                f"{entry['value']:.4g}",
                " to ".join(f"{x['value']:.4g}" for x in ends) if all(ends) else "",
                "" if entry["unit"] == "1" else entry["unit"],
                seeds_of(name),
                "" if k else f"{_command(name)}, {time_text(seconds_of(name))}",
                "same" if k else _link(name),
            ]


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


def again_rows():
    """Cells of the list of files to be made again."""
    for name in TABLES["files"]:
        if why := faults(name):
            attrs = stored(name).attrs
            yield [
                _link(name),
                attrs["git_commit"][:10],
                attrs["created_utc"][:10],
                "; ".join(why),
                " ".join(
                    [_command(name), TABLES["files"][name].get("also", "")]
                ).strip(),
                time_text([sum(seconds_of(name))]),
            ]


def table(titles, rows) -> str:
    """Markdown."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


#: Tables by page and name.
MADE = {
    ("results.md", "results"): lambda: table(RESULT_TITLES, result_rows()),
    ("results.md", "lab"): lambda: table(LAB_TITLES, lab_rows()),
    ("results.md", "again"): lambda: table(AGAIN_TITLES, again_rows()),
    ("experiments/plasticity-sign.md", "flips"): lambda: sign_table(
        stored("plasticity-sign")
    ),
    ("experiments/plasticity-matrix.md", "matrix"): lambda: matrix_table(
        stored("plasticity-matrix"), "../results/plasticity-matrix.nc"
    ),
}


def with_table(text: str, name: str, made: str) -> str:
    """A page with one table put between its markers.

    Raises
    ------
    ValueError
        Unless the page has each marker once.
    """
    begin, end = f"<!-- made: {name} -->\n", f"<!-- end: {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"a page must have {begin.strip()} and {end} once each")
    pattern = re.compile(f"({re.escape(begin)}).*?({re.escape(end)})", re.DOTALL)
    return pattern.sub(lambda found: f"{found[1]}{made}{found[2]}", text)


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args(argv).check
    stale = 0
    for (page, name), make in MADE.items():
        path = DOCS / page
        text = path.read_text(encoding="utf-8")
        now = with_table(text, name, make())
        if now != text:
            stale += 1
            print(f"docs/{page}: table {name} {'is not current' if check else 'made'}")
            if not check:
                path.write_text(now, encoding="utf-8")
    return int(check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
