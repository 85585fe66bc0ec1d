"""Equilibrium propagation, against derivatives of its free equilibrium."""

import functools

import numpy as np
import pytest
from scheme_circuits import EXACT, mean_product
from systems import logistic

import circuits
from circuits import algorithms
from circuits.stack import bottom_up
from dendrites.errors import ModelError, NumericalError

SIZES = (3, 4, 3, 2)
NAMES = ("input", "hidden1", "hidden2", "output")
PAIRS = tuple(zip(NAMES[:-1], NAMES[1:], strict=True))
RNG = np.random.default_rng(0)
X = RNG.uniform(-1.0, 1.0, (5, 3))
T = RNG.uniform(0.1, 0.9, (5, 2))
SHOWN = {"input": X, "target": T}
REST = {"phi": "logistic", "learning_rate": 1.0, "tolerance": 1e-14}


def built(**options):
    return algorithms.equilibrium_propagation(SIZES, **{**REST, **options})


@functools.cache
def weights_of():
    """Of a circuit with symmetric weights."""
    circuit, rng = built(initial=circuits.Uniform(-2.0, 2.0)), np.random.default_rng(1)
    return {
        name: rng.normal(0.0, 0.5, w.shape) if name.startswith("bias") else w
        for name, w in circuits.initial_weights(circuit).items()
        if circuit.projection(name).tied_to is None and w.ndim > 1
    }


def feedback_of(weights):
    """The transposed weights, as those of feedback."""
    return {f"{a}_to_{h}_apical": weights[bottom_up(h, a)].T for h, a in PAIRS[1:]}


def equilibrium(weights, beta=0.0, sweeps=600, step=0.5, s=None, hard=False):
    """Potentials of all layers after so many sweeps, in plain NumPy.

    `beta` is a number or one per sample; feedback may have weights of its own.
    """
    up = [weights[bottom_up(*pair)] for pair in PAIRS]
    b = [weights[bottom_up("bias", here)][:, 0] for here in NAMES[1:]]
    down = feedback_of(weights)
    down = [weights.get(name, down[name]) for name in down]
    s = s or [np.zeros((len(X), n), up[0].dtype) for n in SIZES[1:]]
    for _ in range(sweeps):
        r = [X, *(v if hard else logistic(v) for v in s)]
        drive = [r[k] @ up[k].T + b[k] for k in range(3)]
        drive = [*(drive[k] + r[k + 2] @ down[k].T for k in range(2)), drive[2]]
        nudge = [0.0, 0.0, np.reshape(beta, (-1, 1)) * (T - s[2])]
        slopes = [1.0 if hard else v * (1.0 - v) for v in r[1:]]
        s = [
            v + step * (g * d - v + n)
            for v, g, d, n in zip(s, slopes, drive, nudge, strict=True)
        ]
        s = [np.clip(v, 0.0, 1.0) for v in s] if hard else s
    return s


def products(s, of=slice(None), hard=False):
    """Means of rate times rate below, and of rates, by projection."""
    r = [X[of], *((v if hard else logistic(v))[of] for v in s)]
    found = {
        bottom_up(*pair): mean_product(r[k + 1], r[k]) for k, pair in enumerate(PAIRS)
    }
    biases = {
        bottom_up("bias", n): r[k + 1].mean(axis=0)[:, None]
        for k, n in enumerate(NAMES[1:])
    }
    return found | biases


@functools.cache
def exact():
    """-dL/dW of the loss at the free equilibrium, by complex steps."""
    weights, found = weights_of(), {}
    for name, value in weights.items():
        found[name] = np.zeros_like(value)
        for at in np.ndindex(value.shape):
            moved = {k: w.astype(complex) for k, w in weights.items()}
            moved[name][at] += 1e-30j
            output = equilibrium(moved, sweeps=120)[2]
            loss = 0.5 * ((T - output) ** 2).sum() / len(X)
            found[name][at] = -loss.imag / 1e-30
    return found


def distances(**options):
    """Of updates from the exact gradient, relative, by projection."""
    found = circuits.gradient_estimate(built(**options), X, T, weights=weights_of())
    return np.array(
        [np.linalg.norm(found[n] - g) / np.linalg.norm(g) for n, g in exact().items()]
    )


@pytest.mark.parametrize(("nudging", "order"), [("one_sided", 1), ("symmetric", 2)])
def test_the_update_goes_to_the_gradient_with_the_order_of_its_nudging(nudging, order):
    far, near = (distances(beta=b, nudging=nudging) for b in (0.01, 0.005))
    assert (near < 0.02).all()
    np.testing.assert_allclose(far / near, 2.0**order, rtol=0.05)


@pytest.mark.usefixtures("every_engine")
@pytest.mark.parametrize("hard", [False, True])
def test_one_update_is_the_difference_of_products_over_the_nudge(hard):
    beta, few = 0.3, {"sweeps": 12, "nudged_sweeps": 5, "tolerance": None}
    phi = "hard_sigmoid" if hard else "logistic"
    circuit = built(phi=phi, nudging="one_sided", beta=beta, **few)
    weights = {name: 0.5 * w for name, w in weights_of().items()}
    found = circuits.present(circuit, SHOWN, weights=weights, learning=True)
    free = equilibrium(weights, sweeps=12, hard=hard)
    nudged = equilibrium(weights, beta, 5, s=free, hard=hard)
    if hard:
        assert (free[0] == 0).any() and (free[0] == 1).any()
    before, sizes = products(free, hard=hard), []
    for name, value in products(nudged, hard=hard).items():
        wanted = (value - before[name]) / beta
        np.testing.assert_allclose(found.update[name], wanted, rtol=0, atol=EXACT)
        sizes.append(np.abs(wanted).max())
    assert max(sizes) > 0.01


def test_a_coin_says_for_every_sample_on_which_side_it_is_nudged():
    beta, reads = 0.2, [("hidden1", "sign"), ("coin", "sign")]
    circuit = built(nudging="random_sign", beta=beta)
    found = circuits.present(
        circuit, SHOWN, weights=weights_of(), learning=True, reads=reads, number=3
    )
    signs = found["coin", "sign"][:, 0]
    assert set(signs) == {-1.0, 1.0}
    np.testing.assert_array_equal(found["hidden1", "sign"], signs[:, None].repeat(4, 1))
    free, nudged = equilibrium(weights_of()), equilibrium(weights_of(), beta * signs)
    for name in products(free):
        of_samples = [
            sign * (products(nudged, [i])[name] - products(free, [i])[name]) / beta
            for i, sign in enumerate(signs)
        ]
        wanted = np.mean(of_samples, axis=0)
        np.testing.assert_allclose(found.update[name], wanted, rtol=0, atol=1e-11)


def test_both_sides_of_the_coin_add_up_to_the_symmetric_update():
    one = circuits.present(
        built(beta=0.2), SHOWN, weights=weights_of(), learning=True
    ).update
    toward, away = (products(equilibrium(weights_of(), b)) for b in (0.2, -0.2))
    for name in toward:
        wanted = (toward[name] - away[name]) / 0.4
        np.testing.assert_allclose(one[name], wanted, rtol=0, atol=1e-11)


def vector_field(weights, beta, **options):
    circuit = built(feedback="learned", nudging="one_sided", beta=beta, **options)
    return circuits.gradient_estimate(circuit, X, T, weights=weights)


def test_weights_of_a_vector_field_learn_from_their_own_cells_change():
    beta, rng = 0.2, np.random.default_rng(4)
    back = {k: rng.normal(size=w.shape) for k, w in feedback_of(weights_of()).items()}
    weights = weights_of() | back
    found = vector_field(weights, beta)
    free, nudged = equilibrium(weights), equilibrium(weights, beta)
    r = [X, *(logistic(v) for v in free)]
    delta = [
        a * (1 - a) * (n - f) / beta
        for a, n, f in zip(r[1:], nudged, free, strict=True)
    ]
    for k, (below, here) in enumerate(PAIRS):
        wanted = mean_product(delta[k], r[k])
        np.testing.assert_allclose(found[bottom_up(below, here)], wanted, atol=1e-11)
    for k, name in enumerate(back):
        wanted = mean_product(delta[k], r[k + 2])
        np.testing.assert_allclose(found[name], wanted, atol=1e-11)


def test_a_symmetric_vector_field_is_equilibrium_propagation_to_first_order():
    weights = weights_of() | feedback_of(weights_of())
    errors = []
    for beta in (0.01, 0.005):
        found, distance = vector_field(weights, beta), []
        for name, gradient in exact().items():
            value = found[name]
            for here, above in PAIRS[1:]:
                if name == bottom_up(here, above):
                    value = value + found[f"{above}_to_{here}_apical"].T
            distance.append(np.linalg.norm(value - gradient) / np.linalg.norm(gradient))
        errors.append(distance)
    far, near = np.array(errors)
    assert (near < 0.02).all()
    np.testing.assert_allclose(far / near, 2.0, rtol=0.05)


def test_a_free_phase_that_is_not_at_rest_is_said():
    with pytest.raises(NumericalError, match="phase 'free'.*did not come to rest"):
        circuits.present(built(sweeps=3), SHOWN, weights=weights_of())


def test_the_answer_is_the_free_state_of_the_output():
    circuit = built()
    found = circuits.present(
        circuit, {"input": X}, circuit.test_schedule, weights=weights_of()
    )
    wanted = equilibrium(weights_of())[2]
    np.testing.assert_allclose(found["output", "soma"], wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"beta": 0.0}, "beta = 0.0: must be > 0"),
        ({"beta": -0.1}, "beta"),
        ({"nudging": "both"}, "nudging = 'both'"),
        ({"feedback": "symmetric"}, "feedback = 'symmetric'"),
        ({"feedback_initial": circuits.Uniform()}, "has no weights of its own"),
        ({"loss": "squared"}, "no option 'loss'"),
        ({"output_phi": "softmax"}, "phi = 'softmax'"),
        ({"nudged_sweeps": 0}, "sweeps"),
        ({"step": 2.5}, "diverge at step = 2.5"),
        ({"learning_rate": (0.1, 0.2)}, "2 values for 3 layers"),
    ],
)
@pytest.mark.usefixtures("nothing_is_compiled")
def test_options_that_contradict_are_refused(options, text):
    with pytest.raises(ModelError, match=text):
        built(**options)
