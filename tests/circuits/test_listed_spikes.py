"""Cells that fire are listed by their step, and products look the list up."""

from dataclasses import replace

import numpy as np
import pytest

import circuits
from circuits import Circuit, Phase, Population, Presenter, Projection, Schedule
from circuits.algorithms import guerguiev
from dendrites import models, rules
from dendrites.errors import NumericalError

WITHIN = {
    "bounds": (-0.2, 0.2),
    "clip": "readout",
    "rule": rules.target_rate_difference(2.0),
}


def at_once(cell, **options):
    """A source onto cells that send their spikes on without delay, to two others."""
    onward = {"signal": "spikes", "delay": 0.0}
    return Circuit(
        (
            Population(
                "input", models.spike_source(rate_scale=300.0), 9, pattern="inputs"
            ),
            Population("sender", cell, 13),
            Population("plain", models.guerguiev_output(memory=0), 3),
            Population("output", models.guerguiev_output(memory=4), 5),
        ),
        (
            Projection("input", "sender", "basal", **onward),
            Projection("sender", "plain", "basal", **onward),
            Projection("sender", "output", "basal", **onward, **WITHIN),
        ),
        Schedule(
            (
                Phase("forward", 9.0, on=("input",), window=4.0),
                Phase("target", 7.0, on={"input": 0.3}, window=3.0, **options),
            ),
            carry_state=True,
        ),
        readout="rate",
        dt=1.0,
    )


def shown(cell, *, samples=1, forced=None, dtype="float64", **options):
    """All states after each of some presentations."""
    presenter = Presenter(
        at_once(cell, **options),
        seed=3,
        batch=samples,
        dtype=dtype,
        forced=("sender",) if forced else (),
    )
    patterns = np.random.default_rng(0).random((6, samples, 9))
    found = []
    for pattern in patterns:
        given = {"forced_spikes": {"sender": forced}} if forced else {}
        presenter.present({"input": pattern}, **given)
        for name in ("sender", "plain", "output"):
            found += [presenter.read(name, x) for x in ("soma", "spikes", "psp")]
    return found


def assert_equal(one, other):
    assert max(np.abs(x).max() for x in one) > 0
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


CELL = models.guerguiev_hidden(memory=0, phi_max=0.9)
ALL = replace(CELL, sparse=False)  # no lists, and products look for spikes


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_lists_of_who_fired_change_nothing(samples, dtype, every_engine):
    options = {"samples": samples, "dtype": dtype}
    assert_equal(shown(CELL, **options), shown(ALL, **options))


def test_spikes_that_are_given_are_listed_too():
    times, cells = np.array([1.0, 1.0, 3.0, 8.0, 8.0]), np.array([0, 12, 5, 5, 5])
    one, other = (shown(cell, forced=(times, cells)) for cell in (CELL, ALL))
    assert_equal(one, other)


def test_spikes_that_a_phase_holds_are_sent_on_as_they_are_held():
    held = {"hold": {"sender": ("spikes",)}}
    assert_equal(shown(CELL, **held), shown(ALL, **held))


def test_a_rule_without_a_first_look_is_asked_of_all_cells():
    def spike(cell, u, p, dt):
        count = 0.0
        while u > 0.5 + count * 0.25:
            count += 1.0
        return count if cell.soma > 0.02 else 0.0

    cell = replace(CELL, spike=spike)
    assert_equal(shown(cell), shown(replace(cell, sparse=False)))


@pytest.mark.nojit
def test_products_of_what_has_just_fired_need_no_copy_of_spikes():
    text = circuits.explain(guerguiev([6, 5, 3]))
    assert "step hidden1 and list what fired" in text
    assert "times hidden1 to output.basal (arrived) where it fired" in text
    assert "hidden1.spikes (late)" not in text
    assert "where it fired" not in circuits.explain(
        guerguiev([6, 5, 3]), optimise=False
    )


def test_a_count_that_is_no_number_ends_the_run():
    cell = models.guerguiev_hidden(memory=0, phi_max=200.0)
    with pytest.raises(NumericalError):
        shown(cell)
