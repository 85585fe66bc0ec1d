"""Lists of operations, before they become rows.

What an operation reads and writes follows from the places among its operands: they are
looked up in the layout, so passes, tests and readers see what rows will do.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from circuits.engine.operations.kinds import WIDTH, Kind
from circuits.engine.sections import name_of


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of a list.

    Parameters
    ----------
    kind : Kind
    operands : dict of str to number
    keys : dict of str to tuple
        For every operand that is a place, keys of the sections that it means.
    field : tuple
        Key of the input field that it helps to sum, if it does.
    note : str
        Said behind what it does.
    inner : pairs of str and list of Operation
        Lists that it runs, each with the operand that says where it is.
    """

    kind: Kind
    operands: dict
    keys: dict
    field: tuple = ()
    note: str = ""
    inner: tuple[tuple[str, list], ...] = ()

    def of(self, field: tuple) -> "Operation":
        """The same as a part of the sum of a field."""
        return replace(self, field=field)

    def _signed(self, signs):
        return {
            key
            for name, keys in self.keys.items()
            if self.kind.signs[name][-1] in signs
            for key in keys
        }

    @property
    def reads(self) -> set[tuple]:
        """Keys of what it reads; the first part of a sum does not read it."""
        begun = self.keys.get("target") or self.keys.get("sums")
        own = self._signed("<=") - set(begun if self.operands.get("first") else ())
        return own.union(*(o.reads for _, part in self.inner for o in part))

    @property
    def writes(self) -> set[tuple]:
        """Keys of what it writes."""
        inner = (o.writes for _, part in self.inner for o in part)
        return self._signed(">=").union(*inner)

    @property
    def projection(self) -> str:
        """The projection whose weights, sums or factors it works on."""
        kinds = ("weights", "middle", "perturbed", "sums", "filter", "factor")
        found = [key[-1] for k in self.keys.values() for key in k if key[0] in kinds]
        return found[0] if found else ""

    @property
    def identity(self) -> tuple:
        """Equal for operations that do the same."""
        return id(self.kind), tuple(self.operands.items())

    @property
    def text(self) -> str:
        """What it does, in words."""
        names = {name: _named(keys) for name, keys in self.keys.items()}
        return self.kind.text.format(**{**self.operands, **names}) + self.note


def _named(keys):
    if len(keys) < 3:
        return " and ".join(map(name_of, keys))
    every = f"every {keys[0][0]}"
    return every if keys[0][0] != "average" else f"{every} in {keys[0][1]}"


@dataclass
class Lists:
    """The lists of a stretch of steps, by the moment at which they run.

    Attributes
    ----------
    enter, leave : when the stretch begins and ends
    predict, move : before and after every block, on the weights
    begin, step, collect : at the start of a block, every step, at its end, in a lane
    """

    enter: list = field(default_factory=list)
    predict: list = field(default_factory=list)
    begin: list = field(default_factory=list)
    step: list = field(default_factory=list)
    collect: list = field(default_factory=list)
    move: list = field(default_factory=list)
    leave: list = field(default_factory=list)


def rows(operations: Iterable[Operation], dtype, keep=None) -> np.ndarray:
    """The list as the interpreter takes it, int64 (n, WIDTH).

    `keep` holds the lists that are run by operations, and returns where they are.
    """
    made = []
    for o in operations:
        inner = {name: rows(part, dtype, keep) for name, part in o.inner}
        places = {name: keep(part) for name, part in inner.items()}
        places |= {f"n_{name}": len(part) for name, part in inner.items()}
        made.append(o.kind.row(o.operands | places, dtype))
    return np.array([row + [0] * (WIDTH - len(row)) for row in made], np.int64).reshape(
        len(made), WIDTH
    )
