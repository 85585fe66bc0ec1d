"""States of the cells in lanes between presentations: reset, carried over, clamped.

A list of lanes holds pairs (arena, samples it shows).
"""

from circuits.engine import tables as tb


def reset_states(plan, lanes, clocks) -> None:
    """Bring all cells to the default state of their models.

    `clocks` are the steps that each lane's cells have made since.
    """
    clocks[: len(lanes)] = 0
    _set_defaults(plan, lanes)


def _set_defaults(plan, lanes):
    for lane, m in lanes:
        lane[plan.carried] = 0
        if plan.rests_at_zero:
            continue
        for p in plan.circuit.populations:
            state = plan.state_of(lane, p.name, m)
            defaults = p.model.state._field_defaults
            for v, field in enumerate(p.model.state._fields):
                state[v] = defaults.get(field, 0.0)


def relay_states(plan, lanes, shown) -> None:
    """Lay carried states out for this batch's size; new samples start afresh.

    `shown` are the samples that each lane's state is laid out for.
    """
    for (lane, m), before in zip(lanes, shown, strict=False):
        if m == before:
            continue
        carried = [view.copy() for view in _carried(plan, lane, before)]
        # Places in delay lines are those of the samples that go on.
        _set_defaults(plan, [(lane, m)])
        kept = min(m, before)
        for view, old in zip(_carried(plan, lane, m), carried, strict=True):
            view[:, :kept] = old[:, :kept]


def _carried(plan, lane, samples):
    """Views (any, samples, n) of all states and delay lines."""
    for p in plan.circuit.populations:
        yield plan.state_of(lane, p.name, samples)
    for row in plan.tables.signal:
        n = plan.tables.population[row[tb.OF], tb.SIZE]
        slots, start = row[tb.SLOTS], row[tb.LINE]
        yield lane[start : start + slots * samples * n].reshape(slots, samples, n)


def clamp_states(plan, lanes, patterns, on) -> None:
    """Let the clamped populations in `on` show their patterns, the others nothing."""
    start = 0
    for lane, m in lanes:
        for p in plan.circuit.populations:
            if not p.model.clamped:
                continue
            state = plan.state_of(lane, p.name, m)
            shown = p.name in on
            state[0] = patterns[p.name][start : start + m] if shown else 0.0
            state[1] = 1.0 if shown else 0.0
        start += m
