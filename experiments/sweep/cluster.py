"""Jobs of a sweep on Dask: worker processes of this machine, or a running scheduler."""

import importlib.util
import logging
import os
import re
import signal
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress

from dendrites._version import __version__
from dendrites.errors import ConfigError, JobError
from experiments.sweep.jobs import Job

#: Seconds to reach a scheduler that runs already.
CONNECT = 5
#: Seconds to start worker processes here.
START = 120
#: Seconds between looks at what has arrived.
POLL = 0.05
#: Runs of a job whose worker dies each time.
TRIES = 3
_DESERTED = (
    "all worker processes are gone and none could be started; try fewer --workers"
)
_DIED = "the worker process died: killed, out of memory, or crashed in compiled code"


def require_dask() -> None:
    """Refuse to go on without the packages of the extra ``distributed``.

    Raises
    ------
    ConfigError
        With the command that installs them.
    """
    missing = [
        package
        for package in ("dask", "distributed")
        if importlib.util.find_spec(package) is None
    ]
    if missing:
        raise ConfigError(
            f"sweeps need {' and '.join(missing)}, not installed here; run\n"
            "pip install 'dendrites[distributed]'"
        )


def scheduler_address(text: str) -> str:
    """The address of a scheduler as Dask writes it.

    Raises
    ------
    ConfigError
        If it is not of the form tcp://host:port.
    """
    match = re.fullmatch(
        r"(?P<kind>[a-z]+://)?(?P<host>[\w.-]+|\[[\da-fA-F:.]+\]):(?P<port>\d{1,5})",
        text,
    )
    if not match or match["kind"] not in (None, "tcp://", "tls://"):
        raise ConfigError(
            f"--scheduler {text[:80]!r}: expected an address such as tcp://host:8786"
        )
    return text if match["kind"] else f"tcp://{text}"


class Pool:
    """Workers that run jobs.

    Parameters
    ----------
    client : distributed.Client
    cluster : distributed.LocalCluster or None
        None for a scheduler that is not ours.
    """

    def __init__(self, client, cluster=None):
        self.client, self.cluster = client, cluster
        self.where = "this machine" if cluster else client.scheduler.address

    def has_workers(self) -> bool:
        """Whether there is any worker now; some clusters start them when needed."""
        return bool(self.client.nthreads())

    def outcomes(
        self, experiment: str, jobs: Sequence[Job], seconds: float | None = None
    ) -> Iterator[tuple[Job, dict]]:
        """Run jobs; what became of each as soon as it is known, in any order.

        A job whose worker dies is run again, up to `TRIES` times in all: after the
        others and one at a time, so that no other job is blamed, and with the memory
        of the machine to itself. On a scheduler that is not ours, its own setting
        ``allowed-failures`` counts instead.

        Yields
        ------
        (Job, dict)
            As `run_job` returns it, with ``tries``.

        Raises
        ------
        JobError
            If the workers cannot run jobs, or the scheduler is gone.
        """
        died = []
        for job, outcome in self._submit(experiment, jobs, seconds):
            if "died" in outcome and self.cluster:
                died.append(job)
            else:
                yield job, outcome
        for job in died:
            tries, outcome = 1, {"died": True}
            while "died" in outcome and tries < TRIES:
                ((_, outcome),) = self._submit(experiment, [job], seconds)
                tries += 1
            yield job, outcome | {"tries": tries}

    def _submit(self, experiment, jobs, seconds):
        from distributed import as_completed

        from experiments.sweep.worker import run_job

        # One group of tasks, unknown to any other client of the scheduler.
        group = f"{experiment}-{uuid.uuid4().hex}"
        by_key = {(group, job.name): job for job in jobs}
        columns = [
            [experiment] * len(jobs),
            [dict(job.arguments) for job in jobs],
            [job.name for job in jobs],
            [__version__] * len(jobs),
            [seconds] * len(jobs),
        ]
        waiting = as_completed(
            self.client.map(run_job, *columns, key=list(by_key), pure=False, retries=0),
            loop=self.client.loop,
        )
        # Futures are kept nowhere else, so that workers forget each result once read.
        for future in self._arriving(waiting):
            outcome = self._outcome(future)
            job = by_key[future.key]
            future.release()
            if hung := outcome.get("hung"):
                self._restart(hung)
            yield job, outcome

    def _arriving(self, waiting):
        seen = time.monotonic()
        while waiting.count():
            while not waiting.has_ready():
                time.sleep(POLL)
                if not self._is_deserted():
                    seen = time.monotonic()
                elif time.monotonic() > seen + START:
                    raise JobError(_DESERTED)
            yield next(waiting)

    def _is_deserted(self):
        """Whether no worker is left here; on other clusters more may always come."""
        return self.cluster is not None and not self.cluster.scheduler.workers

    def _outcome(self, future):
        from distributed import KilledWorker

        outcome = None
        while outcome is None:
            try:
                # What a worker took with it when it died is computed once more.
                outcome = future.result(timeout=START if self.cluster else None)
            except KilledWorker as error:
                tries = error.allowed_failures + 1
                return {"error": _DIED, "traceback": "", "died": True, "tries": tries}
            except (CancelledError, OSError) as error:
                if self._is_deserted():
                    raise JobError(_DESERTED) from error
                if not (self.cluster and isinstance(error, TimeoutError)):
                    raise JobError(f"lost the scheduler at {self.where}") from error
            except Exception as error:
                text = " ".join(str(error).split())
                outcome = {"unfit": f"{type(error).__name__}: {text}"[:200]}
        if "unfit" in outcome:
            raise JobError(
                f"the workers of {self.where} cannot run jobs: {outcome['unfit']}\n"
                "Scheduler and workers need the same version of dendrites as this one."
            )
        return {"tries": 1} | outcome

    def _restart(self, worker):
        """A job that cannot be stopped goes with its process."""
        with suppress(Exception):  # already gone, or a worker nobody watches over
            self.client.restart_workers([worker], raise_for_error=False)


@contextmanager
def local_pool(workers: int) -> Iterator[Pool]:
    """Worker processes of one thread each, reached through 127.0.0.1 only.

    They end with this process, however it ends, and at once when the context is left.

    Parameters
    ----------
    workers : int
    """
    import dask.config
    from distributed import Client, LocalCluster

    preload = dask.config.get("distributed.worker.preload")
    preload = [preload] if isinstance(preload, str) else list(preload)
    settings = {
        # Every death of a worker is told at once; `Pool` counts the tries.
        "distributed.scheduler.allowed-failures": 0,
        # No job waits at a worker, where it would be blamed for another's death.
        "distributed.scheduler.worker-saturation": 1.0,
        # A worker that is busy compiling may not answer for minutes.
        "distributed.scheduler.worker-ttl": None,
        "distributed.worker.profile.enabled": False,
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
    }
    with dask.config.set(settings):
        # Without workers at first, so that there is something to close if starting
        # them is interrupted.
        cluster = LocalCluster(
            n_workers=0,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            # Dask listens for browsers in any case; none of its usual port, no pages.
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            memory_limit=0,  # what a job may need is for the user to know
            silence_logs=logging.CRITICAL,
            death_timeout=START,
            preload=[*preload, "experiments.sweep.worker"],
        )
        client = None
        try:
            client = Client(cluster, set_as_default=False)
            cluster.scale(workers)
            _wait_for_a_worker(client)
            yield Pool(client, cluster)
        finally:
            _close(cluster, client)


@contextmanager
def running_pool(address: str) -> Iterator[Pool]:
    """The workers of a scheduler that runs already.

    Parameters
    ----------
    address : str
        Such as "tcp://host:8786".

    Raises
    ------
    ConfigError
        If it cannot be reached within `CONNECT` seconds.
    """
    client = _connected(address)
    try:
        yield Pool(client)
    finally:
        with suppress(TimeoutError):
            client.close(timeout=2)


def _connected(address):
    import dask.config
    from distributed import Client

    _silence()
    secure = dask.config.get("distributed.comm.tls.ca-file", None)
    if address.startswith("tls://") and not secure:
        raise ConfigError(
            f"--scheduler {address}: needs certificates, which Dask finds by its"
            " settings distributed.comm.tls"
        )
    found = []

    def connect():
        try:
            found.append(Client(address, timeout=CONNECT, set_as_default=False))
        except Exception as error:
            found.append(error)

    # Dask itself waits much longer for a server that speaks something else.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(CONNECT)
    if found and isinstance(found[0], Client):
        return found[0]
    raise ConfigError(
        f"--scheduler {address}: no Dask scheduler answers there within {CONNECT} s\n"
        "Is it running, and is this the address it printed when it started?"
    )


def _wait_for_a_worker(client):
    try:
        client.wait_for_workers(1, timeout=START)
    except TimeoutError as error:
        raise JobError(
            f"no worker process could be started within {START} s; try fewer"
            " --workers, and dendrites doctor"
        ) from error


def _silence():
    """What goes wrong is told by our own errors."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _close(cluster, client):
    for nanny in cluster.workers.values():
        nanny.close_gracefully()  # no new process in place of the one ended here
        with suppress(ProcessLookupError):
            if nanny.pid:
                os.kill(nanny.pid, signal.SIGKILL)
    # Dask refuses to close workers that are just starting; these end by themselves,
    # with this process.
    with suppress(AssertionError, TimeoutError):
        if client is not None:
            client.close(timeout=1)
        cluster.close(timeout=1)
    cluster.shutdown_on_close = False  # not once more at the exit of the interpreter
