"""Changing an option changes the result or is refused: of every public door."""

import numpy as np
import pytest
from every_option import (
    algorithms_rows,
    circuits_rows,
    dendrites_rows,
    dendritic_rows,
    descriptions_rows,
    layered_rows,
    presenter_rows,
    relaxing_rows,
    rules_rows,
    sampled_rows,
    scalar_rows,
    target_rows,
)
from every_option.cells import KINDS, parameters_of
from every_option.doors import ACTS, REFUSED, ROUNDS, SAME, SHOWN
from every_option.plain_cells import course

import circuits
import dendrites
from dendrites.errors import DendritesError

DOORS = [
    *dendrites_rows.DOORS,
    *rules_rows.DOORS,
    *circuits_rows.DOORS,
    *presenter_rows.DOORS,
    *descriptions_rows.DOORS,
    *algorithms_rows.DOORS,
    *layered_rows.DOORS,
    *sampled_rows.DOORS,
    *scalar_rows.DOORS,
    *target_rows.DOORS,
    *dendritic_rows.DOORS,
    *relaxing_rows.DOORS,
]
ROOMS = (dendrites, dendrites.models, dendrites.rules, circuits, circuits.algorithms)
# What functions return, and what takes nothing but a run tree.
RESULTS = ("Alignment", "Epoch", "Piece", "Presented", "PresentedSequence", "validate")
ROWS = [
    pytest.param(
        door,
        option,
        row,
        id=f"{door.name}-{option}-{k}",
        marks=[pytest.mark.slow] if row.slow else [],
    )
    for door in DOORS
    for option, rows in door.rows.items()
    for k, row in enumerate(rows)
]


@pytest.mark.parametrize("door, option, row", ROWS)
def test_every_option_does_what_its_row_says(door, option, row):
    usual = door.result(**row.given)
    other = door.result(**row.given | {option: row.to})
    found = effect(usual, other)
    if row.effect == ROUNDS and found == SAME:
        return
    assert found == row.effect, other[1] if found == REFUSED else ""


def effect(usual, other):
    """What another value has done to a result."""
    if other[0] == REFUSED:
        return REFUSED
    if usual[0] != other[0]:
        return ROUNDS if usual[2] == other[2] else ACTS
    return SAME if usual[1] == other[1] else SHOWN


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_every_option_of_a_door_has_a_row(door):
    rows = {o for d in DOORS if d.function is door.function for o in d.rows}
    missing = set(door.options) - rows
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


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__)
def test_every_public_name_is_a_door(room):
    doors = {door.function for door in DOORS}
    missing = [
        name
        for name in room.__all__
        if callable(found := getattr(room, name))
        and name not in RESULTS
        and not _is_error(found)
        and found not in doors
    ]
    assert not missing, f"add a door for {missing}"


def _is_error(found):
    return isinstance(found, type) and issubclass(found, Exception)
