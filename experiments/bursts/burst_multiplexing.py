"""The burst-multiplexing experiment: two currents, two signals in one spike train."""

import os
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from experiments.bursts.burst_ensemble import CELL
from experiments.checks import ascending, given_or_usual
from experiments.parameters import (
    NOISE_TAU,
    Argument,
    FirstSeed,
    Progress,
    Repeats,
    Threads,
    changed_cell,
)
from experiments.record import Answer, question

CITATION = "Naud & Sprekeler (2018), PNAS 115, E6329; Payeur et al. (2021)"
DT = 0.1
WIDEST = 1024  # cells side by side: enough to fill loops, few enough for the cache
BREAKDOWN = 400.0  # pA into the dendrite, from which it fires on its own
ALL = {
    "event_rate": "all seeds together",
    "burst_probability": "bursts over events of all cells and seeds together",
    "cell_probability": "mean over cells of their own bursts over events",
}
ELSEWHERE = "tests/reference/burst_multiplexing.py: plain NumPy, other draws"


@question(title="Events and bursts of noisy cells", citation=CITATION)
def burst_multiplexing(
    *,
    soma_currents: Annotated[
        tuple[float, ...], Argument("constant, into the soma", "pA")
    ] = (200.0, 400.0, 600.0),
    apical_currents: Annotated[
        tuple[float, ...], Argument("constant, into the dendrite", "pA")
    ] = tuple(float(x) for x in range(-200, 601, 100)),
    cells: Annotated[Repeats, Argument("per pair of currents and seed"), Ge(2)] = 150,
    settling: Annotated[
        float, Argument("of constant currents from rest, not counted", "ms"), Ge(0)
    ] = 500.0,
    duration: Annotated[
        float, Argument("of constant currents after that, counted", "ms"), Ge(1)
    ] = 2000.0,
    noise: Annotated[
        float,
        Argument("standard deviation of the currents into both compartments", "pA"),
        Ge(0),
    ] = 450.0,
    noise_tau: Annotated[
        float | None,
        Argument("their time constant, with noise > 0", "ms", usual=NOISE_TAU),
        Gt(0),
    ] = None,
    seeds: Annotated[Repeats, Argument("independent repetitions")] = 2,
    seed: FirstSeed = 0,
    stepped_soma: Annotated[
        tuple[float, float], Argument("levels of the stepped somatic current", "pA")
    ] = (200.0, 600.0),
    stepped_apical: Annotated[
        tuple[float, float], Argument("levels of the stepped apical current", "pA")
    ] = (0.0, 200.0),
    stepped_cells: Annotated[
        Repeats, Argument("of the ensemble under stepped currents"), Ge(2)
    ] = 1000,
    stepped_duration: Annotated[
        float, Argument("of stepped currents", "ms"), Ge(1)
    ] = 4000.0,
    bin_width: Annotated[float, Argument("of ensemble rates", "ms"), Ge(1)] = 50.0,
    cell: changed_cell("naud_sprekeler", CELL) = None,
    threads: Threads = None,
    progress: Progress = False,
):
    """Do events follow somatic current while the share of bursts follows apical?

    Noisy burst cells receive constant currents into soma and dendrite. Their spikes
    are parsed into events and bursts (intervals below 16 ms). Then one ensemble
    receives two square waves, one into all somata and one into all dendrites.

    Returns
    -------
    xarray.DataTree
        ``/multiplexing``: ``event_rate``, ``burst_rate``, ``spike_rate`` (Hz),
        ``burst_probability``, ``n_events`` (soma_current, apical_current, seed).
        With the suffix ``_all``, all seeds together, ``event_rate``,
        ``burst_probability`` and ``cell_probability``, the mean over cells of their own
        shares; their standard errors (``_error``), values measured elsewhere
        (``_reference``, NaN where there are none) and the deviation in standard errors
        of both (``_z``). ``soma_contrast`` (apical_current), (E_high - E_low) /
        (E_high + E_low) of the largest and smallest somatic current. ``/steps``:
        currents, ensemble rates, burst probability and errors in bins.

    Raises
    ------
    ConfigError
        If currents are repeated or not finite, or times, cells, seeds or levels are
        impossible.

    Source: after Naud and Sprekeler (2018); the cell is that of Payeur et al. (2021),
    the noise is ours.
    """
    noise_tau = given_or_usual(
        "noise_tau", noise_tau, NOISE_TAU, acts=noise != 0, needs="noise > 0"
    )
    from experiments.bursts.burst_ensemble import Noise
    from experiments.bursts.stepped_currents import stepped

    _check_bins(bin_width, stepped_duration)
    soma = ascending("soma_currents", soma_currents)
    apical = ascending("apical_currents", apical_currents)
    levels = [
        ascending("stepped_soma", stepped_soma),
        ascending("stepped_apical", stepped_apical),
    ]
    current = Noise(noise, noise_tau)
    run = {
        "duration": duration,
        "cells": cells,
        "noise": noise,
        "noise_tau": noise_tau,
        "cell": cell,
    }
    shared = {"noise": current, "dt": DT, "cell": cell}
    pairs = np.array([(s, a) for s in soma for a in apical])
    at_once = max(WIDEST // cells, 1)
    chunks = [pairs[k : k + at_once] for k in range(0, len(pairs), at_once)]
    jobs = [
        lambda: stepped(
            *levels,
            duration=stepped_duration,
            bin_width=bin_width,
            cells=stepped_cells,
            seed=seed,
            **shared,
        )
    ]
    for number in range(seed, seed + seeds):
        for chunk in chunks:
            jobs.append(
                lambda chunk=chunk, number=number: counted(
                    chunk,
                    settling=settling,
                    duration=duration,
                    cells=cells,
                    seed=number,
                    **shared,
                )
            )
    steps, *found = _run(jobs, threads or os.cpu_count() or 1, progress)
    per_seed = np.array(found, dtype=object).reshape(seeds, len(chunks))
    table = {
        name: np.stack([np.concatenate([c[name] for c in row]) for row in per_seed])
        # (seed, pair, cell) -> (soma, apical, seed, cell)
        .reshape(seeds, len(soma), len(apical), cells)
        .transpose(1, 2, 0, 3)
        for name in ("spikes", "events", "bursts")
    }
    grid = _grid(table, soma, apical, seed + np.arange(seeds), run)
    return Answer(
        {"/multiplexing": grid, "/steps": steps},
        dt=DT,
        duration=max(settling + duration, stepped_duration),
        headline=_headline(grid, steps),
        integrator="own step",
    )


def _check_bins(width, duration):
    from dendrites.errors import ConfigError

    bins = duration / width
    if bins < 1 or abs(bins - round(bins)) > 1e-9:
        raise ConfigError(
            f"bin_width = {width:g} ms: whole bins must fill stepped_duration = "
            f"{duration:g} ms"
        )


def counted(
    pairs, *, settling, duration, cells, noise, dt, seed, cell=None
) -> dict[str, np.ndarray]:
    """Spikes, events and bursts of every cell after `settling`, (n_pairs, cells).

    Parameters
    ----------
    pairs : ndarray (n_pairs, 2)
        Currents into soma and dendrite, pA.
    settling, duration, dt : float
        ms.
    """
    from experiments.bursts.burst_ensemble import run_ensembles

    trains = run_ensembles(
        pairs[:, 0],
        pairs[:, 1],
        n_steps=round((settling + duration) / dt),
        cells=cells,
        noise=noise,
        dt=dt,
        seed=seed,
        cell=cell,
    )
    return {
        name: trains.counts(name, after=settling).reshape(len(pairs), cells)
        for name in ("spikes", "events", "bursts")
    }


def _run(jobs, threads, progress):
    from concurrent.futures import ThreadPoolExecutor

    from tqdm import tqdm

    bar = tqdm(total=len(jobs), unit="run", disable=None if progress else True)

    def work(job):
        result = job()
        bar.update()
        return result

    with bar:
        if threads == 1:
            return [work(job) for job in jobs]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(work, jobs))


def _grid(counts, soma, apical, seeds, run):
    from dendrites.dataset import group
    from experiments.bursts import burst_statistics as statistics

    seconds = run["duration"] / 1000.0
    n_cells = run["cells"] * len(seeds)
    # (soma, apical, seed) and, all seeds together, (soma, apical, cells of all seeds).
    per_seed = {name: n.sum(axis=-1) for name, n in counts.items()}
    rates = {name: n / (run["cells"] * seconds) for name, n in per_seed.items()}
    events, bursts = (
        counts[name].reshape(len(soma), len(apical), n_cells)
        for name in ("events", "bursts")
    )
    full = ("soma_current", "apical_current", "seed")
    pair = full[:2]
    probability = statistics.ratio(per_seed["bursts"], per_seed["events"])
    table = {
        "event_rate": (full, rates["events"], "Hz"),
        "burst_rate": (full, rates["bursts"], "Hz"),
        "spike_rate": (full, rates["spikes"], "Hz"),
        "burst_probability": (full, probability, "1", "bursts over events"),
        "n_events": (full, per_seed["events"], "1"),
    }
    expected = statistics.table_values(soma, apical)
    known = all(run[name] == x for name, x in statistics.TABLE_RUN.items())
    if run["cell"] or not known:
        expected = [np.full_like(x, np.nan) for x in expected]
    mean = statistics.rate_and_error(events, seconds)
    share = statistics.share_and_error(bursts, events)
    of_cells = statistics.mean_share_and_error(bursts, events)
    for name, unit, (value, error), reference in (
        ("event_rate", "Hz", mean, expected[0]),
        ("burst_probability", "1", share, expected[1]),
        ("cell_probability", "1", of_cells, expected[2]),
    ):
        z = statistics.deviation(value, error, n_cells, reference)
        text = "deviation from the reference in standard errors of both"
        table[f"{name}_all"] = (pair, value, unit, ALL[name])
        table[f"{name}_error"] = (pair, error, unit, "standard error over cells")
        table[f"{name}_reference"] = (pair, reference, unit, ELSEWHERE)
        table[f"{name}_z"] = (pair, z, "1", text)
    low, high = mean[0][0], mean[0][-1]
    contrast = statistics.ratio(high - low, high + low)
    text = "event rates at largest and smallest somatic current, difference over sum"
    table["soma_contrast"] = (pair[1:], contrast, "1", text)
    return group(
        table,
        {"soma_current": soma, "apical_current": apical, "seed": seeds},
        units=dict.fromkeys(pair, "pA"),
        # Without a reference, or without an event, there is no value.
        nonfinite="found",
    )


def _headline(grid, steps):
    from experiments.bursts import burst_statistics as statistics
    from experiments.bursts.stepped_currents import correlations

    figures = {}

    def add(name, value, reference="", source=""):
        if np.isfinite(value):
            figures[name] = {
                "value": float(value),
                "unit": "1",
                "reference": reference,
                "source": source,
            }

    for name in ALL:
        z = grid[f"{name}_z"].values
        if np.isfinite(z).any():
            rms = np.sqrt(np.nanmean(z**2))
            add(f"{name}_rms_deviation", rms, "1 in standard errors", ELSEWHERE)
            add(f"{name}_largest_deviation", np.nanmax(abs(z)), "", ELSEWHERE)
    below = grid.sel(apical_current=grid.apical_current < BREAKDOWN)
    if min(below.sizes["soma_current"], below.sizes["apical_current"]) > 1:
        by_soma, _ = statistics.main_effects(below.event_rate_all.values)
        _, by_apical = statistics.main_effects(below.burst_probability_all.values)
        add("event_rate_by_soma_below_400_pa", by_soma, "most of the variance")
        add(
            "burst_probability_by_apical_below_400_pa",
            by_apical,
            "most of the variance",
        )
    for current in (-200.0, 600.0):
        if current in grid.apical_current.values:
            value = grid.soma_contrast.sel(apical_current=current)
            reference = {-200.0: "0.631", 600.0: "-0.026"}[current]
            name = f"soma_contrast_at_{current:g}_pa".replace("-", "minus_")
            add(name, value, reference, ELSEWHERE)
    for name, value in correlations(steps).items():
        add(f"steps_{name}", value)
    return figures
