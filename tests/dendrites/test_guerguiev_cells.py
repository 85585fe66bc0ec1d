"""Segregated-dendrite cells: kernel, memory, soma, rate, compiled runs."""

import math

import numpy as np
import pytest
from scipy.stats import poisson

import dendrites as dn
from dendrites.errors import ModelError
from dendrites.models import guerguiev_hidden, guerguiev_output
from dendrites.models.guerguiev import hidden_coupling, output_coupling

MAKERS = [guerguiev_hidden, guerguiev_output]
RNG = np.random.default_rng(1)
N = 150
BASAL = 2.0 * RNG.standard_normal(N)
APICAL = RNG.standard_normal(N)
COUNTS = RNG.poisson(0.15, N).astype(float)
# Potentials of order ten; each step rounds a handful of sums and the traces forget
# with ten steps.
ROUNDED = 1e-13


def run(model, n_steps, *, dt=1.0, start=None, counts=None, draws=None, **inputs):
    """States after every step, of plain functions, with traces of the inputs."""
    cell = start or model.state()
    counts = np.zeros(n_steps) if counts is None else np.asarray(counts, float)
    given = {k: np.broadcast_to(x, n_steps).astype(float) for k, x in inputs.items()}
    for name in model.traced_inputs.keys() & given.keys():
        given[name] = filtered(given[name], model.traces[name].steps(dt))
    cells = []
    for step in range(n_steps):
        now = {name: float(values[step]) for name, values in given.items()}
        cell = model.step(cell, model.inputs(**now), model.parameters, dt)
        count = float(counts[step])
        if draws is not None:
            count = model.spike(cell, draws[step], model.parameters, dt)
        cell = model.fired(cell, count, model.parameters, dt)
        cells.append(cell)
    return cells


def simulated(model, n_steps, *reads, counts=None, **inputs):
    """Values after every step of a run, by read."""
    counts = np.zeros(n_steps, int) if counts is None else counts.astype(int)
    tree = dn.simulate(
        model, duration=float(n_steps), dt=1.0, reads=reads,
        forced_spikes=np.repeat(np.arange(n_steps) + 1.0, counts),
        **{name: dn.waveform(x, dt=1.0) if np.ndim(x) else x
           for name, x in inputs.items()},
    )["populations/cell"].isel(condition=0, unit=0)  # fmt: skip
    potentials = {c: tree.v.sel(compartment=c).values for c in model.compartments}
    return {**potentials, **{name: tree[name].values for name in reads}}


def series(cells, name):
    return np.array([getattr(cell, name) for cell in cells])


def kappa(t):
    return (np.exp(-t / 10.0) - np.exp(-t / 3.0)) / 7.0


def filtered(counts, memory):
    """s(k) = sum_n kappa(n) S(k + 1 - n), n = 1 ... memory (0: all)."""
    weights = kappa(np.arange(1.0, (memory or len(counts)) + 1.0))
    return np.convolve(counts, weights)[: len(counts)]


def sigma(x):
    return 1.0 / (1.0 + np.exp(-x))


# Dendrites


@pytest.mark.parametrize("memory", [0, 1, 10])
def test_dendrites_see_the_newest_count_at_age_dt(memory):
    cells = simulated(
        guerguiev_hidden(memory=memory), N, basal=BASAL, apical=APICAL, bias=0.8
    )
    basal, apical = filtered(BASAL, memory) + 0.8, filtered(APICAL, memory)
    np.testing.assert_allclose(cells["basal"], basal, atol=1e-14)
    np.testing.assert_allclose(cells["apical"], apical, atol=1e-14)


@pytest.mark.parametrize("memory", [0, 1, 10])
def test_the_output_dendrite_sees_the_newest_count_at_age_dt(memory):
    cells = simulated(guerguiev_output(memory=memory), N, basal=BASAL, bias=-0.3)
    expected = filtered(BASAL, memory) - 0.3
    np.testing.assert_allclose(cells["basal"], expected, atol=1e-14)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("memory", [0, 1, 10])
def test_the_own_trace_sees_the_newest_spike_at_age_dt(make, memory):
    cells = simulated(make(memory=memory), N, "psp", "spikes", counts=COUNTS)
    expected = filtered(COUNTS, memory)
    np.testing.assert_allclose(cells["psp"], expected, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(cells["spikes"], COUNTS)


@pytest.mark.parametrize(("memory", "gain"), [(10, 0.510409), (0, 0.997229)])
@pytest.mark.parametrize("make", MAKERS)
def test_constant_input_reaches_the_mean_field_potential(make, memory, gain):
    # exp(-400/10) of the full kernel is left.
    basal = simulated(make(memory=memory), 400, basal=5.0, bias=0.8)["basal"]
    # The gains are printed with six decimals.
    assert abs(basal[-1] - (gain * 5.0 + 0.8)) < 5.0 * 5e-7


# Soma


def test_a_constant_basal_potential_pulls_the_soma_in_seven_tenths_per_step():
    model = guerguiev_hidden()
    n = np.arange(1, 31)
    expected = 6.0 / 7.0 * 4.0 * (1.0 - 0.3**n)
    soma = series(run(model, 30, bias=4.0), "soma")
    np.testing.assert_allclose(soma, expected, rtol=1e-14)
    assert abs(hidden_coupling(model.parameters) - 0.857142857) < 5e-10


@pytest.mark.parametrize(("g_apical", "k_b"), [(0.05, 0.8), (0.6, 0.461538)])
def test_a_coupled_apical_dendrite_shares_the_soma(g_apical, k_b):
    model = guerguiev_hidden(g_apical=g_apical)
    assert abs(hidden_coupling(model.parameters) - k_b) < 5e-7
    # The apical potential settles like the full kernel, 10 ms.
    cell = run(model, 500, bias=3.0, apical=-2.0)[-1]
    expected = (0.6 * 3.0 + g_apical * cell.apical) / (0.7 + g_apical)
    assert abs(cell.soma - expected) < ROUNDED
    assert cell.apical < -1.9


@pytest.mark.parametrize(("teacher", "sign"), [("g_exc", 1.0), ("g_inh", -1.0)])
@pytest.mark.parametrize("bias", [0.0, 2.5])
def test_the_teacher_leads_the_output_soma_in_alternating_steps(teacher, sign, bias):
    model = guerguiev_output()
    cells = run(model, 40, bias=bias, start=model.state(soma=1.5), **{teacher: 1.0})
    target = (0.6 * bias + 8.0 * sign) / 1.7
    expected = target + (1.5 - target) * (-0.7) ** np.arange(1, 41)
    np.testing.assert_allclose(series(cells, "soma"), expected, rtol=0, atol=ROUNDED)


@pytest.mark.parametrize(
    ("teacher", "soma", "rate"),
    [("g_exc", 4.705882, 198.208), ("g_inh", -4.705882, 1.792)],
)
def test_the_teacher_sets_the_published_rates(teacher, soma, rate):
    # 0.7**120 = 3e-19.
    cell = run(guerguiev_output(), 120, **{teacher: 1.0})[-1]
    assert abs(cell.soma - soma) < 5e-7
    assert abs(1000.0 * cell.rate - rate) < 5e-4


def test_without_a_teacher_the_output_soma_follows_its_dendrite():
    model = guerguiev_output()
    cell = run(model, 60, bias=3.0)[-1]
    assert abs(cell.soma - output_coupling(model.parameters) * 3.0) < ROUNDED


def test_an_apical_dendrite_without_coupling_leaves_spikes_and_soma_bit_identical():
    draws = np.random.default_rng(2).random(N)
    model = guerguiev_hidden(memory=10)
    quiet = run(model, N, basal=BASAL, bias=1.0, draws=draws)
    driven = run(model, N, basal=BASAL, bias=1.0, draws=draws, apical=40.0 * APICAL)
    assert sum(series(quiet, "spikes")) > 10.0
    for name in ("soma", "rate", "spikes", "psp"):
        assert series(quiet, name).tolist() == series(driven, name).tolist()
    assert abs(driven[-1].apical) > 0.1


# Rate, spikes and reads


@pytest.mark.parametrize("make", MAKERS)
def test_the_rate_is_that_of_the_new_soma_and_the_count_that_of_the_rate(make):
    model = make(phi_max=0.9)
    draws = np.random.default_rng(3).random(N)
    cells = run(model, N, dt=0.5, basal=BASAL, bias=2.0, draws=draws)
    rate = 0.9 * sigma(series(cells, "soma"))
    np.testing.assert_allclose(series(cells, "rate"), rate, rtol=1e-14)
    np.testing.assert_allclose(series(cells, "expected"), 0.5 * rate, rtol=1e-14)
    counts = series(cells, "spikes")
    np.testing.assert_array_equal(counts, poisson.ppf(draws, 0.5 * rate))
    assert counts.max() > 1.0


def test_reads_are_sigmoids_of_the_potentials():
    hidden, output = guerguiev_hidden(), guerguiev_output()
    cell = hidden.state(soma=0.7, apical=2.0)
    p = hidden.parameters
    assert abs(hidden.read("plateau")(cell, p) - 0.880797) < 5e-7
    assert abs(hidden.read("somatic_rate")(cell, p) - 0.2 * sigma(0.7)) < 1e-16
    cell = output.state(soma=-1.2)
    p = output.parameters
    s = sigma(-1.2)
    assert abs(output.read("activation")(cell, p) - s) < 1e-16
    assert abs(output.read("somatic_rate")(cell, p) - 0.2 * s) < 1e-16
    for model in (hidden, output):
        slope = model.read("slope")(model.state(soma=-1.2), model.parameters)
        assert abs(slope - s * (1.0 - s)) < 1e-16


# What is refused, and the step


@pytest.mark.parametrize("make", MAKERS)
def test_the_published_step_is_quiet_and_a_step_that_diverges_refused(make):
    model = make()
    assert model.check_step(1.0) is None
    # Twice the fastest time constant: 1/0.7 ms, with the teacher's 1/ms 1/1.7 ms.
    limit = 2.0 / (0.7 if make is guerguiev_hidden else 1.7)
    assert model.check_step(0.999 * limit) is not None
    with pytest.raises(ModelError, match="diverge"):
        model.check_step(1.001 * limit)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("memory", [-1, "10", math.inf])
def test_a_memory_is_a_time(make, memory):
    with pytest.raises(ModelError, match=r"memory = .*must be .*finite"):
        make(memory=memory)


@pytest.mark.parametrize("make", MAKERS)
def test_time_constants_of_the_kernel_are_checked(make):
    for name in ("tau_rise", "tau_decay"):
        with pytest.raises(ModelError, match=f"{name} = 0"):
            make(**{name: 0.0})


# Compiled runs


@pytest.mark.parametrize("make", MAKERS)
def test_a_compiled_run_with_forced_spikes_equals_plain_steps(make):
    model = make(memory=10)
    inputs = {"basal": 3.0, "bias": 0.4}
    inputs |= {"apical": -2.0} if make is guerguiev_hidden else {"g_inh": 1.0}
    reads = [*model.reads, "rate", "spikes"]
    train = [3.0, 4.0, 4.0, 17.0]
    tree = dn.simulate(
        model, duration=40.0, dt=1.0, reads=reads, forced_spikes=train, **inputs
    )["populations/cell"].isel(condition=0, unit=0)
    counts = np.bincount(np.array(train, int) - 1, minlength=40).astype(float)
    cells = run(model, 40, counts=counts, **inputs)
    for k, name in enumerate(model.compartments):
        np.testing.assert_allclose(tree.v.values[:, k], series(cells, name), rtol=1e-12)
    for name in reads:
        read = model.read(name)
        expected = [read(cell, model.parameters) for cell in cells]
        np.testing.assert_allclose(tree[name], expected, rtol=1e-12, atol=1e-15)


def test_a_compiled_run_draws_counts_of_the_mean_rate():
    model = guerguiev_hidden()
    soma = 6.0 / 7.0 * 2.0
    tree = dn.simulate(
        model, duration=20_000.0, dt=1.0, seed=4, bias=2.0, initial={"soma": soma}
    )
    mean = 20_000.0 * 0.2 * sigma(soma)
    # Three standard deviations of a Poisson number.
    assert abs(tree["spikes/cell"].spike_time.size - mean) < 3.0 * math.sqrt(mean)
