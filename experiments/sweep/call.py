"""Sweeps from Python: of an experiment, or of a function of one's own."""

import math
import os
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from dendrites._validate_dataset import canonical_json
from dendrites.errors import ConfigError, JobError
from experiments.arguments import (
    Called,
    check_values,
    raise_problems,
    unknown_names,
)
from experiments.command.outputs import shown
from experiments.options import experiment_options
from experiments.registry import find
from experiments.sweep.cluster import require_dask, scheduler_address
from experiments.sweep.folder import FAILED, SweepFolder, new_record
from experiments.sweep.functions import function_name, function_options
from experiments.sweep.grid import LIMIT, check_grid
from experiments.sweep.jobs import MOST_WORKERS, complete_sweep, nested, processors
from experiments.sweep.join import open_sweep
from experiments.sweep.run import Control, Tally, run_jobs
from experiments.sweep.tree import sweep_tree

_WHERE = "run_sweep"


def run_sweep(
    what: str | Callable,
    grid: Mapping[str, Iterable],
    *,
    out: str | os.PathLike,
    workers: int | None = None,
    scheduler: str | None = None,
    job_timeout: float | None = None,
    resume: bool = False,
    retry_failed: bool = False,
    fail_fast: bool = False,
    limit: int = LIMIT,
    progress: bool = True,
    **arguments: Any,
) -> xr.DataTree:
    """Run an experiment or a function at every point of a grid of its arguments.

    Results do not depend on the number of workers, the order of jobs or interruptions:
    what is finished stays in the folder, and `resume` goes on from there.

    Parameters
    ----------
    what : str or function
        An experiment of `dendrites list`, or a function that takes keyword arguments
        and returns a DataTree, a Dataset, or a dictionary of numbers or (number, unit).
        Workers import it: it stands at the top level of a module. In a script, this
        call stands below ``if __name__ == "__main__":``.
    grid : mapping of name to values
        Swept arguments; the last one varies fastest.
    out : path
        Folder of the sweep: new or empty, or with `resume` that to go on with.
    workers : int, optional
        Processes on this machine, also if it is one. Default: one per processor.
    scheduler : str, optional
        Address of a running Dask scheduler, used instead.
    job_timeout : float, optional
        s; a job that takes longer, imports and compilation included, has failed.
    resume : bool
        Go on with the sweep in `out`, which must be the same.
    retry_failed : bool
        Like `resume`, and run failed jobs again.
    fail_fast : bool
        Stop at the first job that fails.
    limit : int
        Most points of the grid.
    progress : bool
        Tell on standard error how many jobs are done.
    **arguments
        Of all jobs. ``threads`` is 1 unless given; a ``seed`` left to a default of
        None is drawn once for all jobs.

    Returns
    -------
    xarray.DataTree
        As `open_sweep` reads it. Figures of jobs that failed are NaN, and a warning
        says so.

    Raises
    ------
    ConfigError
        For arguments, values and functions that cannot be used, all at once, before
        anything is written.
    StorageError
        If the folder is in use, holds something else or cannot be written.
    JobError
        If no job can be run, or with `fail_fast` one failed.
    """
    _refuse_in_workers()
    resume = resume or retry_failed
    control = {"workers": workers, "job_timeout": job_timeout, "limit": limit}
    control |= {"scheduler": scheduler}
    name, options, own = _target(what)
    given, axes = _checked(options, arguments, grid, control)
    if scheduler is not None:
        require_dask()
        scheduler = scheduler_address(scheduler)
    folder = SweepFolder(Path(out).resolve())
    folder.check(resume=resume)
    stored = folder.read(of=name)[0] if resume else None
    meanings = None
    if own:
        meanings = {axis: (options[axis].text, options[axis].unit) for axis in axes}
    sweep = complete_sweep(name, options, given, axes, meanings=meanings, stored=stored)
    _check_plain(sweep.config)
    if resume:
        folder.check_same(stored, sweep)
    sweep_tree(None, sweep, new_record(sweep))  # what it could not hold is told
    tally = Tally()
    settings = Control(
        workers=workers or processors(),
        scheduler=scheduler,
        job_timeout=job_timeout,
        retry_failed=retry_failed,
        fail_fast=fail_fast,
        progress=progress,
    )
    run_jobs(folder, sweep, settings, tally, resume=resume)
    _tell(folder, tally)
    return open_sweep(folder.path)


def _target(what):
    """Name and options of what is run; whether it is a function of the user's."""
    if isinstance(what, str):
        return what, experiment_options(find(what).load()), False
    if not callable(what):
        raise ConfigError(
            f"{_WHERE}: expected the name of an experiment or a function, got"
            f" {type(what).__name__}"
        )
    return function_name(what), function_options(what), True


def _checked(options, arguments, grid, control):
    """Checked values of fixed and of swept arguments."""
    problems = _control_problems(**control)
    if not isinstance(grid, Mapping) or not grid:
        raise ConfigError(
            f'{_WHERE}: grid: expected arguments with their values, such as {{"seed":'
            f" range(10)}}, got {grid!r:.60}"
        )
    lists = {}
    for name, values in grid.items():
        values = _plain(values)
        if isinstance(values, tuple) and values:
            lists[name] = values
        else:
            problems.append(
                f"grid {name}: expected a list of values, got {values!r:.60}"
            )
    points, limit = math.prod(map(len, lists.values())), control["limit"]
    if not problems and points > limit:
        raise ConfigError(
            f"{_WHERE}: grid: {points} points, at most {limit} are run; take fewer"
            " values or raise limit"
        )
    axes, found = check_grid(lists.items(), options)
    problems += [line.replace("--grid", "grid") for line in found]
    arguments = {name: _plain(value) for name, value in arguments.items()}
    problems += unknown_names(arguments, options, (), _WHERE)
    given, found = check_values(options, arguments, Called(_WHERE))
    problems += found
    problems += [
        f"{name} is both fixed and swept" for name in lists if name in arguments
    ]
    problems += [
        f"{option.name}: needs a value ({option.expected})"
        for option in options.lacking({*lists, *arguments})
    ]
    start = f"{_WHERE}: "
    raise_problems([start + line.removeprefix(start) for line in problems])
    return given, axes


def _control_problems(workers, job_timeout, limit, scheduler):
    problems = []
    for name, value, most in (
        ("workers", workers, MOST_WORKERS),
        ("limit", limit, None),
    ):
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value is None and name == "workers":
            continue
        if not whole or not 1 <= value <= (most or math.inf):
            top = f" from 1 to {most}" if most else " >= 1"
            problems.append(f"{name}: expected a whole number{top}, got {value!r:.60}")
    number = isinstance(job_timeout, (int, float)) and not isinstance(job_timeout, bool)
    if job_timeout is not None and not (number and 0 < job_timeout < math.inf):
        problems.append(
            f"job_timeout: expected a number of seconds > 0, got {job_timeout!r:.60}"
        )
    if scheduler is not None and workers is not None:
        problems.append("workers and scheduler: give one of them")
    return problems


def _plain(value):
    """Values as Python writes them: arrays, ranges and lists as tuples."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, range):
        value = tuple(value)
    return nested(value)


def _check_plain(config):
    try:
        canonical_json(config)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{_WHERE}: an argument, or the default of one, is no plain data: {error}\n"
            "Allowed: text, finite numbers, true and false, and lists of these."
        ) from error


def _tell(folder, tally):
    for text, count in tally.warnings.most_common():
        warnings.warn(f"{text} (in {count} jobs of the sweep)", stacklevel=3)
    if not tally.failed:
        return
    where = f"What happened is in {shown(folder.path / FAILED)}"
    if tally.stopped:
        raise JobError(
            f"stopped at the first job that failed: {tally.first_failure}\n{where}"
        )
    warnings.warn(
        f"{tally.failed} of {tally.total} jobs failed, the first:"
        f" {tally.first_failure}. {where}; run them again with retry_failed=True",
        stacklevel=3,
    )


def _refuse_in_workers():
    loading = any(
        frame.f_globals.get("__name__") == "__mp_main__"
        and frame.f_code.co_name == "<module>"
        for frame, _ in traceback.walk_stack(None)
    )
    if loading:
        raise ConfigError(
            "run_sweep: called while a worker process imports this script; put the call"
            " below if __name__ == '__main__':"
        )
