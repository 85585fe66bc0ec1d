"""What dendritic prediction learns has the closed forms of the model page."""

from dataclasses import replace

import numpy as np
import pytest

import circuits
from circuits.algorithms import urbanczik_senn
from dendrites import models
from dendrites.models import urbanczik_senn_units as units
from dendrites.spikes import psp_kernel

DT = 0.1
P = models.urbanczik_senn().parameters
TAU_LEAK = P.capacitance / P.g_leak
RATE = units.learning_rate_from_nest(0.17)
SYNAPSES = "input_to_output_dendrite"
# So small that what is learned moves no potential.
TINY = 1e-12


def phi(u):
    return P.phi_max / (1.0 + P.k * np.exp(P.beta * (P.theta - u)))


def importance(u):
    return P.beta * (1.0 - phi(u) / P.phi_max)


def prediction(v):
    return (P.g_leak * P.e_leak + P.g_dendrite * v) / (P.g_leak + P.g_dendrite)


def kappa(t):
    return np.array([psp_kernel(float(x), P.tau_syn, TAU_LEAK) for x in t])


def spikes(steps, units_=None):
    """Steps (from 1) and units of spikes as a sorted train."""
    steps = np.asarray(steps)
    units_ = np.zeros(len(steps), int) if units_ is None else np.asarray(units_)
    order = np.argsort(steps, kind="stable")
    return steps[order] * DT, units_[order]


def held(circuit, phases):
    """The circuit with a current for each dendrite from a source, ``held``."""
    n = circuit.population("output").size
    return replace(
        circuit,
        populations=(
            *circuit.populations,
            circuits.Population("held", models.source(), n),
        ),
        projections=(
            *circuit.projections,
            circuits.Projection(
                "held",
                "output",
                "i_dendrite",
                connectivity="one_to_one",
                initial=circuits.Constant(1.0),
            ),
        ),
        schedule=circuits.Schedule(phases),
    )


def current_for(v_star):
    """pA that hold V* at this potential."""
    v = ((P.g_leak + P.g_dendrite) * v_star - P.g_leak * P.e_leak) / P.g_dendrite
    return P.g_leak * (v - P.e_leak)


def learned(tree, name=SYNAPSES):
    before, after = tree[f"connections/{name}"].w.values
    return after - before


# --- the rule is the gradient of the log-likelihood of the soma's spikes ---------

N_INPUTS, STEPS = 10, 5000


def likelihood_circuit(n_cells):
    """Fixed synapses drive the dendrite, tiny ones beside them learn from zero.

    Weights that are read to 1e-9 of their change must not have a large start, and those
    that the likelihood is a function of must not move.
    """
    circuit = urbanczik_senn(
        N_INPUTS,
        n_cells,
        learning_rate=TINY,
        tau_filter=None,
        bounds=None,
        initial=0.0,
        duration=STEPS * DT,
        dt=DT,
    )
    learning = circuit.projection(SYNAPSES)
    fixed = circuits.Projection(
        "input", "output", "dendrite", signal="spikes", delay=0.0, name="fixed"
    )
    others = [x for x in circuit.projections if x.name != SYNAPSES]
    return replace(circuit, projections=(fixed, learning, *others))


def likelihood_run(weights, own):
    """Recorded V* (step, cell) and accumulated PI (cell, input), 1/ms x 1/mV."""
    rng = np.random.default_rng(3)
    step, unit = np.nonzero(rng.random((STEPS, N_INPUTS)) < 0.005)
    n_cells = len(weights)
    tree = circuits.simulate(
        likelihood_circuit(n_cells),
        {},
        [circuits.Record("output", ("dendrite",), ["predicted_potential"])],
        weights={"fixed": weights},
        learning=True,
        forced_spikes={
            "input": spikes(step + 1, unit),
            "output": spikes(
                np.tile(own, n_cells), np.repeat(np.arange(n_cells), len(own))
            ),
        },
    )
    return tree["populations/output"].predicted_potential.values, learned(tree) / TINY


def log_likelihood(v_star, own):
    """L of every cell over all steps but the last.

    The rule of a step reads the state that the step begins with: the last state is not
    in the weights yet.
    """
    fired = np.zeros(STEPS)
    fired[own - 1] = 1.0
    terms = fired[:, None] * np.log(phi(v_star)) - phi(v_star) * DT
    return terms[:-1].sum(axis=0)


def test_accumulated_induction_is_the_gradient_of_the_log_likelihood():
    rng = np.random.default_rng(4)
    own = 1 + np.flatnonzero(rng.random(STEPS) < 0.006)
    own = own[own < STEPS]
    w = rng.uniform(50.0, 400.0, N_INPUTS)
    # Differences of order four: the error of order h^4 is below that of rounding,
    # 1e-16 L / (h dL/dw) with L = 100, dL/dw = 0.01 and h = 1 pA: 1e-12.
    h = 1.0
    shifts = h * np.array([-2.0, -1.0, 1.0, 2.0])
    shifted = w + shifts[:, None, None] * np.eye(N_INPUTS)
    v_star, induction = likelihood_run(
        np.concatenate([w[None], shifted.reshape(-1, N_INPUTS)]), own
    )
    value = log_likelihood(v_star, own)[1:].reshape(4, N_INPUTS)
    gradient = np.array([1.0, -8.0, 8.0, -1.0]) @ value / (12.0 * h)
    # mV of V* per pA and unit of psp.
    per_weight = P.g_dendrite / (P.g_leak + P.g_dendrite) * P.tau_syn / P.g_leak
    ours = induction[0] * per_weight
    assert np.ptp(v_star[:, 0]) > 5.0 and len(own) > 20
    assert np.abs(ours - gradient).max() < 1e-8 * np.abs(gradient).max()
    # In the paper's units the factor is the attenuation alone.
    paper = induction[0] * units.VOLTAGE
    per_paper_weight = gradient * units.weight_from_paper(1.0)
    attenuation = P.g_dendrite / (P.g_leak + P.g_dendrite)
    np.testing.assert_allclose(
        paper * attenuation,
        per_paper_weight,
        rtol=0,
        atol=1e-8 * np.abs(per_paper_weight).max(),
    )


def test_learning_rates_of_all_systems_move_a_weight_by_the_same_gradient():
    # dw/dt in pA from eta: NEST's gain 15 eta C tau_s / (g_L (tau_L - tau_s)) on the
    # difference of the traces, with 15 h; and 150 pA per paper weight.
    eta = 0.17
    gain = 15.0 * eta * P.capacitance * P.tau_syn / (P.g_leak * (TAU_LEAK - P.tau_syn))
    difference = TAU_LEAK - P.tau_syn  # traces per kappa
    assert pytest.approx(gain * 15.0 * difference) == RATE
    paper = 3.0 * eta * 15.0  # eta_p on 15 h, in paper weights
    assert pytest.approx(paper * 150.0) == RATE


# --- the filter and one pair of spikes ------------------------------------

V_STAR = np.array([-66.0, -59.0, -54.0])
BEGIN = 4000  # the dendrite has settled: e^-40


def pairs(lags, *, tau_filter, after, v_star=V_STAR):
    """Changes (V*, lag) for one input spike; a lag of None fires no somatic spike."""
    n = len(v_star) * len(lags)
    steps = BEGIN + after
    circuit = urbanczik_senn(
        1,
        n,
        learning_rate=RATE,
        tau_filter=tau_filter,
        initial=0.0,
        bounds=None,
        dt=DT,
    )
    circuit = held(circuit, [circuits.Phase("shown", steps * DT, on=["input", "held"])])
    every = [*lags] * len(v_star)
    fires = [(BEGIN + k, i) for i, k in enumerate(every) if k is not None]
    tree = circuits.simulate(
        circuit,
        {"held": np.repeat(current_for(v_star), len(lags))},
        [],
        learning=True,
        forced_spikes={
            "input": spikes([BEGIN]),
            "output": spikes(*np.transpose(fires)),
        },
    )
    return learned(tree)[:, 0].reshape(len(v_star), len(lags))


@pytest.mark.parametrize("tau", [None, 20.0, 100.0, 1000.0])
def test_one_impulse_of_induction_reaches_the_weight_through_the_filter(tau):
    # The impulse is what a somatic spike adds: h(V*) kappa(lag).
    lags, after = (None, 1, 52, 200, 900, 1999), 2000
    change = pairs(lags, tau_filter=tau, after=after)
    impulse = change[:, 1:] - change[:, :1]
    lag = np.array(lags[1:]) * DT
    arrived = 1.0 if tau is None else 1.0 - np.exp(-(after * DT - lag) / tau)
    expected = RATE * importance(V_STAR)[:, None] * kappa(lag) * arrived
    # Differences of changes of 10 pA, summed over 6000 steps.
    np.testing.assert_allclose(impulse, expected, rtol=1e-9, atol=1e-10)


def test_one_pair_of_spikes_moves_the_weight_by_the_published_window():
    # On the grid, where the area of kappa is a sum.
    lags, after = (None, -300, -1, 0, 1, 30, 51, 52, 53, 150, 590), 4000
    change = pairs(lags, tau_filter=None, after=after)
    lag = np.array([0 if k is None else k for k in lags]) * DT
    area = kappa(np.arange(after) * DT).sum() * DT
    gain = RATE * importance(V_STAR)[:, None]
    expected = gain * (kappa(lag) - phi(V_STAR)[:, None] * area)
    np.testing.assert_allclose(change, expected, rtol=1e-9)
    # Trapezoids miss dt^2 / 12 times the slope of kappa at 0, 1 / (tau_L tau_s).
    assert 1.0 - area == pytest.approx(DT**2 / 12.0 / (TAU_LEAK * P.tau_syn), rel=1e-3)


def test_a_somatic_spike_not_after_the_input_spike_changes_nothing():
    change = pairs((None, -300, -1, 0), tau_filter=100.0, after=2000)
    np.testing.assert_allclose(change[:, 1:], np.tile(change[:, :1], 3), rtol=1e-12)
    assert (change < 0.0).all()


def test_the_largest_potentiation_is_at_the_peak_of_the_psp():
    lags = range(30, 80)
    change = pairs(lags, tau_filter=None, after=2000)
    assert {lags[k] for k in change.argmax(axis=1)} == {52}


# --- the mean drift ------------------------------------------------------

N_CELLS, INPUT, TAU_FILTER, SETTLE, LEARN = 400, 0.057, 100.0, 400.0, 2000.0


def drifts(v_star, g_exc, g_inh, seed=0):
    """Weight changes (cell,) at constant rates, one Poisson input for each cell."""
    circuit = urbanczik_senn(
        N_CELLS,
        N_CELLS,
        learning_rate=TINY,
        tau_filter=TAU_FILTER,
        initial=0.0,
        bounds=None,
        dead_time=0.0,
        dt=DT,
    )
    alone = [replace(x, connectivity="one_to_one") for x in circuit.projections]
    on = ("input", "exc", "inh", "held")
    phases = (
        circuits.Phase("settling", SETTLE, on=on, learning=False),
        circuits.Phase("learning", LEARN, on=on),
    )
    shown = {
        "input": 1000.0 * INPUT,
        "exc": g_exc,
        "inh": g_inh,
        "held": current_for(v_star),
    }
    tree = circuits.simulate(
        held(replace(circuit, projections=tuple(alone)), phases),
        {name: np.full(N_CELLS, value) for name, value in shown.items()},
        [],
        learning=True,
        seed=seed,
    )
    return learned(tree) / TINY


def settled(v_star, g_exc, g_inh):
    own = P.g_leak + P.g_dendrite
    drive = own * v_star + g_exc * P.e_exc + g_inh * P.e_inh
    return drive / (own + g_exc + g_inh)


def mean_and_variance(v_star, u):
    """Mean of a cell's change and a bound on its variance (reached without teacher).

    The change is the integral of a(s) (S - phi(V*)) h psp, a(s) = 1 - exp(-(T - s) /
    tau_filter). Given psp, S is white with intensity phi(U), and E psp^2 = r^2 +
    r / (2 (tau_L + tau_s)). The rest is (phi(U) - phi(V*)) h times the integral of
    a psp, where each of r T input spikes contributes at most 1.
    """
    e = np.exp(-LEARN / TAU_FILTER)
    first = LEARN - TAU_FILTER * (1.0 - e)
    square = first - TAU_FILTER * (1.0 - e) + TAU_FILTER / 2.0 * (1.0 - e**2)
    difference, h = phi(u) - phi(v_star), importance(v_star)
    power = INPUT**2 + INPUT / (2.0 * (TAU_LEAK + P.tau_syn))
    variance = phi(u) * power * square + difference**2 * INPUT * LEARN
    return INPUT * difference * h * first, h**2 * variance


@pytest.mark.parametrize("v_star", [-66.0, -60.476, -56.0])
def test_the_mean_drift_is_the_difference_of_rates_times_importance(v_star):
    # At the point where NEST was measured, and on both sides of it.
    change = drifts(v_star, 175.0, 350.0)
    mean, variance = mean_and_variance(v_star, settled(v_star, 175.0, 350.0))
    error = np.sqrt(variance / N_CELLS)
    assert abs(change.mean() - mean) < 5.0 * error < 0.15 * mean


@pytest.mark.parametrize("strength", [1.0, 4.0])
@pytest.mark.parametrize("off", [-4.0, 0.0, 4.0])
def test_the_prediction_drifts_to_the_matching_potential(strength, off):
    # U_M = -50 mV at g_inh = 2 g_exc, however strong the teacher is.
    g_exc, g_inh = 175.0 * strength, 350.0 * strength
    v_star = -50.0 + off
    mean, variance = mean_and_variance(v_star, settled(v_star, g_exc, g_inh))
    error = np.sqrt(variance / N_CELLS)
    found = drifts(v_star, g_exc, g_inh, seed=1).mean()
    if off:
        # Expected further from zero than chance takes it.
        assert abs(mean) > 4.5 * error
        assert np.sign(found) == np.sign(mean) == -np.sign(off)
    else:
        assert abs(mean) < 1e-9 and abs(found) < 5.0 * error


def test_without_a_teacher_weights_walk_without_drift():
    # With U = V*: a random walk of known width.
    v_star = -57.0
    change = drifts(v_star, 0.0, 0.0, seed=2)
    mean, variance = mean_and_variance(v_star, v_star)
    assert mean == 0.0
    assert abs(change.mean()) < 5.0 * np.sqrt(variance / N_CELLS)
    # A sample variance of 400 changes varies by sqrt(2 / 400) = 7 %, the sums of many
    # input spikes being nearly normal.
    assert change.var(ddof=1) == pytest.approx(variance, rel=5.0 * np.sqrt(2 / N_CELLS))
