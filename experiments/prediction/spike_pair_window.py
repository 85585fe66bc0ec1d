"""Experiment spike-pair-window: what one pair of spikes does to a dendritic synapse."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt

from experiments.parameters import Argument, Step, changed_cell
from experiments.record import Answer, question

CITATION = "Urbanczik & Senn (2014), Neuron 81, 521-528"
# Parameters of the cell that act without a teacher and with forced spikes.
CELL = (
    *("capacitance", "g_leak", "g_dendrite", "g_back", "e_leak", "tau_syn"),
    *("phi_max", "k", "beta", "theta"),
)
# What is left in the filter at the end: e^-25.
FADED = 25.0
MOST_LAGS = 100_000


@question(title="One pair of spikes at a dendritic synapse", citation=CITATION)
def spike_pair_window(
    *,
    potentials: Annotated[
        tuple[Annotated[float, Gt(-200), Lt(200)], ...],
        Argument("predicted potentials V*, held constant", "mV"),
    ] = (-65.0, -60.0, -55.0),
    first: Annotated[
        float, Argument("earliest somatic spike, from the input spike", "ms"), Ge(-300)
    ] = -40.0,
    last: Annotated[
        float, Argument("latest somatic spike, from the input spike", "ms"), Gt(0)
    ] = 60.0,
    interval: Annotated[
        float, Argument("between times of the somatic spike", "ms"), Gt(0)
    ] = 0.2,
    eta: Annotated[float, Argument("learning rate as NEST counts it"), Gt(0)] = 0.17,
    tau_filter: Annotated[
        float, Argument("low-pass filter of the update", "ms"), Gt(0)
    ] = 100.0,
    dt: Annotated[Step, Argument("step", "ms")] = 0.1,
    cell: changed_cell("urbanczik_senn", CELL) = None,
):
    """What does one input spike and one somatic spike do to a synapse, over their lag?

    Cells whose dendrites are held at a potential receive one common input spike; each
    is made to fire once, at a lag of its own. Weights start at zero, so that the input
    does not move the dendrite, and have no bounds.

    Returns
    -------
    xarray.DataTree
        ``/window`` with ``change`` and ``expected`` (potential, lag), pA: the whole
        weight change of a pair and eta h(V*) (kappa(lag) - phi(V*)), kappa 0 for lags
        <= 0; ``peak_lag`` (potential), of the largest change, by a parabola through
        the three highest; ``rate`` phi(V*) and ``importance`` h(V*).

    Source: Urbanczik and Senn (2014); the closed form is our derivation.
    """
    from dendrites.dataset import group
    from experiments.prediction.held_dendrite import rate_and_importance

    lags = lag_steps(first, last, interval, dt)
    found = paired(potentials, lags, eta=eta, tau_filter=tau_filter, dt=dt, cell=cell)
    p, change = found["parameters"], found["change"]
    rate, importance = rate_and_importance(np.array(potentials), p)
    rule = found["learning_rate"]
    expected = closed_form(lags * dt, rate[:, None], importance[:, None], rule, p)
    lag = lags * dt
    window = group(
        {
            "change": (("potential", "lag"), change, "pA", "weight change of a pair"),
            "expected": (("potential", "lag"), expected, "pA", "closed form"),
            "peak_lag": (
                ("potential",),
                np.array([peak(lag, row) for row in change]),
                "ms",
                "lag of the largest change",
            ),
            "rate": (("potential",), rate * 1000.0, "Hz", "phi(V*)"),
            # 1/mV is no unit of the schema.
            "importance": (("potential",), importance * 15.0, "1", "h(V*) x 15 mV"),
        },
        {"potential": np.array(potentials), "lag": lag},
        units={"potential": "mV", "lag": "ms"},
    )
    return Answer(
        {"/window": window},
        dt=dt,
        duration=found["duration"],
        headline=_headline(window),
    )


def lag_steps(first: float, last: float, interval: float, dt: float) -> np.ndarray:
    """Lags in steps, from `first` to at most `last`.

    Raises
    ------
    ConfigError
        If they are no whole steps, fewer than three, or all before the input spike.
    """
    from dendrites._time import n_steps
    from dendrites.errors import ConfigError

    times = {"first": first, "last": last, "interval": interval}
    steps = {}
    for name, time in times.items():
        steps[name] = n_steps(abs(time), dt, name, quiet=True)
        if abs(steps[name] * dt - abs(time)) > 1e-6 * dt:
            raise ConfigError(
                f"{name} = {time:g} ms is no whole number of steps of dt = {dt:g} ms"
            )
    if steps["interval"] < 1 or last <= 0 or last < first + 2 * interval:
        raise ConfigError(
            f"first = {first:g}, last = {last:g}, interval = {interval:g} ms: need at "
            "least three lags and a last one > 0"
        )
    count = (last - first) / interval
    if count > MOST_LAGS:
        raise ConfigError(
            f"first = {first:g}, last = {last:g}, interval = {interval:g} ms: too "
            f"large: {count:g} lags, at most {MOST_LAGS} are run"
        )
    start = int(np.sign(first)) * steps["first"]
    return np.arange(start, steps["last"] + 1, steps["interval"])


def paired(
    potentials, lags, *, eta: float, tau_filter: float, dt: float, cell=None
) -> dict:
    """Weight changes (potential, lag), pA, and what they were obtained with."""
    import circuits
    from circuits.algorithms import urbanczik_senn
    from dendrites.models.urbanczik_senn import learning_rate_from_nest
    from experiments.pairing import trains, weight_change
    from experiments.prediction.held_dendrite import (
        SYNAPSES,
        holding_current,
        settling,
        with_held_dendrites,
    )

    n = len(potentials) * len(lags)
    rule = learning_rate_from_nest(eta)
    circuit = urbanczik_senn(
        1,
        n,
        learning_rate=rule,
        tau_filter=tau_filter,
        initial=0.0,
        bounds=None,
        dt=dt,
        **(cell or {}),
    )
    p = circuit.model("output").parameters
    begin = max(int(np.ceil(settling(p) / dt)), 1 - int(lags[0]))
    tail = FADED * max(tau_filter, p.capacitance / p.g_leak)
    steps = begin + int(lags[-1]) + int(np.ceil(tail / dt))
    shown = circuits.Phase("shown", steps * dt, on=("input", "held"))
    circuit = with_held_dendrites(circuit, circuits.Schedule((shown,)))
    current = holding_current(np.repeat(potentials, len(lags)), p)
    fires = np.tile(begin + lags, len(potentials))
    tree = circuits.simulate(
        circuit,
        {"held": current},
        [],
        learning=True,
        forced_spikes={
            "input": trains([begin * dt]),
            "output": trains(fires * dt),
        },
    )
    change = weight_change(tree, SYNAPSES)
    return {
        "change": change.reshape(len(potentials), len(lags)),
        "parameters": p,
        "learning_rate": rule,
        "duration": steps * dt,
    }


def closed_form(lag, rate, importance, learning_rate, p):
    """Weight change of one pair, pA, at constant V*."""
    from dendrites.spikes import psp_kernel

    kernel = np.array([psp_kernel(t, p.tau_syn, p.capacitance / p.g_leak) for t in lag])
    return learning_rate * importance * (kernel - rate)


def peak(lag, change) -> float:
    """Where a parabola through the largest value and its neighbours is largest."""
    k = int(np.clip(np.argmax(change), 1, len(lag) - 2))
    left, middle, right = change[k - 1 : k + 2]
    bend = left - 2.0 * middle + right
    shift = 0.5 * (left - right) / bend if bend < 0.0 else 0.0
    return float(lag[k] + shift * (lag[k + 1] - lag[k]))


def _headline(window):
    scale = abs(window.expected).max("lag")
    deviation = abs(window.change - window.expected).max("lag") / scale
    here = "closed form of one pair, model page"
    return {
        "max_deviation": {
            "value": float(deviation.max()),
            "unit": "1",
            "reference": "0, of the largest change at that V*",
            "source": here,
        },
        "peak_lag_ms": {
            "value": float(window.peak_lag.mean()),
            "unit": "ms",
            "reference": "5.1599",
            "source": here,
        },
    }
