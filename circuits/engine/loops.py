"""Loops of a circuit's cells and rules as kinds of operations, and data beside rows."""

from dataclasses import replace

import numpy as np

from circuits.engine.operations.kinds import Kind, signs_of
from dendrites.compile.calls import hold
from dendrites.compile.loops import (
    factor_loop,
    fill_loop,
    possible_loop,
    read_loop,
    settle_loop,
    step_loop,
    synapse_loop,
)
from dendrites.compile.tie_loop import tie_loop

# Operands in the order of `dendrites.compile.rows`.
CELL = "n =state stride <field w<params"
READ = "n <state stride w<params >target slot"
FACTOR = "n <teaching <baseline <gain stride w<params >factor slot"
SYNAPSE = (
    "n_pre n_post w<weights <state stride w<params <signal slot >sums paired index"
)
TIE = "n_pre n_post w<source w>target ~factor transposed"
WORDS = {
    "fill": "fill {state}",
    "settle": "settle {state}",
    "settle as filled": "settle {state} as it is filled",
    "step": "step {state}",
}


class Loops:
    """Compiled loops, each made once and when a list needs it.

    Integers that rows point to live as long. `differing` names the parameters of a
    population that differ from cell to cell.
    """

    def __init__(self, circuit, dtype):
        self.circuit, self.dtype = circuit, dtype
        self._kinds, self._integers = {}, {}

    def _kind(self, name, operands, text, make, *key):
        return self._kinds.setdefault(
            (name, *key), Kind(name, signs_of(operands), text, make)
        )

    def cells(
        self,
        name,
        model,
        stepper,
        differing,
        unread=frozenset(),
        *,
        listed=False,
        fired=False,
    ) -> Kind:
        """Loop over cells: fill, step or settle, of all variables but those unread.

        With `listed` it steps cells of which only those in a list may fire, and with
        `fired` it leaves a list of those that have.
        """
        chosen = model, self.dtype, stepper, differing, unread
        lists = {"listed": listed, "fired": fired}
        make = {
            "fill": lambda: fill_loop(model, self.dtype, differing, unread),
            "step": lambda: step_loop(*chosen, **lists),
            "settle": lambda: settle_loop(model, self.dtype, differing),
            "settle as filled": lambda: settle_loop(
                replace(model, instantaneous=None), self.dtype, differing
            ),
        }[name]
        operands, text = CELL, WORDS[name]
        if listed or fired:
            operands += " <listed" if listed else " listed"
            text += " where listed" if listed else ""
        if fired:
            operands, text = f"{operands} >fired", f"{text} and list what fired"
        return self._kind(name, operands, text, make, *chosen, *lists.values())

    def possible(self, model, differing) -> Kind:
        """Loop that says which cells may fire."""

        def make():
            return possible_loop(model, self.dtype, differing)

        text = "find cells of {state} that may fire"
        return self._kind("possible", READ, text, make, model, differing)

    def read(self, model, read, differing) -> Kind:
        """Loop that reads every cell."""
        function = model.read(read)

        def make():
            return read_loop(model, function, self.dtype, differing)

        text = f"read {read} off {{state}}"
        return self._kind("read", READ, text, make, model, read, differing)

    def factor(self, model, reads, differing) -> Kind:
        """Loop over the factors of a rule."""

        def make():
            return factor_loop(model, *reads, self.dtype, differing)

        return self._kind("factor", FACTOR, "{factor}", make, model, *reads, differing)

    def synapse(self, model, change, xi, differing) -> Kind:
        """Loop over the changes of a rule that sees the weight.

        With `xi` its signals are what was added to every weight.
        """

        def make():
            return synapse_loop(model, change, self.dtype, differing, by_synapse=xi)

        text = "change of every synapse of {weights} into {sums}"
        operands = SYNAPSE.replace("<signal", "w<signal") if xi else SYNAPSE
        key = model, change, xi, differing
        return self._kind("synapse", operands, text, make, *key)

    def tie(self, function) -> Kind:
        """Loop over weights that are a function of others."""
        name = getattr(function, "__name__", "function")

        def make():
            return tie_loop(function, self.dtype)

        text = f"{{target}} from {name} of {{source}}"
        return self._kind("tie", TIE, text, make, function)

    def keep(self, whole_numbers) -> int:
        """Address of whole numbers that live as long."""
        return self.integers(("kept", len(self._integers)), lambda: whole_numbers)

    def integers(self, key, make, kind=np.int64) -> int:
        """Address of whole numbers, made once under a key."""
        if key not in self._integers:
            self._integers[key] = np.ascontiguousarray(make(), kind)
        return hold(self._integers[key])
