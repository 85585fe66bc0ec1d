"""Cells with a step of their own have the order in dt that they state.

Against the published equations as they stand, integrated by SciPy: a twin that repeats
a cell's step cannot see what its order is.
"""

import math
from typing import NamedTuple

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dendrites import models

STEPS = (0.1, 0.05, 0.025)  # ms


def logistic(x):
    return 1.0 / (1.0 + math.exp(-x))


def adex(y, p, i):
    u, v, w, z, threshold = y
    upstroke = p.g_leak * p.delta_t * math.exp((u - threshold) / p.delta_t)
    du = -p.g_leak * (u - p.e_leak) + upstroke + p.g_coupling * (v - u) - w + z + i.soma
    dv = -p.g_leak_apical * (v - p.e_leak) + p.g_coupling * (u - v) + i.apical
    return [
        du / p.capacitance,
        dv / p.capacitance_apical,
        (p.a * (u - p.e_leak) - w) / p.tau_w,
        -z / p.tau_after,
        (p.threshold_rest - threshold) / p.tau_threshold,
    ]


def naud_sprekeler(y, p, i, *, plateaus=True):
    v, u, w, z, threshold = y
    plateau = logistic((u - p.e_apical) / p.d_apical) if plateaus else 0.0
    into_soma = (p.g_soma * plateau if plateaus else 0.0) + p.b_adaptation * w + i.soma
    into_apical = (p.g_apical * plateau if plateaus else 0.0) + p.a_apical * z
    return [
        -(v - p.e_leak) / p.tau_soma + into_soma / p.c_soma,
        -(u - p.e_leak) / p.tau_apical + (into_apical + i.apical) / p.c_apical,
        -w / p.tau_adaptation,
        (-z + u - p.e_leak) / p.tau_apical_adaptation,
        -(threshold - p.threshold) / p.tau_threshold,
    ]


def naud_sprekeler_simple(y, p, i):
    return naud_sprekeler(y, p, i, plateaus=False)


def guerguiev_output(y, p, i):
    (u,) = y
    leak = -p.g_leak * u + p.g_dendrite * (i.bias - u)
    return [leak + i.g_exc * (p.e_exc - u) + i.g_inh * (p.e_inh - u)]


def guerguiev_hidden(y, p, i):
    (u,) = y
    return [-p.g_leak * u + p.g_basal * (i.bias - u) + p.g_apical * (0.0 - u)]


def plateau_cell(y, p, i):
    v, u, current = y
    return [
        -(v - p.e_leak) / p.tau_soma + (i.soma + current) / p.c_soma,
        -(u - p.e_leak) / p.tau_apical + i.apical / p.c_apical,
        -current / p.tau_syn,
    ]


class Case(NamedTuple):
    cell: object
    flow: object
    start: dict  # what is integrated, in the order of the flow
    inputs: dict
    order: float


BURST = {
    "soma": -62.0,
    "apical": -45.0,
    "adaptation": 1.5,
    "apical_adaptation": 4.0,
    "threshold": -40.0,
}
CASES = {
    "adex_dendrite": Case(
        models.adex_dendrite(),
        adex,
        {
            "soma": -58.0,
            "local": -66.0,
            "adaptation": 60.0,
            "afterpotential": 300.0,
            "threshold": -40.0,
        },
        {"soma": 300.0, "apical": 100.0},
        1,
    ),
    "naud_sprekeler": Case(
        models.naud_sprekeler(),
        naud_sprekeler,
        BURST,
        {"soma": 300.0, "apical": 200.0},
        1,
    ),
    "naud_sprekeler_simple": Case(
        models.naud_sprekeler_simple(),
        naud_sprekeler_simple,
        BURST,
        {"soma": 300.0, "apical": 200.0},
        1,
    ),
    "guerguiev_output": Case(
        models.guerguiev_output(),
        guerguiev_output,
        {"soma": -1.0},
        {"bias": 2.0, "g_exc": 0.3, "g_inh": 0.1},
        1,
    ),
    "guerguiev_hidden": Case(
        models.guerguiev_hidden(g_apical=0.05),
        guerguiev_hidden,
        {"soma": -1.0},
        {"bias": 2.0},
        1,
    ),
    "plateau_cell": Case(
        models.plateau_cell(synaptic_current=80.0),
        plateau_cell,
        {"soma": -62.0, "apical": -45.0, "current": 120.0},
        {"soma": 200.0, "apical": 300.0},
        math.inf,
    ),
}


@pytest.mark.nojit
@pytest.mark.parametrize("name", CASES)
def test_a_cell_with_its_own_step_has_the_order_it_states(name):
    model, flow, start, inputs, order = CASES[name]
    p, given = model.parameters, model.inputs(**inputs)
    duration = 6.0
    exact = solve_ivp(
        lambda t, y: flow(y, p, given),
        (0.0, duration),
        list(start.values()),
        method="DOP853",
        rtol=1e-12,
        atol=1e-12,
    ).y[:, -1]
    assert np.abs(exact - list(start.values())).max() > 1.0
    errors = []
    for dt in STEPS:
        cell = model.state(**start)
        for _ in range(round(duration / dt)):
            cell = model.step(cell, given, p, dt)
        found = np.array([getattr(cell, name) for name in start])
        errors.append(np.abs(found - exact))
    errors = np.array(errors)
    if order == math.inf:
        # Rounding of up to 240 steps of values of order 100.
        assert errors.max() < 1e-10
        return
    for each in errors.T:
        if each[0] < 1e-10:
            continue  # a variable that is exact
        # The next order is a few dt times rates of 0.2 /ms at most of this one.
        assert each[0] / each[1] == pytest.approx(2.0**order, rel=0.12)
        assert each[1] / each[2] == pytest.approx(2.0**order, rel=0.06)
