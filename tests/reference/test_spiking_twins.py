"""The twins of the spiking models obey the closed forms before they are references.

Where a tolerance is 1e-12 or so it allows for rounding of sums of at most a few
thousand terms; printed constants are met to half a unit of their last digit.
"""

import numpy as np
import pytest

from reference import guerguiev_twin as gu
from reference import urbanczik_senn_twin as us
from reference.urbanczik_senn_twin import NEST, PAPER

DT = 0.1
UNBOUNDED = {"w_min": -np.inf, "w_max": np.inf}


def steps_of(n_steps, *at):
    """One column with a spike in each of the given steps (the first step is 1)."""
    counts = np.zeros((n_steps, 1))
    counts[np.array(at) - 1] = 1.0
    return counts


def kernel_total(dt, tau_rise, tau_decay):
    """Sum of kappa over t = dt, 2 dt, ... as two geometric series."""
    decay, rise = 1.0 / np.expm1(dt / tau_decay), 1.0 / np.expm1(dt / tau_rise)
    return (decay - rise) / (tau_decay - tau_rise)


def random_run(p, seed=0, n_steps=300, n_cells=2, n_inputs=3, scale=1.0, **options):
    """Everything switched on at once; potentials, currents in units of the PAPER."""
    draw = np.random.default_rng(seed)
    shape = (n_steps, n_cells)
    weights = draw.uniform(0.0, 2.0, (n_cells, n_inputs))
    given = {
        "input_counts": draw.poisson(0.05, (n_steps, n_inputs)),
        "g_exc_jumps": draw.uniform(0.0, 0.05, shape),
        "g_inh_jumps": draw.uniform(0.0, 0.1, shape),
        "g_exc_held": draw.uniform(0.0, 0.3, shape),
        "g_inh_held": draw.uniform(0.0, 0.3, shape),
        "i_soma": draw.uniform(-0.2, 0.2, shape),
        "i_dendrite": draw.uniform(-0.05, 0.05, shape),
    }
    forced = draw.poisson(0.007, shape)
    if p.capacitance != 1.0:
        weights = us.weight_to_nest(weights)
        for name in given:
            if name.startswith("g_"):
                given[name] = us.conductance_to_nest(given[name])
            elif name.startswith("i_"):
                given[name] = us.current_to_nest(given[name])
    return us.run(p, weights, dt=DT, forced=forced, **given, **options)


# Dendritic prediction of somatic spiking


def test_soma_relaxes_to_the_conductance_weighted_mean_with_constant_c_over_g():
    n = 40
    out = us.run(
        NEST,
        [[0.0]],
        np.zeros((n, 1)),
        dt=DT,
        g_exc_held=np.full((n, 1), 150.0),
        g_inh_held=np.full((n, 1), 300.0),
    )
    G = 30.0 + 600.0 + 150.0 + 300.0
    goal = (630.0 * -70.0 + 300.0 * -75.0) / G
    assert goal == pytest.approx(-61.6667, abs=5e-5)
    t = DT * np.arange(1, n + 1)
    expected = goal + (-70.0 - goal) * np.exp(-t * G / 300.0)
    np.testing.assert_allclose(out["soma"][:, 0], expected, rtol=1e-13)


def test_somatic_current_shifts_the_soma_by_current_over_conductance():
    held = np.full((200, 1), 63.0)
    out = us.run(NEST, [[0.0]], np.zeros((200, 1)), dt=DT, i_soma=held)
    # 20 ms are 42 time constants
    assert out["soma"][-1, 0] == pytest.approx(-70.0 + 63.0 / 630.0, rel=1e-14)


def test_soma_under_a_train_of_conductance_jumps_settles_where_nest_does():
    n = 600
    out = us.run(
        NEST,
        [[0.0]],
        np.zeros((n, 1)),
        dt=DT,
        g_exc_jumps=np.full((n, 1), 5.0),
        g_inh_jumps=np.full((n, 1), 10.0),
    )
    # 60 ms leave exp(-20) of the transient of the conductances
    assert out["g_exc"][-1, 0] == pytest.approx(152.514, abs=5e-4)
    assert out["g_inh"][-1, 0] == pytest.approx(305.028, abs=1e-3)
    # NEST integrates finely; mid-step coefficients are up to 0.0072 mV off it
    assert out["soma"][-1, 0] == pytest.approx(-61.6715, abs=0.0072)
    mid = 5.0 / (2.0 * np.sinh(0.5 * DT / 3.0))
    goal = (630.0 * -70.0 + 2.0 * mid * -75.0) / (630.0 + 3.0 * mid)
    assert out["soma"][-1, 0] == pytest.approx(goal, abs=1e-6)


def test_soma_follows_a_moving_dendrite_to_second_order_in_the_step():
    def soma(dt):
        n = round(20.0 / dt)
        ones = np.ones((n, 1))
        held = {"g_exc_held": 162.0 * ones, "i_dendrite": 600.0 * ones}
        return us.run(NEST, [[0.0]], np.zeros((n, 1)), dt=dt, **held)["soma"][-1, 0]

    # dV/dt = (goal - V) / 10 ms and dU/dt = a + b V - c U in closed form
    b, c = 600.0 / 300.0, 792.0 / 300.0
    a, amplitude = 30.0 * -70.0 / 300.0, 600.0 / 30.0
    settled = (a + b * (-70.0 + amplitude)) / c
    along = -b * amplitude / (c - 0.1)
    exact = settled + along * np.exp(-2.0)
    exact += (-70.0 - settled - along) * np.exp(-c * 20.0)
    coarse, fine = soma(0.2) - exact, soma(0.1) - exact
    assert coarse / fine == pytest.approx(4.0, rel=0.05)


def test_psp_has_the_published_peak_height_and_area():
    n = 4000
    out = us.run(NEST, [[300.0]], steps_of(n, 1), dt=0.05)
    psp = out["dendrite"][:, 0] + 70.0
    t = 0.05 * np.arange(n)
    # 2e-10 mV: the last digits of -70 mV, summed over the steps
    np.testing.assert_allclose(
        psp, 300.0 * 3.0 / 30.0 * us.kappa(t, 3.0, 10.0), atol=2e-10
    )
    peak = np.log(10.0 / 3.0) * 30.0 / 7.0
    assert peak == pytest.approx(5.1599, abs=5e-5)
    assert abs(t[np.argmax(psp)] - peak) <= 0.05
    assert 30.0 * us.kappa(peak, 3.0, 10.0) == pytest.approx(1.79073, abs=5e-6)
    # the kernel misses exp(-20) of its tail and dt^2 / (12 tau_s tau_L) of the area
    assert 0.05 * psp.sum() == pytest.approx(30.0, rel=0.05**2 / 360.0 * 1.01 + 1e-8)


def test_psp_on_the_grid_of_nest_is_as_high_as_that_of_nest():
    out = us.run(NEST, [[300.0]], steps_of(100, 1), dt=0.1)
    assert out["dendrite"].max() + 70.0 == pytest.approx(1.79068, abs=1e-5)


def test_psps_of_two_inputs_add_up():
    counts = np.random.default_rng(1).poisson(0.05, (400, 2))
    eta0 = NEST._replace(eta=0.0)
    both = us.run(eta0, [[100.0, 300.0]], counts, dt=DT)["dendrite"]
    one = us.run(eta0, [[100.0, 0.0]], counts, dt=DT)["dendrite"]
    other = us.run(eta0, [[0.0, 300.0]], counts, dt=DT)["dendrite"]
    np.testing.assert_allclose(both - one, other + 70.0, atol=1e-11)


def test_psp_of_equal_time_constants_is_the_alpha_function():
    p = NEST._replace(tau_syn=10.0, **UNBOUNDED)
    out = us.run(p, [[300.0]], steps_of(300, 1), dt=DT)
    t = DT * np.arange(300)
    alpha = t / 100.0 * np.exp(-t / 10.0)
    np.testing.assert_allclose(out["psp"][:, 0], alpha, rtol=1e-13)
    np.testing.assert_allclose(
        out["dendrite"][:, 0] + 70.0, 300.0 * 10.0 / 30.0 * alpha, atol=1e-11
    )


def test_rate_function_and_its_logarithmic_slope_have_the_published_values():
    assert us.phi(1.0, PAPER) == pytest.approx(0.1, rel=1e-15)
    assert us.phi(-55.0, NEST) == pytest.approx(0.1, rel=1e-15)
    assert us.phi(0.0, PAPER) == pytest.approx(0.0019945, abs=5e-8)
    assert us.phi(-70.0, NEST) == pytest.approx(0.0019945, abs=5e-8)
    assert us.h(1.0, PAPER) == pytest.approx(5.0 / 3.0, rel=1e-14)
    assert us.h(0.0, PAPER) == pytest.approx(4.93352, abs=5e-6)


def test_h_is_the_derivative_of_the_logarithm_of_phi():
    u = np.linspace(-1.0, 3.0, 41)
    step = 1e-5
    slope = np.log(us.phi(u + step, PAPER)) - np.log(us.phi(u - step, PAPER))
    # rounding 2e-16 / 1e-5 per logarithm, truncation beta^3 step^2 / 6
    np.testing.assert_allclose(us.h(u, PAPER), slope / (2 * step), atol=5e-9)
    other_form = 5.0 / (1.0 + np.exp(-5.0 * (1.0 - u)) / 0.5)
    np.testing.assert_allclose(us.h(u, PAPER), other_form, atol=5e-15)


@pytest.mark.parametrize("clip", ["weights", "readout"])
@pytest.mark.parametrize("tau_delta", [0.0, 5.0, 100.0])
def test_one_impulse_of_induction_reaches_the_weight_through_the_filter(
    clip, tau_delta
):
    # theta so high that phi is 0 and h is beta: only the own spike induces
    p = PAPER._replace(theta=100.0, tau_delta=tau_delta, **UNBOUNDED)
    n = 1000
    out = us.run(p, [[0.4]], steps_of(n, 1), dt=DT, forced=steps_of(n, 51), clip=clip)
    area = p.beta * us.kappa(5.0, 3.0, 10.0)
    since = DT * np.arange(n - 50)
    reached = 1.0 - np.exp(-since / tau_delta) if tau_delta else np.ones(n - 50)
    w = out["weights"][1:, 0, 0]
    np.testing.assert_array_equal(w[:50], 0.4)
    np.testing.assert_allclose(w[50:] - 0.4, p.eta * area * reached, atol=1e-13)


def test_accumulated_induction_is_the_gradient_of_the_log_likelihood():
    draw = np.random.default_rng(3)
    n, n_inputs, dt = 500, 6, 0.4
    counts = draw.poisson(0.04, (n, n_inputs))
    spikes = draw.poisson(0.02, (n, 1)).astype(float)
    p = PAPER._replace(eta=0.0, **UNBOUNDED)
    w = draw.uniform(0.5, 3.0, (1, n_inputs))

    def log_likelihood(w):
        V_star = us.v_star(us.run(p, w, counts, dt=dt)["dendrite"], p)
        rate = us.phi(V_star, p)
        return float(np.sum(spikes * np.log(rate) - rate * dt))

    out = us.run(p, w, counts, dt=dt, forced=spikes)
    gradient = 2.0 / 2.1 * (out["error"].T @ out["psp"])[0]
    # two sizes cancel the h^2 error of central differences; 1e-8 is what rounding of
    # the likelihood (1e-13) over the smaller size leaves, relative to the gradient
    numerical = []
    for j in range(n_inputs):
        unit = np.zeros((1, n_inputs))
        unit[0, j] = 1.0
        wide, narrow = (
            (log_likelihood(w + s * unit) - log_likelihood(w - s * unit)) / (2 * s)
            for s in (2e-3, 1e-3)
        )
        numerical.append((4.0 * narrow - wide) / 3.0)
    scale = np.max(np.abs(gradient))
    np.testing.assert_allclose(numerical, gradient, atol=1e-8 * scale, rtol=0.0)


@pytest.mark.parametrize("post", [None, -5.0, 2.0, 5.2, 20.0])
def test_one_pair_of_spikes_moves_the_weight_by_the_published_window(post):
    # rest, weight 0: V* is constant; after 200 ms the kernel is down by exp(-20)
    p = PAPER._replace(tau_delta=0.0, **UNBOUNDED)
    n, pre = 2100, 100
    forced = None if post is None else steps_of(n, pre + round(post / DT))
    out = us.run(p, [[0.0]], steps_of(n, pre), dt=DT, forced=forced)
    total = out["weights"][-1, 0, 0]
    rate, slope = us.phi(0.0, p), us.h(0.0, p)
    paired = us.kappa(post, 3.0, 10.0) if post is not None and post > 0 else 0.0
    area = DT * kernel_total(DT, 3.0, 10.0)
    expected = p.eta * slope * (paired - rate * area)
    assert total == pytest.approx(expected, rel=2e-7)
    # the sum over steps is the unit area but for dt^2 / (12 tau_s tau_L)
    assert area == pytest.approx(1.0, abs=1.01 * DT**2 / 360.0)
    assert (total > 0.0) == (paired > rate)


def test_largest_potentiation_is_at_the_peak_of_the_psp():
    late = DT * np.arange(1, 400)
    window = us.kappa(late, 3.0, 10.0)
    assert late[np.argmax(window)] == pytest.approx(5.16, abs=DT)
    assert window.max() == pytest.approx(0.0597, abs=5e-5)


def test_back_coupled_pair_settles_where_the_linear_system_does():
    p = NEST._replace(g_back=45.0)
    n, current = 3000, 250.0
    held = np.full((n, 1), current)
    out = us.run(p, [[0.0]], np.zeros((n, 1)), dt=DT, i_dendrite=held)
    V = -70.0 + current / (30.0 + 45.0 * 30.0 / 630.0)
    U = -70.0 + 600.0 / 630.0 * (V + 70.0)
    # slowest time constant about 300 / 32 ms, so 300 ms leave exp(-32)
    assert out["dendrite"][-1, 0] == pytest.approx(V, rel=1e-12)
    assert out["soma"][-1, 0] == pytest.approx(U, rel=1e-12)


def test_constants_of_the_paper_are_those_of_nest_in_other_units():
    np.testing.assert_allclose(us.params_to_paper(NEST), PAPER, rtol=1e-14)
    np.testing.assert_allclose(us.params_to_nest(PAPER), NEST, rtol=1e-14)
    assert us.weight_to_paper(90.0) == pytest.approx(0.6)
    back = us.weight_to_nest(us.weight_to_paper(90.0))
    assert back == pytest.approx(90.0)


@pytest.mark.parametrize("g_back", [0.0, 0.3])
@pytest.mark.parametrize("clip", ["weights", "readout"])
def test_a_run_is_the_same_in_both_systems_of_units(clip, g_back):
    p = PAPER._replace(eta=20.0, w_max=2.1, g_back=g_back)
    paper = random_run(p, seed=1, clip=clip)
    nest = random_run(us.params_to_nest(p), seed=1, clip=clip)
    assert np.any(paper["weights"] == 2.1) and np.any(paper["weights"] == 0.0)
    for name in ("soma", "dendrite"):
        converted = us.voltage_to_paper(nest[name])
        np.testing.assert_allclose(converted, paper[name], atol=1e-11)
    converted = us.weight_to_paper(nest["weights"])
    np.testing.assert_allclose(converted, paper["weights"], atol=1e-11)


def test_both_ways_of_clipping_agree_while_no_bound_is_touched():
    p = PAPER._replace(**UNBOUNDED)
    one, other = random_run(p, clip="weights"), random_run(p, clip="readout")
    np.testing.assert_allclose(one["weights"], other["weights"], atol=1e-12)
    assert np.ptp(one["weights"][:, 0, 0]) > 1e-3


def test_a_weight_clipped_at_readout_stays_at_its_bound_until_the_hidden_one_returns():
    # two own spikes push it beyond the bound, phi(V*) then pulls it down slowly
    p = PAPER._replace(tau_delta=0.0, w_max=0.5)
    n = 1500
    forced = steps_of(n, 51, 53)
    kinds = {
        clip: us.run(p, [[0.4]], steps_of(n, 1), dt=DT, forced=forced, clip=clip)
        for clip in ("weights", "readout")
    }
    sticky, hidden = (kinds[c]["weights"][:, 0, 0] for c in ("weights", "readout"))
    assert sticky[51] == hidden[51] == 0.5
    assert sticky[60] < 0.5
    assert hidden[-1] == 0.5


def test_an_input_spike_moves_the_dendrite_only_in_the_next_step():
    out = us.run(NEST, [[300.0]], steps_of(10, 4), dt=DT)
    assert out["current"][2, 0] == 0.0
    assert out["current"][3, 0] == 300.0
    assert out["dendrite"][3, 0] == -70.0
    assert out["dendrite"][4, 0] > -70.0


# Deep learning with segregated dendrites


def counts_of(sizes, n_steps, seed=None, rates=0.1):
    """Random counts per population, or zeros without a seed."""
    if seed is None:
        return [np.zeros((n_steps, n)) for n in sizes]
    draw = np.random.default_rng(seed)
    return [draw.poisson(rates, (n_steps, n)).astype(float) for n in sizes]


def random_network(sizes, seed=0):
    draw = np.random.default_rng(seed).uniform
    layers = range(1, len(sizes))
    W = [draw(-2, 2, (sizes[m], sizes[m - 1])) for m in layers]
    b = [draw(-0.5, 0.5, sizes[m]) for m in layers]
    Y = [draw(-4, 4, (sizes[m], sizes[-1])) for m in layers[:-1]]
    return W, b, Y


def random_examples(sizes, n_examples=2, lengths=(50, 53), seed=5):
    label = np.eye(sizes[-1])
    return [
        gu.Example(
            counts_of(sizes, lengths[0], seed + 2 * k),
            counts_of(sizes, lengths[1], seed + 2 * k + 1),
            label[k % sizes[-1]],
        )
        for k in range(n_examples)
    ]


def silent(sizes, b, n_forward=40, n_target=40, **options):
    """One example without any spike, all weights 0."""
    zero = [np.zeros((n, m)) for m, n in zip(sizes, sizes[1:], strict=False)]
    Y = [np.zeros((n, sizes[-1])) for n in sizes[1:-1]]
    label = np.eye(sizes[-1])[0]
    example = gu.Example(counts_of(sizes, n_forward), counts_of(sizes, n_target), label)
    return gu.run(sizes, zero, b, Y, [example], eta=0.21, window=20, **options)[0]


def test_kernel_has_the_published_values():
    published = [0.026901, 0.043616, 0.053277, 0.058103, 0.059665]
    published += [0.059068, 0.057088, 0.054264, 0.050969, 0.047458]
    np.testing.assert_allclose(gu.kappa(np.arange(1, 11)), published, atol=5e-7)
    assert gu.kappa(0) == 0.0
    peak = np.log(10.0 / 3.0) * 30.0 / 7.0
    assert peak == pytest.approx(5.15988, abs=5e-6)
    assert gu.kappa(peak) == pytest.approx(0.0596910, abs=5e-8)
    fine = np.arange(0.0, 400.0, 0.01)
    assert 0.01 * gu.kappa(fine).sum() == pytest.approx(1.0, abs=1e-6)
    assert gu.kernel_sum(10) == pytest.approx(0.510409, abs=5e-7)
    assert gu.kernel_sum() == pytest.approx(0.997229, abs=5e-7)
    assert gu.kernel_sum() == pytest.approx(kernel_total(1.0, 3.0, 10.0), rel=1e-13)


def test_hidden_soma_relaxes_by_the_euler_factor_at_constant_basal_potential():
    out = silent([1, 2, 1], [np.array([3.0, -1.0]), np.zeros(1)])
    n = np.arange(1, 41)[:, None]
    expected = 6.0 / 7.0 * np.array([3.0, -1.0]) * (1.0 - 0.3**n)
    np.testing.assert_allclose(out.forward.C[0], expected, rtol=1e-13)


def test_hidden_soma_settles_at_the_mean_of_basal_and_apical_potentials():
    sizes, g_a = [1, 1, 1], 0.6
    counts = counts_of(sizes, 60)
    counts[-1][:] = 1.0
    example = gu.Example(counts, counts, np.ones(1))
    out = gu.run(
        sizes,
        [np.zeros((1, 1))] * 2,
        [np.array([3.0]), np.zeros(1)],
        [np.array([[-4.0]])],
        [example],
        eta=0.0,
        g_a=g_a,
        memory=10,
        window=20,
    )[0]
    A = -4.0 * gu.kernel_sum(10)
    np.testing.assert_allclose(out.forward.A[0][10:], A, rtol=1e-13)
    expected = (0.6 * 3.0 + 0.6 * A) / 1.3
    # the Euler factor is -0.3, so 50 steps leave nothing
    assert out.forward.C[0][-1, 0] == pytest.approx(expected, rel=1e-13)


def test_output_soma_alternates_towards_the_teacher_in_the_target_phase():
    b = np.array([0.0, 0.0, -6.0])
    out = silent([1, 3], [b], n_target=80)
    settled = (0.6 * b + np.array([8.0, -8.0, -8.0])) / 1.7
    before = out.forward.C[0][-1]
    n = np.arange(1, 81)[:, None]
    expected = settled + (before - settled) * (-0.7) ** n
    np.testing.assert_allclose(out.target.C[0], expected, rtol=0.0, atol=1e-14)
    assert settled[:2] == pytest.approx([4.705882, -4.705882], abs=5e-7)
    # per ms to Hz; the transient is below 0.7^80 = 4e-13
    rates = 1000.0 * out.target.rate[0][-1, :2]
    assert rates == pytest.approx([198.208, 1.792], abs=5e-4)


def test_constant_counts_give_the_mean_field_dendrites():
    sizes = [3, 2]
    W, b, _ = random_network(sizes)
    counts = [np.full((40, 3), 1.0), np.zeros((40, 2))]
    example = gu.Example(counts, counts, np.array([1.0, 0.0]))
    out = gu.run(sizes, W, b, [], [example], eta=0.1, memory=10, window=20)[0]
    expected = gu.kernel_sum(10) * W[0].sum(axis=1) + b[0]
    np.testing.assert_allclose(out.forward.B_mean[0], expected, rtol=1e-13)


def test_layers_read_this_step_below_and_the_previous_step_above():
    sizes = [1, 1, 1]
    counts = counts_of(sizes, 30)
    for population in counts:
        population[4] = 1.0
    example = gu.Example(counts, counts, np.ones(1))
    one = np.ones((1, 1))
    out = gu.run(
        sizes, [one, one], [np.zeros(1)] * 2, [one], [example], eta=0.0, window=20
    )[0]
    basal, apical = out.forward.B[0][:, 0], out.forward.A[0][:, 0]
    np.testing.assert_allclose(basal[4:7], gu.kappa(np.arange(1, 4)), rtol=1e-15)
    np.testing.assert_allclose(out.forward.B[1][:, 0], basal, rtol=1e-15)
    np.testing.assert_allclose(apical[4:7], gu.kappa(np.arange(3)), atol=1e-17)


def test_counts_and_potentials_carry_over_between_phases_and_examples():
    sizes = [2, 3, 2]
    W, b, Y = random_network(sizes)
    examples = random_examples(sizes, lengths=(30, 30))
    first, second = gu.run(sizes, W, b, Y, examples, eta=0.0, window=20)
    phases = examples[0].forward, examples[0].target, examples[1].forward
    joined = [np.concatenate(parts) for parts in zip(*phases, strict=True)]
    whole = gu.Example(joined, counts_of(sizes, 30), np.array([1.0, 0.0]))
    alone = gu.run(sizes, W, b, Y, [whole], eta=0.0, window=20)[0]
    np.testing.assert_allclose(alone.forward.C[0][:30], first.forward.C[0], rtol=1e-12)
    np.testing.assert_allclose(alone.forward.C[0][30:60], first.target.C[0], rtol=1e-12)
    np.testing.assert_allclose(alone.forward.A[0][60:], second.forward.A[0], atol=1e-13)


@pytest.mark.parametrize("memory", [None, 10])
def test_feedback_weights_of_zero_leave_plateaus_at_one_half(memory):
    sizes = [4, 3, 3, 2]
    W, b, Y = random_network(sizes)
    examples = random_examples(sizes, n_examples=1)
    options = {"eta": 0.2, "memory": memory, "window_after": 30}
    none = [np.zeros_like(y) for y in Y]
    out = gu.run(sizes, W, b, none, examples, **options)[0]
    other = gu.run(sizes, W, b, Y, examples, **options)[0]
    for m in range(2):
        np.testing.assert_array_equal(out.alpha_f[m], 0.5)
        np.testing.assert_array_equal(out.alpha_t[m], 0.5)
        np.testing.assert_array_equal(out.dW[m], 0.0)
        assert np.any(other.dW[m] != 0.0)
    np.testing.assert_array_equal(out.dW[2], other.dW[2])
    assert np.any(out.dW[2] != 0.0)


@pytest.mark.parametrize(
    ("early", "late", "sign"),
    [(1.0, 0.0, -1), (0.0, 1.0, 1), (1.0, 1.0, 0), (0.0, 0.0, 0)],
)
def test_apical_drive_early_depresses_and_late_potentiates(early, late, sign):
    sizes = [1, 1, 1]
    Y = [np.array([[2.0 / gu.kernel_sum(10)]])]
    phases = []
    for active in (early, late):
        counts = counts_of(sizes, 60)
        counts[0][:], counts[-1][:] = 1.0, active
        phases.append(counts)
    out = gu.run(
        sizes,
        [np.zeros((1, 1))] * 2,
        [np.zeros(1)] * 2,
        Y,
        [gu.Example(*phases, np.ones(1))],
        eta=0.21,
        memory=10,
        window=20,
    )[0]
    alphas = np.array([0.5, 0.880797])
    assert out.alpha_f[0][0] == pytest.approx(alphas[int(early)], abs=5e-7)
    assert out.alpha_t[0][0] == pytest.approx(alphas[int(late)], abs=5e-7)
    per_unit = out.dW[0][0, 0] / gu.kernel_sum(10)
    assert per_unit == pytest.approx(0.342717 * sign, abs=5e-7)
    assert out.db[0][0] == pytest.approx(0.342717 * sign, abs=5e-7)


def test_losses_and_output_update_are_the_written_formulas_and_move_the_weights():
    sizes = [4, 3, 2]
    W, b, Y = random_network(sizes)
    examples = random_examples(sizes)
    first, second = gu.run(sizes, W, b, Y, examples, eta=[0.2, 0.3], window=20)
    x = first.forward
    s = np.mean(x.s[1][-20:], axis=0)
    C = np.mean(x.C[1][-20:], axis=0)
    wanted = np.mean(first.target.rate[1][-20:], axis=0)
    slope = np.exp(-C) / (1.0 + np.exp(-C)) ** 2
    gap = wanted - 0.2 / (1.0 + np.exp(-C))
    delta = 0.3 * 500.0 * (6.0 / 7.0) * 0.2 * gap * slope
    np.testing.assert_allclose(first.dW[1], delta[:, None] * s[None, :], rtol=1e-12)
    np.testing.assert_allclose(first.L_out, np.sum(gap**2), rtol=1e-12)
    plateaus = first.alpha_t[0] - first.alpha_f[0]
    hidden = np.mean(x.rate[0][-20:], axis=0) + plateaus
    hidden -= 0.2 / (1.0 + np.exp(-np.mean(x.C[0][-20:], axis=0)))
    np.testing.assert_allclose(first.L_hid[0], np.sum(hidden**2), rtol=1e-12)
    np.testing.assert_allclose(second.W[1], W[1] + first.dW[1] + second.dW[1])
    np.testing.assert_allclose(second.b[0], b[0] + first.db[0] + second.db[0])
    np.testing.assert_array_equal(first.W[0], W[0] + first.dW[0])


def test_hidden_loss_is_close_to_that_of_the_plateaus_at_steady_potentials():
    # without input C settles, the mean rate is the rate of the mean and they are equal
    sizes = [1, 2, 1]
    counts, later = counts_of(sizes, 90), counts_of(sizes, 90)
    later[-1][:] = 1.0
    example = gu.Example(counts, later, np.ones(1))
    W, b, Y = random_network(sizes)
    out = gu.run(sizes, W, b, Y, [example], eta=0.1, window=20)[0]
    assert out.L_hid[0] == pytest.approx(out.L_plateaus[0], rel=1e-12)
    assert out.L_plateaus[0] > 0.01


def test_window_after_30_is_a_window_of_the_rest():
    sizes = [4, 3, 2]
    W, b, Y = random_network(sizes)
    examples = random_examples(sizes, lengths=(52, 52))
    after = gu.run(sizes, W, b, Y, examples, eta=0.2, window_after=30)[-1]
    last = gu.run(sizes, W, b, Y, examples, eta=0.2, window=22)[-1]
    np.testing.assert_array_equal(after.W[0], last.W[0])
    expected = after.forward.A[0][30:].mean(axis=0)
    np.testing.assert_array_equal(after.forward.A_mean[0], expected)


def test_symmetric_feedback_is_the_transpose_of_the_output_weights_at_all_times():
    sizes = [4, 3, 2]
    W, b, Y = random_network(sizes)
    examples = random_examples(sizes)
    first, second = gu.run(sizes, W, b, Y, examples, eta=0.2, window=20, symmetric=True)
    np.testing.assert_array_equal(second.Y[0], second.W[1].T)
    again = gu.run(sizes, W, b, [W[1].T], examples[:1], eta=0.2, window=20)[0]
    np.testing.assert_array_equal(first.dW[0], again.dW[0])
    assert np.any(first.dW[1] != 0.0)


def test_rate_feedback_filters_the_expected_output_count():
    sizes = [1, 2, 2]
    b = [np.zeros(2), np.array([0.5, -2.0])]
    W = [np.zeros((2, 1)), np.zeros((2, 2))]
    Y = [np.array([[1.0, 2.0], [-3.0, 4.0]])]
    counts = counts_of(sizes, 60, seed=2)
    example = gu.Example(counts, counts, np.array([1.0, 0.0]))
    out = gu.run(
        sizes, W, b, Y, [example], eta=0.0, memory=10, window=20, feedback="rate"
    )[0]
    C = 6.0 / 7.0 * b[1]  # settled to 0.3^40 before the window of the kernel
    rate = 0.2 / (1.0 + np.exp(-C))
    expected = Y[0] @ rate * gu.kernel_sum(10)
    np.testing.assert_allclose(out.forward.A_mean[0], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("n_inputs", "published"),
    [
        (784, (0.0187, 0.505, 1.749)),
        (500, (0.0293, 0.632, 2.190)),
        (100, (0.1467, 1.410, 4.887)),
    ],
)
def test_initial_weights_have_the_published_spread(n_inputs, published):
    constants = gu.initial_weights_constants(n_inputs)
    assert constants == pytest.approx(published, abs=5e-4)


@pytest.mark.parametrize("g_a", [0.0, 0.05])
def test_backprop_update_is_the_descent_of_the_mean_field_loss(g_a):
    sizes = [4, 3, 3, 2]
    W, b, _ = random_network(sizes)
    draw = np.random.default_rng(8).uniform
    inputs, target = draw(0, 0.2, 4), draw(0, 0.2, 2)
    K = gu.kernel_sum(10)
    dW, db = gu.backprop_update(W, b, inputs, target, kernel_sum=K, g_a=g_a)

    def loss():
        return gu.mean_field_loss(W, b, inputs, target, kernel_sum=K, g_a=g_a)

    step = 1e-4  # truncation step^2, rounding 1e-16 / step, of a loss of order 1
    for arrays, changes in ((W, dW), (b, db)):
        for array, change in zip(arrays, changes, strict=True):
            for index in np.ndindex(array.shape):
                kept = array[index]
                array[index] = kept + step
                up = loss()
                array[index] = kept - step
                down = loss()
                array[index] = kept
                assert (down - up) / (2 * step) == pytest.approx(
                    change[index], abs=1e-8
                )


def test_settled_output_update_is_the_gradient_step_of_the_mean_field():
    # constant counts instead of rates: s is K times the count, C is settled
    sizes = [3, 2]
    W, b, _ = random_network(sizes)
    rates = np.array([0.5, 1.0, 2.0])
    counts = [np.tile(rates, (80, 1)), np.zeros((80, 2))]
    example = gu.Example(counts, counts, np.array([0.0, 1.0]))
    out = gu.run(sizes, W, b, [], [example], eta=0.19, memory=10, window=20)[0]
    dW, db = gu.backprop_update(
        W, b, rates, out.target.rate_mean[0], kernel_sum=gu.kernel_sum(10), eta=0.19
    )
    np.testing.assert_allclose(out.dW[0], dW[0], rtol=1e-11)
    np.testing.assert_allclose(out.db[0], db[0], rtol=1e-11)
