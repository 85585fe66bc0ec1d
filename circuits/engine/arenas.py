"""Sections of arenas: what has a place there, one after the other."""

from circuits.engine.facts import (
    CORRECTIONS,
    REMEMBERED,
    SPIKES,
    filter_factor,
    held_variables,
    is_alias,
    stops_early,
    windows,
)
from circuits.engine.fired import firing_populations
from circuits.engine.listed import forced_populations, listed_populations
from circuits.engine.sections import GUARD, Sections
from circuits.maps import BetweenMaps


def replica_sections(layout) -> Sections:
    """Sections of the arena of a replica."""
    own = [p for p in layout.circuit.projections if not is_alias(p)]
    sections, n = Sections(guarded=layout.guarded), layout.synapses
    for kind, held in (
        ("weights", own),
        ("filter", [p for p in own if filter_factor(p, layout.circuit.dt)]),
        ("noise", [p for p in own if p.tied_to and p.tied_to.noise]),
        ("times", [p for p in own if p.tied_to and p.tied_to.times is not None]),
    ):
        for p in held:
            sections.add((kind, p.name), n[p.name])
    for kind in REMEMBERED[1:]:
        for p in own:
            if kind in getattr(layout.optimisers[p.name], "kept", ()):
                sections.add((kind, p.name), 2 if kind == CORRECTIONS else n[p.name])
    for kind in ("xi", "perturbed"):
        for p in own:
            if p.perturbation is not None:
                sections.add((kind, p.name), n[p.name])
    for p in layout.circuit.populations:
        differing = len(p.parameters) * layout.stride(p.name)
        sections.add(("params", p.name), len(p.model.params._fields) + differing)
    for p in own if layout.predicts else ():
        if p.learns or p.tied_to:
            sections.add(("middle", p.name), n[p.name])
    if layout.guarded:
        sections.add((GUARD, "end"), 64)
    return sections


def lane_sections(layout) -> Sections:
    """Sections of the arena of a chunk of samples."""
    c, sections = layout.circuit, Sections(guarded=layout.guarded)
    states = {p.name: len(p.model.state._fields) for p in c.populations}

    def each(*kind):
        for name, n in states.items():
            sections.add((*kind, name), n * layout.stride(name))

    each("state")
    for (population, read), slots in layout.signals.lines.items():
        sections.add(("line", population, read), slots * layout.stride(population))
    layout.traces.add_sections(sections)
    for window in windows(layout.schedules):
        each("average", window)
        for name, terms in layout.terms.items():
            if any(t.averaged and t.signal_moment == window for t in terms):
                key = "average", window, name, "products"
                sections.add(key, layout.synapses[name])
    each("start")
    for kind in ("field", "base"):
        for p in c.populations:
            fields = [
                *p.model.inputs._fields,
                *([SPIKES] if p.model.spiking else []),
            ]
            for field in fields:
                sections.add((kind, p.name, field), layout.stride(p.name))
    # Sweeps of every sample in this presentation and in all, and its largest move.
    for kind in ("sweeps", "all sweeps"):
        for name in stops_early(layout.schedules):
            sections.add((kind, name), layout.capacity)
    moves = layout.capacity if stops_early(layout.schedules) else 0
    sections.add(("moves",), moves)
    for name, variable in held_variables(layout.schedules):
        sections.add(("held", name, variable), layout.stride(name))
    for post, field in layout.traces.behind:
        sections.add(("arrived", post, field), layout.stride(post))
    for name in dict.fromkeys(listed_populations(layout) + forced_populations(layout)):
        sections.add(("listed", name), 1 + layout.stride(name))
    for name in firing_populations(layout):
        sections.add(("fired", name), 1 + layout.stride(name))
    layout.signals.add_sections(sections)
    sections.add(("scratch",), max(map(layout.stride, states)))
    sections.add(("shared signal",), max(map(layout.stride, states)))
    sections.add(
        ("state a step later",), max(n * layout.stride(x) for x, n in states.items())
    )
    for p in c.projections:
        for k, term in enumerate(layout.terms[p.name]):
            if term.reads is not None:
                steps = layout.block if p.rule.continuous else 1
                sections.add(("factor", k, p.name), steps * layout.stride(p.post))
        if p.name in layout.modulated:
            sections.add(("modulator", p.name), layout.stride(p.post))
    for kind in ("sums", "product", "signal before"):
        for p in c.projections:
            n_post, n_pre = c.shape(p.name)
            product = (4 * n_post + layout.capacity) * layout.capacity
            sizes = {"sums": layout.synapses[p.name], "product": product}
            if p.learns:
                sections.add((kind, p.name), sizes.get(kind, n_pre))
    # At the end: what is laid out there is read eight numbers at a time.
    maps = (x for p in c.projections if isinstance(x := p.connectivity, BetweenMaps))
    sections.add(("patches",), max((x.patches() for x in maps), default=0))
    if layout.guarded:
        sections.add((GUARD, "end"), 64)
    return sections
