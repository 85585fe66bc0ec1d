"""Operations of products: what a projection adds to an input field."""

import numpy as np

from circuits.connectivity import Edges, OneToOne
from circuits.engine.facts import holder, is_alias
from circuits.engine.lists import Operation
from circuits.engine.operations import images, numbers, products
from circuits.maps import SHARING
from circuits.shared_weights import Shared, SharedWeights
from dendrites.activity_difference import NOW

ANY = float("-inf"), float("inf")


class WritesProducts:
    """The part of a `Writer` that writes products."""

    def product(self, p, when=NOW) -> Operation:
        """Add the product of a projection to its input field.

        Of a traced field to what its trace is made of, if that lies behind the synapse.
        """
        trace, field = self.layout.traces.of(p), ("field", p.post, p.field)
        if trace is None or self.layout.traces.is_behind(p):
            operands = self.arriving(p.pre, p.signal, self.layout.delay(p), when)
            field = field if trace is None else ("arrived", *field[1:])
        else:
            operands = {"signal": self.layout.traces.place(trace).trace, "dense": True}
        kind = "middle" if self.layout.predicts and self.moves(p) else "weights"
        kind = "perturbed" if self.perturbed(p) else kind
        return self.product_of(
            p,
            target=self.lane(*field),
            weights=self.replica(kind, holder(p)),
            **operands,
        ).of(field)

    def arriving(self, population, signal, delay, when=NOW) -> dict:
        """Operands of what finds a signal, in its slot or in its delay line."""
        key = population, signal
        if delay > 1:
            return {
                "slots": self.signals.lines[key],
                "delay": delay,
                "slot": 0,
                "stride": self.layout.stride(population),
                "signal": self.lane("line", *key),
            }
        return {
            "slot": self.slot(*key, when),
            "signal": self.lane("signal", *key, when),
        }

    def product_of(self, p, *, dense=False, **operands) -> Operation:
        """Add signals at one place times weights at another to numbers at a third.

        Signals may be `dense` though the projection carries spikes.
        """
        n_post, n_pre = self.circuit.shape(p.name)
        none = dict.fromkeys(("first", "slot", "slots", "stride", "delay"), 0)
        operands = {"n_pre": n_pre, "n_post": n_post, **none, **operands}
        operands["factor"] = p.tied_to.factor if is_alias(p) else 1.0
        kind, form = products.dense_product, (n_pre, n_post)
        bounded = p.clip == "readout" and p.bounds is not None
        if isinstance(p.connectivity, OneToOne):
            kind, form = products.pairs_product, (n_post,)
        elif isinstance(p.connectivity, Edges):
            kind, operands["index"] = products.sparse_product, self.index(p)
            form = f"{form}, {self.layout.synapses[p.name]} synapses"
        elif isinstance(p.connectivity, SharedWeights):
            kind, _ = shared_operations(p.connectivity)
            operands |= self.shared(p, kind)
            form = getattr(p.connectivity, "maps", form)
        elif self.circuit.is_event_driven(p.name) and (bounded or not dense):
            kind = products.events_product
            operands["lower"], operands["upper"] = p.bounds if bounded else ANY
            operands["found"] = self.lane("scratch")
        return self(kind, note=f" {form}", **operands)

    def index(self, p) -> int:
        """Address of the pattern of a sparse projection."""
        shape = self.circuit.shape(p.name)
        return self.loops.integers(
            p.name, lambda: p.connectivity.index(*shape), np.int32
        )

    def joined(self, p) -> dict:
        """Operands of what walks over synapses: which cells are joined."""
        n_post, n_pre = self.circuit.shape(p.name)
        return {
            "n_pre": n_pre,
            "n_post": n_post,
            "paired": int(isinstance(p.connectivity, OneToOne)),
            "index": self.index(p) if isinstance(p.connectivity, Edges) else 0,
        }

    def shared(self, p, kind) -> dict:
        """Operands that an operation of shared weights has besides the usual ones."""
        c, shape = p.connectivity, self.circuit.shape(p.name)
        n = self.layout.synapses[p.name]
        found = {"index": self.loops.integers(c, lambda: c.index(*shape)), "n": n}
        found["patches"] = self.lane("patches")
        return {name: found[name] for name in found if name in kind.signs}

    def clear(self, field) -> Operation:
        """Clear an input field, or the base of one."""
        n = self.layout.sizes[field[1]]
        return self(numbers.clear, n=n, target=self.lane(*field)).of(field)


def shared_operations(connectivity):
    """Kinds of operations for shared weights: a product, and what rules sum."""
    if isinstance(connectivity, Shared):
        return images.slots_product, images.slots_outer
    if getattr(connectivity, "of", connectivity).kind == SHARING:
        return images.convolution_product, images.convolution_outer
    return images.fields_product, images.fields_outer
