"""Operations of rules: factors, sums over samples, moved weights, ties."""

import numpy as np

from circuits.connectivity import Edges, OneToOne
from circuits.engine.facts import filter_factor, modulator_of
from circuits.engine.lists import Operation
from circuits.engine.operations import modulated, optimisers, outer, plasticity, ties
from circuits.engine.product_writer import ANY, shared_operations
from circuits.shared_weights import SharedWeights
from circuits.signs import limits


class WritesPlasticity:
    """The part of a `Writer` that writes how weights move."""

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
        post = self.circuit.population(p.post)
        return self(
            self.loops.factor(post.model, term.reads, tuple(post.parameters)),
            n=layout.sizes[p.post],
            teaching=teaching,
            baseline=baseline,
            gain=gain,
            stride=layout.stride(p.post),
            params=self.replica("params", p.post),
            factor=self.lane("factor", k, p.name),
            slot=int(p.rule.continuous),
        )

    def modulator(self, p) -> Operation:
        """What multiplies the filtered update of every postsynaptic cell."""
        layout, post = self.layout, self.circuit.population(p.post)
        reads = modulator_of(p, post.model), None, None
        state = layout.state(p.post)
        return self(
            self.loops.factor(post.model, reads, tuple(post.parameters)),
            n=layout.sizes[p.post],
            **dict.fromkeys(("teaching", "baseline", "gain"), state),
            stride=layout.stride(p.post),
            params=self.replica("params", p.post),
            factor=self.lane("modulator", p.name),
            slot=0,
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

    def outer(self, p, k, *, by_step=False, sums=None, first=None) -> Operation:
        """Sum factor times signal of a term over samples, and steps of a block.

        By default to the sums of the projection, where the first term begins them.
        """
        kind, index = outer.dense_outer, {}
        if isinstance(p.connectivity, OneToOne):
            kind = outer.pairs_outer
        elif isinstance(p.connectivity, Edges):
            kind, index = outer.sparse_outer, {"index": self.index(p)}
        elif isinstance(p.connectivity, SharedWeights):
            _, kind = shared_operations(p.connectivity)
            index = self.shared(p, kind)
        sums = self.lane("sums", p.name) if sums is None else sums
        first, by_step = int(k == 0 if first is None else first), int(by_step)
        return self(
            kind, **self.term(p, k), sums=sums, by_step=by_step, first=first, **index
        )

    def changes(self, p, state, *, slot=0) -> Operation:
        """Changes of all synapses by a rule that sees the weight, over all samples."""
        (term,) = self.layout.terms[p.name]
        key = p.pre, term.signal, term.signal_moment
        xi = self.replica("xi", p.name) if term.xi else None
        post = self.circuit.population(p.post)
        differing = tuple(post.parameters)
        return self(
            self.loops.synapse(post.model, p.rule.change, term.xi, differing),
            weights=self.replica("weights", p.name),
            state=state,
            stride=self.layout.stride(p.post),
            params=self.replica("params", p.post),
            signal=self.lane("signal", *key) if xi is None else xi,
            slot=slot and self.slot(*key),
            sums=self.lane("sums", p.name),
            **self.joined(p),
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
            "weight_decay": p.weight_decay,
            "sums": self.lane("sums", p.name),
            "filter": self.replica("filter", p.name) if a else None,
            "decay": a,
            "after": int(low_pass is None or low_pass.read == "after"),
        }

    def remembered(self, p) -> dict:
        """Operands of the optimiser of a projection; none without one."""
        optimiser = self.layout.optimisers[p.name]
        if optimiser is None or not optimiser.kept:
            return {}
        kept = {kind: self.replica(kind, p.name) for kind in optimiser.kept}
        return kept | vars(optimiser)

    def move(self, p, *, now=True):
        """Move the weights of a projection by its sums, and hold them in bounds."""
        learning = self.learning(p, now=now)
        kind = plasticity.move_filtered if learning["decay"] else plasticity.move
        if self.sees_weight(p):
            kind = plasticity.move_synaptic
        remembered = self.remembered(p)
        if remembered:
            kind = optimisers.move_adam
            if "velocity" in remembered:
                kind = optimisers.move_momentum
        if getattr(p.rule, "modulator", None) is not None:
            yield from self._modulated(p, learning)
        else:
            yield self(kind, **learning, **remembered)
        if p.bounds is not None and p.clip == "weights" or p.sign is not None:
            yield self.hold(p)

    def _modulated(self, p, learning):
        """Filter the sums of a step, and move weights by modulator times filter."""
        learning["modulator"] = self.lane("modulator", p.name)
        both = [
            self(modulated.filter_sums, **learning),
            self(modulated.move_modulated, **learning, **self.joined(p)),
        ]
        yield from both if learning["after"] else both[::-1]

    def hold(self, p, kind="weights") -> Operation:
        """Hold the weights of a projection in its bounds and on their side of 0."""
        weights, signs = self.replica(kind, p.name), p.sign
        if not isinstance(signs, np.ndarray):
            lower, upper = p.bounds if signs is None else limits(signs, p.bounds)
            n = self.layout.synapses[p.name]
            return self(plasticity.clip, n=n, weights=weights, lower=lower, upper=upper)
        lower, upper = p.bounds or ANY
        return self(
            plasticity.hold_signs,
            weights=weights,
            lower=lower,
            upper=upper,
            signs=self.loops.integers(("signs", p.name), lambda: signs),
            **self.joined(p),
        )

    def ties(self, moved, kind="weights"):
        """Set tied weights from those they follow, where these have `moved`."""
        for p in self.circuit.projections:
            if p.tied_to is None or p.tied_to.is_alias or not moved(p):
                continue
            n, target = self.layout.synapses[p.name], self.replica(kind, p.name)
            yield from self._tie(p, kind, target)
            if p.tied_to.times is not None:
                times = self.replica("times", p.name)
                yield self(ties.multiply, n=n, times=times, target=target)
            if p.tied_to.noise:
                noise = self.replica("noise", p.name)
                yield self(ties.add_noise, n=n, noise=noise, target=target)

    def _tie(self, p, kind, target):
        """The weights that p follows, transposed and through a function if it says so.

        Those of one-to-one projections and shared ones are their own transpose.
        """
        tied, n = p.tied_to, self.layout.synapses[p.name]
        both = {"source": self.replica(kind, tied.to), "target": target}
        both["factor"] = tied.factor
        if tied.transpose and isinstance(p.connectivity, Edges):
            factor = tied.factor if tied.function is None else 1.0
            order = self.loops.integers(("order", p.name), lambda: self._order(p))
            yield self(ties.gather, n=n, order=order, **{**both, "factor": factor})
            if tied.function is None:
                return
            both["source"] = target
        flat = not (tied.transpose and p.is_dense)
        n_post, n_pre = (n, 1) if flat else self.circuit.shape(p.name)
        if tied.function is not None:
            loop = self.loops.tie(tied.function)
            both["transposed"] = int(not flat)
            yield self(loop, n_pre=n_pre, n_post=n_post, **both)
        elif flat:
            yield self(ties.scale, n=n, **both)
        else:
            yield self(ties.transpose, n_pre=n_pre, n_post=n_post, **both)

    def _order(self, p):
        """For each synapse of a sparse projection the one that it follows, transposed.

        By numbers of the weights that they lie in.
        """
        other = self.circuit.projection(p.tied_to.to)
        numbers = np.arange(self.layout.synapses[other.name])
        shape = self.circuit.shape(other.name)
        return p.connectivity.flatten(other.connectivity.unflatten(numbers, *shape).T)
