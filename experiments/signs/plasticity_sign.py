"""Does apical current control the sign of basal plasticity, in which model?"""

import os
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from experiments.checks import given_or_usual
from experiments.parameters import (
    NOISE_TAU,
    Argument,
    FirstSeed,
    Progress,
    Repeats,
    Threads,
)
from experiments.record import Answer, question
from experiments.statistics import (
    AGREED,
    LOW,
    ROUNDING,
    agreement,
    bootstrap,
    crossing,
)

CITATION = "protocol: Lillicrap et al. (2020), Nat. Rev. Neurosci. 21, 335"
CURRENTS = tuple(float(x) for x in range(-350, 601, 50))
FREQUENCIES = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0)
ALL = "all"


@question(
    title="Weight change over apical current and pairing frequency", citation=CITATION
)
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
    pairings: Annotated[Repeats, Argument("in a protocol")] = 5,
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
    seeds: Annotated[Repeats, Argument("courses of noise")] = 20,
    seed: FirstSeed = 0,
    threads: Threads = None,
    progress: Progress = False,
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
        frequency, and by model and seed with its mean and interval over seeds; the
        test of the interaction by model. The axis of pA is the protocol's: of models
        whose apical drive is something else ``apical_scale`` converts it.

    Source: the experiment proposed by Lillicrap et al. (2020).
    """
    noise_tau = given_or_usual(
        "noise_tau", noise_tau, NOISE_TAU, acts=noise != 0, needs="noise > 0"
    )
    from tqdm import tqdm

    from experiments.lab import Protocol, count_runs, grid, lab_models, run_lab

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
    dataset = _dataset(found)
    return Answer(
        {"/plasticity": dataset},
        settings={"models": list(chosen)},
        dt=min(model.dt for model in chosen.values()),
        duration=max(p.duration for p in protocols.values()),
        headline=_headline(chosen, dataset),
    )


def _dataset(found):
    """What the lab found, with the sign and the interaction of every model."""
    from dendrites.dataset import group
    from experiments.lab.statistics import at_matched_events, interaction_test

    found = found.rename(frequency="pairing_frequency")
    axes = ("model", "apical_current", "pairing_frequency")
    change, currents = found.weight_change.values, found.apical_current.values
    matched, count = at_matched_events(
        change, found.n_events.values, found.n_events_control.values
    )
    agreed = [agreement(each, nothing=_nothing(each)) for each in change]
    table = {
        name: (axes, values, "1", text)
        for name, values, text in (
            (
                "weight_change_matched",
                matched,
                "mean over seeds with as many events as without apical current",
            ),
            ("n_matched", count, "number of these seeds"),
            ("sign", [x.sign for x in agreed], "1 or -1 where at least 95 % have it"),
            ("sign_share", [x.share.value for x in agreed], "of seeds with one sign"),
            ("sign_share_low", [x.share.low for x in agreed], LOW),
        )
    }
    boundary = np.apply_along_axis(flip_current, 1, change.mean(axis=-1), currents)
    text = "apical current at which the mean change over seeds becomes positive"
    table["sign_boundary"] = ((axes[0], axes[2]), boundary, "pA", text)
    table |= _flips(change, currents)
    tests = [interaction_test(found.sel(model=name)) for name in found.model.values]
    for name, text in (
        ("mean", "apical current x pairing, mean over seeds"),
        ("sd", "its standard deviation over seeds"),
        ("p", "that seeds have either sign with one probability, permutation test"),
    ):
        table[f"interaction_{name}"] = (("model",), [t[name] for t in tests], "1", text)
    # Models without spikes or plateaus count none; not every sign flips.
    return found.assign(group(table, {}, nonfinite="found"))


def _flips(change, currents):
    """Where the sign of each seed flips, and the mean over seeds with its interval."""
    each = np.apply_along_axis(flip_current, 1, change, currents)
    flip = np.apply_along_axis(_median, 1, each)
    there = np.isfinite(flip)
    mean, low, high = np.full((3, len(flip)), np.nan)
    for k, (of_model, flips) in enumerate(zip(flip, there, strict=True)):
        if flips.mean() >= AGREED:
            mean[k] = of_model[flips].mean()
            if flips.sum() > 1:
                _, low[k], high[k] = bootstrap(of_model[flips])
    table = {
        name: (("model",), values, "pA", text)
        for name, values, text in (
            ("flip_mean", mean, "mean of flip over seeds, if 95 % of them have one"),
            ("flip_low", low, "lower limit of this mean, 95 %, bootstrap over seeds"),
            ("flip_high", high, "its upper limit"),
        )
    }
    text = "of seeds that have a flip"
    table["flip_share"] = (("model",), there.mean(axis=-1), "1", text)
    text = "apical current at which the change becomes positive, median of frequencies"
    return table | {"flip": (("model", "seed"), flip, "pA", text)}


def _median(values):
    """Of what is finite; NaN if that is less than half."""
    found = values[np.isfinite(values)]
    return np.median(found) if 0 < len(found) >= len(values) / 2 else np.nan


def _nothing(change):
    """What is rounding among these changes."""
    return ROUNDING * np.abs(change[np.isfinite(change)]).max(initial=0.0)


def flip_current(change, currents) -> float:
    """Apical current at which a change turns from depression to potentiation, pA.

    After currents without a change it is the largest of them. NaN if no potentiation
    follows a depression.

    Parameters
    ----------
    change, currents : ndarray (n_currents,)
        Currents ascend; changes below 1e-9 of the largest count as none.
    """
    known = np.isfinite(change)
    change, currents = change[known], currents[known]
    return crossing(currents, change, leaving=True, flat=_nothing(change))


def _headline(models, dataset):
    """Flips in the unit of the model's own apical drive."""
    result = {}
    for name, model in models.items():
        here = dataset.sel(model=name)
        physical = model.apical_unit == "pA" and model.apical_scale == 1.0
        kind = "flip_current_pa" if physical else "flip_drive"
        flips = np.isfinite(here.flip_mean)
        for part in ("mean", "low", "high") if flips else ("mean",):
            value = float(here[f"flip_{part}"]) * model.apical_scale
            suffix = "" if part == "mean" else f"_{part}"
            result[f"{kind}_{name}{suffix}"] = {
                "value": value if np.isfinite(value) else "none",
                "unit": model.apical_unit,
                **(REFERENCES.get(name, {}) if part == "mean" else {}),
            }
        result[f"flip_share_{name}"] = {"value": float(here.flip_share), "unit": "1"}
    return result


REFERENCES = {
    "burst": {
        "reference": "200 to 300 without noise, 1-20 Hz",
        "source": "our own simulation of the released cell",
    },
}
