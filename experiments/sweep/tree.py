"""The headline figures of a sweep as one labelled tree."""

import json
from collections.abc import Mapping

import numpy as np
import xarray as xr

from dendrites._validate_dataset import UNITS, canonical_json
from dendrites.dataset import labels, run_tree
from experiments.command.locks import now
from experiments.sweep.folder import SweepFolder
from experiments.sweep.grid import text_of
from experiments.sweep.jobs import Sweep

#: Names in the group /sweep that no headline figure can have.
ABOUT_JOBS = ("run_id", "status", "seed", "git_commit", "git_dirty")
INT64 = range(-(2**63), 2**63)


def sweep_tree(place: SweepFolder | None, sweep: Sweep, record: Mapping) -> xr.DataTree:
    """The headline figures of all jobs as a run tree of kind "sweep".

    Parameters
    ----------
    place : SweepFolder or None
        None: no job is done yet.
    sweep : Sweep
    record : dict
        As `SweepFolder.read` gives it.
    """
    jobs = list(sweep.jobs())
    ledger = {job.name: "missing" for job in jobs}
    if place is not None:
        ledger = place.ledger(ledger)
    roots = [
        place.job_attributes(job.name) if ledger[job.name] == "ok" else {}
        for job in jobs
    ]
    done = [root for root in roots if root]
    variables = _headlines(sweep, roots)
    for name, values in (
        ("run_id", [root.get("run_id", "") for root in roots]),
        ("status", [ledger[job.name] for job in jobs]),
        *(
            (name, [str(root.get(name, "")) for root in roots])
            for name in ("seed", "git_commit", "git_dirty")
        ),
    ):
        if name not in sweep.grid:
            variables[name] = (tuple(sweep.grid), _text(values, sweep.shape), {})
    group = xr.Dataset(variables, coordinates(sweep))
    about = [name for name in ABOUT_JOBS if name in group.data_vars]
    counts = [list(ledger.values()).count(key) for key in ("ok", "failed", "missing")]
    finished = [root["finished_utc"] for root in done if root.get("finished_utc")]
    sources = {s for root in done for s in map(canonical_json, _sources(root))}
    return run_tree(
        "sweep",
        sweep.config,
        {"/sweep": group.set_coords(about)},
        title=sweep.title,
        integrator=_common(done, "integrator", ""),
        dt_ms=float(_common(done, "dt_ms", 0.0)),
        dtype=_common(done, "dtype", "float64"),
        seed=sweep.grid.get("seed", [sweep.fixed.get("seed", 0)])[0],
        headline={
            f"jobs_{key}": {"value": count, "unit": "1"}
            for key, count in zip(("ok", "failed", "missing"), counts, strict=True)
        },
        citation=_common(done, "citation", ""),
        data_sources=[json.loads(text) for text in sorted(sources)],
        created_utc=record["created_utc"],
        run_id=record["run_id"],
        n_resumes=record["n_resumes"],
        complete=counts[0] + counts[1] == len(jobs),
        extra={
            "sweep_of": sweep.experiment,
            "finished_utc": max(finished, default=now()) if not counts[2] else "",
        },
    )


def coordinates(sweep: Sweep) -> dict[str, tuple]:
    """The swept arguments as xarray takes them, with their units."""
    found = {}
    for name, values in sweep.grid.items():
        text, unit = sweep.meaning(name)
        plain = all(isinstance(v, (int, float)) for v in values) and all(
            v in INT64 for v in values if type(v) is int
        )
        unit = unit or "1"
        attrs = {"long_name": text} if text else {}
        if plain and unit not in UNITS:
            attrs["long_name"] = f"{text} ({unit})".strip()
            unit = "1"
        if plain:
            found[name] = (name, np.array(values), {"units": unit} | attrs)
        else:
            found[name] = (name, labels(map(text_of, values)), attrs)
    return found


def _headlines(sweep, roots):
    figures = [json.loads(root.get("headline_json", "{}")) for root in roots]
    names = dict.fromkeys(name for entry in figures for name in entry)
    taken, variables = {*sweep.grid, *ABOUT_JOBS}, {}
    for name in names:
        entries = [entry.get(name) for entry in figures]
        values = [None if entry is None else entry["value"] for entry in entries]
        key = f"{name}_of_job" if name in taken else name
        if any(isinstance(value, (str, list, dict)) for value in values):
            text = ["" if value is None else str(value) for value in values]
            variables[key] = (tuple(sweep.grid), _text(text, sweep.shape), {})
            continue
        numbers = [np.nan if value is None else float(value) for value in values]
        attrs = _figure_attributes([entry for entry in entries if entry])
        if not np.isfinite(numbers).all():
            attrs["allow_nonfinite"] = 1
        array = np.array(numbers).reshape(sweep.shape)
        variables[key] = (tuple(sweep.grid), array, attrs)
    return variables


def _figure_attributes(entries):
    attrs = {}
    units = {entry["unit"] for entry in entries}
    (unit,) = units if len(units) == 1 else ("1",)
    attrs["units"] = unit if unit in UNITS else "1"
    if attrs["units"] != unit:
        attrs["long_name"] = f"in {unit}"
    for key in ("reference", "source"):
        texts = {entry.get(key, "") for entry in entries}
        if len(texts) == 1 and (text := texts.pop()):
            attrs[key] = text
    return attrs


def _text(values, shape):
    return labels(values).reshape(shape)


def _common(roots, key, otherwise):
    values = {root.get(key) for root in roots}
    return values.pop() if len(values) == 1 else otherwise


def _sources(root):
    return json.loads(root.get("data_sources_json", "[]"))
