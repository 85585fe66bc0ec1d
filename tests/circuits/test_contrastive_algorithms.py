"""Contrastive Hebbian learning and GeneRec, against their exact relations."""

import numpy as np
import pytest
from scheme_circuits import EXACT, mean_product
from systems import logistic

import circuits
from circuits import algorithms
from circuits.stack import bottom_up
from dendrites.errors import ModelError, NumericalError

SIZES = (6, 5, 4, 3)
NAMES = ("input", "hidden1", "hidden2", "output")
PAIRS = tuple(zip(NAMES[:-1], NAMES[1:], strict=True))
RNG = np.random.default_rng(0)
X = RNG.uniform(-1.0, 1.0, (7, 6))
T = RNG.uniform(0.1, 0.9, (7, 3))
SHOWN = {"input": X, "target": T}
FORMS = [(False, False), (True, False), (False, True), (True, True)]
REST = {"tolerance": 1e-13, "step": 1.0}


def weights_of(circuit):
    """Initial weights, and biases that are not 0."""
    rng = np.random.default_rng(1)
    return {
        name: rng.normal(0.0, 0.3, w.shape) if name.startswith("bias") else w
        for name, w in circuits.initial_weights(circuit).items()
        if circuit.projection(name).tied_to is None and w.ndim > 1
    }


def swept(weights, gain, sweeps, step):
    """Rates of all layers at the ends of both phases, in plain NumPy."""
    w = [weights[bottom_up(*pair)] for pair in PAIRS]
    b = [weights[bottom_up("bias", here)][:, 0] for here in NAMES[1:]]
    r, ends = [X, *(np.zeros((len(X), n)) for n in SIZES[1:])], []
    for clamped in (False, True):
        for _ in range(sweeps):
            drive = [r[k] @ w[k].T + b[k] for k in range(3)]
            for k in range(2):
                drive[k] = drive[k] + gain * r[k + 2] @ w[k + 1]
            new = [logistic(u) for u in drive]
            if clamped:
                new[2] = T
            r = [X, *(a + step * (n - a) for a, n in zip(r[1:], new, strict=True))]
        ends.append(r)
    return ends


@pytest.mark.usefixtures("every_engine")
def test_one_update_is_the_difference_of_the_products_of_both_phases():
    gain = 0.4
    circuit = algorithms.contrastive_hebbian(
        SIZES, gain=gain, learning_rate=1.0, sweeps=9, step=0.7, tolerance=None
    )
    weights = weights_of(circuit)
    found = circuits.present(circuit, SHOWN, weights=weights, learning=True)
    free, clamped = swept(weights, gain, 9, 0.7)
    for k, (below, here) in enumerate(PAIRS):
        scale = gain ** (k - 2)
        pairs = (free[k + 1], free[k]), (clamped[k + 1], clamped[k])
        wanted = scale * (mean_product(*pairs[1]) - mean_product(*pairs[0]))
        assert np.abs(wanted).max() > 1e-3
        update = found.update[bottom_up(below, here)]
        np.testing.assert_allclose(update, wanted, rtol=0, atol=EXACT)
        wanted = scale * (clamped[k + 1] - free[k + 1]).mean(axis=0)
        update = found.update[bottom_up("bias", here)][:, 0]
        np.testing.assert_allclose(update, wanted, rtol=0, atol=EXACT)


def distances(make, **options):
    """Of updates from the exact gradient, relative, by projection."""
    circuit = make(SIZES, **REST, **options)
    weights = weights_of(circuit)
    found = circuits.gradient_estimate(circuit, X, T, weights=weights)
    exact = circuits.negative_gradient(circuit, weights, X, T)
    assert len(exact) == 6
    return np.array(
        [np.linalg.norm(found[n] - g) / np.linalg.norm(g) for n, g in exact.items()]
    )


@pytest.mark.parametrize("output_phi", ["logistic", "identity"])
def test_contrastive_learning_is_backprop_to_first_order_in_the_feedback(output_phi):
    # The delta of a clamped output is t - r: that of the cross entropy of logistic
    # cells, of the squared error of linear ones.
    far, near = (
        distances(algorithms.contrastive_hebbian, gain=gain, output_phi=output_phi)
        for gain in (2e-3, 1e-3)
    )
    assert (near < 2e-3).all() and (near > 1e-6).all()
    np.testing.assert_allclose(far / near, 2.0, rtol=0.05)


@pytest.mark.parametrize(("midpoint", "symmetric"), FORMS)
def test_every_form_of_generec_is_so_too(midpoint, symmetric):
    options = {"midpoint": midpoint, "symmetric": symmetric}
    far, near = (
        distances(algorithms.generec, gain=gain, **options) for gain in (2e-3, 1e-3)
    )
    assert (near < 2e-3).all() and (near > 1e-6).all()
    np.testing.assert_allclose(far / near, 2.0, rtol=0.05)


def rule(post, pre, midpoint, symmetric):
    """One projection's update from (free, clamped) rates of its cells."""
    mean_pre, mean_post = pre[0], post[0]
    if midpoint:
        mean_pre, mean_post = (pre[0] + pre[1]) / 2, (post[0] + post[1]) / 2
    found = mean_product(post[1] - post[0], mean_pre)
    if symmetric:
        found = found + mean_product(mean_post, pre[1] - pre[0])
    return found


@pytest.mark.parametrize("feedback", ["transposed", "learned"])
@pytest.mark.parametrize(("midpoint", "symmetric"), FORMS)
def test_each_form_is_its_product_of_changes(midpoint, symmetric, feedback):
    circuit = algorithms.generec(
        SIZES, midpoint=midpoint, symmetric=symmetric, learning_rate=1.0,
        feedback=feedback,
    )  # fmt: skip
    reads = [(n, "rate", at) for n in NAMES for at in ("free", "clamped")]
    found = circuits.present(
        circuit, SHOWN, weights=weights_of(circuit), reads=reads, learning=True
    )
    rates = {n: [found[n, "rate", at] for at in ("free", "clamped")] for n in NAMES}
    form = midpoint, symmetric
    for below, here in PAIRS:
        wanted = rule(rates[here], rates[below], *form)
        update = found.update[bottom_up(below, here)]
        np.testing.assert_allclose(update, wanted, rtol=0, atol=1e-15)
    for here, above in PAIRS[1:]:
        update = found.update[f"{above}_to_{here}_apical"]
        wanted = rule(rates[above], rates[here], *form).T
        if feedback == "learned":
            wanted = rule(rates[here], rates[above], *form)
        np.testing.assert_allclose(update, wanted, rtol=0, atol=1e-15)


def test_the_symmetric_midpoint_is_contrastive_hebbian_learning():
    updates = []
    both = {"gain": 1.0, "learning_rate": 1.0, "tolerance": 1e-13}
    for make, options in (
        (algorithms.contrastive_hebbian, {}),
        (algorithms.generec, {"midpoint": True, "symmetric": True}),
    ):
        circuit = make(SIZES, **both, **options)
        weights = weights_of(circuit)
        made = circuits.present(circuit, SHOWN, weights=weights, learning=True)
        updates.append(made.update)
    for name, value in updates[0].items():
        # An update is read off weights, which are known to their last bit.
        np.testing.assert_allclose(updates[1][name], value, rtol=0, atol=4e-16)


def test_learned_feedback_of_symmetric_forms_keeps_its_distance():
    circuit = algorithms.generec(
        SIZES, symmetric=True, feedback="learned", learning_rate=0.5
    )
    with circuits.Presenter(circuit, batch=len(X)) as presenter:
        before = presenter.weights()
        for _ in range(20):
            presenter.present(SHOWN, learning=True)
        after = presenter.weights()
    for here, above in PAIRS[1:]:
        moved = [
            after[name] - before[name]
            for name in (bottom_up(here, above), f"{above}_to_{here}_apical")
        ]
        assert np.abs(moved[0]).max() > 1e-2
        np.testing.assert_allclose(moved[0], moved[1].T, rtol=0, atol=1e-14)


def test_a_free_phase_without_a_fixed_point_is_said():
    # Two layers that inhibit each other strongly swing for ever at full steps.
    circuit = algorithms.generec((2, 4, 4), step=1.0, sweeps=200)
    weights = {bottom_up("hidden1", "output"): np.full((4, 4), -8.0)}
    with pytest.raises(NumericalError, match="phase 'free'.*did not come to rest"):
        circuits.present(
            circuit, {"input": np.ones((1, 2)), "target": np.ones((1, 4))},
            weights=weights,
        )  # fmt: skip


def test_other_outputs_have_no_reference_network():
    circuit = algorithms.contrastive_hebbian(SIZES, phi="tanh")
    with pytest.raises(ModelError, match="no feedforward network"):
        circuits.negative_gradient(circuit, weights_of(circuit), X, T)
    assert algorithms.generec(SIZES, phi=("tanh", "logistic")).network is not None
    assert algorithms.generec((6, 3)).network.loss == "cross_entropy"


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("contrastive_hebbian", {"gain": 0.0}, "gain = 0.0: must be > 0"),
        ("contrastive_hebbian", {"feedback": "learned"}, "no option 'feedback'"),
        ("contrastive_hebbian", {"output_phi": "softmax"}, "phi = 'softmax'"),
        ("contrastive_hebbian", {"loss": "squared"}, "no option 'loss'"),
        ("contrastive_hebbian", {"sweeps": 0}, "sweeps"),
        ("contrastive_hebbian", {"step": 2.5}, "diverge at step = 2.5"),
        ("contrastive_hebbian", {"learning_rate": (0.1,)}, "1 values for 3 layers"),
        ("contrastive_hebbian", {"phi": 3}, "phi = 3"),
        ("generec", {"gain": -1.0}, "gain"),
        ("generec", {"midpoint": "yes"}, "midpoint"),
        ("generec", {"symmetric": 1}, "symmetric"),
        ("generec", {"feedback": "random"}, "feedback = 'random'"),
        ("generec", {"feedback_initial": circuits.Uniform()}, "has no weights of its"),
        ("generec", {"feedback": "learned", "gain": 0.1}, "as strong as its weights"),
    ],
)
@pytest.mark.usefixtures("nothing_is_compiled")
def test_options_that_contradict_are_refused(name, options, text):
    with pytest.raises(ModelError, match=text):
        getattr(algorithms, name)(SIZES, **options)
