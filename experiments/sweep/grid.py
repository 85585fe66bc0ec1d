"""What ``--grid`` says: parameters of an experiment and the values each one takes.

A grid is counted before its values are listed, so that one of a billion points is
refused at once.
"""

import decimal
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from dendrites._streams import check_seed
from dendrites.errors import ConfigError
from experiments.arguments import check_values, unknown_names
from experiments.options import Option, from_text

LIMIT = 10_000
#: Between the values of a parameter that takes several of them.
JOINT = "/"
SYNTAX = (
    "NAME=a,b,c or NAME=start:stop or NAME=start:stop:step (numbers, also fractions; "
    f"stop is left out); a value that is a list: 100{JOINT}50"
)
# Far more digits than a float has, so that 0:1:0.1 is exactly 0, 0.1, 0.2, ...
_EXACT = decimal.Context(prec=60, traps=[decimal.InvalidOperation, decimal.Overflow])
_LARGEST_EXPONENT = 400
_BATCH = 10_000


@dataclass(frozen=True)
class Range:
    """The numbers start, start + step, ... short of stop."""

    start: Decimal
    step: Decimal
    count: int

    def texts(self) -> list[str]:
        """The numbers as they would be typed."""
        return [
            format(_EXACT.add(self.start, _EXACT.multiply(self.step, Decimal(k))), "f")
            for k in range(self.count)
        ]


class _Swept:
    """Values of a grid as typed: ``--grid seed=0,1``."""

    def name(self, option: Option) -> str:
        return f"--grid {option.name}"

    def pair(self, option: Option, value: Any) -> str:
        value = value[0] if isinstance(value, tuple) and value else value
        return f"--grid {option.name}={text_of(value)}"


def read_grid(
    texts: Iterable[str], options: Mapping[str, Option], *, limit: int = LIMIT
) -> tuple[dict[str, tuple], list[str]]:
    """Values of every swept parameter, and everything that is wrong with the others.

    Parameters
    ----------
    texts : sequence of str
        Such as ``"seed=0:10"``; the syntax is `SYNTAX`.
    options : mapping of name to Option
        Parameters of the experiment.
    limit : int
        Most points of a grid.

    Returns
    -------
    grid : dict of name to tuple of values
        In the order typed; the last one varies fastest.
    problems : list of str
        One line each; empty if all is well.
    """
    axes, problems = {}, []
    for text in texts:
        name, _, values = text.partition("=")
        name = name.strip().replace("-", "_")
        if not name or "=" not in text:
            problems.append(f"--grid {text[:60]!r}: write {SYNTAX}")
        elif name not in options:
            problems += unknown_names([name], options, (), "--grid")
        elif options[name].named:
            problems.append(f"--grid {name}: a table of values is not swept over")
        elif name in axes:
            problems.append(f"--grid {name}: given twice; join the values with commas")
        else:
            axes[name], found = _pieces(options[name], values)
            problems += found
    counts = {name: sum(map(_count, pieces)) for name, pieces in axes.items()}
    problems += _size_problems(counts, limit)
    grid = {}
    for name, pieces in axes.items():
        if 0 < counts[name] <= limit:
            grid[name], found = _values(options[name], pieces)
            problems += found
    return grid, problems


def check_grid(
    grid: Iterable[tuple[str, Iterable]], options: Mapping[str, Option]
) -> tuple[dict[str, tuple], list[str]]:
    """The same for a grid that was not typed: names, each with its values."""
    checked, problems = {}, []
    for name, values in grid:
        if name not in options:
            problems += unknown_names([name], options, (), "grid")
            continue
        if options[name].named:
            problems.append(f"grid {name}: a table of values is not swept over")
            continue
        many = options[name].many
        values = [tuple(v) if many and isinstance(v, list) else v for v in values]
        checked[name], found = _checked(options[name], values)
        problems += found
    return checked, problems


def text_of(value: Any) -> str:
    """One value of a grid as it is typed there."""
    if isinstance(value, (tuple, list)):
        return JOINT.join(map(text_of, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _pieces(option, text):
    """Texts and ranges between the commas."""
    kinds, pieces, problems = set(option.types), [], []
    for item in text.split(","):
        item = item.strip()
        if not item:
            problems.append(f"--grid {option.name}={text[:60]}: a value is missing")
        elif ":" in item and kinds & {int, float} and str not in kinds:
            try:
                pieces.append(_range(item))
            except ValueError as error:
                problems.append(f"--grid {option.name}={item[:60]}: {error}")
        else:
            pieces.append(item)
    return pieces, problems


def _range(text):
    try:
        numbers = [Decimal(part.strip()) for part in text.split(":")]
    except decimal.InvalidOperation:
        numbers = []
    plain = all(
        n.is_finite() and (not n or abs(n.adjusted()) <= _LARGEST_EXPONENT)
        for n in numbers
    )
    if not plain or len(numbers) not in (2, 3):
        raise ValueError("a range is start:stop or start:stop:step, plain numbers")
    start, stop, step = (*numbers, Decimal(1))[:3]
    if not step:
        raise ValueError("the step of a range must not be 0")
    length = _EXACT.divide(_EXACT.subtract(stop, start), step)
    count = max(0, math.ceil(length))
    if not count:
        raise ValueError("the range is empty; its stop is not part of it")
    return Range(start, step, count)


def _count(piece):
    return piece.count if isinstance(piece, Range) else 1


def _size_problems(counts, limit):
    points = math.prod(counts.values())
    if points <= limit:
        return []
    product = " x ".join(f"{name} {_large(n)}" for name, n in counts.items())
    return [
        f"--grid: {_large(points)} points ({product}), at most {limit} are run; "
        "take fewer values or raise --limit"
    ]


def _large(number):
    return str(number) if number < 10**15 else f"{Decimal(number):.2e}"


def _values(option, pieces):
    texts = []
    for piece in pieces:
        texts += piece.texts() if isinstance(piece, Range) else [piece]
    return _checked(option, [_read(option, text) for text in texts])


def _read(option, text):
    if option.many:
        return tuple(
            item for part in text.split(JOINT) for item in from_text(option, (part,))
        )
    if [kind for kind in option.types if kind is not None] == [bool]:
        return {"true": True, "false": False}.get(text.lower(), text)
    return from_text(option, text)


def _checked(option, values):
    problems = []
    if any(value is None for value in values):
        problems.append(f"--grid {option.name}: none is no value of a grid")
    if option.name == "seed" and not problems:
        problems += filter(None, map(_seed_problem, values))
    if problems:
        return (), problems[:1]
    # As one list, so that a message says which of the values is meant.
    as_list = replace(option, annotation=tuple[option.annotation, ...])
    checked = []
    for first in range(0, len(values), _BATCH):
        batch = tuple(values[first : first + _BATCH])
        found, wrong = check_values({"values": as_list}, {"values": batch}, _Swept())
        checked += found.get("values", ())
        problems += wrong
    seen = set()
    for value in checked:
        if value in seen:
            problems.append(f"--grid {option.name}: {text_of(value)} is there twice")
        seen.add(value)
    return tuple(checked), problems


def _seed_problem(value):
    try:
        check_seed(value)
    except ConfigError as error:
        return f"--grid seed: {error}".replace("\n", " ")
    return ""
