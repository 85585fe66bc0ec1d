"""Operations of traces: their steps, and what lies behind weights that have moved."""

from circuits.engine.facts import holder
from circuits.engine.operations import numbers, traces
from circuits.engine.signals import LATE
from dendrites.activity_difference import NOW
from dendrites.compile.traces import trace_factors


class WritesTraces:
    """The part of a `Writer` that writes traces."""

    def trace(self, population, places, kernel, **arriving):
        """One step of traces in a place, of signals that arrive."""
        dt = self.layout.circuit.dt
        none = dict.fromkeys(("slot", "slots", "stride", "delay"), 0)
        return self(
            traces.trace,
            n=self.layout.sizes[population],
            trace=places.trace,
            fast=places.fast,
            width=self.layout.stride(population),
            memory=kernel.steps(dt),
            **{**none, **arriving},
            **trace_factors(kernel, dt),
        )

    def presynaptic_traces(self, sender=None):
        """Those of all that arrives with a delay, or of what a sender sends at once."""
        of = self.layout.traces
        for trace in of.presynaptic:
            late = trace.population if trace.delay == 0 else None
            if late != sender or of.shared(trace) is not None:
                continue
            when = NOW if trace.delay else LATE
            if late:
                yield self.read(trace.population, trace.signal, LATE)
            arriving = self.arriving(trace.population, trace.signal, trace.delay, when)
            yield self.trace(
                trace.population, of.place(trace), trace.kernel, **arriving
            )

    def own_traces(self, population):
        """Traces of the spikes that the cells of a population have just had."""
        of = self.layout.traces
        for field, kernel in self.circuit.model(population).own_traces.items():
            places = of.place_of_own(population, field)
            spikes = self.layout.state(population, "spikes")
            yield self.trace(population, places, kernel, signal=spikes)

    def trace_behind(self, population, field):
        """The trace of an input field that keeps it, of what has arrived."""
        of, n = self.layout.traces, self.layout.sizes[population]
        behind, kernel = (
            of.place_behind(population, field),
            of.kernel(population, field),
        )
        arrived = self.lane("arrived", population, field)
        yield self.trace(population, behind, kernel, signal=arrived)
        target = self.lane("field", population, field)
        yield self(numbers.copy, n=n, source=behind.trace, target=target, slot=0)

    def renew_behind(self, population, field):
        """Make what lies behind the synapses of a field anew."""
        of, n = self.layout.traces, self.layout.sizes[population]
        behind = of.place_behind(population, field)
        for target in behind.all:
            yield self(numbers.clear, n=n, target=target)
        for p in of.behind[population, field]:
            places = of.place(of.of(p))
            weights = self.replica("weights", holder(p))
            pairs = zip(places.all, behind.all, strict=True)
            for k, (signal, target) in enumerate(pairs):
                yield self.product_of(
                    p, weights=weights, signal=signal, target=target, dense=k < 2
                )
