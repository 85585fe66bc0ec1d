"""Dale's law: weights keep the sign of their presynaptic cell."""

import numpy as np
import pytest
from naive_circuit import circuit, joined, layers, random_weights, sources
from naive_runs import assert_same, both
from thinned import combined

import circuits
from circuits import Constant, Phase, ScaledCopy, Uniform
from dendrites import ActivityDifference, LowPass, SynapticRule
from dendrites.errors import DendritesError, ModelError

pytestmark = pytest.mark.usefixtures("every_engine")

N = 5
SIGNS = np.array([1, -1, 1, -1, -1])
MASK = np.random.default_rng(2).random((N, N)) < 0.6
SEEN = ActivityDifference("u", None, learning_rate=0.5)
FILTERED = ActivityDifference("u", None, learning_rate=0.5, low_pass=LowPass(3.0))
ACROSS = ActivityDifference("u", None, learning_rate=2.0, moments=("shown", "shown"))


def leave(weight, cell, pre, p):
    return 0.3 * cell.u * pre - weight


RULES = {
    "plain": SEEN,
    "filtered": FILTERED,
    "synaptic": SynapticRule(leave, 0.5),
    "across": ACROSS,
}


def network(rule=SEEN, sign=SIGNS, phases=(), initial=None, **options):
    return circuit(
        (*sources(("a",), N), *layers(("x", "y"), N)),
        (
            joined("a", "x", "drive"),
            joined("a", "y", "other", "second"),
            joined(
                "x",
                "y",
                "lead",
                rule=rule,
                sign=sign,
                initial=initial or Uniform(-0.5, 0.5),
                **options,
            ),
        ),
        phases=phases,
    )


def signed(described):
    """Random weights of the signs that they must have."""
    found = random_weights(described)
    sign = described.projection("lead").sign
    return found | {"lead": np.abs(found["lead"]) * sign}


@pytest.mark.parametrize("rule", ["plain", "filtered"])
@pytest.mark.parametrize("kind", ["dense", "one_to_one", "sparse"])
@pytest.mark.parametrize("batch", [1, 3])
def test_weights_stop_at_zero_as_the_twins_do(kind, rule, batch, monkeypatch):
    monkeypatch.setattr("naive_runs.random_weights", signed)
    connectivity = MASK if kind == "sparse" else kind
    described = network(RULES[rule], connectivity=connectivity)
    mine, wanted = both(described, batch=batch)
    assert_same(mine, wanted)
    held = mine["lead"] == 0.0
    mask = np.eye(N, dtype=bool) if kind == "one_to_one" else np.ones((N, N), bool)
    mask = MASK if kind == "sparse" else mask
    assert (held & mask).any()


def test_lanes_that_share_weights_stop_at_zero_too(monkeypatch):
    monkeypatch.setattr("naive_runs.random_weights", signed)
    assert_same(*both(network(FILTERED), batch=70))


def test_one_sign_holds_for_all_cells_and_bounds_hold_with_it(monkeypatch):
    monkeypatch.setattr("naive_runs.random_weights", signed)
    described = network(SEEN, sign=-1, bounds=(-0.5, 0.5))
    mine, wanted = both(described, batch=2)
    assert_same(mine, wanted)
    assert mine["lead"].min() == -0.5 and mine["lead"].max() == 0.0
    each = network(SEEN, sign=np.full(N, -1), bounds=(-0.5, 0.5))
    np.testing.assert_array_equal(both(each, batch=2)[0]["lead"], mine["lead"])


def moved(described, count=40, **options):
    """Weights after every presentation."""
    x = np.random.default_rng(1).uniform(-2.0, 2.0, (count, N))
    start = {"drive": np.eye(N), "other": -np.ones((N, N))}
    options |= {"weights": start, "keep": range(count + 1)}
    found = circuits.present_sequence(described, {"a": x}, **options)
    return np.array([weights["lead"] for weights in found.weights])


@pytest.mark.parametrize(
    "rule, integrator, dtype",
    combined(
        [*RULES],
        ["exact", "blocked", "equilibrium"],
        ["float64", "float32"],
        every=3,
    ),
)
def test_no_integrator_brings_a_weight_across_zero(rule, integrator, dtype):
    phase = Phase("shown", 30.0, on=("a",), window=2.0)
    described = network(RULES[rule], phases=(phase,), bounds=(-2.0, 2.0))
    weights = moved(described, 6, integrator=integrator, dtype=dtype)
    assert (weights * SIGNS >= 0.0).all()
    assert (weights[-1] == 0.0).any() and np.abs(weights[-1] - weights[0]).max() > 0.1


def test_no_weight_changes_its_sign_in_ten_thousand_updates():
    weights = moved(network(SEEN, bounds=(-2.0, 2.0)), count=840)  # of 12 steps each
    assert (weights * SIGNS >= 0.0).all()
    assert ((weights == 0.0).any(axis=0) & (weights != 0.0).any(axis=0)).any()


def test_weights_predicted_for_the_middle_of_a_block_are_held():
    text = circuits.explain(network(FILTERED), block=4)
    assert "hold middle of lead on its side of 0" in text
    text = circuits.explain(network(FILTERED, sign=1), block=4)
    assert "hold middle of lead between 0 and inf" in text


@pytest.mark.parametrize(
    "initial", [Uniform(-1.0, 1.0), Constant(-0.5), ScaledCopy("drive", -2.0)]
)
def test_initialisers_give_sizes_and_the_sign_says_on_which_side(initial):
    free = circuits.initial_weights(network(None, None, initial=initial))["lead"]
    found = circuits.initial_weights(network(None, initial=initial))["lead"]
    np.testing.assert_array_equal(found, np.abs(free) * SIGNS)


def test_given_weights_of_another_sign_are_refused():
    described = network()
    good = circuits.initial_weights(described)
    assert circuits.initial_weights(described, given={"lead": good["lead"]})
    with pytest.raises(ModelError, match="lead.*25 of 25 have another sign"):
        circuits.initial_weights(described, given={"lead": -good["lead"]})
    with circuits.Presenter(described) as presenter, pytest.raises(ModelError):
        presenter.set_weights({"lead": -good["lead"]})


@pytest.mark.parametrize(
    "options",
    [
        {"sign": 0},
        {"sign": 0.5},
        {"sign": "excitatory"},
        {"sign": [1, 2, 1, 1, 1]},
        {"sign": [1, [1]]},
        {"sign": []},
        {"sign": True},
        {"sign": SIGNS[:3]},
        {"sign": 1, "bounds": (-1.0, 0.0)},
        {"sign": -1, "bounds": (0.5, 1.0)},
        {"sign": 1, "bounds": (0.0, 1.0), "clip": "readout"},
    ],
)
def test_impossible_signs_are_refused(options):
    with pytest.raises(DendritesError, match="lead"):
        network(**options)


def test_a_tied_projection_has_the_signs_of_the_other():
    with pytest.raises(ModelError, match="give sign there"):
        joined("x", "y", "follow", tied_to=circuits.Tied("lead"), sign=1)
