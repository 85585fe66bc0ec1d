"""Writer: the operations that a projection or a population can ask for.

Here places become operands. What is asked for, and in which order, is the business of
the lists (`steps`, `plasticity`, `sweeps`, `ends`).
"""

from typing import NamedTuple

from circuits.connectivity import OneToOne, Sparse
from circuits.engine.layout import SPIKES, filter_factor, holder, is_alias
from circuits.engine.lists import Operation
from circuits.engine.operations import numbers, outer, plasticity, products, ties
from circuits.engine.operations.kinds import Kind
from circuits.engine.signals import LATE, SECOND
from circuits.engine.span import RATES
from dendrites.activity_difference import NOW

ANY = float("-inf"), float("inf")


class Choices(NamedTuple):
    """What a program depends on besides the layout.

    Parameters
    ----------
    moving : frozenset of str
        Projections whose rules act; none where nothing learns.
    single : bool
        Whether a presentation has one sample.
    alone : bool
        Whether one lane holds all samples of a replica.
    optimise : bool
        Whether passes may replace operations by cheaper ones.
    """

    moving: frozenset
    single: bool = False
    alone: bool = True
    optimise: bool = True


class Writer:
    """Writes operations of one circuit for one set of choices."""

    def __init__(self, layout, loops, choices):
        self.layout, self.loops, self.choices = layout, loops, choices
        self.circuit, self.signals = layout.circuit, layout.signals
        names = [p.name for p in self.circuit.projections]
        self.rates = {name: RATES + k for k, name in enumerate(names)}
        self.lane, self.replica = layout.lane.place, layout.replica.place

    def __call__(self, kind: Kind, *, note="", **operands) -> Operation:
        """An operation with these operands."""
        keys, total = {}, operands.get("total", 1)
        for name, sign in kind.signs.items():
            if sign[-1:] in ("<", ">", "=") and operands[name] is not None:
                where = self.layout.replica if sign[0] == "w" else self.layout.lane
                first = operands[name]
                keys[name] = where.between(first, first + total)
        return Operation(kind, operands, keys, note=note)

    # --- signals ----------------------------------------------------------------

    def slot(self, *key) -> int:
        """Whether a signal has a slot for every step of a block, in which rules act."""
        return self.signals.has_slots(*key) * bool(self.choices.moving)

    def read(self, population, read, when=NOW) -> Operation:
        """Read a signal of all cells of a population."""
        key = population, read, when
        window = None if when in (NOW, SECOND, LATE) else when
        target = self.lane("signal", *key)
        return self.read_to(
            population, read, target, slot=self.slot(*key), window=window
        )

    def read_to(self, population, read, target, *, slot=0, window=None) -> Operation:
        """Read any scalar read to any place."""
        layout, model = self.layout, self.circuit.model(population)
        operands = {"n": layout.sizes[population], "target": target, "slot": slot}
        variable = self.signals.variable(population, read)
        if variable is not None:
            source = layout.state(population, variable, window)
            return self(numbers.copy, source=source, **operands)
        return self(
            self.loops.read(model, read),
            state=layout.state(population, window=window),
            stride=layout.stride(population),
            params=self.replica("params", population),
            **operands,
        )

    # --- products -----------------------------------------------------------------

    def product(self, p, when=NOW) -> Operation:
        """Add the product of a projection to its input field."""
        key, delay = (p.pre, p.signal), self.layout.delay(p)
        if delay > 1:
            line = {"slots": self.signals.lines[key], "delay": delay, "slot": 0}
            line |= {
                "stride": self.layout.stride(p.pre),
                "signal": self.lane("line", *key),
            }
        else:
            line = {"slots": 0, "delay": 0, "slot": self.slot(*key, when)}
            line |= {"stride": 0, "signal": self.lane("signal", *key, when)}
        field = "field", p.post, p.field
        predicted = self.layout.predicts and self.moves(p)
        return self.product_of(
            p,
            weights=self.replica("middle" if predicted else "weights", holder(p)),
            target=self.lane(*field),
            factor=p.tied_to.factor if is_alias(p) else 1.0,
            **line,
        ).of(field)

    def product_of(self, p, **operands) -> Operation:
        """Add signals at one place times weights at another to numbers at a third."""
        n_post, n_pre = self.circuit.shape(p.name)
        none = dict.fromkeys(("first", "slot", "slots", "stride", "delay"), 0)
        operands = {"n_pre": n_pre, "n_post": n_post, **none, **operands}
        kind, form = products.dense_product, (n_pre, n_post)
        if isinstance(p.connectivity, OneToOne):
            kind, form = products.pairs_product, (n_post,)
        elif isinstance(p.connectivity, Sparse):
            kind, operands["index"] = products.sparse_product, self.index(p)
        elif self.circuit.is_event_driven(p.name):
            kind = products.events_product
            bounds = p.bounds if p.clip == "readout" and p.bounds else ANY
            operands["lower"], operands["upper"] = bounds
        return self(kind, note=f" {form}", **operands)

    def index(self, p) -> int:
        """Address of the pattern of a sparse projection."""
        shape = self.circuit.shape(p.name)
        return self.loops.integers(p.name, lambda: p.connectivity.index(*shape))

    def clear(self, field) -> Operation:
        """Clear an input field, or the base of one."""
        n = self.layout.sizes[field[1]]
        return self(numbers.clear, n=n, target=self.lane(*field)).of(field)

    # --- cells --------------------------------------------------------------------

    def cells(self, name, population, *, stepper=None, state=None) -> Operation:
        """Run a loop over the cells of a population, or over a copy of their state."""
        p = self.circuit.population(population)
        inputs = [
            key for key in self.layout.lane.of_kind("field") if key[1] == population
        ]
        made = self(
            self.loops.cells(name, p.model, stepper or self.circuit.stepper),
            n=p.size,
            state=self.layout.state(population) if state is None else state,
            stride=self.layout.stride(population),
            field=self.lane(*inputs[0]) if inputs else None,
            params=self.replica("params", population),
        )
        made.keys["field"] = tuple(inputs)
        return made

    def state_of(self, population) -> dict:
        """Operands of what works on a state, whatever its variables."""
        part = self.layout.lane.part("state", population)
        return {"total": part.stop - part.start, "source": part.start}

    # --- plasticity -----------------------------------------------------------------

    def moves(self, p, *, now=True) -> bool:
        """Whether weights move during steps (`now`) or at the end of a presentation.

        Those that are tied to others move with them.
        """
        if p.tied_to is not None:
            p = self.circuit.projection(p.tied_to.to)
        return p.name in self.choices.moving and p.rule.continuous == now

    def acting(self, *, now=True) -> list:
        """Projections whose own rules act during steps (`now`) or at the end."""
        own = [p for p in self.circuit.projections if p.tied_to is None]
        return [p for p in own if self.moves(p, now=now)]

    def sees_weight(self, p) -> bool:
        """Whether a rule is no sum of factor times signal."""
        return self.layout.terms[p.name][0].reads is None

    def factor(self, p, k, *, windowed=False) -> Operation:
        """The postsynaptic factor of a term."""
        layout, term = self.layout, self.layout.terms[p.name][k]
        times = term.moments if windowed else (None, None, None)
        teaching, baseline, gain = (layout.state(p.post, window=t) for t in times)
        return self(
            self.loops.factor(self.circuit.model(p.post), term.reads),
            n=layout.sizes[p.post],
            teaching=teaching,
            baseline=baseline,
            gain=gain,
            stride=layout.stride(p.post),
            params=self.replica("params", p.post),
            factor=self.lane("factor", k, p.name),
        )

    def term(self, p, k) -> dict:
        """Operands of a product of factor and signal."""
        n_post, n_pre = self.circuit.shape(p.name)
        term = self.layout.terms[p.name][k]
        return {
            "n_pre": n_pre,
            "n_post": n_post,
            "signal": self.lane("signal", p.pre, term.signal, term.signal_moment),
            "factor": self.lane("factor", k, p.name),
        }

    def outer(self, p, k, *, by_step=False) -> Operation:
        """Sum factor times signal of a term over samples, and steps of a block."""
        kind, index = outer.dense_outer, {}
        if isinstance(p.connectivity, OneToOne):
            kind = outer.pairs_outer
        elif isinstance(p.connectivity, Sparse):
            kind, index = outer.sparse_outer, {"index": self.index(p)}
        sums = self.lane("sums", p.name)
        first, by_step = int(k == 0), int(by_step)
        return self(
            kind, **self.term(p, k), sums=sums, by_step=by_step, first=first, **index
        )

    def changes(self, p, state, *, slot=0) -> Operation:
        """Changes of all synapses by a rule that sees the weight, over all samples."""
        (term,) = self.layout.terms[p.name]
        key = p.pre, term.signal, term.signal_moment
        n_post, n_pre = self.circuit.shape(p.name)
        return self(
            self.loops.synapse(self.circuit.model(p.post), p.rule.change),
            n_pre=n_pre,
            n_post=n_post,
            weights=self.replica("weights", p.name),
            state=state,
            stride=self.layout.stride(p.post),
            params=self.replica("params", p.post),
            signal=self.lane("signal", *key),
            slot=slot and self.slot(*key),
            sums=self.lane("sums", p.name),
            paired=int(isinstance(p.connectivity, OneToOne)),
            index=self.index(p) if isinstance(p.connectivity, Sparse) else 0,
        )

    def learning(self, p, *, now=True) -> dict:
        """Operands that everything has that moves weights, and those of its filter."""
        a = float(self.layout.dtype(filter_factor(p, self.circuit.dt)))
        low_pass = getattr(p.rule, "low_pass", None)
        return {
            "n": self.layout.synapses[p.name],
            "weights": self.replica("weights", p.name),
            "rate": self.rates[p.name],
            "unit": self.layout.dt if now else 1.0,
            "mean": int(p.rule.batch == "mean"),
            "weight_decay": p.weight_decay if now else 0.0,
            "sums": self.lane("sums", p.name),
            "filter": self.replica("filter", p.name) if a else None,
            "decay": a,
            "after": int(low_pass is None or low_pass.read == "after"),
        }

    def move(self, p, *, now=True):
        """Move the weights of a projection by its sums, and hold them in bounds."""
        learning = self.learning(p, now=now)
        kind = plasticity.move_filtered if learning["decay"] else plasticity.move
        yield self(
            plasticity.move_synaptic if self.sees_weight(p) else kind, **learning
        )
        if p.bounds is not None and p.clip == "weights":
            lower, upper = p.bounds
            n, weights = learning["n"], learning["weights"]
            yield self(plasticity.clip, n=n, weights=weights, lower=lower, upper=upper)

    def ties(self, moved, kind="weights"):
        """Set transposed weights from those they follow, where these have `moved`."""
        for p in self.circuit.projections:
            if p.tied_to is None or not p.tied_to.transpose or not moved(p):
                continue
            n_post, n_pre = self.circuit.shape(p.name)
            target, source = (
                self.replica(kind, p.name),
                self.replica(kind, p.tied_to.to),
            )
            yield self(
                ties.transpose,
                n_pre=n_pre,
                n_post=n_post,
                source=source,
                target=target,
                factor=p.tied_to.factor,
            )
            if p.tied_to.noise:
                noise = self.replica("noise", p.name)
                yield self(ties.add_noise, n=n_post * n_pre, noise=noise, target=target)

    def spikes_field(self, population) -> tuple:
        """Key of what decides the spikes of a population."""
        return "field", population, SPIKES
