"""A finished sweep as one labelled tree, made from the files in its folder."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from dendrites._memory import check_memory
from dendrites._plain_tree import groups_of
from dendrites._validate_dataset import UNITS, canonical_json
from dendrites.dataset import labels, open_run, run_tree, with_groups
from dendrites.errors import DataError
from experiments.command.locks import now
from experiments.command.outputs import shown
from experiments.options import experiment_options
from experiments.registry import EXPERIMENTS
from experiments.sweep.folder import SweepFolder
from experiments.sweep.grid import text_of
from experiments.sweep.jobs import Job, Sweep

#: Names in the group /sweep that no headline figure can have.
ABOUT_JOBS = ("run_id", "status", "seed")
INT64 = range(-(2**63), 2**63)


def open_sweep(
    folder: str | os.PathLike, *, groups: Sequence[str] | None = None
) -> xr.DataTree:
    """A sweep with what its jobs have in common, labelled by the swept parameters.

    Works on unfinished sweeps, also while they run.

    Parameters
    ----------
    folder : str or path
        As given to ``dendrites sweep --out``.
    groups : sequence of str, optional
        Groups of the jobs' trees to join, such as ``"training"``. Default: all that
        are alike.

    Returns
    -------
    xarray.DataTree
        ``/sweep`` as in ``sweep.nc``: one dimension per swept parameter; the headline
        figures, NaN where a job is not finished; ``run_id``, ``seed`` and ``status``
        ("ok", "failed", "missing"). Besides, each group that has the same variables,
        shapes, units and coordinates in all finished jobs, its variables with the
        swept parameters as further dimensions in front: NaN, or "" for text, where a
        job is not finished (whole numbers are floats then). A name that is also that
        of a swept parameter ends in ``_of_job``. Spikes, which are ragged, and groups
        that differ stay in the files of the jobs.

    Raises
    ------
    StorageError
        If the folder holds no sweep, or a file in it is damaged.
    ConfigError
        If the groups need more than half of the free memory.
    DataError
        If a group asked for is not alike in all jobs.
    """
    place = SweepFolder(Path(folder).resolve())
    sweep, record = place.read()
    tree = sweep_tree(place, sweep, record)
    return with_groups(tree, _joined(place, sweep, groups))


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
        ("seed", [root.get("seed", "") for root in roots]),
    ):
        if name not in sweep.grid:
            variables[name] = (tuple(sweep.grid), _text(values, sweep.shape), {})
    group = xr.Dataset(variables, _coordinates(sweep))
    coordinates = [name for name in ABOUT_JOBS if name in group.data_vars]
    counts = [list(ledger.values()).count(key) for key in ("ok", "failed", "missing")]
    finished = [root["finished_utc"] for root in done if root.get("finished_utc")]
    experiment = EXPERIMENTS[sweep.experiment]
    sources = {s for root in done for s in map(canonical_json, _sources(root))}
    return run_tree(
        "sweep",
        sweep.config,
        {"/sweep": group.set_coords(coordinates)},
        title=f"{experiment.name}: {experiment.line}",
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


def _coordinates(sweep):
    options = experiment_options(EXPERIMENTS[sweep.experiment].load())
    coordinates = {}
    for name, values in sweep.grid.items():
        option = options[name]
        plain = all(isinstance(v, (int, float)) for v in values) and all(
            v in INT64 for v in values if type(v) is int
        )
        unit = option.unit or "1"
        attrs = {"long_name": option.text} if option.text else {}
        if plain and unit not in UNITS:
            attrs["long_name"] = f"{option.text} ({unit})".strip()
            unit = "1"
        if plain:
            coordinates[name] = (name, np.array(values), {"units": unit} | attrs)
        else:
            coordinates[name] = (name, labels(map(text_of, values)), attrs)
    return coordinates


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


def _joined(place, sweep, wanted):
    """Groups alike in all finished jobs, along the swept dimensions."""
    jobs = list(sweep.jobs())
    ledger = place.ledger(job.name for job in jobs)
    done = [k for k, job in enumerate(jobs) if ledger[job.name] == "ok"]
    if not done:
        return {}
    joined = {}
    for k in done:
        groups = _groups(place, jobs[k], wanted)
        if k == done[0]:
            check_memory(
                sweep.points * sum(dataset.nbytes for dataset in groups.values()),
                f"joining {len(groups)} groups of {sweep.points} jobs",
                advice="Name the groups you want: open_sweep(folder, groups=[...]).",
            )
            joined = {
                path: _Join(dataset, sweep, complete=len(done) == len(jobs))
                for path, dataset in groups.items()
            }
        for path in list(joined):
            if path not in groups or not joined[path].add(k, groups[path]):
                del joined[path]
    names = {path.strip("/") for path in joined}
    if unlike := [name for name in wanted or () if name.strip("/") not in names]:
        raise DataError(
            f"{shown(place.path)}: group {unlike[0]!r} is not alike in all jobs, or in "
            f"none; alike are: {', '.join(sorted(names)) or 'no groups'}"
        )
    return {path: join.dataset() for path, join in joined.items()}


def _groups(place, job: Job, wanted):
    chosen = None if wanted is None else {name.strip("/") for name in wanted}
    place.job_attributes(job.name)  # the file is that job's
    return {
        path: dataset
        for path, dataset in groups_of(open_run(place.job_file(job.name))).items()
        if dataset.variables
        and not path.startswith("/spikes/")
        and (chosen is None or path.strip("/") in chosen)
    }


class _Join:
    """One group of all jobs, filled job by job."""

    def __init__(self, first: xr.Dataset, sweep: Sweep, *, complete: bool):
        taken = {*sweep.grid} & {*first.variables, *first.dims}
        self.names = {name: f"{name}_of_job" for name in taken}
        self.first, self.sweep, self.complete = self._renamed(first), sweep, complete
        self.arrays = {
            name: self._empty(variable) for name, variable in self._data(self.first)
        }

    def add(self, k: int, dataset: xr.Dataset) -> bool:
        """Put in the group of job k; False if it is not like the first one."""
        dataset = self._renamed(dataset)
        if not self._is_like(dataset):
            return False
        for name, variable in self._data(dataset):
            self.arrays[name][k] = variable.values
        pairs = [(self.first.attrs, dataset.attrs)]
        pairs += [(v.attrs, dataset[n].attrs) for n, v in self.first.variables.items()]
        for ours, theirs in pairs:
            for name in [name for name in ours if ours[name] != theirs.get(name)]:
                del ours[name]  # what differs is in the files of the jobs
        return True

    def dataset(self) -> xr.Dataset:
        """The group with the swept parameters in front."""
        dims, shape = tuple(self.sweep.grid), self.sweep.shape
        variables = {}
        for name, variable in self._data(self.first):
            array = self.arrays[name].reshape(shape + variable.shape)
            attrs = dict(variable.attrs)
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                attrs["allow_nonfinite"] = 1
            variables[name] = (dims + variable.dims, array, attrs)
        coordinates = {name: self.first[name].variable for name in self.first.coords}
        return xr.Dataset(
            variables, coordinates | _coordinates(self.sweep), self.first.attrs
        )

    def _empty(self, variable):
        shape, dtype = (self.sweep.points, *variable.shape), variable.dtype
        if dtype.kind == "O":
            return np.full(shape, "", dtype=object)
        if dtype.kind != "f" and self.complete:
            return np.zeros(shape, dtype)
        return np.full(shape, np.nan, dtype if dtype.kind == "f" else float)

    def _is_like(self, dataset):
        first = self.first
        if {*first.variables} != {*dataset.variables}:
            return False
        if {*first.coords} != {*dataset.coords}:
            return False
        return all(
            theirs.dims == ours.dims
            and theirs.shape == ours.shape
            and theirs.dtype == ours.dtype
            and theirs.attrs.get("units") == ours.attrs.get("units")
            and (name not in first.coords or np.array_equal(theirs, ours))
            for name, ours in first.variables.items()
            for theirs in (dataset.variables[name],)
        )

    def _renamed(self, dataset):
        here = {*dataset.variables, *dataset.dims}
        return dataset.rename({a: b for a, b in self.names.items() if a in here})

    @staticmethod
    def _data(dataset):
        return [(name, dataset[name].variable) for name in dataset.data_vars]
