"""States of the cells in lanes between presentations: reset, carried over, clamped.

A list of lanes holds pairs (arena, samples it shows).
"""


def reset_states(plan, lanes) -> None:
    """Bring all cells to the default state of their models."""
    t = plan.tables
    for lane, m in lanes:
        lane[t.state : t.state + t.state_size] = 0
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
        names = [p.name for p in plan.circuit.populations]
        carried = {k: plan.state_of(lane, k, before).copy() for k in names}
        reset_states(plan, [(lane, m)])
        kept = min(m, before)
        for name in names:
            state = plan.state_of(lane, name, m)
            state[:, :kept] = carried[name][:, :kept]


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
