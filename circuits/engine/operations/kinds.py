"""Kinds of operations: a compiled function, what its row holds, what it does in words.

Operands are named in the order of the row, with a sign before those that are places:
``<`` numbers of the lane that are read, ``>`` that are written, ``=`` both, and ``w<``,
``w>``, ``w=`` the same among the weights of the replica. ``~`` stands before a real
number, whose bits the row holds.
"""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dendrites.compile.calls import address, bits
from dendrites.compile.jit import operation as compiled_operation

# Columns of a row: the address and the operands of the longest kind.
WIDTH = 20


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of operation.

    Parameters
    ----------
    name : str
    signs : dict of str to str
        Operands in their order, and the sign of each.
    text : str
        What it does; places in braces become their names.
    make : callable
        ``make() -> compiled operation``, called when a program needs it.
    """

    name: str
    signs: dict[str, str]
    text: str
    make: Callable[[], Any]

    @functools.cached_property
    def function(self):
        """The compiled operation."""
        return self.make()

    @functools.cached_property
    def _addresses(self):
        return {}

    def row(self, operands: dict, dtype) -> list[int]:
        """The row of an operation with these operands, as far as it has any."""
        if dtype not in self._addresses:
            self._addresses[dtype] = address(self.function, dtype)
        values = (
            bits(operands[name]) if sign == "~" else operands[name] or 0
            for name, sign in self.signs.items()
        )
        return [self._addresses[dtype], *values]


def signs_of(operands: str) -> dict[str, str]:
    """Operands and their signs, of one text."""
    parts = [re.fullmatch(r"(w?[<>=]|~|)(\w+)", word) for word in operands.split()]
    return {part[2]: part[1] for part in parts}


def operation(operands: str, text: str):
    """Make a function ``(weights, lane, row, span)`` a kind of operation."""

    def made(function):
        compiled = compiled_operation(function)
        return Kind(function.__name__, signs_of(operands), text, lambda: compiled)

    return made
