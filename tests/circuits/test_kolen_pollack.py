"""Weights that decay at the end of presentations: forward and feedback become one."""

import numpy as np
import pytest
from naive_circuit import circuit, joined, layers, sources
from naive_runs import ROUNDING

import circuits
from circuits import Phase
from dendrites import ActivityDifference, SynapticRule
from dendrites.errors import ModelError

pytestmark = pytest.mark.usefixtures("every_engine")

RATE, DECAY, PRESENTATIONS = 0.1, 0.01, 200
N_IN, N_HIDDEN, N_OUT = 6, 20, 3


def described(n_hidden=N_HIDDEN, decay=DECAY, momentum=0.0, back=True, **options):
    """Error of the output times rate of the hidden layer, for both directions."""
    options = {"learning_rate": RATE, "momentum": momentum, **options}
    forward = ActivityDifference(
        "u",
        "u",
        moments=("nudged", "free"),
        presynaptic_moments=("free", "free"),
        **options,
    )
    backward = ActivityDifference(
        "rate",
        "rate",
        moments=("free", "free"),
        presynaptic="u",
        presynaptic_moments=("nudged", "free"),
        **options,
    )
    learned = {"rule": backward, "weight_decay": decay} if back else {}
    return circuit(
        (
            *sources(("input",), N_IN),
            *sources(("target",), N_OUT),
            *layers(("hidden",), n_hidden),
            *layers(("output",), N_OUT),
        ),
        (
            joined("input", "hidden", "drive"),
            joined("hidden", "output", "up", rule=forward, weight_decay=decay),
            joined("target", "output", "teach", "second", connectivity="one_to_one"),
            joined("output", "hidden", "down", "second", **learned),
        ),
        phases=(
            Phase("free", settle=("hidden", "output"), on=("input",)),
            Phase("nudged", settle=("output",), on=("input", "target")),
        ),
    )


def start_of(n_hidden=N_HIDDEN):
    rng = np.random.default_rng(2)
    return {
        "drive": rng.uniform(-1, 1, (n_hidden, N_IN)),
        "up": rng.uniform(-0.5, 0.5, (N_OUT, n_hidden)),
        "down": rng.uniform(-0.5, 0.5, (n_hidden, N_OUT)),
        "teach": np.ones(N_OUT),
    }


def patterns(count, batch=1):
    rng = np.random.default_rng(5)
    return {
        "input": rng.uniform(-1, 1, (count * batch, N_IN)),
        "target": rng.uniform(-1, 1, (count * batch, N_OUT)),
    }


def sides(presenter):
    found = presenter.weights()
    return found["up"], found["down"]


@pytest.mark.nojit
@pytest.mark.parametrize("chunk", [2, 64])
@pytest.mark.parametrize("n_hidden", [5, N_HIDDEN])  # by plain loops, and by BLAS
def test_one_presentation_is_the_product_and_the_decay(n_hidden, chunk):
    start, shown = start_of(n_hidden), patterns(1, 4)
    made = described(n_hidden)
    with circuits.Presenter(made, batch=4, chunk=chunk, weights=start) as presenter:
        presenter.present(shown)
        up, down = sides(presenter)
    # Nothing comes back while the hidden layer settles: cells begin at rest.
    u = shown["input"] @ start["drive"].T
    rate = u / (1.0 + u * u)
    delta = 0.5 * shown["target"]  # u of the output, nudged less free
    change = RATE * delta.T @ rate / 4
    assert np.abs(up - (1 - DECAY) * start["up"] - change).max() < ROUNDING
    assert np.abs(down - (1 - DECAY) * start["down"] - change.T).max() < ROUNDING
    assert np.abs(change).max() > 1e-3


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_difference_of_both_directions_shrinks_by_the_decay(batch, momentum):
    start, shown = start_of(), patterns(PRESENTATIONS, batch)
    options = {"batch": batch, "weights": start}
    with circuits.Presenter(described(momentum=momentum), **options) as presenter:
        presenter.present_many(shown)
        up, down = sides(presenter)
    gap = start["up"] - start["down"].T
    left = (1 - DECAY) ** PRESENTATIONS
    assert abs(left - 0.133980) < 5e-7
    np.testing.assert_allclose(up - down.T, left * gap, rtol=0, atol=1e-12)
    assert np.abs(up - start["up"]).max() > 0.1


def test_frozen_and_rateless_weights_do_not_decay():
    start, shown = start_of(), patterns(3)
    for made, rates in (
        (described().frozen("up"), None),
        (described(), {"up": 0.0}),
    ):
        with circuits.Presenter(made, weights=start, learning_rates=rates) as presenter:
            presenter.present_many(shown)
            np.testing.assert_array_equal(presenter.weights("up")["up"], start["up"])


@pytest.mark.parametrize("decay", [-0.1, 1.5, float("nan")])
def test_a_share_outside_zero_and_one_is_refused(decay):
    with pytest.raises(ModelError, match="weight_decay"):
        described(decay=decay)


def test_a_rule_that_sees_the_weight_decays_it_itself():
    rule = SynapticRule(lambda w, cell, pre, p: -w, moment="free")
    with pytest.raises(ModelError, match="write the decay into it"):
        joined("input", "hidden", "drive", rule=rule, weight_decay=0.1)
