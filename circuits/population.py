"""Population: n cells of one model."""

import numbers
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dendrites.cell import CellModel
from dendrites.errors import ModelError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, eq=False)
class Population:
    """`size` cells of one model.

    Parameters
    ----------
    name : str
        Letter first, then letters, digits and underscores, at most 64 in all.
    model : CellModel
    size : int
        Number of cells, >= 1.
    pattern : {"inputs", "targets"} or float, optional
        What a clamped population shows while a phase switches it on: a column of the
        task, or one constant for every cell (a bias). None: given by name to
        `simulate`.
    noise : sequence of int, optional
        For every cell the number of its random stream, >= 0; cells with equal numbers
        receive equal random inputs, as one cell under several conditions would.
        Default: every cell its own.

    Raises
    ------
    ModelError
        For an illegal name, size, pattern or number.
    """

    name: str
    model: CellModel
    size: int
    pattern: str | float | None = None
    noise: Sequence[int] | None = None

    def __post_init__(self):
        check_name("population", self.name)
        check_size(f"population {self.name!r}", self.size)
        if not isinstance(self.model, CellModel):
            raise ModelError(
                f"population {self.name!r}: model is a {type(self.model).__name__}, "
                "must be a CellModel (call the factory: models.three_compartment())"
            )
        if self.pattern is not None and not self.model.clamped:
            raise ModelError(
                f"population {self.name!r}: only clamped sources show a pattern; "
                f"{self.model.name} cells have dynamics"
            )
        if self.noise is not None:
            object.__setattr__(self, "noise", self._streams())

    def _streams(self):
        numbers_given = tuple(self.noise)
        wrong = [
            n
            for n in numbers_given
            if isinstance(n, bool) or not isinstance(n, numbers.Integral) or n < 0
        ]
        if wrong or len(numbers_given) != self.size:
            raise ModelError(
                f"population {self.name!r}: noise must be {self.size} whole numbers "
                f">= 0, one for each cell; it holds {len(numbers_given)}"
                + (f", one of them {wrong[0]!r}" if wrong else "")
            )
        return tuple(int(n) for n in numbers_given)


def check_name(what: str, name) -> None:
    """Refuse names that some file format cannot hold."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        shown = repr(name) if len(repr(name)) < 60 else repr(name)[:57] + "..."
        raise ModelError(
            f"{what} name {shown}: must start with a letter and hold only letters, "
            "digits and underscores (ASCII), at most 64 characters"
        )


def check_size(where: str, size) -> int:
    """Refuse a size that is no whole number >= 1."""
    if isinstance(size, bool) or not isinstance(size, numbers.Integral):
        raise ModelError(
            f"{where}: size = {size!r} is a {type(size).__name__}, must be an int"
        )
    if size < 1:
        raise ModelError(f"{where}: size = {size}: size must be >= 1")
    return int(size)
