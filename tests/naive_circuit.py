"""Small circuits of leaky cells, and the same written out in NumPy, step by step.

The twin keeps every signal it has ever shown, makes every product by itself, in the
order of the documentation, and shares nothing.
"""

from typing import Annotated, NamedTuple

import numpy as np
from scipy.sparse import issparse

from circuits import Circuit, OneToOne, Phase, Population, Projection, Schedule, Sparse
from dendrites.cell import POSITIVE, CellModel
from dendrites.models import source

DT = 0.5


class State(NamedTuple):
    u: Annotated[float, "1"] = 0.0
    seen: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    tau: Annotated[float, "ms", POSITIVE] = 2.0


class Inputs(NamedTuple):
    first: Annotated[float, "1"] = 0.0
    second: Annotated[float, "1"] = 0.0


def fill(cell, inputs, p):
    return State(cell.u, inputs.first)


def derivative(cell, inputs, p):
    return State((cell.seen + 0.5 * inputs.second - cell.u) / p.tau, 0.0)


def rate(cell, p):
    return cell.u / (1.0 + cell.u * cell.u)


def one(cell, p):
    return 1.0


# tau du/dt = seen + second / 2 - u, and `seen` is at every moment the first input.
LEAKY = CellModel(
    "leaky",
    State,
    Params,
    Inputs,
    derivative=derivative,
    instantaneous=fill,
    reads={"rate": rate, "one": one},
)


def layers(names, n):
    return tuple(Population(name, LEAKY, n) for name in names)


def sources(names, n):
    return tuple(Population(name, source(), n) for name in names)


def circuit(populations, projections, *, phases=(), steps=12, **options):
    """The last population answers; by default one phase with all sources on."""
    on = tuple(p.name for p in populations if p.model.clamped)
    phases = phases or (Phase("shown", steps * DT, on=on),)
    return Circuit(
        tuple(populations),
        tuple(projections),
        Schedule(phases, carry_state=options.pop("carry_state", False)),
        output=populations[-1].name,
        readout="u",
        dt=DT,
        seed=5,
        **options,
    )


class Naive:
    """The circuit from rest: states, weights and update filters as plain arrays.

    Parameters
    ----------
    circuit : Circuit
        Of sources and leaky cells.
    weights : mapping of str to ndarray (n_post, n_pre)
        Of every projection that is not tied.
    batch : int
    """

    def __init__(self, circuit, weights, batch):
        self.circuit = circuit
        free = [p.name for p in circuit.projections if p.tied_to is None]
        self.mask = {p.name: mask_of(circuit, p) for p in circuit.projections}
        self.w = {name: np.where(self.mask[name], weights[name], 0.0) for name in free}
        self.filtered = {name: np.zeros_like(w) for name, w in self.w.items()}
        shape = {p.name: (batch, p.size) for p in circuit.populations}
        cells = [p.name for p in circuit.populations if not p.model.clamped]
        self.u = {name: np.zeros(shape[name]) for name in cells}
        self.seen = {name: np.zeros(shape[name]) for name in cells}
        self.source = {
            name: np.zeros(shape[name]) for name in shape if name not in cells
        }
        self.past = {p.name: [] for p in circuit.projections}

    def rest(self):
        """Start anew: states and what is on its way, not weights and filters."""
        for values in (*self.u.values(), *self.seen.values()):
            values[:] = 0.0
        self.past = {name: [] for name in self.past}

    def weight(self, p):
        if p.tied_to is None:
            return self.w[p.name]
        tied, w = p.tied_to, self.w[p.tied_to.to]
        w = w.T if tied.transpose else w
        if tied.function is not None:
            w = np.vectorize(tied.function, otypes=[float])(w) * self.mask[p.name]
        times = 1.0 if tied.times is None else tied.times
        # Of one-to-one projections a row of times falls on the diagonal.
        return tied.factor * w * times

    def read(self, name, what):
        if name in self.source:
            return self.source[name]
        u = self.u[name]
        values = {"u": u, "seen": self.seen[name], "one": np.ones_like(u)}
        return u / (1.0 + u * u) if what == "rate" else values[what]

    def fields(self, name, arriving, silent=()):
        """Both input fields of a population, from what arrives by projection."""
        found = {field: np.zeros_like(self.u[name]) for field in Inputs._fields}
        for p in self.circuit.projections:
            if p.post == name and p.name not in silent:
                found[p.field] = found[p.field] + arriving(p) @ self.weight(p).T
        return found["first"], found["second"]

    def arriving(self, p):
        delay = 1 if p.delay is None else round(p.delay / DT)
        if delay == 0 and self.moves(p.pre):
            return self.read(p.pre, p.signal)
        shown = self.past[p.name]
        back = max(delay, 1)
        return shown[-back] if len(shown) >= back else np.zeros_like(shown[-1])

    def moves(self, name):
        """Whether what a population shows differs between start and end of a step."""
        return name not in self.source

    def advance_source(self, name):
        """What a source does when it is its turn to step: nothing."""

    def step(self, shown, learning=True):
        """One step with these values of the sources (batch, n)."""
        self.source = dict(shown)
        old = {}
        for p in self.circuit.projections:
            self.past[p.name].append(self.read(p.pre, p.signal))
            presynaptic = getattr(p.rule, "presynaptic", None) or p.signal
            old[p.name] = self.read(p.pre, presynaptic)
        factors, start = {}, dict(self.u)
        for name in self.circuit.update_order:
            if name in self.source:
                self.advance_source(name)
                continue
            first, second = self.fields(name, self.arriving)
            self.seen[name] = first
            for p in self.circuit.projections:
                if p.post == name and p.learns:
                    factors[p.name] = self.read(name, p.rule.teaching)
            drive = first + 0.5 * second
            self.u[name] = self.u[name] + DT * (drive - self.u[name]) / 2.0
        if self.circuit.stepper == "heun":
            self.correct(start)
        for p in self.circuit.projections if learning else ():
            if p.learns:
                self.move(p, factors[p.name].T @ old[p.name])

    def correct(self, start):
        """The second stage of Heun: half way to a further step from the first one."""
        fields = {name: self.fields(name, self.present) for name in self.u}
        for name, (first, second) in fields.items():
            pull = (first + 0.5 * second - self.u[name]) / 2.0
            self.u[name] = 0.5 * (start[name] + self.u[name] + DT * pull)

    def present(self, p):
        return self.read(p.pre, p.signal)

    def move(self, p, term):
        rule = p.rule
        if rule.batch == "mean":
            term = term / len(next(iter(self.u.values())))
        if rule.low_pass is not None:
            a = 1.0 - DT / rule.low_pass.tau
            term = a * self.filtered[p.name] + (1.0 - a) * term
            self.filtered[p.name] = term
        w = self.w[p.name] + rule.learning_rate * DT * term
        w = w if p.bounds is None else np.clip(w, *p.bounds)
        if p.sign is not None:
            w = np.where(w * p.sign < 0.0, 0.0, w)
        self.w[p.name] = np.where(self.mask[p.name], w, 0.0)

    def settle(self, phase, shown):
        """One settled phase: each population once, in order."""
        self.source = {
            name: values if name in phase.on else np.zeros_like(values)
            for name, values in shown.items()
        }
        for name in phase.settle:
            first, second = self.fields(name, self.present, phase.silent)
            self.seen[name], self.u[name] = first, first + 0.5 * second


def as_given(circuit, weights):
    """Square arrays as runs take them: of one-to-one projections the diagonal."""
    return {
        name: w[np.eye(*w.shape, dtype=bool)] if _pairs(circuit, name) else w
        for name, w in weights.items()
    }


def as_square(circuit, name, w):
    """Weights of a run, or of its tree, as a square array (n_post, n_pre)."""
    if issparse(w):
        return w.toarray()
    if w.ndim == 2:
        return w
    square = np.zeros(circuit.shape(name))
    square[mask_of(circuit, circuit.projection(name))] = w
    return square


def _pairs(circuit, name):
    return isinstance(circuit.projection(name).connectivity, OneToOne)


def random_weights(circuit, seed=0, size=0.5):
    """Uniform in +-size (n_post, n_pre), of every projection that is not tied."""
    rng = np.random.default_rng(seed)
    return {
        p.name: rng.uniform(-size, size, circuit.shape(p.name)) * mask_of(circuit, p)
        for p in circuit.projections
        if p.tied_to is None
    }


def mask_of(circuit, p):
    """Which pairs of cells a projection joins, (n_post, n_pre)."""
    if isinstance(p.connectivity, Sparse):
        return p.connectivity.mask
    shape = circuit.shape(p.name)
    return np.ones(shape, bool) if p.is_dense else np.eye(*shape, dtype=bool)


def joined(pre, post, name, field="first", **options):
    return Projection(pre, post, field, name=name, **options)
