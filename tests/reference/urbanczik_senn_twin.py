"""Plain NumPy twin of the dendritic prediction of somatic spiking.

Written from the published equations alone, for reading: one line per equation, double
precision, a sum over all past input spikes where faster code would keep traces. Own
spikes are given, never drawn, so that a run can be compared step by step.

Any consistent set of units does: mV, nS, pA, pF and ms (``NEST``), or capacitance 1,
rest 0 and conductances in 1/ms (``PAPER``). Rates are in 1/ms and times in ms in both.
Row ``k - 1`` of an array over steps belongs to step ``k``, from ``(k - 1) dt`` to
``k dt``.

Source: Urbanczik, Senn (2014), with the constants and the order within a step of
NEST's ``pp_cond_exp_mc_urbanczik`` and ``urbanczik_synapse``.
"""

from typing import NamedTuple

import numpy as np

REST_MV, VOLT_MV, CAPACITANCE_PF = -70.0, 15.0, 300.0


class Params(NamedTuple):
    """Constants of cell and synapses; both compartments share capacitance and leak."""

    capacitance: float
    g_leak: float
    g_dendrite: float  # soma <- dendrite
    e_leak: float
    e_exc: float
    e_inh: float
    tau_syn: float
    tau_exc: float
    tau_inh: float
    phi_max: float
    k: float
    beta: float
    theta: float
    dead_time: float  # not used here: own spikes are given
    tau_delta: float  # of the filter on the weight change; 0 for none
    eta: float  # multiplies the unit-area kernel and the h of this file
    w_min: float
    w_max: float
    g_back: float = 0.0  # dendrite <- soma
    current_per_weight: float = 1.0  # jump of the synaptic current at weight 1

    @property
    def tau_leak(self) -> float:
        """Time constant C / g_leak of the dendrite without back-coupling."""
        return self.capacitance / self.g_leak


def eta_of_nest(eta_nest: float, p: Params) -> float:
    """Learning rate of this file, in mV, nS, pA, from NEST's parameter ``eta``.

    NEST has the factor 15 mV once in h and once in the gain of the weight.
    """
    gain = VOLT_MV * eta_nest * p.capacitance * p.tau_syn / p.g_leak
    return gain * VOLT_MV


NEST = Params(
    capacitance=300.0,
    g_leak=30.0,
    g_dendrite=600.0,
    e_leak=-70.0,
    e_exc=0.0,
    e_inh=-75.0,
    tau_syn=3.0,
    tau_exc=3.0,
    tau_inh=3.0,
    phi_max=0.15,
    k=0.5,
    beta=1.0 / 3.0,
    theta=-55.0,
    dead_time=3.0,
    tau_delta=100.0,
    eta=0.0,
    w_min=0.0,
    w_max=1350.0,
)
NEST = NEST._replace(eta=eta_of_nest(0.17, NEST))

# A paper weight is the area of the potential it evokes, hence current_per_weight.
PAPER = Params(
    capacitance=1.0,
    g_leak=0.1,
    g_dendrite=2.0,
    e_leak=0.0,
    e_exc=14.0 / 3.0,
    e_inh=-1.0 / 3.0,
    tau_syn=3.0,
    tau_exc=3.0,
    tau_inh=3.0,
    phi_max=0.15,
    k=0.5,
    beta=5.0,
    theta=1.0,
    dead_time=3.0,
    tau_delta=100.0,
    eta=0.51,
    w_min=0.0,
    w_max=9.0,
    current_per_weight=0.1 / 3.0,
)


def phi(u, p: Params):
    """Firing rate in 1/ms at potential u."""
    return p.phi_max / (1.0 + p.k * np.exp(p.beta * (p.theta - u)))


def h(u, p: Params):
    """Slope of ln phi at potential u."""
    return p.beta * (1.0 - phi(u, p) / p.phi_max)


def v_star(v, p: Params):
    """Potential the soma would have if only the dendrite, at v, drove it."""
    return (p.g_leak * p.e_leak + p.g_dendrite * v) / (p.g_leak + p.g_dendrite)


def kappa(t, tau_rise: float, tau_decay: float):
    """Double-exponential kernel of area 1 at times t >= 0, in 1/ms."""
    t = np.asarray(t, float)
    if tau_rise == tau_decay:
        return t / tau_rise**2 * np.exp(-t / tau_rise)
    difference = np.exp(-t / tau_decay) - np.exp(-t / tau_rise)
    return difference / (tau_decay - tau_rise)


def voltage_to_paper(v):
    """mV to paper units."""
    return (np.asarray(v) - REST_MV) / VOLT_MV


def voltage_to_nest(u):
    """Paper units to mV."""
    return REST_MV + VOLT_MV * np.asarray(u)


def conductance_to_paper(g):
    """nS to 1/ms."""
    return np.asarray(g) / CAPACITANCE_PF


def conductance_to_nest(g):
    """1/ms to nS."""
    return np.asarray(g) * CAPACITANCE_PF


def current_to_paper(current):
    """pA to voltage per ms."""
    return np.asarray(current) / (CAPACITANCE_PF * VOLT_MV)


def current_to_nest(current):
    """Voltage per ms to pA."""
    return np.asarray(current) * (CAPACITANCE_PF * VOLT_MV)


def weight_to_paper(w, p: Params = NEST):
    """Current jump in pA to area of the evoked potential, voltage times ms."""
    return np.asarray(w) * p.tau_syn * p.tau_leak / (CAPACITANCE_PF * VOLT_MV)


def weight_to_nest(w, p: Params = NEST):
    """Area of the evoked potential to current jump in pA."""
    return np.asarray(w) * (CAPACITANCE_PF * VOLT_MV) / (p.tau_syn * p.tau_leak)


def params_to_paper(p: Params) -> Params:
    """Constants in mV, nS, pA, pF, with weights in pA, to paper units.

    ``eta`` is that of this file on both sides, see :func:`eta_of_nest`.
    """
    return p._replace(
        capacitance=p.capacitance / CAPACITANCE_PF,
        g_leak=p.g_leak / CAPACITANCE_PF,
        g_dendrite=p.g_dendrite / CAPACITANCE_PF,
        g_back=p.g_back / CAPACITANCE_PF,
        e_leak=float(voltage_to_paper(p.e_leak)),
        e_exc=float(voltage_to_paper(p.e_exc)),
        e_inh=float(voltage_to_paper(p.e_inh)),
        theta=float(voltage_to_paper(p.theta)),
        beta=p.beta * VOLT_MV,
        eta=float(weight_to_paper(p.eta, p)) / VOLT_MV,
        w_min=float(weight_to_paper(p.w_min, p)),
        w_max=float(weight_to_paper(p.w_max, p)),
        current_per_weight=p.current_per_weight / (p.tau_syn * p.tau_leak),
    )


def params_to_nest(p: Params) -> Params:
    """Inverse of :func:`params_to_paper`."""
    return p._replace(
        capacitance=p.capacitance * CAPACITANCE_PF,
        g_leak=p.g_leak * CAPACITANCE_PF,
        g_dendrite=p.g_dendrite * CAPACITANCE_PF,
        g_back=p.g_back * CAPACITANCE_PF,
        e_leak=float(voltage_to_nest(p.e_leak)),
        e_exc=float(voltage_to_nest(p.e_exc)),
        e_inh=float(voltage_to_nest(p.e_inh)),
        theta=float(voltage_to_nest(p.theta)),
        beta=p.beta / VOLT_MV,
        eta=float(weight_to_nest(p.eta, p)) * VOLT_MV,
        w_min=float(weight_to_nest(p.w_min, p)),
        w_max=float(weight_to_nest(p.w_max, p)),
        current_per_weight=p.current_per_weight * (p.tau_syn * p.tau_leak),
    )


def run(
    params: Params,
    weights,
    input_counts,
    *,
    dt: float,
    g_exc_jumps=None,
    g_inh_jumps=None,
    g_exc_held=None,
    g_inh_held=None,
    i_soma=None,
    i_dendrite=None,
    forced=None,
    clip: str = "weights",
) -> dict:
    """Cells that share their inputs, step by step from rest.

    Parameters
    ----------
    params : Params
    weights : (n_cells, n_inputs) array
        At the start. Outside the bounds they are clipped at once.
    input_counts : (n_steps, n_inputs) array
        Input spikes per step.
    dt : float
        Step in ms.
    g_exc_jumps, g_inh_jumps : (n_steps, n_cells) array, optional
        Somatic conductance added at the end of a step, decaying afterwards.
    g_exc_held, g_inh_held : (n_steps, n_cells) array, optional
        Somatic conductance held during a step, on top of the decaying one.
    i_soma, i_dendrite : (n_steps, n_cells) array, optional
        Currents held during a step.
    forced : (n_steps, n_cells) array, optional
        Own spikes per step. Default of this and of the above: zeros.
    clip : {"weights", "readout"}
        Whether the bounds act on the weight itself, which goes on from the bound, or
        only on the value that is used and returned.

    Returns
    -------
    dict of arrays
        ``soma, dendrite, current, g_exc, g_inh, error`` are ``(n_steps, n_cells)``,
        at the end of a step, after its jumps; conductances without the held ones.
        ``psp`` is ``(n_steps, n_inputs)`` in 1/ms, ``weights`` is
        ``(n_steps + 1, n_cells, n_inputs)`` with the initial ones first.

    Raises
    ------
    ValueError
        If ``clip`` is unknown.
    """
    if clip not in ("weights", "readout"):
        raise ValueError(f"clip is {clip!r}; allowed: 'weights', 'readout'")
    p = params
    counts = np.asarray(input_counts, float)
    start = np.asarray(weights, float)
    n_steps, n_cells = len(counts), len(start)

    def given(x):
        x = 0.0 if x is None else np.asarray(x, float)
        return np.broadcast_to(x, (n_steps, n_cells))

    g_exc_jumps, g_inh_jumps = given(g_exc_jumps), given(g_inh_jumps)
    g_exc_held, g_inh_held = given(g_exc_held), given(g_inh_held)
    i_soma, i_dendrite, forced = given(i_soma), given(i_dendrite), given(forced)

    # The dendrite with the soma held is linear with this conductance.
    g_total = p.g_leak + p.g_back
    tau_total = p.capacitance / g_total
    keep_v = np.exp(-dt / tau_total)
    per_current = p.tau_syn * kappa(dt, p.tau_syn, tau_total) / g_total
    keep_delta = np.exp(-dt / p.tau_delta) if p.tau_delta > 0.0 else 0.0
    kernel = kappa(dt * np.arange(n_steps), p.tau_syn, p.tau_leak)

    U = np.full(n_cells, p.e_leak)
    V = np.full(n_cells, p.e_leak)
    current, g_exc, g_inh = np.zeros(n_cells), np.zeros(n_cells), np.zeros(n_cells)
    A, B = np.zeros_like(start), np.zeros_like(start)
    w = np.clip(start, p.w_min, p.w_max)
    names = ("soma", "dendrite", "current", "g_exc", "g_inh", "error", "psp")
    rows = {name: [] for name in names} | {"weights": [w]}

    for k in range(n_steps):
        V_old = V
        # What flows back comes from the soma of mid-step: solve
        # C (U_mid - U) / (dt / 2) = -G_now U_mid + drive_now.
        exc_now, inh_now = g_exc + g_exc_held[k], g_inh + g_inh_held[k]
        G_now = p.g_leak + p.g_dendrite + exc_now + inh_now
        drive_now = p.g_leak * p.e_leak + p.g_dendrite * V + i_soma[k]
        drive_now = drive_now + exc_now * p.e_exc + inh_now * p.e_inh
        C_half = 2.0 * p.capacitance / dt
        U_mid = (C_half * U + drive_now) / (C_half + G_now)

        drive = p.g_leak * p.e_leak + p.g_back * U_mid + i_dendrite[k]
        V_rest = drive / g_total
        V = V_rest + (V_old - V_rest) * keep_v + per_current * current
        current = current * np.exp(-dt / p.tau_syn)

        V_mid = 0.5 * (V_old + V)
        exc_mid = g_exc * np.exp(-0.5 * dt / p.tau_exc) + g_exc_held[k]
        inh_mid = g_inh * np.exp(-0.5 * dt / p.tau_inh) + g_inh_held[k]
        G = p.g_leak + p.g_dendrite + exc_mid + inh_mid
        pull = p.g_leak * p.e_leak + p.g_dendrite * V_mid + i_soma[k]
        U_goal = (pull + exc_mid * p.e_exc + inh_mid * p.e_inh) / G
        U = U_goal + (U - U_goal) * np.exp(-G * dt / p.capacitance)
        g_exc = g_exc * np.exp(-dt / p.tau_exc)
        g_inh = g_inh * np.exp(-dt / p.tau_inh)

        current = current + p.current_per_weight * (w @ counts[k])
        g_exc = g_exc + g_exc_jumps[k]
        g_inh = g_inh + g_inh_jumps[k]

        prediction = v_star(V, p)
        error = (forced[k] - phi(prediction, p) * dt) * h(prediction, p)

        # A spike of this step has age 0 and kernel 0, so it may be in the sum.
        psp = kernel[: k + 1][::-1] @ counts[: k + 1]
        induction = np.outer(error, psp)
        if p.tau_delta > 0.0:
            change = (1.0 - keep_delta) * B  # of A - B; the new induction cancels
            B = keep_delta * B + induction
        else:
            change = induction  # B stays 0
        A = A + induction
        moved = w + p.eta * change if clip == "weights" else start + p.eta * (A - B)
        w = np.clip(moved, p.w_min, p.w_max)

        values = (U, V, current, g_exc, g_inh, error, psp)
        for name, value in zip(names, values, strict=True):
            rows[name].append(value)
        rows["weights"].append(w)
    return {name: np.array(values) for name, values in rows.items()}
