"""Where a run's files go, refused before the run if they cannot; pictures on disk."""

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dendrites.errors import CheckpointError, ConfigError, StorageError

# Importing xarray with it takes a moment, so arguments are checked before outputs are.
from dendrites.storage import _check_target, check_folder, output_path
from experiments.command.locks import locked
from experiments.headline import printable

ELSEWHERE = "choose another, with --out-dir or in --out"
PICTURES = (".png", ".pdf", ".svg")


@dataclass(frozen=True)
class Outputs:
    """Files of one run, absolute, all in one folder or below it.

    Parameters
    ----------
    out : Path
        The result.
    plot : Path or None
        Its picture.
    run_id : str
    """

    out: Path
    plot: Path | None
    run_id: str

    @property
    def checkpoint(self) -> Path:
        """Training state, beside the result until that is written."""
        return self.out.with_name(self.out.name + ".ckpt")

    @property
    def checkpoints(self) -> tuple[Path, Path]:
        """The checkpoint and the one before it."""
        return self.checkpoint, self.out.with_name(self.out.name + ".ckpt.prev")

    @contextmanager
    def reserved(self, *, overwrite: bool = False, resume: bool = False) -> Iterator:
        """Within, no other run has this result, and nothing there would be lost.

        Raises
        ------
        StorageError
            If another process is at it, or a file exists.
        CheckpointError
            If an interrupted run's checkpoint would be lost.
        """
        use = f"{shown(self.out)} is being made by another run"
        with locked(self.out.with_name(f".{self.out.name}.lock"), use):
            _check_existing(self, overwrite, resume)
            yield


def plan_outputs(
    name: str,
    *,
    out: str | None = None,
    plot: str | None = None,
    out_dir: str | None = None,
    typed: frozenset[str] = frozenset(),
    picture: bool = True,
    resume: bool = False,
) -> Outputs:
    """Decide where a run writes; refuse what it could not write.

    What is there already is looked at by `Outputs.reserved`.

    Parameters
    ----------
    name : str
        Of the experiment, for the default ``NAME-<first 8 of the run id>.nc``.
    out, plot : str, optional
        Names under the output directory.
    out_dir : str, optional
        The output directory; default: the current folder.
    typed : set of str
        Which of "out" and "plot" were typed: these may be absolute if no `out_dir` is
        given, and name their own output directory.
    picture : bool
        Whether a picture is drawn at all; its default is the result's name, .png.
    resume : bool

    Returns
    -------
    Outputs
        With a new run id, that of the interrupted run as far as its name tells it.

    Raises
    ------
    ConfigError
        If a suffix is unknown, or `resume` is asked without `out`.
    StorageError
        If a name leaves the output directory or cannot be written.
    """
    folder = "." if out_dir is None else out_dir
    run_id = uuid.uuid4()
    if out is None:
        if resume:
            raise ConfigError(
                "--resume needs the name of the interrupted run's result: --out FILE, "
                "as printed when it stopped"
            )
        out = f"{name}-{run_id.hex[:8]}.nc"
    absolute = {key: out_dir is None and key in typed for key in ("out", "plot")}
    target = output_path(out, folder, allow_absolute=absolute["out"])
    image = None
    if picture and plot is not None:
        image = output_path(plot, folder, allow_absolute=absolute["plot"])
    elif picture:
        image = output_path(target.with_suffix(".png").name, target.parent)
    if match := re.search(r"-([0-9a-f]{8})$", target.stem):
        run_id = uuid.UUID(match[1] + run_id.hex[8:])
    outputs = Outputs(target, image, str(run_id))
    for path in outputs.checkpoints:
        output_path(path.name, target.parent)
    _check_target(target, overwrite=True, elsewhere=ELSEWHERE)
    if image is not None:
        check_picture(image, overwrite=True, elsewhere=ELSEWHERE)
    return outputs


def check_picture(
    path: Path, *, overwrite: bool, elsewhere: str = "choose another with --out"
) -> None:
    """Refuse a picture of an unknown kind, or in a folder that cannot be written."""
    if path.suffix not in PICTURES:
        raise ConfigError(
            f"{path}: unknown kind of picture {path.suffix!r}; use "
            + " or ".join(PICTURES)
        )
    check_folder(path, elsewhere=elsewhere)
    if path.is_dir():
        raise StorageError(f"{path} is a folder; choose another name")
    if not overwrite and os.path.lexists(path):
        raise StorageError(
            f"{path} already exists; choose another name, or replace it with"
            " --overwrite"
        )


def save_picture(figure, path: str | os.PathLike) -> Path:
    """Write a figure so that a crash leaves the old file or the complete new one.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn without a display.
    path : str or path
        Ends in .png, .pdf or .svg.

    Raises
    ------
    StorageError
        If it cannot be written; an earlier file is unchanged.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.part-{os.getpid()}")
    try:
        figure.savefig(temporary, format=path.suffix[1:])
        os.replace(temporary, path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(f"cannot write {path}: {reason}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def shown(path: Path) -> str:
    """The path as seen from the current folder, if it lies there, safe to print."""
    here = Path.cwd()
    return printable(path.relative_to(here) if path.is_relative_to(here) else path)


def _check_existing(outputs, overwrite, resume):
    interrupted = any(os.path.lexists(path) for path in outputs.checkpoints)
    if any(path.is_dir() for path in outputs.checkpoints):
        raise StorageError(
            f"{shown(outputs.checkpoint)}, the place of the checkpoint, is a folder;"
            " choose another --out"
        )
    if resume:
        if os.path.lexists(outputs.out) and not interrupted and not overwrite:
            raise StorageError(
                f"{shown(outputs.out)} is complete: nothing to resume; repeat the run"
                " with --overwrite"
            )
        return
    if overwrite:
        return
    if os.path.lexists(outputs.out):
        hint = ", or go on from its checkpoint with --resume" if interrupted else ""
        raise StorageError(
            f"{shown(outputs.out)} already exists; choose another name, replace it with"
            f" --overwrite{hint}"
            + ("" if hint else " (an interrupted run goes on with --resume)")
        )
    if interrupted:
        raise CheckpointError(
            f"{shown(outputs.checkpoint)} holds an interrupted run: go on with"
            " --resume, or discard it with --overwrite"
        )
    if outputs.plot is not None and os.path.lexists(outputs.plot):
        raise StorageError(
            f"{shown(outputs.plot)} already exists; choose another --plot, replace it"
            " with --overwrite, or draw none with --no-plot"
        )
