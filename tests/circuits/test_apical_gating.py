"""Plasticity gated by the apical dendrite: its sign, and what two populations learn."""

import math
from typing import Annotated, NamedTuple

import numpy as np
import pytest

import circuits
from circuits import (
    Circuit,
    Constant,
    Phase,
    Population,
    Projection,
    Schedule,
    Uniform,
)
from dendrites.cell import CellModel
from dendrites.errors import ModelError
from dendrites.models import source
from dendrites.models.naud_sprekeler import naud_sprekeler
from dendrites.models.presynaptic import presynaptic
from dendrites.rules.gating import apical_gating

pytestmark = pytest.mark.nojit

RATE, LTD, TAU = 0.2, 0.6, 50.0


class State(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    pass


class Inputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0


def rate_unit():
    """Fires at its weighted basal input; the apical input reaches the rule alone."""

    def step(cell, inputs, p, dt):
        return State(inputs.basal, inputs.apical)

    return CellModel(
        "unit",
        State,
        Params,
        Inputs,
        step=step,
        reads={"rate": lambda cell, p: cell.soma},
    )


def changes(rule, pre, post, apical, *, duration=100.0):
    """Weight changes of one-to-one synapses on burst cells made to fire.

    `pre` and `post` are times, ms, by cell; `apical` is pA, by cell.
    """
    n = len(apical)
    pair = {"connectivity": "one_to_one"}
    circuit = Circuit(
        (
            Population("pre", presynaptic(tau_trace=TAU), n),
            Population("current", source(), n),
            Population("cell", naud_sprekeler(), n),
        ),
        (
            Projection("pre", "cell", "synapse", signal="spikes", rule=rule, **pair),
            Projection("current", "cell", "apical", initial=Constant(1.0), **pair),
        ),
        Schedule((Phase("all", duration, on=("pre", "current")),)),
        output="cell",
        readout="soma",
    )
    forced = {}
    for name, trains in (("pre", pre), ("cell", post)):
        times = np.array([t for train in trains for t in train], float)
        units = np.repeat(np.arange(n), [len(train) for train in trains])
        order = np.argsort(times, kind="stable")
        forced[name] = (times[order], units[order])
    tree = circuits.simulate(
        circuit,
        {"current": np.array(apical, float)},
        [],
        learning=True,
        forced_spikes=forced,
    )
    before, after = tree["connections/pre_to_cell_synapse"].w.values
    return after - before


def test_a_plateau_decides_the_sign_at_the_synapse_of_a_spike():
    # 1500 pA hold the dendrite in a plateau after 40 ms; 0 pA leave it near rest.
    rule = apical_gating(RATE, ltd=LTD)
    found = changes(rule, [[35.0]] * 2, [[45.0]] * 2, [1500.0, 0.0])
    trace = math.exp(-10.0 / TAU)
    wanted = [RATE * trace, -RATE * LTD * trace]
    # The trace is a product of 100 rounded factors.
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_nothing_changes_without_presynaptic_or_postsynaptic_spikes():
    rule = apical_gating(RATE, ltd=LTD)
    pre, post = [[], [35.0]] * 2, [[45.0], []] * 2
    found = changes(rule, pre, post, [1500.0, 1500.0, 0.0, 0.0])
    assert found.tolist() == [0.0] * 4


def test_a_spike_that_starts_the_plateau_comes_before_it():
    # 500 pA and two spikes: the first meets a dendrite near rest and starts the
    # plateau that the second one meets.
    rule = apical_gating(RATE, ltd=LTD)
    found = changes(rule, [[35.0]] * 2, [[45.0], [45.0, 55.0]], [500.0] * 2)
    first, second = math.exp(-10.0 / TAU), math.exp(-20.0 / TAU)
    wanted = [-RATE * LTD * first, RATE * (second - LTD * first)]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_without_the_firing_factor_the_plateau_alone_decides():
    # A postsynaptic cell that never fires, at rest: depression while the trace lasts.
    rule = apical_gating(RATE, ltd=LTD, firing=None)
    (found,) = changes(rule, [[35.0]], [[]], [0.0])
    decay = math.exp(-0.1 / TAU)
    # Read from the step after the spike on, 649 times.
    wanted = -RATE * LTD * 0.1 * decay * (1 - decay**650) / (1 - decay) / decay
    assert found == pytest.approx(wanted, rel=1e-11)


def test_a_graded_plateau_is_taken_as_it_is():
    def graded(cell, p):
        return 0.25

    (found,) = changes(
        apical_gating(RATE, ltd=LTD, plateau=graded), [[35.0]], [[45.0]], [0.0]
    )
    wanted = RATE * (0.25 - LTD * 0.75) * math.exp(-10.0 / TAU)
    assert found == pytest.approx(wanted, rel=1e-12)


def test_impossible_numbers_are_refused():
    for bad in (-1.0, math.nan, "1"):
        with pytest.raises(ModelError, match="apical_gating: ltd = "):
            apical_gating(RATE, ltd=bad)
    for bad in (math.inf, math.nan, "-20", None, True):
        with pytest.raises(ModelError, match="must be a threshold in mV"):
            apical_gating(RATE, plateau=bad)


# Two populations with correlated inputs

GROUP, PAIRS, HELD, PATTERNS = 5, 4, 5, 800
SHARE = 0.25  # of patterns in which a bit is 1


def two_areas(delay):
    """Populations a and b that gate each other; `delay` ms of the apical signals."""
    # A gate opens where the other cell sees the shared bit or its own private one.
    rule = apical_gating(0.002, plateau=0.4, firing=None, presynaptic="rate")
    basal = {
        "initial": Uniform(0.45 / GROUP, 0.55 / GROUP),
        "bounds": (0.05 / GROUP, 1.0 / GROUP),
        "rule": rule,
        "delay": 0.0,
    }
    other = {
        "delay": delay,
        "initial": Constant(1.0),
        "connectivity": "one_to_one",
    }
    return Circuit(
        (
            Population("input_a", source(), 2 * GROUP),
            Population("input_b", source(), 2 * GROUP),
            Population("a", rate_unit(), PAIRS),
            Population("b", rate_unit(), PAIRS),
        ),
        (
            Projection("input_a", "a", "basal", **basal),
            Projection("input_b", "b", "basal", **basal),
            Projection("b", "a", "apical", **other),
            Projection("a", "b", "apical", **other),
        ),
        Schedule((Phase("all", float(HELD * PATTERNS), on=("input_a", "input_b")),)),
        output="a",
        dt=1.0,
    )


def coherence_after_learning(delay):
    """Mean correlation of the outputs of partners, before and after learning."""
    rng = np.random.default_rng(0)
    bits = rng.random((3, PATTERNS)) < SHARE
    shown = [
        np.repeat(np.stack([bits[0], private], axis=1), GROUP, axis=1).astype(float)
        for private in bits[1:]
    ]
    tree = circuits.simulate(
        two_areas(delay),
        {},
        [],
        learning=True,
        waveforms={
            name: np.repeat(values, HELD, axis=0)
            for name, values in zip(("input_a", "input_b"), shown, strict=True)
        },
    )
    found = []
    for record in (0, 1):
        a, b = (
            values
            @ tree[f"connections/input_{name}_to_{name}_basal"].w.values[record].T
            for name, values in zip("ab", shown, strict=True)
        )
        pairs = [np.corrcoef(a[:, k], b[:, k])[0, 1] for k in range(PAIRS)]
        found.append(float(np.mean(pairs)))
    return found


# Of equal weights w_s, w_r at both groups it is w_s^2 / (w_s^2 + w_r^2), and the
# correlations of 800 patterns have a standard error of at most 0.035.
ERROR = 4 * 0.035


def test_outputs_become_coherent_where_partners_gate_each_other():
    before, after = coherence_after_learning(delay=None)
    assert abs(before - 0.5) < ERROR
    # Shared weights at the upper, private ones at the lower bound: 1 / (1 + 0.05^2).
    assert after == pytest.approx(1 / (1 + 0.05**2), abs=2e-3)


def test_outputs_do_not_become_coherent_with_the_gate_of_another_time():
    # Patterns are independent, so a gate 23.4 patterns late is a shuffled one.
    before, after = coherence_after_learning(delay=117.0)
    assert abs(before - 0.5) < ERROR
    assert abs(after - 0.5) < ERROR
