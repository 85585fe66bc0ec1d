"""Predictive coding, against backprop, its energy and a linear solution."""

import numpy as np
import pytest
from scheme_circuits import EXACT, mean_product
from systems import logistic

import circuits
from circuits import Phase, Schedule, algorithms
from circuits.algorithms.predictive_coding import FORMS
from circuits.gradient import feedforward
from circuits.stack import bottom_up
from dendrites.errors import ModelError, NumericalError

SIZES = (6, 5, 4, 3)
NAMES = ("input", "hidden1", "hidden2", "output")
PAIRS = tuple(zip(NAMES[:-1], NAMES[1:], strict=True))
RNG = np.random.default_rng(0)
X = RNG.uniform(-1.0, 1.0, (7, 6))
T = RNG.uniform(0.1, 0.9, (7, 3))
SHOWN = {"input": X, "target": T}


def built(sizes=SIZES, **options):
    return algorithms.predictive_coding(sizes, **{"learning_rate": 1.0, **options})


def weights_of(circuit):
    rng = np.random.default_rng(1)
    return {
        name: rng.normal(0.0, 0.3, w.shape) if name.startswith("bias") else w
        for name, w in circuits.initial_weights(circuit).items()
        if circuit.projection(name).tied_to is None and w.ndim > 1
    }


def both(circuit, targets=T):
    """Its update of one batch and the exact gradient, by projection."""
    weights = weights_of(circuit)
    found = circuits.gradient_estimate(circuit, X, targets, weights=weights)
    exact = circuits.negative_gradient(circuit, weights, X, targets)
    assert len(exact) == 6
    return found, exact


def distances(circuit, targets=T):
    found, exact = both(circuit, targets)
    return np.array(
        [np.linalg.norm(found[n] - g) / np.linalg.norm(g) for n, g in exact.items()]
    )


@pytest.mark.parametrize("precision", [1.0, 0.25])
@pytest.mark.parametrize("form", ["fixed_prediction", "zero_divergence"])
def test_two_forms_are_backprop_to_rounding(form, precision):
    found, exact = both(built(form=form, output_precision=precision))
    for name, value in exact.items():
        # An update is read off weights, which are known to their last bit.
        np.testing.assert_allclose(found[name], value, rtol=EXACT, atol=4e-16)


def test_strict_coding_is_backprop_to_first_order_in_the_output_precision():
    far, near = (
        distances(built(output_precision=pi, tolerance=1e-14)) for pi in (4e-3, 2e-3)
    )
    assert (near < 1e-2).all() and (near > 1e-6).all()
    np.testing.assert_allclose(far / near, 2.0, rtol=0.05)


def test_small_errors_are_no_limit_of_strict_coding():
    circuit = built(tolerance=1e-14)
    weights = weights_of(circuit)
    schedule = circuit.test_schedule
    found = circuits.present(circuit, {"input": X}, schedule, weights=weights)
    answer = found["output", "rate"]
    large, small = (
        distances(circuit, answer + share * (T - answer)) for share in (1e-2, 1e-4)
    )
    assert (small > 5e-3).all()
    np.testing.assert_allclose(small, large, rtol=0.05)


def predictions(weights, values):
    """Of all layers from the values below, in plain NumPy."""
    return [
        logistic(
            v @ weights[bottom_up(*pair)].T + weights[bottom_up("bias", pair[1])].T
        )
        for v, pair in zip(values[:-1], PAIRS, strict=True)
    ]


@pytest.mark.usefixtures("every_engine")
@pytest.mark.parametrize("precision", [1.0, 0.3])
def test_strict_values_rest_at_a_minimum_of_the_energy(precision):
    circuit = built(output_precision=precision, tolerance=1e-13)
    weights = weights_of(circuit)
    reads = [(name, "rate") for name in NAMES]
    found = circuits.present(
        circuit, SHOWN, weights=weights, reads=reads, learning=True
    )
    v = [found[name, "rate"] for name in NAMES]
    np.testing.assert_allclose(v[3], T, rtol=0, atol=1e-15)
    mu, pi = predictions(weights, v), (1.0, 1.0, precision)
    errors = [p * (a - m) for p, a, m in zip(pi, v[1:], mu, strict=True)]
    deltas = [e * m * (1.0 - m) for e, m in zip(errors, mu, strict=True)]
    for k in (0, 1):
        slope = -errors[k] + deltas[k + 1] @ weights[bottom_up(*PAIRS[k + 1])]
        assert np.abs(errors[k]).max() > 1e-3
        np.testing.assert_allclose(slope, 0.0, atol=1e-12)
    for k, pair in enumerate(PAIRS):
        wanted = mean_product(deltas[k], v[k]) / precision
        np.testing.assert_allclose(found.update[bottom_up(*pair)], wanted, atol=1e-12)


def test_the_error_of_a_linear_output_is_the_one_shared_with_its_hidden_layer():
    circuit = built((6, 5, 3), phi="identity", tolerance=1e-14)
    weights = weights_of(circuit)
    found = circuits.present(
        circuit, SHOWN, weights=weights, reads=[("output", "error", "relaxed")]
    )
    w = weights[bottom_up("hidden1", "output")]
    error = T - feedforward(circuit, weights, X)[-1]
    wanted = np.linalg.solve(np.eye(3) + w @ w.T, error.T).T
    np.testing.assert_allclose(found["output", "error", "relaxed"], wanted, atol=EXACT)


def test_the_energy_falls_in_every_sweep():
    circuit, n = built(), 40
    first = circuit.schedule.phases[:2]
    sweeps = [
        Phase(f"sweep{k}", relax=NAMES[1:], sweeps=1, step=0.2, on=("target",))
        for k in range(n)
    ]
    schedule = Schedule((*first, *sweeps), always_on=("input", "bias"))
    weights = {k: 4.0 * w for k, w in weights_of(circuit).items()}
    at = ["clamped", *(phase.name for phase in sweeps)]
    reads = [(name, "rate", phase) for name in NAMES for phase in at]
    found = circuits.present(circuit, SHOWN, schedule, weights=weights, reads=reads)
    energies = []
    for phase in at:
        v = [found[name, "rate", phase] for name in NAMES]
        mu = predictions(weights, v)
        errors = [((a - m) ** 2).sum(axis=1) for a, m in zip(v[1:], mu, strict=True)]
        energies.append(0.5 * sum(errors))
    assert (np.diff(energies, axis=0) < 0.0).all()
    assert (energies[-1] < 0.97 * energies[0]).all()


def test_without_a_target_the_sweep_up_is_the_minimum():
    circuit = built()
    weights, (up, *_) = weights_of(circuit), circuit.schedule.phases
    relaxed = Phase("relaxed", relax=NAMES[1:], sweeps=50, step=0.2)
    schedule = Schedule((up, relaxed), always_on=("input", "bias"))
    reads = [("output", "rate", phase) for phase in ("forward", "relaxed")]
    found = circuits.present(circuit, SHOWN, schedule, weights=weights, reads=reads)
    wanted = logistic(feedforward(circuit, weights, X)[-1])
    for key in reads:
        np.testing.assert_allclose(found[key], wanted, rtol=0, atol=1e-14)


@pytest.mark.parametrize("form", FORMS)
def test_learned_feedback_loses_the_difference_by_the_decay_alone(form):
    decay, n = 0.01, 30
    circuit = built(form=form, feedback="learned", weight_decay=decay)
    with circuits.Presenter(circuit, batch=len(X)) as presenter:
        seen = [presenter.weights()]
        for _ in range(n):
            presenter.present(SHOWN, learning=True)
        seen.append(presenter.weights())
    for here, above in PAIRS[1:]:
        gaps = [
            w[bottom_up(here, above)] - w[f"{above}_to_{here}_apical"].T for w in seen
        ]
        moved = seen[1][bottom_up(here, above)] - seen[0][bottom_up(here, above)]
        assert np.abs(moved).max() > 0.05
        np.testing.assert_allclose(
            gaps[1], (1 - decay) ** n * gaps[0], rtol=0, atol=1e-14
        )


def test_values_that_do_not_come_to_rest_are_said():
    with pytest.raises(NumericalError, match="phase 'relaxed'.*did not come to rest"):
        circuits.present(built(sweeps=4), SHOWN)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"output_precision": 0.0}, "output_precision = 0.0: must be > 0"),
        ({"form": "fixed"}, "form = 'fixed'"),
        ({"feedback": "random"}, "feedback = 'random'"),
        ({"feedback_initial": circuits.Uniform()}, "has no weights of its own"),
        ({"form": "zero_divergence", "sweeps": 5}, "makes one step of 1 ms per layer"),
        ({"form": "zero_divergence", "step": 0.1}, "makes one step of 1 ms per layer"),
        ({"loss": "cross_entropy"}, "no option 'loss'"),
        ({"learning_rate": (0.1,) * 4}, "4 values for 3 layers"),
        ({"output_phi": "softmax"}, "phi = 'softmax'"),
    ],
)
@pytest.mark.usefixtures("nothing_is_compiled")
def test_options_that_contradict_are_refused(options, text):
    with pytest.raises(ModelError, match=text):
        built(**options)
