"""Lists of a stretch of time: what every step does, in which order.

Within a step everything is computed from the state that the step began with: signals,
fields, draws, algebraic compartments, factors of rules, and only then the new state.
What arrives without delay is read after its cells have stepped and before those that
receive it are filled; factors of a cell are computed when all its fields are complete.
"""

import math

import numpy as np

from circuits.engine.facts import SPIKES
from circuits.engine.lists import Lists
from circuits.engine.operations import checks, draws, numbers
from circuits.engine.plasticity import collect, factors, predict, products, starts
from circuits.engine.signals import LATE, SECOND
from circuits.engine.writer import Writer
from dendrites.activity_difference import NOW
from dendrites.random import stream_key


def step_lists(
    w: Writer, randoms, *, on=None, window=None, given=None, held=()
) -> Lists:
    """Lists of a stretch in which nothing is switched.

    Parameters
    ----------
    randoms : Randoms
    on : mapping of clamped populations that are on to amplitudes
    window : str, optional
        Phase in whose window the state is averaged.
    given : mapping to columns of the span, see `circuits.engine.given.Given`
    held : pairs of population and variables that keep their values
    """
    lists, c, layout = Lists(), w.circuit, w.layout
    step, given, on = lists.step, given or {}, on or {}
    lists.enter += w.perturb(moving=False)
    lists.enter += [w.read(*key) for key in _signals(w, constant=True)]
    for name in layout.driven:
        if name in on:
            shown = {"n": layout.sizes[name], "state": layout.state(name)}
            shown |= {"given": given[name], "amplitude": on[name]}
            step.append(w(numbers.show_waveform, **shown))
    step += [w.read(*key) for key in _signals(w, constant=False)]
    step += [_delay(w, key, slots) for key, slots in w.signals.lines.items()]
    step += w.presynaptic_traces()
    step += _fields(w, NOW)
    step += randoms.operations(w, given)
    late = {p.post for p in c.projections if layout.delay(p) == 0}
    early = [name for name in c.update_order if name not in late]
    step += _fill(w, early, held)
    if c.stepper == "heun":
        step.append(copy_states(w))
    for name in early:
        step += [*starts(w, name), *factors(w, name)]
    for name in c.update_order:
        if name in late:
            step += [*_arrivals(w, name), *_fill(w, (name,), held)]
            step += [*starts(w, name), *factors(w, name)]
        step += _step(w, name, held)
        step += [*w.own_traces(name), *w.presynaptic_traces(name)]
    if c.stepper == "heun":
        again = dict.fromkeys((p.pre, p.signal) for p in c.projections)
        moving = [key for key in again if not layout.is_constant(key[0])]
        step += [w.read(*key, SECOND) for key in moving]
        step += [*_fields(w, SECOND), *_fill(w, c.update_order, held)]
        step += [o for name in c.update_order for o in _step(w, name, held)]
        states, start = layout.states, layout.lane.stretch("start").start
        total = states.stop - states.start
        step.append(
            w(numbers.mean_of_stages, total=total, state=states.start, start=start)
        )
    if window is not None:
        step += averages(w, window)
    lists.predict += [*predict(w), *w.perturb(moving=True)]
    lists.collect += collect(w)
    lists.move += [o for p in w.acting() for o in w.move(p)] + [*w.ties(w.moves)]
    return lists


def _signals(w, *, constant):
    """Signals that products and rules need, of what stands still or of what moves."""
    needed = {}
    for p in w.circuit.projections:
        if w.layout.delay(p) > 0:
            needed[p.pre, p.signal] = None
        for term in w.layout.terms[p.name] if p.tied_to is None and w.moves(p) else ():
            needed[p.pre, term.signal] = None
    return [key for key in needed if w.layout.is_constant(key[0]) == constant]


def _delay(w, key, slots):
    return w(
        numbers.delay,
        n=w.layout.sizes[key[0]],
        source=w.lane("signal", *key, NOW),
        slot=w.slot(*key, NOW),
        line=w.lane("line", *key),
        slots=slots,
        stride=w.layout.stride(key[0]),
    )


def _fields(w, when):
    """All input fields: cleared, and the products that reach them, constant ones first.

    What stands still has no second stage.
    """
    for key in w.layout.lane.of_kind("field"):
        reaching = [p for p in w.circuit.projections if (p.post, p.field) == key[1:]]
        behind = key[1:] in w.layout.traces.behind
        if reaching:
            yield w.clear(("arrived", *key[1:]) if behind else key)
        early = [p for p in reaching if w.layout.delay(p) > 0]
        for p in sorted(early, key=lambda p: not is_constant_input(w, p)):
            yield w.product(p, NOW if w.layout.is_constant(p.pre) else when)
        if behind and early == reaching:
            yield from w.trace_behind(*key[1:])


def is_constant_input(w, p) -> bool:
    """Whether what a projection carries stands still within a stretch."""
    still = w.layout.is_constant(p.pre) and w.layout.delay(p) <= 1
    return still and w.layout.traces.of(p) is None


def _arrivals(w, name):
    """What reaches a population without delay."""
    late = [p for p in w.circuit.projections if w.layout.delay(p) == 0]
    late = [p for p in late if p.post == name]
    for p in late:
        if w.layout.traces.of(p) is None or w.layout.traces.is_behind(p):
            yield w.read(p.pre, p.signal, LATE)
        yield w.product(p, LATE)
    for field in dict.fromkeys(p.field for p in late if w.layout.traces.is_behind(p)):
        yield from w.trace_behind(name, field)


def _fill(w, names, held):
    filled = [name for name in names if w.circuit.model(name).instantaneous]
    return [o for name in filled for o in w.moved("fill", name, held)]


def _step(w, name, held):
    if w.circuit.model(name).constant:
        return []
    return [*w.moved("step", name, held)]


def copy_states(w):
    """Keep all states that a step begins with."""
    states, start = w.layout.states, w.layout.lane.stretch("start").start
    total = states.stop - states.start
    return w(numbers.copy_all, total=total, source=states.start, target=start)


def averages(w, window, kind=numbers.add_all):
    """Add to everything that is averaged in a window, or set it.

    Once for every moment of the window; what lies in `Layout.window` is divided by
    their number when the presentation ends. With passes only what something reads;
    variables that lie beside each other in one operation.
    """
    layout, stretches = w.layout, []
    for p in w.circuit.populations:
        read = layout.averaged[window, p.name]
        for field in p.model.state._fields:
            if w.choices.optimise and field not in read:
                continue
            first = layout.state(p.name, field)
            if not stretches or stretches[-1][1] != first:
                stretches.append([first, first, []])
            stretches[-1][1] += layout.stride(p.name)
            stretches[-1][2].append(f"{p.name}.{field}")
    states = layout.states
    shift = w.lane("average", window, w.circuit.populations[0].name) - states.start
    for first, last, names in stretches:
        total = last - first
        whole = total == states.stop - states.start
        note = "" if whole else f" ({', '.join(names)})"
        operands = {"total": total, "source": first, "target": first + shift}
        yield w(kind, note=note, **operands)
    yield from products(w, window, kind)


def check_states(w):
    """Whether all states are finite."""
    for k, p in enumerate(w.circuit.populations):
        yield w(
            checks.check_state,
            n=p.size,
            variables=len(p.model.state._fields),
            state=w.layout.state(p.name),
            stride=w.layout.stride(p.name),
            limit=float(p.model.limit),
            population=k,
        )


class Randoms:
    """Random input fields and spikes of a circuit, and where their numbers come from.

    Parameters
    ----------
    circuit : Circuit
    seed : int
    stream : str
        Runs of one seed with different names have different random inputs.
    forced : tuple of str
        Populations whose spikes are given.
    """

    def __init__(self, circuit, seed, stream, forced):
        self._forced, self._keys = forced, {}
        for p in circuit.populations:
            for name in p.model.random:
                self._keys[p.name, name] = "/".join(
                    filter(None, (stream, "noise", p.name, name))
                )
            self._keys[p.name] = "/".join(filter(None, (stream, "spikes", p.name)))
        self._keys = {key: stream_key(seed, text) for key, text in self._keys.items()}

    def operations(self, w, given):
        """Fill the random fields, and what decides spikes."""
        for p in w.circuit.populations:
            yield from self.of(w, p, given)

    def of(self, w, p, given=None):
        """The same of one population; `given` says where forced spikes are."""
        for name, kind in p.model.random.items():
            key = self._keys[p.name, name]
            yield self._draw(w, p, kind, w.lane("field", p.name, name), key)
        if p.name in self._forced:
            target = w.lane(*w.spikes_field(p.name))
            column = given[SPIKES, p.name]
            yield w(draws.force_spikes, n=p.size, target=target, given=column)
        elif p.model.draws_spikes:
            target = w.lane(*w.spikes_field(p.name))
            yield self._draw(w, p, "uniform", target, self._keys[p.name])

    def _draw(self, w, p, kind, target, key):
        white = 1.0 / math.sqrt(w.layout.dt)
        operands = {"key0": key[0], "key1": key[1], "n": p.size, "target": target}
        operands["scale"] = white if kind == "white" else 1.0
        kinds = draws.draw_normal, draws.draw_shared_normal
        if kind == "uniform":
            kinds = draws.draw_uniform, draws.draw_shared_uniform
        if p.noise is None:
            return w(kinds[0], **operands)
        streams, own = np.unique(p.noise, return_inverse=True)
        address = w.loops.integers(
            ("streams", p.name), lambda: np.concatenate([streams, own])
        )
        operands |= {"count": len(streams), "largest": int(streams.max()) + 1}
        return w(kinds[1], streams=address, drawn=w.lane("scratch"), **operands)
