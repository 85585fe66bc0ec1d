"""Jobs of a sweep on a Dask scheduler that runs already."""

import importlib.util
import logging
import re
import threading
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress

from dendrites._version import __version__
from dendrites.errors import ConfigError, JobError
from experiments.sweep.jobs import Job

#: Seconds to reach a scheduler that runs already.
CONNECT = 5
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
            f"--scheduler needs {' and '.join(missing)}, not installed here; run\n"
            "pip install 'dendritic-circuits[distributed]'"
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
    """The workers of a scheduler.

    Parameters
    ----------
    client : distributed.Client
    """

    def __init__(self, client):
        self.client, self.where = client, client.scheduler.address

    def has_workers(self) -> bool:
        """Whether there is any worker now; some clusters start them when needed."""
        return bool(self.client.nthreads())

    def outcomes(
        self, target: str, jobs: Sequence[Job], seconds: float | None = None
    ) -> Iterator[tuple[Job, dict]]:
        """Run jobs; what became of each as soon as it is known, in any order.

        How often a job whose worker dies is run again is the scheduler's own setting
        ``allowed-failures``.

        Parameters
        ----------
        target, jobs, seconds : see `experiments.sweep.local.LocalPool.outcomes`

        Yields
        ------
        (Job, dict)
            As `dask_job` returns it, with ``tries``.

        Raises
        ------
        JobError
            If the workers cannot run jobs, or the scheduler is gone.
        """
        from distributed import as_completed

        from experiments.sweep.worker import dask_job

        # One group of tasks, unknown to any other client of the scheduler.
        group = f"{target}-{uuid.uuid4().hex}"
        by_key = {(group, job.name): job for job in jobs}
        columns = [
            [target] * len(jobs),
            [dict(job.arguments) for job in jobs],
            [job.name for job in jobs],
            [__version__] * len(jobs),
            [seconds] * len(jobs),
        ]
        futures = self.client.map(
            dask_job, *columns, key=list(by_key), pure=False, retries=0
        )
        waiting = as_completed(futures, loop=self.client.loop)
        del futures  # kept nowhere else: workers forget each result once it is read
        for future in waiting:
            outcome = {"tries": 1} | self._outcome(future)
            job = by_key[future.key]
            future.release()
            if hung := outcome.get("hung"):
                # A job that cannot be stopped goes with its process.
                with suppress(Exception):  # already gone, or nobody watches over it
                    self.client.restart_workers([hung], raise_for_error=False)
            yield job, outcome

    def _outcome(self, future):
        from distributed import KilledWorker

        try:
            # What a worker took with it when it died is computed once more.
            outcome = future.result()
        except KilledWorker as error:
            tries = error.allowed_failures + 1
            return {"error": _DIED, "traceback": "", "tries": tries}
        except (CancelledError, OSError) as error:
            raise JobError(f"lost the scheduler at {self.where}") from error
        except Exception as error:
            text = " ".join(str(error).split())
            outcome = {"unfit": f"{type(error).__name__}: {text}"[:200]}
        if "unfit" in outcome:
            raise JobError(
                f"the workers of {self.where} cannot run jobs: {outcome['unfit']}\n"
                "Scheduler and workers need the same version of dendrites as this one."
            )
        return outcome


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
        If it cannot be reached within `CONNECT` seconds, or Dask is not installed.
    """
    require_dask()
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


def _silence():
    """What goes wrong is told by our own errors."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)
