"""Experiment drift: the mean weight change and where it vanishes."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt

from experiments.parameters import Argument, Progress, Repeats, Seed, Step, changed_cell
from experiments.record import Answer, question
from experiments.statistics import standard_error

CITATION = "Urbanczik & Senn (2014), Neuron 81, 521-528"
# Parameters of the cell that act under constant conductances, without a dead time.
CELL = (
    *("capacitance", "g_leak", "g_dendrite", "g_back", "e_leak", "e_exc", "e_inh"),
    *("tau_syn", "phi_max", "k", "beta", "theta"),
)
# V* of a dendrite at -60 mV, where a run of NEST was made; pA, with T - tau_filter.
CARD, CARD_PREDICTED = -60.476, 3550.5e-6
DEFAULT_POTENTIALS = (
    *(-68.0, -66.0, -64.0, -62.0, CARD, -58.0, -56.0, -54.0, -52.0),
    *(-51.0, -50.0, -49.0, -48.0, -46.0, -44.0),
)
NEAR = 4.0
CURVE = 201
PER_MS = 1e-3  # of Hz


@question(title="Mean weight change at constant rates", citation=CITATION)
def drift(
    *,
    potentials: Annotated[
        tuple[Annotated[float, Gt(-200), Lt(200)], ...],
        Argument("predicted potentials V*, held constant", "mV"),
    ] = DEFAULT_POTENTIALS,
    g_exc: Annotated[float, Argument("of the teacher", "nS"), Ge(0)] = 175.0,
    g_inh: Annotated[float, Argument("of the teacher", "nS"), Ge(0)] = 350.0,
    input_rate: Annotated[float, Argument("of every input", "Hz"), Gt(0)] = 57.0,
    duration: Annotated[float, Argument("time of learning", "ms"), Gt(0)] = 4000.0,
    cells: Annotated[
        Repeats, Argument("at every potential, each with an input of its own"), Ge(2)
    ] = 400,
    eta: Annotated[
        float, Argument("learning rate as NEST counts it; weights stay small"), Gt(0)
    ] = 1.7e-7,
    tau_filter: Annotated[
        float, Argument("low-pass filter of the update", "ms"), Gt(0)
    ] = 100.0,
    dt: Annotated[Step, Argument("step", "ms")] = 0.1,
    cell: changed_cell("urbanczik_senn", CELL) = None,
    seed: Annotated[Seed, Argument("of all spikes")] = 0,
    progress: Progress = False,
):
    """Do weights drift as the rates of soma and prediction differ, and stop at U_M?

    Many cells without a dead time, with one Poisson input and one synapse each. A
    teacher's constant conductances pull the somata, a current holds the dendrites; the
    learning rate is so small that weights do not move anything. Learning starts when
    all is steady, with an empty filter.

    Returns
    -------
    xarray.DataTree
        ``/drift`` (potential): ``measured``, mean weight change of the cells, pA, its
        ``standard_error`` and what is ``predicted``; the soma's potential and the
        rates at it and at V*. ``/closed_form``, the prediction on a fine grid.
        ``/fixed_point``: ``matching_potential`` U_M, and
        ``zero_crossing`` of a parabola through the measured points within 4 mV of it,
        divided by h(V*), with its ``crossing_error``, if there are enough of them.

    Source: Urbanczik and Senn (2014); the closed form is our derivation (model page).
    """
    from tqdm import tqdm

    from dendrites.dataset import group
    from dendrites.models.urbanczik_senn import learning_rate_from_nest
    from dendrites.random import generator
    from experiments.prediction.held_dendrite import settled_soma

    potentials = np.array(sorted(set(potentials)), float)
    rule = learning_rate_from_nest(eta)
    circuit = steady_cells(
        cells, duration, learning_rate=rule, tau_filter=tau_filter, dt=dt, cell=cell
    )
    p = circuit.model("output").parameters
    seeds = generator(seed, "drift").integers(2**62, size=len(potentials))
    found = [
        weight_changes(circuit, v, g_exc, g_inh, input_rate, seed=int(one))
        for v, one in zip(
            tqdm(potentials, unit="potential", disable=None if progress else True),
            seeds,
            strict=True,
        )
    ]
    change = np.array([c for c, _ in found])
    soma = np.array([u for _, u in found])
    gain = rule * filtered_time(duration, tau_filter) * input_rate
    predicted, rate, predicted_rate, importance = closed_form(potentials, soma, gain, p)
    measured = change.mean(axis=1)
    error = standard_error(change)
    axis = {"potential": ("mV", "V*")}
    table = group(
        {
            "measured": (("potential",), measured, "pA", "mean weight change"),
            "standard_error": (("potential",), error, "pA", "of the mean"),
            "predicted": (("potential",), predicted, "pA", "closed form"),
            "soma": (("potential",), soma, "mV", "U"),
            "rate": (("potential",), rate / PER_MS, "Hz", "phi(U)"),
            "predicted_rate": (
                ("potential",),
                predicted_rate / PER_MS,
                "Hz",
                "phi(V*)",
            ),
        },
        {"potential": potentials},
        units=axis,
    )
    between = np.unique(np.linspace(potentials[0], potentials[-1], CURVE))
    somata = settled_soma(between, g_exc, g_inh, p)
    curve, *_ = closed_form(between, somata, gain, p)
    curve = group(
        {"predicted": (("potential",), curve, "pA", "closed form")},
        {"potential": between},
        units=axis,
    )
    point = fixed_point(
        potentials, measured / importance, error / importance, g_exc, g_inh, p
    )
    return Answer(
        {
            "/drift": table,
            "/closed_form": curve,
            "/fixed_point": group({k: ((), x, "mV") for k, x in point.items()}, {}),
        },
        dt=dt,
        duration=sum(phase.duration for phase in circuit.schedule.phases),
        headline=_headline(table, point),
    )


def steady_cells(
    cells: int, duration: float, *, learning_rate, tau_filter, dt, cell=None
):
    """Cells without a dead time, with one input and one held dendrite each.

    A presentation settles without plasticity, then learns for `duration` ms.
    """
    from dataclasses import replace

    import circuits
    from circuits.algorithms import urbanczik_senn
    from experiments.prediction.held_dendrite import settling, with_held_dendrites

    circuit = urbanczik_senn(
        cells,
        cells,
        learning_rate=learning_rate,
        tau_filter=tau_filter,
        initial=0.0,
        bounds=None,
        dead_time=0.0,
        dt=dt,
        **(cell or {}),
    )
    alone = [replace(x, connectivity="one_to_one") for x in circuit.projections]
    on = ("input", "exc", "inh", "held")
    settle = settling(circuit.model("output").parameters)
    phases = (
        circuits.Phase("settling", settle, on=on, learning=False),
        circuits.Phase("learning", duration, on=on),
    )
    return with_held_dendrites(
        replace(circuit, projections=tuple(alone)), circuits.Schedule(phases)
    )


def weight_changes(circuit, potential, g_exc, g_inh, input_rate, *, seed: int):
    """Weight change of every cell, pA, and the soma's potential at the end, mV."""
    import circuits
    from experiments.pairing import weight_change
    from experiments.prediction.held_dendrite import SYNAPSES, holding_current

    n = circuit.population("output").size
    shown = {
        "input": input_rate,
        "exc": g_exc,
        "inh": g_inh,
        "held": holding_current(potential, circuit.model("output").parameters),
    }
    last = sum(phase.duration for phase in circuit.schedule.phases)
    tree = circuits.simulate(
        circuit,
        {name: np.full(n, value) for name, value in shown.items()},
        [circuits.Record("output", ("soma",), units=[0], every=last)],
        learning=True,
        seed=seed,
    )
    return weight_change(tree, SYNAPSES), float(tree["populations/output"].v[-1, 0, 0])


def closed_form(potential, soma, gain, p):
    """Mean weight change, pA, both rates, 1/ms, and h(V*), 1/mV.

    `gain` is learning rate x time x input rate, the last in Hz.
    """
    from experiments.prediction.held_dendrite import rate_and_importance

    rate, _ = rate_and_importance(soma, p)
    predicted_rate, importance = rate_and_importance(potential, p)
    change = gain * PER_MS * (rate - predicted_rate) * importance
    return change, rate, predicted_rate, importance


def filtered_time(duration, tau_filter):
    """Time, ms, that a steady drive has moved a weight through an empty filter."""
    return duration - tau_filter * -np.expm1(-duration / tau_filter)


def fixed_point(potentials, measured, error, g_exc, g_inh, p) -> dict:
    """U_M and, if it can be told, where a measured curve vanishes; mV.

    Of drift / h the parabola through 8 mV errs by 0.002 mV, of the drift, which bends
    more, by 0.5 mV (found by fitting the closed form).
    """
    if g_exc + g_inh == 0.0:
        return {}
    matching = (g_exc * p.e_exc + g_inh * p.e_inh) / (g_exc + g_inh)
    found = {"matching_potential": matching}
    near = np.abs(potentials - matching) <= NEAR
    if near.sum() < 4 or not (error[near] > 0.0).all():
        return found
    x = potentials[near] - matching
    # Counted in standard errors, so that the covariance is that of the coefficients.
    fit, covariance = np.polyfit(
        x, measured[near], 2, w=1.0 / error[near], cov="unscaled"
    )
    roots = np.roots(fit)
    roots = roots[np.isreal(roots)].real
    if not len(roots):
        return found
    root = roots[np.argmin(np.abs(roots))]
    powers = root ** np.arange(2, -1, -1)
    slope = abs(2.0 * fit[0] * root + fit[1])
    found["zero_crossing"] = matching + root
    found["crossing_error"] = np.sqrt(powers @ covariance @ powers) / slope
    return found


def _headline(table, point):
    here = "closed form of the mean drift, model page"
    off = abs(table.measured - table.predicted) / table.standard_error
    figures = {}
    nearest = table.sel(potential=CARD, method="nearest")
    if abs(float(nearest.potential) - CARD) < 1e-6:
        is_card = abs(float(nearest.predicted) / CARD_PREDICTED - 1.0) < 1e-3
        figures = {
            "drift_measured": (nearest.measured, "pA", "0.0035505", here),
            "drift_predicted": (nearest.predicted, "pA", "0.0035505", here),
            "drift_standard_error": (nearest.standard_error, "pA", "", here),
        }
        if not is_card:
            figures = {k: (*v[:2], "", here) for k, v in figures.items()}
    figures["largest_deviation_se"] = (
        off.max(),
        "1",
        f"standard errors, of {off.size} potentials",
        here,
    )
    if "zero_crossing" in point:
        matching = f"{point['matching_potential']:.4g}"
        model = "U_M, model page"
        figures |= {
            "zero_crossing_mv": (point["zero_crossing"], "mV", matching, model),
            "zero_crossing_error_mv": (point["crossing_error"], "mV", "", "fit"),
        }
    return {
        name: {"value": float(value), "unit": unit, "reference": ref, "source": source}
        for name, (value, unit, ref, source) in figures.items()
    }
