"""Convolutions, pooling, local fields and slots: products, learning, gradients."""

from dataclasses import replace

import numpy as np
import pytest
from backprop_circuit import backprop
from scipy.signal import convolve2d, correlate2d
from shared_kinds import CELL, KINDS, PLAIN, RULE, circuit_of, drawn, each_kind, full

import circuits
from circuits import (
    Constant,
    Convolution,
    Phase,
    Pooling,
    Population,
    Presenter,
    Projection,
    Tied,
    Uniform,
)
from dendrites import ActivityDifference, transfer
from dendrites.models import source

RNG = np.random.default_rng(0)


def sums_of(kind, table):
    """Of a table (n_post, n_pre), what the synapses of every weight sum to."""
    n = kind.n_synapses(*table.shape)
    # No kind joins a pair of cells twice.
    which = full(kind, np.arange(1.0, n + 1).reshape(kind.slot_shape)).astype(int)
    joined = which > 0
    return np.bincount(which[joined] - 1, table[joined], n).reshape(kind.slot_shape)


@each_kind
@pytest.mark.parametrize("samples", [1, 3])
def test_a_product_is_that_of_the_table_of_weights(every_engine, kind, samples):
    weights = drawn(kind)
    rates = RNG.uniform(-1, 1, (samples, kind.n_pre))
    shown = circuits.present(
        circuit_of(kind),
        {"input": rates},
        reads=[("output", "basal")],
        weights={"feedforward": weights},
    )
    wanted = rates @ full(kind, weights).T
    found = shown["output", "basal"]
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(shown.weights["feedforward"], weights)


def test_a_convolution_is_that_of_scipy(every_engine):
    kind = Convolution((9, 8), (3, 4), (2, 3))
    weights, images = drawn(kind), RNG.uniform(size=(2, 2, 9, 8))
    wanted = [
        [
            sum(correlate2d(x[i], weights[o, i], "valid") for i in range(2))
            for o in range(3)
        ]
        for x in images
    ]
    shown = circuits.present(
        circuit_of(kind),
        {"input": images.reshape(2, -1)},
        reads=[("output", "basal")],
        weights={"feedforward": weights},
    )
    found = shown["output", "basal"].reshape(2, *kind.post_shape)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


def test_strides_and_padding_are_those_of_padded_images():
    kind = Convolution((7, 6), 3, stride=2, padding=1)
    weights, image = drawn(kind), RNG.uniform(size=(7, 6))
    wanted = correlate2d(np.pad(image, 1), weights[0, 0], "valid")[::2, ::2]
    assert kind.post_shape == (1, *wanted.shape)
    found = kind.drive(weights, image.reshape(1, -1), kind.n_post)
    np.testing.assert_allclose(found.reshape(wanted.shape), wanted, rtol=1e-12)
    table = image.reshape(1, -1) @ full(kind, weights).T
    np.testing.assert_allclose(table.reshape(wanted.shape), wanted, rtol=1e-12)


def test_pooling_averages_fields():
    kind = Pooling((4, 6), 2, 2)
    image = RNG.uniform(size=(2, 4, 6))
    start = circuits.initial_weights(circuit_of(kind, initial=Constant(kind.average)))
    found = kind.drive(start["feedforward"], image.reshape(1, -1), kind.n_post)
    wanted = image.reshape(2, 2, 2, 3, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(found.reshape(wanted.shape), wanted, rtol=1e-14)


def tied_back(kind, tied, *, steps=1, **options):
    """A projection, and one that carries other signals back through its weights."""
    back = Projection("above", "below", "basal", connectivity=kind.transposed)
    return circuit_of(
        kind,
        extra=(replace(back, tied_to=tied, name="back"),),
        more=(
            Population("above", source(), kind.n_post, pattern="targets"),
            Population("below", CELL, kind.n_pre),
        ),
        phases=(Phase("shown", 0.2 * steps, on=("input", "above")),),
        **options,
    )


def test_a_tied_transposed_convolution_is_that_of_scipy(every_engine):
    kind = Convolution((6, 5), (3, 2), (1, 2))
    weights, maps = drawn(kind), RNG.uniform(size=kind.post_shape)
    wanted = sum(convolve2d(maps[o], weights[o, 0], "full") for o in range(2))
    shown = circuits.present(
        tied_back(kind, Tied("feedforward", 2.0, transpose=True)),
        {"input": np.zeros(kind.n_pre), "above": maps.ravel()},
        reads=[("below", "basal")],
        weights={"feedforward": weights},
    )
    found = shown["below", "basal"].reshape(6, 5)
    np.testing.assert_allclose(found, 2 * wanted, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(shown.weights["back"], 2 * weights)


# --- learning -------------------------------------------------------------------------


@each_kind
def test_a_weight_moves_by_the_sum_of_its_synapses(every_engine, kind):
    """Filtered, step by step; the table beside it is set to the shared weights."""
    weights, rates = drawn(kind), RNG.uniform(-1, 1, (3, kind.n_pre))
    circuit = circuit_of(kind, rule=RULE, carry_state=True)
    dense = replace(circuit.projections[0], connectivity=circuits.Dense())
    dense = replace(circuit, projections=(dense,))
    one = Presenter(circuit, weights={"feedforward": weights}, batch=3)
    table = {"feedforward": full(kind, weights)}
    other = Presenter(dense, weights=table, batch=3)
    for _ in range(4):
        before = one.weights()["feedforward"]
        one.present({"input": rates})
        other.set_weights({"feedforward": full(kind, before)})
        other.present({"input": rates})
        moved = one.weights()["feedforward"] - before
        wanted = sums_of(kind, other.weights()["feedforward"] - full(kind, before))
        np.testing.assert_allclose(moved, wanted, rtol=1e-10, atol=1e-14)
        assert np.abs(moved).max() > 1e-4


@each_kind
def test_blocks_of_one_step_are_steps(every_engine, kind):
    circuit = circuit_of(kind, rule=RULE, steps=6)
    rates = RNG.uniform(-1, 1, (3, kind.n_pre))
    shown = {"weights": {"feedforward": drawn(kind)}, "learning": True}
    exact, blocks, lanes, longer = (
        circuits.present(circuit, {"input": rates}, **shown, **options).update
        for options in (
            {},
            {"integrator": circuits.Blocked(1)},
            {"chunk": 2},
            {"integrator": circuits.Blocked(3)},
        )
    )
    wanted, size = exact["feedforward"], np.abs(exact["feedforward"]).max()
    for found, accuracy in ((blocks, 1e-12), (lanes, 1e-12), (longer, 0.2)):
        error = np.abs(found["feedforward"] - wanted).max()
        assert error < accuracy * size
    assert np.abs(longer["feedforward"] - wanted).max() > 1e-12 * size


@pytest.mark.parametrize("optimise", [True, False])
def test_ties_follow_while_shared_weights_learn(every_engine, optimise):
    tied = Tied("feedforward", -0.5, transpose=True)
    circuit = tied_back(KINDS["strided"], tied, rule=RULE, steps=4)
    kind = KINDS["strided"]
    shown = {"input": RNG.uniform(size=kind.n_pre), "above": np.ones(kind.n_post)}
    for integrator in ("exact", circuits.Blocked(2)):
        done = circuits.present(circuit, shown, learning=True, integrator=integrator)
        forward = done.weights["feedforward"]
        np.testing.assert_array_equal(done.weights["back"], -0.5 * forward)
        assert np.abs(done.update["back"]).max() > 1e-6


def test_weights_can_be_those_of_another_convolution(every_engine):
    small = Convolution((4, 4), (3, 2), (2, 3))
    alike = Projection(
        "other", "second", "basal", connectivity=small, tied_to=Tied("feedforward")
    )
    circuit = circuit_of(
        PLAIN,
        rule=RULE,
        extra=(alike,),
        more=(
            Population("other", source(), small.n_pre, pattern="targets"),
            Population("second", CELL, small.n_post),
        ),
        phases=(Phase("shown", 0.4, on=("input", "other")),),
    )
    weights, image = drawn(PLAIN), RNG.uniform(size=small.n_pre)
    shown = circuits.present(
        circuit,
        {"input": RNG.uniform(size=PLAIN.n_pre), "other": image},
        reads=[("second", "basal")],
        weights={"feedforward": weights},
    )
    wanted = full(small, weights) @ image
    np.testing.assert_allclose(shown["second", "basal"][0], wanted, rtol=1e-12)


def test_bounds_hold_shared_weights(every_engine):
    circuit = circuit_of(PLAIN, rule=RULE, steps=20, bounds=(-0.1, 0.1))
    start = {"feedforward": Uniform(-0.1, 0.1)}
    shown = {"input": RNG.uniform(size=PLAIN.n_pre)}
    rates = {"feedforward": 10.0}
    done = circuits.present(
        circuit, shown, weights=start, learning=True, learning_rates=rates
    )
    assert np.abs(done.weights["feedforward"]).max() == 0.1
    assert np.abs(done.update["feedforward"]).max() > 0.01


@pytest.mark.parametrize("options", [{"stepper": "heun"}, {"delay": 0.6}, {}])
def test_signals_that_move_go_through_shared_weights(every_engine, options):
    """Recurrent, and beside it the table of the same weights."""
    again = Convolution((4, 4), 3, (3, 3), padding=1)
    weights, image = drawn(again), RNG.uniform(size=(2, PLAIN.n_pre))
    delay = {name: options[name] for name in options if name == "delay"}
    ends = []
    for connectivity, start in ((again, weights), ("dense", full(again, weights))):
        back = Projection(
            "output", "output", "apical", initial=start, connectivity=connectivity
        )
        rest = {k: v for k, v in options.items() if k not in delay}
        back = replace(back, **delay)
        circuit = circuit_of(PLAIN, steps=12, extra=(back,), **rest)
        shown = circuits.present(circuit, {"input": image}, reads=[("output", "soma")])
        ends.append(shown["output", "soma"])
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-11)
    assert np.abs(ends[0]).max() > 0.1


def test_averages_of_products_are_summed_over_synapses(every_engine):
    rule = ActivityDifference(
        "soma", None, moments=("shown", "shown"), average="products", learning_rate=1.0
    )
    phases = (Phase("shown", 1.2, on=("input",), window=1.0),)
    rates = RNG.uniform(size=(2, PLAIN.n_pre))
    changes = []
    for kind in (PLAIN, circuits.Dense()):
        circuit = circuit_of(PLAIN, rule=rule, phases=phases)
        one = replace(circuit.projections[0], connectivity=kind)
        start = drawn(PLAIN) if kind is PLAIN else full(PLAIN, drawn(PLAIN))
        done = circuits.present(
            replace(circuit, projections=(one,)),
            {"input": rates},
            weights={"feedforward": start},
            learning=True,
        )
        changes.append(done.update["feedforward"])
    np.testing.assert_allclose(changes[0], sums_of(PLAIN, changes[1]), rtol=1e-11)


def test_ties_go_through_functions_and_signs_hold(every_engine):
    kind, times = KINDS["strided"], RNG.uniform(1.0, 2.0, KINDS["strided"].slot_shape)
    tied = Tied("feedforward", transpose=True, function=transfer.sign, times=times)
    circuit = tied_back(kind, tied, rule=RULE, steps=4, sign=-1)
    shown = {"input": RNG.uniform(-1, 1, kind.n_pre), "above": np.ones(kind.n_post)}
    rates = {"feedforward": 2.0}
    done = circuits.present(circuit, shown, learning=True, learning_rates=rates)
    forward = done.weights["feedforward"]
    assert forward.max() == 0.0
    assert forward.min() < 0.0
    np.testing.assert_array_equal(done.weights["back"], times * np.sign(forward))


# --- the exact gradient ---------------------------------------------------------------


@pytest.mark.parametrize("first", ["convolution", "strided", "wide", "strided local"])
def test_backpropagation_through_shared_weights_is_the_gradient(every_engine, first):
    kind = KINDS[first]
    pool = Pooling(kind.post_shape[1:], (2, 2), kind.channels[1], stride=1)
    sizes = [kind.n_pre, kind.n_post, pool.n_post, 3]
    check_gradient(backprop(sizes, (kind, pool, circuits.Dense())))


def test_backpropagation_through_slots_is_the_gradient(every_engine):
    slots = KINDS["slots"]
    # The last cell has no synapse.
    sizes = [slots.n_pre, slots.n_post + 1, slots.n_pre, 3]
    kinds = (slots, KINDS["slots, back"], circuits.Dense())
    check_gradient(backprop([sizes[0], slots.n_post, *sizes[2:]], kinds))
    check_gradient(backprop([sizes[0], sizes[1], 3], (slots, circuits.Dense())))


def check_gradient(circuit):
    """What a circuit does, the reference network, and differences of its loss."""
    n_in, n_out = circuit.populations[0].size, circuit.populations[1].size
    inputs, targets = RNG.uniform(-1, 1, (4, n_in)), RNG.uniform(0, 1, (4, n_out))
    weights = circuits.initial_weights(circuit, seed=2)
    found = circuits.gradient_estimate(circuit, inputs, targets, weights=weights)
    wanted = circuits.negative_gradient(circuit, weights, inputs, targets)
    step = 1e-5
    for name, direction in wanted.items():
        assert direction.shape == circuit.weights_shape(name)
        size = np.abs(direction).max()
        np.testing.assert_allclose(found[name], direction, rtol=0, atol=1e-13)
        # A dozen weights of each projection, along the gradient and drawn.
        for seed in range(3):
            along = np.random.default_rng(seed).normal(size=direction.shape)
            along = circuit.projection(name).connectivity.masked(along)
            losses = [
                circuits.network_loss(
                    circuit,
                    weights | {name: weights[name] + sign * step * along},
                    inputs,
                    targets,
                )
                for sign in (1.0, -1.0)
            ]
            slope = (losses[1] - losses[0]) / (2 * step)
            error = abs(slope - (along * direction).sum())
            assert error < 1e-6 * np.linalg.norm(along) * size
