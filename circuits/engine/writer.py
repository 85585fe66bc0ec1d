"""Writer: the operations that a projection or a population can ask for.

Here places become operands. What is asked for, and in which order, is the business of
the lists (`steps`, `plasticity`, `sweeps`, `ends`).
"""

from typing import NamedTuple

from circuits.engine.facts import SPIKES
from circuits.engine.lists import Operation
from circuits.engine.operations import numbers
from circuits.engine.operations.kinds import Kind
from circuits.engine.perturbation_writer import WritesPerturbations
from circuits.engine.plasticity_writer import WritesPlasticity
from circuits.engine.product_writer import WritesProducts
from circuits.engine.signals import LATE, SECOND
from circuits.engine.span import RATES
from circuits.engine.trace_writer import WritesTraces
from dendrites.activity_difference import NOW


class Choices(NamedTuple):
    """What a program depends on besides the layout.

    Parameters
    ----------
    moving : frozenset of str
        Projections whose rules act; none where nothing learns.
    single : bool
        Whether a presentation has one sample.
    alone : bool
        Whether one lane holds all samples of a replica.
    optimise : bool
        Whether passes may replace operations by cheaper ones.
    perturbed : pairs of str and float
        Projections whose weights something is added to, and its factor.
    """

    moving: frozenset
    single: bool = False
    alone: bool = True
    optimise: bool = True
    perturbed: tuple[tuple[str, float], ...] = ()


class Writer(WritesProducts, WritesPlasticity, WritesPerturbations, WritesTraces):
    """Writes operations of one circuit for one set of choices."""

    def __init__(self, layout, loops, choices):
        self.layout, self.loops, self.choices = layout, loops, choices
        self.circuit, self.signals = layout.circuit, layout.signals
        names = [p.name for p in self.circuit.projections]
        self.rates = {name: RATES + k for k, name in enumerate(names)}
        self.lane, self.replica = layout.lane.place, layout.replica.place

    def perturbing(self, perturbed) -> "Writer":
        """The same while something is added to the weights of some projections."""
        if perturbed == self.choices.perturbed:
            return self
        choices = self.choices._replace(perturbed=perturbed)
        return Writer(self.layout, self.loops, choices)

    def __call__(self, kind: Kind, *, note="", **operands) -> Operation:
        """An operation with these operands."""
        keys, total = {}, operands.get("total", 1)
        for name, sign in kind.signs.items():
            if sign[-1:] in ("<", ">", "=") and operands[name] is not None:
                where = self.layout.replica if sign[0] == "w" else self.layout.lane
                first = operands[name]
                keys[name] = where.between(first, first + total)
        return Operation(kind, operands, keys, note=note)

    # --- signals ----------------------------------------------------------------

    def slot(self, *key) -> int:
        """Whether a signal has a slot for every step of a block, in which rules act."""
        return self.signals.has_slots(*key) * bool(self.choices.moving)

    def read(self, population, read, when=NOW) -> Operation:
        """Read a signal of all cells of a population."""
        key = population, read, when
        window = None if when in (NOW, SECOND, LATE) else when
        target = self.lane("signal", *key)
        return self.read_to(
            population, read, target, slot=self.slot(*key), window=window
        )

    def read_to(self, population, read, target, *, slot=0, window=None) -> Operation:
        """Read any scalar read to any place."""
        layout, p = self.layout, self.circuit.population(population)
        operands = {"n": layout.sizes[population], "target": target, "slot": slot}
        variable = self.signals.variable(population, read)
        if variable is not None:
            source = layout.state(population, variable, window)
            return self(numbers.copy, source=source, **operands)
        return self(
            self.loops.read(p.model, read, tuple(p.parameters)),
            state=layout.state(population, window=window),
            stride=layout.stride(population),
            params=self.replica("params", population),
            **operands,
        )

    # --- cells --------------------------------------------------------------------

    def cells(self, name, population, *, stepper=None, state=None, **more) -> Operation:
        """Run a loop over the cells of a population, or over a copy of their state."""
        p = self.circuit.population(population)
        inputs = [
            key for key in self.layout.lane.of_kind("field") if key[1] == population
        ]
        made = self(
            self.loops.cells(
                name,
                p.model,
                stepper or self.circuit.stepper,
                tuple(p.parameters),
                self.layout.unread.get(population, frozenset()),
                listed=more.get("listed") is not None,
                fired="fired" in more,
            ),
            n=p.size,
            state=self.layout.state(population) if state is None else state,
            stride=self.layout.stride(population),
            field=self.lane(*inputs[0]) if inputs else None,
            params=self.replica("params", population),
            **more,
        )
        made.keys["field"] = tuple(inputs)
        return made

    def moved(self, name, population, held=(), *, state=None, stepper=None):
        """A loop over the cells of a population, but for variables that are `held`."""
        yield self.cells(name, population, stepper=stepper, state=state)
        yield from self.restored(population, held, state)

    def restored(self, population, held, state=None):
        """Variables that a phase holds, as they were when it began."""
        first = self.layout.state(population) if state is None else state
        shift = first - self.layout.state(population)
        for variable in dict(held).get(population, ()):
            yield self(
                numbers.copy,
                n=self.layout.sizes[population],
                source=self.lane("held", population, variable),
                target=self.layout.state(population, variable) + shift,
                slot=0,
            )

    def kept(self, held):
        """Keep the variables that a phase holds, when it begins."""
        for population, variables in held:
            for variable in variables:
                yield self(
                    numbers.copy,
                    n=self.layout.sizes[population],
                    source=self.layout.state(population, variable),
                    target=self.lane("held", population, variable),
                    slot=0,
                )

    def state_of(self, population) -> dict:
        """Operands of what works on a state, whatever its variables."""
        part = self.layout.lane.part("state", population)
        return {"total": part.stop - part.start, "source": part.start}

    def spikes_field(self, population) -> tuple:
        """Key of what decides the spikes of a population."""
        return "field", population, SPIKES
