"""Sweeps as data: which products a population needs before it can settle.

A sweep lets populations go to their steady state one after the other. What each of
them needs - signals read, fields summed - follows from the projections, and nothing is
computed again whose sources have not moved since. The result is a table of operations
that one compiled loop works through (`circuits.engine.settle`).
"""

import numpy as np

from circuits.engine import tables as tb
from circuits.engine.shortcuts import is_alias


class SweepPlanner:
    """Operations of successive sweeps over one plan.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan):
        self.plan, self.circuit = plan, plan.circuit
        self._signals = set()  # rows whose values are those of the state
        self._fields = {}  # (population, input): names of the projections it sums

    def sweep(self, order, silent=()) -> np.ndarray:
        """Operations (n, 3) that settle the populations `order` one by one."""
        operations = []
        for name in order:
            row = self.plan.rows[name]
            inputs = self.circuit.model(name).inputs._fields
            for f in range(len(inputs)):
                self._sum_field(operations, name, f, silent)
            operations.append((tb.SETTLE_CELLS, row, 0))
            self.moved(name)
        return np.array(operations, np.int64).reshape(-1, 3)

    def moved(self, name: str) -> None:
        """Note that a population's state is no longer what it was."""
        row = self.plan.rows[name]
        own = self.plan.tables.signal[:, tb.OF] == row
        self._signals -= set(np.flatnonzero(own).tolist())
        self._drop_fields(p.name for p in self.circuit.projections if p.pre == name)

    def _drop_fields(self, projections):
        stale = set(projections)
        self._fields = {k: v for k, v in self._fields.items() if not stale & set(v)}

    def _sum_field(self, operations, name, f, silent):
        projections = [
            p
            for p in self.circuit.projections
            if p.post == name
            and self.circuit.model(name).inputs._fields[f] == p.field
            and p.name not in silent
        ]
        names = tuple(p.name for p in projections)
        if self._fields.get((name, f)) == names:
            return
        self._read_signals(operations, projections)
        rows = self.plan.projection_rows
        twin = self._scaled_field(projections)
        if twin:
            operations.append((tb.COPY_FIELD, rows[names[0]], rows[twin]))
        elif not projections:
            operations.append((tb.CLEAR_FIELD, self.plan.rows[name], f))
        else:
            writes = 1
            for base, members in self._by_weights(projections).items():
                if len(members) == 1:
                    operations.append((tb.MULTIPLY, rows[members[0].name], writes))
                else:
                    for k, p in enumerate(members):
                        operations.append((tb.COMBINE, rows[p.name], int(k == 0)))
                    operations.append((tb.MULTIPLY_COMBINED, rows[base], writes))
                writes = 0
        self._fields[name, f] = names

    def _read_signals(self, operations, projections):
        for p in projections:
            row = self._signal(p)
            if row not in self._signals:
                operations.append((tb.READ_SIGNAL, row, 0))
                self._signals.add(row)

    def _signal(self, p):
        row = self.plan.projection_rows[p.name]
        return int(self.plan.tables.projection[row, tb.SIGNAL])

    def _by_weights(self, projections):
        """Projections of one field, grouped by whose weights they use."""
        groups = {}
        for p in projections:
            groups.setdefault(p.tied_to.to if is_alias(p) else p.name, []).append(p)
        return groups

    def _scaled_field(self, projections):
        """A projection of a field that holds this field's sum but for a factor.

        Such a field is fed by the projections that these are tied to, all of them with
        one factor and from the same signals, and is up to date.
        """
        if not projections or not all(is_alias(p) for p in projections):
            return None
        others = [self.circuit.projection(p.tied_to.to) for p in projections]
        pairs = list(zip(projections, others, strict=True))
        same = (
            len({p.tied_to.factor for p in projections}) == 1
            and len({(q.post, q.field) for q in others}) == 1
            and all(self._signal(p) == self._signal(q) for p, q in pairs)
        )
        other = others[0]
        fields = self.circuit.model(other.post).inputs._fields
        summed = self._fields.get((other.post, fields.index(other.field)), ())
        if same and sorted(summed) == sorted(q.name for q in others):
            return other.name
        return None


def presentation_sweeps(plan, phases) -> dict[int, np.ndarray]:
    """Operations of the settled phases of a presentation, by number of the phase.

    Before the first of them, and after every stretch of time, all is computed anew.
    """
    result, planner, on = {}, SweepPlanner(plan), None
    for k, phase in enumerate(phases):
        if not phase.settle:
            planner = SweepPlanner(plan)
            continue
        for p in plan.circuit.populations:
            switched = on is not None and (p.name in on) != (p.name in phase.on)
            if p.model.clamped and switched:
                planner.moved(p.name)
        on = phase.on
        result[k] = planner.sweep(phase.settle, phase.silent)
    return result


def equilibrium_sweeps(plan) -> tuple[np.ndarray, np.ndarray]:
    """Operations of a first sweep over all cells, and of each further one.

    Populations settle in the order of the circuit.
    """
    planner = SweepPlanner(plan)
    order = [p.name for p in plan.circuit.populations if not p.model.constant]
    first = planner.sweep(order)
    # From the second sweep on the same signals are stale at the start of each.
    planner.sweep(order)
    return first, planner.sweep(order)


def streamed_phases(plan, schedule, sweeps) -> tuple[np.ndarray, ...]:
    """Settled phases of a schedule as `settle_presentations` takes them.

    Returns
    -------
    operations, phases, on, clamped : ndarray
    """
    names, columns = _columns(plan)
    parts = [sweeps[k] for k in range(len(schedule.phases))]
    ends = np.cumsum([len(part) for part in parts])
    phases = [
        (end - len(part), end, plan.windows.get(phase.name, -1))
        for part, end, phase in zip(parts, ends, schedule.phases, strict=True)
    ]
    on = [[int(name in phase.on) for name in names] for phase in schedule.phases]
    clamped = [(plan.rows[name], c) for name, c in zip(names, columns, strict=True)]
    return (
        np.concatenate(parts),
        np.array(phases),
        np.array(on, plan.dtype),
        np.array(clamped),
    )


def pattern_table(plan, patterns) -> np.ndarray:
    """Patterns of all clamped populations side by side, one row per sample."""
    names, columns = _columns(plan)
    width = sum(plan.circuit.population(name).size for name in names)
    table = np.empty((len(patterns[names[0]]), width), plan.dtype)
    for name, column in zip(names, columns, strict=True):
        n = plan.circuit.population(name).size
        table[:, column : column + n] = patterns[name]
    return table


def _columns(plan):
    """Clamped populations and their first columns in a table of patterns."""
    clamped = [p for p in plan.circuit.populations if p.model.clamped]
    starts = np.cumsum([0, *(p.size for p in clamped[:-1])])
    return [p.name for p in clamped], starts
