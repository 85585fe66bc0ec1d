"""Passes over updates: fewer walks over the weights of a projection."""

from circuits.engine.operations import modulated, outer, plasticity, products, single
from circuits.engine.operations.outer import SMALL_OUTER
from circuits.engine.steps import is_constant_input
from dendrites.activity_difference import NOW


def simplify_updates(w, lists) -> None:
    """All passes over the updates of a stretch of steps, for few or many samples."""
    exact = w.layout.block == 1 and not w.layout.predicts
    for p in w.acting():
        if p.name in w.layout.modulated:
            modulate_at_once(w, lists, p)
            continue
        plain = _is_plain(w, p)
        few = w.choices.single or (
            exact and w.layout.capacity < w.circuit.shape(p.name)[1]
        )
        if plain and w.choices.alone and few and is_constant_input(w, p):
            follow_constant_input(w, lists, p)
        elif plain and w.choices.single and exact:
            fuse_update(w, lists, p)
        elif w.choices.alone and not w.choices.single and exact:
            filter_at_once(w, lists, p)


def _is_plain(w, p):
    """Whether an update is one filtered product and nothing else looks at it."""
    terms = w.layout.terms[p.name]
    return (
        not w.sees_weight(p)
        and p.rule.low_pass is not None
        and [(t.signal, t.signal_moment) for t in terms] == [(p.signal, NOW)]
        and p.bounds is None
        and p.sign is None
        and p.perturbation is None
        and p.weight_decay == 0
        and w.layout.delay(p) == 1
        and w.layout.traces.of(p) is None
        and w.product(p).kind is products.dense_product
        and not any(q.tied_to and q.tied_to.to == p.name for q in w.circuit.projections)
    )


def _replace_product(lists, p, make):
    """Replace the first product of a projection in a step, and drop its updates."""
    for k, o in enumerate(lists.step):
        if o.projection == p.name and o.kind is products.dense_product:
            lists.step[k] = make(o.operands["target"]).of(o.field)
            break  # a second stage uses the weights as they are
    for part in (lists.predict, lists.collect, lists.move):
        part[:] = [o for o in part if o.projection != p.name]


def follow_constant_input(w, lists, p):
    """W x of a constant x advances without W; weights are set at the end."""
    followed = w.lane("product", p.name)
    operands = {**w.learning(p), **w.term(p, 0), "followed": followed}
    n = operands["n_post"]
    for _ in range(2 if w.circuit.stepper == "heun" else 1):
        _replace_product(
            lists,
            p,
            lambda target: w(
                single.add_followed, n=n, followed=followed, target=target, first=0
            ),
        )
    lists.enter.append(w(single.follow, **operands))
    lists.step.append(w(single.advance_followed, **operands))
    lists.leave.append(w(single.finish_followed, **operands))


def fuse_update(w, lists, p):
    """An update waits for the next product: one pass over the weights for both."""
    operands = {**w.learning(p), **w.term(p, 0)}
    operands["past"] = w.lane("signal before", p.name)

    def fused(target, last=0):
        return w(
            single.fused_product, target=target, first=last, finish=last, **operands
        )

    _replace_product(lists, p, fused)
    lists.leave.append(fused(w.lane("scratch"), last=1))


def modulate_at_once(w, lists, p):
    """A product, its filter and what the modulator makes of it in one pass."""
    summed = [o for o in lists.collect if o.projection == p.name]
    moves = [o for o in lists.move if o.projection == p.name]
    kinds = [o.kind for o in summed if o.kind is not plasticity.sum_steps]
    if kinds != [outer.dense_outer]:
        return
    # Behind the first two of them weights are held in bounds.
    operands = {**moves[0].operands, **w.term(p, 0)}
    k = lists.move.index(moves[0])
    lists.move[k : k + 2] = [w(modulated.modulated_outer, **operands)]
    lists.collect[:] = [o for o in lists.collect if o not in summed]


def filter_at_once(w, lists, p):
    """The filter of an update takes its matrix product without a sum in between."""
    summed = [o for o in lists.collect if o.projection == p.name]
    moved = [o for o in lists.move if o.projection == p.name]
    n_post, n_pre = w.circuit.shape(p.name)
    large = w.layout.capacity * n_pre * n_post >= SMALL_OUTER
    # A block of one step needs no sum over steps.
    kinds = [o.kind for o in summed if o.kind is not plasticity.sum_steps]
    filtered = moved[0].kind is plasticity.move_filtered
    if not large or kinds != [outer.dense_outer] or not filtered:
        return
    operands = {**w.learning(p), **w.term(p, 0)}
    both = [w(outer.filter_outer, **operands), w(outer.follow_filter, **operands)]
    lists.collect[:] = [o for o in lists.collect if o not in summed]
    k = lists.move.index(moved[0])
    lists.move[k : k + 1] = both if operands["after"] else both[::-1]
