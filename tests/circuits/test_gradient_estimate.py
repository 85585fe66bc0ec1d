"""The update of one batch over its rate, against the exact gradient and the probe."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from backprop_circuit import RULE, backprop
from systems import two_populations
from tiny_training import tiny_circuit, tiny_task

import circuits
from circuits import gradient_estimate, measure_alignment, negative_gradient
from dendrites import ActivityDifference, LowPass
from dendrites.errors import ConfigError
from dendrites.models import sacramento_output

RNG = np.random.default_rng(0)
SIZES = [5, 4, 6, 3]
INPUTS, TARGETS = RNG.uniform(-1, 1, (7, 5)), RNG.uniform(0, 1, (7, 3))


def nudged(**options):
    """A circuit of white noise in time, a batch for it, and its targets."""
    circuit = two_populations(
        post=sacramento_output(noise="white", sigma=1.0),
        field="basal",
        rule=ActivityDifference("soma", None, 0.5),
        initial=circuits.Constant(0.2),
        steps=20,
        dt=0.1,
        **options,
    )
    return circuit, np.random.default_rng(3).uniform(0.2, 1.0, (6, 4))


@pytest.mark.parametrize("rate", [1.0, 0.25])
def test_the_estimate_of_backpropagation_is_the_gradient(every_engine, rate):
    circuit = backprop(SIZES, rule=replace(RULE, learning_rate=rate))
    weights = circuits.initial_weights(circuit, seed=5)
    found = gradient_estimate(circuit, INPUTS, TARGETS, weights=weights)
    wanted = negative_gradient(circuit, weights, INPUTS, TARGETS)
    for name, direction in wanted.items():
        np.testing.assert_allclose(found[name], direction, rtol=0, atol=1e-15 / rate)
    # Tied weights moved with those they follow.
    back = found["output_to_hidden2_apical"]
    forward = found["hidden2_to_output_basal"]
    np.testing.assert_allclose(back, forward.T, rtol=0, atol=1e-15 / rate)
    assert "target_to_output_apical" not in found


@pytest.mark.parametrize("drawn", [{"noise": 0.1}, {"redraw": True}])
def test_what_ties_draw_for_the_next_presentation_is_no_gradient(every_engine, drawn):
    made = backprop(SIZES)
    times = circuits.Uniform(0.5, 1.5) if "redraw" in drawn else None
    made = replace(
        made,
        projections=tuple(
            replace(p, tied_to=replace(p.tied_to, times=times, **drawn))
            if p.tied_to
            else p
            for p in made.projections
        ),
    )
    found = gradient_estimate(made, INPUTS, TARGETS, samples=2)
    start = circuits.initial_weights(made)
    forward, back = "hidden2_to_output_basal", "output_to_hidden2_apical"
    # The tied weights are times * W.T, and noise that stands still.
    share = np.divide(start[back], start[forward].T)
    wanted = share * found[forward].T
    np.testing.assert_allclose(found[back], wanted, rtol=1e-9, atol=1e-12)


def test_a_batch_is_the_mean_of_its_examples_or_the_sum(every_engine):
    found = {
        batch: gradient_estimate(
            backprop(SIZES, rule=replace(RULE, batch=batch)), INPUTS, TARGETS
        )
        for batch in ("mean", "sum")
    }
    for name, value in found["mean"].items():
        np.testing.assert_allclose(found["sum"][name], 7 * value, atol=1e-13)


def test_the_estimate_of_a_microcircuit_is_what_the_probe_compares():
    circuit, task = tiny_circuit(), tiny_task(20, 10)
    shown = task.splits["train"]
    tree = circuits.train(circuit, task, epochs=1, probe=4, integrator="exact")
    found = gradient_estimate(circuit, shown.inputs[:4], shown.targets[:4])
    start = circuits.initial_weights(circuit)
    wanted = negative_gradient(circuit, start, shown.inputs[:4], shown.targets[:4])
    measured = tree["diagnostics"].isel(update=0)
    for k, layer in enumerate(circuit.network.layers):
        rate = circuit.projection(layer.projection).rule.learning_rate
        mine = measure_alignment(found[layer.projection], wanted[layer.projection])
        assert mine.angle == pytest.approx(float(measured.angle_to_bp[k]), rel=1e-9)
        ratio = float(measured.size_ratio[k])
        assert rate * mine.size_ratio == pytest.approx(ratio, rel=1e-9)


def test_a_weak_nudge_of_the_microcircuit_estimates_the_gradient():
    circuit = tiny_circuit(form="two_sweep", g_output_nudge=1e-5)
    drawn = circuits.initial_weights(circuit)
    layers = circuit.network.layers
    back = {
        f"{above.population}_to_{here.population}_apical": drawn[above.projection].T
        for here, above in pairwise(layers)
    }
    weights = circuits.initial_weights(circuit, given=back)
    shown = tiny_task(20, 10).splits["train"]
    batch = shown.inputs[:4], shown.targets[:4]
    found = gradient_estimate(circuit, *batch, weights=weights)
    wanted = negative_gradient(circuit, weights, *batch)
    for layer in layers:
        mine = measure_alignment(found[layer.projection], wanted[layer.projection])
        assert mine.angle < 1e-3
        # What a nudge changes in the first order is of the size of the nudge.
        assert mine.size_ratio == pytest.approx(layer.update_scale, rel=1e-4)


def test_the_mean_over_samples_is_that_of_single_ones(every_engine):
    circuit, inputs = nudged()
    alone = [
        gradient_estimate(circuit, inputs, samples=k)["feedforward"] for k in (1, 2, 3)
    ]
    again = gradient_estimate(circuit, inputs, samples=3)["feedforward"]
    np.testing.assert_array_equal(again, alone[2])
    second, third = 2 * alone[1] - alone[0], 3 * alone[2] - 2 * alone[1]
    for other in (second, third):
        assert np.abs(other - alone[0]).max() > 1e-6
    other = gradient_estimate(circuit, inputs, samples=3, seed=8)["feedforward"]
    assert np.abs(other - again).max() > 1e-6


def test_the_estimate_of_a_noisy_circuit_is_unbiased():
    circuit, inputs = nudged()
    quiet = replace(
        circuit,
        populations=(
            circuit.populations[0],
            replace(circuit.populations[1], model=sacramento_output()),
        ),
    )
    # Slow learning: what the noise did to weights does not come back. The soma is
    # linear in its noise, so the mean is what it does without.
    slow = {"learning_rates": {"feedforward": 1e-9}}
    wanted = gradient_estimate(quiet, inputs, **slow)["feedforward"]
    n = 400
    found = gradient_estimate(circuit, inputs, samples=n, **slow)["feedforward"]
    one = [
        gradient_estimate(circuit, inputs, seed=k, **slow)["feedforward"]
        for k in range(20)
    ]
    error = np.sqrt(np.mean((np.array(one) - wanted) ** 2, axis=0) / n)
    assert np.sqrt(np.mean(((found - wanted) / error) ** 2)) < 3.0


def test_every_presentation_begins_with_empty_filters():
    rule = ActivityDifference("soma", None, 0.5, low_pass=LowPass(30.0))
    circuit, inputs = nudged()
    circuit = replace(
        circuit,
        projections=(replace(circuit.projections[0], rule=rule),),
        populations=(
            circuit.populations[0],
            replace(circuit.populations[1], model=sacramento_output()),
        ),
    )
    once = gradient_estimate(circuit, inputs)["feedforward"]
    twice = gradient_estimate(circuit, inputs, samples=2)["feedforward"]
    np.testing.assert_allclose(twice, once, rtol=1e-14)


def test_what_does_not_learn_is_left_out():
    circuit = backprop(SIZES)
    first = "input_to_hidden1_basal"
    frozen = circuit.frozen(first)
    assert first not in gradient_estimate(frozen, INPUTS, TARGETS)
    still = gradient_estimate(circuit, INPUTS, TARGETS, learning_rates={first: 0.0})
    assert first not in still
    with pytest.raises(ConfigError, match="no projection .* learns with a rate above"):
        gradient_estimate(
            circuit.frozen(*(p.name for p in circuit.projections)), INPUTS, TARGETS
        )


def test_patterns_that_do_not_fit_are_refused():
    circuit = backprop(SIZES)
    with pytest.raises(ConfigError, match="'target' is on in phases .* no pattern"):
        gradient_estimate(circuit, INPUTS)
    with pytest.raises(ConfigError, match="targets are given, and no population"):
        gradient_estimate(nudged()[0], INPUTS[:, :4], TARGETS)
    with pytest.raises(ConfigError, match=r"shape \(7, 4\), must be \(n_samples, 5\)"):
        gradient_estimate(circuit, INPUTS[:, :4], TARGETS)
    with pytest.raises(ConfigError, match="samples: expected a whole number >= 1"):
        gradient_estimate(circuit, INPUTS, TARGETS, samples=0)
