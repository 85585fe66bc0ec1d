"""Plan: a Circuit turned into flat tables, compiled loops and arenas."""

import math
from dataclasses import dataclass

import numpy as np

from circuits.circuit import Circuit
from circuits.engine import tables as tb
from circuits.engine.shortcuts import add_shortcuts, is_alias
from dendrites._checks import choice
from dendrites._memory import check_memory
from dendrites._time import n_steps
from dendrites.activity_difference import ActivityDifference
from dendrites.compile.loops import (
    factor_loop,
    fill_loop,
    loop_table,
    read_loop,
    settle_loop,
    step_loop,
    synapse_loop,
)
from dendrites.errors import ConfigError, ModelError
from dendrites.random import stream_key
from dendrites.synaptic_rule import SynapticRule

ONE_TO_ONE = "one_to_one"
LARGEST_WEIGHT = 1e6
# Sections of a lane that kernels reach through the tables by name.
IN_TABLES = (
    "state",
    "field",
    "base",
    "start",
    "average",
    "scratch",
    "combined",
    "gradient",
)


@dataclass(frozen=True)
class Recording:
    """One recorded variable: which units, how often.

    Parameters
    ----------
    population : str
    variable : str
        A State field (compartment) or any read of the cells.
    units : ndarray of int64
        Recorded cells, in the order of the output.
    every : int
        Interval in steps.
    """

    population: str
    variable: str
    units: np.ndarray
    every: int


class Plan:
    """Tables and loops of a circuit; makes the arenas of replicas and lanes.

    Parameters
    ----------
    circuit : Circuit
    dtype : numpy dtype, float64 or float32
    capacity : int
        Samples a lane can hold.
    block : int
        Steps per block; 1 means plasticity at every step.
    recordings : list of Recording
    steps : int
        Longest presentation to record, in steps.
    settles : bool
        Whether phases with a duration are replaced by their fixed points.
    seed : int
    stream : str
        Random inputs and spikes of the cells draw from streams of this seed and name.
    forced : tuple of str
        Populations whose spikes are given.
    driven : tuple of str
        Clamped populations that show another value at every step.
    only_sizes : bool
        Whether to make nothing that grows with the circuit: for `estimated_bytes`.

    Raises
    ------
    ConfigError
        If the circuit alone would not fit into memory.
    """

    def __init__(
        self,
        circuit,
        *,
        dtype,
        capacity,
        block=1,
        recordings=(),
        steps=0,
        settles=False,
        seed=0,
        stream="",
        forced=(),
        driven=(),
        only_sizes=False,
    ):
        self.circuit: Circuit = circuit
        self.forced, self.driven = tuple(forced), tuple(driven)
        self.settles, self.seed, self.stream = settles, seed, stream
        self.dtype = np.dtype(dtype).type
        self.capacity, self.block = int(capacity), int(block)
        self.recordings, self.steps = tuple(recordings), steps
        self.rows = {p.name: k for k, p in enumerate(circuit.populations)}
        self.projection_rows = {p.name: k for k, p in enumerate(circuit.projections)}
        self.windows = _windows(circuit)
        self.patterns = {p.name: _pattern(p) for p in circuit.projections}
        self.rests_at_zero = not any(
            value
            for p in circuit.populations
            for value in p.model.state._field_defaults.values()
        )
        n_weights = sum(
            self._n_synapses(p.name) for p in circuit.projections if not is_alias(p)
        )
        n_state = sum(len(p.model.state._fields) * p.size for p in circuit.populations)
        item = np.dtype(self.dtype).itemsize
        # Before tables are made, whose columns hold no numbers beyond 2**63.
        longest = {}
        for p in circuit.projections:
            longest[p.pre] = max(longest.get(p.pre, 0), self._delay(p))
        waiting = sum(
            slots * circuit.population(name).size
            for name, slots in longest.items()
            if slots > 1
        )
        recorded = sum((steps // r.every + 1) * len(r.units) for r in self.recordings)
        check_memory(
            item * (4 * n_weights + (n_state + waiting + recorded) * self.capacity),
            f"circuit {circuit.name!r}",
        )
        self._loops = {kind: {} for kind in tb.Loops._fields}
        self._integers = Integers()
        self.loops = None
        self.tables = self._tables(only_sizes)

    def compile(self):
        """Load or compile every loop; called once all sizes have been checked."""
        compiled = {
            kind: [make(*key) for key, make in self._makers(kind)]
            for kind in tb.Loops._fields
        }
        self.loops = tb.Loops(**{k: loop_table(v) for k, v in compiled.items()})
        # Machine code lives as long as the loops that own it.
        self._compiled = compiled

    def estimated_bytes(
        self, n_replicas: int, n_lanes: int, *, learning: bool = True
    ) -> int:
        """Memory that the arenas, recordings and tables of a run will take.

        Sections of an arena that nothing is written to take none.
        """
        learned = filtered = 0
        for p in self.circuit.projections if learning else ():
            if p.learns:
                learned += self._n_synapses(p.name)
                if getattr(p.rule, "low_pass", None) is not None:
                    filtered += self._n_synapses(p.name)
        predicted = learned if self.block > 1 or self.settles else 0
        replica = self.replica_size - 2 * self._n_weights + filtered + predicted
        lane = self.lane_size - self._n_weights + learned
        item = np.dtype(self.dtype).itemsize
        arenas = item * (n_replicas * replica + n_lanes * lane)
        return arenas + 8 * self._integers.size

    def replica(self, weights: dict) -> np.ndarray:
        """Arena of one replica, with these weights (n_post, n_pre) by projection."""
        arena = np.zeros(self.replica_size, self.dtype)
        params = [x for p in self.circuit.populations for x in p.model.parameters]
        arena[self.replica_size - len(params) :] = params
        for name, value in weights.items():
            self.put_weights(arena, name, value)
        return arena

    def rates(self, given: dict) -> np.ndarray:
        """Learning rate of every projection; `given` replaces the rules' own."""
        return np.array(
            [
                given.get(p.name, p.rule.learning_rate) if p.learns else 0.0
                for p in self.circuit.projections
            ]
        )

    def modes(self, rates, *, batch: int, learning: bool, events: bool = False):
        """What each projection's weights do in a span, see `tables`."""
        if not learning:
            return np.zeros(len(rates), np.int64)
        modes = []
        for p, rate, plain in zip(
            self.circuit.projections, rates, self._plain, strict=True
        ):
            plain = plain and not self.settles
            mode = tb.STILL
            if p.tied_to is not None:
                mode = tb.TIED
            elif rate > 0 and p.rule.continuous != events:
                mode = tb.SUMMED
                if not isinstance(p.rule, ActivityDifference):
                    mode = tb.SYNAPTIC
                elif plain and batch == 1 and self._constant(p.pre):
                    mode = tb.FOLLOWED
                elif plain and batch == 1 and self.block == 1:
                    mode = tb.FUSED
            modes.append(mode)
        modes = np.array(modes, np.int64)
        for k, p in enumerate(self.circuit.projections):
            # What lies where weights stand still stands still with them.
            if is_alias(p) and modes[self.projection_rows[p.tied_to.to]] == tb.STILL:
                modes[k] = tb.STILL
        return modes

    def lane(self) -> np.ndarray:
        """Arena of one chunk of samples."""
        return np.zeros(self.lane_size, self.dtype)

    def put_weights(self, arena, name, value):
        """Write weights (n_post, n_pre) of a projection into a replica's arena."""
        if is_alias(self.circuit.projection(name)):
            return
        start, pattern = self._place(name)
        value = np.asarray(value, float).T
        if pattern is None:
            flat = value.ravel()
        else:
            flat = np.diagonal(value) if pattern is ONE_TO_ONE else value[pattern.T]
        arena[start : start + flat.size] = flat

    def get_weights(self, arena, name):
        """Weights (n_post, n_pre) of a projection from a replica's arena, float64."""
        start, pattern = self._place(name)
        n_post, n_pre = self.circuit.shape(name)
        flat = arena[start : start + self._n_synapses(name)].astype(float)
        projection = self.circuit.projection(name)
        if projection.clip == "readout" and projection.bounds is not None:
            flat = np.clip(flat, *projection.bounds)
        if is_alias(projection):
            flat *= projection.tied_to.factor
        if pattern is None:
            return np.ascontiguousarray(flat.reshape(n_pre, n_post).T)
        if pattern is ONE_TO_ONE:
            return np.diag(flat)
        full = np.zeros((n_pre, n_post))
        full[pattern.T] = flat
        return np.ascontiguousarray(full.T)

    def state_of(self, lane, name, samples):
        """View (variables, samples, n) of one population's state in a lane."""
        row = self.tables.population[self.rows[name]]
        n, v, start = int(row[tb.SIZE]), int(row[tb.VARIABLES]), int(row[tb.STATE])
        return lane[start : start + v * samples * n].reshape(v, samples, n)

    def recorded(self, lane, samples):
        """Recorded arrays (records, samples, units); record 0 is the initial state."""
        for row, recording in zip(self.tables.recording, self.recordings, strict=True):
            n, start = self.steps // recording.every + 1, int(row[tb.OUT])
            size = n * samples * len(recording.units)
            yield lane[start : start + size].reshape(n, samples, -1)

    # --- building -------------------------------------------------------------

    def _tables(self, only_sizes):
        c = self.circuit
        self._signals, self._terms, self._plain = {}, [], []
        projection, real = self._projection_rows()
        population, state_size, field_size = self._population_rows(projection)
        signal, signal_size, line_size = self._signal_rows()
        recording, record_size = self._recording_rows()
        widest = max((self._work_size(p) for p in c.projections), default=1)
        largest = max(p.size for p in c.populations) * self.capacity
        synaptic = any(isinstance(p.rule, SynapticRule) for p in c.projections)
        keeps_start = synaptic or c.stepper == "heun" or self.settles
        # Places in a lane's arena, one section after the other.
        sections = {
            "state": state_size,
            "lines": line_size,
            "field": field_size * self.capacity,
            "base": field_size * self.capacity,
            "start": state_size if keeps_start else 0,
            "average": len(self.windows) * state_size,
            "scratch": max(largest, widest),
            "combined": largest,
            "gradient": self._n_weights,
            "signal": signal_size,
            "factor": self._factor_size * self.capacity,
            "deferred": self._deferred_size,
            "record": record_size,
        }
        places = dict(
            zip(sections, _starts([*sections.values()]).tolist(), strict=True)
        )
        self.lane_size = sum(sections.values())
        # What a presentation leaves to the next: states and delay lines.
        self.carried = slice(places["state"], places["field"])
        n_params = sum(len(p.model.params._fields) for p in c.populations)
        self.replica_size = 3 * self._n_weights + n_params
        population[:, tb.STATE] += places["state"]
        population[:, tb.PARAMS] += 3 * self._n_weights
        signal[:, tb.PLACE] += places["signal"]
        signal[:, tb.LINE] += places["lines"]
        projection[:, tb.DEFERRED] += places["deferred"]
        recording[:, tb.OUT] += places["record"]
        term = _table(self._terms, 7)
        term[:, tb.FACTOR_PLACE] += places["factor"]
        random = _table(self._random_rows(), 8)
        # Last, when all that puts something there has done so.
        index = np.zeros(1, np.int64) if only_sizes else self._integers.array()
        return tb.Tables(
            population=population,
            signal=signal,
            projection=projection,
            real=real,
            limit=np.array([float(p.model.limit) for p in c.populations]),
            term=term,
            random=random,
            recording=recording,
            order=np.array([self.rows[name] for name in c.update_order], np.int64),
            index=index,
            keeps_start=int(keeps_start),
            state_size=state_size,
            field_size=field_size,
            weights=0,
            filter=self._n_weights,
            middle=2 * self._n_weights,
            **{name: places[name] for name in IN_TABLES},
        )

    def _population_rows(self, projection):
        rows, state, field, params = [], 0, 0, 0
        at_once = projection[projection[:, tb.DELAY] == 0, tb.POST].tolist()
        for p in self.circuit.populations:
            m = p.model
            fill = self._loop("fill", fill_loop, m) if m.instantaneous else -1
            stepper = self.circuit.stepper
            step = -1 if m.constant else self._loop("step", step_loop, m, stepper)
            settle = -1
            if m.derivative and (self.settles or p.name in self._settled):
                settle = self._loop("settle", settle_loop, m)
            n = len(m.state._fields)
            reached = at_once.count(self.rows[p.name])
            decided = m.n_fields - 1 if m.spiking else tb.NONE
            places = (p.size, n, state, field, params)
            rows.append((*places, fill, step, settle, reached, decided))
            state += n * p.size * self.capacity
            field += m.n_fields * p.size
            params += len(m.params._fields)
        return _table(rows, 10), state, field

    def _constant(self, population):
        """Whether what it shows stands still within a phase."""
        model = self.circuit.model(population)
        return model.constant and population not in self.driven

    @property
    def _settled(self):
        c = self.circuit
        schedules = [s for s in (c.schedule, c.test_schedule) if s is not None]
        return {n for s in schedules for phase in s.phases for n in phase.settle}

    def _random_rows(self):
        for p in self.circuit.populations:
            shared, streams = tb.NONE, []
            if p.noise is not None:
                streams, own = np.unique(p.noise, return_inverse=True)
                shared = self._integers.add(streams)
                self._integers.add(own)
            for row in self._random_fields(p):
                yield (*row, shared, len(streams), max(streams, default=0) + 1)

    def _random_fields(self, p):
        kinds = {"normal": tb.NORMAL, "white": tb.WHITE, "uniform": tb.UNIFORM}
        for name, kind in p.model.random.items():
            stream = "/".join(filter(None, (self.stream, "noise", p.name, name)))
            field = p.model.inputs._fields.index(name)
            key = stream_key(self.seed, stream)
            yield self.rows[p.name], field, kinds[kind], *key
        if p.model.draws_spikes and p.name not in self.forced:
            stream = "/".join(filter(None, (self.stream, "spikes", p.name)))
            key = stream_key(self.seed, stream)
            yield self.rows[p.name], p.model.n_fields - 1, tb.UNIFORM, *key

    def _projection_rows(self):
        c = self.circuit
        rows, real = [], []
        weights = deferred = self._factor_size = 0
        for p in c.projections:
            n_post, _ = c.shape(p.name)
            pattern = self.patterns[p.name]
            separable = isinstance(p.rule, ActivityDifference)
            delay = self._delay(p)
            events = c.is_event_driven(p.name)
            signal = self._signal(p.pre, p.signal, False, delay)
            first = len(self._terms)
            if p.learns:
                self._add_terms(p, n_post)
            terms = self._terms[first:]
            low_pass = p.rule.low_pass if p.learns and separable else None
            plain = (
                low_pass is not None
                and [term[tb.TERM_SIGNAL] for term in terms] == [signal]
                and p.bounds is None
                and p.weight_decay == 0
                and pattern is None
                and delay == 1
                and not events
                and not any(q.tied_to and q.tied_to.to == p.name for q in c.projections)
            )
            self._plain.append(plain)
            noise_key = 0, 0
            if p.tied_to and p.tied_to.noise:
                noise_key = stream_key(self.seed, f"tied weights/{p.tied_to.to}")
            rows.append(
                {
                    tb.PRE: self.rows[p.pre],
                    tb.POST: self.rows[p.post],
                    tb.SIGNAL: signal,
                    tb.INPUT: c.model(p.post).inputs._fields.index(p.field),
                    tb.KIND: tb.SPARSE
                    if pattern is not None
                    else tb.EVENTS
                    if events
                    else tb.DENSE,
                    tb.WEIGHTS: weights,
                    tb.ROWS: self._sparse_index(p.name),
                    tb.SYNAPSES: self._n_synapses(p.name),
                    tb.FIRST_TERM: first,
                    tb.TERMS: len(terms),
                    tb.RULE: self._loop(
                        "synapse", synapse_loop, c.model(p.post), p.rule.change
                    )
                    if p.learns and not separable
                    else -1,
                    tb.DEFERRED: deferred,
                    tb.AFTER: int(low_pass is None or low_pass.read == "after"),
                    tb.SUM: int(p.learns and p.rule.batch == "sum"),
                    tb.TIED_TO: self.projection_rows[p.tied_to.to] if p.tied_to else -1,
                    tb.TRANSPOSED: int(bool(p.tied_to and p.tied_to.transpose)),
                    tb.LEADER: tb.NONE,
                    tb.COPIED: tb.NONE,
                    tb.DELAY: delay,
                    tb.CARRIED: self._integers.size,
                    tb.CARRIES: len(p.carries),
                    tb.PAIRED: int(pattern is ONE_TO_ONE),
                    tb.READOUT: int(p.clip == "readout" and p.bounds is not None),
                    tb.NOISE_KEY0: noise_key[0],
                    tb.NOISE_KEY1: noise_key[1],
                }
            )
            real.append(
                {
                    tb.DECAY: self._filter_factor(p, low_pass),
                    tb.WEIGHT_DECAY: p.weight_decay,
                    tb.LOWER: p.bounds[0] if p.bounds else -np.inf,
                    tb.UPPER: p.bounds[1] if p.bounds else np.inf,
                    tb.FACTOR: p.tied_to.factor if p.tied_to else 1.0,
                    tb.NOISE: p.tied_to.noise if p.tied_to else 0.0,
                    tb.LIMIT: _weight_limit(p),
                }
            )
            for mine, theirs in p.carries.items():
                post, pre = c.model(p.post).state, c.model(p.pre).state
                self._integers.add(
                    [post._fields.index(mine), pre._fields.index(theirs)]
                )
            weights += 0 if is_alias(p) else self._n_synapses(p.name)
            deferred += 4 * n_post + 1 if plain and self._constant(p.pre) else 0
        self._n_weights, self._deferred_size = weights, deferred
        for row, p in zip(rows, c.projections, strict=True):
            if is_alias(p):
                row[tb.WEIGHTS] = rows[row[tb.TIED_TO]][tb.WEIGHTS]
        add_shortcuts(c, rows, self._plain, self._constant)
        rows = [[row[k] for k in range(25)] for row in rows]
        real = [[row[k] for k in range(7)] for row in real]
        return _table(rows, 25), _table(real, 7, self.dtype)

    def _delay(self, p):
        """Steps; 1 is what a projection has that carries the state a step began with.

        What a source shows throughout a step is there when it begins.
        """
        if p.delay is None:
            return 1
        steps = n_steps(p.delay, self.circuit.dt, f"projection {p.name!r}", quiet=True)
        return max(steps, 1) if self._constant(p.pre) else steps

    def _add_terms(self, p, n_post):
        """Factor loop, presynaptic signal and windows of each term of a rule."""
        rule = p.rule
        history = rule.continuous and not self._constant(p.pre)
        if not isinstance(rule, ActivityDifference):
            signal = self._signal(p.pre, rule.presynaptic or p.signal, history)
            self._terms.append([-1, 0, signal, *[self._window(rule.moment)] * 4])
            return
        for part in rule.parts:
            self._add_difference(p, part, n_post, history)

    def _add_difference(self, p, rule, n_post, history):
        post = self.circuit.model(p.post)
        names = rule.presynaptic or p.signal
        names = (names, names) if isinstance(names, str) else tuple(names)
        moments = tuple(rule.moments)
        read_at = tuple(rule.presynaptic_moments or moments)
        teaching, baseline, gain = rule.functions(post)
        windows = [self._window(m) for m in (*moments, rule.gain_moment or moments[1])]
        sides = [((teaching, baseline), 0)]
        if (names[0], read_at[0]) != (names[1], read_at[1]):
            sides = [((teaching, None), 0), ((None, baseline), 1)]
        for reads, side in sides:
            if not any(reads):
                continue
            loop = self._loop("factor", factor_loop, post, *reads, gain)
            signal = self._signal(p.pre, names[side], history)
            place = self._factor_size * self.capacity
            self._terms.append(
                [loop, place, signal, *windows, self._window(read_at[side])]
            )
            self._factor_size += n_post * self.block

    def _signal(self, population, name, history, delay=1):
        # What stands still is read once for a span, but step by step into a line.
        moves = not self._constant(population) or delay > 1
        entry = self._signals.setdefault(
            (population, name, delay == 0, moves),
            {"row": len(self._signals), "history": 0, "slots": 0},
        )
        entry["history"] |= int(history)
        if delay > 1:
            entry["slots"] = max(entry["slots"], delay)
        return entry["row"]

    def read_row(self, population: str, name: str) -> int:
        """Row of the read loop, or -1 - v for State variable v itself."""
        model = self.circuit.model(population)
        read = model.read(name)
        field = getattr(read, "field", None)
        if field is not None:
            return -1 - model.state._fields.index(field)
        row = self._loop("read", read_loop, model, read)
        if self.loops is not None and row >= len(self._compiled["read"]):
            self.compile()  # a read that no signal and no recording needs
        return row

    def _signal_rows(self):
        # One slot per step of a block, or two that alternate, and one for Heun.
        slots = max(self.block, 2) + 1
        rows, place, line = [], 0, 0
        for (population, name, late, moves), entry in self._signals.items():
            p = self.circuit.population(population)
            history = entry["history"]
            rows.append(
                (
                    self.rows[population],
                    self.read_row(population, name),
                    place,
                    int(not moves),
                    history,
                    int(late),
                    line,
                    entry["slots"],
                )
            )
            place += p.size * self.capacity * (slots if history else 1)
            line += p.size * self.capacity * entry["slots"]
        return _table(rows, 8), place, line

    def _recording_rows(self):
        rows, place = [], 0
        for r in self.recordings:
            rows.append(
                (
                    self.rows[r.population],
                    self.read_row(r.population, r.variable),
                    self._integers.add(r.units),
                    len(r.units),
                    r.every,
                    place,
                )
            )
            place += (self.steps // r.every + 1) * len(r.units) * self.capacity
        return _table(rows, 6), place

    def _loop(self, kind, make, *key):
        known = self._loops[kind]
        return known.setdefault((make, key), len(known))

    def _makers(self, kind):
        for make, key in self._loops[kind]:
            # The stepper is the last argument of a step loop, after the number type.
            if kind == "step":
                yield (key[0], self.dtype, key[1]), make
            else:
                yield (*key, self.dtype), make

    def _window(self, moment):
        return self.windows.get(moment, -1)

    def _place(self, name):
        start = int(self.tables.projection[self.projection_rows[name], tb.WEIGHTS])
        return start, self.patterns[name]

    def _n_synapses(self, name):
        n_post, n_pre = self.circuit.shape(name)
        pattern = self.patterns[name]
        if pattern is None:
            return n_post * n_pre
        return n_post if pattern is ONE_TO_ONE else int(pattern.sum())

    def _work_size(self, p):
        """Scratch an update takes; rules that see the weight work on dense copies."""
        pattern = self.patterns[p.name]
        if isinstance(p.rule, SynapticRule) and pattern is not ONE_TO_ONE:
            return math.prod(self.circuit.shape(p.name))
        return self._n_synapses(p.name)

    def _sparse_index(self, name):
        """Start of the rows and targets of a sparse projection in `index`."""
        pattern = self.patterns[name]
        if pattern is None:
            return -1
        if pattern is ONE_TO_ONE:
            n = self.circuit.shape(name)[0]
            start = self._integers.add(range(n + 1))
            self._integers.add(range(n))
        else:
            start = self._integers.add([0, *np.cumsum(pattern.sum(axis=0)).tolist()])
            self._integers.add(np.nonzero(pattern.T)[1])
        return start

    def _filter_factor(self, p, low_pass):
        if low_pass is None:
            return 0.0
        dt = self.circuit.dt
        if dt >= low_pass.tau and not low_pass.exact:
            raise ModelError(
                f"projection {p.name!r}: the filter of its rule has tau = "
                f"{low_pass.tau:g} ms, which must exceed dt = {dt:g} ms"
            )
        return math.exp(-dt / low_pass.tau) if low_pass.exact else 1 - dt / low_pass.tau


class Integers:
    """Whole numbers put one after the other; ranges take no memory until `array`."""

    def __init__(self):
        self.size, self._parts = 0, []

    def add(self, part) -> int:
        """Put a list, range or array at the end, and say where it begins."""
        assert self._parts is not None, "added after the array was made"
        start = self.size
        self._parts.append(part)
        self.size += len(part)
        return start

    def array(self) -> np.ndarray:
        """All of them, int64; one 0 if there are none."""
        arrays = [
            np.arange(part.start, part.stop, dtype=np.int64)
            if isinstance(part, range)
            else np.asarray(part, np.int64)
            for part in self._parts
        ]
        self._parts = None
        return np.concatenate(arrays) if self.size else np.zeros(1, np.int64)


def _windows(circuit):
    """Number of the averaging window of every phase that has one, by name."""
    schedules = filter(None, (circuit.schedule, circuit.test_schedule))
    names = [phase.name for s in schedules for phase in s.phases if phase.readable]
    return {name: k for k, name in enumerate(dict.fromkeys(names))}


def _pattern(projection):
    """None (dense), ONE_TO_ONE, or the mask (n_post, n_pre) of a sparse projection."""
    if isinstance(projection.connectivity, np.ndarray):
        return projection.connectivity.astype(bool)
    return ONE_TO_ONE if projection.connectivity == ONE_TO_ONE else None


def _weight_limit(projection):
    """Size beyond which a weight has diverged: well beyond what its bounds allow."""
    bounds = [abs(b) for b in projection.bounds or () if math.isfinite(b)]
    return max([LARGEST_WEIGHT, *(2.0 * b for b in bounds)])


def check_dtype(dtype):
    """The number type of that name, or a ConfigError."""
    choice("dtype", dtype, ("float64", "float32"), error=ConfigError)
    return np.dtype(dtype).type


def _starts(sizes):
    return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)


def _table(rows, columns, dtype=np.int64):
    rows = list(rows)
    return np.array(rows, dtype).reshape(len(rows), columns)
