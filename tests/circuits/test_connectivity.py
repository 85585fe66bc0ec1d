"""Sparse, one-to-one and tied projections, and what must not change a result."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from systems import (
    LEARNING,
    layer_names,
    patterns,
    plastic_microcircuit,
    run,
    twin_of,
    two_populations,
    weight_deviation,
)

from circuits.connectivity import OneToOne
from circuits.population import Population
from circuits.projection import Projection
from circuits.run.presenter import Presenter
from circuits.weights import initial_weights
from dendrites._blas import serial_blas
from dendrites.activity_difference import ActivityDifference, LowPass
from dendrites.models import source, three_compartment
from dendrites.synaptic_rule import SynapticRule

pytestmark = pytest.mark.usefixtures("every_engine")

DT = 0.5
CELLS = three_compartment(tau_soma=10.0, tau_dendrite=3.0)
MASK = np.array([[1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 0, 1]], bool)
WEIGHTS = np.random.default_rng(4).normal(0.0, 0.8, (3, 4)) * MASK
INPUTS = np.random.default_rng(5).uniform(0.0, 1.0, (2, 4))


def difference(**options):
    return ActivityDifference("rate", "basal", learning_rate=0.05, **options)


def masked_change(weight, cell, pre, p):
    return cell.soma * (pre - cell.soma * weight)


RULES = {
    "none": None,
    "difference": difference(),
    "filtered": difference(low_pass=LowPass(7.0)),
    "synaptic": SynapticRule(masked_change, learning_rate=0.1),
}


def both(connectivity, rule, weights, inputs, *, steps=24, **options):
    """Weights and somata with a sparse pattern, and one step's with dense zeros.

    A dense projection would grow weights where the pattern has none, so dense runs are
    reset to the pattern after every step.
    """
    n_post, n_pre = weights.shape
    paired = isinstance(connectivity, OneToOne)
    mask = np.eye(n_post, dtype=bool) if paired else connectivity
    sparse = two_populations(
        n_pre, n_post, steps=steps, dt=DT, rule=rule, connectivity=connectivity
    )
    start = {"feedforward": np.diagonal(weights) if paired else weights}
    presenter = run(sparse, {"input": inputs}, weights=start, **options)
    dense = two_populations(n_pre, n_post, steps=1, dt=DT, rule=rule, carry_state=True)
    with serial_blas():
        reset = Presenter(dense, weights={"feedforward": weights}, batch=len(inputs))
        for _ in range(steps):
            reset.present({"input": inputs}, dense.schedule)
            kept = np.where(mask, reset.weights()["feedforward"], 0.0)
            reset.set_weights({"feedforward": kept})
    found = presenter.weights()["feedforward"]
    return (
        found if paired else found.toarray(),
        np.diagonal(kept) if paired else kept,
        presenter.read("output", "soma"),
        reset.read("output", "soma"),
    )


@pytest.mark.parametrize("kind", RULES)
@pytest.mark.parametrize("samples", [1, 2])
def test_a_sparse_projection_equals_a_dense_one_with_zeros(kind, samples):
    got, wanted, soma, dense_soma = both(MASK, RULES[kind], WEIGHTS, INPUTS[:samples])
    assert np.abs(got - wanted).max() < 1e-13
    assert np.abs(soma - dense_soma).max() < 1e-13
    assert (got[~MASK] == 0.0).all()
    assert (np.abs(got - WEIGHTS).max() > 1e-3) == (kind != "none")


@pytest.mark.nojit
@pytest.mark.parametrize("kind", ["none", "filtered", "synaptic"])
def test_a_one_to_one_projection_equals_a_dense_diagonal(kind):
    weights = np.diag([0.5, -1.2, 0.8])
    got, wanted, soma, dense_soma = both(
        OneToOne(), RULES[kind], weights, INPUTS[:, :3], steps=10
    )
    assert got.shape == (3,)
    assert np.abs(got - wanted).max() < 1e-13
    assert np.abs(soma - dense_soma).max() < 1e-13


def test_a_full_mask_equals_a_dense_projection_in_blocks():
    full = np.ones((3, 4), bool)
    weights = np.random.default_rng(8).normal(size=(3, 4))
    results = []
    for connectivity in ("dense", full):
        circuit = two_populations(
            steps=40, dt=DT, rule=RULES["filtered"], connectivity=connectivity
        )
        start = {"feedforward": weights}
        presenter = run(circuit, {"input": INPUTS}, weights=start, block=8)
        results.append(presenter.weights()["feedforward"])
    assert np.abs(results[0] - results[1].toarray()).max() < 1e-13


# --- invariances --------------------------------------------------------------------


def shown(sizes, batch=1):
    inputs, targets, _ = patterns(sizes, batch=batch)
    return {"input": inputs, "target": targets}


@pytest.mark.parametrize("block", [1, 4])
def test_relabelling_cells_permutes_the_result(block):
    sizes = [5, 4, 3]
    circuit = plastic_microcircuit(sizes, steps=60)
    weights = initial_weights(circuit, seed=3)
    order = np.array([2, 0, 3, 1])
    permuted = dict(weights)
    for name in weights:
        p = circuit.projection(name)
        if p.post == "hidden1":
            permuted[name] = permuted[name][order]
        if p.pre == "hidden1":
            permuted[name] = permuted[name][:, order]
    plain = run(circuit, shown(sizes, 2), weights=weights, block=block)
    other = run(circuit, shown(sizes, 2), weights=permuted, block=block)
    soma = plain.read("hidden1", "soma")
    assert np.abs(other.read("hidden1", "soma") - soma[:, order]).max() < 1e-12
    basal = plain.weights()["input_to_hidden1_basal"]
    moved = other.weights()["input_to_hidden1_basal"]
    assert np.abs(moved - basal[order]).max() < 1e-12


@pytest.mark.parametrize("block", [1, 4])
@pytest.mark.parametrize("batch", [1, 3])
def test_an_unconnected_population_changes_no_bit(block, batch):
    sizes = [5, 4, 3]
    circuit = plastic_microcircuit(sizes, steps=40)
    weights = initial_weights(circuit, seed=3)
    alone = run(circuit, shown(sizes, batch), weights=weights, block=block)
    lonely = Population("lonely", CELLS, 7)
    with pytest.warns(UserWarning, match="'lonely' has no input and no output"):
        joined = replace(circuit, populations=(lonely, *circuit.populations))
    other = run(joined, shown(sizes, batch), weights=weights, block=block)
    for name, value in alone.weights().items():
        np.testing.assert_array_equal(other.weights()[name], value)
    for name in layer_names(2)[1:]:
        np.testing.assert_array_equal(
            other.read(name, "soma"), alone.read(name, "soma")
        )


@pytest.mark.parametrize("block", [1, 4])
def test_threads_change_no_bit_of_chunks(block):
    sizes = [5, 4, 3]
    circuit = plastic_microcircuit(sizes, steps=40)
    one, two = (
        run(circuit, shown(sizes, 5), block=block, chunk=2, threads=threads)
        for threads in (1, 2)
    )
    for name, value in one.weights().items():
        np.testing.assert_array_equal(two.weights(name)[name], value)
    for name in layer_names(2)[1:]:
        np.testing.assert_array_equal(two.read(name, "soma"), one.read(name, "soma"))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=3, max_size=5),
    batch=st.integers(1, 3),
    chunk=st.integers(1, 3),
    seed=st.integers(0, 2**31),
    tau=st.sampled_from([None, 5.0, 30.0]),
)
def test_any_small_circuit_equals_the_twin(sizes, batch, chunk, seed, tau):
    circuit = plastic_microcircuit(sizes, steps=30, filter_tau=tau)
    weights = initial_weights(circuit, seed=seed)
    inputs, targets, potentials = patterns(sizes, batch=batch, seed=seed)
    twin = twin_of(circuit, weights, LEARNING, tau_filter=tau or 0.0, batch=batch)
    twin.run(inputs, potentials, 30)
    presenter = run(
        circuit, {"input": inputs, "target": targets}, weights=weights, chunk=chunk
    )
    assert weight_deviation(twin, presenter.weights()) < 1e-12


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    n_pre=st.integers(1, 5),
    n_post=st.integers(1, 5),
    seed=st.integers(0, 2**31),
    density=st.floats(0.0, 1.0),
)
def test_weights_come_back_as_they_were_given(n_pre, n_post, seed, density):
    rng = np.random.default_rng(seed)
    mask = rng.uniform(size=(n_post, n_pre)) < density
    circuit = two_populations(n_pre, n_post, connectivity=mask)
    start = initial_weights(circuit, given={"feedforward": rng.normal(size=mask.shape)})
    presenter = run(circuit, {"input": np.ones((1, n_pre))}, weights=start)
    found, start = presenter.weights()["feedforward"], start["feedforward"]
    np.testing.assert_array_equal(found.toarray(), start.toarray())
    np.testing.assert_array_equal(start.toarray() != 0.0, mask)
    assert found.nnz == mask.sum()


def test_sources_with_the_same_pattern_share_nothing():
    extra = Projection("other", "output", "apical", initial=WEIGHTS)
    circuit = two_populations(
        steps=10, dt=DT, more=(Population("other", source(), 4),), extra=(extra,)
    )
    (phase,) = circuit.schedule.phases
    both_on = replace(circuit.schedule, phases=(replace(phase, on=("input", "other")),))
    presenter = run(
        circuit.with_schedule(both_on), {"input": INPUTS, "other": 2.0 * INPUTS}
    )
    np.testing.assert_array_equal(presenter.read("other", "value"), 2.0 * INPUTS)
    np.testing.assert_array_equal(presenter.read("input", "value"), INPUTS)


def test_a_sparse_mask_of_scipy_is_the_mask_it_holds():
    stored = sparse.csr_array(np.where(MASK, 0.3, 0.0))
    projection = Projection("input", "output", "basal", connectivity=stored)
    np.testing.assert_array_equal(projection.connectivity.mask.toarray(), MASK)
    assert projection.connectivity.mask.dtype == bool
