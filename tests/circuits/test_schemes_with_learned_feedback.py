"""Feedback that follows signs, learns beside the forward weights, or mirrors them."""

import numpy as np
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

import circuits
from circuits import Projection, Tied, Uniform
from dendrites import ActivityDifference, transfer

pytestmark = pytest.mark.usefixtures("every_engine")

SIZES, BATCH, RATE, DECAY, MOMENTUM = (6, 5, 4, 3), 7, 0.3, 0.01, 0.8
AT = ("backward", "backward")


def kolen_pollack(momentum):
    """Both pathways learn by the same product and decay alike."""
    options = {"moments": AT, "learning_rate": RATE, "momentum": momentum}
    up = ActivityDifference("delta", None, **options)
    down = ActivityDifference("rate", None, **options)
    names = names_of(SIZES)
    feedback = [
        Projection(above, here, "apical", signal="delta", rule=down, weight_decay=DECAY)
        for here, above in zip(names[1:-1], names[2:], strict=True)
    ]
    phases = forward_and_backward(SIZES, feedback)
    return stack(SIZES, rule=up, feedback=feedback, phases=phases, weight_decay=DECAY)


@pytest.mark.parametrize("momentum", [0.0, MOMENTUM])
def test_kolen_pollack_moves_both_pathways_alike(momentum):
    made, patterns = kolen_pollack(momentum), patterns_of(SIZES, BATCH)
    weights = random_weights(made)
    found = after_presentations(made, weights, patterns, 3)
    w = {name: value.copy() for name, value in weights.items()}
    velocity = {name: np.zeros_like(value) for name, value in w.items()}
    for _ in range(3):
        net = Net(SIZES, w)
        rates = net.rates(patterns["input"])
        pairs = list(zip(net.names[1:-1], net.names[2:], strict=True))
        keys = [f"{above}_to_{here}_apical" for here, above in pairs]
        deltas = net.deltas(rates, patterns["teacher"], [w[key] for key in keys])
        change = net.update(rates, deltas)
        for k, key in enumerate(keys):
            change[key] = rates[k + 1].T @ deltas[k + 1] / BATCH
        for name, value in change.items():
            velocity[name] = momentum * velocity[name] + value
            w[name] = (1 - DECAY) * w[name] + RATE * velocity[name]
    close(found, w)


def test_kolen_pollack_loses_what_differs_by_the_decay_alone():
    made, patterns = kolen_pollack(0.0), patterns_of(SIZES, BATCH)
    weights = random_weights(made)
    found = after_presentations(made, weights, patterns, 200)
    for here, above in zip(names_of(SIZES)[1:-1], names_of(SIZES)[2:], strict=True):
        up, down = f"{here}_to_{above}_basal", f"{above}_to_{here}_apical"
        before, after = (w[up] - w[down].T for w in (weights, found))
        np.testing.assert_allclose(after, (1 - DECAY) ** 200 * before, rtol=1e-9)


def test_sign_symmetry_follows_signs_with_sizes_drawn_anew():
    names, patterns = names_of(SIZES), patterns_of(SIZES, BATCH)
    up = ActivityDifference("delta", None, moments=AT, learning_rate=5.0)
    feedback = [
        Projection(
            above,
            here,
            "apical",
            signal="delta",
            tied_to=Tied(
                f"{here}_to_{above}_basal",
                transpose=True,
                function=transfer.sign,
                times=Uniform(0.1, 0.5),
                redraw=True,
            ),
        )
        for here, above in zip(names[1:-1], names[2:], strict=True)
    ]
    phases = forward_and_backward(SIZES, feedback)
    made = stack(SIZES, rule=up, feedback=feedback, phases=phases)
    weights = random_weights(made)
    with circuits.Presenter(made, weights=weights, batch=BATCH) as presenter:
        seen = [presenter.weights()]
        for _ in range(3):
            presenter.present(patterns, learning=True)
            seen.append(presenter.weights())
    keys = [p.name for p in feedback]
    for before, after in zip(seen[:-1], seen[1:], strict=True):
        net = Net(SIZES, before)
        rates = net.rates(patterns["input"])
        back = [before[key] for key in keys]
        deltas = net.deltas(rates, patterns["teacher"], back)
        change = net.update(rates, deltas)
        close(after, {k: before[k] + 5.0 * v for k, v in change.items()})
        for key, p in zip(keys, feedback, strict=True):
            assert (np.sign(after[key]) == np.sign(after[p.tied_to.to].T)).all()
            assert (np.abs(after[key]) >= 0.1).all()
            assert (np.abs(after[key]) != np.abs(before[key])).all()
