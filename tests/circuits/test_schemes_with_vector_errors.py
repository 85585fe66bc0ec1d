"""Schemes that carry errors back, each said without a trick: one update, rounding."""

import pytest
from scheme_circuits import (
    Net,
    after_presentations,
    close,
    forward_and_backward,
    names_of,
    patterns_of,
    random_weights,
    stack,
)

from circuits import Feedforward, Layer, Projection, Tied, negative_gradient
from dendrites import ActivityDifference, transfer

pytestmark = pytest.mark.usefixtures("every_engine")

SIZES, BATCH, RATE = (6, 5, 4, 3), 7, 0.3
PHI = transfer.logistic, transfer.logistic_derivative, transfer.inverse_logistic
AT = ("backward", "backward")
DELTA = ActivityDifference("delta", None, moments=AT, learning_rate=RATE)


def down(make):
    """Feedback from every layer to the one below, made by ``make(above, here)``."""
    names = names_of(SIZES)
    return [make(names[k + 1], names[k]) for k in range(1, len(names) - 1)]


def circuit(feedback, **rest):
    phases = forward_and_backward(SIZES, feedback)
    return stack(SIZES, rule=DELTA, feedback=feedback, phases=phases, **rest)


def one_update(feedback, back, *, gated=True, **rest):
    """What a presentation moves, and what the equations say."""
    made, patterns = circuit(feedback, **rest), patterns_of(SIZES, BATCH)
    weights = random_weights(made)
    after = after_presentations(made, weights, patterns, 1)
    net = Net(SIZES, weights)
    rates = net.rates(patterns["input"])
    deltas = net.deltas(rates, patterns["teacher"], back(net, weights), gated=gated)
    expected = net.update(rates, deltas)
    found = {name: (after[name] - weights[name]) / RATE for name in expected}
    return made, weights, patterns, found, expected


def transposed(above, here):
    tied = Tied(f"{here}_to_{above}_basal", transpose=True)
    return Projection(above, here, "apical", signal="delta", tied_to=tied)


def fixed(signal):
    return lambda above, here: Projection(above, here, "apical", signal=signal)


def fixed_back(net, weights):
    return [
        weights[f"{above}_to_{here}_apical"]
        for here, above in zip(net.names[1:-1], net.names[2:], strict=True)
    ]


def test_backprop_is_the_exact_gradient():
    layers = tuple(
        Layer(post, f"{pre}_to_{post}_basal", 1.0, 1.0, f"bias_to_{post}")
        for pre, post in zip(names_of(SIZES)[:-1], names_of(SIZES)[1:], strict=True)
    )
    network = Feedforward(layers, PHI, "squared")
    made, weights, patterns, found, expected = one_update(
        down(transposed), lambda net, w: [x.T for x in net.w[1:]], network=network
    )
    close(found, expected)
    gradient = negative_gradient(made, weights, patterns["input"], patterns["teacher"])
    close(found, gradient)


def test_feedback_alignment_of_gated_errors():
    *_, found, expected = one_update(down(fixed("delta")), fixed_back)
    close(found, expected)


def test_feedback_alignment_of_raw_errors():
    *_, found, expected = one_update(down(fixed("error")), fixed_back, gated=False)
    close(found, expected)


def test_direct_feedback_alignment():
    direct = [
        Projection("output", name, "apical", signal="delta")
        for name in names_of(SIZES)[1:-1]
    ]
    made, patterns = circuit(direct), patterns_of(SIZES, BATCH)
    weights = random_weights(made)
    after = after_presentations(made, weights, patterns, 1)
    net = Net(SIZES, weights)
    rates = net.rates(patterns["input"])
    error = (patterns["teacher"] - rates[-1]) * rates[-1] * (1 - rates[-1])
    deltas = [
        (error @ weights[f"output_to_{name}_apical"].T) * r * (1 - r)
        for name, r in zip(net.names[1:-1], rates[1:-1], strict=True)
    ]
    expected = net.update(rates, [*deltas, error])
    close({k: (after[k] - weights[k]) / RATE for k in expected}, expected)
