"""Schemes of binary cells, said without a trick: one update, numbers by address."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from drawn_numbers import SEED, drawn
from scheme_circuits import ALL, DRAWN, EXACT, ONE, NoParams, mean_product, pictures
from systems import logistic

import circuits
from circuits import (
    Circuit,
    Phase,
    Population,
    Projection,
    Schedule,
)
from dendrites import ActivityDifference, CellModel, LowPass, transfer
from dendrites.models import source
from dendrites.random import uniform

pytestmark = pytest.mark.usefixtures("every_engine")

BATCH = 3


class Sampled(NamedTuple):
    spikes: float = 0.0
    generated: float = 0.5
    recognised: float = 0.5
    p: float = 0.5


class Pathways(NamedTuple):
    up: float = 0.0
    down: float = 0.0
    shown: float = 0.0
    fixed: float = 0.0
    dream: float = 0.0


def both_ways(cell, inputs, p, dt):
    """Recognised from below, generated from above; fixed to what is shown."""
    up, down = transfer.logistic(inputs.up), transfer.logistic(inputs.down)
    free = inputs.dream * down + (1.0 - inputs.dream) * up
    return Sampled(cell.spikes, down, up, inputs.shown + (1.0 - inputs.fixed) * free)


def flip(cell, u, p, dt):
    return 1.0 if u < cell.p else 0.0


def flipped(cell, count, p, dt):
    return cell._replace(spikes=count)


def test_wake_sleep():
    rate = 0.3
    cell = CellModel(
        "binary", Sampled, NoParams, Pathways, step=both_ways, spike=flip, fired=flipped
    )

    def learns(baseline, phase):
        return ActivityDifference(
            "spikes", baseline, moments=(phase, phase), learning_rate=rate
        )

    spikes = {"signal": "spikes", **DRAWN}
    wake, dream = ("input", "fixed"), ("dream", "prior")
    keep = {"hold": {"hidden": ("spikes",)}}
    made = Circuit(
        (
            Population("input", source(), 4, pattern="inputs"),
            Population("fixed", source(), 1, pattern=1.0),
            Population("dream", source(), 1, pattern=1.0),
            Population("prior", source(), 1, pattern=1.0),
            Population("visible", cell, 4),
            Population("hidden", cell, 3),
        ),
        (
            Projection("input", "visible", "shown", **ONE),
            Projection("fixed", "visible", "fixed", **ALL),
            Projection("dream", "visible", "dream", **ALL),
            Projection("dream", "hidden", "dream", **ALL),
            Projection("prior", "hidden", "down", name="b", **DRAWN),
            Projection(
                "hidden",
                "visible",
                "down",
                name="B",
                rule=learns("generated", "wake_told"),
                **spikes,
            ),
            Projection(
                "visible",
                "hidden",
                "up",
                name="W",
                rule=learns("recognised", "sleep_told"),
                **spikes,
            ),
        ),
        Schedule(
            (
                Phase("wake", advance=("visible", "hidden"), on=wake),
                Phase("wake_told", advance=("visible",), on=wake),
                Phase("sleep", advance=("hidden", "visible"), on=dream),
                Phase("sleep_told", advance=("hidden",), on=dream, **keep),
            )
        ),
        output="hidden",
        readout="spikes",
        seed=SEED,
    )
    x = (pictures(BATCH, 4) > 0.5).astype(float)
    found = circuits.present(made, {"input": x}, learning=True)
    w, b, prior = (found.before[name] for name in ("W", "B", "b"))

    def u(name, n, step):
        return drawn(uniform, f"spikes/{name}", n, BATCH, step=step)

    h = (u("hidden", 3, 0) < logistic(x @ w.T)).astype(float)
    wanted = {"B": rate * mean_product(x - logistic(h @ b.T), h)}
    h = (u("hidden", 3, 2) < logistic(prior.T)).astype(float)
    v = (u("visible", 4, 2) < logistic(h @ b.T)).astype(float)
    wanted["W"] = rate * mean_product(h - logistic(v @ w.T), v)
    for name, value in wanted.items():
        assert np.abs(value).max() > 0.0
        np.testing.assert_allclose(found.update[name], value, atol=EXACT)


# --- spikes in time -------------------------------------------------------------------


class Stochastic(NamedTuple):
    v: float = 0.0
    error: float = 0.0
    spikes: float = 0.0


class Leak(NamedTuple):
    tau: float = 0.9


class Streams(NamedTuple):
    drive: float = 0.0
    feedback: float = 0.0


def leaky(cell, inputs, p, dt):
    return Stochastic(
        (1.0 - p.tau) * cell.v + p.tau * inputs.drive,
        (1.0 - p.tau) * cell.error + p.tau * inputs.feedback,
        cell.spikes,
    )


def teacher_minus_output(cell, inputs, p, dt):
    return Stochastic(
        (1.0 - p.tau) * cell.v + p.tau * inputs.drive, inputs.feedback, cell.spikes
    )


def sigmoid_spike(cell, u, p, dt):
    return 1.0 if u < transfer.logistic(cell.v) else 0.0


def counted(cell, count, p, dt):
    return cell._replace(spikes=count)


def hidden_error(cell, p):
    return transfer.logistic(cell.error) - 0.5


def taught_error(cell, p):
    return transfer.logistic(cell.error - transfer.logistic(cell.v)) - 0.5


def gated(send):
    def read(cell, p):
        r = transfer.logistic(cell.v)
        return r * (1.0 - r) * send(cell, p)

    return read


def test_spiking_feedback_alignment_with_both_pathways_at_once():
    steps, rate = 5, 0.2
    x = pictures(BATCH, 6)
    shown = {"input": x, "target": np.eye(3)}
    parts = {"spike": sigmoid_spike, "fired": counted}
    hidden = CellModel(
        "hidden",
        Stochastic,
        Leak,
        Streams,
        step=leaky,
        reads={"sent": hidden_error, "factor": gated(hidden_error)},
        **parts,
    )
    output = CellModel(
        "output",
        Stochastic,
        Leak,
        Streams,
        step=teacher_minus_output,
        reads={"sent": taught_error, "factor": gated(taught_error)},
        **parts,
    )
    pixels = CellModel(
        "pixels",
        Stochastic,
        Leak,
        Streams,
        step=lambda cell, inputs, p, dt: cell._replace(v=inputs.drive),
        spike=lambda cell, u, p, dt: 1.0 if u < min(cell.v, 0.95) else 0.0,
        fired=counted,
    )
    rule = ActivityDifference("factor", None, learning_rate=rate)
    sizes = {"pixels": 6, "hidden1": 5, "hidden2": 4, "output": 3}
    names = list(sizes)
    made = Circuit(
        (
            Population("input", source(), 6, pattern="inputs"),
            Population("target", source(), 3, pattern="targets"),
            Population("pixels", pixels, 6),
            Population("hidden1", hidden, 5),
            Population("hidden2", hidden, 4),
            Population("output", output, 3),
        ),
        (
            Projection("input", "pixels", "drive", **ONE),
            Projection("target", "output", "feedback", **ONE),
            *(
                Projection(a, b, "drive", signal="spikes", name=b, rule=rule, **DRAWN)
                for a, b in zip(names[:-1], names[1:], strict=True)
            ),
            *(
                Projection(b, a, "feedback", signal="sent", name=f"B{a}", **DRAWN)
                for a, b in zip(names[1:-1], names[2:], strict=True)
            ),
        ),
        Schedule((Phase("shown", float(steps), on=("input", "target")),)),
        dt=1.0,
        seed=SEED,
        readout="v",
    )
    reads = [("hidden1", "spikes"), ("hidden2", "error"), ("output", "v")]
    found = circuits.present(made, shown, reads=reads, learning=True)

    w = {name: found.before[name].copy() for name in names[1:]}
    b = {name: found.before[f"B{name}"] for name in names[1:-1]}
    v = {name: np.zeros((BATCH, n)) for name, n in sizes.items()}
    e = {name: np.zeros((BATCH, n)) for name, n in sizes.items()}
    s = {name: np.zeros((BATCH, n)) for name, n in sizes.items()}
    for step in range(steps):
        sent = {name: logistic(e[name]) - 0.5 for name in names[1:-1]}
        sent["output"] = logistic(e["output"] - logistic(v["output"])) - 0.5
        new_v, new_e, moved = {"pixels": x}, {}, {}
        for below, name in zip(names[:-1], names[1:], strict=True):
            r = logistic(v[name])
            moved[name] = mean_product(r * (1 - r) * sent[name], s[below])
            new_v[name] = 0.1 * v[name] + 0.9 * s[below] @ w[name].T
        for name, above in zip(names[1:-1], names[2:], strict=True):
            new_e[name] = 0.1 * e[name] + 0.9 * sent[above] @ b[name].T
        new_e["output"] = shown["target"]
        for name in names[1:]:
            w[name] += rate * moved[name]
        v, e = new_v, {**e, **new_e}
        for name, n in sizes.items():
            p = np.minimum(x, 0.95) if name == "pixels" else logistic(v[name])
            u = drawn(uniform, f"spikes/{name}", n, BATCH, step=step)
            s[name] = (u < p).astype(float)
    np.testing.assert_array_equal(found[reads[0]], s["hidden1"])
    np.testing.assert_allclose(found[reads[1]], e["hidden2"], atol=EXACT)
    np.testing.assert_allclose(found[reads[2]], v["output"], atol=EXACT)
    for name in names[1:]:
        np.testing.assert_allclose(found.weights[name], w[name], atol=EXACT)
        assert np.abs(found.update[name]).max() > 1e-4


# --- reward that comes late -----------------------------------------------------------


class Chosen(NamedTuple):
    spikes: float = 0.0
    p: float = 0.0
    reward: float = 0.0


class Rewarded(NamedTuple):
    drive: float = 0.0
    reward: float = 0.0


def choose(cell, inputs, p, dt):
    return cell._replace(p=transfer.logistic(inputs.drive))


def hear(cell, inputs, p):
    return cell._replace(reward=inputs.reward)


def test_reinforce_with_a_reward_30_ms_late():
    rate, tau = 0.5, 20.0
    cell = CellModel(
        "chooser",
        Chosen,
        NoParams,
        Rewarded,
        step=choose,
        instantaneous=hear,
        spike=flip,
        fired=flipped,
    )
    rule = ActivityDifference(
        "spikes",
        "p",
        learning_rate=rate,
        low_pass=LowPass(tau, exact=True),
        modulator="reward",
    )
    made = Circuit(
        (
            Population("input", source(), 4, pattern="inputs"),
            Population("reward", source(), 1, pattern="targets"),
            Population("chooser", cell, 3),
        ),
        (
            Projection("input", "chooser", "drive", name="W", rule=rule, **DRAWN),
            Projection("reward", "chooser", "reward", **ALL),
        ),
        # A rule sees the choice of the step before, so the input stays for another.
        Schedule(
            (
                Phase("act", 2.0, on=("input",)),
                Phase("wait", 29.0),
                Phase("reward", 1.0, on=("reward",)),
            )
        ),
        output="chooser",
        readout="p",
        dt=1.0,
        seed=SEED,
    )
    x, reward = pictures(BATCH, 4)[:1], np.array([[-0.7]])
    shown = {"input": x, "reward": reward}
    found = circuits.present(made, shown, learning=True)
    p = logistic(x @ found.before["W"].T)
    u = drawn(uniform, "spikes/chooser", 3, 1, step=0)
    a = math.exp(-1.0 / tau)
    eligibility = (1 - a) * a**30 * mean_product((u < p) - p, x)
    wanted = rate * reward * eligibility
    assert np.abs(wanted).max() > 1e-4
    np.testing.assert_allclose(found.update["W"], wanted, rtol=1e-10)
