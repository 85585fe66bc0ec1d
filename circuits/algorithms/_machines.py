"""Layers of binary cells that are joined both ways by the same weights."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from circuits.initialisers import Constant
from circuits.population import Population
from circuits.projection import Projection
from circuits.stack import ONE_TO_ONE
from circuits.ties import Tied
from dendrites._checks import flag
from dendrites.activity_difference import ActivityDifference
from dendrites.models import binary_cell, source

LAYERS = "two layers or more"
MODELS = ("inputs", "joint", "targets")


class Machine(NamedTuple):
    """Populations and projections, and which cells there are from below.

    `visible` are layers of binary cells that can be clamped, by the source of that
    name; `hidden` all others; `always` the sources that are on in every phase.
    """

    layers: tuple[str, ...]
    visible: dict[str, str]
    hidden: tuple[str, ...]
    always: tuple[str, ...]
    populations: list[Population]
    projections: list[Projection]

    @property
    def order(self) -> tuple[str, ...]:
        """In which layers advance: those that may be clamped come first."""
        return (*self.visible, *self.hidden)


def machine(
    sizes: Sequence[int],
    rule: Callable[[str, str], ActivityDifference],
    *,
    models: str,
    lateral: bool = False,
    bias: bool = True,
    initial,
    weight_decay: float,
    heat: bool = False,
) -> Machine:
    """Binary cells in layers, each joined to the next and, laterally, to its own.

    Parameters
    ----------
    sizes : sequence of int
        Checked.
    rule : callable
        ``rule(pre, post)`` of populations; the source of biases is "bias".
    models : {"inputs", "joint", "targets"}
        Which layers are visible: the first; the first and the last; the last, while
        the first shows its input always.
    lateral : bool
        Cells of a layer are connected, too, and all take turns.
    heat : bool
        Whether a source "heat" raises the temperature of all.
    """
    flag("bias", bias)
    last = f"hidden{len(sizes) - 1}" if models == "inputs" else "output"
    first = "input" if models == "targets" else "visible"
    hidden = tuple(f"hidden{k}" for k in range(1, len(sizes) - 1))
    layers = (first, *hidden, last)
    visible = {} if models == "targets" else {"visible": "input"}
    if models == "inputs":
        hidden = (*hidden, last)
    else:
        visible["output"] = "target"
    cells = [(n, size) for n, size in zip(layers, sizes, strict=True) if n != "input"]
    populations = [Population("input", source(), sizes[0], pattern="inputs")]
    if "output" in visible:
        populations.append(Population("target", source(), sizes[-1], pattern="targets"))
    always = (("bias",) if bias else ()) + (("input",) if first == "input" else ())
    for name, needed in (("bias", bias), ("heat", heat)):
        if needed:
            populations.append(Population(name, source(), 1, pattern=1.0))
    total, place = sum(size for _, size in cells), 0
    learned = {"initial": initial, "weight_decay": weight_decay}
    projections = []
    for name, size in cells:
        model = binary_cell(turns=total if lateral else None)
        own = {"place": place + np.arange(float(size))} if lateral else {}
        populations.append(Population(name, model, size, parameters=own))
        place += size
        if lateral and size > 1:
            projections += _within(name, size, rule(name, name), learned)
    for below, here in zip(layers[:-1], layers[1:], strict=True):
        sent = "rate" if below == "input" else "activity"
        up = Projection(below, here, "basal", sent, rule=rule(below, here), **learned)
        projections.append(up)
        if below != "input":
            back = Tied(up.name, transpose=True)
            projections.append(
                Projection(here, below, "apical", "activity", tied_to=back)
            )
    for name, _ in cells:
        if bias:
            kept = {"rule": rule("bias", name), "weight_decay": weight_decay}
            projections.append(Projection("bias", name, "basal", **kept))
        if heat:
            projections.append(Projection("heat", name, "heat", initial=Constant(1.0)))
    for layer, shown_by in visible.items():
        for field, signal in (("clamp", "rate"), ("clamped", "active")):
            projections.append(Projection(shown_by, layer, field, signal, **ONE_TO_ONE))
    return Machine(layers, visible, hidden, always, populations, projections)


def _within(layer, size, rule, learned):
    """Each pair of cells of a layer, both ways by one weight."""
    below = np.tri(size, k=-1, dtype=bool)
    one = Projection(
        layer,
        layer,
        "basal",
        "activity",
        connectivity=below,
        rule=rule,
        name=f"within_{layer}",
        **learned,
    )
    back = Tied(one.name, transpose=True)
    other = Projection(
        layer,
        layer,
        "apical",
        "activity",
        connectivity=below.T.copy(),
        tied_to=back,
        name=f"within_{layer}_back",
    )
    return one, other
