"""Weights tied through a function and times numbers follow at every moment."""

import math
from dataclasses import replace

import numpy as np
import pytest
from naive_circuit import circuit, joined, layers, random_weights, sources
from naive_runs import assert_same, both
from scipy.sparse import csr_array

import circuits
from circuits import Phase, Tied, Uniform
from dendrites import ActivityDifference, LowPass, SynapticRule, random, transfer
from dendrites.errors import DendritesError, ModelError

pytestmark = pytest.mark.usefixtures("every_engine")

N = 4
TIMES = np.random.default_rng(3).uniform(0.5, 1.5, (N, N))
SEEN = ActivityDifference("seen", None, learning_rate=0.05)
FILTERED = ActivityDifference("u", None, learning_rate=0.1, low_pass=LowPass(3.0))
ACROSS = ActivityDifference("rate", "u", learning_rate=0.5, moments=("shown", "shown"))


def grow(weight, cell, pre, p):
    return cell.seen * pre


def squashed(weight):
    return weight / (1.0 + weight * weight)


TIES = {
    "sign": Tied("lead", 0.3, True, function=transfer.sign),
    "own place": Tied("lead", 0.3, False, function=squashed),
    "times": Tied("lead", -0.5, False, times=TIMES),
    "all": Tied("lead", -0.5, True, function=squashed, times=TIMES),
}
RULES = {"plain": SEEN, "filtered": FILTERED, "synaptic": SynapticRule(grow, 0.05)}


def network(tie, rule=SEEN, phases=(), **options):
    """A layer that drives a second one, which feeds back through tied weights."""
    return circuit(
        (*sources(("a",), N), *layers(("x", "y"), N)),
        (
            joined("a", "x", "drive"),
            joined("x", "y", "lead", rule=rule, **options),
            joined("y", "x", "back", "second", tied_to=tie, **options),
        ),
        phases=phases,
    )


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("rule", ["plain", "filtered"])
@pytest.mark.parametrize("kind", TIES)
def test_every_step_equals_the_twins(kind, rule, batch):
    assert_same(*both(network(TIES[kind], RULES[rule]), batch=batch))


def test_lanes_that_share_weights_equal_the_twin():
    assert_same(*both(network(TIES["all"], FILTERED), batch=70))


@pytest.mark.parametrize("times", [None, TIMES[0]])
@pytest.mark.parametrize("transpose", [False, True])
def test_one_to_one_weights_follow_one_to_one_ones(transpose, times):
    options = {"connectivity": "one_to_one"}
    tie = Tied("lead", 2.0, transpose, function=squashed, times=times)
    assert_same(*both(network(tie, **options), batch=2))


MASK = np.random.default_rng(7).random((N, N)) < 0.6
SPARSE = {
    "alias": Tied("lead", -0.5),
    "transposed": Tied("lead", -0.5, True),
    "sign": TIES["sign"],
    "all": TIES["all"],
    "own place": TIES["own place"],
}


def sparse_network(tie, mask=None, rule=FILTERED):
    mask = (MASK.T if tie.transpose else MASK) if mask is None else mask
    described, masks = network(tie, rule), {"lead": MASK, "back": mask}
    projections = (
        replace(p, connectivity=masks.get(p.name, p.connectivity))
        for p in described.projections
    )
    return replace(described, projections=tuple(projections))


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("kind", SPARSE)
def test_sparse_weights_follow_sparse_ones(kind, batch):
    assert_same(*both(sparse_network(SPARSE[kind]), batch=batch))


def test_sparse_weights_are_given_and_multiplied_as_they_are_kept():
    times = csr_array(np.where(MASK.T, TIMES, 0.0))
    tie = Tied("lead", 0.3, True, function=squashed, times=times)
    described = sparse_network(tie)
    weights = presented(described).weights()
    function = np.vectorize(squashed, otypes=[float])
    wanted = 0.3 * times.toarray() * function(weights["lead"].toarray().T)
    np.testing.assert_allclose(weights["back"].toarray(), wanted, rtol=1e-12)
    assert circuits.initial_weights(described, given=weights)["back"].nnz == MASK.sum()
    tie = Tied("lead", 1.0, True, times=Uniform(0.0, 1.0), redraw=True)
    ratios = []
    for count in (1, 2):
        found = presented(sparse_network(tie), count).weights()
        back, lead = (found[name].toarray() for name in ("back", "lead"))
        ratios.append(back[MASK.T] / lead.T[MASK.T])
    assert (ratios[0] != ratios[1]).all()
    assert np.min(ratios) > 0.0 and np.max(ratios) < 1.0


def test_sparse_weights_of_other_pairs_are_refused():
    for tie in (TIES["sign"], TIES["own place"]):
        with pytest.raises(ModelError, match="other pairs of cells than 'lead'"):
            sparse_network(tie, ~MASK)
    with pytest.raises(ModelError, match="only dense projections can be tied to"):
        sparse_network(TIES["sign"], "dense")


def presented(described, count=3, **options):
    """A presenter after so many presentations of random patterns."""
    rng = np.random.default_rng(1)
    options = {"weights": random_weights(described), **options}
    presenter = circuits.Presenter(described, **options)
    for _ in range(count):
        presenter.present({"a": rng.uniform(-1.0, 1.0, (1, N))})
    return presenter


def assert_tied(weights, tie, times, atol=1e-12):
    other = weights["lead"].T if tie.transpose else weights["lead"]
    function = tie.function or (lambda w: w)
    wanted = tie.factor * times * np.vectorize(function, otypes=[float])(other)
    np.testing.assert_allclose(weights["back"], wanted, rtol=0, atol=atol)


@pytest.mark.parametrize("integrator", ["exact", "blocked", "equilibrium"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", TIES)
def test_they_follow_whatever_moves_the_others(kind, rule, integrator):
    phases = (Phase("shown", 40.0, on=("a",)),)
    described = network(TIES[kind], RULES[rule], phases)
    start = random_weights(described)
    weights = presented(described, 1, integrator=integrator).weights()
    assert np.abs(weights["lead"] - start["lead"]).max() > 1e-3
    assert_tied(weights, TIES[kind], 1.0 if TIES[kind].times is None else TIMES)


def test_a_block_uses_a_function_of_the_weights_in_its_middle():
    described = network(TIES["sign"], FILTERED)
    text = circuits.explain(described, block=4)
    first = text.index("predict middle of lead")
    assert text.index("middle of back from sign of middle of lead") > first


def test_single_precision_follows_too():
    described = network(TIES["all"], FILTERED)
    weights = presented(described, dtype="float32").weights()
    assert_tied(weights, TIES["all"], TIMES, atol=1e-6)


def test_functions_of_numpy_and_math_may_be_given():
    for function, same in ((np.sign, transfer.sign), (math.tanh, np.tanh), (abs, abs)):
        tie = Tied("lead", 0.3, True, function=function)
        weights = presented(network(tie)).weights()
        other = Tied("lead", 0.3, True, function=lambda w, same=same: float(same(w)))
        assert_tied(weights, other, 1.0)


def settled(tie):
    """Two settled phases, and a rule of their difference."""
    phases = tuple(
        Phase(name, settle=("x", "y", "x"[:k]) if k else ("x", "y"), on=("a",))
        for k, name in enumerate(("free",))
    )
    rule = ActivityDifference("u", None, learning_rate=0.5, moments=("free", "free"))
    return network(tie, rule, phases)


SYMMETRY = {
    "uniform": {"factor": 0.2},
    "redrawn": {"times": Uniform(0.0, 0.4), "redraw": True},
    "fixed": {"times": Uniform(0.0, 0.4)},
}


def drawn(presentation, seed=5):
    """Times drawn for a presentation, by their address."""
    key = random.stream_key(seed, "times/back")
    flat = [random.uniform(*key, 0, presentation, 0, k) for k in range(N * N)]
    return 0.4 * np.array(flat).reshape(N, N).T


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("form", SYMMETRY)
def test_sign_symmetry_in_its_three_forms(form, streamed):
    tie = Tied("lead", transpose=True, function=transfer.sign, **SYMMETRY[form])
    if streamed:
        described = settled(tie)
    else:
        described = network(tie, ACROSS, (Phase("shown", 6.0, on=("a",), window=2.0),))
    start = circuits.initial_weights(described, given=random_weights(described))
    seen = [start]
    for count in (1, 3):
        if streamed:
            presenter = presented(described, 0)
            x = np.random.default_rng(1).uniform(-1.0, 1.0, (count, N))
            presenter.present_many({"a": x})
        else:
            presenter = presented(described, count)
        seen.append(presenter.weights())
    sizes = []
    for weights in seen:
        assert (np.sign(weights["back"]) == np.sign(weights["lead"]).T).all()
        sizes.append(np.abs(weights["back"]))
    assert np.abs(seen[2]["lead"] - start["lead"]).max() > 1e-3
    if form == "uniform":
        np.testing.assert_allclose(np.array(sizes), 0.2, rtol=1e-12)
    elif form == "fixed":
        wanted = random.generator(5, "times/back").uniform(0.0, 0.4, (N, N))
        np.testing.assert_allclose(sizes, [wanted] * 3, rtol=1e-12)
    else:
        np.testing.assert_allclose(sizes[1], drawn(1), rtol=1e-12)
        np.testing.assert_allclose(sizes[2], drawn(3), rtol=1e-12)


def test_numbers_that_are_not_drawn_anew_stay_when_weights_are_put():
    tie = Tied("lead", transpose=True, times=Uniform(0.5, 1.5), redraw=True)
    presenter = presented(network(tie))
    times = presenter.weights()["back"] / presenter.weights()["lead"].T
    other = np.full((N, N), 0.25)
    presenter.set_weights({"lead": other})
    np.testing.assert_allclose(presenter.weights()["back"], 0.25 * times, rtol=1e-12)


def test_weights_through_a_function_may_have_noise_in_either_direction():
    for transpose in (False, True):
        tie = Tied("lead", 0.3, transpose, noise=0.5, function=transfer.sign)
        off = np.abs(presented(network(tie)).weights()["back"])
        assert np.ptp(off) > 0.1


def inverse(weight):
    return 1.0 / weight


REFUSED = {
    "function": [5, "sign", inverse, lambda w: "a", lambda a, b: a, math.log],
    "times": ["a", [[1.0, np.nan]], np.ones((N, N + 1)), 3.0],
    "redraw": [True, 1],
}


@pytest.mark.parametrize(
    "option, value", [(o, v) for o, values in REFUSED.items() for v in values]
)
def test_impossible_ties_are_refused(option, value):
    with pytest.raises(DendritesError, match="back|Tied"):
        described = network(Tied("lead", transpose=True, **{option: value}))
        circuits.initial_weights(described)


def test_an_error_names_the_weight_that_a_function_has_no_number_for():
    with pytest.raises(ModelError, match="function of the weight 0 raises ZeroDiv"):
        circuits.initial_weights(network(Tied("lead", function=inverse)))


def test_kernels_that_carry_signals_back_follow_through_a_function():
    way = circuits.Convolution((4, 4), 2, (1, 2))
    rule = ActivityDifference("seen", None, learning_rate=0.01)
    tie = Tied("lead", 0.3, True, function=transfer.sign, times=Uniform(0.5, 1.0))
    described = circuit(
        (*sources(("a",), way.n_pre), *layers(("x",), way.n_pre))
        + layers(("y",), way.n_post),
        (
            joined("a", "x", "drive", connectivity="one_to_one"),
            joined("x", "y", "lead", connectivity=way, rule=rule),
            joined(
                "y", "x", "back", "second", connectivity=way.transposed, tied_to=tie
            ),
        ),
    )
    start = np.random.default_rng(1).normal(size=(2, 1, 2, 2))
    given = {"drive": np.ones(way.n_pre), "lead": start}
    with circuits.Presenter(described, weights=given) as presenter:
        before = presenter.weights()["back"]
        presenter.present({"a": np.linspace(-1.0, 1.0, way.n_pre)})
        weights = presenter.weights()
    sizes = np.abs(weights["back"])
    np.testing.assert_allclose(weights["back"], np.sign(weights["lead"]) * sizes)
    np.testing.assert_allclose(sizes, np.abs(before), rtol=1e-12)
    assert np.abs(weights["lead"] - start).max() > 1e-3
    assert sizes.min() >= 0.15 and sizes.max() <= 0.3
