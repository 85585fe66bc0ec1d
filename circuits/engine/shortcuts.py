"""Products that a step need not make twice, because weights are tied."""

from circuits.engine import tables as tb


def is_alias(projection) -> bool:
    """Whether weights lie in the place of those they are tied to."""
    return projection.tied_to is not None and not projection.tied_to.transpose


def add_shortcuts(c, rows, plain, constant) -> None:
    """Note in the rows of projections which products a step need not make.

    Parameters
    ----------
    c : Circuit
    rows : list of dict, one per projection, columns of the table
    plain : list of bool
        Which projections may be followed, see `tables.FOLLOWED`.
    constant : callable
        Whether what a population shows stands still; not if it follows a waveform.
    """
    fields = {}
    for k, p in enumerate(c.projections):
        fields.setdefault((p.post, p.field), []).append(k)
    moving = {
        place: [k for k in members if not constant(c.projections[k].pre)]
        for place, members in fields.items()
        if all(_is_usual(rows[k]) for k in members)
    }
    for place, members in moving.items():
        groups = {}
        for k in members:
            if c.projections[k].is_dense:
                groups.setdefault(rows[k][tb.WEIGHTS], []).append(k)
        for group in groups.values():
            for k in group if len(group) > 1 else ():
                rows[k][tb.LEADER] = group[0]
        others = [rows[k][tb.TIED_TO] for k in members]
        if not members or not all(is_alias(c.projections[k]) for k in members):
            continue
        there = c.projections[others[0]]
        place = (there.post, there.field)
        if place not in moving:
            continue
        # A constant input that is followed lies in the field but not in its base.
        followed = any(plain[k] for k in set(fields[place]) - set(others))
        same = (
            sorted(others) == moving[place]
            and len({c.projections[k].tied_to.factor for k in members}) == 1
            and all(
                rows[k][tb.SIGNAL] == rows[j][tb.SIGNAL]
                for k, j in zip(members, others, strict=True)
            )
        )
        if same and not followed:
            for k in members:
                rows[k][tb.COPIED] = tb.SKIPPED
            rows[members[0]][tb.COPIED] = others[0]


def _is_usual(row):
    """Signals of another step, or that are mostly zero, are multiplied one by one."""
    return row[tb.DELAY] == 1 and row[tb.KIND] != tb.EVENTS
