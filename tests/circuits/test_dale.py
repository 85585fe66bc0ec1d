"""Circuits whose cells excite or inhibit: their signs stay, and what they compute."""

import numpy as np
import pytest
from drawn_numbers import SEED

import circuits
from circuits import Presenter, Uniform, algorithms
from circuits.stack import bottom_up
from dendrites.errors import ModelError

SIZES = (6, 10, 5, 3)
FORWARD = [
    bottom_up(*pair)
    for pair in zip(
        ("input", "hidden1", "hidden2"), ("hidden1", "hidden2", "output"), strict=True
    )
]
RNG = np.random.default_rng(0)
X = RNG.uniform(size=(4, 6))
T = RNG.uniform(0.1, 0.9, size=(4, 3))
SHOWN = {"input": X, "target": T}
RATE = 0.7


@pytest.fixture(scope="module")
def plain():
    return algorithms.backprop(SIZES, learning_rate=RATE, seed=SEED)


def split(n, share=0.2):
    sign = np.ones(n)
    sign[n - round(share * n) :] = -1
    return sign


@pytest.mark.parametrize("update", ["projected", "multiplicative"])
def test_an_update_is_that_of_the_circuit_and_stops_at_zero(plain, update):
    made = algorithms.dale(plain, update=update)
    start = circuits.initial_weights(made)
    rates = dict.fromkeys(FORWARD, 40.0)
    found = circuits.present(made, SHOWN, learning=True, learning_rates=rates)
    own = {n: w for n, w in start.items() if made.projection(n).tied_to is None}
    exact = circuits.negative_gradient(plain, own, X, T)
    stopped = 0
    for name, n in zip(FORWARD, SIZES, strict=False):
        w, sign = start[name], split(n)
        assert (np.sign(w) == sign).all()
        change = 40.0 * exact[name] * (np.abs(w) if update == "multiplicative" else 1.0)
        wanted = sign * np.maximum(sign * (w + change), 0.0)
        np.testing.assert_allclose(found.weights[name], wanted, rtol=0, atol=1e-13)
        stopped += (wanted == 0).sum()
        assert np.abs(found.weights[name] - w).max() > 1e-3
    assert stopped > 0 or update == "multiplicative"
    for here, above, name in (
        ("hidden1", "hidden2", FORWARD[1]),
        ("hidden2", "output", FORWARD[2]),
    ):
        back = found.weights[f"{above}_to_{here}_apical"]
        np.testing.assert_array_equal(back, found.weights[name].T)


@pytest.mark.slow
def test_multiplicative_updates_are_the_others_times_the_size_of_the_weight():
    plain = algorithms.wake_sleep((5, 4, 3), learning_rate=1e-3, seed=SEED)
    weights = circuits.initial_weights(algorithms.dale(plain))
    updates = []
    for update in ("projected", "multiplicative"):
        made = algorithms.dale(plain, update=update)
        shown = {"input": np.round(X[:, :5])}
        found = circuits.present(made, shown, weights=weights, learning=True)
        updates.append(found.update)
    for p in made.projections:
        if p.sign is not None:
            wanted = np.abs(weights[p.name]) * updates[0][p.name]
            np.testing.assert_allclose(updates[1][p.name], wanted, rtol=0, atol=1e-15)
            assert np.abs(wanted).max() > 1e-6


@pytest.mark.parametrize("update", ["projected", "multiplicative"])
def test_no_sign_changes_in_ten_thousand_updates(plain, update):
    made = algorithms.dale(plain, update=update)
    rng, smallest = np.random.default_rng(1), np.inf
    with Presenter(made) as presenter:
        before = presenter.weights()
        for _ in range(20):
            x = rng.normal(size=(500, 6))
            t = 1 / (1 + np.exp(-x @ np.linspace(-2, 2, 18).reshape(6, 3)))
            presenter.present_many({"input": x, "target": t})
            w = presenter.weights()
            for name, n in zip(FORWARD, SIZES, strict=False):
                smallest = min(smallest, (split(n) * w[name]).min())
    assert smallest >= 0.0
    moved = max(np.abs(w[name] - before[name]).max() for name in FORWARD)
    assert moved > 1.0
    if update == "projected":
        assert any((w[name] == 0).any() for name in FORWARD)


def test_signs_are_those_of_cells_and_leave_biases_and_feedback_alone():
    made = algorithms.dale(
        algorithms.direct_feedback_alignment(SIZES), inhibitory=0.4, balanced=False
    )
    for p in made.projections:
        if p.name in FORWARD:
            n = made.population(p.pre).size
            np.testing.assert_array_equal(p.sign, split(n, 0.4))
        else:
            assert p.sign is None
    named = algorithms.dale(
        algorithms.feedback_alignment(SIZES), projections=["hidden2_to_hidden1_apical"]
    )
    sign = named.projection("hidden2_to_hidden1_apical").sign
    np.testing.assert_array_equal(sign, split(5))
    assert named.projection(FORWARD[0]).sign is None


def test_excitation_and_inhibition_start_in_balance():
    plain = algorithms.backprop((50, 400, 3), initial=Uniform(-1.0, 1.0), seed=1)
    name = bottom_up("input", "hidden1")
    drawn = np.abs(circuits.initial_weights(plain)[name])
    sign = split(50)
    found = circuits.initial_weights(algorithms.dale(plain))[name]
    np.testing.assert_allclose(found, drawn * np.where(sign > 0, 1.0, -4.0))
    found = circuits.initial_weights(algorithms.dale(plain, balanced=False))[name]
    np.testing.assert_array_equal(found, drawn * sign)


# --- the same function ----------------------------------------------------------------


def of_feedback_alignment():
    return algorithms.feedback_alignment(SIZES, learning_rate=RATE, seed=SEED)


def spiking():
    return algorithms.stochastic_feedback_alignment(
        SIZES, cells_per_class=1, learning_rate=0.05, weight_decay=0.0, seed=SEED,
        initial=Uniform(-1.0, 1.0), feedback_initial=Uniform(-1.0, 1.0),
    )  # fmt: skip


def harmonium():
    return algorithms.harmonium((6, 4, 3), learning_rate=0.05, initial=Uniform(-1, 1))


def microcircuit():
    return algorithms.sacramento(SIZES, seed=SEED)


def segregated():
    return algorithms.guerguiev(SIZES, seed=SEED)


@pytest.mark.parametrize(
    "make",
    [
        of_feedback_alignment,
        spiking,
        harmonium,
        microcircuit,
        segregated,
    ],
)
@pytest.mark.slow
def test_a_mapped_circuit_does_and_learns_the_same(make):
    assert_same_function(make(), 1e-13)


def test_a_mapped_backprop_carries_errors_back_through_inhibitory_cells(plain):
    assert_same_function(plain, 1e-14)


def assert_same_function(plain, rounding):
    mapped = algorithms.dale_mapping(plain)
    columns = {"inputs": X, "targets": T}
    learned = [p.name for p in plain.projections if p.learns]
    signed = [p for p in mapped.projections if p.sign is not None]
    start, updates, answers = circuits.initial_weights(mapped), [], []
    for made in (plain, mapped):
        with Presenter(made, batch=4) as presenter:
            before = presenter.weights()
            for _ in range(3):
                presenter.present(
                    {p.name: columns[p.pattern] for p in made.populations
                     if p.pattern in columns}
                )  # fmt: skip
            after = presenter.weights()
            read = (made.output, made.readout, *filter(None, [made.readout_phase]))
            answers.append(presenter.read(*read))
        updates.append({name: after[name] - before[name] for name in learned})
    np.testing.assert_allclose(*answers, rtol=0, atol=rounding)
    for name in learned:
        close = {"rtol": 0, "atol": rounding}
        np.testing.assert_allclose(updates[1][name], updates[0][name], **close)
    assert sum(np.abs(moved).max() > 0 for moved in updates[0].values()) >= 2
    assert len(signed) >= 2
    for p in signed:
        assert (np.sign(start[p.name]) == p.sign).all()


def test_learning_stops_where_the_shift_ends():
    plain = algorithms.backprop((6, 3), learning_rate=50.0, seed=SEED)
    needed = -circuits.initial_weights(plain)[bottom_up("input", "output")].min()
    mapped = algorithms.dale_mapping(plain, shift=needed)
    found = circuits.present(mapped, SHOWN, learning=True)
    w = found.weights[bottom_up("input", "output")]
    assert w.min() == 0.0 and w.max() > 0.0


# --- refused --------------------------------------------------------------------------


def relaxing():
    plain = of_feedback_alignment()
    phases = (
        circuits.Phase("forward", settle=("hidden1", "hidden2", "output")),
        circuits.Phase("backward", relax=("hidden1",)),
    )
    return plain.with_schedule(circuits.Schedule(phases, always_on=("input",)))


@pytest.mark.usefixtures("nothing_is_compiled")
@pytest.mark.parametrize(
    ("of", "options", "text"),
    [
        ("backprop", {"inhibitory": 1.5}, "inhibitory = 1.5"),
        ("backprop", {"update": "clipped"}, "update = 'clipped'"),
        ("backprop", {"balanced": 1}, "balanced"),
        ("backprop", {"projections": ["none"]}, "no projection 'none'"),
        ("backprop", {"projections": ["output_to_hidden2_apical"]}, "has the weights"),
    ],
)
def test_impossible_laws_are_refused(of, options, text):
    with pytest.raises(ModelError, match=text):
        algorithms.dale(getattr(algorithms, of)(SIZES), **options)


@pytest.mark.usefixtures("nothing_is_compiled")
def test_what_cannot_be_mapped_is_refused():
    make, mapped = algorithms.backprop, algorithms.dale_mapping
    for circuit, options, text in (
        (make(SIZES), {"shift": 0.01}, "shift = 0.01: .* has a weight of"),
        (make(SIZES), {"shift": -1.0}, "shift"),
        (make(SIZES, weight_decay=0.1), {}, "decays to 0"),
        (algorithms.feedback_alignment(SIZES, connectivity=0.5), {}, "is not dense"),
        (algorithms.sign_symmetry(SIZES), {}, "by more than a positive factor"),
        (algorithms.dale(make(SIZES), update="multiplicative"), {}, "nothing in"),
        (relaxing(), {}, "'backward' cells relax"),
    ):
        with pytest.raises(ModelError, match=text):
            mapped(circuit, **options)
    for circuit in (make(SIZES, momentum=0.5), algorithms.boltzmann_machine((4, 2))):
        with pytest.raises(ModelError, match="one product of two reads"):
            algorithms.dale(circuit, update="multiplicative")
    with pytest.raises(ModelError, match="has signs already"):
        algorithms.dale(algorithms.dale(make(SIZES)), projections=FORWARD[:1])
