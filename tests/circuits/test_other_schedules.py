"""Doors take a circuit's test schedule, whose phases its rules need not know."""

import numpy as np
import pytest
from naive_circuit import circuit, joined, layers, sources
from tiny_training import tiny_circuit, tiny_task

import circuits
from circuits import Phase
from circuits.algorithms import guerguiev, sacramento
from dendrites import ActivityDifference
from dendrites.errors import ModelError

SIZES = [6, 5, 3]
CIRCUITS = {
    "guerguiev": lambda: guerguiev(SIZES, test_duration=60.0),
    "guerguiev, fixed phases": lambda: guerguiev(SIZES, drawn=False),
    "sacramento": lambda: sacramento(SIZES, presentation=5.0, test_presentation=8.0),
    "two sweeps": lambda: sacramento(SIZES, form="two_sweep"),
}


def inputs(count=2):
    return {"input": np.random.default_rng(0).uniform(0.0, 1.0, (count, SIZES[0]))}


@pytest.mark.parametrize("kind", CIRCUITS)
def test_a_batch_of_test_presentations(kind):
    described = CIRCUITS[kind]()
    found = circuits.present(described, inputs(), described.test_schedule)
    (values,) = found.reads.values()
    assert values.shape == (2, SIZES[-1])
    assert np.isfinite(values).all()


@pytest.mark.parametrize("kind", [k for k in CIRCUITS if k != "two sweeps"])
def test_a_recorded_test_presentation(kind):
    described = CIRCUITS[kind]()
    tree = circuits.simulate(
        described, inputs(), ["output"], schedule=described.test_schedule
    )
    duration = sum(phase.duration for phase in described.test_schedule.phases)
    v = tree["populations/output"].v
    assert v.sizes["time"] == round(duration / described.dt)
    assert np.isfinite(v.values).all()


def test_learning_needs_the_phases_that_rules_read():
    described = CIRCUITS["guerguiev"]()
    with pytest.raises(ModelError, match="its rule reads phase 'target'"):
        circuits.present_sequence(
            described, inputs(), schedule=described.test_schedule, learning=True
        )


def test_a_rule_of_a_phase_without_window_is_told_what_to_do():
    rule = ActivityDifference("u", None, 0.1, moments=("shown", "shown"))
    with pytest.raises(ModelError, match="window") as caught:
        circuit(
            (*sources(("a",), 2), *layers(("x",), 2)),
            (joined("a", "x", "lead", rule=rule),),
            phases=(Phase("shown", 5.0, on=("a",)),),
        )
    for line in str(caught.value).splitlines():
        assert not line.rstrip().endswith("allowed:"), line


@pytest.mark.parametrize("form", ["continuous", "two_sweep"])
def test_a_probe_shows_updates_at_the_rates_they_are_made_at(form):
    # So slow that the weights stand still beside their rates.
    described = tiny_circuit(
        form=form, learning_rate=1e-7, **({"interneuron_rate": 1e-7})
    )
    norms = [
        circuits.train(
            described,
            tiny_task(12, 4),
            epochs=3,
            threads=1,
            probe=8,
            rate_decay=decay,
        )["diagnostics"].update_norm.values
        for decay in (1.0, 0.5)
    ]
    assert norms[0].shape[0] == 4
    np.testing.assert_allclose(norms[0][1:], norms[0][:-1], rtol=1e-4)
    # The update before the first epoch is made at the first epoch's rates.
    np.testing.assert_allclose(norms[1][0], norms[0][0], rtol=1e-4)
    ratios = norms[1][1:] / norms[0][1:]
    np.testing.assert_allclose(ratios[1:] / ratios[:-1], 0.5, rtol=1e-4)
