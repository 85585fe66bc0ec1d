"""Passes: operations replaced by cheaper ones that give the same.

Each works on lists and may be left out (`optimise=False`): what a circuit computes is
said by the lists before. Those of updates are in `updates`.
"""

from dataclasses import replace

from circuits.engine.facts import holder
from circuits.engine.operations import draws, images, numbers, products, repeats
from circuits.engine.signals import LATE
from circuits.engine.steps import is_constant_input

PRODUCTS = (
    products.dense_product,
    products.pairs_product,
    products.sparse_product,
    products.events_product,
    images.convolution_product,
    images.fields_product,
    images.slots_product,
)
# What gives something else each time, or marks a place.
ALWAYS = (
    draws.draw_normal,
    draws.draw_uniform,
    draws.draw_listed,
    draws.draw_shared_normal,
    draws.draw_shared_uniform,
    repeats.count_step,
    repeats.repeat,
    repeats.FIRST,
    repeats.AGAIN,
)


def simplify_fields(w, lists) -> None:
    """All passes over the fields of a stretch of steps, in their order."""
    hoist_constant_products(w, lists)
    lists.step[:] = share_weights(w, copy_fields(w, lists.step))
    for part in (lists.enter, lists.begin, lists.step):
        part[:] = write_first(part)
    read_in_place(w, lists)


def groups(operations):
    """Stretches of operations that help to sum one field: (its key or (), list)."""
    found = []
    for o in operations:
        if o.field and found and found[-1][0] == o.field:
            found[-1][1].append(o)
        else:
            found.append((o.field, [o]))
    return found


def hoist_constant_products(w, lists):
    """Products of what stands still are made once a stretch, or once a block.

    They lie in the base of a field, which every step begins with; or in the field
    itself, if nothing else reaches it.
    """
    step, hoisted, c = [], set(), w.circuit
    still = {holder(p) for p in c.projections if is_constant_input(w, p)}
    still -= {holder(p) for p in c.projections if not is_constant_input(w, p)}
    moving = {holder(p) for p in c.projections if w.moves(p)}
    late = {("field", p.post, p.field) for p in c.projections if not w.layout.delay(p)}
    for key, group in groups(lists.step):
        constant = [o for o in group if o.kind in PRODUCTS and o.projection in still]
        if not constant or group[0].kind is not numbers.clear:
            step += group
            continue
        rest = [o for o in group[1:] if o not in constant]
        whole = key if not rest and key not in late else ("base", *key[1:])
        if key not in hoisted:
            hoisted.add(key)
            moves = any(o.projection in moving for o in constant)
            into = lists.begin if moves else lists.enter
            into.append(w.clear(whole))
            target = w.lane(*whole)
            into += [redirected(w, o, target=target).of(whole) for o in constant]
        if whole != key:
            operands = {**group[0].operands, "source": w.lane(*whole), "slot": 0}
            step += [w(numbers.copy, **operands).of(key), *rest]
    lists.step[:] = step


def redirected(w, o, **operands):
    """The same operation with some other operands."""
    return w(o.kind, note=o.note, **{**o.operands, **operands})


def share_weights(w, operations):
    """Signals that reach one field through the same weights are summed first."""
    result = []
    for key, group in groups(operations):
        alike = {}
        for o in group:
            if o.kind is products.dense_product and not o.operands["slots"]:
                alike.setdefault(o.operands["weights"], []).append(o)
        for o in group:
            same = alike.get(o.operands.get("weights"), ())
            if len(same) < 2 or o not in same:
                result.append(o)
            elif o is same[0]:
                result += [made.of(key) for made in _combined(w, same)]
    return result


def _combined(w, same):
    place = w.lane("shared signal")
    for k, o in enumerate(same):
        yield w(
            numbers.combine,
            n=o.operands["n_pre"],
            source=o.operands["signal"],
            slot=o.operands["slot"],
            target=place,
            factor=o.operands["factor"],
            first=int(k == 0),
        )
    yield redirected(w, same[0], signal=place, slot=0, factor=1.0)


def _contents(group):
    """What a field sums besides its base, and by which factor; None if it is more."""
    sums = [o for o in group if o.kind not in (numbers.clear, numbers.copy)]
    factors = {o.operands["factor"] for o in sums if o.kind in PRODUCTS}
    if not sums or any(o.kind not in PRODUCTS for o in sums) or len(factors) > 1:
        return None, 0.0
    names = ("weights", "signal", "delay", "index")
    parts = (
        (o.kind.name, *(o.operands.get(name) or 0 for name in names)) for o in sums
    )
    return tuple(sorted(parts)), factors.pop()


def copy_fields(w, operations):
    """A field that is a factor times what another sums is copied from it.

    When all fields of a stage are complete.
    """
    first, result, waiting = {}, [], []
    for key, group in groups(operations):
        if not key:
            result += waiting
            first, waiting = {}, []
        contents, factor = _contents(group) if key else (None, 0.0)
        other, scale = first.get(contents, (None, 0.0))
        if other is not None and scale:
            result.append(group[0])
            base = w.lane("base", *other[1:])
            copied = _scaled(w, key, other, factor / scale, base=base)
            waiting.append(w(numbers.copy_scaled, **copied))
            continue
        if contents is not None:
            first[contents] = key, factor
        result += group
    return result + waiting


def _scaled(w, key, other, factor, **more):
    operands = {"n": w.layout.sizes[key[1]], "target": w.lane(*key), "factor": factor}
    return {"source": w.lane(*other), **operands, **more}


def read_in_place(w, lists):
    """A signal that is a variable is read where it lies, if only before it moves."""
    step = lists.step
    others = {
        key
        for part in vars(lists).values()
        if part is not step
        for o in part
        for key in o.reads
    }
    for copied in [o for o in step if o.kind is numbers.copy and not o.field]:
        (place,), source = copied.keys["target"], set(copied.keys["source"])
        kept = place in others or place[-1] == LATE
        if kept or copied.operands["slot"] or {key[0] for key in source} != {"state"}:
            continue
        begun = step.index(copied)
        later = range(begun + 1, len(step))
        moved = next((k for k in later if source & step[k].writes), len(step))
        using = [k for k, o in enumerate(step) if place in o.reads and k != begun]
        if any(step[k].kind not in PRODUCTS or not begun < k <= moved for k in using):
            continue
        old, new = copied.operands["target"], copied.operands["source"]
        for k in using:
            # Places of weights are of another arena, and may be the same number.
            signs, operands = step[k].kind.signs, step[k].operands.items()
            mine = {x: new for x, o in operands if o == old and signs.get(x) == "<"}
            made = redirected(w, step[k], **mine).of(step[k].field)
            step[k] = replace(made, note=f"{made.note}, read in place")
        del step[begun]


def write_first(operations):
    """The first product of a field writes it, so that it need not be cleared."""
    result, cleared = [], None
    for o in operations:
        mine = cleared is not None and o.field == cleared.field
        if mine and o.operands.get("target") == cleared.operands["target"]:
            if "first" in o.operands:
                o = replace(o, operands={**o.operands, "first": 1})
            else:
                result.append(cleared)
            cleared = None
        elif cleared is not None and not mine:
            result.append(cleared)
            cleared = None
        if o.kind is numbers.clear:
            cleared = o
        else:
            result.append(o)
    return result if cleared is None else [*result, cleared]


def without_repeats(w, operations):
    """All passes over lists that take no time, in their order."""
    if not w.choices.optimise:
        return operations
    return write_first(share_weights(w, skip_repeated(w, operations)))


def skip_repeated(w, operations):
    """Nothing is computed again whose sources have not moved since.

    A field that is a factor times another which is up to date is copied from it.
    """
    kept, memory = [], _Memory()
    for key, group in groups(operations):
        sums = [o for o in group if not key or key in o.writes]
        kept += [o for o in group if o not in sums and memory.is_new(o)]
        if memory.is_new(*sums):
            kept += memory.copied(w, key, sums) or sums
    return kept


class _Memory:
    """What was done with which versions of what is read and written."""

    def __init__(self):
        self._version, self._done, self._fields = {}, {}, {}

    def is_new(self, *operations):
        """Whether operations must be done; if so they count as done."""
        what = tuple(o.identity for o in operations)
        always = any(o.kind in ALWAYS for o in operations)
        reads = {key for o in operations for key in o.reads}
        writes = {key for o in operations for key in o.writes}
        if operations[0].field:
            reads -= writes  # a sum that begins with nothing
        known = self._done.get(what)
        still = not reads & writes and known == self._versions(reads | writes)
        if still and not always:
            return False
        for key in writes:
            self._version[key] = self._version.get(key, 0) + 1
        self._done[what] = self._versions(reads | writes)
        return True

    def _versions(self, keys):
        return {key: self._version.get(key, 0) for key in keys}

    def copied(self, w, key, sums):
        """The copy of a field with the same contents, if one is up to date."""
        contents, factor = _contents(sums) if key else (None, 0.0)
        based = any(o.kind is numbers.copy for o in sums)
        if contents is None or not factor or based:
            return None
        for other, (known, scale, versions) in self._fields.items():
            same = known == contents and other != key
            if same and self._versions(versions) == versions:
                made = _scaled(w, key, other, factor / scale, first=1, slot=0)
                return [w(numbers.combine, **made).of(key)]
        reads = {name for o in sums for name in o.reads}
        self._fields[key] = contents, factor, self._versions({key, *reads})
        return None
