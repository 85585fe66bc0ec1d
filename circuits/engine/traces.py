"""Traces: signals that reach traced fields, seen through the kernel of the field.

Such a field holds the present weights times the *presynaptic traces* of what arrives,
and so it is computed where weights may move at every step or signals are no spikes.
Fields of spikes whose weights stand still within a presentation keep their trace
*behind* the synapse instead: only weights of cells that fire are looked at. Where
weights have moved, what lies behind them is made anew from the presynaptic traces.
"""

from typing import NamedTuple

from circuits.connectivity import Dense, Edges
from dendrites.kernel import Kernel


class Trace(NamedTuple):
    """A presynaptic trace: of which signal, after how many steps, seen how."""

    population: str
    signal: str
    delay: int
    kernel: Kernel


class Places(NamedTuple):
    """Where a trace, the numbers beside it and those to be forgotten lie, as blocks."""

    trace: int
    fast: int
    past: tuple[int, ...]

    @property
    def all(self) -> tuple[int, ...]:
        """All of these blocks."""
        return self.trace, self.fast, *self.past


class Traces:
    """Traces of a circuit, and where they lie.

    Attributes
    ----------
    presynaptic : tuple of Trace
        Those of signals that reach traced fields, each once.
    own : tuple of (population, State field)
        Traces of cells' own spikes.
    behind : dict of (population, input field) to list of Projection
        Fields whose traces are kept behind the synapse, and what reaches them.
    """

    def __init__(self, layout):
        self.layout, c = layout, layout.circuit
        reaching = {}
        for p in c.projections:
            if self.of(p) is not None:
                reaching.setdefault((p.post, p.field), []).append(p)
        carried = (self.of(p) for ps in reaching.values() for p in ps)
        self.presynaptic = tuple(dict.fromkeys(carried))
        self.own = tuple((p.name, x) for p in c.populations for x in p.model.own_traces)
        self.behind = {
            field: ps for field, ps in reaching.items() if all(map(self._waits, ps))
        }

    def of(self, p) -> Trace | None:
        """The presynaptic trace that a projection carries, if its field is traced."""
        kernel = self.layout.circuit.model(p.post).traced_inputs.get(p.field)
        if kernel is None:
            return None
        return Trace(p.pre, p.signal, self.layout.delay(p), kernel)

    def is_behind(self, p) -> bool:
        """Whether the field of a projection keeps its trace behind the synapse."""
        return (p.post, p.field) in self.behind

    def _waits(self, p):
        """Whether it carries spikes, by weights that stand still in a presentation."""
        c = self.layout.circuit
        rule = (c.projection(p.tied_to.to) if p.tied_to else p).rule
        events = c.is_event_driven(p.name) and isinstance(p.connectivity, Dense | Edges)
        still = p.perturbation is None and not (rule is not None and rule.continuous)
        return events and still

    def kernel(self, population, field) -> Kernel:
        """Of a State or input field."""
        return self.layout.circuit.model(population).traces[field]

    def shared(self, trace) -> str | None:
        """The State field that is this presynaptic trace: of spikes without delay."""
        if trace.signal != "spikes" or trace.delay:
            return None
        own = self.layout.circuit.model(trace.population).own_traces.items()
        return next((field for field, kernel in own if kernel == trace.kernel), None)

    def add_sections(self, sections) -> None:
        """Give every trace its place in a lane."""

        def add(key, kernel, beside):
            steps = kernel.steps(self.layout.circuit.dt)
            sections.add(key, (beside + steps) * self.layout.stride(key[1]))

        for key in self.own:
            add(("trace", *key), self.kernel(*key), 1)
        for trace in self.presynaptic:
            if self.shared(trace) is None:
                add(("trace", *trace), trace.kernel, 2)
        for key in self.behind:
            add(("behind", *key), self.kernel(*key), 2)

    def place(self, trace) -> Places:
        """Where a presynaptic trace lies."""
        field = self.shared(trace)
        if field is not None:
            return self.place_of_own(trace.population, field)
        return self._places(("trace", *trace), trace.kernel)

    def place_of_own(self, population, field) -> Places:
        """Where the trace that a State field shows lies."""
        key, kernel = ("trace", population, field), self.kernel(population, field)
        return self._places(key, kernel, self.layout.state(population, field))

    def place_behind(self, population, field) -> Places:
        """Where the trace of an input field lies."""
        key = "behind", population, field
        return self._places(key, self.kernel(population, field))

    def _places(self, key, kernel, trace=None):
        first, stride = self.layout.lane.place(*key), self.layout.stride(key[1])
        if trace is None:
            trace, first = first, first + stride
        steps = kernel.steps(self.layout.circuit.dt)
        past = tuple(first + (1 + k) * stride for k in range(steps))
        return Places(trace, first, past)
