"""What a worker does: run one job of a sweep and write its file.

Loaded by worker processes, which may be on other machines.
"""

import ctypes
import faulthandler
import importlib
import inspect
import os
import signal
import sys
import tempfile
import threading
import traceback
import uuid
import warnings
from collections.abc import Callable, Mapping
from multiprocessing import connection, parent_process
from pathlib import Path

import xarray as xr

from dendrites._version import __version__
from dendrites.dataset import save_run, update_root
from dendrites.errors import StorageError
from experiments.registry import EXPERIMENTS
from experiments.sweep.folder import JOB_ATTRIBUTE
from experiments.sweep.functions import run_of

MOST_WARNINGS = 5
LONGEST_TRACEBACK = 20_000  # characters
_PR_SET_PDEATHSIG = 1  # of linux/prctl.h
#: Seconds after which a job ends its process if its thread cannot be left.
GRACE = 5


def prepare() -> None:
    """Let a process of this machine end when the one that started it does."""
    if sys.platform == "linux":  # also if a job never lets the interpreter go
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def local_job(
    target: str,
    arguments: Mapping,
    name: str,
    file: Path,
    seconds: float | None,
) -> dict:
    """Run one job in a process of its own; what became of it, see `outcome_of`.

    Parameters
    ----------
    target, arguments, name : see `job_tree`
    file : Path
        To be written.
    seconds : float, optional
        Longest time it may take. A job that takes longer ends with its process, also
        if it never lets the interpreter go; where it was is in `hung_file`.
    """
    if seconds is None:
        return outcome_of(target, arguments, name, file)
    with open(hung_file(file), "w") as told:
        faulthandler.dump_traceback_later(seconds, exit=True, file=told)
        try:
            return outcome_of(target, arguments, name, file)
        finally:
            faulthandler.cancel_dump_traceback_later()
            hung_file(file).unlink()


def hung_file(file: Path) -> Path:
    """Beside the file of a job, where it was when it took too long."""
    return file.with_suffix(".hung")


def dask_job(
    target: str, arguments: Mapping, name: str, version: str, seconds: float | None
) -> dict:
    """Run one job on a worker of Dask; nothing is left there.

    Parameters
    ----------
    target, arguments, name : see `job_tree`
    version : str
        Of the program that started the sweep.
    seconds : float, optional
        Longest time it may take.

    Returns
    -------
    dict
        As of `outcome_of`, with ``file``, the bytes of it; if the job took too
        long ``hung``, the address of the worker; or ``unfit``, why no job of this
        sweep can be run here.
    """
    import dask.config
    from distributed import get_worker

    worker = get_worker()
    if fault := _fault(target, version):
        return {"unfit": f"worker {worker.address} {fault}"}
    found = {}

    def work():
        # xarray would otherwise ask the scheduler for a lock before it writes a file,
        # and wait for minutes for one that nobody knows (measured).
        with (
            dask.config.set(scheduler="synchronous"),
            tempfile.TemporaryDirectory(dir=worker.local_directory) as folder,
        ):
            file = Path(folder) / "job.nc"
            found.update(outcome_of(target, arguments, name, file))
            if "error" not in found and "unwritten" not in found:
                found["file"] = file.read_bytes()

    if seconds is None:
        work()
        return found
    thread = threading.Thread(target=work, daemon=True)
    # For jobs that never let the interpreter go, so that nobody waits here either.
    faulthandler.dump_traceback_later(seconds + GRACE, exit=True)
    thread.start()
    thread.join(seconds)
    faulthandler.cancel_dump_traceback_later()
    if not thread.is_alive():
        return found
    return too_long(seconds) | {"hung": worker.address}


def too_long(seconds: float, where: str = "") -> dict:
    """The outcome of a job that took too long."""
    text = f"JobError: took longer than {seconds:g} s (--job-timeout)"
    return {"error": text, "traceback": where}


def outcome_of(target: str, arguments: Mapping, name: str, file: Path) -> dict:
    """Run a job, write its file, and say what became of it.

    Parameters
    ----------
    target, arguments, name : see `job_tree`
    file : Path
        To be written.

    Returns
    -------
    dict
        ``warnings``, texts; or ``error`` and ``traceback`` if it raised, whatever it
        raised; or ``unwritten``, why its file cannot be written.
    """
    try:
        tree, texts = job_tree(target, arguments, name)
    except BaseException as error:
        text = traceback.format_exc()[-LONGEST_TRACEBACK:]
        return {"error": f"{type(error).__name__}: {error}"[:2000], "traceback": text}
    try:
        save_run(tree, file)
    except StorageError as error:
        return {"unwritten": str(error)}
    return {"warnings": texts}


def job_tree(
    target: str, arguments: Mapping, name: str
) -> tuple[xr.DataTree, list[str]]:
    """The run tree of a job, and the warnings met on the way.

    Parameters
    ----------
    target : str
        An experiment's name in the registry, or a user's function as
        ``"module:name"``.
    arguments : dict
        Plain data, checked before.
    name : str
        Of the job.
    """
    function = _function(target)
    quiet = {"progress": False}
    if "progress" not in inspect.signature(function).parameters:
        quiet = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        result = function(**arguments, **quiet)
    tree = run_of(result, target, arguments)
    identity = {"run_id": str(uuid.uuid4()), "experiment": target}
    tree = update_root(tree, **identity, **{JOB_ATTRIBUTE: name})
    texts = dict.fromkeys(str(warning.message)[:1000] for warning in caught)
    return tree, list(texts)[:MOST_WARNINGS]


def _function(target) -> Callable:
    if target in EXPERIMENTS:
        return EXPERIMENTS[target].load()
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def _fault(target, version):
    if version != __version__:
        return f"has dendrites {__version__}, the sweep was started with {version}"
    try:
        _function(target)
    except Exception as error:
        return f"has no {target!r}: {type(error).__name__}: {error}"
    return ""


def _end_with_parent():
    connection.wait([parent_process().sentinel])
    os._exit(1)
