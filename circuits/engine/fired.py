"""Cells that have just fired are listed by their step, and looked up by products.

What is sent without delay is read right after its cells have stepped, when the list is
that of the cells that send something.
"""

from circuits.engine.facts import MOST_LISTED
from circuits.engine.operations import numbers, products
from circuits.engine.signals import LATE


def firing_populations(layout) -> list[str]:
    """Populations whose steps can list the cells that fire."""
    return [
        p.name
        for p in layout.circuit.populations
        if p.model.sparse
        and p.model.draws_spikes
        and layout.stride(p.name) <= MOST_LISTED
    ]


def list_fired(w, lists, held) -> None:
    """A pass over a stretch of steps: list who fired, and add rows of these alone.

    `held` are pairs of population and variables that keep their values.
    """
    for _, name in w.layout.lane.of_kind("fired"):
        state = w.layout.state(name)
        moved = [o for o in lists.step if o.kind.name == "step"]
        moved = [o for o in moved if o.operands["state"] == state]
        if len(moved) != 1:
            continue
        k, listed = lists.step.index(moved[0]), moved[0].operands.get("listed")
        lists.step[k] = w.cells(
            "step", name, listed=listed, fired=w.lane("fired", name)
        )
        if "spikes" not in dict(held).get(name, ()):
            _look_up(w, lists, name, k)


def _look_up(w, lists, name, stepped):
    """Let products of the spikes of a population find in its list who sends them."""
    spikes, place = w.layout.state(name, "spikes"), ("signal", name, "spikes", LATE)
    sent = [o for o in lists.step[stepped:] if o.kind is numbers.copy]
    sent = [o for o in sent if o.keys["target"] == (place,)]
    if len(sent) != 1 or sent[0].operands["source"] != spikes:
        return
    (copied,) = sent
    for k in range(lists.step.index(copied), len(lists.step)):
        o = lists.step[k]
        if o.kind is products.events_product and o.keys["signal"] == (place,):
            lists.step[k] = _of_listed(w, o, w.lane("fired", name))
    others = [o for part in vars(lists).values() for o in part if place in o.reads]
    if all(o.kind is products.fired_product for o in others):
        for o in others:
            k = lists.step.index(o)
            lists.step[k] = _of_listed(w, o, o.operands["fired"], signal=spikes)
        lists.step.remove(copied)


def _of_listed(w, o, fired, **operands):
    operands = {**o.operands, "fired": fired, **operands}
    operands = {x: operands[x] for x in products.fired_product.signs}
    return w(products.fired_product, note=o.note, **operands).of(o.field)
