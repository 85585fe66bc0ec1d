"""Signals: what projections and rules read of a population, and where it is kept."""

from dendrites.activity_difference import NOW
from dendrites.cell import StateField

# When a signal is read: with the others when a step begins (or a span, where it stands
# still), by the second stage of Heun's method, or after its cells have stepped.
SECOND, LATE = "second stage", "late"


class Signals:
    """Places of the signals of a circuit.

    A signal is known by population, read and when it is read: "now", `SECOND`, `LATE`
    or the name of a phase in whose window its cells were averaged.

    Attributes
    ----------
    lines : dict of (population, read) to int
        Slots of the delay line of a signal: the longest delay.
    """

    def __init__(self, layout):
        self.layout, self.lines, self._slots = layout, {}, {}
        circuit = layout.circuit
        for p in circuit.projections:
            delay, key = layout.delay(p), (p.pre, p.signal)
            self._slots.setdefault((*key, LATE if delay == 0 else NOW), 1)
            if circuit.stepper == "heun":
                self._slots.setdefault((*key, SECOND), 1)
            if delay > 1:
                self.lines[key] = max(self.lines.get(key, 0), delay)
            for term in layout.terms[p.name]:
                if term.xi:
                    continue
                key = p.pre, term.signal, term.signal_moment
                self._slots.setdefault(key, 1)
                if term.signal_moment == NOW and not layout.is_constant(p.pre):
                    self._slots[key] = layout.block

    def add_sections(self, sections) -> None:
        """Give every signal its place in a lane."""
        for key, slots in self._slots.items():
            sections.add(("signal", *key), slots * self.layout.stride(key[0]))

    def has_slots(self, *key) -> int:
        """Whether a signal has one for every step of a block."""
        return int(self._slots[key] > 1)

    def variable(self, population: str, read: str) -> str | None:
        """The variable of the state that a read is, if it is no function."""
        found = self.layout.circuit.model(population).read(read)
        return found.field if isinstance(found, StateField) else None
