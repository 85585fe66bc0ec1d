"""Inputs through a low-pass filter: the twin driven by what an Euler filter passes."""

from dataclasses import replace

import numpy as np
import pytest
from systems import (
    LEARNING,
    patterns,
    plastic_microcircuit,
    run,
    twin_of,
    two_populations,
    weight_deviation,
)

from circuits.microcircuit import microcircuit
from circuits.run.presenter import Presenter
from circuits.schedule import Phase
from circuits.weights import initial_weights
from dendrites._blas import serial_blas
from dendrites.errors import ModelError
from dendrites.models import source

pytestmark = pytest.mark.usefixtures("every_engine")

SIZES = [5, 4, 3, 2]
TAU, DT = 3.0, 0.1
ROUNDING = 1e-12


def filtered(values, steps, start=0.0):
    """Filtered rates that a step sees, (steps, ...), and the rate after the last."""
    rate, seen = start + 0.0 * values, []
    for _ in range(steps):
        seen.append(rate)
        rate = rate + DT / TAU * (values - rate)
    return seen, rate


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("tau_filter", [None, 30.0])
def test_a_plastic_run_equals_the_twin_on_filtered_inputs(tau_filter, batch):
    steps = 300
    circuit = plastic_microcircuit(
        SIZES, steps=steps, input_tau=TAU, filter_tau=tau_filter
    )
    weights = initial_weights(circuit, seed=3)
    inputs, targets, potentials = patterns(SIZES, batch=batch)
    twin = twin_of(
        circuit, weights, LEARNING, tau_filter=tau_filter or 0.0, batch=batch
    )
    for rate in filtered(inputs, steps)[0]:
        twin.step(rate, potentials)
    presenter = run(circuit, {"input": inputs, "target": targets}, weights=weights)
    assert weight_deviation(twin, presenter.weights()) < ROUNDING
    assert weight_deviation(twin, weights) > 1e-3
    for name, u in zip(("hidden1", "hidden2", "output"), twin.u, strict=True):
        assert np.abs(presenter.read(name, "soma") - u).max() < ROUNDING


def test_the_filter_goes_on_where_the_pattern_before_left_it():
    steps, inputs, shown = 40, [], []
    circuit = plastic_microcircuit(SIZES, steps=steps, input_tau=TAU, carry_state=True)
    weights = initial_weights(circuit, seed=3)
    twin = twin_of(circuit, weights, LEARNING, batch=2)
    rate = np.zeros((2, SIZES[0]))
    with serial_blas():
        presenter = Presenter(circuit, weights=weights, batch=2)
        for seed in range(4):
            inputs, targets, potentials = patterns(SIZES, batch=2, seed=seed)
            shown = {"input": inputs, "target": targets}
            presenter.present(shown, circuit.schedule, number=seed)
            seen, rate = filtered(inputs, steps, rate)
            for x in seen:
                twin.step(x, potentials)
    assert weight_deviation(twin, presenter.weights()) < ROUNDING
    got = presenter.read("input", "filtered")
    np.testing.assert_allclose(got, rate, rtol=0.0, atol=1e-14)
    # 4 ms are not enough to forget: the patterns before still show
    assert np.abs(got - filtered(inputs, steps)[1]).max() > 1e-2


def test_without_carried_state_every_pattern_starts_from_zero():
    circuit = plastic_microcircuit(SIZES, steps=40, input_tau=TAU)
    inputs, targets, _ = patterns(SIZES, batch=2)
    presenter = run(circuit, {"input": inputs, "target": targets}, times=3)
    got = presenter.read("input", "filtered")
    np.testing.assert_allclose(got, filtered(inputs, 40)[1], rtol=0.0, atol=1e-14)


def test_an_input_that_is_switched_off_fades():
    on, off = Phase("on", 4.0, on=("input",)), Phase("off", 2.0)
    circuit = two_populations(pre=source(tau=TAU), dt=DT, phases=(on, off))
    inputs = np.random.default_rng(0).uniform(0.0, 1.0, (2, 4))
    presenter = run(circuit, {"input": inputs})
    risen = filtered(inputs, 40)[1]
    faded = risen * (1.0 - DT / TAU) ** 20
    got = presenter.read("input", "filtered")
    np.testing.assert_allclose(got, faded, rtol=0.0, atol=1e-14)
    assert not presenter.read("input", "value").any()


def test_chunks_and_blocks_see_the_same_filtered_inputs():
    circuit = plastic_microcircuit(SIZES, steps=60, input_tau=TAU)
    inputs, targets, _ = patterns(SIZES, batch=5)
    shown = {"input": inputs, "target": targets}
    weights = initial_weights(circuit, seed=3)
    ends = [
        run(circuit, shown, weights=weights, learning=False, **options)
        for options in ({}, {"chunk": 2}, {"block": 8})
    ]
    somata = [presenter.read("output", "soma") for presenter in ends]
    for soma in somata[1:]:
        np.testing.assert_allclose(soma, somata[0], rtol=0.0, atol=1e-14)


def test_targets_and_biases_are_not_filtered():
    circuit = microcircuit(SIZES, input_tau=TAU, bias=True)
    for name in ("target", "bias"):
        assert circuit.model(name).constant
    assert circuit.model("input").parameters.tau == TAU
    assert microcircuit(SIZES).model("input").constant


def test_a_slow_filter_is_no_coarse_step():
    # Only a filter faster than a few steps warns.
    microcircuit(SIZES, input_tau=0.3)
    with pytest.warns(UserWarning, match="'input': dt = 0.1 ms is coarse"):
        microcircuit(SIZES, input_tau=0.15)


@pytest.mark.parametrize("tau", [0.0, -1.0, float("inf"), float("nan")])
def test_an_impossible_time_constant_is_refused(tau):
    with pytest.raises(ModelError, match="tau"):
        microcircuit(SIZES, input_tau=tau)


def test_sweeps_take_no_time_to_filter():
    with pytest.raises(ModelError, match="leave out noise and input_tau"):
        microcircuit(SIZES, form="two_sweep", input_tau=TAU)


def test_the_filter_is_part_of_every_presentation_it_is_tested_in():
    circuit = microcircuit(SIZES, input_tau=TAU, test_presentation=4.0)
    free = replace(circuit, schedule=circuit.test_schedule)
    inputs, targets, _ = patterns(SIZES, batch=2)
    presenter = run(free, {"input": inputs, "target": targets})
    got = presenter.read("input", "filtered")
    np.testing.assert_allclose(got, filtered(inputs, 40)[1], rtol=0.0, atol=1e-14)
