"""Bursting networks with Dale's law: four kinds of interneurons beside each layer.

Pyramidal cells excite: cells of their own kind, and interneurons, across layers too.
Interneurons inhibit within their layer:

    PV     one for each cell below: as active as it, inhibits all somata of the layer
    SST    one for each cell: hears bursts from above, inhibits its apical dendrite
    VIP    one for each cell: hears events from above, inhibits its SST cell
    NDNF   one for each cell: hears events from above, inhibits its apical dendrite
"""

from dataclasses import replace

from circuits.algorithms._bursts import tied
from circuits.initialisers import Constant
from circuits.phase import Phase
from circuits.population import Population
from circuits.projection import Projection
from circuits.stack import ONE_TO_ONE, bottom_up
from dendrites.models import rectified_cell

MINUS = {"connectivity": "one_to_one", "initial": Constant(-1.0)}
APICAL = ("vip", "ndnf", "sst")


def inhibiting(below, here):
    """Name of the projection of a layer's PV cells."""
    return f"pv_{here}_to_{here}_basal"


def long_range(drawn, feedback, resting):
    """``down(above, here)``: what the layer above excites.

    Y = Y+ - Y-: Y+ excites SST cells, Y- the apical dendrites themselves; Q likewise.
    """

    def down(above, here):
        to_sst, to_cells = f"{above}_to_sst_{here}_drive", f"{above}_to_{here}_apical"
        strong = weak = {"initial": drawn, "sign": 1}
        of_sst, of_cells = (to_sst, 1.0, False), (to_cells, 1.0, False)
        if feedback == "transposed":
            of_sst = inhibiting(here, above), -1.0, True
            of_cells = bottom_up(here, above), 1.0, True
            strong, weak = ({"tied_to": tied(of)} for of in (of_sst, of_cells))
        yield Projection(above, f"sst_{here}", "drive", "burst", **strong)
        yield Projection(above, here, "apical", "burst", **weak)
        for kind, of in (("vip", of_sst), ("ndnf", of_cells)):
            yield Projection(
                above, f"{kind}_{here}", "drive", "rate", tied_to=tied(of, resting)
            )

    return down


def beside(rules, initial, baseline):
    """``extra(stack)``: the interneurons and what they inhibit."""

    def extra(stack):
        for k, (below, here) in enumerate(_pairs(stack)):
            pv = f"pv_{here}"
            yield Population(pv, rectified_cell(), stack.sizes[k])
            yield Projection(below, pv, "drive", **ONE_TO_ONE)
            yield Projection(pv, here, "basal", rule=rules[k], initial=initial, sign=-1)
        for n, here in zip(stack.sizes[1:-1], stack.layers[1:-1], strict=True):
            for kind in APICAL:
                rest = baseline if kind == "sst" else 0.0
                yield Population(f"{kind}_{here}", rectified_cell(rest), n)
            yield Projection(f"vip_{here}", f"sst_{here}", "drive", **MINUS)
            yield Projection(f"sst_{here}", here, "apical", **MINUS)
            yield Projection(f"ndnf_{here}", here, "apical", **MINUS)

    return extra


def _pairs(stack):
    return list(zip(stack.layers[:-1], stack.layers[1:], strict=True))


def up(stack):
    """PV cells of a layer, then the layer, from the first to the output."""
    settle = tuple(name for here in stack.layers[1:] for name in (f"pv_{here}", here))
    return (Phase("forward", settle=settle, silent=stack.feedback),)


def up_and_down(stack):
    """As without interneurons; those of a dendrite settle before its cell."""
    down = []
    for here in stack.layers[:0:-1]:
        if here != "output":
            down += [f"{kind}_{here}" for kind in APICAL]
        down.append(here)
    backward = Phase(
        "backward",
        settle=tuple(down),
        on=("target",),
        silent=(*stack.forward, *(inhibiting(*pair) for pair in _pairs(stack))),
        hold={name: ("soma",) for name in stack.layers[1:]},
    )
    return (*up(stack), backward)


def excitatory(circuit):
    """The same circuit, whose layers excite each other and nothing else."""
    layers = {p.name for p in circuit.populations if "_" not in p.name} - {"bias"}
    return replace(
        circuit,
        projections=tuple(
            replace(p, sign=1)
            if p.pre in layers and p.post in layers and p.field == "basal"
            else p
            for p in circuit.projections
        ),
    )
