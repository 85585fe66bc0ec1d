"""Lists of the cells that may fire, so that no others are looked at.

Of sources that stand still they are found once a stretch, and numbers are drawn for
these cells alone: all have addresses, so none becomes another by what is left out. Of
cells whose spikes are forced they are those that a step forces.
"""

from circuits.engine.facts import MOST_LISTED
from circuits.engine.operations import draws
from dendrites.compile.live import fires_by_what_stands_still


def listed_populations(layout) -> list[str]:
    """Sources whose cells can be listed by whether they may fire."""
    return [
        p.name
        for p in layout.circuit.populations
        if p.model.monotone
        and p.noise is None
        and p.name not in layout.driven
        and layout.stride(p.name) <= MOST_LISTED
        and fires_by_what_stands_still(p.model, layout.circuit.stepper)
    ]


def forced_populations(layout) -> list[str]:
    """Populations with forced spikes on which silence does nothing."""
    named = [p for p in layout.circuit.populations if p.name in layout.forced]
    return [
        p.name
        for p in named
        if p.model.sparse
        and p.model.draws_spikes
        and layout.stride(p.name) <= MOST_LISTED
    ]


def list_forced(w, lists) -> None:
    """A pass over a stretch of steps: let cells with forced spikes alone be decided."""
    for name in forced_populations(w.layout):
        decided, place = w.lane(*w.spikes_field(name)), w.lane("listed", name)
        for k, o in enumerate(lists.step):
            if o.kind is draws.force_spikes and o.operands["target"] == decided:
                operands = {key: o.operands[key] for key in ("n", "target", "given")}
                lists.step[k] = w(draws.force_listed, **operands, listed=place)
                _step_listed(w, name, lists.step)


def list_sources(w, lists) -> None:
    """A pass over a stretch of steps: draw for cells that may fire alone."""
    for _, name in w.layout.lane.of_kind("listed"):
        decided = w.lane(*w.spikes_field(name))
        for k, o in enumerate(lists.step):
            drawn = o.kind is draws.draw_uniform and o.operands["target"] == decided
            if drawn:
                lists.enter += _listing(w, name, decided)
                lists.step[k] = _drawing(w, name, o)
                _step_listed(w, name, lists.step)


def _listing(w, name, decided):
    p, scratch = w.circuit.population(name), w.lane("scratch")
    yield w(
        w.loops.possible(p.model, tuple(p.parameters)),
        n=p.size,
        state=w.layout.state(name),
        stride=w.layout.stride(name),
        params=w.replica("params", name),
        target=scratch,
        slot=0,
    )
    places = {"possible": scratch, "listed": w.lane("listed", name)}
    yield w(draws.list_possible, n=p.size, target=decided, **places)


def _drawing(w, name, o):
    kept = {key: o.operands[key] for key in ("n", "target", "key0", "key1")}
    places = {"listed": w.lane("listed", name), "drawn": w.lane("scratch")}
    return w(draws.draw_listed, **kept, **places)


def _step_listed(w, name, step):
    for k, o in enumerate(step):
        if o.kind.name == "step" and o.operands["state"] == w.layout.state(name):
            step[k] = w.cells("step", name, listed=w.lane("listed", name))
