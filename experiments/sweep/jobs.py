"""What a sweep is: one experiment, fixed arguments, a grid; its jobs and their names.

Plain data throughout: an experiment is named from the registry, its arguments are
what JSON can hold, and both are checked again whenever they are read from a file.
"""

import hashlib
import itertools
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dendrites._streams import draw_seed
from dendrites._validate_dataset import canonical_json
from dendrites.errors import ConfigError, choices
from experiments.arguments import (
    InFile,
    check_values,
    raise_problems,
    unknown_names,
)
from experiments.options import REQUIRED, Option, experiment_options
from experiments.registry import EXPERIMENTS
from experiments.sweep.grid import check_grid

MOST_WORKERS = 1000
#: Runs of a job whose worker process on this machine dies each time.
TRIES = 3


@dataclass(frozen=True)
class Job:
    """One point of a grid.

    Parameters
    ----------
    point : dict
        Values of the swept parameters.
    arguments : dict
        All arguments of the experiment.
    name : str
        The first 16 hexadecimal digits of the sha256 of experiment and arguments.
    """

    point: Mapping[str, Any]
    arguments: Mapping[str, Any]
    name: str


@dataclass(frozen=True)
class Sweep:
    """An experiment at every point of a grid.

    Parameters
    ----------
    experiment : str
        Its name in the registry, or ``"module:name"`` of a user's function.
    fixed : dict
        Arguments that are not swept, none left to a default.
    grid : dict of name to tuple of values
        Swept arguments; the last one varies fastest.
    meanings : dict of name to (text, unit), optional
        Of the swept arguments of a user's function. What a file says is never imported,
        so they stand there.
    """

    experiment: str
    fixed: Mapping[str, Any]
    grid: Mapping[str, tuple]
    meanings: Mapping[str, tuple[str, str]] | None = None

    @property
    def points(self) -> int:
        """How many jobs there are."""
        return math.prod(map(len, self.grid.values()))

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of every swept parameter."""
        return tuple(map(len, self.grid.values()))

    @property
    def config(self) -> dict:
        """The sweep as JSON holds it; the grid as a list, because its order counts."""
        config = {
            "experiment": self.experiment,
            "arguments": _plain(self.fixed),
            "grid": [[name, _plain(values)] for name, values in self.grid.items()],
        }
        if self.meanings is not None:
            config["meanings"] = _plain(self.meanings)
        return config

    @property
    def title(self) -> str:
        """What was asked."""
        if self.meanings is not None:
            return self.experiment
        return f"{self.experiment}: {EXPERIMENTS[self.experiment].line}"

    def meaning(self, name: str) -> tuple[str, str]:
        """Text and unit of a swept argument."""
        if self.meanings is not None:
            return self.meanings[name]
        option = experiment_options(EXPERIMENTS[self.experiment].load())[name]
        return option.text, option.unit

    def jobs(self) -> Iterator[Job]:
        """All jobs, in the order of the grid."""
        for values in itertools.product(*self.grid.values()):
            point = dict(zip(self.grid, values, strict=True))
            arguments = {**self.fixed, **point}
            yield Job(point, arguments, job_name(self.experiment, arguments))


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def job_name(experiment: str, arguments: Mapping[str, Any]) -> str:
    """The name of the files of a job, a hash of what it computes."""
    config = {"experiment": experiment, "arguments": _plain(arguments)}
    return hashlib.sha256(canonical_json(config).encode()).hexdigest()[:16]


def complete_arguments(
    options: Mapping[str, Option], given: Mapping[str, Any], swept: Mapping[str, tuple]
) -> dict[str, Any]:
    """Arguments of every job of a sweep, with what was left open decided once.

    Parameters
    ----------
    options : mapping of name to Option
    given : mapping of name to checked value
    swept : mapping of name
        Left out of the result.

    Returns
    -------
    dict
        With defaults filled in, so that a later version with other defaults cannot
        mix two settings in one sweep. Jobs run beside each other, each on one thread
        unless told otherwise. A seed that is drawn is the same in all jobs.
    """
    arguments = {}
    for name, option in options.items():
        if name in swept:
            continue
        if name in given:
            arguments[name] = given[name]
        elif name == "threads":
            arguments[name] = 1
        elif option.default is not REQUIRED:
            arguments[name] = option.default
    if arguments.get("seed", 0) is None:
        arguments["seed"] = draw_seed()
    return arguments


def complete_sweep(
    name: str,
    options: Mapping[str, Option],
    given: Mapping[str, Any],
    grid: Mapping[str, tuple],
    *,
    meanings: Mapping[str, tuple[str, str]] | None = None,
    stored: Sweep | None = None,
) -> Sweep:
    """A sweep with what was left open decided, see `complete_arguments`.

    Parameters
    ----------
    name, grid, meanings : see `Sweep`
    options, given : see `complete_arguments`
    stored : Sweep, optional
        One that is gone on with; a seed drawn when it began stays.
    """
    if stored is not None and "seed" in options and options["seed"].default is None:
        given = {k: v for k, v in stored.fixed.items() if k == "seed"} | dict(given)
    return Sweep(name, complete_arguments(options, given, grid), grid, meanings)


def read_sweep(config: Any, where: str) -> Sweep:
    """The sweep that a file describes, checked as if it had been typed.

    Parameters
    ----------
    config : object
        From JSON.
    where : str
        The file, for messages.

    Raises
    ------
    ConfigError
        If it is no sweep of an experiment known here; all problems are named.
    """
    keys = ("experiment", "arguments", "grid")
    if not isinstance(config, dict) or {*config} - {"meanings"} != {*keys}:
        raise ConfigError(f"{where}: holds no sweep (experiment, arguments, grid)")
    name, arguments, grid = (config[key] for key in keys)
    own = "meanings" in config
    if not own and (not isinstance(name, str) or name not in EXPERIMENTS):
        raise ConfigError(
            f"{where}: unknown experiment {name!r:.60}. "
            + choices(str(name)[:60], EXPERIMENTS)
        )
    shaped = (
        isinstance(arguments, dict)
        and isinstance(grid, list)
        and bool(grid)
        and all(
            isinstance(row, list)
            and len(row) == 2
            and isinstance(row[0], str)
            and isinstance(row[1], list)
            and row[1]
            for row in grid
        )
    )
    if not shaped or len({row[0] for row in grid}) < len(grid):
        raise ConfigError(f"{where}: arguments or grid do not have the form expected")
    if own:
        return _own_sweep(config, where)
    options = experiment_options(EXPERIMENTS[name].load())
    problems = unknown_names(arguments, options, (), where)
    fixed, found = check_values(options, arguments, InFile(where))
    problems += found
    axes, found = check_grid(grid, options)
    problems += [f"{where}: {line}" for line in found]
    both = sorted(set(axes) & set(arguments))
    lacking = [n for n in options if n not in {*arguments, *axes}]
    problems += [f"{where}: {n} is both fixed and swept" for n in both]
    problems += [f"{where}: argument {n} is missing" for n in lacking]
    raise_problems(problems)
    return Sweep(name, fixed, axes)


def _own_sweep(config, where):
    """A sweep of a user's function, which is neither imported nor checked here."""
    name, arguments, meanings = (
        config[key] for key in ("experiment", "arguments", "meanings")
    )
    axes = {axis: nested(values) for axis, values in config["grid"]}
    shaped = (
        isinstance(name, str)
        and isinstance(meanings, dict)
        and {*meanings} == {*axes}
        and all(
            isinstance(pair, list) and [*map(type, pair)] == [str, str]
            for pair in meanings.values()
        )
    )
    if not shaped:
        raise ConfigError(f"{where}: meanings do not have the form expected")
    fixed = {key: nested(value) for key, value in arguments.items()}
    return Sweep(name, fixed, axes, {key: tuple(p) for key, p in meanings.items()})


def nested(value: Any) -> Any:
    """Plain data with tuples in place of lists, so that values can be compared."""
    if isinstance(value, Mapping):
        return {name: nested(item) for name, item in value.items()}
    return tuple(map(nested, value)) if isinstance(value, (tuple, list)) else value


def differences(stored: Mapping, wanted: Mapping) -> list[str]:
    """Where two configurations of sweeps differ, one line each."""
    ours, theirs = _flat(wanted), _flat(stored)
    names = [*theirs, *(name for name in ours if name not in theirs)]
    return [
        f"{name}: {_short(theirs.get(name))} there, {_short(ours.get(name))} here"
        for name in names
        if ours.get(name) != theirs.get(name)
    ]


def _flat(config):
    grid = {f"grid {name}": values for name, values in config["grid"]}
    order = [name for name, _ in config["grid"]]
    rest = {"experiment": config["experiment"], "order of the grid": order}
    return {**rest, **config["arguments"], **grid}


def _short(value):
    text = "not set" if value is None else canonical_json(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _plain(value):
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(x) for x in value] if isinstance(value, (tuple, list)) else value
