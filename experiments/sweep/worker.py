"""What a worker does: run one job of a sweep and hand back its file as bytes.

Loaded by worker processes, which may be on other machines; nothing is left there.
"""

import inspect
import os
import signal
import tempfile
import threading
import traceback
import uuid
import warnings
from pathlib import Path

from dendrites._version import __version__
from experiments.registry import EXPERIMENTS
from experiments.sweep.folder import JOB_ATTRIBUTE

MOST_WARNINGS = 5
LONGEST_TRACEBACK = 20_000  # characters


def dask_setup(worker) -> None:
    """Leave Ctrl+C, which a terminal sends to all processes, to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def run_job(
    experiment: str, arguments: dict, name: str, version: str, seconds: float | None
) -> dict:
    """Run one job.

    Parameters
    ----------
    experiment : str
        Its name in the registry.
    arguments : dict
        Plain data, checked before.
    name : str
        Of the job.
    version : str
        Of the program that started the sweep.
    seconds : float, optional
        Longest time it may take.

    Returns
    -------
    dict
        ``file``, the bytes of a netCDF file, and ``warnings``; or ``error`` and
        ``traceback`` if it raised, whatever it raised, and with them ``hung``, the
        address of the worker, if it took too long; or ``unfit``, why no job of this
        sweep can be run here.
    """
    from distributed import get_worker

    worker = get_worker()
    if fault := _fault(experiment, version):
        return {"unfit": f"worker {worker.address} {fault}"}
    found = {}

    def work():
        try:
            image, texts = job_image(
                experiment, arguments, name, worker.local_directory
            )
            found.update(file=image, warnings=texts)
        except BaseException as error:
            text = traceback.format_exc()[-LONGEST_TRACEBACK:]
            kind = type(error).__name__
            found.update(error=f"{kind}: {error}"[:2000], traceback=text)

    if seconds is None:
        work()
        return found
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if not thread.is_alive():
        return found
    text = f"JobError: took longer than {seconds:g} s (--job-timeout)"
    return {"error": text, "traceback": "", "hung": worker.address}


def job_image(
    experiment: str, arguments: dict, name: str, scratch: str | os.PathLike
) -> tuple[bytes, list[str]]:
    """The file of a job, and the warnings met on the way.

    Parameters
    ----------
    experiment, arguments, name
        As for `run_job`.
    scratch : path
        Folder for a temporary file.
    """
    import dask.config

    from dendrites.dataset import save_run, update_root

    function = EXPERIMENTS[experiment].load()
    quiet = {"progress": False}
    if "progress" not in inspect.signature(function).parameters:
        quiet = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        tree = function(**arguments, **quiet)
    identity = {"run_id": str(uuid.uuid4()), "experiment": experiment}
    tree = update_root(tree, **identity, **{JOB_ATTRIBUTE: name})
    # In a worker, xarray would otherwise ask the scheduler for a lock before it writes
    # a file, and wait for minutes for one that nobody knows (measured).
    with (
        dask.config.set(scheduler="synchronous"),
        tempfile.TemporaryDirectory(dir=scratch) as folder,
    ):
        image = save_run(tree, Path(folder) / "job.nc").read_bytes()
    texts = dict.fromkeys(str(warning.message) for warning in caught)
    return image, list(texts)[:MOST_WARNINGS]


def _fault(experiment, version):
    if version != __version__:
        return f"has dendrites {__version__}, the sweep was started with {version}"
    if experiment not in EXPERIMENTS:
        return f"knows no experiment {experiment!r}"
    return ""
