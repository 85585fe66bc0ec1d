"""Jobs of a sweep on worker processes of this machine.

Every worker is an executor of one process, so that its death is that of its own job
alone. Results are files: what is sent is so short that it arrives whole or not at all.
"""

import collections
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from pathlib import Path

from dendrites.errors import JobError
from experiments.sweep.jobs import TRIES, Job
from experiments.sweep.worker import hung_file, local_job, prepare, too_long

_NONE_STARTS = (
    "no worker process could be started; try fewer workers, and dendrites doctor\n"
    "A script must be a file, not standard input, and what starts a sweep in it must"
    " stand below if __name__ == '__main__':"
)


@contextmanager
def local_pool(workers: int, scratch: Path) -> Iterator["LocalPool"]:
    """Worker processes, which end with this one and when the context is left.

    Parameters
    ----------
    workers : int
    scratch : Path
        Folder for the files of jobs until they are taken from there.
    """
    pool = LocalPool([_Worker() for _ in range(workers)], scratch)
    try:
        yield pool
    finally:
        for worker in pool.workers:
            worker.kill()
        for worker in pool.workers:
            worker.close()


class LocalPool:
    """Workers that run jobs, see `local_pool`."""

    where = "this machine"

    def __init__(self, workers, scratch):
        self.workers, self.scratch = workers, scratch

    def has_workers(self) -> bool:
        """They are started when needed."""
        return True

    def outcomes(
        self, target: str, jobs: Sequence[Job], seconds: float | None = None
    ) -> Iterator[tuple[Job, dict]]:
        """Run jobs; what became of each as soon as it is known, in any order.

        A job whose worker dies is run again, up to `TRIES` times in all: after the
        others and one at a time, with the memory of the machine to itself.

        Parameters
        ----------
        target : str
            What is run, see `job_tree`.
        jobs : sequence of Job
        seconds : float, optional
            Longest time of a job; one that takes longer ends with its process.

        Yields
        ------
        (Job, dict)
            As `outcome_of` returns it, with ``tries``, and ``file`` if it succeeded.

        Raises
        ------
        JobError
            If no worker can be started.
        """
        died = []
        for job, outcome in self._run(target, jobs, seconds, self.workers):
            if "died" in outcome:
                died.append(job)
            else:
                yield job, outcome
        for job in died:
            tries, outcome = 1, {"died": True}
            while "died" in outcome and tries < TRIES:
                ((_, outcome),) = self._run(target, [job], seconds, self.workers[:1])
                tries += 1
            yield job, outcome | {"tries": tries}

    def _run(self, target, jobs, seconds, workers):
        waiting, idle, running = collections.deque(jobs), list(workers), {}
        while waiting or running:
            while waiting and idle:
                worker, job = idle.pop(), waiting.popleft()
                file = self.scratch / f"{job.name}.nc"
                call = local_job, target, job.arguments, job.name, file, seconds
                running[worker.start(*call)] = worker, job, file
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                worker, job, file = running.pop(future)
                try:
                    outcome = {"file": file} | future.result()
                except BrokenProcessPool:
                    died = worker.obituary()
                    outcome = _hung(file, seconds) or died
                idle.append(worker)
                yield job, {"tries": 1} | outcome


class _Worker:
    """A process that is started when it gets a job, and again after a death."""

    def __init__(self):
        self.executor = self.started = None
        self.processes = set()

    def start(self, *call):
        if self.executor is not None:
            with suppress(BrokenProcessPool):  # it may have died since
                return self.executor.submit(*call)
            self.close()
        context = multiprocessing.get_context("spawn")
        self.executor = ProcessPoolExecutor(1, context, initializer=prepare)
        others = set(multiprocessing.active_children())
        try:
            with _without_interrupts():
                self.started = self.executor.submit(os.getpid)
        except OSError as error:
            raise JobError(f"{_NONE_STARTS}\n{error}") from error
        self.processes = set(multiprocessing.active_children()) - others
        return self.executor.submit(*call)

    def obituary(self):
        """The outcome of the job that the process died of."""
        if self.started.exception() is not None:
            raise JobError(_NONE_STARTS)
        processes = self.processes
        self.close()
        codes = [process.exitcode for process in processes]
        how = "".join(
            f" (signal {-code})" if code < 0 else f" (exit code {code})"
            for code in codes
            if code is not None
        )
        text = (
            f"the worker process died{how}: killed, out of memory, or crashed in"
            " compiled code"
        )
        return {"error": text, "traceback": "", "died": True}

    def kill(self):
        """End the process, whatever it does."""
        for process in self.processes:
            process.kill()

    def close(self):
        """Wait for its end."""
        if self.executor is not None:
            self.executor.shutdown(cancel_futures=True)
        self.executor, self.processes = None, set()


def _hung(file, seconds):
    """What the process wrote down if it ended itself because the job took too long."""
    try:
        text = hung_file(file).read_text()
    except FileNotFoundError:
        return {}
    hung_file(file).unlink()
    return too_long(seconds, text) if text else {}


@contextmanager
def _without_interrupts():
    """Within, processes are started that leave Ctrl+C to this one.

    A terminal sends it to all; they inherit that it is blocked here, also while they
    are starting.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
