"""Text of the loops in which cells spike, behind the one in which they step.

They are loops of their own: whether a cell spikes branches, and would keep the rest
from being vectorised. What decides it lies behind the inputs of a cell: a uniform
number, or -1 minus a count that is given.
"""

from dendrites.compile import rows
from dendrites.compile.first_look import first_look
from dendrites.compile.live import written


def spikes_in_turn(text, model, cell, unread, listed):
    """Every cell after the other, or those in a list.

    Parameters
    ----------
    text : ModuleText
    model : CellModel
    cell : list of str
        Lines that give `cell` and `p` of cell i.
    unread : frozenset of str
        State fields that are left as they are.
    listed : bool
    """
    spike, fired = text.function(model.spike), text.function(model.fired)
    zero, one = text.number(0.0), text.number(1.0)
    decided = _decided(model)
    # Where the draw branches, what spikes do to sparse cells follows at once.
    after = [
        f"new = {fired}(cell, {decided}, p, dt)",
        *map(str.strip, written(text, model, f"{fired}(cell, count, p, dt)", unread)),
    ]
    if model.sparse and model.draws_spikes:
        after = _indented([f"if count == {zero}: continue", *after], 8)
    else:
        after = _firing(model, decided, zero, _indented([*cell, *after], 8))
    each = ["    for i in range(n):"]
    if listed:
        each = [
            f"    listed = at(lane, row[{rows.CELL_LISTED}])",
            "    for e in range(np.int64(listed[0])):",
            "        i = np.int64(listed[1 + e])",
        ]
    count = [f"u = {decided}", f"count = {_count(spike, zero, one)}"]
    return [
        *each,
        *_indented([*cell, *count, f"{decided} = count"], 8),
        *after,
    ]


def spikes_listed(text, model, cell, unread, listed):
    """Sparse cells, most of them by the first look of their rule, and who has fired.

    Arguments as those of `spikes_in_turn`. The list left is first that of cells which a
    first look does not find silent: it is made without branches.
    """
    spike, fired = text.function(model.spike), text.function(model.fired)
    zero, one = text.number(0.0), text.number(1.0)
    decided, look = _decided(model), first_look(text, spike)
    doubt = one
    if look is not None:
        doubt = f"{one} if u < {zero} else {zero} if silent else {one}"
    asked = [*cell, f"u = {decided}"]
    asked += [f"silent = {look}(cell, u, p, dt)"] if look is not None else []
    if listed:
        find = [
            f"    listed = at(lane, row[{rows.CELL_LISTED}])",
            "    for e in range(np.int64(listed[0])):",
            "        place = listed[1 + e]",
            "        i = np.int64(place)",
            *_indented([*asked, f"doubt = {doubt}"], 8),
            "        fired[1 + some] = place",
            f"        some += 0 if doubt == {zero} else 1",
        ]
    else:
        find = [
            "    for i in range(n):",
            *_indented([*asked, f"fired[1 + i] = {doubt}"], 8),
            "    for i in range(n):",
            "        doubt = fired[1 + i]",
            "        fired[1 + some] = i",
            f"        some += 0 if doubt == {zero} else 1",
        ]
    return [
        f"    fired = at(lane, row[{rows.CELL_FIRED}])",
        "    some = last = 0 * n",
        *find,
        "    for e in range(some):",
        "        place = fired[1 + e]",
        "        i = np.int64(place)",
        *_indented([*cell, f"u = {decided}"], 8),
        f"        count = {_count(spike, zero, one)}",
        f"        {decided} = count",
        f"        if count == {zero}: continue",
        f"        new = {fired}(cell, count, p, dt)",
        *written(text, model, f"{fired}(cell, count, p, dt)", unread),
        "        fired[1 + last] = place",
        "        last += 1",
        "    fired[0] = last",
    ]


def _decided(model):
    return f"field[{len(model.inputs._fields)} * stride + i]"


def _count(spike, zero, one):
    return f"-{one} - u if u < {zero} else {spike}(cell, u, p, dt)"


def _indented(lines, width):
    return [" " * width + line for line in lines]


def _firing(model, decided, zero, body):
    """Loop over cells that fire, or over all where silence matters.

    `decided` is the number of spikes of cell i.
    """
    if not model.sparse:
        return ["    for i in range(n):", *body]
    eight = [decided.replace("+ i]", f"+ first + {k}]") for k in range(8)]
    silent = " and ".join(f"{one} == {zero}" for one in eight)
    return [
        "    for first in range(0, n, 8):",
        # Most cells are silent: look at eight at once.
        f"        if first + 8 <= n and {silent}: continue",
        "        for i in range(first, min(first + 8, n)):",
        f"            if {decided} == {zero}: continue",
        *(f"    {line}" for line in body),
    ]
