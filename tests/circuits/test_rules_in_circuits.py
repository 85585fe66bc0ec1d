"""Rules in circuits against hand-written NumPy, term by term."""

from dataclasses import replace

import numpy as np
import pytest
from systems import euler_three_compartment, logistic, run, two_populations

from circuits.population import Population
from circuits.projection import Projection, Tied
from circuits.schedule import Phase
from circuits.weights import initial_weights
from dendrites.activity_difference import ActivityDifference, LowPass
from dendrites.models import source, three_compartment
from dendrites.synaptic_rule import SynapticRule

pytestmark = pytest.mark.usefixtures("every_engine")

DT = 0.5
ROUNDING = 1e-13
CELLS = three_compartment(tau_soma=10.0, tau_dendrite=3.0)
WEIGHTS = np.random.default_rng(4).normal(0.0, 0.8, (3, 4))
INPUTS = np.random.default_rng(5).uniform(0.0, 1.0, (2, 4))


def difference(**options):
    options = {
        "teaching": "rate",
        "baseline": lambda cell, p: 0.5 * cell.basal,
        "learning_rate": 0.01,
        **options,
    }
    return ActivityDifference(**options)


def learnt(rule, inputs=INPUTS, *, steps=20, weights=WEIGHTS, block=1, **options):
    """Weights after one presentation of `steps` steps."""
    circuit = two_populations(steps=steps, dt=DT, rule=rule, **options)
    presenter = run(
        circuit, {"input": inputs}, weights={"feedforward": weights}, block=block
    )
    return presenter.weights()["feedforward"]


def euler_run(inputs, steps, update, weights=WEIGHTS):
    """Weights of a rule at every step: update(weights, states, x) moves them.

    `states` are soma and basal potentials (samples, n_post) from which the step starts.
    """
    p, weights = CELLS.parameters, weights.copy()
    soma, basal = np.zeros((2, len(inputs), len(weights)))
    for _ in range(steps):
        change = update(weights, soma, basal)
        drive = inputs @ weights.T
        pull = -soma + p.basal_coupling * (basal - soma) - p.apical_coupling * soma
        soma, basal = (
            soma + DT * pull / p.tau_soma,
            basal + DT * (drive - basal) / p.tau_dendrite,
        )
        weights += change
    return weights


def mean_product(error, inputs):
    return error.T @ inputs / len(inputs)


@pytest.mark.nojit
@pytest.mark.parametrize("batch", ["mean", "sum"])
def test_a_rule_without_filter_is_a_sum_over_steps(batch):
    def update(weights, soma, basal):
        share = 1.0 if batch == "mean" else len(INPUTS)
        error = logistic(soma) - 0.5 * basal
        return 0.01 * DT * share * mean_product(error, INPUTS)

    wanted = euler_run(INPUTS, 20, update)
    assert np.abs(learnt(difference(batch=batch)) - wanted).max() < ROUNDING
    assert np.abs(wanted - WEIGHTS).max() > 1e-3


def filtered(a, before=False, decay=0.0, inputs=INPUTS):
    trace = np.zeros_like(WEIGHTS)

    def update(weights, soma, basal):
        nonlocal trace
        old = trace
        error = logistic(soma) - 0.5 * basal
        trace = a * trace + (1.0 - a) * mean_product(error, inputs)
        return 0.01 * DT * (old if before else trace) - decay * DT * weights

    return update


@pytest.mark.parametrize("read", ["after", "before"])
@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("samples", [1, 2])
def test_a_filtered_rule_follows_its_recurrence(read, exact, samples):
    inputs = INPUTS[:samples]
    a = np.exp(-DT / 7.0) if exact else 1.0 - DT / 7.0
    wanted = euler_run(inputs, 30, filtered(a, read == "before", inputs=inputs))
    rule = difference(low_pass=LowPass(7.0, exact=exact, read=read))
    got = learnt(rule, inputs, steps=30)
    # `generic` forbids the fast way of single samples.
    generic = learnt(rule, inputs, steps=30, bounds=(-1e9, 1e9))
    assert np.abs(got - wanted).max() < ROUNDING
    assert np.abs(generic - wanted).max() < ROUNDING


@pytest.mark.parametrize("read", ["after", "before"])
def test_blocks_of_a_filtered_rule_are_second_order_for_either_reading(read):
    # tau is 10 times the longest block of 16 steps of 0.5 ms.
    rule = difference(low_pass=LowPass(80.0, read=read))
    exact = learnt(rule, steps=96)
    errors = [np.abs(learnt(rule, steps=96, block=k) - exact).max() for k in (4, 8, 16)]
    assert np.polyfit(np.log([4, 8, 16]), np.log(errors), 1)[0] > 1.8


def test_weight_decay_acts_at_every_step_of_the_rule():
    wanted = euler_run(INPUTS, 30, filtered(1.0 - DT / 7.0, decay=0.02))
    rule = difference(low_pass=LowPass(7.0))
    got = learnt(rule, steps=30, weight_decay=0.02)
    assert np.abs(got - wanted).max() < ROUNDING
    errors = [
        np.abs(learnt(rule, steps=32, weight_decay=0.02, block=k) - reference).max()
        for reference in (learnt(rule, steps=32, weight_decay=0.02),)
        for k in (2, 8)
    ]
    assert errors[0] < errors[1] < 0.02


def test_bounds_clip_after_every_update():
    def update(weights, soma, basal):
        error = logistic(soma) - 0.5 * basal
        new = weights + 2.0 * DT * mean_product(error, INPUTS)
        return np.clip(new, -0.5, 0.6) - weights

    start = np.clip(WEIGHTS, -0.5, 0.6)
    wanted = euler_run(INPUTS, 20, update, start)
    rule = difference(learning_rate=2.0)
    got = learnt(rule, weights=start, bounds=(-0.5, 0.6))
    assert np.abs(got - wanted).max() < ROUNDING
    assert got.max() == 0.6
    free = learnt(rule, weights=start)
    assert np.abs(free - got).max() > 0.01


def test_gain_multiplies_both_sides():
    def update(weights, soma, basal):
        error = (1.0 + soma**2) * (logistic(soma) - 0.5 * basal)
        return 0.01 * DT * mean_product(error, INPUTS)

    rule = difference(gain=lambda cell, p: 1.0 + cell.soma**2)
    assert np.abs(learnt(rule) - euler_run(INPUTS, 20, update)).max() < ROUNDING


def test_two_sides_with_their_own_presynaptic_signals():
    shifted = replace(
        source(), reads={**source().reads, "squared": lambda cell, p: cell.value**2}
    )

    def update(weights, soma, basal):
        potentiation = mean_product(logistic(soma), INPUTS**2)
        depression = mean_product(0.5 * basal, INPUTS)
        return 0.01 * DT * (potentiation - depression)

    got = learnt(difference(presynaptic=("squared", "rate")), pre=shifted)
    assert np.abs(got - euler_run(INPUTS, 20, update)).max() < ROUNDING


@pytest.mark.nojit
def test_swapping_teaching_and_baseline_flips_the_sign_exactly():
    # With the rule read but the drive frozen at zero weights, both runs see the same
    # cells; sums of opposite terms round to opposite numbers.
    rule = difference(teaching="rate", baseline="basal", learning_rate=1e-3)
    swapped = difference(teaching="basal", baseline="rate", learning_rate=1e-3)
    zero = np.zeros_like(WEIGHTS)
    up = learnt(rule, steps=1, weights=zero)
    down = learnt(swapped, steps=1, weights=zero)
    assert np.abs(up).max() > 0.0
    np.testing.assert_array_equal(up, -down)


def test_a_zero_learning_rate_leaves_weights_bit_identical():
    for rule in (
        difference(learning_rate=0.0, low_pass=LowPass(7.0)),
        SynapticRule(lambda weight, cell, pre, p: pre - weight, learning_rate=0.0),
    ):
        np.testing.assert_array_equal(learnt(rule), WEIGHTS)


def test_a_frozen_projection_keeps_its_weights():
    circuit = two_populations(steps=20, dt=DT, rule=difference()).frozen("feedforward")
    presenter = run(circuit, {"input": INPUTS}, weights={"feedforward": WEIGHTS})
    np.testing.assert_array_equal(presenter.weights()["feedforward"], WEIGHTS)


@pytest.mark.parametrize("block", [1, 4])
def test_weights_stand_still_during_the_learning_lag(block):
    rule = difference(low_pass=LowPass(7.0))
    phase = Phase("forward", 20.0, on=("input",), lag=20.0)
    still = learnt(rule, phases=(phase,), block=block)
    np.testing.assert_array_equal(still, WEIGHTS)
    late = learnt(rule, phases=(replace(phase, lag=19.5),), block=block)
    assert np.abs(late - WEIGHTS).max() > 0.0
    # The one learning step sees the state that 39 silent steps led to.
    states = euler_three_compartment(
        CELLS.parameters, np.repeat((INPUTS @ WEIGHTS.T)[None], 39, axis=0), DT
    )[-1]
    error = logistic(states[0]) - 0.5 * states[1]
    step = 0.01 * DT * (DT / 7.0) * mean_product(error, INPUTS)
    assert np.abs(late - WEIGHTS - step).max() < ROUNDING


# --- rules that see the weight ----------------------------------------------------


def oja(weight, cell, pre, p):
    return cell.soma * (pre - cell.soma * weight)


@pytest.mark.nojit
@pytest.mark.parametrize("batch", ["mean", "sum"])
def test_oja_at_every_step_equals_numpy(batch):
    def update(weights, soma, basal):
        share = 1.0 / len(INPUTS) if batch == "mean" else 1.0
        terms = soma[:, :, None] * (INPUTS[:, None] - soma[:, :, None] * weights)
        return 0.05 * DT * share * terms.sum(axis=0)

    wanted = euler_run(INPUTS, 30, update)
    got = learnt(SynapticRule(oja, learning_rate=0.05, batch=batch), steps=30)
    assert np.abs(got - wanted).max() < ROUNDING
    assert np.abs(wanted - WEIGHTS).max() > 1e-3


def test_a_separable_rule_gives_the_same_weights_in_either_form():
    separable = difference(teaching="soma", baseline="basal", learning_rate=0.05)
    synaptic = SynapticRule(
        lambda weight, cell, pre, p: (cell.soma - cell.basal) * pre, learning_rate=0.05
    )
    assert np.abs(learnt(separable) - learnt(synaptic)).max() < ROUNDING


def test_bounds_hold_for_rules_that_see_the_weight():
    rule = SynapticRule(lambda weight, cell, pre, p: pre, learning_rate=1.0)
    inside = np.clip(WEIGHTS, -1.0, 0.4)
    assert learnt(rule, weights=inside, bounds=(-1.0, 0.5)).max() == 0.5


# --- tied weights ------------------------------------------------------------------


def tied_circuit(rule, *, transpose, factor, steps=32):
    """feedforward learns; `feedback` (or a second feedforward one) follows it."""
    hidden = Population("hidden", CELLS, 3)
    pre, post = ("output", "hidden") if not transpose else ("hidden", "output")
    follower = Projection(
        pre, post, "apical", name="follower", tied_to=Tied("leader", factor, transpose)
    )
    leader = Projection("output", "hidden", "basal", name="leader", rule=rule)
    return two_populations(
        steps=steps, dt=DT, post=CELLS, more=(hidden,), extra=(leader, follower)
    )


@pytest.mark.parametrize("block", [1, 8])
@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("kind", ["separable", "synaptic", "filtered"])
def test_tied_weights_follow_at_the_end_of_every_run(block, transpose, kind):
    rule = {
        "separable": difference(learning_rate=0.1),
        "filtered": difference(learning_rate=0.1, low_pass=LowPass(7.0)),
        "synaptic": SynapticRule(oja, learning_rate=0.3),
    }[kind]
    circuit = tied_circuit(rule, transpose=transpose, factor=-0.5)
    start = initial_weights(
        circuit,
        given={
            "feedforward": WEIGHTS,
            "leader": np.random.default_rng(7).normal(size=(3, 3)),
        },
    )
    presenter = run(circuit, {"input": INPUTS}, weights=start, block=block)
    weights = presenter.weights()
    leader = weights["leader"].T if transpose else weights["leader"]
    np.testing.assert_array_equal(weights["follower"], -0.5 * leader)
    assert np.abs(weights["leader"] - start["leader"]).max() > 1e-3
