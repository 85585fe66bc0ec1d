"""The fast trainers take the steps their formulas say."""

import numpy as np
import pytest

from circuits.algorithms.sacramento import sacramento
from circuits.circuit import Circuit
from circuits.gradient import negative_gradient
from circuits.microcircuit import microcircuit
from circuits.task import Split, Task, score
from circuits.weights import initial_weights
from dendrites import transfer
from dendrites.errors import ConfigError, ModelError, NumericalError
from dendrites.random import generator
from experiments.baselines.gradient_descent import FEEDBACK, descend
from experiments.baselines.readout import settled_score
from experiments.tasks import digits

SIZES = [6, 5, 4, 3]
# The published one is nearly flat at rest: it would leave no steps to compare.
STEEP = transfer.soft_rectifier(gamma=0.5, beta=2.0, theta=0.2)


def make_task(n=12, *, labels=True, validation=False):
    rng = np.random.default_rng(1)

    def split(size):
        inputs = rng.uniform(0, 1, (size, SIZES[0]))
        targets = rng.uniform(0.1, 0.8, (size, SIZES[-1]))
        marks = targets.argmax(axis=1) if labels else None
        return Split(inputs, targets, marks, np.arange(size))

    splits = {"train": split(n), "test": split(7)}
    if validation:
        splits["validation"] = split(5)
    return Task("random", splits)


def make_circuit(*, bias=True, phi=None):
    return microcircuit(SIZES, bias=bias, **({} if phi is None else {"phi": phi}))


def settings(**options):
    return {
        "epochs": 1,
        "batch": 12,
        "output_rate": 0.3,
        "hidden_rate": 0.7,
        "dtype": "float64",
        "seed": 3,
        **options,
    }


def moved(circuit, result, seed=3):
    """What the training added to every array it knows."""
    start = initial_weights(circuit, seed=seed)
    return {name: w - start[name] for name, w in result["weights"].items()}


def assert_same(found, wanted, atol):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=atol)


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "plain"])
@pytest.mark.parametrize("phi", [None, STEEP], ids=["logistic", "rectifier"])
def test_one_step_follows_the_exact_negative_gradient(phi, bias):
    circuit, task = make_circuit(bias=bias, phi=phi), make_task()
    train, start = task.splits["train"], initial_weights(circuit, seed=3)
    steps = negative_gradient(circuit, start, train.inputs, train.targets)
    wanted = {
        name: (0.3 if "output" in name else 0.7) * step for name, step in steps.items()
    }
    assert min(np.abs(step).max() for step in wanted.values()) > 1e-4
    found = moved(circuit, descend(circuit, task, **settings()))
    assert_same(found, wanted, atol=1e-12)


def alignment_step(circuit, weights, inputs, targets, *, gated):
    """One step of feedback alignment, cell by cell, at rates 0.3 and 0.7.

    `gated`: a cell sends its error times its own slope; else the error itself.
    """
    W = [weights[layer.projection] for layer in circuit.network.layers]
    b = [weights[layer.bias][:, 0] for layer in circuit.network.layers]
    B = [
        weights["hidden2_to_hidden1_apical"],
        weights["output_to_hidden2_apical"],
    ]
    a = [layer.attenuation for layer in circuit.network.layers]
    steps = {
        name: np.zeros_like(weights[name])
        for layer in circuit.network.layers
        for name in (layer.projection, layer.bias)
    }
    for x, rates in zip(inputs, targets, strict=True):
        r = [x]
        for k in range(3):
            u = a[k] * (W[k] @ r[k] + b[k])
            r.append(1 / (1 + np.exp(-u)))
        error = np.log(rates / (1 - rates)) - u
        for k in (2, 1, 0):
            rate = (0.3 if k == 2 else 0.7) / len(inputs)
            layer = circuit.network.layers[k]
            delta = a[k] * r[k + 1] * (1 - r[k + 1]) * error
            steps[layer.projection] += rate * np.outer(delta, r[k])
            steps[layer.bias] += rate * delta[:, None]
            sent = delta if gated else error
            if k:
                error = np.array(
                    [
                        sum(B[k - 1][i, j] * sent[j] for j in range(len(sent)))
                        for i in range(len(r[k]))
                    ]
                )
    return steps


@pytest.mark.parametrize("feedback", ["alignment", "gated_alignment"])
def test_feedback_alignment_carries_errors_through_the_top_down_weights(feedback):
    circuit, task = make_circuit(), make_task()
    train, start = task.splits["train"], initial_weights(circuit, seed=3)
    gated = feedback == "gated_alignment"
    wanted = alignment_step(circuit, start, train.inputs, train.targets, gated=gated)
    result = descend(circuit, task, **settings(feedback=feedback))
    assert_same(moved(circuit, result), wanted, atol=1e-12)


def angle(one, other):
    a, b = (
        np.concatenate([x.ravel() for x in steps.values()]) for steps in (one, other)
    )
    return np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))


def test_both_forms_of_feedback_alignment_go_different_ways_below_the_output():
    circuit, task = make_circuit(), make_task()
    found = [
        moved(circuit, descend(circuit, task, **settings(feedback=feedback)))
        for feedback in ("alignment", "gated_alignment")
    ]
    output = circuit.network.layers[-1].projection
    np.testing.assert_array_equal(found[0][output], found[1][output])
    below = [
        {k: v for k, v in each.items() if "hidden" in k.split("_to_")[1]}
        for each in found
    ]
    assert 0.1 < angle(*below) < 90.0


def test_batches_follow_the_order_of_a_training_session_and_decaying_rates():
    circuit, task = make_circuit(), make_task()
    train, weights = task.splits["train"], initial_weights(circuit, seed=3)
    for epoch in (1, 2, 3):
        order = generator(3, f"order/{epoch}").permutation(12)
        for rows in (order[:5], order[5:10], order[10:]):  # the last batch is smaller
            steps = negative_gradient(
                circuit, weights, train.inputs[rows], train.targets[rows]
            )
            for name, step in steps.items():
                rate = (0.3 if "output" in name else 0.7) * 0.5 ** (epoch - 1)
                weights[name] = weights[name] + rate * step
    options = settings(epochs=3, batch=5, rate_decay=0.5)
    found = descend(circuit, task, **options)["weights"]
    # nine steps, a few roundings of order-one weights in each
    assert_same(found, {name: weights[name] for name in found}, atol=1e-12)


@pytest.mark.parametrize("feedback", FEEDBACK)
@pytest.mark.parametrize("trained", [["output"], ["hidden2", "output"], ["hidden1"]])
def test_only_the_layers_asked_for_move_and_as_if_all_did(trained, feedback):
    circuit, task = make_circuit(), make_task()
    options = settings(feedback=feedback)
    every = moved(circuit, descend(circuit, task, **options))
    some = moved(circuit, descend(circuit, task, **options, train_layers=trained))
    for name, change in every.items():
        expected = change if name.split("_to_")[1].split("_")[0] in trained else 0.0
        np.testing.assert_allclose(some[name], expected + 0 * change, atol=1e-15)


def test_single_precision_is_kept_close_to_double():
    circuit, task = make_circuit(), make_task()
    options = settings(epochs=20, batch=5)
    double = descend(circuit, task, **options)["weights"]
    single = descend(circuit, task, **{**options, "dtype": "float32"})["weights"]
    for name, w in double.items():
        assert np.array_equal(single[name], single[name].astype(np.float32))
        # 60 steps of at most a few 6e-8 each on weights of order one
        np.testing.assert_allclose(single[name], w, rtol=0, atol=60 * 2e-7)


def test_curves_are_scored_on_the_weights_after_each_epoch():
    circuit, task = make_circuit(), make_task(validation=True)
    result = descend(circuit, task, **settings(epochs=2, batch=4))
    for name in ("validation", "test"):
        split = task.splits[name]
        for curve in ("error_rate", "loss"):
            assert result[curve][name].shape == (2,)
        weights, r = result["weights"], split.inputs
        for layer in circuit.network.layers:
            u = layer.attenuation * (r @ weights[layer.projection].T)
            r = 1 / (1 + np.exp(-u - layer.attenuation * weights[layer.bias].T))
        expected = score(r, split)
        assert result["loss"][name][-1] == pytest.approx(expected["loss"], rel=1e-12)
        assert result["error_rate"][name][-1] == expected["error_rate"]
    first = descend(circuit, task, **settings(epochs=1, batch=4))
    assert first["loss"]["test"][0] == result["loss"]["test"][0]


def test_a_task_without_labels_has_losses_only():
    result = descend(make_circuit(), make_task(labels=False), **settings())
    assert result["error_rate"] == {}
    assert result["loss"].keys() == {"test"}


@pytest.mark.parametrize("feedback", FEEDBACK)
def test_handwritten_digits_are_learned(feedback):
    task = digits(seed=0)
    circuit = sacramento([64, 50, 10], bias=True, seed=0)
    options = {"epochs": 30, "batch": 10, "output_rate": 0.1, "feedback": feedback}
    hidden = {"backprop": 1.0, "alignment": 0.2, "gated_alignment": 0.3}[feedback]
    result = descend(circuit, task, **options, hidden_rate=hidden, seed=0)
    # linear regression leaves 0.03 to 0.04 on this split, chance 0.9
    assert result["error_rate"]["test"][-1] < 0.06
    settled = settled_score(circuit, task, result["weights"])["error_rate"]
    # Single precision may flip one image of 360 at a border.
    assert settled == pytest.approx(result["error_rate"]["test"][-1], abs=1.5 / 360)


def test_progress_is_reported_when_asked(capsys):
    descend(make_circuit(), make_task(), **settings(epochs=2), progress=True)
    assert "epoch 2/2: test error" in capsys.readouterr().err
    descend(make_circuit(), make_task(), **settings(epochs=2))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("option", "value", "error", "text"),
    [
        ("epochs", 0, ConfigError, "epochs"),
        ("batch", 1.5, ConfigError, "batch"),
        ("output_rate", -1.0, ModelError, "output_rate"),
        ("hidden_rate", float("nan"), ModelError, "hidden_rate"),
        ("rate_decay", 0.0, ConfigError, "rate_decay"),
        ("rate_decay", 1.1, ConfigError, "rate_decay"),
        ("feedback", "backprob", ConfigError, "did you mean 'backprop'"),
        ("dtype", "float16", ConfigError, "dtype"),
        ("train_layers", ["hidden3"], ConfigError, "hidden1, hidden2, output"),
        ("train_layers", "output", ConfigError, "expected a list"),
    ],
)
def test_options_out_of_range_are_refused_by_name(option, value, error, text):
    with pytest.raises(error, match=text):
        descend(make_circuit(), make_task(), **settings(**{option: value}))


def test_a_task_of_other_sizes_is_refused():
    circuit = microcircuit([7, 4, 3])
    with pytest.raises(ConfigError, match="inputs"):
        descend(circuit, make_task(), **settings())


def test_random_feedback_without_top_down_weights_is_refused():
    full = make_circuit()
    kept = tuple(p for p in full.projections if p.name != "output_to_hidden2_apical")
    kept = tuple(
        p for p in kept if p.name != "interneuron2_to_hidden2_apical"
    )  # its weights copy the missing ones
    circuit = Circuit(full.populations, kept, full.schedule, network=full.network)
    with pytest.raises(ModelError, match="output_to_hidden2_apical"):
        descend(circuit, make_task(), **settings(feedback="alignment"))
    assert descend(circuit, make_task(), **settings())["loss"]["test"].shape == (1,)


def test_weights_beyond_finite_numbers_end_the_run_with_the_epoch():
    options = settings(output_rate=1e200, hidden_rate=1e200, epochs=9)
    circuit = make_circuit(phi=transfer.soft_rectifier())
    with pytest.raises(NumericalError, match="epoch .* no longer finite"):
        descend(circuit, make_task(), **options)
