"""Population: n cells of one model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dendrites._checks import check_name, check_size, choice, items, number, shown
from dendrites.cell import CellModel
from dendrites.errors import ModelError

COLUMNS = ("inputs", "targets")
# A word of the address of a random number.
MOST_STREAMS = 2**32


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
        For every cell the number of its random stream, below 2**32; cells with equal
        numbers receive equal random inputs, as one cell under several conditions
        would. Default: every cell its own.

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
        where = f"population {self.name!r}"
        object.__setattr__(self, "size", check_size(where, self.size))
        if not isinstance(self.model, CellModel):
            raise ModelError(
                f"{where}: model is a {type(self.model).__name__}, "
                "must be a CellModel (call the factory: models.three_compartment())"
            )
        if self.pattern is not None and not self.model.clamped:
            raise ModelError(
                f"{where}: only clamped sources show a pattern; "
                f"{self.model.name} cells have dynamics"
            )
        if isinstance(self.pattern, str):
            choice(f"{where}: pattern", self.pattern, COLUMNS)
        elif self.pattern is not None:
            constant = number(f"{where}: pattern", self.pattern)
            object.__setattr__(self, "pattern", constant)
        if self.noise is not None:
            object.__setattr__(self, "noise", self._streams(where))

    def _streams(self, where):
        given = items(f"{where}: noise", self.noise, "whole numbers")
        wrong = [
            n
            for n in given
            if isinstance(n, bool)
            or not isinstance(n, int | np.integer)
            or not 0 <= n < MOST_STREAMS
        ]
        if wrong or len(given) != self.size:
            raise ModelError(
                f"{where}: noise must be {self.size} whole numbers from 0 to 2**32 - "
                f"1, one for each cell; it holds {len(given)}"
                + (f", one of them {shown(wrong[0])}" if wrong else "")
            )
        return tuple(int(n) for n in given)
