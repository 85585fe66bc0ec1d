"""Lists of the end of a presentation: rules that read averaged cells, noise of ties.

A rule across phases acts once. Every factor reads the window-averaged cell of its
moment; sums of all lanes move the weights together. If one lane holds all samples, a
plain update goes to the weights at once.
"""

from typing import NamedTuple

from circuits.engine.operations import numbers, optimisers, outer, ties, traces
from circuits.engine.plasticity import check_weights, limits
from circuits.engine.writer import Writer
from circuits.weights import root_of_fan_in
from dendrites.random import stream_key


class Ends(NamedTuple):
    """Lists of the end of a presentation.

    `sum` and `carry` run in every lane, `move` between them on the weights; `check`
    looks at the weights that moved.
    """

    sum: list
    move: list
    carry: list
    check: list


def end_lists(w: Writer, seed: int, *, checked=False) -> Ends:
    """What rules across phases do, and ties with noise, when a presentation ends.

    With `checked`, weights that can be are looked at where they move, not by `check`.
    """

    def moves(p):
        return w.moves(p, now=False)

    moved = [p for p in w.circuit.projections if moves(p)]
    direct = [p for p in moved if _is_direct(w, p)]
    summed = [p for p in moved if p not in direct]
    others = [p for p in moved if p not in direct or w.remembered(p) or p.weight_decay]
    renewed = [
        field
        for field, reaching in w.layout.traces.behind.items()
        if any(p in others for p in reaching)
    ]
    sums = []
    for p in w.acting(now=False):
        for k in range(len(w.layout.terms[p.name])):
            sums += _term(w, p, k, p in direct, checked)
        if p in direct and (p.post, p.field) not in renewed:
            sums += _followed(w, p)
    own = [p for p in summed if p.tied_to is None]
    move = [o for p in own for o in w.move(p, now=False)]
    new = list(draws(w, seed, lambda p: moves(p) or w.moves(p)))
    move += [*new, *w.ties((lambda p: moves(p) or w.moves(p)) if new else moves)]
    carry = [o for field in renewed for o in w.renew_behind(*field)]
    check = check_weights(w, moves, direct, checked=checked)
    return Ends(sums, move, carry, [*check])


def start_list(w: Writer, seed: int) -> list:
    """Tied weights before the first presentation."""
    first = draws(w, seed, lambda p: True, redraw=False)
    return [*first, *w.ties(lambda p: True)]


def draws(w, seed, moved, *, redraw=True):
    """Draw the noise of tied weights anew, and what they are multiplied by."""
    for p in w.circuit.projections:
        if p.tied_to is None or not moved(p):
            continue
        n = w.layout.synapses[p.name]
        if p.tied_to.noise:
            key0, key1 = stream_key(seed, f"tied weights/{p.tied_to.to}")
            noise, size = w.replica("noise", p.name), p.tied_to.noise
            yield w(ties.draw_noise, n=n, noise=noise, size=size, key0=key0, key1=key1)
        if p.tied_to.redraw and redraw:
            root = root_of_fan_in(w.circuit, p, p.tied_to.times)
            low, high = p.tied_to.times.low / root, p.tied_to.times.high / root
            key0, key1 = stream_key(seed, f"times/{p.name}")
            times = {"times": w.replica("times", p.name), "low": low, "high": high}
            yield w(ties.draw_times, n=n, key0=key0, key1=key1, **times)


def _is_direct(w, p):
    """Whether an update is one product and nothing else."""
    remembered = w.remembered(p)
    simple = not remembered or ("velocity" in remembered and not remembered["nesterov"])
    return (
        w.choices.optimise
        and simple
        and w.choices.alone
        and p.tied_to is None
        and p.bounds is None
        and p.sign is None
        and len(w.layout.terms[p.name]) == 1
        and not w.layout.terms[p.name][0].averaged
        and not w.layout.terms[p.name][0].xi
        and not w.sees_weight(p)
        and w.outer(p, 0).kind is outer.dense_outer
    )


def _term(w, p, k, direct, checked):
    """Signal, factor and sum of one term."""
    terms = w.layout.terms[p.name]
    term = terms[k]
    if term.averaged:
        window = term.signal_moment
        if not any(t.averaged and t.signal_moment == window for t in terms[:k]):
            source = w.lane("average", window, p.name, "products")
            n, sums = w.layout.synapses[p.name], w.lane("sums", p.name)
            yield w(
                outer.add_products, n=n, source=source, sums=sums, first=int(k == 0)
            )
        return
    if not term.xi:
        yield w.read(p.pre, term.signal, term.signal_moment)
    if w.sees_weight(p):
        yield w.changes(p, w.layout.state(p.post, window=term.moments[0]))
        return
    yield w.factor(p, k, windowed=True)
    if term.xi:
        yield w.xi_outer(p, k)
        return
    if not direct:
        yield w.outer(p, k)
        return
    operands = {**w.learning(p, now=False), **w.term(p, k)}
    if remembered := w.remembered(p):
        yield w(optimisers.momentum_outer, **operands, **remembered)
    elif checked:
        yield w(outer.add_outer_checked, **operands, **limits(w, p))
    else:
        yield w(outer.add_outer, **operands)


def _followed(w, p):
    """What lies behind weights follows their update."""
    of = w.layout.traces
    if not of.is_behind(p):
        return
    operands = {**w.learning(p, now=False), **w.term(p, 0)}
    theirs, mine = of.place(of.of(p)).all, of.place_behind(p.post, p.field).all
    for source, target in zip(theirs, mine, strict=True):
        yield w(traces.carry_outer, traces=source, traced=target, **operands)


def resets(w):
    """All cells in the default states of their models."""
    states = w.layout.states
    total = states.stop - states.start
    yield w(numbers.fill_all, total=total, target=states.start, value=0.0)
    for p in w.circuit.populations:
        for name, value in p.model.state._field_defaults.items():
            if value:
                n, target = w.layout.stride(p.name), w.layout.state(p.name, name)
                yield w(numbers.fill_all, total=n, target=target, value=value)
