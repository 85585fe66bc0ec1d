"""Arguments of an experiment: read off its signature, checked before it runs.

Configuration files and the command line go through the same checks; text typed on the
command line is first read as a number where one is expected.
"""

import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from dendrites._streams import check_seed
from dendrites.errors import ConfigError, choices
from experiments.experiment import Argument

#: Arguments that the command line sets itself.
HANDLED = ("progress", "checkpoint", "resume")
LONGEST_LIST = 10_000
MOST_PROBLEMS = 20
STRICT = ConfigDict(strict=True, allow_inf_nan=False)
REQUIRED = inspect.Parameter.empty
_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
}


@dataclass(frozen=True)
class Option:
    """One argument of an experiment.

    Parameters
    ----------
    name : str
        As in the signature.
    annotation : type
        With its metadata; further ones than `Argument`, such as bounds, are checked.
    text, unit : str
        Of its `Argument`.
    default : object
        `REQUIRED` if there is none.
    """

    name: str
    annotation: Any
    text: str
    unit: str
    default: Any

    @property
    def flag(self) -> str:
        """As typed on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def types(self) -> tuple:
        """Types of a value (or of the items of a list); None if it may be absent."""
        return _leaves(self.annotation)

    @property
    def many(self) -> bool:
        """Whether it takes several values."""
        return any(_is_list(part) for part in _alternatives(self.annotation))

    @property
    def expected(self) -> str:
        """What a value looks like, in words."""
        return f"a list, each {self.expected_item}" if self.many else self.expected_item

    @property
    def expected_item(self) -> str:
        """What one item of a list looks like, or the value if it takes one."""
        literals = _literals(self.annotation)
        if literals:
            return "one of " + ", ".join(map(str, literals))
        leaves = [t for t in self.types if t is not None]
        if float in leaves and int in leaves:
            leaves.remove(int)
        return " or ".join(
            _WORDS.get(t, getattr(t, "__name__", str(t))) for t in leaves
        )

    @property
    def example(self) -> str:
        """A value in plain text: the default where there is one."""
        value = self.default
        if value in (None, REQUIRED):
            literals = _literals(self.annotation)
            value = literals[0] if literals else 1 if int in self.types else 1.0
        if isinstance(value, (tuple, list)):
            return ", ".join(map(str, value))
        return str(value)


def experiment_options(function: Callable) -> dict[str, Option]:
    """Arguments of an experiment by name, without those in `HANDLED`."""
    hints = typing.get_type_hints(function, include_extras=True)
    options = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in HANDLED:
            continue
        annotation = hints[name]
        argument = next(
            (m for m in _metadata(annotation) if isinstance(m, Argument)), Argument("")
        )
        options[name] = Option(
            name, annotation, argument.text, argument.unit, parameter.default
        )
    return options


def from_text(option: Option, given: str | tuple[str, ...]) -> Any:
    """What a text on the command line stands for; what cannot be read stays text."""
    if option.many:
        items = [item for text in given for item in text.split(",")]
        return tuple(_plain_value(option, item.strip()) for item in items if item)
    return _plain_value(option, given)


def check_values(
    options: Mapping[str, Option],
    values: Mapping[str, Any],
    *,
    written: Callable[[Option, str], str],
) -> tuple[dict[str, Any], list[str]]:
    """Values of the right types, and everything that is wrong with the others.

    Parameters
    ----------
    options : mapping of name to Option
    values : mapping of name to value
        Names that are no options are not looked at.
    written : callable (option, value as text) -> str
        The argument as the user writes it, for messages: ``dt = 0.2``, ``--dt 0.2``.

    Returns
    -------
    checked : dict
    problems : list of str
        One line each; empty if all is well.
    """
    checked, problems = {}, []
    for name, value in values.items():
        option = options.get(name)
        if option is None:
            continue
        if option.many and isinstance(value, list):
            value = tuple(value)
        problem = _problem_of_length(option, value, written)
        if problem is None:
            try:
                if name == "seed" and not (value is None and None in option.types):
                    check_seed(value)
                adapter = TypeAdapter(option.annotation, config=STRICT)
                checked[name] = adapter.validate_python(value)
            except ValidationError as error:
                problems += _lines(option, error, written)
            except ConfigError as error:
                problems.append(f"{written(option, _short(value))}: {_seed(error)}")
        else:
            problems.append(problem)
    return checked, problems


def unknown_names(
    names, options: Mapping[str, Option], others: tuple[str, ...], where: str
) -> list[str]:
    """One line for each name that is no argument, with close matches."""
    allowed = [*options, *others]
    problems = []
    for name in names:
        if name in allowed:
            continue
        if len(problems) >= MOST_PROBLEMS:
            problems.append("")  # counted only; matching a million names takes long
        elif name in HANDLED:
            problems.append(f"{where}: {name!r} is set on the command line only")
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


def _problem_of_length(option, value, written):
    if not option.many or not isinstance(value, tuple):
        return None
    if not value:
        return f"{written(option, '')}: needs values, such as " + written(
            option, option.example
        )
    if len(value) > LONGEST_LIST:
        return (
            f"{written(option, '...')}: {len(value)} values, at most {LONGEST_LIST} are"
            " accepted"
        )
    return None


def _lines(option, error, written):
    lines = {}
    for found in error.errors(include_url=False):
        items = [k for k in found["loc"] if isinstance(k, int)]
        shown = written(option, _short(found["input"]))
        expected = option.expected
        if items:
            place = f"item {items[0] + 1}"
            shown = f"{written(option, '...')}, {place} = {_short(found['input'])}"
            expected = option.expected_item
        # Alternatives of a union each report the same value; the first says it all.
        lines.setdefault(
            tuple(items), f"{shown}: {_says(option, expected, found, written)}"
        )
    return list(lines.values())


def _says(option, expected, found, written):
    kind, value = found["type"], found["input"]
    unit = f" in {option.unit}" if option.unit not in ("", "1") else ""
    if kind in ("missing", "too_short", "too_long"):
        return "has too many or too few values"
    if kind == "finite_number":
        return f"must be a finite number{unit}"
    if not kind.endswith(("_type", "_error")):
        return found["msg"][:1].lower() + found["msg"][1:]
    if isinstance(value, str) and {int, float} & set(option.types):
        return (
            f"expected {expected}{unit}, written plainly, without a unit, such as "
            + written(option, option.example)
        )
    return f"expected {expected}{unit}, got {_kind(value)}"


def _seed(error):
    """The seed's error on one line, without its repetition of the value."""
    return re.sub(r"^seed=.*?: ", "", str(error)).replace("\n", " ").replace("=", " = ")


def _plain_value(option, text):
    kinds = option.types
    if None in kinds and text.lower() == "none":
        return None
    readers = [kind for kind in (int, float) if kind in kinds]
    if int in kinds and float not in kinds and str not in kinds:
        readers.append(float)  # so that 1.5 is refused as a number, not as a text
    for read in readers:
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _short(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _kind(value):
    names = {bool: "true or false", int: "a whole number", float: "a number"}
    names |= {str: "text", dict: "a table", list: "a list", tuple: "a list"}
    if value is None:
        return "nothing (leave the argument out to have its default)"
    return names.get(type(value), type(value).__name__)


def _metadata(annotation):
    return getattr(annotation, "__metadata__", ())


def _alternatives(annotation):
    if _metadata(annotation):
        annotation = annotation.__origin__
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [p for arg in typing.get_args(annotation) for p in _alternatives(arg)]
    return [annotation]


def _is_list(kind):
    return typing.get_origin(kind) in (tuple, list) or kind in (tuple, list)


def _leaves(annotation):
    leaves = []
    for part in _alternatives(annotation):
        if _is_list(part):
            inner = [a for a in typing.get_args(part) if a is not Ellipsis]
            leaves += [leaf for arg in inner for leaf in _leaves(arg)]
        elif typing.get_origin(part) is Literal:
            leaves += [type(value) for value in typing.get_args(part)]
        else:
            leaves.append(None if part is type(None) else part)
    return tuple(dict.fromkeys(leaves))


def _literals(annotation):
    return [
        value
        for part in _alternatives(annotation)
        if typing.get_origin(part) is Literal
        for value in typing.get_args(part)
    ]
