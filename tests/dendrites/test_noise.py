"""Random inputs of a cell: what fills them, their addresses and their size."""

import json
from typing import Annotated, NamedTuple

import numpy as np
import pytest

import dendrites as dn
from dendrites import random

SEED = 7


class ProbeState(NamedTuple):
    first: float = 0.0
    second: float = 0.0


class NoParams(NamedTuple):
    pass


class ProbeInputs(NamedTuple):
    first: float = 0.0
    second: float = 0.0
    drive: float = 0.0


def show(cell, inputs, p, dt):
    return ProbeState(inputs.first, inputs.second)


def probe(**kinds):
    """A cell whose state is the number its inputs received in the step."""
    return dn.CellModel(
        "probe", ProbeState, NoParams, ProbeInputs, step=show, random=kinds
    )


def numbers(cell, *, n=3, steps=20, dt=0.1, seed=SEED):
    """Numbers (condition, step, field) that reach a probe."""
    tree = dn.simulate(cell, duration=steps * dt, dt=dt, drive=[0.0] * n, seed=seed)
    return tree["populations/cell"].v.values[..., 0]


class LeakyState(NamedTuple):
    u: Annotated[float, "1"] = 0.0


class LeakyParams(NamedTuple):
    g: Annotated[float, "1/ms", dn.POSITIVE] = 0.8
    sigma: Annotated[float, "1/sqrt(ms)", dn.NON_NEGATIVE] = 0.5


class LeakyInputs(NamedTuple):
    drive: Annotated[float, "1/ms"] = 0.0
    noise: Annotated[float, "1/sqrt(ms)"] = 0.0


def leak(cell, inputs, p):
    return LeakyState(-p.g * cell.u + inputs.drive + p.sigma * inputs.noise)


LEAKY = dn.CellModel(
    "leaky", LeakyState, LeakyParams, LeakyInputs, leak, random={"noise": "white"}
)


@pytest.mark.nojit
@pytest.mark.parametrize("kind", ["white", "normal", "uniform"])
def test_every_number_is_that_of_its_seed_field_condition_and_step(kind):
    dt = 0.25
    draw = random.uniform if kind == "uniform" else random.normal
    scale = 1.0 / np.sqrt(dt) if kind == "white" else 1.0
    key = random.stream_key(SEED, "noise/second")
    expected = [
        [scale * draw(*key, 0, condition, step, 0) for step in range(20)]
        for condition in range(3)
    ]
    shown = numbers(probe(second=kind), dt=dt)
    # 1 / sqrt(0.25) is exact.
    np.testing.assert_array_equal(shown[..., 1], expected)
    assert not shown[..., 0].any()


@pytest.mark.nojit
def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    cell = probe(first="white", second="uniform")
    again = numbers(cell)
    np.testing.assert_array_equal(again, numbers(cell))
    assert (again != numbers(cell, seed=SEED + 1)).all()


@pytest.mark.nojit
def test_more_conditions_and_more_steps_leave_the_earlier_numbers_unchanged():
    cell = probe(first="white", second="uniform")
    many = numbers(cell, n=5, steps=30)
    np.testing.assert_array_equal(many[:2, :20], numbers(cell, n=2))


@pytest.mark.nojit
def test_a_field_keeps_its_numbers_when_another_becomes_random():
    alone, both = probe(second="normal"), probe(first="normal", second="normal")
    np.testing.assert_array_equal(numbers(alone)[..., 1], numbers(both)[..., 1])


def test_conditions_fields_and_steps_receive_independent_numbers():
    n = 20_000
    shown = numbers(probe(first="normal", second="normal"), n=2, steps=n)
    (a, b), (c, _) = shown[0].T, shown[1].T
    for x, y in ((a, b), (a, c), (b, c), (a[1:], a[:-1])):
        # The mean product of independent standard normals has deviation 1 / sqrt(n).
        assert abs(np.mean(x * y)) < 5.0 / np.sqrt(n)


def test_normal_numbers_have_unit_variance_at_any_step_and_white_ones_one_over_dt():
    n = 20_000
    cell = probe(first="normal", second="white")
    for dt in (0.1, 0.4):
        power = np.mean(numbers(cell, n=1, steps=n, dt=dt) ** 2, axis=(0, 1))
        # A mean square of n standard normals has deviation sqrt(2 / n).
        bound = 5.0 * np.sqrt(2.0 / n)
        np.testing.assert_allclose(power, [1.0, 1.0 / dt], rtol=bound)


def test_uniform_numbers_fill_the_unit_interval_evenly():
    n = 20_000
    shown = numbers(probe(first="uniform"), n=1, steps=n)[0, :, 0]
    assert shown.min() >= 0.0
    assert shown.max() < 1.0
    share = np.histogram(shown, 10, (0.0, 1.0))[0] / n
    assert np.abs(share - 0.1).max() < 5.0 * np.sqrt(0.1 * 0.9 / n)


def mean_square(cell, dt, rate, **drives):
    """Mean square of the first potential, of 20000 values 10 time constants apart."""
    gap = round(10.0 / rate / dt)
    tree = dn.simulate(
        cell,
        duration=101 * gap * dt,
        dt=dt,
        record_every=gap * dt,
        seed=SEED,
        **{name: [value] * 200 for name, value in drives.items()},
    )
    u = tree["populations/cell"].v.values[:, 1:, 0, 0]
    return np.mean(u**2), 5.0 * np.sqrt(2.0 / u.size)


@pytest.mark.parametrize("dt", [0.1, 0.5])
def test_white_noise_has_the_stationary_variance_of_euler_maruyama(dt):
    g, sigma = LEAKY.parameters
    measured, bound = mean_square(LEAKY, dt, g, drive=0.0)
    # u' = (1 - g dt) u + sigma sqrt(dt) z; tends to sigma^2 / (2 g) as dt -> 0.
    expected = sigma**2 * dt / (1.0 - (1.0 - g * dt) ** 2)
    assert abs(measured / expected - 1.0) < bound


HIDDEN = {"g_leak": 0.1, "g_basal": 0.9, "g_apical": 0.7}
SACRAMENTO = [
    (dn.models.sacramento_pyramidal, HIDDEN, 1.7),
    (dn.models.sacramento_pyramidal, HIDDEN | {"split_apical": True}, 1.7),
    (
        dn.models.sacramento_interneuron,
        {"g_leak": 0.1, "g_dendrite": 0.6, "g_nudge": 0.5},
        1.2,
    ),
    # Without a teacher nothing nudges.
    (
        dn.models.sacramento_output,
        {"g_leak": 0.1, "g_basal": 0.9, "g_nudge": 0.5},
        1.0,
    ),
    (
        dn.models.sacramento_output,
        {"g_leak": 0.1, "g_basal": 0.9, "nudge": "conductance"},
        1.0,
    ),
]


@pytest.mark.parametrize(("make", "options", "g"), SACRAMENTO)
@pytest.mark.parametrize(("noise", "power"), [("white", 1), ("per_step", 2)])
def test_noise_of_microcircuit_cells_has_the_stated_variance(
    make, options, g, noise, power
):
    sigma, dt = 0.3, 0.2
    cell = make(noise=noise, sigma=sigma, **options)
    measured, bound = mean_square(cell, dt, g, **{cell.inputs._fields[0]: 0.0})
    # `g` is the sum of the conductances that are open.
    expected = sigma**2 * dt**power / (1.0 - (1.0 - g * dt) ** 2)
    assert abs(measured / expected - 1.0) < bound


@pytest.mark.nojit
@pytest.mark.parametrize("stepper", ["euler", "heun"])
def test_all_stages_of_a_step_see_the_same_number(stepper):
    dt, steps = 0.2, 50
    g, sigma = LEAKY.parameters
    key = random.stream_key(SEED, "noise/noise")
    u, expected = 0.0, []
    for step in range(steps):
        kick = sigma * random.normal(*key, 0, 0, step, 0) / np.sqrt(dt)
        slope = -g * u + kick
        if stepper == "heun":
            slope = 0.5 * (slope - g * (u + dt * slope) + kick)
        u += dt * slope
        expected.append(u)
    tree = dn.simulate(LEAKY, duration=steps * dt, dt=dt, stepper=stepper, seed=SEED)
    got = tree["populations/cell"].v.values[0, :, 0, 0]
    # Values below 3, each a sum of rounded terms that decay with g dt = 0.16.
    np.testing.assert_allclose(got, expected, rtol=0.0, atol=1e-13)


def test_a_drive_for_a_random_input_is_refused():
    with pytest.raises(dn.ModelError, match="noise: leaky cells fill this .*'white'"):
        dn.simulate(LEAKY, duration=1.0, noise=0.0)


def test_a_misspelt_drive_is_not_offered_the_random_input():
    with pytest.raises(dn.ModelError, match="no input 'noises'. allowed: drive$"):
        dn.simulate(LEAKY, duration=1.0, noises=0.0)


def test_the_result_says_which_inputs_were_random():
    tree = dn.simulate(LEAKY, duration=1.0, seed=SEED)
    assert json.loads(tree.attrs["config_json"])["random"] == {"noise": "white"}
