"""Experiment burst-pairing: does the burst rule reproduce its plasticity protocols?"""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le

from experiments.bursts.burst_ensemble import CELL
from experiments.parameters import Argument, Progress, Repeats, Seed, changed_cell
from experiments.record import Answer, question
from experiments.statistics import crossing, fitted_crossing, standard_error

CITATION = "Payeur et al. (2021), Nat. Neurosci. 24, 1010"
PERIODIC_START = (5.0, 0.15)
BURST_POISSON_START = 0.2
# By frequency, Hz: event by event, by tests/reference/naud_sprekeler_twin.py.
REFERENCE = {10.0: -0.3326, 50.0: -0.5869, 70.0: +0.1824, 100.0: +0.2842}
RANDOM_DT = 0.5
FACTORS = (1.0, 1.5, 1.0, 0.55, 1.0)
PRE_FACTORS = (1.5, 0.55)
Share = Annotated[float, Ge(0), Le(1)]
Positive = Annotated[float, Gt(0)]


@question(title="Burst-dependent plasticity in four protocols", citation=CITATION)
def burst_pairing(
    *,
    frequencies: Annotated[
        tuple[Annotated[float, Ge(0.1), Le(200)], ...],
        Argument("of periodic pairings", "Hz"),
    ] = (1, 5, 10, 20, 30, 40, 50, 60, 62, 63, 70, 80, 90, 100),
    rates: Annotated[
        tuple[Annotated[float, Ge(0.1), Le(100)], ...],
        Argument("of Poisson pre- and postsynaptic cells", "Hz"),
    ] = (1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50),
    expected: Annotated[
        tuple[Share, ...], Argument("burst probabilities expected at first")
    ] = (0.3, 0.5),
    event_rates: Annotated[
        tuple[Annotated[float, Ge(0.1), Le(25)], ...],
        Argument("of cells with random bursts", "Hz"),
    ] = (5.0, 10.0),
    probabilities: Annotated[
        tuple[Share, ...], Argument("of bursts, in events of these cells")
    ] = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5),
    duration: Annotated[
        float, Argument("of protocols with random trains", "s"), Gt(0)
    ] = 100.0,
    realisations: Annotated[Repeats, Argument("of every random protocol"), Ge(2)] = 100,
    cells: Annotated[Repeats, Argument("of each of the two populations"), Ge(2)] = 60,
    segment: Annotated[
        int, Argument("of constant apical input to these, whole seconds", "s"), Ge(2)
    ] = 25,
    seed: Annotated[Seed, Argument("of all random trains and noise")] = 0,
    cell: changed_cell("naud_sprekeler", CELL) = None,
    progress: Progress = False,
):
    """Do bursts beyond those expected decide on the sign, in all four protocols?

    Periodic: 15 sequences of 5 simultaneous pairings, one frequency after the other.
    Poisson: independent Poisson trains of equal rates before and behind the synapse.
    Burst-Poisson: events at a given rate, each a burst with a given probability.
    Steering: two populations of noisy two-compartment cells, all to all; current into
    the postsynaptic dendrites is multiplied by 1, 1.5, 1, 0.55 and 1, then that into
    the presynaptic ones by 1.5 and 0.55. These alone have a `cell`; in the other
    protocols spikes are given.

    Returns
    -------
    xarray.DataTree
        ``/periodic``, ``/poisson``, ``/burst_poisson`` with ``weight_change`` and what
        is known or predicted; ``/steering`` with event rate, burst probability and mean
        weight in bins of one second; ``/segments``, their summary.

    Source: Payeur et al. (2021), Fig. 2b-g.
    """
    from tqdm import tqdm

    from experiments.bursts.burst_steering import SETTLING

    _steps(duration)
    n_bins = int(SETTLING) + segment * (len(FACTORS) + len(PRE_FACTORS))
    runs = len(frequencies) + len(rates) * len(expected) + len(event_rates)
    bar = tqdm(total=runs + n_bins, unit="run", disable=None if progress else True)
    with bar:
        groups = {
            "/periodic": _periodic(sorted(frequencies), bar.update),
            "/poisson": _poisson(
                sorted(rates), expected, duration, realisations, seed, bar.update
            ),
            "/burst_poisson": _burst_poisson(
                event_rates,
                sorted(probabilities),
                duration,
                realisations,
                seed,
                bar.update,
            ),
            **_steering(cells, segment, seed, cell, bar.update),
        }
    return Answer(
        groups,
        dt=RANDOM_DT,
        duration=1000.0 * duration,
        headline=_headline(groups),
    )


def _periodic(frequencies, tick):
    from dendrites.dataset import group
    from experiments.bursts.burst_protocols import (
        periodic_prediction,
        periodic_train,
        weight_changes,
    )

    rate, probability = PERIODIC_START
    start = {"event_average": rate, "burst_probability": probability}
    changes, predicted = [], []
    for frequency in frequencies:
        train, dt = periodic_train(frequency)
        n_steps = int(train[-1]) + 2
        changes += [*weight_changes([train], [train], n_steps=n_steps, dt=dt, **start)]
        predicted.append(periodic_prediction(train, dt, **start))
        tick()
    dims = ("pairing_frequency",)
    return group(
        {
            "weight_change": (dims, np.array(changes), "1", "of 75 pairings"),
            "predicted": (dims, np.array(predicted), "1", "event by event"),
        },
        {"pairing_frequency": np.array(frequencies, float)},
        units={"pairing_frequency": "Hz"},
    )


def _poisson(rates, expected, duration, realisations, seed, tick):
    from dendrites.random import generator
    from experiments.bursts.burst_protocols import (
        poisson_prediction,
        poisson_trains,
        weight_changes,
    )

    n_steps = _steps(duration)
    changes = np.empty((len(expected), len(rates), realisations))
    predicted = np.empty(changes.shape[:2])
    size = (realisations, n_steps, RANDOM_DT)
    for r, rate in enumerate(rates):
        rng = generator(seed, f"burst_pairing/poisson/{rate}")
        pre, post = (poisson_trains(rng, rate, *size) for _ in range(2))
        for e, probability in enumerate(expected):
            changes[e, r] = weight_changes(
                pre,
                post,
                event_average=rate * np.exp(-rate * 0.016),
                burst_probability=probability,
                n_steps=n_steps,
                dt=RANDOM_DT,
            )
            predicted[e, r] = poisson_prediction(
                rate, probability, 1000.0 * duration, RANDOM_DT
            )
            tick()
    axes = {"expected": (expected, "1"), "rate": (rates, "Hz")}
    return _random_group(axes, changes, predicted)


def _burst_poisson(event_rates, probabilities, duration, realisations, seed, tick):
    from dendrites.random import generator
    from experiments.bursts.burst_protocols import (
        burst_poisson_prediction,
        burst_poisson_trains,
        weight_changes,
    )

    n_steps = _steps(duration)
    changes, predicted = [], []
    size = (realisations, n_steps, RANDOM_DT)
    for event_rate in event_rates:
        rng = generator(seed, f"burst_pairing/burst_poisson/{event_rate}")
        trains = [
            [
                train
                for p in probabilities
                for train in burst_poisson_trains(rng, event_rate, p, *size)
            ]
            for _ in range(2)
        ]
        found = weight_changes(
            *trains,
            event_average=event_rate,
            burst_probability=BURST_POISSON_START,
            n_steps=n_steps,
            dt=RANDOM_DT,
        )
        changes.append(found.reshape(len(probabilities), realisations))
        predicted.append(
            [
                burst_poisson_prediction(
                    event_rate, p, BURST_POISSON_START, 1000.0 * duration
                )
                for p in probabilities
            ]
        )
        tick()
    axes = {
        "event_rate": (event_rates, "Hz"),
        "burst_probability": (probabilities, "1"),
    }
    return _random_group(axes, np.array(changes), np.array(predicted))


def _steps(duration):
    from dendrites._time import n_steps

    return n_steps(1000.0 * duration, RANDOM_DT, "duration", quiet=True)


def _random_group(axes, changes, predicted):
    from dendrites.dataset import group

    dims = tuple(axes)
    return group(
        {
            "weight_change": ((*dims, "realisation"), changes, "1", "of one run"),
            "predicted": (dims, predicted, "1", "for mean rates and averages"),
        },
        {
            **{name: np.array(values, float) for name, (values, _) in axes.items()},
            "realisation": np.arange(changes.shape[-1]),
        },
        units={name: unit for name, (_, unit) in axes.items()},
    )


def _steering(cells, segment, seed, cell, tick):
    from dendrites.dataset import group
    from experiments.bursts.burst_steering import APICAL, SETTLING, steer

    settling = int(SETTLING)
    ones = (1.0,) * len(FACTORS)
    post = (*FACTORS, *(1.0 for _ in PRE_FACTORS))
    pre = (*ones, *PRE_FACTORS)
    per_bin = [
        np.concatenate([np.ones(settling), np.repeat(factors, segment)])
        for factors in (post, pre)
    ]
    currents = (APICAL * x for x in per_bin)
    changes = cell or {}
    found = steer(*currents, cells=cells, seed=seed, changes=changes, tick=tick)
    relative = found.weight / found.weight[settling - 1] - 1.0
    end = np.arange(1.0 - settling, len(per_bin[0]) + 1.0 - settling)
    dims = ("end",)
    bins = group(
        {
            "apical_current": (dims, APICAL * per_bin[0], "pA"),
            "presynaptic_apical_current": (dims, APICAL * per_bin[1], "pA"),
            "event_rate": (dims, found.event_rate, "Hz"),
            "burst_probability": (dims, found.burst_probability, "1"),
            "presynaptic_event_rate": (dims, found.pre_event_rate, "Hz"),
            "presynaptic_burst_probability": (dims, found.pre_burst_probability, "1"),
            "weight_change": (
                dims,
                100.0 * relative.mean(1),
                "percent",
                "of the mean weight, since settling",
            ),
            "weight_change_error": (
                dims,
                100.0 * standard_error(relative),
                "percent",
                "standard error over postsynaptic cells",
            ),
        },
        {"end": end},
        units={"end": "s"},
    )
    # The change within each segment, cell by cell.
    edges = settling - 1 + segment * np.arange(len(post) + 1)
    steps = 100.0 * np.diff(relative[edges], axis=0)

    def mean(values):
        return values[settling:].reshape(len(post), segment).mean(1)

    dims = ("segment",)
    segments = group(
        {
            "factor": (dims, np.array(post), "1", "of the postsynaptic apical current"),
            "presynaptic_factor": (dims, np.array(pre), "1"),
            "event_rate": (dims, mean(found.event_rate), "Hz"),
            "burst_probability": (dims, mean(found.burst_probability), "1"),
            "presynaptic_burst_probability": (
                dims,
                mean(found.pre_burst_probability),
                "1",
            ),
            "weight_change": (dims, steps.mean(1), "percent", "within the segment"),
            "weight_change_error": (
                dims,
                standard_error(steps),
                "percent",
                "standard error over postsynaptic cells",
            ),
        },
        {"segment": np.arange(len(post))},
    )
    return {"/steering": bins, "/segments": segments}


def _headline(groups):
    figures = {}

    def add(name, value, unit, reference, source):
        if np.isfinite(value):
            figures[name] = {
                "value": float(value),
                "unit": unit,
                "reference": reference,
                "source": source,
            }

    periodic = groups["/periodic"]
    for frequency, reference in REFERENCE.items():
        if frequency in periodic.pairing_frequency.values:
            value = periodic.weight_change.sel(pairing_frequency=frequency)
            where = "event by event, tests/reference/naud_sprekeler_twin.py"
            add(f"dw_{frequency:g}hz", value, "1", f"{reference:+.4f}", where)
    poisson = groups["/poisson"].mean("realisation")
    for expected in poisson.expected.values:
        row, rate = poisson.sel(expected=expected), poisson.rate.values
        add(
            f"poisson_crossing_hz_{round(100 * expected)}_percent",
            crossing(rate, row.weight_change.values),
            "Hz",
            f"{crossing(rate, row.predicted.values):.1f}",
            "closed form for mean rates and averages",
        )
    bursts = groups["/burst_poisson"].mean("realisation")
    for rate in bursts.event_rate.values:
        mean = bursts.weight_change.sel(event_rate=rate).values
        add(
            f"burst_poisson_crossing_percent_{rate:g}hz",
            100.0 * fitted_crossing(bursts.burst_probability.values, mean),
            "percent",
            "20",
            "Payeur et al. (2021), Fig. 2d",
        )
    segments = groups["/segments"]
    for name, k, reference in (
        ("steering_percent_up", 1, "up, axis +-10"),
        ("steering_percent_down", 3, "down, axis +-10"),
        ("steering_percent_pre_up", len(FACTORS), "no notable change"),
        ("steering_percent_pre_down", len(FACTORS) + 1, "no notable change"),
    ):
        value = segments.weight_change.values[k]
        add(name, value, "percent", reference, "Payeur et al. (2021), Fig. 2e-g")
    return figures
