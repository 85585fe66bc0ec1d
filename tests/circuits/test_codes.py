"""Auto-encoders and recirculation, against their equations and gradients."""

import numpy as np
import pytest
from scheme_circuits import close, mean_product
from systems import logistic

import circuits
from circuits import algorithms
from circuits.stack import bottom_up
from dendrites.errors import ModelError

SIZES = (6, 5, 4, 3)
LAYERS = ("input", "hidden1", "hidden2", "output")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(7, 6))
T = RNG.uniform(0.1, 0.9, size=(7, 3))
MAKERS = {
    "autoencoder": algorithms.autoencoder,
    "recirculation": algorithms.recirculation,
}
# Pairs of a layer and what it codes, and the transfer function of the latter.
PAIRS = (("hidden1", "input"), ("hidden2", "hidden1"))
OF_PICTURES = (lambda u: u, logistic)


def weights_of(circuit, seed=0, size=0.7):
    """Random numbers for all weights that learn, biases too."""
    rng = np.random.default_rng(seed)
    return {
        p.name: rng.normal(0.0, size, circuit.weights_shape(p.name))
        for p in circuit.projections
        if p.rule is not None
    }


def decoder(above, here):
    return f"{above}_to_{here}_reconstruction"


def rates(weights):
    found = [X]
    for below, here in zip(LAYERS[:-1], LAYERS[1:], strict=True):
        u = found[-1] @ weights[bottom_up(below, here)].T
        found.append(logistic(u + weights[bottom_up("bias", here)][:, 0]))
    return found


@pytest.fixture(scope="module")
def autoencoder():
    """A circuit, its weights and the estimate that it makes of gradients."""
    circuit = algorithms.autoencoder(SIZES)
    weights = weights_of(circuit)
    return weights, circuits.gradient_estimate(circuit, X, T, weights=weights)


def test_every_layer_follows_the_gradient_of_its_own_reconstruction(autoencoder):
    weights, found = autoencoder
    activities = rates(weights)
    for k, (here, below) in enumerate(PAIRS):
        names = (
            bottom_up(below, here),
            bottom_up("bias", here),
            decoder(here, below),
            decoder("bias", below),
        )
        picture = activities[k]

        def loss(w, b, v, c, picture=picture, phi=OF_PICTURES[k]):
            shown = phi(logistic(picture @ w.T + b[:, 0]) @ v.T + c[:, 0])
            return 0.5 * ((picture - shown) ** 2).sum() / len(picture)

        for position, name in enumerate(names):
            parts = [weights[n] for n in names]
            for index in ((0, 0), (3, 0), (1, -1)):
                ends = []
                for step in (1e-5, -1e-5):
                    moved = parts[position].copy()
                    moved[index] += step
                    given = [*parts[:position], moved, *parts[position + 1 :]]
                    ends.append(loss(*given))
                slope = -(ends[0] - ends[1]) / 2e-5
                # Of central differences, with a step of 1e-5.
                assert abs(found[name][index] - slope) < 1e-8 * max(1.0, abs(slope))


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_the_output_learns_its_targets_from_the_code(make, autoencoder):
    circuit = make(SIZES)
    weights = weights_of(circuit)
    found = circuits.gradient_estimate(circuit, X, T, weights=weights)
    exact = circuits.negative_gradient(circuit, weights, X, T)
    names = (bottom_up("hidden2", "output"), bottom_up("bias", "output"))
    close(found, {name: exact[name] for name in names})


def test_a_fixed_encoder_stays_and_its_decoder_learns(autoencoder):
    weights, learned = autoencoder
    circuit = algorithms.autoencoder(SIZES, encoder="fixed")
    found = circuits.gradient_estimate(circuit, X, T, weights=weights)
    assert not any(bottom_up(below, here) in found for here, below in PAIRS)
    names = [decoder(here, below) for here, below in PAIRS]
    close(found, {name: learned[name] for name in names})


def recirculated(weights, kept):
    """Updates of all hidden layers and their decoders."""
    activities, found = rates(weights), {}
    for k, (here, below) in enumerate(PAIRS):
        x, h = activities[k : k + 2]
        w, b = weights[bottom_up(below, here)], weights[bottom_up("bias", here)]
        v, c = weights[decoder(here, below)], weights[decoder("bias", below)]
        again = kept * x + (1 - kept) * OF_PICTURES[k](h @ v.T + c[:, 0])
        last = kept * h + (1 - kept) * logistic(again @ w.T + b[:, 0])
        found[bottom_up(below, here)] = mean_product(h - last, again)
        found[bottom_up("bias", here)] = (h - last).mean(axis=0)[:, None]
        found[decoder(here, below)] = mean_product(x - again, h)
        found[decoder("bias", below)] = (x - again).mean(axis=0)[:, None]
    return found


def test_recirculation_is_that_of_the_equations():
    circuit = algorithms.recirculation(SIZES, regression=0.6)
    weights = weights_of(circuit)
    found = circuits.gradient_estimate(circuit, X, T, weights=weights)
    close(found, recirculated(weights, 0.6))


def test_recirculation_turns_to_the_gradient_as_layers_keep_more_of_themselves():
    """A linear picture and B = W^T: the angle is proportional to 1 - lambda."""
    angles, first = [], bottom_up("input", "hidden1")
    for kept in (0.9, 0.99, 0.999):
        circuit = algorithms.recirculation((6, 5, 3), regression=kept, bias=False)
        weights = weights_of(circuit)
        w = weights[first]
        weights[decoder("hidden1", "input")] = w.T.copy()
        rates = {name: 1e4 for name in (first,)}  # updates are small and read off w
        found = circuits.gradient_estimate(
            circuit, X, T, weights=weights, learning_rates=rates
        )[first]
        h = logistic(X @ w.T)
        exact = mean_product(((X - h @ w) @ w.T) * h * (1 - h), X)
        cosine = (found * exact).sum() / np.linalg.norm(found) / np.linalg.norm(exact)
        angles.append(np.degrees(np.arccos(cosine)))
    assert angles[0] < 10
    assert abs(angles[1] / angles[2] / 10 - 1) < 0.05


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_codes_of_any_depth_learn_to_show_what_they_saw(make):
    circuit = make((6, 8, 3), phi="tanh", learning_rate=0.2, seed=1)
    reads = [("input", "reconstructed")]
    shown = {"input": X, "target": T}
    with circuits.Presenter(circuit, batch=7) as presenter:
        missed = []
        for _ in range(2):
            presenter.present(shown)
            missed.append(((presenter.read(*reads[0]) - X) ** 2).mean())
            for _ in range(300):
                presenter.present(shown)
    assert missed[1] < 0.2 * missed[0]


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("autoencoder", {"sizes": (4, 3)}, "hidden layers are the codes"),
        ("recirculation", {"sizes": (4, 3)}, "hidden layers are the codes"),
        ("autoencoder", {"encoder": "tied"}, "encoder = 'tied'"),
        ("autoencoder", {"input_phi": "sine"}, "input_phi = 'sine'"),
        ("recirculation", {"regression": 1.0}, "regression = 1"),
        ("recirculation", {"regression": -0.1}, "regression = -0.1"),
        ("recirculation", {"learning_rate": (0.1, 0.2)}, "2 values for 3 layers"),
    ],
)
def test_options_that_make_no_codes_are_refused(name, options, text):
    with pytest.raises(ModelError, match=text):
        MAKERS[name](**{"sizes": SIZES, **options})
