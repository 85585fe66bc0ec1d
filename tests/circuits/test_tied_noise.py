"""Noise of tied weights: drawn for every presentation, and not lost within one."""

import numpy as np
import pytest
from naive_circuit import DT, Naive, circuit, joined, layers, random_weights, sources

import circuits
from circuits import Phase, Record, Tied
from dendrites import ActivityDifference, LowPass, SynapticRule

pytestmark = pytest.mark.usefixtures("every_engine")

N, STEPS = 20, 12
NOISE, FACTOR = 0.3, -0.5
# 400 normal numbers: their deviation is known to 3.5 %, taken four times.
NEAR = 4.0 / np.sqrt(2.0 * N * N)


def grow(weight, cell, pre, p):
    return pre


RULES = {
    "now": ActivityDifference("one", None, learning_rate=0.05),
    "filter": ActivityDifference(
        "one", None, learning_rate=0.05, low_pass=LowPass(3.0)
    ),
    "synaptic": SynapticRule(grow, 0.05),
}
ACROSS = ActivityDifference("rate", "u", learning_rate=0.05, moments=("shown", "shown"))


def feedback(rule, *more, populations=(), **options):
    """Weights that learn, and the transposed ones that bring a field to `reader`."""
    return circuit(
        (*populations, *sources(("a",), N), *layers(("x", "reader"), N)),
        (
            *more,
            joined("a", "x", "lead", rule=rule),
            joined(
                "x",
                "reader",
                "back",
                signal="one",
                tied_to=Tied("lead", FACTOR, True, NOISE),
            ),
        ),
        **options,
    )


def noise_of(weights, name="back", factor=FACTOR):
    return weights[name] - factor * weights["lead"].T


def sequence(described, count=3, keep=None, seed=1, **options):
    """Weights kept before and after presentations of random patterns."""
    patterns = {
        p.name: np.random.default_rng(seed).uniform(0.1, 1.0, (count, p.size))
        for p in described.populations
        if p.model.clamped
    }
    options = {"weights": random_weights(described), **options}
    keep = range(count + 1) if keep is None else keep
    found = circuits.present_sequence(described, patterns, keep=keep, **options)
    return found.weights


def assert_independent(one, other):
    for values in (one, other):
        assert abs(values.std() / NOISE - 1.0) < NEAR
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 4.0 / N


@pytest.mark.parametrize("integrator", ["exact", "blocked"])
@pytest.mark.parametrize("kind", RULES)
def test_noise_is_drawn_anew_after_every_presentation_that_moved_weights(
    kind, integrator
):
    kept = sequence(feedback(RULES[kind]), integrator=integrator)
    noise = [noise_of(weights) for weights in kept]
    assert np.abs(kept[-1]["lead"] - kept[0]["lead"]).max() > 1e-2
    for before, after in zip(noise[1:-1], noise[2:], strict=True):
        assert_independent(before, after)


def test_a_rule_of_a_phase_draws_noise_anew_too():
    phase = Phase("shown", STEPS * DT, on=("a",), window=2.0)
    kept = sequence(feedback(ACROSS, phases=(phase,)))
    assert_independent(noise_of(kept[1]), noise_of(kept[2]))
    assert_independent(noise_of(kept[2]), noise_of(kept[3]))


@pytest.mark.parametrize("kind", RULES)
def test_noise_stands_while_the_weights_it_is_added_to_stand(kind):
    kept = sequence(feedback(RULES[kind]), learning=False)
    for weights in kept[1:]:
        np.testing.assert_array_equal(weights["back"], kept[0]["back"])
    assert abs(noise_of(kept[0]).std() / NOISE - 1.0) < NEAR


@pytest.mark.parametrize("batch", [1, 70])
@pytest.mark.parametrize("integrator", ["exact", "blocked"])
@pytest.mark.parametrize("kind", RULES)
def test_within_a_presentation_noise_is_added_to_weights_that_move(
    kind, integrator, batch
):
    described = feedback(RULES[kind])
    x = np.random.default_rng(2).uniform(0.1, 1.0, (batch, N))
    start = random_weights(described)
    tree = circuits.simulate(
        described,
        {"a": x},
        [Record("reader", ("seen",))],
        weights=start,
        learning=True,
        integrator=integrator,
        block=None if integrator == "exact" else 1,
    )
    seen = tree["populations/reader"].v.values.reshape(batch, STEPS, N)
    twin = Naive(
        feedback(RULES["now"] if kind == "synaptic" else RULES[kind]), start, 1
    )
    clean = []
    for _ in range(STEPS):
        # A rule of constant factors moves the weights by the mean pattern.
        twin.step({"a": x.mean(axis=0, keepdims=True)})
        clean.append(twin.seen["reader"][0])
    brought = seen - np.array(clean)
    # The sum of 20 numbers for each of 20 cells.
    assert abs(brought[0, 0].std() / (NOISE * np.sqrt(N)) - 1.0) < 4.0 / np.sqrt(2 * N)
    assert np.abs(brought - brought[:1, :1]).max() < 1e-12
    moved = tree["connections/lead"].w.values
    assert np.abs(moved[1] - moved[0]).max() > 1e-2


def test_single_precision_adds_the_same_noise():
    described = feedback(RULES["now"])
    double, single = (
        noise_of(sequence(described, 1, dtype=dtype)[1])
        for dtype in ("float64", "float32")
    )
    assert abs(double.std() / NOISE - 1.0) < NEAR
    np.testing.assert_allclose(single, double, atol=1e-5)


def test_weights_tied_to_the_same_ones_have_the_same_noise():
    again = joined("x", "a2", "twice", tied_to=Tied("lead", 2.0, True, NOISE))
    described = feedback(RULES["now"], again, populations=layers(("a2",), N))
    weights = sequence(described)[2]
    first, second = noise_of(weights), noise_of(weights, "twice", 2.0)
    np.testing.assert_allclose(first, second, atol=1e-12)
    assert abs(first.std() / NOISE - 1.0) < NEAR


def test_noise_does_not_depend_on_what_else_a_circuit_holds():
    plain = sequence(feedback(RULES["now"]), 2)
    other = joined("b", "c", "aside", rule=RULES["now"])
    extra = (*sources(("b",), 3), *layers(("c",), 5))
    described = feedback(RULES["now"], other, populations=extra)
    start = {**random_weights(feedback(RULES["now"])), "aside": np.ones((5, 3))}
    patterns = {
        "a": np.random.default_rng(1).uniform(0.1, 1.0, (2, N)),
        "b": np.ones((2, 3)),
    }
    found = circuits.present_sequence(
        described, patterns, keep=(0, 1, 2), weights=start
    )
    for mine, theirs in zip(found.weights, plain, strict=True):
        np.testing.assert_array_equal(mine["back"], theirs["back"])
        assert abs(noise_of(mine).std() / NOISE - 1.0) < NEAR


@pytest.mark.parametrize(
    "tie",
    [
        Tied("lead", FACTOR, True, NOISE),
        Tied("lead", FACTOR, True, times=circuits.Uniform(0.5, 1.5), redraw=True),
    ],
    ids=["noise", "times"],
)
def test_a_run_in_pieces_draws_nothing_anew(tie):
    described = circuit(
        (*sources(("a",), N), *layers(("x", "reader"), N)),
        (
            joined("a", "x", "lead", rule=RULES["now"]),
            joined("x", "reader", "back", signal="one", tied_to=tie),
        ),
    )
    shown = np.random.default_rng(2).uniform(0.1, 1.0, (STEPS, N))

    def given(first, count):
        return circuits.Inputs({"a": shown[first : first + count]}, {})

    def weights(piece):
        options = {"n_steps": STEPS, "driven": ("a",), "piece": piece}
        run = circuits.run_in_pieces(described, given, **options)
        return [made.weights for made in run]

    (whole,), pieces = weights(STEPS), weights(3)
    assert len(pieces) == 4
    assert np.abs(pieces[0]["lead"] - whole["lead"]).max() > 1e-3
    for name in ("lead", "back"):
        np.testing.assert_array_equal(pieces[-1][name], whole[name])
    drawn = [w["back"] - FACTOR * w["lead"].T for w in pieces]
    if tie.redraw:
        drawn = [w["back"] / w["lead"].T for w in pieces]
    np.testing.assert_allclose(drawn[0], drawn[-1], rtol=1e-12, atol=1e-13)
