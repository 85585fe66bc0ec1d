"""Lists of sweeps: populations that settle one after the other, in no time."""

from circuits.engine.facts import windows
from circuits.engine.operations import checks, numbers
from circuits.engine.passes import without_repeats
from circuits.engine.plasticity import collect, factors
from circuits.engine.steps import copy_states
from circuits.engine.writer import Writer

# Largest move of a settled variable in a step of its own, relative to it or to 1.
TOLERANCE = {"float64": 1e-6, "float32": 1e-3}


def clamps(w: Writer, on, columns):
    """Let clamped populations show their patterns times amplitudes, others nothing.

    `on` holds pairs of population and amplitude; `columns` says for each where its
    pattern begins in a row, and how long rows are.
    """
    starts, width = columns
    on = dict(on)
    for name, column in starts.items():
        yield w(
            numbers.clamp,
            n=w.layout.sizes[name],
            state=w.layout.state(name),
            stride=w.layout.stride(name),
            column=column,
            width=width,
            on=(amplitude := on.get(name, 0.0)),
            note={1.0: "", 0.0: " to nothing"}.get(amplitude, f" times {amplitude:g}"),
        )


def sweep(w: Writer, order, silent=(), *, held=(), verified=None, randoms=None):
    """Settle the populations `order` one by one, each with all it needs.

    `randoms` fills random fields, where there are any.
    `verified` is the phase of which it is to be said that a population did not.
    """
    for name in order:
        for key in w.layout.lane.of_kind("field"):
            if key[1] == name and key[2] not in w.circuit.model(name).random:
                yield from _field(w, key, silent)
        if randoms is not None:
            yield from randoms.of(w, w.circuit.population(name))
        yield from _settle(w, name, held)
        if verified is not None:
            phase = windows(w.layout.schedules).index(verified)
            yield from residual(w, name, held, phase)


def _settle(w, name, held):
    if name in dict(held) and w.circuit.model(name).instantaneous:
        # What settles must see the held values, not those that fill it.
        yield from w.moved("fill", name, held)
        yield from w.moved("settle as filled", name, held)
    else:
        yield from w.moved("settle", name, held)


def _field(w, key, silent):
    yield w.clear(key)
    for p in w.circuit.projections:
        if (p.post, p.field) == key[1:] and p.name not in silent:
            yield w.read(p.pre, p.signal).of(key)
            yield w.product(p)


def residual(w, name, held=(), phase=-1):
    """Whether a settled population stays where it is in a step of its own."""
    model, later = w.circuit.model(name), w.lane("state a step later")
    yield w(numbers.copy_all, target=later, **w.state_of(name))
    for loop in ("fill", "step") if model.instantaneous else ("step",):
        yield from w.moved(loop, name, held, stepper="euler", state=later)
    yield w(
        checks.check_settled,
        n=w.layout.sizes[name],
        variables=len(model.state._fields),
        state=w.layout.state(name),
        stepped=later,
        stride=w.layout.stride(name),
        tolerance=TOLERANCE[w.layout.dtype.__name__],
        population=list(w.layout.sizes).index(name),
        phase=phase,
    )


def equilibrium_sweeps(w, held=()):
    """A first sweep over all cells, and each further one with its largest move.

    From the second sweep on the same signals are stale at the start of each.
    """
    order = [p.name for p in w.circuit.populations if not p.model.constant]
    one, states = list(sweep(w, order, held=held)), w.layout.states
    three = without_repeats(w, [*one, copy_states(w), *one, copy_states(w), *one])
    marks = [k for k, o in enumerate(three) if o.kind is numbers.copy_all]
    first, again = three[: marks[0] + 1], three[marks[1] + 1 :]
    total, before = states.stop - states.start, w.layout.lane.stretch("start").start
    moved = w(checks.largest_move, total=total, state=states.start, before=before)
    return first, [*again, moved]


def gather(w):
    """Factors, signals and sums of one step at a fixed point."""
    acting = w.acting()
    needed = {
        (p.pre, term.signal): None for p in acting for term in w.layout.terms[p.name]
    }
    yield from factors(w)
    yield from (w.read(*key) for key in needed)
    if any(w.sees_weight(p) for p in acting):
        yield copy_states(w)
    yield from collect(w)
