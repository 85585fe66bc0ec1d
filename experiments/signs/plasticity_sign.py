"""Does apical current control the sign of basal plasticity, in which model?"""

import os
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from experiments.conditions import NOISE_TAU, given_or_usual
from experiments.registry import Argument
from experiments.repeats import check_repeats
from experiments.statistics import LOW, ROUNDING, agreement, crossing

CITATION = "protocol: Lillicrap et al. (2020), Nat. Rev. Neurosci. 21, 335"
CURRENTS = tuple(float(x) for x in range(-350, 601, 50))
FREQUENCIES = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0)
ALL = "all"
COUNT_UNITS = {"plateau_area": "mV ms", "apical_peak": "mV"}


def plasticity_sign(
    *,
    models: Annotated[
        tuple[str, ...], Argument("models of the lab, or the word all")
    ] = (ALL,),
    apical_currents: Annotated[
        tuple[float, ...], Argument("into the apical dendrite, on throughout", "pA")
    ] = CURRENTS,
    frequencies: Annotated[
        tuple[float, ...], Argument("of pairings", "Hz")
    ] = FREQUENCIES,
    pairings: Annotated[int, Argument("in a protocol"), Ge(1)] = 5,
    pairing_dt: Annotated[
        float, Argument("presynaptic spike to somatic pulse", "ms")
    ] = 10.0,
    somatic_current: Annotated[float, Argument("of each pulse of 3 ms", "pA")] = 4000.0,
    inhibition: Annotated[
        float, Argument("drawn from the apical dendrite throughout", "pA"), Ge(0)
    ] = 0.0,
    noise: Annotated[
        float,
        Argument("standard deviation of the currents into soma and dendrite", "pA"),
        Ge(0),
    ] = 100.0,
    noise_tau: Annotated[
        float | None,
        Argument("their time constant, with noise > 0", "ms", usual=NOISE_TAU),
        Gt(0),
    ] = None,
    seeds: Annotated[int, Argument("courses of noise"), Ge(1)] = 20,
    seed: Annotated[int, Argument("the first of them"), Ge(0)] = 0,
    threads: Annotated[
        int | None, Argument("default: all cores; results do not depend on it")
    ] = None,
    progress: Annotated[bool, Argument("show a progress bar")] = False,
):
    """Does apical current control the sign of plasticity at basal synapses?

    Every model of the lab receives pairings of a presynaptic spike and a somatic pulse
    at several frequencies, while a current flows into its apical dendrite. Controls are
    the same without apical current, without somatic pulses, and without both, all with
    the same courses of noise.

    Returns
    -------
    xarray.DataTree
        ``/plasticity``: weight change of a protocol, its controls, the interaction, the
        counts of spikes, events, bursts and plateaus, all by model, apical current,
        pairing frequency and seed; the current at which the sign flips by model and
        frequency; the test of the interaction by model.

    Source: the experiment proposed by Lillicrap et al. (2020).
    """
    noise_tau = given_or_usual(
        "noise_tau", noise_tau, NOISE_TAU, acts=noise != 0, needs="noise > 0"
    )
    config = {k: v for k, v in locals().items() if k not in ("threads", "progress")}
    check_repeats(pairings=pairings, seeds=seeds)
    from tqdm import tqdm

    from dendrites.dataset import run_tree
    from dendrites.provenance import now
    from experiments.lab import Protocol, count_runs, grid, lab_models, run_lab

    created = now()
    chosen = lab_models(None if ALL in models else models)
    base = Protocol(
        pairings=pairings,
        pairing_dt=pairing_dt,
        somatic_current=somatic_current,
        inhibition=inhibition,
    )
    currents, rates = sorted(apical_currents), sorted(frequencies)
    protocols = grid(base, apical_current=currents, frequency=rates)
    every = range(seed, seed + seeds)
    total = count_runs(chosen, protocols, seeds=every)
    with tqdm(total=total, unit="run", disable=None if progress else True) as bar:
        found = run_lab(
            chosen,
            protocols,
            seeds=every,
            noise_soma=noise,
            noise_apical=noise,
            noise_tau=noise_tau if noise else None,
            threads=threads or os.cpu_count() or 1,
            tick=bar.update,
        )
    shape = (len(currents), len(rates), seeds)
    dataset = _dataset(chosen, found, currents, rates, every, shape)
    config["models"] = list(chosen)
    return run_tree(
        "simulation",
        config,
        {"/plasticity": dataset},
        title="Weight change over apical current and pairing frequency",
        integrator="exact",
        dt_ms=min(model.dt for model in chosen.values()),
        dtype="float64",
        seed=seed,
        t_stop_ms=max(p.duration for p in protocols.values()),
        headline=_headline(chosen, dataset),
        citation=CITATION,
        created_utc=created,
        extra={"finished_utc": now()},
    )


def _dataset(models, found, currents, rates, seeds, shape):
    from dendrites.dataset import group
    from experiments.lab.measures import COUNTS
    from experiments.lab.statistics import at_matched_events, interaction_test

    full = ("model", "apical_current", "pairing_frequency", "seed")
    table = {}

    def stack(get):
        return np.stack([get(found[name]).reshape(shape) for name in models])

    names = {
        "weight_change": ("paired", "change of the weight per protocol"),
        "weight_change_control": ("no_apical", "the same without apical current"),
        "weight_change_unpaired": ("unpaired", "the same without somatic pulses"),
        "weight_change_nothing": ("nothing", "without either"),
    }
    for name, (kind, text) in names.items():
        values = stack(lambda outcome, kind=kind: outcome.changes[kind])
        table[name] = (full, values, "1", f"{text}, unit of the model's weight")
    change, control = table["weight_change"][1], table["weight_change_control"][1]
    text = "weight_change - weight_change_control"
    table["interaction"] = (full, change - control, "1", text)
    for name in COUNTS:
        values = stack(lambda outcome, name=name: outcome.counts[name])
        shown = name if name.startswith(("plateau_area", "apical")) else f"n_{name}"
        table[shown] = (full, values, COUNT_UNITS.get(name, "1"))
    events = table["n_events"][1]
    control_events = stack(lambda outcome: outcome.control_counts["events"])
    matched, count = at_matched_events(change, events, control_events)
    text = "mean over seeds with as many events as without apical current"
    table["weight_change_matched"] = (full[:3], matched, "1", text)
    table["n_matched"] = (full[:3], count, "1", "number of these seeds")
    mean = change.mean(axis=-1)
    boundary = np.apply_along_axis(flip_current, 1, mean, currents)
    text = "apical current at which the mean change over seeds becomes positive"
    table["sign_boundary"] = (("model", "pairing_frequency"), boundary, "pA", text)
    agreed = [agreement(each, nothing=ROUNDING * np.abs(each).max()) for each in change]
    for name, values, text in (
        ("sign", [x.sign for x in agreed], "1 or -1 where at least 95 % have it"),
        ("sign_share", [x.share.value for x in agreed], "of seeds with one sign"),
        ("sign_share_low", [x.share.low for x in agreed], LOW),
    ):
        table[name] = (full[:3], values, "1", text)
    tests = [interaction_test(found[name].changes) for name in models]
    for name, text in (
        ("mean", "apical current x pairing, mean over seeds"),
        ("sd", "its standard deviation over seeds"),
        ("p", "that its mean is 0, two-sided t test over seeds"),
    ):
        table[f"interaction_{name}"] = (("model",), [t[name] for t in tests], "1", text)
    return group(
        table,
        {
            "model": list(models),
            "apical_current": np.array(currents),
            "pairing_frequency": np.array(rates),
            "seed": np.array(seeds),
        },
        units={"apical_current": "pA", "pairing_frequency": "Hz"},
        # Models without spikes or plateaus count none; not every sign flips.
        nonfinite="found",
    )


def flip_current(change, currents) -> float:
    """Apical current at which a change turns from depression to potentiation, pA.

    After currents without a change it is the largest of them. NaN if no potentiation
    follows a depression.

    Parameters
    ----------
    change, currents : ndarray (n_currents,)
        Currents ascend; changes below 1e-9 of the largest count as none.
    """
    nothing = ROUNDING * np.abs(change).max()
    return crossing(currents, change, leaving=True, flat=nothing)


def _headline(models, dataset):
    result = {}
    for name in models:
        here = dataset.sel(model=name)
        boundary = here.sign_boundary.values
        # A sign that flips at a few frequencies only has no boundary to speak of.
        flips = np.isfinite(boundary).mean() >= 0.5
        flip = float(np.nanmedian(boundary)) if flips else None
        p = float(here.interaction_p)
        result[f"flip_current_pa_{name}"] = {
            "value": "none" if flip is None else flip,
            "unit": "pA",
            **REFERENCES.get(name, {}),
        }
        result[f"interaction_p_{name}"] = {
            "value": p if np.isfinite(p) else "none",
            "unit": "1",
        }
    return result


REFERENCES = {
    "burst": {
        "reference": "200 to 300 without noise, 1-20 Hz",
        "source": "our own simulation of the released cell",
    },
}
