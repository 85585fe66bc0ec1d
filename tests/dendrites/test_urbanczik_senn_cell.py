"""The dendritic prediction cell: closed forms, noise, dead time and units."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.stats import poisson

import dendrites as dn
from dendrites.errors import ModelError
from dendrites.models import urbanczik_senn
from dendrites.models import urbanczik_senn_units as convert
from tests.reference import urbanczik_senn_twin as twin

CELL = urbanczik_senn()
P = CELL.parameters
LAST_BELOW_ONE = 1.0 - 2.0**-53
PAPER = {
    "capacitance": 1.0,
    "g_leak": 0.1,
    "g_dendrite": 2.0,
    "g_back": 0.0,
    "e_leak": 0.0,
    "e_exc": 14.0 / 3.0,
    "e_inh": -1.0 / 3.0,
    "tau_syn": 3.0,
    "tau_exc": 3.0,
    "tau_inh": 3.0,
    "phi_max": 0.15,
    "k": 0.5,
    "beta": 5.0,
    "theta": 1.0,
    "dead_time": 3.0,
}


def run(model, n_steps, *, dt=0.1, start=None, draws=None, counts=None, **inputs):
    """States after every step; an input is a number or one number per step."""
    cell = start or model.state()
    given = {
        name: np.broadcast_to(value, n_steps).tolist() for name, value in inputs.items()
    }
    cells = []
    for step in range(n_steps):
        now = model.inputs(**{name: values[step] for name, values in given.items()})
        cell = model.step(cell, now, model.parameters, dt)
        count = 0.0
        if draws is not None:
            count = model.spike(cell, draws[step], model.parameters, dt)
        elif counts is not None:
            count = counts[step]
        cell = model.fired(cell, count, model.parameters, dt)
        cells.append(cell)
    return cells


def series(cells, name):
    return np.array([getattr(cell, name) for cell in cells])


def kappa(t, rise=3.0, decay=10.0):
    return (np.exp(-t / decay) - np.exp(-t / rise)) / (decay - rise)


# Potentials. Sums of products of order 1e5 over order 1e3, in mV: 1e-12 is rounding.
ROUNDED = 1e-12


def test_a_constant_teacher_holds_the_soma_at_the_weighted_mean():
    cells = run(CELL, 300, g_exc=150.0, g_inh=300.0, start=CELL.state(soma=-50.0))
    soma = (30.0 * -70.0 + 600.0 * -70.0 + 300.0 * -75.0) / 1080.0
    assert abs(soma + 61.6667) < 5e-5
    # C/G = 0.278 ms and the rest is approached exponentially, exactly for held inputs.
    t = 0.1 * np.arange(1, 301)
    expected = soma + (-50.0 - soma) * np.exp(-t * 1080.0 / 300.0)
    np.testing.assert_allclose(series(cells, "soma"), expected, rtol=0, atol=ROUNDED)


@pytest.mark.parametrize(("g_exc", "g_inh"), [(0.0, 0.0), (162.0, 540.0), (40.0, 0.0)])
def test_a_settled_soma_mixes_its_prediction_with_the_matching_potential(g_exc, g_inh):
    # The dendrite settles with 10 ms: exp(-400/10) = 4e-18.
    cell = run(CELL, 4000, i_dendrite=350.0, g_exc=g_exc, g_inh=g_inh)[-1]
    predicted = CELL.read("predicted_potential")(cell, P)
    assert abs(predicted - (-70.0 + 350.0 / 30.0 * 600.0 / 630.0)) < ROUNDED
    teacher = g_exc + g_inh
    strength = teacher / (630.0 + teacher)
    matching = -75.0 * g_inh / teacher if teacher else 0.0
    mixed = strength * matching + (1.0 - strength) * predicted
    assert abs(cell.soma - mixed) < ROUNDED


def test_a_current_into_the_soma_shifts_it_by_its_share_of_the_conductance():
    cell = run(CELL, 300, i_soma=315.0)[-1]
    assert abs(cell.soma - (-70.0 + 315.0 / 630.0)) < ROUNDED


def test_one_spike_gives_the_postsynaptic_potential_of_the_kernel():
    cells = run(CELL, 600, dendrite=[300.0] + [0.0] * 599)
    # The jump comes at the end of step 1: its age is 0 there.
    age = 0.1 * np.arange(600)
    v = series(cells, "dendrite") + 70.0
    # 600 steps round -70 mV to 1.4e-14 each, and forget with 100 steps.
    np.testing.assert_allclose(v, 30.0 * kappa(age), rtol=0, atol=ROUNDED)
    # Peak on the grid of 0.1 ms as NEST 3.10 shows it, printed with five decimals.
    assert abs(v.max() - 1.79068) < 5e-6
    assert age[v.argmax()] == pytest.approx(5.2)


def test_potentials_of_several_spikes_add_up():
    counts = np.random.default_rng(1).poisson(0.1, 400)
    v = series(run(CELL, 400, dendrite=90.0 * counts), "dendrite") + 70.0
    single = 90.0 * 3.0 / 30.0 * kappa(0.1 * np.arange(400))
    expected = np.convolve(counts, single)[:400]
    np.testing.assert_allclose(v, expected, rtol=0, atol=ROUNDED)


def test_equal_time_constants_give_the_alpha_function():
    cells = run(urbanczik_senn(tau_syn=10.0), 500, dendrite=[300.0] + [0.0] * 499)
    age = 0.1 * np.arange(500)
    expected = 300.0 / 300.0 * age * np.exp(-age / 10.0)
    v = series(cells, "dendrite") + 70.0
    np.testing.assert_allclose(v, expected, rtol=0, atol=ROUNDED)


def test_a_teacher_given_as_spikes_opens_decaying_conductances():
    model = urbanczik_senn(tau_exc=2.0, tau_inh=7.0)
    cells = run(model, 3, exc=[5.0, 0.0, 2.0], inh=[0.0, 10.0, 0.0])
    decay = math.exp(-0.1 / 2.0)
    exc, inh = series(cells, "g_exc"), series(cells, "g_inh")
    np.testing.assert_allclose(
        exc, [5.0, 5.0 * decay, 5.0 * decay**2 + 2.0], rtol=1e-15
    )
    np.testing.assert_allclose(
        inh, [0.0, 10.0, 10.0 * math.exp(-0.1 / 7.0)], rtol=1e-15
    )
    # A jump acts from the end of its step on.
    assert cells[0].soma == -70.0
    assert cells[1].soma > -70.0


def test_a_back_coupled_pair_settles_where_the_linear_system_says():
    model = urbanczik_senn(g_back=200.0)
    # Slowest mode: leak alone, 10 ms.
    cell = run(model, 4000, i_dendrite=400.0)[-1]
    v = 400.0 / (30.0 + 200.0 * 30.0 / 630.0)
    assert abs(cell.dendrite + 70.0 - v) < ROUNDED
    assert abs(cell.soma + 70.0 - 600.0 / 630.0 * v) < ROUNDED


def flow(t, y, i_dendrite, i_soma, held_exc):
    """The published equations in mV, nS, pA, as they stand."""
    soma, dendrite, current, g_exc, g_inh = y
    g_e = g_exc + held_exc
    d_soma = (
        -30.0 * (soma + 70.0)
        + 600.0 * (dendrite - soma)
        - g_e * soma
        - g_inh * (soma + 75.0)
        + i_soma
    )
    d_dendrite = -30.0 * (dendrite + 70.0) + current + i_dendrite
    return [d_soma / 300, d_dendrite / 300, -current / 3, -g_exc / 3, -g_inh / 5]


def test_halving_the_step_quarters_the_error_of_the_soma():
    model = urbanczik_senn(tau_inh=5.0)
    start = model.state(-62.0, -58.0, 900.0, 250.0, 400.0)
    held = {"i_dendrite": 300.0, "i_soma": 500.0, "g_exc": 60.0}
    exact = solve_ivp(
        flow,
        (0.0, 2.0),
        start[:5],
        args=(300.0, 500.0, 60.0),
        method="DOP853",
        rtol=1e-12,
        atol=1e-10,
    ).y[:, -1]
    errors = []
    for dt in (0.1, 0.05, 0.025):
        cell = run(model, round(2.0 / dt), dt=dt, start=start, **held)[-1]
        # Everything but the soma is exact for held inputs.
        np.testing.assert_allclose(cell[1:5], exact[1:], rtol=1e-11)
        errors.append(abs(cell.soma - exact[0]))
    # Order 2; the next order changes the ratio by a few dt G/C = 0.4 of 4 at most.
    assert 3.6 < errors[0] / errors[1] < 4.4
    assert 3.8 < errors[1] / errors[2] < 4.2


def coupled_errors(model, advance, held_exc, held_inh):
    """Largest error of U and V over 10 ms, by dt, against the matrix exponential.

    `advance(n_steps, dt)` gives soma and dendrite (n_steps,) from U = -60, V = -50 mV
    and I = 900 pA.
    """
    p = model.parameters
    g_soma = p.g_leak + p.g_dendrite + held_exc + held_inh
    soma_drive = p.g_leak * p.e_leak + held_exc * p.e_exc + held_inh * p.e_inh
    # d/dt (U, V, I, 1): the published equations for held conductances.
    flow = np.array(
        [
            [-g_soma, p.g_dendrite, 0.0, soma_drive],
            [p.g_back, -p.g_leak - p.g_back, 1.0, p.g_leak * p.e_leak],
            [0.0, 0.0, -p.capacitance / p.tau_syn, 0.0],
            [0.0, 0.0, 0.0, 0.0],
        ]
    )
    errors = []
    for dt in (0.1, 0.05, 0.025):
        propagator = expm(flow * dt / p.capacitance)
        n = round(10.0 / dt)
        exact = [np.array([-60.0, -50.0, 900.0, 1.0])]
        for _ in range(n):
            exact.append(propagator @ exact[-1])
        soma, dendrite = advance(n, dt)
        found = np.stack([soma, dendrite], axis=1)
        errors.append(np.abs(found - np.array(exact[1:])[:, :2]).max())
    return errors


@pytest.mark.parametrize("g_back", [50.0, 200.0])
@pytest.mark.parametrize(("held_exc", "held_inh"), [(0.0, 0.0), (150.0, 300.0)])
def test_a_back_coupled_pair_is_of_order_two_against_the_matrix_exponential(
    g_back, held_exc, held_inh
):
    model = urbanczik_senn(g_back=g_back)
    start = model.state(soma=-60.0, dendrite=-50.0, current=900.0)

    def advance(n, dt):
        cells = run(model, n, dt=dt, start=start, g_exc=held_exc, g_inh=held_inh)
        return series(cells, "soma"), series(cells, "dendrite")

    errors = coupled_errors(model, advance, held_exc, held_inh)
    # Order 2; the next order changes the ratio by a few dt G/C = 0.36 of 4 at most.
    assert 3.5 < errors[0] / errors[1] < 4.4
    assert 3.7 < errors[1] / errors[2] < 4.2
    # The error of one step, dt^3 of rates up to G/C on tens of mV, adds up over the
    # 2 ms in which the pair is out of balance: hundredths of a mV at most.
    assert errors[0] < 0.02


def test_the_twin_too_is_of_order_two_against_the_matrix_exponential():
    model = urbanczik_senn(g_back=200.0)
    params = twin.NEST._replace(g_back=200.0)
    # The twin starts from rest: what is held does the driving.
    p = model.parameters
    goal = np.linalg.solve(
        [
            [p.g_leak + p.g_dendrite, -p.g_dendrite],
            [-p.g_back, p.g_leak + p.g_back],
        ],
        [p.g_leak * p.e_leak + 700.0, p.g_leak * p.e_leak + 400.0],
    )
    flow = (
        np.array(
            [
                [-p.g_leak - p.g_dendrite, p.g_dendrite],
                [p.g_back, -p.g_leak - p.g_back],
            ]
        )
        / p.capacitance
    )
    errors = []
    for dt in (0.1, 0.05, 0.025):
        n = round(10.0 / dt)
        zeros = np.zeros((n, 1))
        out = twin.run(
            params, [[0.0]], zeros, dt=dt, i_soma=zeros + 700.0, i_dendrite=zeros + 400
        )
        exact = [goal + expm(flow * dt * k) @ (-70.0 - goal) for k in range(1, n + 1)]
        found = np.hstack([out["soma"], out["dendrite"]])
        errors.append(np.abs(found - exact).max())
    assert 3.5 < errors[0] / errors[1] < 4.4
    assert 3.7 < errors[1] / errors[2] < 4.2


def test_a_back_coupled_pair_stays_between_its_reversals_at_any_step():
    model = urbanczik_senn(g_back=2000.0)
    for dt in (0.1, 1.0, 10.0, 100.0):
        start = model.state(soma=-40.0, dendrite=-60.0)
        cells = run(model, 50, dt=dt, g_exc=306.0, g_inh=540.0, start=start)
        for name in ("soma", "dendrite"):
            assert np.all(series(cells, name) <= -40.0 + ROUNDED)
            assert np.all(series(cells, name) >= -75.0 - ROUNDED)


def test_a_strong_teacher_and_a_long_step_do_not_make_the_soma_swing():
    # Explicit Euler diverges above 0.41 ms here.
    cells = run(CELL, 20, dt=5.0, g_exc=306.0, g_inh=540.0, start=CELL.state(-40.0))
    target = (630.0 * -70.0 + 540.0 * -75.0) / 1476.0
    assert np.all(np.diff(series(cells, "soma")) <= 0.0)
    assert abs(cells[-1].soma - target) < ROUNDED


# Rate and importance


def at(potential):
    return CELL.state(soma=potential, dendrite=-70.0 + 630.0 / 600.0 * (potential + 70))


def test_the_rate_function_has_the_values_of_its_formula():
    assert abs(CELL.read("rate")(at(-55.0), P) - 0.1) < 1e-16
    assert abs(CELL.read("rate")(at(-70.0), P) - 0.0019945) < 5e-8
    # The dendrite that predicts -55 mV is found to rounding: 1e-14 mV of slope 1/3.
    assert abs(CELL.read("predicted_rate")(at(-55.0), P) - 0.1) < 1e-14


def test_the_importance_is_the_slope_of_the_logarithm_of_the_rate():
    importance, rate = CELL.read("importance"), CELL.read("predicted_rate")
    assert abs(importance(at(-55.0), P) - 5.0 / 3.0 / 15.0) < 1e-14
    assert abs(importance(at(-70.0), P) - 4.93352 / 15.0) < 5e-6 / 15.0
    for u in np.linspace(-80.0, -30.0, 11):
        expected = P.beta * (1.0 - rate(at(u), P) / P.phi_max)
        assert abs(importance(at(u), P) - expected) < 1e-15
        step = 1e-3
        slope = math.log(rate(at(u + step), P) / rate(at(u - step), P)) / (2 * step)
        # Central difference: step^2/6 of a third derivative below beta^3/4 = 0.01,
        # and the rounding of the logarithm, 1e-15 / step.
        assert abs(importance(at(u), P) - slope) < 1e-8


def test_potentials_far_outside_give_the_limits_of_rate_and_importance():
    rate, importance = CELL.read("rate"), CELL.read("importance")
    assert rate(at(5000.0), P) == P.phi_max
    assert rate(at(-5000.0), P) < 1e-300
    assert importance(at(5000.0), P) < 1e-300
    assert importance(at(-5000.0), P) == P.beta


# Spikes


@pytest.mark.parametrize("soma", [-70.0, -55.0, -40.0])
def test_a_spike_is_drawn_with_the_escape_probability(soma):
    p = 1.0 - math.exp(-CELL.read("rate")(at(soma), P) * 0.1)
    u = np.concatenate([np.linspace(0, 0.02, 4001), [p * (1 - 1e-12), p * (1 + 1e-12)]])
    drawn = [CELL.spike(at(soma), value, P, 0.1) for value in u]
    np.testing.assert_array_equal(drawn, (u < p).astype(float))


def test_intervals_are_a_dead_time_and_a_geometric_rest():
    cell, dt = CELL.state(soma=-55.0), 0.1
    fired_at = []
    for step, u in enumerate(np.random.default_rng(5).random(300_000).tolist()):
        count = CELL.spike(cell, u, P, dt)
        cell = CELL.fired(cell, count, P, dt)
        if count:
            fired_at.append(step)
    waited = np.diff(fired_at) - 30
    n, p = len(waited), 1.0 - math.exp(-0.1 * dt)
    # The longest possible silence after a spike is one step more than its name.
    assert waited.min() == 1
    # Three standard errors of the mean of n geometric numbers.
    assert abs(waited.mean() - 1.0 / p) < 3.0 * math.sqrt((1.0 - p) / n) / p
    for steps in (10, 50, 100, 200):
        share = (1.0 - p) ** steps
        error = math.sqrt(share * (1.0 - share) / n)
        assert abs((waited > steps).mean() - share) < 3.0 * error
    expected = 1000.0 / (3.0 + dt / p)
    assert abs(expected - 76.63) < 5e-3
    # The standard deviation of a rate from n intervals is its share of the interval.
    spread = expected * (dt * math.sqrt(1.0 - p) / p) / (3.0 + dt / p) / math.sqrt(n)
    assert abs(1000.0 / (dt * np.diff(fired_at).mean()) - expected) < 3.0 * spread


@pytest.mark.parametrize(
    ("dead_time", "dt", "silent"),
    [(3.0, 0.1, 30), (3.0, 1.0, 3), (0.3, 0.1, 3), (0.26, 0.1, 3), (0.24, 0.1, 2)],
)
def test_a_cell_is_silent_for_the_whole_steps_of_its_dead_time(dead_time, dt, silent):
    model = urbanczik_senn(dead_time=dead_time)
    # u = 0 is below every probability: the cell fires whenever it may.
    cells = run(model, 100, dt=dt, draws=np.zeros(100))
    assert set(np.diff(np.flatnonzero(series(cells, "spikes")))) == {silent + 1}
    assert cells[0].refractory == silent


@pytest.mark.parametrize("dead_time", [0.0, 0.4])
def test_without_a_dead_time_a_step_can_hold_several_spikes(dead_time):
    model = urbanczik_senn(dead_time=dead_time)
    u = np.random.default_rng(6).random(2000)
    cell = model.state(soma=-50.0)
    mean = model.read("rate")(cell, model.parameters) * 1.0
    counts = [model.spike(cell, value, model.parameters, 1.0) for value in u]
    np.testing.assert_array_equal(counts, poisson.ppf(u, mean))
    assert max(counts) > 1.0


def test_a_forced_spike_silences_the_cell_as_a_drawn_one():
    counts = [2.0] + [0.0] * 4
    cells = run(urbanczik_senn(dead_time=0.3), 5, counts=counts)
    assert series(cells, "refractory").tolist() == [3.0, 2.0, 1.0, 0.0, 0.0]


def test_the_state_shows_the_spikes_of_its_last_step_only():
    cells = run(CELL, 3, counts=[0.0, 2.0, 0.0])
    assert series(cells, "spikes").tolist() == [0.0, 2.0, 0.0]
    assert series(cells, "spike_rate").tolist() == [0.0, 20.0, 0.0]


def test_a_spike_does_not_reset_the_potentials():
    drive = {"i_dendrite": 400.0, "exc": 3.0, "dendrite": 5.0}
    silent = run(CELL, 50, **drive)[-1]
    firing = run(CELL, 50, counts=np.ones(50), **drive)[-1]
    assert silent[:5] == firing[:5]


# Units


def test_the_parameters_in_paper_units_are_those_in_nest_units():
    assert set(PAPER) == set(P._fields)
    paper = urbanczik_senn(units="paper", **PAPER).parameters
    # Each is one or two roundings away; e_exc cancels 70 against 70 mV.
    np.testing.assert_allclose(paper, P, rtol=4e-16, atol=2e-14)


def test_parameters_not_given_in_paper_units_keep_their_defaults():
    paper = urbanczik_senn(units="paper", theta=1.2).parameters
    assert paper == P._replace(theta=-70.0 + 15.0 * 1.2)


def paper_step(u, v, current, g_e, g_i, jump, exc, inh, dt=0.1):
    """One step in the paper's units: capacitance 1, rest 0, voltage unit 15 mV."""
    response = (math.exp(-dt / 10) - math.exp(-dt / 3)) / (1 / 3 - 1 / 10)
    new_v = v * math.exp(-dt / 10) + current * response
    g_e_mid, g_i_mid = g_e * math.exp(-dt / 6), g_i * math.exp(-dt / 6)
    total = 0.1 + 2.0 + g_e_mid + g_i_mid
    target = (v + new_v + g_e_mid * 14 / 3 - g_i_mid / 3) / total
    new_u = target + (u - target) * math.exp(-dt * total)
    decay = math.exp(-dt / 3)
    return new_u, new_v, current * decay + jump, g_e * decay + exc, g_i * decay + inh


def test_a_run_in_paper_units_gives_the_same_spikes_and_trajectory():
    n = 4000
    rng = np.random.default_rng(8)
    draws, arrivals = rng.random(n), rng.poisson(0.2, n)
    exc, inh = rng.uniform(0, 12, n), rng.uniform(0, 30, n)
    cells = run(CELL, n, draws=draws, dendrite=90.0 * arrivals, exc=exc, inh=inh)
    y, silent, spikes = (0.0,) * 5, 0, []
    jump = convert.paper_current_jump(90.0)
    for step in range(n):
        y = paper_step(*y, jump * arrivals[step], exc[step] / 300, inh[step] / 300)
        phi = 0.15 / (1 + 0.5 * math.exp(5 * (1 - y[0])))
        spikes.append(silent == 0 and draws[step] < 1 - math.exp(-0.1 * phi))
        silent = 30 if spikes[-1] else max(silent - 1, 0)
        # 100 steps of memory times the rounding of -70 mV in units of 15 mV.
        assert abs(convert.paper_voltage(cells[step].soma) - y[0]) < ROUNDED
        assert abs(convert.paper_voltage(cells[step].dendrite) - y[1]) < ROUNDED
        assert abs(convert.paper_conductance(cells[step].g_exc) - y[3]) < ROUNDED
    np.testing.assert_array_equal(series(cells, "spikes"), spikes)
    assert sum(spikes) > 10


@pytest.mark.parametrize(
    ("to_nest", "to_paper", "paper", "nest"),
    [
        (convert.milliseconds, convert.paper_time, 3.0, 3.0),
        (convert.millivolts, convert.paper_voltage, 1.0, -55.0),
        (convert.picofarads, convert.paper_capacitance, 1.0, 300.0),
        (convert.nanosiemens, convert.paper_conductance, 2.0, 600.0),
        (convert.per_millivolt, convert.paper_slope, 5.0, 1.0 / 3.0),
        (convert.weight_from_paper, convert.paper_weight, 0.6, 90.0),
        (convert.weight_from_paper, convert.paper_weight, 9.0, 1350.0),
        (
            convert.weight_from_paper_current_jump,
            convert.paper_current_jump,
            0.02,
            90.0,
        ),
        (convert.jump_of_area, convert.psp_area, 30.0, 300.0),
        (convert.learning_rate_from_nest, convert.nest_learning_rate, 0.17, 1147.5),
        (convert.learning_rate_from_paper, convert.paper_learning_rate, 0.51, 1147.5),
    ],
)
def test_a_conversion_and_its_way_back_give_the_card_values(
    to_nest, to_paper, paper, nest
):
    np.testing.assert_allclose(to_nest(paper), nest, rtol=1e-15)
    np.testing.assert_allclose(to_paper(nest), paper, rtol=1e-15)


def test_all_three_learning_rates_move_a_synapse_alike():
    c, g, rise, eta = 250.0, 20.0, 4.0, 0.17
    leak = c / g
    error, h, age = 0.07, 0.21, 6.0
    kernel = kappa(age, rise, leak)
    ours = convert.learning_rate_from_nest(eta, tau_syn=rise, g_leak=g, capacitance=c)
    change = ours * error * h * kernel
    # NEST: the difference of two traces, a gain, and an h with a factor 15 of its own.
    gain = 15.0 * eta * c * rise / (g * (leak - rise))
    traces = math.exp(-age / leak) - math.exp(-age / rise)
    np.testing.assert_allclose(gain * traces * error * 15.0 * h, change, rtol=1e-14)
    # Paper: the weight is the response's area in units of 15 mV, and so is 1/h.
    eta_paper = eta * rise**2 * leak / g
    paper_change = eta_paper * error * 15.0 * h * kernel
    in_picoampere = convert.weight_from_paper(paper_change, tau_syn=rise, g_leak=g)
    np.testing.assert_allclose(in_picoampere, change, rtol=1e-14)
    again = convert.learning_rate_from_paper(eta_paper, tau_syn=rise, g_leak=g)
    np.testing.assert_allclose(again, ours, rtol=1e-14)


def test_an_unknown_system_of_units_is_refused():
    with pytest.raises(ModelError, match=r"units = 'papers'.*mean 'paper'"):
        urbanczik_senn(units="papers")


@pytest.mark.parametrize("units", ["nest", "paper"])
@pytest.mark.parametrize("bad", [{"capacitance": 0.0}, {"theta": "1"}, {"g_sp": 600.0}])
def test_impossible_parameters_are_refused_in_both_units(units, bad):
    with pytest.raises(ModelError, match=next(iter(bad))):
        urbanczik_senn(units=units, **bad)


# Compiled runs


def test_a_compiled_run_with_forced_spikes_equals_plain_steps():
    reads = ["current", "g_exc", "spikes", "refractory", "importance", "spike_rate"]
    drives = {"i_dendrite": 500.0, "exc": 6.0, "g_inh": 200.0, "dendrite": 9.0}
    trains = [[0.5, 7.3, 7.3, 9.0], []]
    tree = dn.simulate(
        CELL, duration=20.0, dt=0.1, reads=reads, forced_spikes=trains, **drives
    )["populations/cell"]
    for condition, train in enumerate(trains):
        counts = np.zeros(200)
        np.add.at(counts, np.round(np.array(train) / 0.1).astype(int) - 1, 1.0)
        cells = run(CELL, 200, counts=counts, **drives)
        found = tree.isel(condition=condition, unit=0)
        for k, name in enumerate(("soma", "dendrite")):
            values = found.v.values[:, k]
            np.testing.assert_allclose(values, series(cells, name), atol=ROUNDED)
        for name in reads:
            read = CELL.read(name)
            expected = [read(cell, P) for cell in cells]
            np.testing.assert_allclose(found[name], expected, rtol=1e-12)


def test_a_compiled_run_draws_spikes_at_the_realised_rate():
    # A settled soma at theta: phi = 0.1/ms and 76.63 spikes/s with the dead time.
    tree = dn.simulate(
        CELL,
        duration=20_000.0,
        dt=0.1,
        record_every=10_000.0,
        seed=3,
        initial={"soma": -55.0, "dendrite": -70.0 + 15.0 * 630.0 / 600.0},
        i_dendrite=30.0 * 15.0 * 630.0 / 600.0,
    )
    n = tree["spikes/cell"].spike_time.size
    p = 1.0 - math.exp(-0.01)
    interval = 3.0 + 0.1 / p
    expected = 20_000.0 / interval
    # Variance of a renewal count: expected times squared variation of the interval.
    spread = math.sqrt(expected) * (0.1 * math.sqrt(1.0 - p) / p) / interval
    assert abs(n - expected) < 3.0 * spread + 1.0
    assert np.diff(tree["spikes/cell"].spike_time).min() > 3.1 - 1e-6
