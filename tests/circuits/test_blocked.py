"""Blocks of steps: equal to single steps for one step, second order in the length."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from systems import (
    layer_names,
    patterns,
    plastic_microcircuit,
    projections_of,
    run,
)

from circuits.population import Population
from circuits.weights import initial_weights
from dendrites.cell import CellModel

SIZES = [6, 5, 4, 3]
BOUNDS = (-1e9, 1e9)  # never reached


def shown(batch=1, sizes=SIZES, seed=0):
    inputs, targets, _ = patterns(sizes, batch=batch, seed=seed)
    return {"input": inputs, "target": targets}


def generic(circuit):
    """The same circuit, every projection updated by collected sums.

    Without bounds single samples take faster ways, which must not change anything.
    """
    projections = tuple(
        replace(p, bounds=BOUNDS) if p.learns else p for p in circuit.projections
    )
    return replace(circuit, projections=projections)


def largest_difference(one, other):
    return max(float(np.abs(one[name] - other[name]).max()) for name in one)


def final_weights(circuit, **options):
    weights = initial_weights(circuit, seed=3)
    return run(circuit, weights=weights, **options).weights()


@pytest.mark.parametrize("tau", [30.0, 1.0])
def test_pending_and_followed_updates_equal_collected_ones(tau):
    circuit = plastic_microcircuit(SIZES, steps=500, filter_tau=tau)
    fast = final_weights(circuit, shown=shown())
    slow = final_weights(generic(circuit), shown=shown())
    # Same sums in another order: rounding of 500 steps on weights of size one.
    assert largest_difference(fast, slow) < 1e-13


@pytest.mark.nojit
def test_pending_and_collected_updates_agree_for_a_few_steps():
    circuit = plastic_microcircuit([3, 2, 2], steps=9)
    sizes = [3, 2, 2]
    fast = final_weights(circuit, shown=shown(sizes=sizes))
    slow = final_weights(generic(circuit), shown=shown(sizes=sizes))
    assert largest_difference(fast, slow) < 1e-15


def test_several_presentations_carry_filters_over_in_every_way():
    circuit = plastic_microcircuit(SIZES, steps=100)
    fast = final_weights(circuit, shown=shown(), times=4)
    slow = final_weights(generic(circuit), shown=shown(), times=4)
    once = final_weights(circuit, shown=shown(), times=1)
    assert largest_difference(fast, slow) < 1e-13
    assert largest_difference(fast, once) > 1e-3


def test_a_shorter_last_block_keeps_the_order_of_the_others():
    # 13 steps in blocks of 4 leave a block of one step, 15 one of three.
    for steps in (13, 15):
        circuit = plastic_microcircuit(SIZES, steps=steps)
        start = initial_weights(circuit, seed=3)
        exact = final_weights(circuit, shown=shown(2))
        coarse, fine = (
            largest_difference(exact, final_weights(circuit, shown=shown(2), block=k))
            for k in (4, 2)
        )
        assert fine < coarse / 3.0
        assert coarse < 0.05 * largest_difference(exact, start)


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("rate", [1.0, 10.0])
def test_the_error_of_blocks_falls_with_the_square_of_their_length(batch, rate):
    rates = {
        "basal_rates": rate * 1e-2,
        "interneuron_rates": rate * 2e-2,
        "apical_rates": rate * 1e-2,
    }
    # tau = 40 ms is 12.5 times the longest block of 32 steps of 0.1 ms.
    circuit = plastic_microcircuit(SIZES, steps=640, rates=rates, filter_tau=40.0)
    exact = final_weights(circuit, shown=shown(batch))
    lengths = [2, 4, 8, 16, 32]
    errors = [
        largest_difference(
            exact, final_weights(circuit, shown=shown(batch), block=length)
        )
        for length in lengths
    ]
    slope = np.polyfit(np.log(lengths), np.log(errors), 1)[0]
    assert 1.8 <= slope <= 2.3
    change = largest_difference(exact, initial_weights(circuit, seed=3))
    assert errors[2] < 1e-3 * change


@pytest.mark.parametrize("block", [1, 8])
def test_copies_of_one_pattern_equal_the_single_pattern(block):
    circuit = plastic_microcircuit(SIZES, steps=200)
    single = final_weights(generic(circuit), shown=shown(), block=block)
    copies = {name: np.repeat(value, 3, axis=0) for name, value in shown().items()}
    batch = final_weights(circuit, shown=copies, block=block)
    assert largest_difference(single, batch) < 1e-12


def test_chunks_of_samples_equal_one_lane_in_blocks():
    circuit = plastic_microcircuit(SIZES, steps=96)
    whole = final_weights(circuit, shown=shown(5), block=8)
    chunked = final_weights(circuit, shown=shown(5), block=8, chunk=2)
    assert largest_difference(whole, chunked) < 1e-13


class Held(NamedTuple):
    value: float = 0.7


class Nothing(NamedTuple):
    pass


def standing_still(cell, inputs, p):
    return Held(0.0)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("block", [1, 8])
def test_a_folded_constant_input_equals_the_same_signal_from_cells(batch, block):
    circuit = plastic_microcircuit(SIZES, steps=160)
    constant = {**shown(batch), "input": np.full((batch, SIZES[0]), 0.7)}
    folded = final_weights(circuit, shown=constant, block=block)
    cells = CellModel(
        "held",
        Held,
        Nothing,
        Nothing,
        derivative=standing_still,
        reads={"rate": lambda cell, p: cell.value},
    )
    populations = tuple(
        Population("input", cells, p.size) if p.name == "input" else p
        for p in circuit.populations
    )
    (phase,) = circuit.schedule.phases
    schedule = replace(circuit.schedule, phases=(replace(phase, on=("target",)),))
    unfolded = replace(
        circuit, populations=populations, schedule=schedule, test_schedule=None
    )
    stepped = final_weights(unfolded, shown={"target": constant["target"]}, block=block)
    # A single folded input is followed exactly, so blocks differ at their own order.
    tolerance = 1e-12 if block == 1 or batch > 1 else 1e-4
    assert largest_difference(folded, stepped) < tolerance


def test_float32_stays_within_its_tolerance():
    circuit = plastic_microcircuit(SIZES, steps=500)
    double = final_weights(circuit, shown=shown(3), block=10)
    single = final_weights(circuit, shown=shown(3), block=10, dtype="float32")
    # 50 updates of weights of size one, each rounded to 6e-8.
    assert largest_difference(double, single) < 50 * 6e-8
    assert largest_difference(double, single) > 0.0


def test_float32_states_stay_within_their_tolerance():
    rates = dict.fromkeys(("basal_rates", "interneuron_rates", "apical_rates"), 0.0)
    circuit = plastic_microcircuit(SIZES, steps=500, rates=rates)
    double = run(circuit, shown(3))
    single = run(circuit, shown(3), dtype="float32")
    for name in layer_names(3)[1:]:
        soma = double.read(name, "soma")
        rounded = single.read(name, "soma")
        # The dynamics contract, so errors do not add up beyond a few roundings.
        assert np.abs(rounded - soma).max() < 2e-6
        np.testing.assert_array_equal(rounded, rounded.astype(np.float32))


def test_every_projection_takes_part_in_the_comparison():
    circuit = plastic_microcircuit(SIZES, steps=100)
    before, after = (
        initial_weights(circuit, seed=3),
        final_weights(circuit, shown=shown()),
    )
    names = projections_of(3)
    for name in (*names["W"], *names["WIP"], *names["WPI"]):
        assert np.abs(after[name] - before[name]).min() > 0.0
    for name in names["B"]:
        np.testing.assert_array_equal(after[name], before[name])
