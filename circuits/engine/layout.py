"""Layout: where everything lies that the operations of a circuit work on.

The weights of a replica lie in one flat arena, what a chunk of samples needs in
another, its lane. A lane holds `capacity` samples. Variable v of a population begins
at ``state(name) + v * stride(name)`` as a block (samples, n), and its input fields
follow each other likewise; both are strided by the capacity, so places do not depend on
how many samples a lane holds at the moment. Weights are blocks (n_pre, n_post) inside
and (n_post, n_pre) outside.
"""

from functools import cached_property

import numpy as np

from circuits._terms import rule_terms
from circuits.connectivity import Edges
from circuits.engine.arenas import lane_sections, replica_sections
from circuits.engine.facts import REMEMBERED, holder, is_alias, modulated
from circuits.engine.sections import GUARD
from circuits.engine.signals import Signals
from circuits.engine.traces import Traces
from circuits.engine.unread import averaged_variables, unread_variables
from circuits.optimisers import optimiser_of
from circuits.shared_weights import SharedWeights
from circuits.weights import drawn_times
from dendrites._time import n_steps

# Kinds of sections that a presentation leaves to the next, which follow each other.
CARRIED = "state", "line", "trace", "behind"


class Layout:
    """Places in the arenas of a circuit.

    Parameters
    ----------
    circuit : Circuit
    dtype : float64 or float32
    capacity : int
        Samples a lane can hold.
    block : int
        Steps per block; 1 means plasticity at every step.
    predicts : bool
        Whether products use weights predicted for the middle of a block.
    recordings : sequence of Recording
    steps : int
        Longest presentation to record, in steps.
    forced, driven : tuple of str
        Clamped populations that show another value at every step.
    optimiser : Optimiser, optional
        Of updates at the end of a presentation.
    narrow : bool
        Whether nothing is looked at but what is recorded, and weights: variables of
        cells that nothing reads are then left as they are.
    looks : sequence of (population, read) or (population, read, phase), optional
        All that is looked at besides recordings and weights; None if that may be
        anything: only what is looked at is averaged.
    schedules : tuple of Schedule
        What may be shown beside the circuit's own.
    guarded : bool
        Whether to find writes to places that are nobody's and reads of what was not
        written: slow, for tests.
    """

    def __init__(
        self,
        circuit,
        *,
        dtype,
        capacity,
        block=1,
        predicts=False,
        recordings=(),
        steps=0,
        forced=(),
        driven=(),
        optimiser=None,
        narrow=False,
        looks=None,
        schedules=(),
        guarded=False,
    ):
        self.guarded, self.circuit = guarded, circuit
        self.schedules = (*circuit.schedules, *schedules)
        self.dtype = np.dtype(dtype).type
        self.capacity, self.block, self.predicts = capacity, block, predicts
        self.recordings, self.steps = tuple(recordings), steps
        self.forced, self.driven = forced, driven
        self.dt = float(self.dtype(circuit.dt))
        self.sizes = {p.name: p.size for p in circuit.populations}
        self.terms = {
            p.name: rule_terms(p, circuit.model(p.post)) if p.learns else ()
            for p in circuit.projections
        }
        self.optimisers = {
            p.name: optimiser_of(p, optimiser) for p in circuit.projections
        }
        self.modulated = modulated(circuit)
        self.unread = unread_variables(self) if narrow else {}
        self.looks = looks
        self.averaged = averaged_variables(self)
        self.signals, self.traces = Signals(self), Traces(self)
        self.replica = replica_sections(self)
        self.lane = lane_sections(self)

    # --- sizes ----------------------------------------------------------------

    def stride(self, population: str) -> int:
        """Numbers from one variable or field of a population to the next."""
        return self.sizes[population] * self.capacity

    @cached_property
    def synapses(self) -> dict[str, int]:
        """Weights of every projection."""
        return {
            p.name: p.connectivity.n_synapses(*self.circuit.shape(p.name))
            for p in self.circuit.projections
        }

    @cached_property
    def work(self) -> int:
        """Multiply-adds of a step, for one sample."""
        return sum(
            p.connectivity.work(*self.circuit.shape(p.name))
            if isinstance(p.connectivity, SharedWeights)
            else self.synapses[p.name]
            for p in self.circuit.projections
        )

    def is_constant(self, population: str) -> bool:
        """Whether what it shows stands still within a phase."""
        return self.circuit.model(population).constant and population not in self.driven

    def delay(self, p) -> int:
        """Steps; 1 is what a projection has that carries the state a step began with.

        What a source shows throughout a step is there when it begins.
        """
        if p.delay is None:
            return 1
        steps = n_steps(p.delay, self.circuit.dt, p.name, quiet=True)
        return max(steps, 1) if self.is_constant(p.pre) else steps

    # --- places ---------------------------------------------------------------

    def state(self, population: str, variable: str | None = None, window=None) -> int:
        """Of a population's state, of one variable, or of the average in a window."""
        key = ("state", population)
        place = self.lane.place(
            *(key if window is None else ("average", window, population))
        )
        if variable is not None:
            fields = self.circuit.model(population).state._fields
            place += fields.index(variable) * self.stride(population)
        return place

    def window(self, name: str) -> slice:
        """All that is averaged in a window."""
        return self._windows[name]

    @cached_property
    def _windows(self):
        found = {}
        for key in self.lane.of_kind("average"):
            part = self.lane.part(*key)
            start = found.setdefault(key[1], part).start
            found[key[1]] = slice(start, part.stop)
        return found

    @property
    def states(self) -> slice:
        """All states of a lane."""
        return self.lane.stretch("state")

    @property
    def carried(self) -> slice:
        """What a presentation leaves to the next: states, delay lines and traces."""
        stops = (self.lane.stretch(kind).stop for kind in CARRIED)
        return slice(self.states.start, max(stops))

    # --- weights in and out ---------------------------------------------------

    def put_weights(self, arena, name: str, value) -> None:
        """Write the weights of a projection, as users give them, into an arena."""
        p = self.circuit.projection(name)
        if not is_alias(p):
            part = self.replica.part("weights", name)
            if isinstance(p.connectivity, Edges):
                p.connectivity.flatten_into(arena[part], value)
            else:
                arena[part] = p.connectivity.flatten(value)

    def get_weights(self, arena, name: str):
        """Weights of a projection as users see them, float64; sparse ones sparse."""
        p = self.circuit.projection(name)
        flat = arena[self.replica.part("weights", holder(p))].astype(float)
        if p.clip == "readout" and p.bounds is not None:
            flat = np.clip(flat, *p.bounds)
        if is_alias(p):
            flat *= p.tied_to.factor
        return p.connectivity.unflatten(flat, *self.circuit.shape(name))

    def replica_arena(self, weights, seed=0) -> np.ndarray:
        """Arena of one replica, with these weights by projection.

        The seed is that of numbers which tied weights are multiplied by.
        """
        arena = self._arena(self.replica, ("weights", *REMEMBERED))
        for p in self.circuit.populations:
            own = [np.tile(values, self.capacity) for values in p.values.values()]
            params = np.concatenate([p.model.parameters, *own])
            arena[self.replica.part("params", p.name)] = params
        for name, value in weights.items():
            self.put_weights(arena, name, value)
        for _, name in self.replica.of_kind("times"):
            p = self.circuit.projection(name)
            times = p.connectivity.flatten(drawn_times(self.circuit, p, seed))
            arena[self.replica.part("times", name)] = times
        return arena

    def lane_arena(self) -> np.ndarray:
        """Arena of one chunk of samples."""
        summed = "average", "field", "base", "all sweeps"
        return self._arena(self.lane, (*CARRIED, *summed))

    def _arena(self, sections, cleared):
        if not self.guarded:
            return np.zeros(sections.size, self.dtype)
        arena = np.full(sections.size, np.nan, self.dtype)
        for kind in cleared:
            arena[sections.stretch(kind)] = 0
        return arena

    def clear_averages(self, lane, *, narrow) -> None:
        """Begin all averages; in guarded arenas let reads of those not made show."""
        lane[self.lane.stretch("average")] = 0
        made = self.averaged.items() if narrow and self.guarded else ()
        for (window, population), read in made:
            for field in self.circuit.model(population).state._fields:
                if field not in read:
                    first = self.state(population, field, window)
                    lane[first : first + self.stride(population)] = np.nan

    def check_guards(self, arena, lanes) -> None:
        """Refuse a run that wrote to places that are nobody's."""
        pairs = [(self.replica, arena), *((self.lane, lane) for lane in lanes)]
        for sections, numbers in pairs if self.guarded else ():
            for key in sections.of_kind(GUARD):
                if not np.isnan(numbers[sections.part(*key)]).all():
                    raise AssertionError(f"written to what is nobody's: {key}")

    def state_of(self, lane, population: str) -> np.ndarray:
        """View (variables, capacity, n) of a population's state."""
        flat = lane[self.lane.part("state", population)]
        return flat.reshape(-1, self.capacity, self.sizes[population])

    def carried_views(self, lane):
        """Views (any, capacity, n) of what is carried from one to the next."""
        for key in (key for kind in CARRIED for key in self.lane.of_kind(kind)):
            n = self.sizes[key[1]]
            yield lane[self.lane.part(*key)].reshape(-1, self.capacity, n)
