"""Behavioural-time-scale plasticity in circuits: the twin, the table, the step."""

from dataclasses import asdict

import numpy as np
import pytest
from reference import btsp_twin

import circuits
from dendrites import models
from dendrites.btsp import FIT, SINGLE_SPIKE, btsp_change
from dendrites.rules import btsp

SYNAPSES = "pre_to_cell_synapse"
TIMES = 1000.0 * np.array([-6.0, -4.0, -2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 4.0])
WEIGHTS = np.array([1.0, 2.0, 3.0, 4.0])
TABLE = np.array(
    [
        [0.057, 0.260, 0.765, 1.135, 1.480, 1.357, 1.061, 0.508, 0.052],
        [-0.252, -0.222, 0.078, 0.334, 0.582, 0.499, 0.292, -0.070, -0.230],
        [-0.561, -0.703, -0.608, -0.466, -0.315, -0.358, -0.477, -0.649, -0.513],
        [-0.870, -1.185, -1.294, -1.266, -1.212, -1.216, -1.246, -1.227, -0.795],
    ]
)


def plateau_circuit(p, n_pre, n_post, steps, dt, connectivity, pre=None, rule=None):
    """Inputs with eligibility traces, plateau cells and their apical current."""
    pre = pre or models.presynaptic(tau_trace=p.tau_eligibility)
    cells = models.plateau_cell(tau_instructive=p.tau_instructive)
    return circuits.Circuit(
        (
            circuits.Population("pre", pre, n_pre),
            circuits.Population("cell", cells, n_post),
            circuits.Population("apical", models.source(), n_post),
        ),
        (
            circuits.Projection(
                "pre",
                "cell",
                "synapse",
                signal="spikes" if pre.spiking else "rate",
                connectivity=connectivity,
                rule=rule or btsp(p),
            ),
            circuits.Projection(
                "apical",
                "cell",
                "apical",
                connectivity="one_to_one",
                initial=circuits.Constant(1.0),
            ),
        ),
        circuits.Schedule((circuits.Phase("trial", steps * dt, on=("pre", "apical")),)),
        output="cell",
        readout="soma",
        dt=dt,
        stepper="exponential_euler",
    )


def weights_after(circuit, weights, current, **given):
    tree = circuits.simulate(
        circuit,
        {},
        [],
        weights={SYNAPSES: weights},
        learning=True,
        waveforms={"apical": current, **given.pop("waveforms", {})},
        **given,
    )
    return tree[f"connections/{SYNAPSES}"].w.values[1]


def pairings(p, dt, *, amplitude=700.0):
    """Weight changes (w0, time) of one spike and one apical current of 300 ms."""
    n, lead = len(TIMES) * len(WEIGHTS), round(6100.0 / dt)
    fade = 20.0 / (1.0 / p.tau_eligibility + 1.0 / p.tau_instructive)
    steps = lead + round((TIMES[-1] + fade) / dt)
    current = np.zeros((steps, n))
    current[lead : lead + round(300.0 / dt)] = amplitude
    onset = lead + int(np.ceil(10.0 * np.log(2.0) / dt))
    fires = onset + np.rint(np.tile(TIMES, len(WEIGHTS)) / dt).astype(int)
    order = np.argsort(fires, kind="stable")
    start = np.repeat(WEIGHTS, len(TIMES))
    circuit = plateau_circuit(p, n, n, steps, dt, "one_to_one")
    after = weights_after(
        circuit, start, current, forced_spikes={"pre": (fires[order] * dt, order)}
    )
    return (after - start).reshape(len(WEIGHTS), len(TIMES))


def closed_form(p):
    return np.array(
        [btsp_change(WEIGHTS, [time], [(0.0, 300.0)], p) for time in TIMES]
    ).T


def test_a_circuit_gives_the_tabulated_changes():
    # The table has three digits and is from Euler steps, good to 0.001.
    assert np.abs(pairings(SINGLE_SPIKE, 1.0) - TABLE).max() < 1.5e-3


def test_the_error_of_a_step_is_of_second_order():
    exact = closed_form(SINGLE_SPIKE)
    errors = [
        np.abs(pairings(SINGLE_SPIKE, dt) - exact).max() for dt in (4.0, 2.0, 1.0)
    ]
    assert errors[2] < 1e-6
    np.testing.assert_allclose(np.divide(errors[:2], errors[1:]), 4.0, rtol=0.02)


def test_the_steep_sigmoid_of_the_fit_is_followed_at_a_millisecond():
    # q- rises within 0.13 ms of the plateau: as if a step, it errs by at most half a
    # step of k_depression W, 0.5 x 0.33e-3 x 4.
    error = np.abs(pairings(FIT, 1.0) - closed_form(FIT)).max()
    assert error < 0.5 * FIT.k_depression * FIT.weight_max


def test_an_apical_current_below_threshold_changes_nothing():
    assert (pairings(SINGLE_SPIKE, 2.0, amplitude=200.0) == 0.0).all()


@pytest.mark.parametrize("p", [FIT, SINGLE_SPIKE])
def test_dense_synapses_of_spike_trains_agree_with_the_twin(p):
    draw = np.random.default_rng(8)
    steps, dt, n_pre, n_post = 400, 2.0, 3, 2
    counts = (draw.uniform(size=(steps, n_pre)) < 0.01).astype(float)
    current = np.zeros((steps, n_post))
    current[60:150, 0] = 600.0
    current[200:260, :] = 900.0
    start = draw.uniform(0.0, p.weight_max, (n_post, n_pre))
    circuit = plateau_circuit(p, n_pre, n_post, steps, dt, "dense")
    times, units = np.nonzero(counts)
    found = weights_after(
        circuit, start, current, forced_spikes={"pre": ((times + 1) * dt, units)}
    )
    cell = circuit.model("cell").parameters._asdict()
    expected = btsp_twin.run(counts, current, start, asdict(p), cell, dt)
    # The compiled exponential is good to 2e-16, times 800 steps and sigmoids.
    np.testing.assert_allclose(found, expected, atol=1e-11)
    assert np.abs(found - start).max() > 0.1


def test_traces_of_rates_are_taken_as_they_are():
    p, dt, steps = FIT, 2.0, 300
    rate = np.sin(np.linspace(0.0, 3.0, steps))[:, None] ** 2
    current = np.zeros((steps, 1))
    current[100:200] = 700.0
    rule = btsp(p, presynaptic="rate", decays=False, largest=0.5)
    source = models.source(tau=p.tau_eligibility)
    circuit = plateau_circuit(p, 1, 1, steps, dt, "dense", source, rule)
    found = weights_after(circuit, [[1.5]], current, waveforms={"pre": rate})
    trace, left = np.zeros((steps, 1)), np.exp(-dt / p.tau_eligibility)
    for step in range(1, steps):
        trace[step] = rate[step - 1] + (trace[step - 1] - rate[step - 1]) * left
    cell = circuit.model("cell").parameters._asdict()
    expected = btsp_twin.run(
        np.zeros((steps, 1)), current, [[1.5]], asdict(p), cell, dt, trace=2.0 * trace
    )
    np.testing.assert_allclose(found, expected, atol=1e-11)
    assert abs(found[0, 0] - 1.5) > 0.05
