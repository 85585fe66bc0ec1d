"""Changing an option changes the result or is refused: of every public door."""

import numpy as np
import pytest
from every_option import dendrites_rows, rules_rows
from every_option.cells import KINDS, parameters_of
from every_option.doors import ACTS, REFUSED, SAME, SHOWN
from every_option.plain_cells import course

from dendrites.errors import DendritesError

DOORS = [*dendrites_rows.DOORS, *rules_rows.DOORS]
ROWS = [
    pytest.param(door, option, row, id=f"{door.name}-{option}-{k}")
    for door in DOORS
    for option, rows in door.rows.items()
    for k, row in enumerate(rows)
]


@pytest.mark.parametrize("door, option, row", ROWS)
def test_every_option_does_what_its_row_says(door, option, row):
    usual = door.result(**row.given)
    other = door.result(**row.given | {option: row.to})
    assert effect(usual, other) == row.effect, other[1] if REFUSED in other else ""


def effect(usual, other):
    """What another value has done to a result."""
    if other[0] == REFUSED:
        return REFUSED
    if usual[0] != other[0]:
        return ACTS
    return SAME if usual[1] == other[1] else SHOWN


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_every_option_of_a_door_has_a_row(door):
    missing = set(door.options) - set(door.rows)
    assert not missing, f"{door.name}: add a row for {sorted(missing)}"
    assert not set(door.rows) - set(door.options), "rows of options that are gone"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_parameter_of_a_cell_acts_or_is_refused(kind):
    usual = course(kind.factory(**kind.options, **kind.given))
    assert np.isfinite(usual).all()
    inert = []
    for name in parameters_of(kind.factory):
        if name in kind.options:
            continue
        try:
            other = kind.factory(
                **kind.options, **kind.given | {name: _other(kind, name)}
            )
        except DendritesError:
            continue
        if np.array_equal(course(other), usual):
            inert.append(name)
    assert inert == []


def _other(kind, name):
    if name in kind.to:
        return kind.to[name]
    if name in kind.given:
        return 1.5 * kind.given[name]
    cell = kind.factory(**kind.options, **kind.given)
    value = getattr(cell.parameters, name, 0.0)
    return 1.25 * value if value > 0.0 else value + 1.25
