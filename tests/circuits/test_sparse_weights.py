"""Weights of sparse projections: lists of synapses, wherever they come in or go out."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from systems import run, two_populations
from tiny_training import tiny_circuit, tiny_task

import circuits
from circuits import Normal, Projection, Random, ScaledCopy, Sparse, Uniform
from circuits.describe import describe
from circuits.weights import initial_weights
from dendrites import open_run, save_run, validate
from dendrites._plain_tree import groups_of, plain_tree
from dendrites.activity_difference import ActivityDifference, LowPass
from dendrites.errors import DataError, ModelError

N_POST, N_PRE, NAME = 5, 7, "feedforward"
RNG = np.random.default_rng(2)
MASK = RNG.random((N_POST, N_PRE)) < 0.5
W = np.where(MASK, RNG.normal(size=MASK.shape), 0.0)
RULE = ActivityDifference("rate", "basal", learning_rate=0.05, low_pass=LowPass(5.0))
SHOWN = {"input": RNG.uniform(0.0, 1.0, (1, N_PRE))}
TASK = circuits.Task(
    "few",
    {
        name: circuits.Split(
            RNG.random((4, N_PRE)), RNG.random((4, N_POST)), None, np.arange(4)
        )
        for name in ("train", "test")
    },
)


def circuit(connectivity=MASK, **options):
    options = {"rule": RULE, "initial": Uniform(), "steps": 8, **options}
    return two_populations(N_PRE, N_POST, connectivity=connectivity, **options)


def is_edges(weights, wanted=None):
    assert isinstance(weights, sparse.csr_array)
    assert weights.dtype == np.float64
    assert weights.nnz == MASK.sum()
    if wanted is not None:
        np.testing.assert_array_equal(weights.toarray(), wanted)
    return True


# --- in -------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["array", "csr", "csc", "coo", "lil", "dok", "list"])
def test_weights_are_taken_in_any_form(form):
    given = {"array": W, "list": W.tolist()}.get(form)
    given = sparse.coo_array(W).asformat(form) if given is None else given
    assert is_edges(initial_weights(circuit(), given={NAME: given})[NAME], W)
    assert is_edges(initial_weights(circuit(initial=given))[NAME], W)


def test_weights_of_absent_synapses_are_left_out_of_arrays():
    assert is_edges(initial_weights(circuit(), given={NAME: W + ~MASK})[NAME], W)


def test_synapses_that_a_sparse_array_leaves_out_are_zero():
    some = np.where(W > 0, W, 0.0)
    found = initial_weights(circuit(), given={NAME: sparse.csr_array(some)})[NAME]
    assert is_edges(found, some)


def test_what_was_given_is_not_changed():
    twice = sparse.coo_array(([1.0, 2.0], ([0, 0], [3, 3])), shape=(2, 4))
    given = sparse.csr_array(
        (np.array([1.0, 2.0]), np.array([3, 3]), np.array([0, 2, 2])), shape=(2, 4)
    )
    both = two_populations(4, 2, connectivity=np.ones((2, 4), bool))
    for array in (twice, given):
        assert initial_weights(both, given={NAME: array})[NAME][0, 3] == 3.0
    assert given.data.tolist() == [1.0, 2.0] and given.nnz == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (sparse.csr_array(W + ~MASK), "of 35 entries are of pairs of cells without a"),
        (sparse.csr_array(W.T), r"shape \(7, 5\), must be \(5, 7\) .* Transpose it\?"),
        (sparse.csr_array(W) * 1j, "of type complex128, must be real numbers"),
        (sparse.csr_array(np.where(W > 0, np.nan, W)), "values are not finite"),
        (np.where(W > 0, np.inf, W), r"not finite, the first at \(post, pre\)"),
        (W.T, r"shape \(7, 5\), must be \(5, 7\)"),
        (np.ones(5), r"shape \(5,\), must be \(\d+,\) \(n_synapses,\)"),
        (W[MASK] * np.inf, "not finite, the first at synapse 0"),
    ],
)
def test_wrong_weights_are_refused(given, message):
    with pytest.raises(ModelError, match=message):
        initial_weights(circuit(), given={NAME: given})


def test_a_dense_projection_takes_no_sparse_array():
    with pytest.raises(ModelError, match=r"use \.toarray\(\)"):
        initial_weights(circuit("dense"), given={NAME: sparse.csr_array(W)})
    with pytest.raises(ModelError, match="must be an array"):
        circuit("dense", initial=sparse.csr_array(W))


def test_drawn_weights_are_those_of_a_dense_projection():
    for initial in (Uniform(-0.5, 2.0, per_root_fan_in=True), Normal(0.1, 0.3)):
        every = initial_weights(circuit("dense", initial=initial))[NAME]
        found = initial_weights(circuit(initial=initial))[NAME]
        assert is_edges(found, np.where(MASK, every, 0.0))


def test_a_share_of_sparse_weights_is_one_of_its_synapses():
    found = initial_weights(circuit(initial=Uniform(1.0, 2.0, share=0.5)))[NAME]
    assert np.count_nonzero(found.data) == round(0.5 * MASK.sum())


def test_bounds_are_checked_synapse_by_synapse():
    with pytest.raises(ModelError, match=rf"of {MASK.sum()} are outside the bounds"):
        initial_weights(circuit(initial=W, bounds=(0.0, 9.0)))


@pytest.mark.parametrize("transpose", [False, True])
def test_copies_of_sparse_weights_may_be_sparse_or_dense(transpose):
    square = np.random.default_rng(1).random((4, 4)) < 0.6
    other = np.random.default_rng(2).random((4, 4)) < 0.6
    copy = {"initial": ScaledCopy(NAME, -2.0, transpose), "field": "apical"}
    pair = {"pre": "input", "post": "output", **copy}
    found = initial_weights(
        two_populations(
            4,
            4,
            connectivity=square,
            initial=Uniform(),
            extra=(
                Projection(name="sparse", connectivity=other, **pair),
                Projection(name="full", **pair),
            ),
        )
    )
    start = found[NAME].toarray()
    wanted = -2.0 * (start.T if transpose else start)
    np.testing.assert_array_equal(found["full"], wanted)
    np.testing.assert_array_equal(found["sparse"].toarray(), wanted * other)
    assert found["sparse"].nnz == other.sum()


# --- out ------------------------------------------------------------------------------


def test_every_door_gives_edges():
    weights = {"weights": {NAME: W}}
    presenter = run(circuit(), SHOWN, **weights)
    after = presenter.weights()[NAME]
    assert is_edges(after)
    presenter.set_weights({NAME: after * 0.5})
    assert is_edges(presenter.weights()[NAME], after.toarray() * 0.5)
    (kept,) = circuits.present_sequence(circuit(), SHOWN, **weights).weights
    assert is_edges(kept[NAME], after.toarray())
    shown = circuits.present(circuit(), SHOWN, learning=True, **weights)
    assert is_edges(shown.update[NAME], (after - shown.before[NAME]).toarray())
    assert "update of feedforward  (5, 7)" in repr(shown)
    pieces = circuits.run_in_pieces(
        circuit(),
        lambda first, n: circuits.Inputs({"input": np.ones((n, N_PRE))}, {}),
        n_steps=2,
        driven=["input"],
        **weights,
    )
    assert is_edges(next(pieces).weights[NAME])


def read_back(node, moment):
    places = node.synapse_post.values, node.synapse_pre.values
    shape = node.attrs["n_post"], node.attrs["n_pre"]
    return sparse.csr_array((node.w.values[moment], places), shape)


def test_a_simulation_stores_edges_that_can_be_given_again(tmp_path):
    tree = circuits.simulate(circuit(initial=W), SHOWN, [], learning=True)
    save_run(tree, tmp_path / "run.nc")
    node = open_run(tmp_path / "run.nc")["connections/feedforward"]
    assert node.w.dims == ("record", "synapse")
    assert node.attrs["connectivity"] == "sparse"
    assert is_edges(read_back(node, 0), W)
    after = run(circuit(initial=W), SHOWN).weights()[NAME]
    for stored in (read_back(node, 1), node.w[1], node.w.values[1]):
        given = initial_weights(circuit(), given={NAME: stored})
        assert is_edges(given[NAME], after.toarray())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda ds: ds.synapse_post.values.__setitem__(0, 5),
            "5 at index 0, units are",
        ),
        (lambda ds: ds.attrs.pop("n_pre"), "attribute n_pre must be int"),
        (lambda ds: ds.__delitem__("synapse_pre"), "must be int64 along the dim"),
    ],
)
def test_edges_of_cells_that_do_not_exist_are_refused(change, message):
    tree = circuits.simulate(circuit(initial=W), SHOWN, [], learning=True)
    groups = groups_of(tree)
    change(groups["/connections/feedforward"])
    with pytest.raises(DataError, match=message):
        validate(plain_tree(groups))


def test_training_resumes_with_the_same_edges(tmp_path):
    options = {"epochs": 2, "threads": 1, "weights": {NAME: sparse.csr_array(W)}}
    whole = circuits.train(circuit(), TASK, **options)
    options["checkpoint"] = tmp_path / "c"
    circuits.train(circuit(), TASK, **{**options, "epochs": 2})
    again = circuits.train(circuit(), TASK, resume=True, **options)
    node = again["weights/feedforward"]
    assert node.w.dims == ("snapshot", "synapse")
    assert is_edges(read_back(node, 0), W)
    assert node.w.equals(whole["weights/feedforward"].w)
    assert again.attrs["state_sha256"] == whole.attrs["state_sha256"]
    assert circuits.evaluate(circuit(), TASK, {NAME: read_back(node, -1)}) is not None


def test_probes_and_estimates_look_at_edges():
    dense, name = tiny_circuit(), "input_to_hidden1_basal"
    mask = np.random.default_rng(1).random(dense.shape(name)) < 0.5
    projections = tuple(
        replace(p, connectivity=mask) if p.name == name else p
        for p in dense.projections
    )
    described = replace(dense, projections=projections)
    task = tiny_task(20, 10)
    options = {"threads": 1, "probe": 4, "integrator": "exact"}
    tree = circuits.train(described, task, epochs=1, **options)
    angles = tree["diagnostics"].angle_to_bp
    assert ((angles > 0.0) & (angles < 180.0)).all()
    split = task.splits["train"]
    shown = split.inputs[:4], split.targets[:4]
    found = circuits.gradient_estimate(described, *shown)[name]
    weights = initial_weights(described)
    exact = circuits.negative_gradient(described, weights, *shown)[name]
    assert found.nnz == exact.nnz == weights[name].nnz == mask.sum()
    first = circuits.measure_alignment(found, exact).angle
    first_row = angles.isel(update=0).sel(layer="hidden1")
    assert first == pytest.approx(float(first_row), rel=1e-6)


def test_alignment_of_sparse_changes_is_that_of_the_arrays():
    a, b = (W * RNG.normal(size=W.shape) for _ in range(2))
    b[0] = 0.0
    wanted = circuits.measure_alignment(a, b)
    some = sparse.coo_array(a), sparse.csr_array(b)
    found = circuits.measure_alignment(*some)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    np.testing.assert_allclose(circuits.measure_alignment(a, some[1]), wanted)


def test_sparse_masks_and_arrays_describe_different_circuits():
    one, same, other = (
        describe(circuit(sparse.csr_array(mask))) for mask in (MASK, MASK, ~MASK)
    )
    assert one == same
    assert one != other


# --- drawn ----------------------------------------------------------------------------


def drawn(probability, seed=0, **options):
    return replace(circuit(probability, **options), seed=seed)


def pattern(described, name=NAME):
    n_post, n_pre = described.shape(name)
    synapses = described.projection(name).connectivity.synapses(n_post, n_pre)
    return synapses.weights(np.ones(len(synapses))).toarray()


def test_each_pair_is_joined_with_the_probability():
    n, p = 400, 0.1
    described = two_populations(n, n, connectivity=p)
    found = pattern(described)
    # Within five standard deviations, of all and of each cell.
    spread = np.sqrt(p * (1 - p))
    assert abs(found.mean() - p) < 5 * spread / n
    assert np.abs(found.mean(axis=0) - p).max() < 5 * spread / np.sqrt(n)
    assert np.abs(found.mean(axis=1) - p).max() < 5 * spread / np.sqrt(n)
    assert np.unique(found.sum(axis=1)).size > 10
    # Neighbours are independent.
    joint = (found[:, 1:] * found[:, :-1]).mean()
    assert abs(joint - p * p) < 5 * np.sqrt(p * p * (1 - p * p)) / n


def test_the_synapses_belong_to_the_circuit_and_not_to_a_run():
    described = drawn(0.4)
    first = pattern(described)
    np.testing.assert_array_equal(pattern(drawn(0.4)), first)
    np.testing.assert_array_equal(pattern(described.frozen(NAME)), first)
    assert (pattern(drawn(0.4, seed=1)) != first).any()
    assert (pattern(drawn(0.4, name="other"), "other") != first).any()
    one, other = (initial_weights(described, seed=seed)[NAME] for seed in (1, 2))
    np.testing.assert_array_equal(one.indices, other.indices)
    assert (one.data != other.data).all()


def test_more_probable_synapses_keep_what_a_mask_has():
    """The same weights for the same pairs, whichever else are joined."""
    described = drawn(0.5)
    mask = pattern(described).astype(bool)
    found = initial_weights(described)[NAME]
    given = initial_weights(circuit(mask))[NAME]
    np.testing.assert_array_equal(found.toarray(), given.toarray())


@pytest.mark.parametrize("probability, count", [(0.0, 0), (0, 0), (1.0, 35), (1, 35)])
def test_none_and_all_are_probabilities(probability, count):
    described = circuit(probability)
    assert isinstance(described.projection(NAME).connectivity, Random)
    presenter = run(described, SHOWN)
    assert presenter.weights()[NAME].nnz == count


def test_the_list_of_a_step_says_how_many_synapses_there_are():
    text = circuits.explain(circuit())
    assert f"output.basal (7, 5), {MASK.sum()} synapses" in text


def test_a_drawn_projection_runs_as_that_of_its_mask():
    described = drawn(0.5)
    mask = pattern(described).astype(bool)
    found = run(described, SHOWN).weights()[NAME]
    wanted = run(circuit(Sparse(mask)), SHOWN).weights()[NAME]
    np.testing.assert_array_equal(found.toarray(), wanted.toarray())


def test_the_fan_in_of_drawn_synapses_is_what_is_expected():
    plain = initial_weights(drawn(0.5))[NAME]
    divided = drawn(0.5, initial=Uniform(per_root_fan_in=True))
    found = initial_weights(divided)[NAME]
    np.testing.assert_allclose(found.data * np.sqrt(0.5 * N_PRE), plain.data)


@pytest.mark.parametrize("probability", [-0.1, 1.5, np.nan, np.inf])
def test_other_probabilities_are_refused(probability):
    with pytest.raises(ModelError, match=r"a probability\) = .*: must be"):
        circuit(probability)
    with pytest.raises(ModelError, match="Random: probability = "):
        Random(probability)


@pytest.mark.parametrize("wrong", [True, "0.1", sparse.coo_array([1.0, 0.0])])
def test_what_is_no_connectivity_is_refused(wrong):
    with pytest.raises(ModelError, match="one_to_one, a probability, an array of boo"):
        circuit(wrong)


# --- size -----------------------------------------------------------------------------


def peak(n, probability):
    """Bytes of a run that learns, and of one number for each synapse."""
    described = two_populations(
        n,
        n,
        connectivity=probability,
        rule=ActivityDifference("rate", None, learning_rate=1e-3),
        initial=Normal(0.0, 0.1),
        steps=2,
    )
    tracemalloc.start()
    try:
        shown = {"input": np.ones(n)}
        tree = circuits.simulate(described, shown, [], learning=True)
        return tracemalloc.get_traced_memory()[1], tree["connections/feedforward"].w
    finally:
        tracemalloc.stop()


# Weights before, after and in a run, their sums, places, and the result with labels.
NUMBERS_PER_SYNAPSE = 12


@pytest.mark.parametrize(
    "n, probability",
    [(3000, 0.02), pytest.param(5000, 0.1, marks=pytest.mark.slow)],
)
def test_no_dense_array_is_made_of_sparse_weights(n, probability):
    peak(20, 0.5)  # what is compiled and imported
    most, w = peak(n, probability)
    assert w.sizes["synapse"] == pytest.approx(probability * n * n, rel=0.02)
    assert most < NUMBERS_PER_SYNAPSE * 8 * w.sizes["synapse"]
