"""Checks of an experiment's arguments before it runs, all problems at once.

Configuration files and the command line go through the same checks and get the same
messages, except that each names an argument as it is written there.
"""

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from dendrites._streams import check_seed
from dendrites.errors import ConfigError, choices
from experiments.command.options import HANDLED, Option

LONGEST_LIST = 10_000
MOST_PROBLEMS = 20
STRICT = ConfigDict(strict=True, allow_inf_nan=False)


class Typed:
    """Arguments as typed: ``--dt 0.2``."""

    def name(self, option: Option) -> str:
        """The argument without a value."""
        return option.flag

    def pair(self, option: Option, value: Any) -> str:
        """The argument with a value."""
        items = value if isinstance(value, (tuple, list)) else [value]
        return f"{option.flag} {_short(shlex.join(map(str, items)))}"


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


def check_values(
    options: Mapping[str, Option], values: Mapping[str, Any], written: Typed | InFile
) -> tuple[dict[str, Any], list[str]]:
    """Values of the right types, and everything that is wrong with the others.

    Parameters
    ----------
    options : mapping of name to Option
    values : mapping of name to value
        Names that are no options are not looked at.
    written : Typed or InFile
        How the user writes an argument, for messages.

    Returns
    -------
    checked : dict
    problems : list of str
        One line each; empty if all is well.
    """
    checked, problems = {}, []
    for name, option in options.items():
        if name not in values:
            continue
        value = values[name]
        value = tuple(value) if option.many and isinstance(value, list) else value
        try:
            if option.many and isinstance(value, tuple):
                _check_length(value)
            if name == "seed" and not (value is None and None in option.types):
                problem = _seed_problem(value)
                if problem:
                    problems.append(f"{written.name(option)}: {problem}")
                    continue
            adapter = TypeAdapter(option.annotation, config=STRICT)
            checked[name] = adapter.validate_python(value)
        except ValidationError as error:
            problems += _lines(option, error, written)
        except ConfigError as error:
            example = written.pair(option, option.example)
            problems.append(f"{written.name(option)}: {error}, such as {example}")
    return checked, problems


def unknown_names(
    names: Iterable[str],
    options: Mapping[str, Option],
    others: tuple[str, ...],
    where: str,
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
        elif name in HANDLED:
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


def _check_length(value):
    if not value:
        raise ConfigError("needs at least one value")
    if len(value) > LONGEST_LIST:
        raise ConfigError(f"{len(value)} values, at most {LONGEST_LIST} are accepted")


def _lines(option, error, written):
    lines = {}
    for found in error.errors(include_url=False):
        items = tuple(k for k in found["loc"] if isinstance(k, int))
        place = f", item {items[0] + 1}" if items else ""
        says = _says(option, found, written, bool(items))
        # Alternatives of a union each report the same value; the first says it all.
        lines.setdefault(items, f"{written.name(option)}{place}: {says}")
    return list(lines.values())


def _says(option, found, written, of_item):
    kind, value = found["type"], found["input"]
    unit = f" in {option.unit}" if option.unit not in ("", "1") else ""
    expected = option.expected_item if of_item else option.expected
    example = f", such as {written.pair(option, option.example)}"
    if kind in ("missing", "too_short", "too_long"):
        return "has too many or too few values" + example
    if kind == "finite_number":
        return f"got {value}, must be a finite number{unit}"
    if not kind.endswith(("_type", "_error")):
        return (
            f"got {_short(repr(value))}, {found['msg'][:1].lower()}{found['msg'][1:]}"
        )
    got = f"got {_kind(value)} {_short(repr(value))}".rstrip()
    plainly = ""
    if isinstance(value, str) and {int, float} & set(option.types):
        plainly = " as a plain number, without a unit"
    return f"expected {expected}{unit}{plainly}, {got}{example}"


def _seed_problem(value):
    try:
        check_seed(value)
    except ConfigError as error:
        return str(error).replace("\n", " ")
    return ""


def _short(text):
    return text if len(text) <= 60 else text[:57] + "..."


def _kind(value):
    names = {bool: "true or false:", int: "the whole number", float: "the number"}
    names |= {str: "the text", dict: "a table", list: "a list", tuple: "a list"}
    return names.get(type(value), "" if value is None else f"a {type(value).__name__}")
