"""The two systems of units of the dendritic prediction model, and what lies between.

"NEST" units are ms, mV, nS, pA and pF. "Paper" units set the capacitance and one unit
of voltage to 1 and rest to 0: 300 pF, 15 mV and -70 mV. Rates are 1/ms in both.

A weight is given in one of two conventions: as the jump of the synaptic current at a
spike (ours and NEST's, pA), or as the coefficient of the unit-area kernel kappa, the
area of the response to one spike (the paper's).

Learning rates belong to a rule. Ours is dw/dt = eta Delta with w in pA and
PI = (S - phi(V*)) h(V*) psp, where psp is in 1/ms and h in 1/mV.

Source: parameters of the simulator NEST's model pp_cond_exp_mc_urbanczik and of its
example; conversions: our derivation.
"""

REST = -70.0
VOLTAGE = 15.0
CAPACITANCE = 300.0
G_LEAK = 30.0
TAU_SYN = 3.0

SYSTEMS = ("nest", "paper")


def milliseconds(time):
    """Time in ms from paper units: the same number."""
    return time


def paper_time(milliseconds):
    """Time in paper units from ms: the same number."""
    return milliseconds


def millivolts(voltage):
    """Potential in mV from paper units: -70 + 15 voltage."""
    return REST + VOLTAGE * voltage


def paper_voltage(millivolts):
    """Potential in paper units from mV."""
    return (millivolts - REST) / VOLTAGE


def picofarads(capacitance):
    """Capacitance in pF from paper units."""
    return CAPACITANCE * capacitance


def paper_capacitance(picofarads):
    """Capacitance in paper units from pF."""
    return picofarads / CAPACITANCE


def nanosiemens(conductance):
    """Conductance in nS from paper units, 1/ms."""
    return CAPACITANCE * conductance


def paper_conductance(nanosiemens):
    """Conductance in paper units, 1/ms, from nS."""
    return nanosiemens / CAPACITANCE


def per_millivolt(slope):
    """Slope beta in 1/mV from paper units."""
    return slope / VOLTAGE


def paper_slope(per_millivolt):
    """Slope beta in paper units from 1/mV."""
    return per_millivolt * VOLTAGE


def psp_area(jump, *, tau_syn: float = TAU_SYN, g_leak: float = G_LEAK):
    """Coefficient of kappa, mV ms, of a weight given as a current jump, pA."""
    return jump * tau_syn / g_leak


def jump_of_area(area, *, tau_syn: float = TAU_SYN, g_leak: float = G_LEAK):
    """Current jump, pA, of a weight given as the coefficient of kappa, mV ms."""
    return area * g_leak / tau_syn


def paper_weight(jump, *, tau_syn: float = TAU_SYN, g_leak: float = G_LEAK):
    """Coefficient of kappa in paper units of a weight given as a current jump, pA."""
    return psp_area(jump, tau_syn=tau_syn, g_leak=g_leak) / VOLTAGE


def weight_from_paper(coefficient, *, tau_syn: float = TAU_SYN, g_leak: float = G_LEAK):
    """Current jump, pA, of a weight given as kappa's coefficient in paper units."""
    return jump_of_area(coefficient * VOLTAGE, tau_syn=tau_syn, g_leak=g_leak)


def paper_current_jump(jump):
    """Current jump in paper units, 1/ms, of a weight given as a current jump, pA."""
    return jump / (CAPACITANCE * VOLTAGE)


def weight_from_paper_current_jump(jump):
    """Current jump, pA, of a weight given as a current jump in paper units, 1/ms."""
    return jump * CAPACITANCE * VOLTAGE


def learning_rate_from_nest(
    eta,
    *,
    tau_syn: float = TAU_SYN,
    g_leak: float = G_LEAK,
    capacitance: float = CAPACITANCE,
):
    """Learning rate of our rule, pA ms mV, from NEST's `eta`.

    NEST's weight moves with 15 eta tau_leak tau_syn kappa (S - phi) (15 h), h in 1/mV
    and tau_leak = capacitance / g_leak; hence 225 tau_leak tau_syn eta.
    """
    return VOLTAGE**2 * capacitance / g_leak * tau_syn * eta


def nest_learning_rate(
    eta,
    *,
    tau_syn: float = TAU_SYN,
    g_leak: float = G_LEAK,
    capacitance: float = CAPACITANCE,
):
    """NEST's `eta` from the learning rate of our rule, pA ms mV."""
    return eta * g_leak / (VOLTAGE**2 * capacitance * tau_syn)


def learning_rate_from_paper(eta, *, tau_syn: float = TAU_SYN, g_leak: float = G_LEAK):
    """Learning rate of our rule, pA ms mV, from the paper's eta.

    There the weight is the coefficient of kappa and h = 15 h(1/mV): the weight in pA is
    15 g_leak / tau_syn times larger; hence 225 g_leak / tau_syn eta.
    """
    return VOLTAGE**2 * g_leak / tau_syn * eta


def paper_learning_rate(eta, *, tau_syn: float = TAU_SYN, g_leak: float = G_LEAK):
    """The paper's eta from the learning rate of our rule, pA ms mV."""
    return eta * tau_syn / (VOLTAGE**2 * g_leak)


_TO_NEST = {
    "capacitance": picofarads,
    "g_leak": nanosiemens,
    "g_dendrite": nanosiemens,
    "g_back": nanosiemens,
    "e_leak": millivolts,
    "e_exc": millivolts,
    "e_inh": millivolts,
    "theta": millivolts,
    "beta": per_millivolt,
}


def parameters_from_paper(parameters):
    """Cell parameters in NEST units from those in paper units.

    Times, rates and k have the same numbers in both. What is no plain number is passed
    on for the cell model to refuse.
    """
    return {
        name: _TO_NEST[name](value)
        if name in _TO_NEST and type(value) in (int, float)
        else value
        for name, value in parameters.items()
    }
