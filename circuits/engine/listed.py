"""Sources that stand still: which of their cells may fire is found once a stretch.

Numbers are drawn for these cells alone. All have addresses, so none becomes another by
what is left out.
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
