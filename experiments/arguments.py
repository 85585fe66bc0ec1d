"""Checks of a question's arguments before it begins, all problems at once.

The command line, configuration files, sweeps and Python go through the same model and
get the same messages, except that each names an argument as it is written there.
"""

import json
import os
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from dendrites.errors import ConfigError, choices
from experiments.options import HANDLED, Option, Options, all_options, words_of

MOST_PROBLEMS = 20
_BOUNDS = {
    "greater_than": ">",
    "greater_than_equal": ">=",
    "less_than": "<",
    "less_than_equal": "<=",
}


class Typed:
    """Arguments as typed: ``--dt 0.2``."""

    def name(self, option: Option) -> str:
        """The argument without a value."""
        return option.flag

    def pair(self, option: Option, value: Any) -> str:
        """The argument with a value."""
        return f"{option.flag} {_short(shlex.join(words_of(value)))}"


@dataclass(frozen=True)
class InFile:
    """Arguments as written in a configuration file: ``run.toml: dt = 0.2``."""

    path: str

    def name(self, option: Option) -> str:
        """The argument without a value."""
        return f"{self.path}: {option.name}"

    def pair(self, option: Option, value: Any) -> str:
        """The argument with a value."""
        text = json.dumps(value, default=str, ensure_ascii=False)
        return f"{option.name} = {_short(text)}"


@dataclass(frozen=True)
class Called:
    """Arguments as a call in Python has them: ``plasticity-sign: seeds=20``."""

    question: str

    def name(self, option: Option) -> str:
        """The argument without a value."""
        return f"{self.question}: {option.name}"

    def pair(self, option: Option, value: Any) -> str:
        """The argument with a value."""
        return f"{option.name}={_short(repr(value))}"


Written = Typed | InFile | Called


def check_values(
    options: Mapping[str, Option],
    values: Mapping[str, Any],
    written: Written | Mapping[str, Written],
) -> tuple[dict[str, Any], list[str]]:
    """Values of the right types, and everything that is wrong with them.

    Parameters
    ----------
    options : mapping of name to Option
    values : mapping of name to value
        Names that are no options are not looked at.
    written : Typed, InFile or Called, or a mapping of name to one of them
        How the user writes an argument, for messages.

    Returns
    -------
    checked : dict
        In the order of the options; as given if there are problems.
    problems : list of str
        One line each; empty if all is well.
    """
    options = options if isinstance(options, Options) else Options(options)
    given = {
        name: tuple(values[name])
        if option.many and isinstance(values[name], list)
        else values[name]
        for name, option in options.items()
        if name in values
    }
    try:
        checked = options.model.model_validate(given)
    except ValidationError as error:
        return given, _lines(options, error, written)
    return {name: getattr(checked, name) for name in given}, []


def called_with(
    function: Callable, given: Mapping[str, Any], where: str
) -> dict[str, Any]:
    """Every argument of a call, checked, with defaults for those not given.

    Parameters
    ----------
    function : callable
        Its arguments are keywords.
    given : mapping of name to value
        Numbers and arrays of NumPy stand for plain ones, paths for their text.
    where : str
        The question, for messages.

    Raises
    ------
    ConfigError
        If arguments are unknown, missing or wrong; all are named.
    """
    options = all_options(function)
    problems = unknown_names(given, options, (), where, handled=())
    problems += [
        f"{where}: {option.name}: needs a value ({option.expected})"
        for option in options.lacking(given)
    ]
    given = {name: _plain(value) for name, value in given.items()}
    checked, found = check_values(options, given, Called(where))
    raise_problems(problems + found)
    return {name: checked.get(name, option.default) for name, option in options.items()}


def unknown_names(
    names: Iterable[str],
    options: Mapping[str, Option],
    others: tuple[str, ...],
    where: str,
    handled: tuple[str, ...] = HANDLED,
) -> list[str]:
    """One line for each name that is no argument, with close matches."""
    allowed = [*options, *others]
    values = names if isinstance(names, Mapping) else {}
    problems = []
    for name in names:
        if name in allowed:
            continue
        if len(problems) >= MOST_PROBLEMS:
            problems.append("")  # counted only; matching a million names takes long
        elif name in handled:
            problems.append(f"{where}: {name!r} is set on the command line only")
        elif isinstance(values.get(name), dict):
            problems.append(
                f"{where}: {name[:60]!r} is a table, and a file holds the arguments of "
                f"one run without any: in TOML, remove the heading [{name[:60]}]"
            )
        else:
            text = choices(name[:60], allowed) or "see --help for those allowed"
            problems.append(f"{where}: unknown argument {name[:60]!r}; {text}")
    return problems


def raise_problems(problems: list[str]) -> None:
    """Raise a ConfigError that lists all problems, one a line, if there are any."""
    if problems:
        more = len(problems) - MOST_PROBLEMS
        rest = [f"... and {more} more"] if more > 0 else []
        raise ConfigError("\n".join([*problems[:MOST_PROBLEMS], *rest]))


def _lines(options, error, written):
    lines = {}
    for found in error.errors(include_url=False):
        option = options[found["loc"][0]]
        as_written = written[option.name] if isinstance(written, dict) else written
        items = tuple(k for k in found["loc"][1:] if isinstance(k, int))
        place = f", item {items[0] + 1}" if items else ""
        if option.named and len(found["loc"]) > 1:
            items, place = found["loc"][1:], f" {found['loc'][-1]}"
        says = _says(option, found, as_written, bool(items))
        # Alternatives of a union each report the same value; the first says it all.
        key = (option.name, *items)
        lines.setdefault(key, f"{as_written.name(option)}{place}: {says}")
    return list(lines.values())


def _says(option, found, written, of_item):
    kind, value = found["type"], found["input"]
    unit = f" {option.unit}" if option.unit not in ("", "1") else ""
    in_unit = f" in{unit}" if unit else ""
    expected = option.expected_item if of_item else option.expected
    example = f", such as {written.pair(option, option.example)}"
    if kind in ("seed", "length", "cell"):
        return found["msg"] + (example if kind == "length" else "")
    if kind in ("missing", "too_short", "too_long"):
        return "has too many or too few values" + example
    if kind == "finite_number":
        return f"got {value}, must be a finite number{in_unit}"
    if kind in _BOUNDS:
        (bound,) = found["ctx"].values()
        return f"got {value}, must be {_BOUNDS[kind]} {bound:g}{unit}"
    if not kind.endswith(("_type", "_error")):
        return (
            f"got {_short(repr(value))}, {found['msg'][:1].lower()}{found['msg'][1:]}"
        )
    got = f"got {_kind(value)} {_short(repr(value))}".rstrip()
    plainly = ""
    if isinstance(value, str) and {int, float} & set(option.types):
        plainly = " as a plain number, without a unit"
    return f"expected {expected}{in_unit}{plainly}, {got}{example}"


def _plain(value):
    """The value without NumPy and paths."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (list, tuple, range)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return value


def _short(text):
    return text if len(text) <= 60 else text[:57] + "..."


def _kind(value):
    names = {bool: "true or false:", int: "the whole number", float: "the number"}
    names |= {str: "the text", dict: "a table", list: "a list", tuple: "a list"}
    return names.get(type(value), "" if value is None else f"a {type(value).__name__}")
