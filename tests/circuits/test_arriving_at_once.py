"""What arrives without delay is there before anything reads it."""

import numpy as np
import pytest
from naive_circuit import circuit, joined, layers, random_weights, sources
from naive_runs import ROUNDING, assert_same, both, shown_to

import circuits
from dendrites import ActivityDifference, LowPass, SynapticRule

N = 4
SEEN = ActivityDifference("seen", None, learning_rate=0.05)
FILTERED = ActivityDifference(
    "seen", None, learning_rate=0.2, low_pass=LowPass(3.0), batch="sum"
)
DRIVEN = (*sources(("a", "b"), N), *layers(("x", "y"), N))


@pytest.mark.parametrize("delay", [0, None])
@pytest.mark.parametrize("rule", [SEEN, FILTERED], ids=["now", "filter"])
@pytest.mark.parametrize("integrator", ["exact", "blocked"])
def test_a_rule_sees_what_fills_an_algebraic_compartment(integrator, rule, delay):
    described = circuit(
        DRIVEN,
        (
            joined("a", "x", "drive"),
            joined("x", "y", "arriving", delay=delay),
            joined("b", "y", "learning", "second", rule=rule),
        ),
    )
    options = {
        "integrator": integrator,
        **({"block": 1} if integrator != "exact" else {}),
    }
    assert_same(*both(described, waves=("b",), **options))


@pytest.mark.parametrize("delay", [0, None])
def test_a_rule_of_the_undelayed_projection_itself_sees_the_filled_compartment(delay):
    described = circuit(
        DRIVEN[:1] + DRIVEN[2:],
        (
            joined("a", "x", "drive"),
            joined("x", "y", "arriving", delay=delay, rule=SEEN),
        ),
    )
    assert_same(*both(described))


def product(weight, cell, pre, p):
    return cell.seen * pre


@pytest.mark.parametrize("delay", [0, None])
def test_a_synaptic_rule_sees_what_fills_an_algebraic_compartment(delay):
    def described(rule):
        return circuit(
            DRIVEN,
            (
                joined("a", "x", "drive"),
                joined("x", "y", "arriving", delay=delay),
                joined("b", "y", "learning", "second", rule=rule),
            ),
        )

    start = random_weights(described(SEEN))
    patterns, waveforms, _ = shown_to(described(SEEN), 1, ("b",))
    tree = circuits.simulate(
        described(SynapticRule(product, 0.05)),
        patterns,
        [],
        weights=start,
        learning=True,
        waveforms=waveforms,
    )
    _, wanted = both(described(SEEN), waves=("b",), batch=1)
    found = tree["connections/learning"].w.values[-1]
    assert np.abs(found - wanted["learning"]).max() < ROUNDING
    assert np.abs(found - start["learning"]).max() > 1e-2


def test_a_chain_without_delays_is_filled_from_its_first_cell_to_its_last():
    described = circuit(
        (*sources(("a",), N), *layers(("x", "y", "z"), N)),
        (
            joined("y", "z", "last", delay=0, signal="seen", rule=SEEN),
            joined("x", "y", "middle", delay=0, rule=SEEN),
            joined("a", "x", "drive"),
        ),
    )
    assert_same(*both(described, waves=("a",)))
