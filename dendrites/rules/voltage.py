"""Rules in which the local potential of the postsynaptic cell decides."""

from typing import NamedTuple

from dendrites._checks import choice, flag, number, shown
from dendrites.activity_difference import ActivityDifference, Needs
from dendrites.cell import CellModel
from dendrites.errors import ConfigError, ModelError, choices

COMPARTMENTS = ("apical", "soma")


def _apical(cell, p):
    return cell.apical


def _apical_minus(cell, p):
    return cell.apical_minus


def _apical_plus(cell, p):
    return cell.apical_plus


def _apical_mean(cell, p):
    return cell.apical_mean


def _delayed_apical_minus(cell, p):
    return cell.delayed_apical_minus


def _delayed_apical_plus(cell, p):
    return cell.delayed_apical_plus


def _soma(cell, p):
    return cell.soma


def _soma_minus(cell, p):
    return cell.soma_minus


def _soma_plus(cell, p):
    return cell.soma_plus


def _soma_mean(cell, p):
    return cell.soma_mean


def _delayed_soma_minus(cell, p):
    return cell.delayed_soma_minus


def _delayed_soma_plus(cell, p):
    return cell.delayed_soma_plus


# Potential, its two filters, their past and the mean, by compartment.
_SEEN = {
    "apical": (_apical, _apical_minus, _apical_plus, _apical_mean),
    "soma": (_soma, _soma_minus, _soma_plus, _soma_mean),
}
_PAST = {
    "apical": (_delayed_apical_minus, _delayed_apical_plus),
    "soma": (_delayed_soma_minus, _delayed_soma_plus),
}


class Delay(NamedTuple):
    """A one-to-one projection of weight 1 from a population to itself.

    Parameters
    ----------
    signal : str
        Read that it carries.
    field : str
        Input field that it reaches.
    delay : float
        ms.
    """

    signal: str
    field: str
    delay: float


def clopath(
    *,
    compartment: str = "apical",
    a_ltd: float = 14e-5,
    a_ltp: float = 8e-5,
    theta_minus: float = -70.6,
    theta_plus: float = -45.3,
    tau_x: float = 15.0,
    delayed: bool = True,
    homeostasis: bool = False,
    u_ref_squared: float = 60.0,
    learning_rate: float = 1.0,
) -> ActivityDifference:
    """Depression by input spikes at a depolarised site, potentiation above a threshold.

    dw/dt = a_ltp xbar [u - theta_plus]+ [ubar_plus - theta_minus]+
    - a_ltd X [ubar_minus - theta_minus]+

    u is the potential of `compartment` and ubar_minus, ubar_plus its low-pass filters,
    read as they were some ms ago. X are input spikes (``spike_rate``), each of area 1;
    xbar is their trace, tau_x dxbar/dt = -xbar + X, so that a spike raises it by
    1/tau_x: the presynaptic cell's ``trace``, which a spike raises by 1, over `tau_x`.
    Its time constant ``tau_trace`` must therefore be `tau_x`, which a circuit checks.
    The trace and u of one
    moment act together, so an input spike counts as already there in the step that
    begins with it.

    For cells with the fields of `dendrites.models.adex_dendrite`. The delay of the
    filters lies in the projections that `clopath_delays` lists; without these nothing
    changes, as the delayed filters then stay at rest.

    Parameters
    ----------
    compartment : {"apical", "soma"}
        Where the synapse sits.
    a_ltd, a_ltp : float
        Amplitudes, weight / mV and weight ms / mV^2 / ms, >= 0.
    theta_minus, theta_plus : float
        mV.
    tau_x : float
        Time constant of the input's trace, ms, > 0.
    delayed : bool
        False reads the filters of this moment.
    homeostasis : bool
        Multiplies a_ltd by (mean depolarisation)^2 / u_ref_squared, the mean over the
        cell's tau_mean of u above e_leak.
    u_ref_squared : float
        mV^2, > 0.
    learning_rate : float
        Multiplies both sides.

    Raises
    ------
    ModelError
        If the compartment is unknown or a number out of its range.

    Source: Clopath, Busing, Vasilaki and Gerstner (2010); amplitudes, thresholds and
    time constants as in the simulator NEST's example of spike pairing. The local
    potential of a dendrite: Bono and Clopath (2017).
    """
    choice("clopath: compartment", compartment, COMPARTMENTS)
    number("clopath: a_ltd", a_ltd, least=0.0)
    number("clopath: a_ltp", a_ltp, least=0.0)
    number("clopath: tau_x", tau_x, unit="ms", above=0.0)
    number("clopath: u_ref_squared", u_ref_squared, unit="mV^2", above=0.0)
    number("clopath: theta_minus", theta_minus, unit="mV")
    number("clopath: theta_plus", theta_plus, unit="mV")
    flag("clopath: delayed", delayed)
    flag("clopath: homeostasis", homeostasis)
    potential, minus, plus, mean = _SEEN[compartment]
    if delayed:
        minus, plus = _PAST[compartment]
    potentiation, depression = a_ltp / tau_x, a_ltd
    reference = u_ref_squared

    def teaching(cell, p):
        above = max(potential(cell, p) - theta_plus, 0.0)
        return potentiation * above * max(plus(cell, p) - theta_minus, 0.0)

    def baseline(cell, p):
        return depression * max(minus(cell, p) - theta_minus, 0.0)

    def sliding_baseline(cell, p):
        depolarised = mean(cell, p)
        scale = depolarised * depolarised / reference
        return depression * scale * max(minus(cell, p) - theta_minus, 0.0)

    return ActivityDifference(
        teaching=teaching,
        baseline=sliding_baseline if homeostasis else baseline,
        presynaptic=("trace", "spike_rate"),
        learning_rate=learning_rate,
        needs=Needs(presynaptic={"tau_trace": tau_x}, undelayed=True),
    )


def clopath_delays(
    cell: CellModel, *, compartment: str = "apical", delay: float = 4.0
) -> tuple[Delay, ...]:
    """Projections of a population to itself that `clopath` needs beside its synapses.

    Each is one-to-one, of weight 1, and carries a filter above rest. The filter is then
    read exactly `delay` before the potential it is multiplied with. Before the start
    of a run it counts as at rest.

    Parameters
    ----------
    cell : CellModel
    compartment : {"apical", "soma"}
    delay : float
        ms, > 0, whole steps. Published: 4 to 5.

    Returns
    -------
    tuple of Delay (signal, field, delay)

    Raises
    ------
    ConfigError
        If the delay is not > 0.
    ModelError
        If the cell has no such filters.

    Source: the delay is no part of the published equations; codes of Clopath et al.
    (2010) and of the simulator NEST have it.
    """
    where = "clopath_delays"
    if not isinstance(cell, CellModel):
        raise ModelError(f"{where}: cell = {shown(cell)}: must be a CellModel")
    choice(f"{where}: compartment", compartment, COMPARTMENTS)
    number(f"{where}: delay", delay, unit="ms", above=0.0, error=ConfigError)
    found = []
    for name in ("minus", "plus"):
        signal = f"{compartment}_{name}_above_rest"
        field = f"delayed_{compartment}_{name}"
        cell.read(signal)
        if field not in cell.inputs._fields:
            raise ModelError(
                f"clopath_delays: {cell.name} cells have no input {field!r}. "
                + choices(field, cell.inputs._fields)
            )
        found.append(Delay(signal, field, float(delay)))
    return tuple(found)
