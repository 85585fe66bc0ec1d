"""``dendrites sweep NAME``: an experiment at every point of a grid of its parameters.

A command is built when its name is asked of this module, as for ``dendrites run``.
"""

import math
import shlex
import sys

from dendrites.errors import ConfigError, JobError, StorageError
from experiments.arguments import raise_problems
from experiments.command.interrupts import stopping_politely
from experiments.command.run import given_arguments, keyword, made_command
from experiments.options import REQUIRED, experiment_options
from experiments.registry import EXPERIMENTS
from experiments.sweep.cluster import CONNECT, require_dask, scheduler_address
from experiments.sweep.grid import LIMIT, SYNTAX, read_grid
from experiments.sweep.jobs import MOST_WORKERS, TRIES, complete_sweep, processors

_OPTIONS = (
    ("out", "FOLDER", "new or empty, or that of the sweep to go on with [required]"),
    ("workers", "N", "processes here [default: one per processor]"),
    ("scheduler", "ADDRESS", "run on this Dask scheduler instead, such as"
     f" tcp://host:8786; given up if it does not answer within {CONNECT} s"),
    ("limit", "N", f"most points of the grid [default: {LIMIT}]"),
    ("job_timeout", "SECONDS", "a job that takes longer has failed [default: none]"),
    ("config", "FILE", "TOML or JSON: arguments of all jobs; what is typed wins"),
)  # fmt: skip
_SWITCHES = (
    ("resume", "go on with the sweep in FOLDER, keeping its finished jobs"),
    ("retry_failed", "like --resume, and run its failed jobs again"),
    ("fail_fast", "stop at the first job that fails"),
    ("debug", "show the traceback of an error"),
)
_ABOUT = (
    f"Each --grid names an argument and its values: {SYNTAX}. The experiment is run at"
    " every point of the grid; the other arguments are the same everywhere, threads"
    " being 1 unless given. A job that fails is recorded and the others go on; one"
    f" whose worker process dies is tried {TRIES} times."
)


def __getattr__(name):
    # "sweep digits": with a space, no experiment can have the name of something here.
    word, _, experiment = name.partition(" ")
    if word != "sweep" or experiment not in EXPERIMENTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return sweep_command(EXPERIMENTS[experiment])


def sweep_command(experiment):
    """The function behind ``dendrites sweep NAME``, a parameter for each option."""
    text = "an argument and its values; once for each swept argument"
    details = {"metavar": "NAME=VALUES", "consume_multiple": True, "negative": ""}
    grid = keyword("grid", tuple[str, ...], help=text, **details)
    about = f"\n\n{_ABOUT}"
    return made_command(
        experiment, sweep, _OPTIONS, _SWITCHES, first=(grid,), about=about
    )


def sweep(experiment, typed: dict) -> int:
    """Check everything, run all jobs, join their figures, say where the files are.

    Parameters
    ----------
    experiment : Experiment
    typed : dict
        Texts and switches by name, only those given.

    Raises
    ------
    DendritesError
        Before anything is started or written, where that can be known.
    JobError
        If jobs failed, after the others have finished.
    KeyboardInterrupt
        After the way to go on has been printed.
    """
    resume = typed.get("resume", False) or typed.get("retry_failed", False)
    control, grid, given = _checked(experiment, typed, resume)
    if control["scheduler"]:
        require_dask()
    # xarray comes with these, which takes a moment.
    from dendrites.storage import output_path
    from experiments.sweep.folder import SweepFolder, new_record
    from experiments.sweep.run import Control, Tally, report, run_jobs
    from experiments.sweep.tree import sweep_tree

    folder = SweepFolder(output_path(typed["out"], ".", allow_absolute=True))
    folder.check(resume=resume)
    if resume:
        wanted = _stored(folder, experiment, grid, given)
    else:
        options = experiment_options(experiment.load())
        wanted = complete_sweep(experiment.name, options, given, grid)
        sweep_tree(None, wanted, new_record(wanted))  # what it could not hold is told
    tally, again = Tally(), _again(experiment.name, typed)
    with stopping_politely():
        try:
            run_jobs(folder, wanted, Control(**control), tally, resume=resume)
        except KeyboardInterrupt:
            print(f"interrupted; {tally}. Go on with\n{again}", file=sys.stderr)
            raise
        except (JobError, StorageError) as error:
            if tally.total:
                error.add_note(f"{tally}. Go on with\n{again}")
            raise
    report(folder, tally, again)
    return 0


def _checked(experiment, typed, resume):
    """How to run; values of swept arguments; those of others that are given."""
    options = experiment_options(experiment.load())
    control, limit, problems = _control(typed)
    if "out" not in typed:
        problems.append("--out: needs a folder for the results")
    preset = {}
    if typed.get("full"):
        preset, _, found = given_arguments(experiment, options, {"full": True}, ())
        problems += found
    rest = {name: value for name, value in typed.items() if name != "full"}
    given, _, found = given_arguments(experiment, options, rest, ())
    problems += found
    grid, found = read_grid(typed.get("grid", ()), options, limit=limit)
    problems += found
    problems += [
        f"{options[name].flag} and --grid {name}: fixed and swept; give one of them"
        for name in grid
        if name in given or name in typed
    ]
    given = {name: v for name, v in preset.items() if name not in grid} | given
    # An interrupted sweep need not be described once more.
    if not resume and not typed.get("grid"):
        problems.append(f"--grid: name an argument and its values: {SYNTAX}")
    if not resume or grid or given:
        problems += [
            f"{option.flag}: needs a value ({option.expected})"
            for name, option in options.items()
            if option.default is REQUIRED and name not in {**grid, **typed, **given}
        ]
    raise_problems(problems)
    return control, grid, given


def _control(typed):
    problems, numbers = [], {"limit": LIMIT, "workers": processors()}
    for name, most in (("limit", None), ("workers", MOST_WORKERS)):
        text = typed.get(name, str(numbers[name]))
        if text.isdecimal() and 1 <= int(text) <= (most or math.inf):
            numbers[name] = int(text)
        else:
            top = f" from 1 to {most}" if most else " >= 1"
            problems.append(
                f"--{name}: expected a whole number{top}, got {text[:60]!r}"
            )
    seconds = address = None
    if "job_timeout" in typed:
        try:
            seconds = float(typed["job_timeout"])
        except ValueError:
            seconds = math.nan
        if not 0.0 < seconds < math.inf:
            problems.append(
                f"--job-timeout: expected a number of seconds > 0, got "
                f"{typed['job_timeout'][:60]!r}"
            )
    if "scheduler" in typed:
        try:
            address = scheduler_address(typed["scheduler"])
        except ConfigError as error:
            problems.append(str(error))
        if "workers" in typed:
            problems.append("--workers and --scheduler: give one of them")
    switches = {name: typed.get(name, False) for name in ("retry_failed", "fail_fast")}
    control = {
        "workers": numbers["workers"],
        "scheduler": address,
        "job_timeout": seconds,
        "progress": typed.get("progress", True),
        **switches,
    }
    return control, numbers["limit"], problems


def _stored(folder, experiment, grid, given):
    """The sweep in the folder, which is the one typed, if one is."""
    stored, _ = folder.read(of=experiment.name)
    if grid or given:
        options = experiment_options(experiment.load())
        typed = complete_sweep(experiment.name, options, given, grid, stored=stored)
        folder.check_same(stored, typed)
    return stored


def _again(name, typed):
    """The command that goes on with a sweep."""
    words = ["dendrites", "sweep", name]
    for key in ("out", "workers", "scheduler", "job_timeout"):
        if key in typed:
            words += ["--" + key.replace("_", "-"), typed[key]]
    return shlex.join([*words, "--resume"])
