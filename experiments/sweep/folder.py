"""The folder of a sweep: its configuration, one file per job, and who is using it.

Every file appears complete or not at all, and which jobs are done is read off the
folder, so there is no record that could disagree with it.
"""

import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dendrites import _atomic
from dendrites.errors import ConfigError, StorageError
from experiments.command.config_files import read_config
from experiments.command.locks import check_unused, locked, now, owner_file
from experiments.command.outputs import shown
from experiments.sweep.files import storage_errors, write_json, write_whole
from experiments.sweep.jobs import Job, Sweep, differences, read_sweep

CONFIG, RESULT, LOCK = "sweep.json", "sweep.nc", "sweep.lock"
JOBS, FAILED = "jobs", "failed"
SCHEMA, VERSION = "dendrites/sweep", 1
JOB_ATTRIBUTE = "sweep_job"


class SweepFolder:
    """Files of one sweep.

    Parameters
    ----------
    path : path
        Absolute.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        self.config, self.result = self.path / CONFIG, self.path / RESULT

    def job_file(self, name: str) -> Path:
        """The run tree of a job."""
        return self.path / JOBS / f"{name}.nc"

    def failure_file(self, name: str) -> Path:
        """Why a job failed."""
        return self.path / FAILED / f"{name}.json"

    def check(self, *, resume: bool) -> None:
        """Refuse a folder that cannot become, or go on being, that of a sweep.

        Raises
        ------
        StorageError
            If it holds something else, is in use or cannot be written.
        """
        folder, there = self.path, os.path.lexists(self.path)
        parent = folder if os.path.isdir(folder) else folder.parent
        name = shown(folder)
        if there and not os.path.isdir(folder):
            raise StorageError(f"{name} is a file, not a folder; choose another --out")
        if not os.path.isdir(parent):
            what = "is a file" if os.path.lexists(parent) else "does not exist"
            raise StorageError(f"{name}: folder {parent} {what}; choose another --out")
        if not os.access(parent, os.W_OK | os.X_OK):
            raise StorageError(
                f"{name}: folder {parent} is read-only for you; choose another --out"
            )
        if os.path.isfile(self.config):
            check_unused(*self._lock)
            if not resume:
                raise StorageError(
                    f"{name} holds a sweep: go on with it with --resume (in Python"
                    " resume=True), or choose another --out"
                )
            return
        if resume:
            raise StorageError(f"{name} holds no sweep, so there is nothing to resume")
        others = [
            entry
            for entry in sorted(os.listdir(folder) if there else ())
            if entry not in (LOCK, owner_file(Path(LOCK)).name)
            and not _atomic.LEFTOVER.fullmatch(entry)
        ]
        if others:
            raise StorageError(
                f"{name} holds other files, such as {others[0][:80]!r}; a sweep needs a"
                " folder of its own"
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Within, no other process can use the folder, which is made if need be.

        Raises
        ------
        StorageError
            If another process has the folder.
        """
        with storage_errors(self.path):
            self.path.mkdir(exist_ok=True)
        with locked(*self._lock):
            with storage_errors(self.path):
                for part in ("", JOBS, FAILED):
                    _atomic.settle_leftovers(self.path / part)
            yield

    def start(self, sweep: Sweep) -> dict:
        """Write what the sweep is; only within `locked`."""
        if os.path.exists(self.config):
            raise StorageError(f"{shown(self.path)} holds a sweep by now")
        record = new_record(sweep)
        self._begin(record)
        return record

    def read(self, *, of: str | None = None) -> tuple[Sweep, dict]:
        """The sweep in this folder, and the record that holds it.

        Parameters
        ----------
        of : str, optional
            Refuse that of another experiment.

        Raises
        ------
        ConfigError
            If the file is damaged, of a later version, or of an unknown experiment.
        StorageError
            If there is none, or one of another experiment.
        """
        where = shown(self.config)
        if not os.path.isfile(self.config):
            raise StorageError(f"{where}: no such file; {shown(self.path)} is no sweep")
        record = read_config(self.config)
        if record.get("schema") != SCHEMA:
            raise ConfigError(f"{where}: not the configuration of a sweep")
        if record.get("version") != VERSION:
            raise ConfigError(
                f"{where}: written by format {record.get('version')!r:.20}, this reads "
                f"{VERSION}"
            )
        for key, kind in (("run_id", str), ("created_utc", str), ("n_resumes", int)):
            if not isinstance(record.get(key), kind):
                raise ConfigError(f"{where}: {key} is missing; the file is damaged")
        sweep = read_sweep(record.get("sweep"), where)
        if of not in (None, sweep.experiment):
            raise StorageError(
                f"{shown(self.path)} holds a sweep of {sweep.experiment}, not of {of};"
                " choose another --out"
            )
        return sweep, record

    def check_same(self, stored: Sweep, wanted: Sweep) -> None:
        """Refuse to go on with another sweep.

        Raises
        ------
        ConfigError
            With where the two differ.
        """
        found = differences(stored.config, wanted.config)
        if found:
            more = [f"... and {len(found) - 8} more"] if len(found) > 8 else []
            first = f"{shown(self.path)} holds another sweep:"
            last = "Choose another --out, or give nothing but --out and --resume."
            raise ConfigError("\n".join([first, *found[:8], *more, last]))

    def resume(self) -> dict:
        """The record, counting that it is gone on with; only within `locked`."""
        _, record = self.read()
        record["n_resumes"] += 1
        self._begin(record)
        return record

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder here for files that workers write; what is left in it goes."""
        path = _atomic.sibling(self.path / "scratch", "part")
        with storage_errors(self.path):
            path.mkdir()
        try:
            yield path
        finally:
            _atomic.remove(path)

    def write_job(self, job: Job, result: bytes | Path) -> None:
        """Keep the run tree of a job; it has no failure any more.

        Parameters
        ----------
        job : Job
        result : bytes or Path
            Of its file; a path, in `scratch`, is moved from there.
        """
        file = self.job_file(job.name)
        with storage_errors(file):
            if isinstance(result, Path):
                _atomic.replace(result, file)
                _atomic.sync(file.parent)
            else:
                write_whole(file, result)
            self.failure_file(job.name).unlink(missing_ok=True)

    def write_failure(self, job: Job, failure: Mapping) -> int:
        """Keep why a job failed; how often it was tried by now."""
        tries = failure["tries"] + self.failure(job.name).get("tries", 0)
        record = {
            "job": job.name,
            "swept": dict(job.point),
            "arguments": dict(job.arguments),
            **failure,
            "tries": tries,
        }
        write_json(self.failure_file(job.name), record, indent=1)
        return tries

    def failure(self, name: str) -> dict:
        """Why a job failed, if it did and the record can be read."""
        path = self.failure_file(name)
        try:
            record = read_config(path) if path.exists() else {}
        except ConfigError:
            return {}
        return record if isinstance(record.get("tries"), int) else {}

    def ledger(self, names: Iterable[str]) -> dict[str, str]:
        """Every job with "ok", "failed" or "missing", as the folder shows it."""
        files = {
            part: {
                entry.name for entry in os.scandir(self.path / part) if entry.is_file()
            }
            if (self.path / part).is_dir()
            else set()
            for part in (JOBS, FAILED)
        }
        return {
            name: "ok"
            if f"{name}.nc" in files[JOBS]
            else "failed"
            if f"{name}.json" in files[FAILED]
            else "missing"
            for name in names
        }

    def job_attributes(self, name: str) -> dict:
        """Root attributes of a job's run tree, its checksum compared.

        Raises
        ------
        StorageError
            If the file is damaged or of another job.
        """
        import h5py

        from dendrites._run_formats import check_seal

        path = self.job_file(name)
        try:
            check_seal(path)
            with h5py.File(path) as file:  # a hundred times faster than the whole tree
                attributes = {key: _plain(value) for key, value in file.attrs.items()}
        except StorageError:
            raise
        except Exception as error:  # HDF5 raises nearly any type on damaged files
            raise StorageError(f"{shown(path)} is damaged: {error!s:.200}") from error
        if attributes.get(JOB_ATTRIBUTE) != name:
            raise StorageError(f"{shown(path)} is the result of another job")
        return attributes

    def set_aside(self, name: str) -> None:
        """Remove what cannot be used of a job, so that it is run again."""
        with storage_errors(self.path):
            self.job_file(name).unlink(missing_ok=True)

    @property
    def _lock(self):
        return self.path / LOCK, f"{shown(self.path)} is in use by a running sweep"

    def _begin(self, record):
        write_json(self.config, record)
        with storage_errors(self.path):
            for part in (JOBS, FAILED):
                (self.path / part).mkdir(exist_ok=True)


def _plain(value):
    """An attribute as the tree has it; numbers are arrays of length 1 in the file."""
    value = value.tolist() if hasattr(value, "tolist") else value
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def new_record(sweep: Sweep) -> dict:
    """What the file with the configuration holds."""
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "run_id": str(uuid.uuid4()),
        "created_utc": now(),
        "n_resumes": 0,
        "sweep": sweep.config,
    }
