"""Population: n cells of one model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from circuits.cell_parameters import as_parameters, drawn_parameters, each_cell
from circuits.initialisers import Distribution
from dendrites._brief import brief
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
    parameters : mapping of str to ndarray (size,) or distribution, optional
        Parameters of the model that differ from cell to cell: a value for each, or
        `Uniform`, `Normal` or `LogNormal` that they are drawn from. Drawn values belong
        to the description of a circuit: they come from the `seed` of the Circuit
        (stream ``parameters/<population>/<name>``), whatever the seed of a run.

    Raises
    ------
    ModelError
        For an illegal name, size, pattern, number or parameter.
    """

    name: str
    model: CellModel
    size: int
    pattern: str | float | None = None
    noise: Sequence[int] | None = None
    parameters: Mapping[str, np.ndarray | Distribution] = field(default_factory=dict)

    def __repr__(self):
        more = f", pattern={brief(self.pattern)}" if self.pattern is not None else ""
        if self.parameters:
            more += f", own {', '.join(self.parameters)}"
        return f"Population({self.name!r}, {self.model.name}, {self.size}{more})"

    # Seed of the circuit that it is part of.
    _seed: ClassVar[int | None] = None

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
        given = as_parameters(where, self.parameters, self.model, self.size)
        object.__setattr__(self, "parameters", given)

    def of_circuit(self, seed: int) -> "Population":
        """The same, with parameters drawn by the seed of a circuit."""
        if not self.parameters or self._seed == seed:
            return self
        result = replace(self)
        object.__setattr__(result, "_seed", seed)
        _ = result.values  # drawn once, and refused here if the model refuses them
        return result

    @cached_property
    def values(self) -> dict[str, np.ndarray]:
        """Parameters that differ from cell to cell, (size,) by name.

        Raises
        ------
        ModelError
            If some are drawn, and the population is not part of a circuit yet.
        """
        where = f"population {self.name!r}"
        drawn = any(isinstance(x, Distribution) for x in self.parameters.values())
        if drawn and self._seed is None:
            raise ModelError(
                f"{where}: its parameters are drawn when it is part of a Circuit"
            )
        stream = f"parameters/{self.name}"
        cells = self.model, self.size
        return drawn_parameters(where, self.parameters, *cells, self._seed, stream)

    def extreme(self, which: Callable = min) -> CellModel:
        """The model with the parameters of its fastest cell (with max: its slowest).

        By the model's `time_constant`; the model itself where it has none.
        """
        constant = self.model.time_constant
        if constant is None or not self.values:
            return self.model
        every = each_cell(self.model, self.values, self.size)
        found = which(every, key=lambda p: float(constant(p)))
        return self.model.with_parameters(**found._asdict())

    def _streams(self, where):
        given = items(f"{where}: noise", self.noise, "whole numbers")
        plain = set(map(type, given)) == {int}
        wrong = [
            n
            for n in (dict.fromkeys(given) if plain else given)
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
        return given if plain else tuple(int(n) for n in given)
