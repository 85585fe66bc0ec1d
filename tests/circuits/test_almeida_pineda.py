"""Recurrent backpropagation, against derivatives of its fixed point."""

import numpy as np
import pytest
from systems import logistic

import circuits
from circuits import algorithms
from circuits.stack import bottom_up
from dendrites.errors import ModelError, NumericalError

SIZES = (4, 5, 4, 3)
NAMES = ("input", "hidden1", "hidden2", "output")
RNG = np.random.default_rng(0)
X = RNG.uniform(-1.0, 1.0, (5, 4))
T = RNG.uniform(0.1, 0.9, (5, 3))
REST = {"tolerance": 1e-14, "step": 0.7}


def weights_of(circuit):
    rng = np.random.default_rng(1)
    return {
        name: rng.normal(0.0, 0.3, w.shape) if name.startswith("bias") else w
        for name, w in circuits.initial_weights(circuit).items()
        if circuit.projection(name).tied_to is None and w.ndim > 1
    }


def loss(weights):
    """Half the squared error at the fixed point, mean over samples, in plain NumPy."""
    cells = NAMES[1:]
    ends = np.cumsum([0, *SIZES[1:]])
    place = {n: slice(ends[k], ends[k + 1]) for k, n in enumerate(cells)}
    kind = np.result_type(*weights.values())
    w, drive = np.zeros((ends[-1], ends[-1]), kind), np.zeros((5, ends[-1]), kind)
    for pre in ("bias", *NAMES):
        for post in cells:
            value = weights.get(bottom_up(pre, post))
            if value is None:
                continue
            if pre == "bias":
                drive[:, place[post]] += value[:, 0]
            elif pre == "input":
                drive[:, place[post]] += X @ value.T
            else:
                w[place[post], place[pre]] = value
    r = np.zeros_like(drive)
    for _ in range(400):
        r = logistic(r @ w.T + drive)
    return 0.5 * ((r[:, place["output"]] - T) ** 2).sum() / len(X)


def gradient(weights, name):
    """-dL/dW, by complex steps: without the cancellation of finite differences."""
    found = np.zeros_like(weights[name])
    for at in np.ndindex(found.shape):
        moved = weights[name].astype(complex)
        moved[at] += 1e-30j
        found[at] = -loss({**weights, name: moved}).imag / 1e-30
    return found


@pytest.mark.parametrize(
    ("lateral", "top_down"), [(True, True), (True, False), (False, True)]
)
def test_the_update_is_the_gradient_at_the_fixed_point(lateral, top_down):
    circuit = algorithms.almeida_pineda(
        SIZES, lateral=lateral, top_down=top_down, learning_rate=1.0, **REST,
        recurrent_initial=circuits.Uniform(-1.5, 1.5),
    )  # fmt: skip
    weights = weights_of(circuit)
    assert len(weights) == 6 + 3 * lateral + 2 * top_down
    found = circuits.gradient_estimate(circuit, X, T, weights=weights)
    for name in weights:
        exact = gradient(weights, name)
        error = np.linalg.norm(found[name] - exact) / np.linalg.norm(exact)
        assert error < 5e-11, name


def test_without_recurrent_weights_it_is_backprop():
    circuit = algorithms.almeida_pineda(
        SIZES, lateral=False, top_down=False, learning_rate=1.0, **REST
    )
    weights = weights_of(circuit)
    found = circuits.gradient_estimate(circuit, X, T, weights=weights)
    exact = circuits.negative_gradient(circuit, weights, X, T)
    for name, value in exact.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-13)


def test_a_spectral_radius_beyond_one_is_said():
    circuit = algorithms.almeida_pineda((2, 2), output_phi="tanh")
    weights = {
        bottom_up("input", "output"): np.zeros((2, 2)),
        bottom_up("output", "output"): np.array([[0.0, -4.0], [4.0, 0.0]]),
        bottom_up("bias", "output"): np.full((2, 1), 0.1),
    }
    with pytest.raises(NumericalError, match="phase 'free'.*did not come to rest"):
        circuits.present(
            circuit, {"input": np.ones((1, 2)), "target": np.ones((1, 2))},
            weights=weights,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("sizes", "options", "text"),
    [
        (5, {}, "sizes = 5"),
        (SIZES, {"lateral": "yes"}, "lateral"),
        (SIZES, {"top_down": 1}, "top_down"),
        (SIZES, {"feedback": None}, "no option 'feedback'"),
        (SIZES, {"loss": "cross_entropy"}, "no option 'loss'"),
        (SIZES, {"output_phi": "softmax"}, "phi = 'softmax'"),
        ((4, 3), {"lateral": False, "recurrent_initial": circuits.Uniform()},
         "no recurrent weights"),
        (SIZES, {"learning_rate": (0.1, 0.2)}, "2 values for 3 layers"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("nothing_is_compiled")
def test_options_that_contradict_are_refused(sizes, options, text):
    with pytest.raises(ModelError, match=text):
        algorithms.almeida_pineda(sizes, **options)
