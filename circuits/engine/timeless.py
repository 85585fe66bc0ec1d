"""Lists of phases that take no time: cells settle, relax or advance.

Within a phase whose lists are run several times, what cells send that stand still is
computed the first time alone. Marks say where these lists begin while passes work on
everything that a presentation does.
"""

from dataclasses import replace

from circuits.engine.facts import SPIKES, switched, windows
from circuits.engine.operations import numbers, repeats
from circuits.engine.passes import redirected, without_repeats
from circuits.engine.steps import averages
from circuits.engine.sweeps import clamps, sweep


def timeless_phases(w, phases, columns, randoms, *, verified=False):
    """Phases without time one after the other, nothing computed twice.

    `verified` says whether to look if cells settled; see `sweeps.clamps` for `columns`.
    """
    made = []
    for phase in phases:
        on, held, perturbed = switched(w.circuit, phase)
        v = w.perturbing(perturbed)
        made += [*clamps(w, on, columns), *w.kept(held), *v.perturb(moving=False)]
        if phase.settle:
            named = phase.name if verified else None
            options = {"held": held, "verified": named, "randoms": randoms}
            made += sweep(v, phase.settle, phase.silent, **options)
            if any(w.circuit.model(name).random for name in phase.settle):
                made.append(w(repeats.count_step))
            made += averages(w, phase.name, numbers.copy_all)
        elif phase.relax:
            made += _relaxed(v, phase, held)
            made += averages(w, phase.name, numbers.copy_all)
        else:
            made += _advanced(v, phase, held, randoms)
    return _folded(without_repeats(w, made))


def _folded(operations):
    """Lists behind marks become those of the operation that runs them."""
    result, lists = [], None
    for o in operations:
        if o.kind is repeats.FIRST:
            lists = {"first": [], "again": []}
            part = lists["first"]
        elif o.kind is repeats.AGAIN:
            part = lists["again"]
        elif o.kind is repeats.repeat:
            result.append(replace(o, inner=(*lists.items(), *o.inner)))
            lists = None
        elif lists is not None:
            part.append(o)
        else:
            result.append(o)
    return result


# --- relaxing -------------------------------------------------------------------------


def _relaxed(w, phase, held):
    """Sweeps in which all populations make a step at once."""
    one = list(_sweep_at_once(w, phase, held))
    allowed, stops = 0.0, phase.tolerance is not None
    if stops:
        allowed = phase.tolerance * phase.step
    yield w(repeats.FIRST)
    yield from one
    yield w(repeats.AGAIN)
    yield from one
    yield replace(
        w(
            repeats.repeat,
            times=phase.sweeps,
            step=phase.step,
            allowed=allowed,
            sweeps=w.lane("sweeps", phase.name) if stops else None,
            total=w.lane("all sweeps", phase.name) if stops else None,
            moves=w.lane("moves") if stops else None,
            **_NOWHERE,
        ),
        inner=(("worst", list(_worst(w, phase)) if stops else []),),
    )


# Where lists lie and how long they are is known when they become rows.
_NOWHERE = dict.fromkeys(
    ("first", "n_first", "again", "n_again", "worst", "n_worst"), 0
)


def _sweep_at_once(w, phase, held):
    moving, stops = phase.relax, phase.tolerance is not None
    for name in moving if stops else ():
        start = w.lane("start", name)
        yield w(numbers.copy_all, target=start, **w.state_of(name))
    keys = [key for key in w.layout.lane.of_kind("field") if key[1] in moving]
    needed = dict.fromkeys(
        (p.pre, p.signal) for key in keys for p in _reaching(w, key, phase.silent)
    )
    yield from (w.read(*signal) for signal in needed)
    for key in keys:
        yield from _sum(w, key, moving, phase.silent)
    for name in moving:
        if w.circuit.model(name).instantaneous:
            yield from w.moved("fill", name, held)
    for name in moving:
        yield from w.moved("step", name, held, stepper="euler")
    for name in moving if stops else ():
        moves = {"sweeps": w.lane("sweeps", phase.name), "moves": w.lane("moves")}
        yield w(repeats.find_moves, **_change(w, name), **moves)


def _worst(w, phase):
    """What moved most, in the status."""
    for name in phase.relax:
        yield w(
            repeats.find_worst,
            **_change(w, name),
            sweeps=w.lane("sweeps", phase.name),
            population=list(w.layout.sizes).index(name),
            phase=windows(w.layout.schedules).index(phase.name),
            step=phase.step,
        )


def _change(w, name):
    return {
        "n": w.layout.sizes[name],
        "variables": len(w.circuit.model(name).state._fields),
        "state": w.layout.state(name),
        "start": w.lane("start", name),
        "stride": w.layout.stride(name),
    }


# --- advancing ------------------------------------------------------------------------


def _advanced(w, phase, held, randoms):
    """Populations that make a step one after the other, as often as the phase says."""
    if phase.times == 1:
        # Nothing is left to be gained from what stands still.
        everything = tuple(w.layout.sizes)
        yield from _advance(w, phase, held, randoms, everything, numbers.copy_all)
        return
    yield w(repeats.FIRST)
    yield from _advance(w, phase, held, randoms, phase.advance, numbers.copy_all)
    yield w(repeats.AGAIN)
    yield from _advance(w, phase, held, randoms, phase.advance, numbers.add_all)
    none = dict.fromkeys(("sweeps", "total", "moves"))
    yield w(
        repeats.repeat, times=phase.times, step=0.0, allowed=0.0, **none, **_NOWHERE
    )
    window = w.layout.window(phase.name)
    total = window.stop - window.start
    yield w(repeats.divide, total=total, target=window.start, by=phase.times)


def _advance(w, phase, held, randoms, moving, kind):
    for name in phase.advance:
        model = w.circuit.model(name)
        for key in w.layout.lane.of_kind("field"):
            if key[1] != name or key[2] == SPIKES or key[2] in model.random:
                continue
            reaching = _reaching(w, key, phase.silent)
            yield from (w.read(p.pre, p.signal) for p in reaching)
            yield from _sum(w, key, moving, phase.silent)
        yield from randoms.of(w, w.circuit.population(name))
        if model.instantaneous:
            yield from w.moved("fill", name, held)
        yield from w.moved("step", name, held)
    yield w(repeats.count_step)
    yield from averages(w, phase.name, kind)


# --- fields ---------------------------------------------------------------------------


def _reaching(w, key, silent):
    return [
        p
        for p in w.circuit.projections
        if (p.post, p.field) == key[1:] and p.name not in silent
    ]


def _sum(w, key, moving, silent):
    """Sum an input field; what stands still meanwhile lies in its base."""
    reaching = _reaching(w, key, silent)
    still = [p for p in reaching if p.pre not in moving]
    rest = [p for p in reaching if p.pre in moving]
    if not (still and rest and w.choices.optimise):
        yield w.clear(key)
        yield from (w.product(p) for p in (*still, *rest))
        return
    base = ("base", *key[1:])
    yield w.clear(base)
    for p in still:
        yield redirected(w, w.product(p), target=w.lane(*base)).of(base)
    n, source, target = w.layout.sizes[key[1]], w.lane(*base), w.lane(*key)
    yield w(numbers.copy, n=n, source=source, target=target, slot=0).of(key)
    yield from (w.product(p) for p in rest)
