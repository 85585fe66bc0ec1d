"""Running the jobs of a sweep: what is left to do, the loop, what to tell after it."""

import collections
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from dendrites.errors import JobError, StorageError
from dendrites.storage import save_run
from experiments.command.outputs import shown
from experiments.headline import printable
from experiments.sweep.folder import FAILED, SweepFolder
from experiments.sweep.grid import text_of
from experiments.sweep.jobs import Job, Sweep
from experiments.sweep.local import local_pool
from experiments.sweep.tree import sweep_tree

SHOWN_WARNINGS = 5


@dataclass(frozen=True)
class Control:
    """How jobs are run, which has no influence on what they give.

    Parameters
    ----------
    workers : int
        Processes on this machine.
    scheduler : str or None
        Address of a running scheduler, used instead.
    job_timeout : float or None
        Longest time of a job, s.
    retry_failed, fail_fast, progress : bool
    """

    workers: int = 1
    scheduler: str | None = None
    job_timeout: float | None = None
    retry_failed: bool = False
    fail_fast: bool = False
    progress: bool = True


@dataclass
class Tally:
    """What became of the jobs so far."""

    total: int = 0
    finished: int = 0
    failed: int = 0
    first_failure: str = ""
    stopped: bool = False
    warnings: collections.Counter = field(default_factory=collections.Counter)

    def __str__(self):
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.finished} of {self.total} jobs finished{failed}"

    def fail(self, job: Job, error: str) -> None:
        """Count a job that failed."""
        self.failed += 1
        if not self.first_failure:
            point = ", ".join(f"{k}={text_of(v)}" for k, v in job.point.items())
            first, *_ = error.splitlines() or [""]
            self.first_failure = f"{point}: {printable(first)[:200]}"


def run_jobs(
    folder: SweepFolder, sweep: Sweep, control: Control, tally: Tally, *, resume: bool
) -> None:
    """Run what is not done yet and join the figures of all jobs.

    Parameters
    ----------
    folder : SweepFolder
        Checked.
    sweep : Sweep
    control : Control
    tally : Tally
        Empty; kept up to date, so that it can be told after an interruption.
    resume : bool
        Whether the folder holds this sweep already.

    Raises
    ------
    ConfigError
        If a scheduler does not answer; nothing has been written then.
    StorageError
        If the folder is in use, or a file cannot be written.
    JobError
        If no job can be run at all.
    """
    with ExitStack() as stack:
        pool = None
        if control.scheduler:
            from experiments.sweep.cluster import running_pool

            pool = stack.enter_context(running_pool(control.scheduler))
        stack.enter_context(folder.locked())
        record = folder.resume() if resume else folder.start(sweep)
        jobs = _left(folder, sweep, control, tally)
        if jobs and pool is None:
            scratch = stack.enter_context(folder.scratch())
            workers = min(control.workers, len(jobs))
            pool = stack.enter_context(local_pool(workers, scratch))
        if jobs:
            try:
                _take_outcomes(pool, folder, sweep, jobs, control, tally)
            except KeyboardInterrupt:
                # It may have come between a file and its being counted.
                states = folder.ledger(job.name for job in sweep.jobs())
                tally.finished = list(states.values()).count("ok")
                raise
        if not tally.stopped:
            save_run(sweep_tree(folder, sweep, record), folder.result, overwrite=True)


def report(folder: SweepFolder, tally: Tally, again: str) -> None:
    """Say what there is and where.

    Parameters
    ----------
    folder : SweepFolder
    tally : Tally
    again : str
        The command that goes on.

    Raises
    ------
    JobError
        If jobs failed.
    """
    for text, count in tally.warnings.most_common(SHOWN_WARNINGS):
        jobs = "1 job" if count == 1 else f"{count} jobs"
        print(f"warning: {printable(text)[:300]} (in {jobs})", file=sys.stderr)
    print(f"jobs     {tally}")
    if not tally.stopped:
        print(f"result   {shown(folder.result)}", flush=True)
    if not tally.failed:
        return
    if tally.stopped:
        begin, way = "stopped at the first job that failed:", f"Go on with\n{again}"
    else:
        begin = f"{tally.failed} of {tally.total} jobs failed, the first:"
        way = f"Run them again with\n{again.removesuffix('--resume')}--retry-failed"
    raise JobError(
        f"{begin} {tally.first_failure}\n"
        f"What happened is in {shown(folder.path / FAILED)}. {way}"
    )


def _left(folder, sweep, control, tally):
    """Jobs to run; the others are counted."""
    jobs = list(sweep.jobs())
    tally.total = len(jobs)
    ledger = folder.ledger(job.name for job in jobs)
    left = []
    for job in jobs:
        state = ledger[job.name]
        if state == "ok":
            try:
                folder.job_attributes(job.name)
            except StorageError as error:
                print(f"warning: {error}\nThat job is run again.", file=sys.stderr)
                folder.set_aside(job.name)
                state = "missing"
        if state == "failed" and not control.retry_failed:
            tally.fail(job, str(folder.failure(job.name).get("error", "")))
        elif state == "ok":
            tally.finished += 1
        else:
            left.append(job)
    return left


def _take_outcomes(pool, folder, sweep, jobs, control, tally):
    if not pool.has_workers():
        print(
            f"no workers at {pool.where} yet; waiting (Ctrl+C to stop)", file=sys.stderr
        )
    with Progress(tally, control.progress) as progress:
        outcomes = pool.outcomes(sweep.experiment, jobs, control.job_timeout)
        for job, outcome in outcomes:
            if "unwritten" in outcome:
                raise StorageError(outcome["unwritten"])
            if "error" not in outcome:
                folder.write_job(job, outcome["file"])
                tally.finished += 1
                tally.warnings.update(outcome["warnings"])
            else:
                folder.write_failure(
                    job,
                    {
                        "error": outcome["error"],
                        "traceback": outcome["traceback"].splitlines(),
                        "tries": outcome["tries"],
                    },
                )
                tally.fail(job, outcome["error"])
                tally.stopped = control.fail_fast
            progress.update()
            if tally.stopped:
                return


class Progress:
    """A bar over jobs on a terminal, at most twenty lines elsewhere, or nothing."""

    def __init__(self, tally: Tally, wanted: bool):
        self.tally, self.shown, self.bar = tally, wanted, None
        self.begun = time.perf_counter()
        self.told = self._done()

    def __enter__(self):
        from tqdm import tqdm

        if self.shown and sys.stderr.isatty():
            self.bar = tqdm(
                total=self.tally.total, initial=self._done(), unit="job", leave=False
            )
        return self

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.close()

    def update(self) -> None:
        """A job is done."""
        done, tally = self._done(), self.tally
        if self.bar is not None:
            if tally.failed:
                self.bar.set_postfix_str(f"{tally.failed} failed", refresh=False)
            self.bar.update(done - self.bar.n)
        elif self.shown and (done - self.told) * 20 >= tally.total:
            self.told = done
            seconds = time.perf_counter() - self.begun
            print(f"{tally} ({seconds:.0f} s)", file=sys.stderr)

    def _done(self):
        return self.tally.finished + self.tally.failed
