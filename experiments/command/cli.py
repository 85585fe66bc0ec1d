"""The command line: ``dendrites list``, ``run``, ``sweep``, ``plot`` and ``doctor``.

Only what a command needs is imported when it is asked for.
"""

import errno
import importlib.metadata
import sys
import traceback
import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Annotated

import cyclopts
from cyclopts import CycloptsError, Parameter

from dendrites.errors import (
    CheckpointError,
    DendritesError,
    JobError,
    NumericalError,
    StorageError,
)
from experiments import registry
from experiments.command.interrupts import Terminated
from experiments.command.streams import Unfailing, open_closed_streams, silence_output
from experiments.headline import printable
from experiments.registry import EXPERIMENTS

USAGE, BUG, INTERRUPTED, TERMINATED = 2, 1, 130, 143
_CODES = {NumericalError: 3, StorageError: 4, CheckpointError: 4, JobError: 5}
# A file system that is full, gone or broken.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
_DEBUG = Parameter(help="show the traceback of an error", negative="")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        Default: what was typed.

    Returns
    -------
    int
        Exit code: 0 ok, 2 usage or configuration, 3 numerical, 4 storage or checkpoint,
        5 failed jobs, 130 interrupted, 143 terminated, 1 a bug. Problems are told on
        standard error, with a traceback only after ``--debug``.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    with _telling():
        return _run(argv)


def _run(argv):
    try:
        code = _app(argv)(argv) or 0
        sys.stdout.flush()
        return code
    except CycloptsError as error:
        command = "sweep" if argv[:1] == ["sweep"] else "run"
        text = f"{error}\nSee dendrites --help or dendrites {command} NAME --help."
        _complain(text, argv)
        return USAGE
    except DendritesError as error:
        notes = getattr(error, "__notes__", ())
        _complain("\n".join([str(error), *notes]), argv)
        return next((c for kind, c in _CODES.items() if isinstance(error, kind)), USAGE)
    except Terminated:
        return TERMINATED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        silence_output()  # whoever read the output (head, less) has enough
        return 0
    except Exception as error:
        # Files are told by name; without one it is the output itself.
        if isinstance(error, OSError) and error.errno in _FULL and not error.filename:
            silence_output()
            _complain(f"standard output cannot be written: {error.strerror}", argv)
            return _CODES[StorageError]
        text = f"{type(error).__name__}: {error}\nThis is a bug; please report it"
        _complain(f"{text} with what --debug adds.", argv)
        return BUG


def list_experiments() -> None:
    """Every experiment, one line each."""
    print(registry.list())


def plot(
    file: Annotated[str, Parameter(help="saved run, .nc or .zarr")],
    /,
    *,
    out: Annotated[
        str | None,
        Parameter(
            help="picture, .png, .pdf or .svg [default: beside FILE, .png]",
            metavar="FILE",
        ),
    ] = None,
    overwrite: Annotated[
        bool, Parameter(help="replace an existing picture", negative="")
    ] = False,
    debug: Annotated[bool, _DEBUG] = False,
) -> None:
    """Draw the picture of a saved run again."""
    from pathlib import Path

    import matplotlib

    from dendrites.storage import output_path
    from experiments import ask
    from experiments.command.outputs import check_picture, save_picture, shown

    source = Path(file)
    name = source.with_suffix(".png") if out is None else Path(out)
    path = output_path(name.name, name.parent)
    check_picture(path, overwrite=overwrite)
    matplotlib.use("Agg")  # needs no display
    save_picture(ask.plot(source), path)
    print(f"picture  {shown(path)}")


def doctor(*, debug: Annotated[bool, _DEBUG] = False) -> int:
    """Tell whether everything needed is installed and works."""
    from experiments.command.doctor import report

    text, problems = report()
    print(text)
    for problem in problems:
        print(f"problem: {problem}", file=sys.stderr)
    return BUG if problems else 0


def _app(argv):
    app = cyclopts.App(
        "dendrites",
        help="Experiments with dendritic neurons that learn from activity differences.",
        version=lambda: importlib.metadata.version("dendritic-circuits"),
        help_formatter="plain",
        help_format="plaintext",
        result_action="return_value",
        print_error=False,
        exit_on_error=False,
        suppress_keyboard_interrupt=False,
    )
    run = cyclopts.App("run", help="Run an experiment; save its result and picture.")
    for name, experiment in EXPERIMENTS.items():
        # Imported only when this experiment is asked for.
        path = f"experiments.command.run:run {name}"
        run.command(path, name=name, help=experiment.line)
        if argv[:2] == ["run", name]:
            run[name].help = run[name].default_command.__doc__
    sweep = cyclopts.App("sweep", help="Run an experiment over a grid of parameters.")
    for name, experiment in EXPERIMENTS.items():
        path = f"experiments.command.sweep:sweep {name}"
        sweep.command(path, name=name, help=experiment.line)
        if argv[:2] == ["sweep", name]:
            sweep[name].help = sweep[name].default_command.__doc__
    app.command(list_experiments, name="list")
    app.command(run)
    app.command(sweep)
    app.command(plot)
    app.command(doctor)
    return app


@contextmanager
def _telling():
    """Within, warnings take one line, and no run ends because nobody hears it."""
    before = warnings.formatwarning, sys.stderr
    warnings.formatwarning, sys.stderr = _warning, Unfailing(sys.stderr)
    try:
        yield
    finally:
        warnings.formatwarning, sys.stderr = before


def _complain(text, argv):
    if "--debug" in argv:
        traceback.print_exc()
    print(f"error: {_clean(text)}", file=sys.stderr)


def _warning(message, category, filename, lineno, line=None):
    return f"warning: {_clean(str(message))}\n"


def _clean(text):
    return "\n".join(map(printable, text.split("\n")))


if __name__ == "__main__":
    sys.exit(main())
