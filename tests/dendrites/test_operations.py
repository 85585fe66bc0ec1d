"""Generated loops as operations of a program: their rows, slots and sums."""

from typing import NamedTuple

import numpy as np
import pytest

from dendrites import CellModel
from dendrites.compile.apply import apply_kernel
from dendrites.compile.calls import address, bits, hold
from dendrites.compile.loops import (
    factor_loop,
    fill_loop,
    read_loop,
    settle_loop,
    step_loop,
    synapse_loop,
)
from dendrites.compile.rows import CellRow, FactorRow, ReadRow, SynapseRow

pytestmark = pytest.mark.nojit

DT = 0.3
N, SAMPLES, STRIDE = 3, 4, 17
# The wider stride leaves room behind the twelve elements, which nobody may touch.
ELEMENTS = N * SAMPLES
P = (2.0, 0.5)


class State(NamedTuple):
    v: float = 0.0
    mean: float = 0.0


class Inputs(NamedTuple):
    drive: float
    teach: float


class Params(NamedTuple):
    tau: float
    gain: float


def derivative(cell, inputs, p):
    return State((inputs.drive - cell.v) / p.tau, 0.0)


def filled(cell, inputs, p):
    return State(cell.v, p.gain * inputs.teach)


CELL = CellModel(
    "leaky",
    state=State,
    params=Params,
    inputs=Inputs,
    parameters=Params(*P),
    derivative=derivative,
    instantaneous=filled,
    compartments=("v", "mean"),
)


def call(loop, dtype, row, lane, weights, block_step=0, samples=SAMPLES):
    span = np.array([samples, block_step, bits(DT)], np.int64)
    row = row._replace(address=address(loop, dtype))
    apply_kernel(weights, lane, np.array(row, np.int64), span)


@pytest.fixture(params=[np.float64, np.float32])
def dtype(request):
    return request.param


@pytest.fixture
def lane(dtype):
    return np.random.default_rng(0).normal(size=200).astype(dtype)


def close(dtype):
    return {"rtol": 0, "atol": 1e-6 if dtype == np.float32 else 1e-14}


@pytest.mark.parametrize("make", ["fill", "step", "settle"])
def test_a_cell_loop_moves_the_cells_of_its_row_and_nothing_else(make, lane, dtype):
    state, field = 5, 60
    weights = np.array([9.0, *P], dtype)
    v, mean = (lane[state + k * STRIDE :][:ELEMENTS].copy() for k in (0, 1))
    drive, teach = (lane[field + k * STRIDE :][:ELEMENTS].copy() for k in (0, 1))
    wanted = lane.copy()
    if make == "step":
        wanted[state:][:ELEMENTS] = v + DT * (drive - v) / P[0]
        loop = step_loop(CELL, dtype, "euler")
    else:
        wanted[state + STRIDE :][:ELEMENTS] = P[1] * teach
        loop = fill_loop(CELL, dtype)
    if make == "settle":
        wanted[state:][:ELEMENTS] = drive
        loop = settle_loop(CELL, dtype)
    row = CellRow(0, n=N, state=state, stride=STRIDE, field=field, params=1)
    call(loop, dtype, row, lane, weights)
    np.testing.assert_allclose(lane, wanted, **close(dtype))
    assert lane.dtype == dtype and mean.size == ELEMENTS


@pytest.mark.parametrize("slot", [0, 1])
def test_a_read_is_written_to_the_slot_of_its_step(slot, lane, dtype):
    loop = read_loop(CELL, lambda cell, p: p.gain * cell.v - cell.mean, dtype)
    row = ReadRow(0, N, state=2, stride=STRIDE, params=0, out=80, slot=slot)
    wanted = lane.copy()
    place = 80 + slot * 2 * ELEMENTS
    v, mean = lane[2:][:ELEMENTS], lane[2 + STRIDE :][:ELEMENTS]
    wanted[place:][:ELEMENTS] = P[1] * v - mean
    call(loop, dtype, row, lane, np.array(P, dtype), block_step=2)
    np.testing.assert_allclose(lane, wanted, **close(dtype))


@pytest.mark.parametrize("slot", [0, 1])
def test_a_factor_reads_the_cells_at_three_moments(slot, lane, dtype):
    loop = factor_loop(
        CELL, CELL.read("v"), CELL.read("mean"), lambda cell, p: cell.v**2, dtype
    )
    row = FactorRow(
        0,
        N,
        teaching=0,
        baseline=40,
        gain=80,
        stride=STRIDE,
        params=0,
        out=120,
        slot=slot,
    )
    wanted = lane.copy()
    teaching, baseline, gain = (lane[k:][:ELEMENTS] for k in (0, 40 + STRIDE, 80))
    place = 120 + slot * ELEMENTS
    wanted[place:][:ELEMENTS] = gain**2 * (teaching - baseline)
    call(loop, dtype, row, lane, np.array(P, dtype), block_step=1)
    np.testing.assert_allclose(lane, wanted, **close(dtype))


def change(weight, cell, pre, p):
    return pre * (cell.v - weight) + p.gain * cell.mean


N_PRE = 2
CONNECTED = {
    "dense": [(j, i) for j in range(N_PRE) for i in range(N)],
    "paired": [(j, j) for j in range(N)],
    "sparse": [(0, 2), (1, 0), (1, 2)],
}


@pytest.mark.parametrize("slot", [0, 1])
@pytest.mark.parametrize("kind", CONNECTED)
def test_changes_of_synapses_are_summed_over_samples(kind, slot, lane, dtype):
    synapses = CONNECTED[kind]
    n_pre = N if kind == "paired" else N_PRE
    begins = np.searchsorted([j for j, _ in synapses], np.arange(n_pre + 1))
    index = np.array([*begins, *(i for _, i in synapses)], np.int32)
    weights = np.random.default_rng(1).normal(size=12).astype(dtype)
    weights[:2] = P
    row = SynapseRow(
        0,
        n_pre,
        n_post=N,
        weights=2,
        state=0,
        stride=STRIDE,
        params=0,
        signal=40,
        slot=slot,
        out=120,
        paired=int(kind == "paired"),
        index=hold(index) if kind == "sparse" else 0,
    )
    state = lane[: 2 * STRIDE].reshape(2, STRIDE)[:, :ELEMENTS].reshape(2, SAMPLES, N)
    pre = lane[40 + slot * n_pre * SAMPLES :][: n_pre * SAMPLES].reshape(SAMPLES, -1)
    before, wanted = weights.copy(), lane.copy()
    for k, (j, i) in enumerate(synapses):
        terms = pre[:, j] * (state[0, :, i] - weights[2 + k]) + P[1] * state[1, :, i]
        wanted[120 + k] = terms.sum()
    call(synapse_loop(CELL, change, dtype), dtype, row, lane, weights, block_step=1)
    np.testing.assert_allclose(lane, wanted, **close(dtype))
    np.testing.assert_array_equal(weights, before)
