"""Connectivity as objects: shapes of weights, their order in a run, what is refused."""

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from systems import two_populations

import circuits
from circuits import Constant, Dense, OneToOne, Projection, ScaledCopy, Sparse, Uniform
from circuits.weights import initial_weights
from dendrites import validate
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ModelError

MASK = np.array([[1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 0, 1]], bool)


def dense(array):
    return array.toarray() if sparse.issparse(array) else array


def paired(n=3, **options):
    return two_populations(n, n, connectivity=OneToOne(), **options)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("dense", Dense),
        ("one_to_one", OneToOne),
        (MASK, Sparse),
        (sparse.csr_array(MASK), Sparse),
        (Dense(), Dense),
        (OneToOne(), OneToOne),
        (Sparse(sparse.csr_array(MASK)), Sparse),
    ],
)
def test_words_and_masks_become_objects(given, kind):
    found = Projection("a", "b", "basal", connectivity=given).connectivity
    assert type(found) is kind
    if kind is Sparse:
        np.testing.assert_array_equal(dense(found.mask), MASK)


@pytest.mark.parametrize(
    ("connectivity", "sizes", "shape", "count"),
    [
        (Dense(), (3, 4), (3, 4), 12),
        (OneToOne(), (4, 4), (4,), 4),
        (Sparse(MASK), (3, 4), (3, 4), 6),
    ],
    ids=["dense", "one_to_one", "sparse"],
)
def test_weights_come_back_from_the_order_of_a_run(connectivity, sizes, shape, count):
    assert connectivity.weights_shape(*sizes) == shape
    assert connectivity.n_synapses(*sizes) == count
    weights = connectivity.masked(np.random.default_rng(0).normal(size=shape))
    flat = connectivity.flatten(weights)
    assert flat.shape == (count,)
    assert flat.dtype == np.float64
    found = connectivity.unflatten(flat, *sizes)
    assert type(found) is type(weights)
    np.testing.assert_array_equal(dense(found), dense(weights))


def test_a_run_holds_weights_by_presynaptic_cell():
    weights = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(Dense().flatten(weights), weights.T.ravel())
    assert Sparse(MASK).flatten(weights).tolist() == [0, 8, 9, 2, 3, 11]
    assert OneToOne().flatten([3.0, 1.0]).tolist() == [3.0, 1.0]


def test_the_index_of_a_mask_has_starts_and_targets():
    found = Sparse(MASK).index(3, 4)
    assert found.dtype == np.int32
    assert found.tolist() == [0, 2, 3, 4, 6, *(0, 2), 2, 0, *(0, 2)]


# --- weights of one-to-one projections ------------------------------------------------


def test_weights_of_pairs_are_one_for_each():
    circuit = paired(initial=np.array([1.0, 2.0, 3.0]))
    assert circuit.shape("feedforward") == (3, 3)
    assert circuit.weights_shape("feedforward") == (3,)
    assert initial_weights(circuit)["feedforward"].tolist() == [1.0, 2.0, 3.0]
    given = initial_weights(circuit, given={"feedforward": [4.0, 5.0, 6.0]})
    assert given["feedforward"].tolist() == [4.0, 5.0, 6.0]
    constant = initial_weights(circuit, given={"feedforward": Constant(0.5)})
    assert constant["feedforward"].tolist() == [0.5, 0.5, 0.5]


def test_a_square_array_for_pairs_is_refused_with_a_hint():
    with pytest.raises(ModelError, match=r"array \(n,\) or.* Give its diagonal"):
        paired(initial=np.eye(3))
    message = re.escape("shape (3, 3), must be (3,) (n,). Give its diagonal")
    with pytest.raises(ModelError, match=message):
        initial_weights(paired(), given={"feedforward": np.eye(3)})


def test_other_shapes_for_pairs_get_no_such_hint():
    with pytest.raises(ModelError, match=r"shape \(4,\), must be \(3,\)") as caught:
        initial_weights(paired(), given={"feedforward": np.ones(4)})
    assert "diagonal" not in str(caught.value)
    with pytest.raises(ModelError, match=r"must be an array \(n_post, n_pre\)"):
        two_populations(initial=np.ones(3))


def test_bad_weights_of_pairs_are_counted_and_located():
    bad = {"feedforward": [1.0, np.nan, 2.0]}
    with pytest.raises(ModelError, match=r"1 of 3 values .* at cell 1"):
        initial_weights(paired(), given=bad)
    rule = ActivityDifference("rate", "basal")
    bounded = paired(rule=rule, bounds=(0.0, 1.0))
    with pytest.raises(ModelError, match="1 of 3 are outside the bounds"):
        initial_weights(bounded, given={"feedforward": [0.5, 2.0, 1.0]})


def test_the_fan_in_of_pairs_is_one():
    start = Uniform(0.5, 1.0)
    plain = initial_weights(paired(100, initial=start))["feedforward"]
    divided = paired(100, initial=replace(start, per_root_fan_in=True))
    np.testing.assert_array_equal(initial_weights(divided)["feedforward"], plain)
    assert plain.shape == (100,)
    assert (plain >= 0.5).all()
    some = paired(100, initial=replace(start, share=0.3))
    assert np.count_nonzero(initial_weights(some)["feedforward"]) == 30


def test_copies_of_pairs_are_of_pairs():
    def second(**options):
        copy = ScaledCopy("feedforward", -2.0, transpose=True)
        options = {"connectivity": "one_to_one", "name": "copy", **options}
        return Projection("input", "output", "apical", initial=copy, **options)

    circuit = paired(initial=np.array([1.0, 2.0, 3.0]), extra=(second(),))
    assert initial_weights(circuit)["copy"].tolist() == [-2.0, -4.0, -6.0]
    with pytest.raises(ModelError, match=r"weights \(3, 3\) cannot follow"):
        paired(extra=(second(connectivity="dense"),))
    dense = paired(extra=(Projection("output", "output", "apical", name="back"),))
    with pytest.raises(ModelError, match=r"'back': \(3, 3\) .* copy of .*, \(3,\)"):
        initial_weights(dense, given={"back": ScaledCopy("feedforward")})


def test_a_million_pairs_have_a_million_weights():
    circuit = paired(1_000_000, initial=Uniform())
    assert initial_weights(circuit)["feedforward"].shape == (1_000_000,)


def test_results_have_one_weight_for_each_pair():
    rule = ActivityDifference("rate", "basal", learning_rate=0.05)
    circuit = paired(rule=rule, initial=Constant(0.5), steps=5)
    shown = {"input": np.array([1.0, 0.5, 0.2])}
    tree = circuits.simulate(circuit, shown, [], learning=True)
    node = tree["connections/feedforward"]
    assert node.w.dims == ("record", "post")
    assert node.attrs["connectivity"] == "one_to_one"
    validate(tree)
    before, after = node.w.values
    assert before.tolist() == [0.5, 0.5, 0.5]
    assert np.abs(after - before).min() > 1e-6
    again = circuits.simulate(circuit, shown, [], weights={"feedforward": after})
    assert "feedforward" not in again.children


def test_a_training_run_has_one_weight_for_each_pair(tmp_path):
    rule = ActivityDifference("rate", "basal", learning_rate=0.05)
    circuit = paired(rule=rule, initial=Constant(0.5), steps=5)
    rng = np.random.default_rng(0)
    split = circuits.Split(rng.random((4, 3)), rng.random((4, 3)), None, np.arange(4))
    task = circuits.Task("few", {"train": split, "test": split})
    options = {"epochs": 2, "threads": 1, "checkpoint": tmp_path / "c"}
    options["weights"] = start = {"feedforward": np.array([0.1, 0.2, 0.3])}
    tree = circuits.train(circuit, task, **options)
    validate(tree)
    w = tree["weights/feedforward"].w
    again = circuits.train(circuit, task, resume=True, **options)
    assert again["weights/feedforward"].w.equals(w)
    assert w.dims == ("snapshot", "post")
    np.testing.assert_array_equal(w.values[0], start["feedforward"])
    assert np.abs(np.diff(w.values, axis=0)).min() > 1e-6
    final = {"feedforward": w.values[-1]}
    assert circuits.evaluate(circuit, task, final) is not None
