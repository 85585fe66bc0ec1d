"""Variables of cells that nothing looks at: not computed, or not averaged."""

from circuits.engine.facts import modulator_of, windows
from dendrites.compile.live import live_variables, needed_by

RULE = "weight, cell, pre, p"  # arguments of a rule that sees the weight


def unread_variables(layout) -> dict[str, frozenset]:
    """By population, variables that act on nothing that is read or recorded.

    Signals of projections, factors and changes of rules, traces of cells' own spikes
    and recordings are what reads; and whatever one of these needs to be computed.
    """
    circuit = layout.circuit
    wanted = {
        p.name: {"spikes", *p.model.own_traces} if p.model.own_traces else set()
        for p in circuit.populations
    }

    def read(population, name):
        model = circuit.model(population)
        wanted[population] |= needed_by(model, model.read(name))

    for p in circuit.projections:
        if p.name in layout.modulated:
            post = circuit.model(p.post)
            wanted[p.post] |= needed_by(post, modulator_of(p, post))
        read(p.pre, p.signal)
        for term in layout.terms[p.name]:
            read(p.pre, term.signal)
            model = circuit.model(p.post)
            if term.reads is None:
                wanted[p.post] |= needed_by(model, p.rule.change, RULE)
            for function in term.reads or ():
                if function is not None:
                    wanted[p.post] |= needed_by(model, function)
    for recording in layout.recordings:
        for name in recording.names:
            read(recording.population, name)
    return {
        p.name: frozenset(p.model.state._fields)
        - live_variables(p.model, circuit.stepper, frozenset(wanted[p.name]))
        for p in circuit.populations
    }


def averaged_variables(layout) -> dict[tuple[str, str], frozenset]:
    """By window and population, variables whose averages something reads.

    Rules that act when a presentation ends, and `Layout.looks`.
    """
    circuit, found = layout.circuit, {}
    for window in windows(layout.schedules):
        for p in circuit.populations:
            every = layout.looks is None
            fields = frozenset(p.model.state._fields)
            found[window, p.name] = fields if every else frozenset()
    if layout.looks is None:
        return found

    def read(population, function, moment, names="cell, p"):
        if (moment, population) in found:
            needed = needed_by(circuit.model(population), function, names)
            found[moment, population] |= needed

    for p in circuit.projections:
        for term in layout.terms[p.name]:
            if term.averaged:
                continue
            if not term.xi:
                signal = circuit.model(p.pre).read(term.signal)
                read(p.pre, signal, term.signal_moment)
            if term.reads is None:
                read(p.post, p.rule.change, term.moments[0], RULE)
            for function, moment in zip(term.reads or (), term.moments, strict=False):
                if function is not None:
                    read(p.post, function, moment)
    for population, name, *phase in layout.looks:
        if phase:
            read(population, circuit.model(population).read(name), *phase)
    return found
