"""A sweep as one labelled tree, made from the files in its folder."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from dendrites._memory import check_memory
from dendrites._plain_tree import groups_of
from dendrites.dataset import open_run, with_groups
from dendrites.errors import DataError
from experiments.command.outputs import shown
from experiments.sweep.folder import SweepFolder
from experiments.sweep.jobs import Job
from experiments.sweep.tree import coordinates, sweep_tree


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
        figures, NaN where a job is not finished; ``run_id``, ``seed``,
        ``git_commit`` and ``git_dirty`` of each job, and ``status`` ("ok", "failed",
        "missing"); the root's commit is that of the joining. Besides, each group that
        has the same variables, shapes, units and coordinates in all finished jobs, its
        variables with the swept parameters as further dimensions in front: NaN, or ""
        for text, where a job is not finished (whole numbers are floats then). A name
        that is also that of a swept parameter ends in ``_of_job``. Spikes, which
        are ragged, and groups that differ stay in the files of the jobs.

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


def _joined(place, sweep, wanted):
    """Groups alike in all finished jobs, along the swept dimensions."""
    jobs = list(sweep.jobs())
    ledger = place.ledger(job.name for job in jobs)
    first, alike = None, {}
    for k, job in enumerate(jobs):
        if ledger[job.name] != "ok":
            continue
        groups = _groups(place, job, wanted)
        if first is None:
            check_memory(
                2 * sweep.points * sum(dataset.nbytes for dataset in groups.values()),
                f"joining {len(groups)} groups of {sweep.points} jobs",
                advice="Name the groups you want: open_sweep(folder, groups=[...]).",
            )
            first, alike = groups, {path: {} for path in groups}
        for path in list(alike):
            if path in groups and _is_like(groups[path], first[path]):
                alike[path][k] = groups[path]
            else:
                del alike[path]
    joined = {path: _combined(sweep, found) for path, found in alike.items()}
    joined = {path: dataset for path, dataset in joined.items() if dataset is not None}
    names = {path.strip("/") for path in joined}
    if unlike := [name for name in wanted or () if name.strip("/") not in names]:
        raise DataError(
            f"{shown(place.path)}: group {unlike[0]!r} is not alike in all jobs, or in "
            f"none; alike are: {', '.join(sorted(names)) or 'no groups'}"
        )
    return joined


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


def _is_like(dataset, first):
    """Whether two groups differ in values alone; xarray looks at coordinates."""
    return {*dataset.variables} == {*first.variables} and all(
        theirs.dims == ours.dims
        and theirs.dtype == ours.dtype
        and theirs.attrs.get("units") == ours.attrs.get("units")
        for name, ours in first.variables.items()
        for theirs in (dataset.variables[name],)
    )


def _combined(sweep, found):
    """The groups of jobs, by their places, as one; None if coordinates differ."""
    first = next(iter(found.values()))
    taken = {*sweep.grid} & {*first.variables, *first.dims}
    names = {name: f"{name}_of_job" for name in taken}
    missing = first.map(_nothing, keep_attrs=True)
    rows = np.empty(sweep.points, dtype=object)
    for k in range(sweep.points):
        rows[k] = found.get(k, missing).rename(names)
    try:
        joined = xr.combine_nested(
            rows.reshape(sweep.shape).tolist(),
            concat_dim=list(sweep.grid),
            data_vars="all",
            coords="minimal",
            compat="equals",
            join="exact",
            combine_attrs="drop_conflicts",  # what differs is in the files of the jobs
        )
    except ValueError:
        return None
    for variable in joined.data_vars.values():
        if variable.dtype.kind == "f" and not np.isfinite(variable.values).all():
            variable.attrs["allow_nonfinite"] = 1
    return joined.transpose(*sweep.grid, ...).assign_coords(coordinates(sweep))


def _nothing(variable):
    """The same without values: NaN, or "" for text."""
    if variable.dtype.kind == "O":
        return xr.full_like(variable, "")
    dtype = variable.dtype if variable.dtype.kind == "f" else float
    return xr.full_like(variable, np.nan, dtype=dtype)
