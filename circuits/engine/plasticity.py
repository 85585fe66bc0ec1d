"""Lists of rules that act at every step."""

from circuits.engine.facts import is_alias
from circuits.engine.operations import numbers, plasticity

LARGEST_WEIGHT = 1e6


def factors(w, population=None):
    """The factors of all rules that act now, or of those of one population."""
    for p in w.acting():
        if population in (None, p.post) and not w.sees_weight(p):
            for k in range(len(w.layout.terms[p.name])):
                yield w.factor(p, k)
            if p.rule.modulator is not None:
                yield w.modulator(p)


def starts(w, population):
    """Keep the state that a step began with, for rules that see the weight."""
    if any(p.post == population and w.sees_weight(p) for p in w.acting()):
        target = w.lane("start", population)
        yield w(numbers.copy_all, target=target, **w.state_of(population))


def products(w, window, kind):
    """Add products of factor and signal, as they are now, to those of a window."""
    for p in w.circuit.projections:
        terms = enumerate(w.layout.terms[p.name])
        here = [(k, t) for k, t in terms if t.averaged and t.signal_moment == window]
        for k, term in here:
            signal = w.lane("signal", p.pre, term.signal, window)
            yield w.read_to(p.pre, term.signal, signal)
            yield w.factor(p, k)
            if kind is numbers.add_steps:
                n, factor = w.layout.stride(p.post), w.lane("factor", k, p.name)
                yield w(plasticity.repeat, n=n, sums=factor)
            first = kind is numbers.copy_all and k == here[0][0]
            sums = w.lane("average", window, p.name, "products")
            yield w.outer(p, k, sums=sums, first=first)


def predict(w, kind=plasticity.predict):
    """Weights in the middle of a block; `correct` looks at the sums found there."""
    if not w.layout.predicts:
        return
    for p in w.acting():
        if kind is plasticity.predict or not w.sees_weight(p):
            yield w(kind, middle=w.replica("middle", p.name), **w.learning(p))
            if p.sign is not None:
                yield w.hold(p, "middle")
    yield from w.ties(w.moves, "middle")


def collect(w):
    """Sums of a block, in a lane."""
    for p in w.acting():
        if w.sees_weight(p):
            yield w.changes(p, w.lane("start", p.post), slot=1)
            continue
        constant = w.layout.is_constant(p.pre)
        for k in range(len(w.layout.terms[p.name])):
            if constant:
                factor = w.lane("factor", k, p.name)
                n = w.layout.sizes[p.post]
                yield w(plasticity.sum_steps, n=n, factor=factor)
            yield w.outer(p, k, by_step=not constant)


def repeat(w):
    """Sums of one step become those of a block."""
    for p in w.acting():
        if not w.sees_weight(p):
            n, sums = w.layout.synapses[p.name], w.lane("sums", p.name)
            yield w(plasticity.repeat, n=n, sums=sums)


def check_weights(w, moves, direct=(), *, checked=False):
    """Whether weights that move are finite.

    Of those that one signal has moved directly, only where it is not 0; none of these
    if they are `checked` where they move.
    """
    for p in w.circuit.projections:
        if not moves(p) or is_alias(p):
            continue
        common = {"weights": w.replica("weights", p.name), **limits(w, p)}
        if p not in direct or w.remembered(p):
            n = w.layout.synapses[p.name]
            yield w(plasticity.check_weights, n=n, **common)
        elif not checked:
            yield w(plasticity.check_moved, **w.term(p, 0), **common)


def limits(w, projection) -> dict:
    """Operands of what looks whether weights are finite."""
    place = w.circuit.projections.index(projection)
    return {"limit": weight_limit(projection), "projection": place}


def weight_limit(projection) -> float:
    """Size beyond which a weight has diverged: well beyond what its bounds allow."""
    bounds = [abs(b) for b in projection.bounds or () if abs(b) != float("inf")]
    return max([LARGEST_WEIGHT, *(2.0 * b for b in bounds)])
