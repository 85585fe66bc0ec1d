"""Schemes with noisy cells, said without a trick: one update, numbers by address."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from drawn_numbers import SEED, drawn
from scheme_circuits import ALL, DRAWN, EXACT, ONE, mean_product, pictures

import circuits
from circuits import (
    Circuit,
    Phase,
    Population,
    Projection,
    Schedule,
)
from dendrites import ActivityDifference, CellModel
from dendrites.models import source
from dendrites.random import normal

pytestmark = pytest.mark.usefixtures("every_engine")

BATCH = 3


class Layer(NamedTuple):
    activity: float = 0.0
    noise: float = 0.0
    told: float = 0.0


class Sigma(NamedTuple):
    sigma: float = 0.1


class Drives(NamedTuple):
    drive: float = 0.0
    gate: float = 0.0
    told: float = 0.0
    draw: float = 0.0


def noisy(function):
    def step(cell, inputs, p, dt):
        noise = p.sigma * inputs.gate * inputs.draw
        return Layer(function(inputs.drive) + noise, noise, inputs.told)

    return CellModel(
        "noisy", Layer, Sigma, Drives, step=step, random={"draw": "normal"}
    )


def identity(x):
    return x


def test_weight_mirror_turns_noise_into_transposed_weights():
    rate, decay = 0.3, 0.01
    mirror = ActivityDifference(
        "activity", None, moments=("mirror", "mirror"), learning_rate=rate
    )
    made = Circuit(
        (
            Population("gate", source(), 1, pattern=1.0),
            Population("below", noisy(identity), 5),
            Population("above", noisy(identity), 3),
        ),
        (
            Projection("gate", "below", "gate", **ALL),
            Projection("below", "above", "drive", signal="activity", name="W", **DRAWN),
            Projection(
                "above",
                "below",
                "told",
                signal="activity",
                name="B",
                rule=mirror,
                weight_decay=decay,
                **DRAWN,
            ),
        ),
        Schedule((Phase("mirror", advance=("below", "above"), on=("gate",)),)),
        output="above",
        readout="activity",
        seed=SEED,
    )
    with circuits.Presenter(made, batch=BATCH) as presenter:
        w, b = (presenter.weights()[name] for name in ("W", "B"))
        for number in range(2):
            presenter.present({"gate": np.ones((BATCH, 1))}, learning=True)
            h = 0.1 * drawn(
                normal, "noise/below/draw", 5, BATCH, step=0, presentation=number
            )
            b = (1 - decay) * b + rate * mean_product(h, h @ w.T)
        np.testing.assert_allclose(presenter.weights()["B"], b, atol=EXACT)


class Reconstructed(NamedTuple):
    activity: float = 0.0
    original: float = 0.0


class Copied(NamedTuple):
    drive: float = 0.0
    original: float = 0.0


def reconstruct(cell, inputs, p, dt):
    return Reconstructed(math.tanh(inputs.drive), inputs.original)


def inverse_delta(cell, p):
    """What was corrupted minus what came back, behind the slope of tanh."""
    a = cell.activity
    return (cell.original - a) * (1.0 - a * a)


def test_noisy_inverse_of_difference_target_propagation():
    sigma, rate = 0.1, 0.3
    layer = noisy(math.tanh)
    inverse = CellModel(
        "inverse",
        Reconstructed,
        Sigma,
        Copied,
        step=reconstruct,
        reads={"delta": inverse_delta},
    )
    rule = ActivityDifference(
        "delta", None, moments=("noisy", "noisy"), learning_rate=rate
    )
    sends = {"signal": "activity", **DRAWN}
    sizes = {"hidden1": 5, "hidden2": 4}
    made = Circuit(
        (
            Population("input", source(), 6, pattern="inputs"),
            Population("gate", source(), 1, pattern=1.0),
            *(Population(name, layer, n) for name, n in sizes.items()),
            Population("inverse1", inverse, 5),
        ),
        (
            Projection("input", "hidden1", "drive", name="W1", **DRAWN),
            Projection("hidden1", "hidden2", "drive", name="W2", **sends),
            Projection("hidden2", "inverse1", "drive", name="V2", rule=rule, **sends),
            Projection("hidden1", "inverse1", "original", signal="activity", **ONE),
            Projection("gate", "hidden1", "gate", **ALL),
        ),
        Schedule(
            (
                Phase("forward", advance=tuple(sizes), on=("input",)),
                Phase(
                    "noisy",
                    advance=(*sizes, "inverse1"),
                    on=("input", "gate"),
                ),
            )
        ),
        output="hidden2",
        readout="activity",
        seed=SEED,
    )
    x = pictures(BATCH, 6)
    reads = [("hidden2", "activity", "forward")]
    found = circuits.present(made, {"input": x}, reads=reads, learning=True)
    w1, w2, v2 = (found.before[name] for name in ("W1", "W2", "V2"))
    h1 = np.tanh(x @ w1.T)
    np.testing.assert_allclose(found[reads[0]], np.tanh(h1 @ w2.T), atol=EXACT)
    corrupted = h1 + sigma * drawn(normal, "noise/hidden1/draw", 5, BATCH, step=1)
    above = np.tanh(corrupted @ w2.T)
    back = np.tanh(above @ v2.T)
    delta = (corrupted - back) * (1 - back**2)
    wanted = rate * mean_product(delta, above)
    np.testing.assert_allclose(found.update["V2"], wanted, atol=EXACT)
