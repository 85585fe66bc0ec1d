"""Write the tables of the docs from the stored files, or check that they are current.

    python docs/results/make.py           # rewrites what lies between markers
    python docs/results/make.py --check   # names the tables that are not current

`tables.toml` and, for the pages of questions, `pages.toml` declare every row once;
seeds, spreads, intervals, references of the lab and run times come from the files.
Benchmarks keep their tables in `benchmarks/results`. A page holds a table between
`<!-- made: NAME -->` and `<!-- end: NAME -->`.
"""

import argparse
import json
import re
import sys
import tomllib

import numpy as np
from scipy import stats
from stored_files import (
    RESULTS,
    TABLES,
    command,
    commands,
    ends,
    faults,
    headline,
    link,
    plain,
    seconds_of,
    seeds_of,
    stored,
    time_text,
    took,
    values_of,
)

from experiments.family.tables import (
    atlas_table,
    errors_table,
    improvement_table,
    speed_table,
)
from experiments.lab.matrix import matrix_table, sign_table
from experiments.statistics import paired_p

DOCS = RESULTS.parent
BENCHMARKS = DOCS.parent / "benchmarks" / "results"
PAGES = tomllib.loads((RESULTS / "pages.toml").read_text(encoding="utf-8"))
RESULT_TITLES = ["what", "published, or measured elsewhere", "ours"]
RESULT_TITLES += ["lowest to highest", "95 % of the mean", "seeds", "command"]
RESULT_TITLES += ["run time", "stored file"]
LAB_TITLES = ["experiment", "figure", "reference", "ours", "95 % of the mean"]
LAB_TITLES += ["unit", "seeds", "command, run time", "stored file"]
NOT_OF_CELLS = ("titles", "rows", "files")
FILE_TITLES = ["stored file", "seeds", "run time", "command"]
AGAIN_TITLES = ["stored file", "commit", "made on", "why again", "command", "took"]


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
            "ours": f"{row.get('of', '')} {plain(show(middle))} {row.get('unit', '')}",
            "ends": " to ".join(map(show, ends(each))) if len(each) > 1 else "",
            "interval": " to ".join(map(show, interval)) if interval else "",
            "seeds": seeds_of(row["file"], values),
            "command": row.get("command", command(row["file"])),
            "time": took(row["file"], values),
            "file": link(row["file"]),
        }
        shown = dict(cells)
        if cells["file"] == before.get("file"):
            shown |= {k: "same" for k in ("command", "file") if cells[k] == before[k]}
        yield [text.strip() for text in shown.values()]
        before = cells


def lab_rows():
    """Cells of the table of the lab."""
    for name, figures in TABLES["lab"].items():
        entries = headline(name)
        for k, figure in enumerate(figures):
            entry = entries[figure]
            limits = [entries.get(f"{figure}_{end}") for end in ("low", "high")]
            yield [
                name if k else f"[{name}](experiments/{name}.md)",
                figure,
                entry["reference"],
                f"{entry['value']:.4g}",
                " to ".join(f"{x['value']:.4g}" for x in limits) if all(limits) else "",
                "" if entry["unit"] == "1" else entry["unit"],
                seeds_of(name),
                "" if k else f"{command(name)}, {time_text(seconds_of(name))}",
                "same" if k else link(name),
            ]


def again_rows():
    """Cells of the list of files to be made again."""
    for name in TABLES["files"]:
        if why := faults(name):
            attrs = stored(name).attrs
            yield [
                link(name),
                attrs["git_commit"][:10],
                attrs["created_utc"][:10],
                "; ".join(why),
                commands(name),
                time_text([sum(seconds_of(name))]),
            ]


def markdown(titles, rows) -> str:
    """Markdown."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


class Each(list):
    """Numbers that are shown alike, one after the other."""

    def __format__(self, spec):
        return ", ".join(format(number, spec) for number in self)


def page_rows(table):
    """Cells of a table that pages.toml declares."""
    for name in table.get("files", []):
        yield [link(name, "../"), seeds_of(name), took(name), commands(name)]
    for row in table.get("rows", []):
        yield [text for cell in row for text in _texts(cell, table)]


def _texts(cell, table):
    if isinstance(cell, str):
        return [cell]
    cell = {k: v for k, v in table.items() if k not in NOT_OF_CELLS} | cell
    if "across" not in cell:
        return [_text(cell)]
    ((dim, places),) = cell["across"].items()
    return [_text(cell | {"at": cell.get("at", {}) | {dim: x}}) for x in places]


def _text(cell):
    values = values_of(cell)
    each = np.asarray(values.values, float).ravel()
    known = {"mean": each.mean(), "median": np.median(each), "each": Each(each)}
    known |= {"low": each.min(), "high": each.max(), "sum": each.sum()}
    if np.isnan(each).all():
        return "none"
    if len(each) > 1:
        known["sd"] = each.std(ddof=1)
        known["se"] = known["sd"] / np.sqrt(len(each))
    if "against" in cell:
        known["p"] = paired_p(values, values_of(cell | {"figure": cell["against"]}))
    known["reference"] = headline(cell["file"]).get(cell["figure"], {}).get("reference")
    if "{seeds}" in cell["show"]:
        known["seeds"] = seeds_of(cell["file"], values)
    return cell["show"].format(**known)


#: Tables by page and name.
MADE = {
    ("results.md", "results"): lambda: markdown(RESULT_TITLES, result_rows()),
    ("results.md", "lab"): lambda: markdown(LAB_TITLES, lab_rows()),
    ("results.md", "again"): lambda: markdown(AGAIN_TITLES, again_rows()),
    ("experiments/plasticity-sign.md", "flips"): lambda: sign_table(
        stored("plasticity-sign")
    ),
    ("experiments/plasticity-matrix.md", "matrix"): lambda: matrix_table(
        stored("plasticity-matrix"), "../results/plasticity-matrix.nc"
    ),
    ("experiments/gradient-atlas.md", "angles"): lambda: atlas_table(
        stored("gradient-atlas")
    ),
    ("benchmarks.md", "family"): lambda: speed_table(
        json.loads((RESULTS / "family-speed.json").read_text(encoding="utf-8"))
    ),
    ("experiments/feedback-improves-activity.md", "shares"): lambda: improvement_table(
        stored("feedback-improves-activity")
    ),
    ("experiments/compare-rules.md", "errors"): lambda: errors_table(
        stored("compare-rules")
    ),
}
MADE |= {
    ("benchmarks.md", f"{path.stem}-{name}"): lambda table=table: markdown(
        table["titles"], table["rows"]
    )
    for path in sorted(BENCHMARKS.glob("*.json"))
    for name, table in json.loads(path.read_text(encoding="utf-8"))["tables"].items()
}
MADE |= {
    (f"experiments/{page}.md", name): lambda table=table: markdown(
        table.get("titles", FILE_TITLES), page_rows(table)
    )
    for page, tables in PAGES.items()
    for name, table in tables.items()
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
