"""Replicas of one circuit: weights, rates, numbers and memory of their own.

Only runs of several replicas, such as a training with controls, see them; what one
replica does is tested through the public doors.
"""

import numpy as np
import pytest
from systems import patterns, plastic_microcircuit, run, two_populations

from circuits.engine.replicas import Replicas
from circuits.initialisers import Constant
from circuits.schedule import Phase
from circuits.weights import initial_weights
from dendrites import random
from dendrites._blas import serial_blas
from dendrites.errors import ConfigError
from dendrites.models import sacramento_output

SIZES = [5, 4, 3]


def shown(batch):
    inputs, targets, _ = patterns(SIZES, batch=batch)
    return {"input": inputs, "target": targets}


@pytest.mark.parametrize("block", [1, 4])
def test_threads_change_no_bit_of_replicas(block):
    circuit = plastic_microcircuit(SIZES, steps=40)
    starts = [initial_weights(circuit, seed=seed) for seed in range(3)]
    results = []
    for threads in (1, 2):
        with serial_blas():
            runner = Replicas(
                circuit, starts, batch=5, block=block, chunk=2, threads=threads
            )

            def show(number, runner=runner):
                runner.present(number, shown(5), circuit.schedule)

            runner.each_replica(show)
        results.append(runner.arrays())
    for name, value in results[0].items():
        np.testing.assert_array_equal(results[1][name], value)


def test_a_replica_equals_the_same_weights_run_alone():
    circuit = plastic_microcircuit(SIZES, steps=40)
    starts = [initial_weights(circuit, seed=seed) for seed in range(3)]
    rates = [{}, {"input_to_hidden1_basal": 0.0}, {"hidden1_to_output_basal": 0.2}]
    with serial_blas():
        runner = Replicas(circuit, starts, rates=rates, batch=2)
        for number in range(3):
            runner.present(number, shown(2), circuit.schedule)
    for number in range(3):
        alone = run(
            circuit, shown(2), weights=starts[number], learning_rates=rates[number]
        )
        for name, value in alone.weights().items():
            np.testing.assert_array_equal(runner.weights(number)[name], value)
    frozen = runner.weights(1)["input_to_hidden1_basal"]
    np.testing.assert_array_equal(frozen, starts[1]["input_to_hidden1_basal"])


def test_random_numbers_belong_to_the_replica():
    dt, sigma = 0.1, 0.3
    cells = sacramento_output(noise="white", sigma=sigma)
    phase = Phase("forward", dt, on=("input",))
    circuit = two_populations(1, 4, post=cells, dt=dt, phases=(phase,))
    with serial_blas():
        runner = Replicas(circuit, [initial_weights(circuit)] * 2, seed=7)
        for replica in (0, 1):
            lanes = runner.present(
                replica, {"input": np.zeros((1, 1))}, circuit.schedule, presentation=5
            )
            soma = runner.read(replica, lanes, "output", "soma")[0]
            key = random.stream_key(7, "noise/output/noise")
            z = [random.normal(*key, replica, 5, 0, k) for k in range(4)]
            # One Euler step from rest moves by dt sigma z / sqrt(dt).
            np.testing.assert_allclose(soma, sigma * np.sqrt(dt) * np.array(z), 1e-12)


def test_drawn_durations_belong_to_the_replica():
    def draw(rng):
        return 0.5 * rng.integers(3, 4000)

    phase = Phase("forward", draw, on=("input",))
    circuit = two_populations(1, 1, dt=0.5, phases=(phase,), initial=Constant(1.0))
    with serial_blas():
        runner = Replicas(circuit, [initial_weights(circuit)] * 2, seed=11)
        for replica in (0, 1):
            runner.present(replica, {"input": np.ones((1, 1))}, circuit.schedule)
            rng = random.generator(11, f"durations/{replica}/0")
            assert runner.clocks[replica, 0] == round(draw(rng) / 0.5)


def test_many_replicas_are_counted_before_they_are_made():
    circuit = two_populations(2000, 2000)
    weights = [{"feedforward": np.zeros((2000, 2000))}] * 100_000
    with pytest.raises(ConfigError, match="too large: needs"):
        Replicas(circuit, weights)


def test_delays_go_on_when_single_precision_cannot_count_the_steps():
    # The clock is set high instead of running so many steps.
    circuit = two_populations(
        2, 2, steps=20, carry_state=True, delay=1.5, initial=Constant(1.0)
    )
    start, ends = initial_weights(circuit), []
    with serial_blas():
        for clock in (0, 3 * 2**24 + 1):
            runner = Replicas(circuit, [start], dtype=np.float32)
            runner.restore({**runner.arrays(), "replica0/clock": np.array([clock])})
            lanes = runner.present(0, {"input": np.ones((1, 2))}, circuit.schedule)
            ends.append(runner.read(0, lanes, "output", "soma"))
    np.testing.assert_array_equal(*ends)
    assert np.abs(ends[0]).min() > 0.0
