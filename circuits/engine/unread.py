"""Variables of cells that nothing looks at, so that they need not be computed."""

from circuits.engine.facts import modulator_of
from dendrites.compile.live import live_variables, needed_by


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
                names = "weight, cell, pre, p"
                wanted[p.post] |= needed_by(model, p.rule.change, names)
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
