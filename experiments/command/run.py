"""``dendrites run NAME``: one command per experiment, made from its signature.

A command is built when its name is asked of this module, so that help on others
imports no experiment.
"""

import inspect
import sys
from contextlib import suppress
from typing import Annotated

import cyclopts

from dendrites.errors import StorageError
from experiments.arguments import (
    InFile,
    Typed,
    check_values,
    raise_problems,
    unknown_names,
)
from experiments.command.config_files import read_config
from experiments.command.interrupts import resume_line, stopping_politely
from experiments.headline import headline_table, printable
from experiments.options import REQUIRED, experiment_options, from_text
from experiments.registry import EXPERIMENTS

IN_FILES = ("out", "plot")
PRESET = "--full"
_ARGUMENTS = cyclopts.Group("Arguments of the experiment", sort_key=1)
_COMMON = cyclopts.Group("Output and control", sort_key=2)
_COMMON_OPTIONS = (
    ("out", "FILE", "result, .nc or .zarr [default: NAME-<start of run id>.nc]"),
    ("plot", "FILE", "picture, .png, .pdf or .svg [default: the result's name, .png]"),
    ("out_dir", "DIR", "output directory; names must stay under it [default: .]"),
    ("config", "FILE", "TOML or JSON: arguments, out, plot; what is typed wins"),
)  # fmt: skip
_SWITCHES = (
    ("no_plot", "draw no picture"),
    ("overwrite", "replace existing files"),
    ("resume", "go on from the checkpoint of an interrupted run (name its --out)"),
    ("any_version", "with --resume: also if another version of dendrites wrote it"),
    ("debug", "show the traceback of an error"),
)


def __getattr__(name):
    # "run digits": with a space, no experiment can have the name of something here.
    word, _, experiment = name.partition(" ")
    if word != "run" or experiment not in EXPERIMENTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return run_command(EXPERIMENTS[experiment])


def run_command(experiment):
    """The function behind ``dendrites run NAME``, with a parameter for each option."""
    handled = inspect.signature(experiment.load()).parameters
    switches = [
        switch
        for switch in _SWITCHES
        if switch[0] not in ("resume", "any_version") or "resume" in handled
    ]
    return made_command(
        experiment, run, _COMMON_OPTIONS, switches, progress="progress" in handled
    )


def made_command(
    experiment, act, texts, switches, *, progress=True, first=(), about=""
):
    """The function of a command that acts on an experiment and what was typed.

    Parameters
    ----------
    experiment : Experiment
    act : callable
        Of the experiment and a dict of texts and switches by name; gives an exit code.
    texts : sequence of (name, metavar, help)
        Options besides the arguments of the experiment.
    switches : sequence of (name, help)
    progress : bool
        Whether there is a switch for it.
    first : sequence of inspect.Parameter
        Options that come before all others.
    about : str
        A paragraph for the end of the help's introduction.
    """
    function = experiment.load()
    options = experiment_options(function)

    def command(**typed):
        return act(experiment, typed)

    parameters = [*first, *(_parameter(option) for option in options.values())]
    if experiment.full:
        text = f"full size: {_preset_text(experiment.full, options)}"
        parameters.append(
            keyword("full", bool, help=text, group=_ARGUMENTS, negative="")
        )
    parameters += [
        keyword(name, str, help=text, metavar=metavar) for name, metavar, text in texts
    ]
    parameters += [
        keyword(name, bool, help=text, negative="") for name, text in switches
    ]
    if progress:
        text = "show progress on standard error [default: yes]"
        parameters.append(keyword("progress", bool, help=text))
    command.__name__ = experiment.function
    command.__doc__ = _introduction(function, options) + about
    command.__signature__ = inspect.Signature(parameters)
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def run(experiment, typed: dict) -> int:
    """Check everything, run, save, draw, and print where the files are.

    Parameters
    ----------
    experiment : Experiment
    typed : dict
        Texts and switches by name, only those given.

    Raises
    ------
    DendritesError
        Before anything heavy is imported or anything written, where that can be known.
    KeyboardInterrupt
        After the way to go on has been printed.
    """
    function = experiment.load()
    arguments, named, typed_names = _checked_arguments(experiment, function, typed)
    from experiments.command.outputs import plan_outputs

    outputs = plan_outputs(
        experiment.name,
        **named,
        out_dir=typed.get("out_dir"),
        typed=typed_names,
        picture=not typed.get("no_plot", False),
        resume=typed.get("resume", False),
    )
    if "seed" in arguments and arguments["seed"] is None:
        from dendrites._streams import draw_seed

        arguments["seed"] = draw_seed()  # here, so that a resumed run has the same
    again = resume_line(experiment.name, typed, outputs.out.name, arguments.get("seed"))
    replaced = {key: typed.get(key, False) for key in ("overwrite", "resume")}
    with stopping_politely(), outputs.reserved(**replaced):
        try:
            return _run_and_save(experiment, function, arguments, outputs, typed)
        except KeyboardInterrupt:
            _print_way_back(function, outputs, again)
            raise
        except Exception as error:
            if outputs.checkpoint.exists():
                error.add_note(_kept(error, outputs, again))
            raise


def _run_and_save(experiment, function, arguments, outputs, typed):
    from dendrites.compile.jit import told_once
    from dendrites.dataset import save_run, update_root
    from experiments.command.outputs import shown

    accepted = inspect.signature(function).parameters
    resume = typed.get("resume", False)
    control = {
        "progress": typed.get("progress", True),
        "checkpoint": str(outputs.checkpoint),
        "resume": "any-version" if typed.get("any_version", False) else resume,
    }
    if not resume:
        _remove(outputs.checkpoints)  # of a run that --overwrite discards
    control = {name: value for name, value in control.items() if name in accepted}
    with told_once():
        tree = function(**arguments, **control)
    tree = update_root(tree, run_id=outputs.run_id, experiment=experiment.name)
    save_run(tree, outputs.out, overwrite=resume or typed.get("overwrite", False))
    _remove(outputs.checkpoints)
    print(f"result   {shown(outputs.out)}", flush=True)
    if outputs.plot is not None:
        draw(experiment, tree, outputs.plot)
        print(f"picture  {shown(outputs.plot)}")
    if table := headline_table(tree.attrs):
        print(f"\n{table}")
    return 0


def draw(experiment, tree, path) -> None:
    """Write an experiment's picture of a tree; needs no display."""
    import matplotlib

    from experiments.command.outputs import save_picture

    matplotlib.use("Agg")
    save_picture(experiment.load_plots().plot(tree), path)


def _checked_arguments(experiment, function, typed):
    """Keyword arguments of the function; names of the outputs; which were typed."""
    options = experiment_options(function)
    arguments, named, problems = given_arguments(experiment, options, typed)
    problems += [
        f"{option.flag}: needs a value ({option.expected})"
        for option in options.lacking(arguments)
    ]
    if typed.get("no_plot") and "plot" in typed:
        problems.append("--no-plot and --plot: give one of them")
    if typed.get("any_version") and not typed.get("resume"):
        problems.append("--any-version: says what --resume may go on from; give both")
    raise_problems(problems)
    typed_names = frozenset(name for name in IN_FILES if name in typed)
    named |= {name: typed[name] for name in typed_names}
    if "seed" in options and options["seed"].default is None:
        arguments.setdefault("seed", None)
    return arguments, named, typed_names


def given_arguments(
    experiment, options, typed: dict, in_files: tuple[str, ...] = IN_FILES
) -> tuple[dict, dict, list[str]]:
    """Arguments from ``--full``, a configuration file and what was typed, in turn.

    Parameters
    ----------
    experiment : Experiment
    options : mapping of name to Option
    typed : dict
        Texts and switches by name, only those given.
    in_files : tuple of str
        Names of outputs that a configuration file may hold.

    Returns
    -------
    arguments : dict
        Checked values.
    named : dict
        Outputs named in the configuration file.
    problems : list of str
    """
    problems, given, written, named = [], {}, {}, {}

    def add(values, how):
        given.update(values)
        written.update(dict.fromkeys(values, how))

    if typed.get("full"):
        problems += unknown_names(experiment.full, options, (), PRESET)
        add(experiment.full, InFile(PRESET))
    if "config" in typed:
        path = typed["config"]
        data = read_config(path)
        problems += unknown_names(data, options, in_files, path)
        add(data, InFile(path))
        for name in in_files:
            if name in data and not isinstance(data[name], str):
                problems.append(f"{path}: {name} = {data[name]!r:.60}: expected a name")
            elif name in data:
                named[name] = data[name]
    texts = {name: typed[name] for name in options if name in typed}
    add({name: from_text(options[name], text) for name, text in texts.items()}, Typed())
    checked, found = check_values(options, given, written)
    return checked, named, problems + found


def _print_way_back(function, outputs, again):
    if outputs.checkpoint.exists():
        text = f"interrupted; the last finished epoch is kept. Go on with\n{again}"
    elif "checkpoint" in inspect.signature(function).parameters:
        text = "interrupted before the first checkpoint; nothing was kept"
    else:
        text = "interrupted; nothing was kept"
    print("\n".join(map(printable, text.split("\n"))), file=sys.stderr)


def _kept(error, outputs, again):
    # After any other error the same command would end the same way.
    if isinstance(error, StorageError):
        return f"The last checkpoint is kept; with that remedied, go on with\n{again}"
    return f"The last checkpoint is kept: {outputs.checkpoint.name}"


def _remove(paths):
    for path in paths:
        with suppress(FileNotFoundError):
            path.unlink()


def _parameter(option):
    unit = "" if option.unit in ("", "1") else f" ({option.unit})"
    usual = option.usual if option.default is None else option.default
    default = "" if usual in (None, REQUIRED) else f" [default: {_text(usual)}]"
    required = " [required]" if option.default is REQUIRED else ""
    text = f"{option.text}{unit}{default}{required}"
    kinds = [kind for kind in option.types if kind is not None]
    if kinds == [bool]:
        return keyword(option.name, bool, help=text, group=_ARGUMENTS)
    names = option.literals or [
        getattr(kind, "__name__", "value").upper() for kind in kinds
    ]
    metavar = "NAME=VALUE" if option.named else "|".join(map(str, names))
    several = option.many or option.named
    kind = tuple[str, ...] if several else str
    return keyword(
        option.name,
        kind,
        help=text,
        group=_ARGUMENTS,
        metavar=metavar,
        **({"consume_multiple": True, "negative": ""} if several else {}),
    )


def _preset_text(preset, options):
    """The preset as it would be typed."""
    known = [name for name in preset if name in options]
    return " ".join(w for name in known for w in options[name].typed(preset[name]))


def _text(value):
    if isinstance(value, (tuple, list)):
        return " ".join(map(str, value))
    return str(value)


def keyword(name, kind, *, group=_COMMON, **details):
    details = cyclopts.Parameter(
        show_default=False, allow_leading_hyphen=False, group=group, **details
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, details],
    )


def _introduction(function, options):
    """The docstring up to its first section."""
    text = inspect.getdoc(function) or ""
    paragraphs = []
    for paragraph in text.split("\n\n"):
        lines = paragraph.splitlines()
        if len(lines) > 1 and set(lines[1]) == {"-"} or paragraph.startswith("Source:"):
            break
        paragraphs.append(" ".join(lines))
    if many := next((option for option in options.values() if option.many), None):
        values = [str(value) for value in many.example]
        paragraphs.append(
            f"Several values: {many.flag} {' '.join(values)} or {many.flag} "
            + ",".join(values)
        )
    return "\n\n".join(paragraphs)
