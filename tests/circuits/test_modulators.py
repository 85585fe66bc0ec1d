"""Filtered updates that a read of the cell multiplies: eligibility and late reward."""

import math
from typing import Annotated, NamedTuple

import numpy as np
import pytest
from naive_circuit import DT, as_given, as_square, circuit, joined, layers, sources
from naive_runs import ROUNDING

import circuits
from circuits import Population
from dendrites import ActivityDifference, LowPass
from dendrites.cell import CellModel
from dendrites.errors import ConfigError, ModelError

pytestmark = pytest.mark.usefixtures("every_engine")

N, STEPS, RATE = 4, 80, 0.02
MASK = np.random.default_rng(8).random((N, N)) < 0.6


class State(NamedTuple):
    u: Annotated[float, "1"] = 0.0
    reward: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    pass


class Inputs(NamedTuple):
    drive: Annotated[float, "1"] = 0.0
    reward: Annotated[float, "1"] = 0.0


def fill(cell, inputs, p):
    return State(inputs.drive, inputs.reward)


def step(cell, inputs, p, dt):
    return cell


REWARDED = CellModel(
    "rewarded",
    State,
    Params,
    Inputs,
    step=step,
    instantaneous=fill,
    reads={"halved": lambda cell, p: 0.5 * cell.u},
)
LOW_PASS = LowPass(20.0, exact=True)


def modulated(low_pass=LOW_PASS, **options):
    options = {"learning_rate": RATE, "modulator": "reward", **options}
    return ActivityDifference("u", "halved", low_pass=low_pass, **options)


def described(rule, connectivity="dense", **options):
    """Cells that show W x, and are told a reward each."""
    options = {"rule": rule, "connectivity": connectivity, **options}
    return circuit(
        (*sources(("x", "r"), N), Population("y", REWARDED, N)),
        (
            joined("x", "y", "up", "drive", **options),
            joined("r", "y", "told", "reward", connectivity="one_to_one"),
        ),
        steps=STEPS,
    )


def waves(seed=2):
    rng = np.random.default_rng(seed)
    return {name: rng.uniform(-1, 1, (STEPS, N)) for name in ("x", "r")}


def shown(made, given, w, **options):
    start = as_given(made, {"up": w, "told": np.eye(N)})
    options = {"driven": tuple(given), **options}
    with circuits.Presenter(made, weights=start, **options) as presenter:
        presenter.present({}, waveforms=given)
        return as_square(made, "up", presenter.weights("up")["up"])


def numpy_weights(given, w, *, low_pass=LOW_PASS, mask=1.0, decay=0.0, of=lambda r: r):
    """Step by step: the trace of (u / 2) x, and reward times trace."""
    a = math.exp(-DT / low_pass.tau) if low_pass.exact else 1.0 - DT / low_pass.tau
    trace = np.zeros_like(w)
    for x, r in zip(given["x"], given["r"], strict=True):
        term = mask * np.outer(0.5 * (w @ x), x)
        new = a * trace + (1.0 - a) * term
        read = trace if low_pass.read == "before" else new
        w = (1.0 - decay * DT) * w + RATE * DT * of(r)[:, None] * read
        trace = new
    return w


@pytest.mark.nojit
def test_a_reward_30_ms_late_moves_by_what_is_left_of_the_trace():
    event, late = 10, 10 + round(30.0 / DT)
    x, r, w = np.array([1.0, -0.5, 0.0, 2.0]), np.array([1.0, 0.0, -2.0, 0.5]), 0.3
    given = {name: np.zeros((STEPS, N)) for name in ("x", "r")}
    given["x"][event], given["r"][late] = x, r
    start = w * np.arange(1.0, 1.0 + N * N).reshape(N, N)
    found = shown(described(modulated()), given, start) - start
    a = math.exp(-DT / 20.0)
    eligibility = (1.0 - a) * np.outer(0.5 * (start @ x), x) * math.exp(-30.0 / 20.0)
    wanted = RATE * DT * r[:, None] * eligibility
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-15)
    assert np.abs(wanted).max() > 1e-5
    # Without the filter the reward meets nothing.
    gated = ActivityDifference("u", "halved", RATE, gain="reward")
    np.testing.assert_array_equal(shown(described(gated), given, start), start)


@pytest.mark.parametrize("connectivity", ["dense", "one_to_one", MASK])
@pytest.mark.parametrize(
    "low_pass", [LOW_PASS, LowPass(5.0), LowPass(5.0, read="before")]
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_step_is_that_of_numpy(connectivity, low_pass, dtype):
    mask = {"dense": 1.0, "one_to_one": np.eye(N)}.get(str(connectivity), MASK)
    made = described(modulated(low_pass), connectivity, weight_decay=0.01)
    w = np.random.default_rng(1).uniform(-1, 1, (N, N)) * mask
    wanted = numpy_weights(waves(), w, low_pass=low_pass, mask=mask, decay=0.01)
    rounding = 1e-6 if dtype == "float32" else ROUNDING
    assert np.abs(shown(made, waves(), w, dtype=dtype) - wanted).max() < rounding
    assert np.abs(wanted - w).max() > 1e-2


def test_a_function_of_the_cell_modulates_and_bounds_hold():
    made = described(modulated(modulator=lambda cell, p: cell.reward**2))
    w = np.random.default_rng(1).uniform(-1, 1, (N, N))
    wanted = numpy_weights(waves(), w, of=np.square)
    assert np.abs(shown(made, waves(), w) - wanted).max() < ROUNDING
    held = described(modulated(learning_rate=50.0), bounds=(-0.5, 0.5))
    found = np.abs(shown(held, waves(), np.clip(w, -0.5, 0.5)))
    assert found.max() == 0.5
    assert (found < 0.5).any()


def test_differences_of_one_trace_add_up():
    plus = ActivityDifference(
        "u", None, RATE, low_pass=LOW_PASS, modulator="reward", presynaptic="value"
    )
    minus = ActivityDifference(
        None, "halved", RATE, low_pass=LOW_PASS, modulator="reward"
    )
    w = np.random.default_rng(1).uniform(-1, 1, (N, N))
    wanted = numpy_weights(waves(), w)
    found = shown(described(plus + minus), waves(), w)
    assert np.abs(found - wanted).max() < ROUNDING


def test_what_a_step_does_is_told():
    text = circuits.explain(described(modulated()), optimise=False)
    order = ["factor of up", "modulator of up", "filter sums of up into filter of up"]
    places = [text.index(line) for line in order]
    places.append(text.index("move up by modulator of up times filter of up"))
    assert places == sorted(places)


MADE = described(modulated())


@pytest.mark.parametrize(
    "run, message",
    [
        (lambda: circuits.Presenter(MADE, integrator="blocked"), "Use 'exact'"),
        (lambda: circuits.explain(MADE, block=4), "Use 'exact'"),
        (lambda: circuits.explain(MADE, batch=2), "one after the other"),
        (
            lambda: circuits.simulate(
                MADE, {n: np.ones((2, N)) for n in "xr"}, [], learning=True
            ),
            "'up'.*one after the other",
        ),
    ],
)
def test_sums_over_steps_or_samples_are_refused(run, message):
    with pytest.raises(ConfigError, match=message):
        run()


def test_samples_side_by_side_that_do_not_learn_are_shown():
    patterns = {name: np.ones((2, N)) for name in "xr"}
    circuits.simulate(MADE, patterns, ["y"])
    with circuits.Presenter(MADE, batch=2) as presenter:
        presenter.present(patterns, learning=False)
        with pytest.raises(ConfigError, match="one after the other"):
            presenter.present(patterns)
        rates = {"up": 0.0}
    with circuits.Presenter(MADE, batch=2, learning_rates=rates) as presenter:
        presenter.present(patterns)


def test_a_modulator_that_cannot_act_is_refused():
    with pytest.raises(ModelError, match="Use gain"):
        modulated(low_pass=None)
    with pytest.raises(ModelError, match="modulator"):
        modulated(modulator=3.0)
    with pytest.raises(ModelError, match="no read 'rewards'"):
        described(modulated(modulator="rewards"))
    with pytest.raises(ModelError, match="modulator is"):
        _ = modulated() + modulated(modulator="u")
    with pytest.raises(ModelError, match="trace of one synapse"):
        described(modulated(), circuits.Convolution((2, 2), kernel=(1, 1)))


def test_jumps_are_refused():
    rule = ActivityDifference("u", None, RATE, low_pass=LOW_PASS, modulator="u")
    made = circuit(
        (*sources(("x",), N), *layers(("y",), N)),
        (joined("x", "y", "up", rule=rule),),
    )
    with pytest.raises(ConfigError, match="'equilibrium'.*modulator"):
        circuits.Presenter(made, integrator="equilibrium")
