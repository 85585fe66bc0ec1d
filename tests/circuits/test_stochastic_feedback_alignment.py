"""The spiking network with both pathways at once, step by step in NumPy."""

import numpy as np
import pytest
from drawn_numbers import SEED, drawn
from scheme_circuits import EXACT, mean_product
from systems import logistic

import circuits
from circuits import Presenter, algorithms
from circuits.stack import bottom_up
from dendrites.errors import ModelError
from dendrites.random import uniform

make = algorithms.stochastic_feedback_alignment
SIZES, GROUP, BATCH, STEPS = (6, 5, 4, 3), 2, 3, 5
NAMES = ("input", "hidden1", "hidden2", "output")
X = np.random.default_rng(1).uniform(size=(BATCH, 6))
X[0, 0] = 1.0  # more than the largest probability
T = np.eye(3)[[0, 2, 1]]


def started(circuit, size=1.5):
    rng = np.random.default_rng(3)
    return {
        p.name: rng.uniform(-size, size, circuit.weights_shape(p.name))
        for p in circuit.projections
        if p.learns or p.name.endswith("apical")
    }


@pytest.mark.usefixtures("every_engine")
@pytest.mark.parametrize(
    ("delay", "error", "tau"),
    [
        (0.0, "rate", 0.9),
        pytest.param(1.0, "spikes", 0.1, marks=pytest.mark.slow),
    ],
)
def test_two_examples_move_weights_at_every_step(delay, error, tau):
    rate, decay, most = 0.2, 0.01, 0.95
    circuit = make(
        SIZES, cells_per_class=GROUP, learning_rate=rate, weight_decay=decay, tau=tau,
        error=error, delay=delay, most=most, seed=SEED,
    )  # fmt: skip
    w = started(circuit)
    answers = []
    with Presenter(circuit, weights=w, batch=BATCH) as presenter:
        for x in (X, X[::-1]):
            presenter.present({"input": x, "target": T})
            answers.append(presenter.read("answer", "total", "shown"))
        found = presenter.weights()
        potentials = {n: presenter.read(n, "soma") for n in NAMES[1:]}
        error_of_first = presenter.read("hidden1", "apical")

    cells = dict(zip(NAMES, (6, 5, 4, 3 * GROUP), strict=True))
    target = np.repeat(T, GROUP, axis=1)
    v, d, s = ({n: np.zeros((BATCH, k)) for n, k in cells.items()} for _ in range(3))
    told = np.zeros_like(target)

    def f(e):
        return logistic(e) - 0.5

    for number, x in enumerate((X, X[::-1])):
        total = 0.0
        for step in range(STEPS):
            output = logistic(v["output"]) if error == "rate" else s["output"]
            d["output"] = told - output
            sent = {n: f(d[n]) for n in NAMES[1:]}
            was, fired = {**v}, {**s}
            for below, here in zip((None, *NAMES[:-1]), NAMES, strict=True):
                p = np.minimum(x, most)
                if below is not None:
                    spikes = s[below] if delay == 0 else fired[below]
                    arrived = spikes @ w[bottom_up(below, here)].T
                    arrived = arrived + w[bottom_up("bias", here)][:, 0]
                    v[here] = (1 - tau) * v[here] + tau * arrived
                    p = logistic(v[here])
                u = drawn(
                    uniform, f"spikes/{here}", cells[here], BATCH,
                    step=step, presentation=number,
                )  # fmt: skip
                s[here] = (u < p).astype(float)
            for here, above in zip(NAMES[1:-1], NAMES[2:], strict=True):
                back = w[f"{above}_to_{here}_apical"]
                d[here] = (1 - tau) * d[here] + tau * sent[above] @ back.T
            told = target
            for below, here in zip(NAMES[:-1], NAMES[1:], strict=True):
                r = logistic(was[here])
                delta = r * (1 - r) * sent[here]
                name, of_bias = bottom_up(below, here), bottom_up("bias", here)
                w[name] = (1 - decay) * w[name] + rate * mean_product(
                    delta, fired[below]
                )
                w[of_bias] = (1 - decay) * w[of_bias] + rate * delta.mean(0)[:, None]
            total = total + s["output"].reshape(BATCH, 3, GROUP).mean(axis=2) / STEPS
        np.testing.assert_allclose(answers[number], total, atol=EXACT)
    for name, value in w.items():
        np.testing.assert_allclose(found[name], value, atol=EXACT)
    for name, value in potentials.items():
        np.testing.assert_allclose(value, v[name], atol=EXACT)
    np.testing.assert_allclose(error_of_first, d["hidden1"], atol=EXACT)
    assert np.abs(d["hidden1"]).max() > 1e-3


@pytest.mark.usefixtures("nothing_is_compiled")
def test_the_default_is_the_published_network():
    circuit = make()
    cells = {p.name: p.size for p in circuit.populations}
    hidden = dict.fromkeys(("hidden1", "hidden2", "hidden3"), 1500)
    published = {"input": 784, **hidden, "output": 1000, "answer": 10}
    assert published.items() <= cells.items()
    assert circuit.schedule.carry_state and circuit.dt == 1.0
    (shown,) = circuit.schedule.phases
    assert shown.duration == 5.0
    learned = [p for p in circuit.projections if p.learns]
    assert len(learned) == 8
    for p in learned:
        assert p.rule.learning_rate == 1e-3 and p.weight_decay == 1e-8


@pytest.mark.parametrize(
    "answer", ["spikes", pytest.param("rate", marks=pytest.mark.slow)]
)
def test_the_answer_is_the_mean_of_a_class(answer):
    circuit = make(SIZES, cells_per_class=GROUP, answer=answer, test_steps=1, seed=SEED)
    reads = [("output", answer), ("answer", "total", "shown")]
    weights, schedule = started(circuit), circuit.test_schedule
    found = circuits.present(
        circuit, {"input": X}, schedule, reads=reads, weights=weights
    )
    wanted = found[reads[0]].reshape(BATCH, 3, GROUP).mean(axis=2)
    np.testing.assert_allclose(found[reads[1]], wanted, atol=1e-15)
    assert np.ptp(wanted) > 0


def test_it_learns_what_a_linear_readout_of_the_input_cannot():
    circuit = make(
        (2, 40, 2), cells_per_class=10, learning_rate=0.2, steps=10, test_steps=20,
        initial=circuits.Uniform(-1.0, 1.0), feedback_initial=circuits.Uniform(-1, 1),
    )  # fmt: skip
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    t = np.eye(2)[[0, 1, 1, 0]]
    with Presenter(circuit, batch=4) as presenter:
        for _ in range(600):
            presenter.present({"input": x, "target": t})
        presenter.present({"input": x}, circuit.test_schedule, learning=False)
        found = presenter.read("answer", "total", "shown")
    assert (found.argmax(axis=1) == t.argmax(axis=1)).all()


@pytest.mark.usefixtures("nothing_is_compiled")
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"sizes": (4,)}, "sizes = .*two layers or more"),
        ({"cells_per_class": 0}, "cells_per_class"),
        ({"tau": 0.0}, "tau = 0"),
        ({"tau": 1.5}, "tau = 1.5"),
        ({"most": 1.5}, "most = 1.5"),
        ({"error": "voltage"}, "error = 'voltage'"),
        ({"answer": "votes"}, "answer = 'votes'"),
        ({"steps": 0}, "steps"),
        ({"delay": -1.0}, "delay"),
        ({"weight_decay": 1.5}, "weight_decay = 1.5"),
    ],
)
def test_options_out_of_range_are_refused(options, text):
    with pytest.raises(ModelError, match=text):
        make(**{"sizes": SIZES, **options})
