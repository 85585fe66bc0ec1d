"""Which model of the lab shows which switch of sign?"""

import os
from typing import Annotated

import numpy as np
from annotated_types import Ge

from experiments.parameters import Argument, FirstSeed, Progress, Repeats, Threads
from experiments.record import Answer, question
from experiments.statistics import LOW, ROUNDING, agreement

CITATION = "protocol: Lillicrap et al. (2020), Nat. Rev. Neurosci. 21, 335"
ALL = "all"
CURRENTS = tuple(float(x) for x in range(-400, 601, 100))
DELAYS = (-40.0, -30.0, -20.0, -10.0, 0.0, 10.0, 20.0)
FREQUENCIES = (1.0, 5.0, 10.0, 20.0, 50.0, 100.0)
WEIGHTS = (0.2, 1.0, 4.8)
NOT_RUN = "not applicable"
# Conditions x basal protocols of the proposed experiment.
APICAL = ("none", "early", "late", "throughout", "inhibited")
BASAL = {"causal": 10.0, "acausal": -10.0, "unpaired": None}


@question(title="Switches of sign by model", citation=CITATION)
def plasticity_matrix(
    *,
    models: Annotated[
        tuple[str, ...], Argument("models of the lab, or the word all")
    ] = (ALL,),
    apical_current: Annotated[
        float, Argument("where another axis is looked at", "pA")
    ] = 400.0,
    frequency: Annotated[
        float, Argument("of pairings where another axis is looked at", "Hz")
    ] = 20.0,
    noise: Annotated[
        float,
        Argument("standard deviation of the currents into soma and dendrite", "pA"),
        Ge(0),
    ] = 100.0,
    seeds: Annotated[Repeats, Argument("courses of noise"), Ge(2)] = 20,
    seed: FirstSeed = 0,
    threads: Threads = None,
    progress: Progress = False,
):
    """Which model of the lab shows which switch of the sign of basal plasticity?

    Every model runs along four axes: the apical current, its timing, the pairing
    frequency without apical current, and the initial weight. An axis switches the sign
    of a model if at least 95 % of the seeds see depression at one end and potentiation
    at another. Beside it the conditions of the proposed experiment: no apical current,
    early, late, throughout, and inhibited, with three basal protocols.

    Returns
    -------
    xarray.DataTree
        ``/apical_current``, ``/apical_timing``, ``/pairing_frequency`` and
        ``/initial_weight``: weight change by model, protocol and seed, and its sign.
        ``/conditions``: by model, apical condition, basal protocol and seed.
        ``/matrix``: the verdict by model and axis, and whether the weight changes
        where the cell is kept from spiking.

    Source: Lillicrap et al. (2020); the axes are those of the protocols they build on.
    """
    from tqdm import tqdm

    from experiments.lab import Protocol, count_runs, lab_models, run_lab

    chosen = lab_models(None if ALL in models else models)
    base = Protocol(apical_current=apical_current, frequency=frequency)
    counted = {"seeds": range(seed, seed + seeds), "controls": False}
    axes_of = {name: _axes(base, model) for name, model in chosen.items()}
    protocols_of = {
        name: [p for axis in axes.values() for p in axis]
        for name, axes in axes_of.items()
    }
    total = sum(
        count_runs(model, protocols_of[name], **counted)
        + count_runs(model, base, **counted)
        for name, model in chosen.items()
    )
    bar = tqdm(total=total, unit="run", disable=None if progress else True)
    options = counted | {
        "noise_soma": noise,
        "noise_apical": noise,
        "threads": threads or os.cpu_count() or 1,
        "tick": bar.update,
    }
    axes = {name: {} for name in ("apical_current", "apical_timing")}
    axes |= {name: {} for name in ("pairing_frequency", "initial_weight")}
    axes |= {"conditions": {}, "silent": {}}
    with bar:
        for name, model in chosen.items():
            change = run_lab(model, protocols_of[name], **options).weight_change
            change = change.sel(model=name).values
            silent = run_lab(model, [base], silent=model.cell.spiking, **options)
            axes["silent"][name] = silent.weight_change.sel(model=name).values
            first = 0
            for axis, members in axes_of[name].items():
                axes[axis][name] = change[first : first + len(members)]
                first += len(members)
    return Answer(
        _groups(chosen, axes, options["seeds"]),
        settings={"models": list(chosen)},
        dt=min(model.dt for model in chosen.values()),
        duration=base.duration,
    )


def _axes(base, model):
    """Protocols of one model along every axis."""
    from dataclasses import replace

    none = replace(base, apical_current=0.0)
    largest = model.bounds[1] if model.bounds else np.inf
    timing = [replace(base, apical_part=part) for part in ("early", "late")]
    if not model.halves:
        timing += [replace(base, apical_delay=delay) for delay in DELAYS]
    return {
        "apical_current": [replace(base, apical_current=c) for c in CURRENTS],
        "apical_timing": timing,
        "pairing_frequency": [replace(none, frequency=f) for f in FREQUENCIES],
        "initial_weight": [
            replace(base, weight=min(w * model.weight, largest)) for w in WEIGHTS
        ],
        "conditions": [
            _condition(base, apical, dt) for apical in APICAL for dt in BASAL.values()
        ],
    }


def _condition(base, apical, pairing_dt):
    from dataclasses import replace

    found = base if pairing_dt is None else replace(base, pairing_dt=pairing_dt)
    if pairing_dt is None:
        found = found.unpaired()
    if apical == "none":
        return found.without_apical()
    if apical == "inhibited":
        inhibition = abs(base.apical_current)
        return replace(found, inhibition=inhibition, apical_part="throughout")
    return replace(found, apical_part=apical)


def _groups(models, axes, seeds):
    from dendrites.dataset import group
    from experiments.lab.matrix import SWITCHES, signs, verdict

    names = list(models)
    largest = {
        name: max(float(np.abs(found[name]).max()) for found in axes.values())
        for name in names
    }
    values = {
        "apical_current": ("apical_current", np.array(CURRENTS), "pA"),
        "apical_timing": (
            "timing",
            ["early", "late", *(f"{delay:+g} ms" for delay in DELAYS)],
            "1",
        ),
        "pairing_frequency": ("pairing_frequency", np.array(FREQUENCIES), "Hz"),
        "initial_weight": ("relative_weight", np.array(WEIGHTS), "1"),
    }
    groups, verdicts = {}, []
    for axis in SWITCHES:
        dim, coordinate, unit = values[axis]
        n = len(coordinate)
        change = np.full((len(names), n, len(seeds)), np.nan)
        sign = np.full((len(names), n), NOT_RUN, dtype=object)
        share, share_low = np.full((2, len(names), n), np.nan)
        for k, name in enumerate(names):
            found = axes[axis][name]
            change[k, : len(found)] = found
            sign[k, : len(found)] = signs(found, largest[name])
            alike = agreement(found, nothing=ROUNDING * largest[name]).share
            share[k, : len(found)] = alike.value
            share_low[k, : len(found)] = alike.low
        verdicts.append([verdict([s for s in row if s != NOT_RUN]) for row in sign])
        groups[f"/{axis}"] = group(
            {
                "weight_change": (("model", dim, "seed"), change, "1"),
                "sign": (("model", dim), sign, "1"),
                "sign_share": (("model", dim), share, "1", "of seeds with one sign"),
                "sign_share_low": (("model", dim), share_low, "1", LOW),
            },
            {"model": names, dim: coordinate, "seed": np.array(seeds)},
            units={dim: unit},
            nonfinite="found",
        )
    shape = len(APICAL), len(BASAL), len(seeds)
    groups["/conditions"] = group(
        {
            "weight_change": (
                ("model", "apical_condition", "basal_protocol", "seed"),
                np.stack([axes["conditions"][name].reshape(shape) for name in names]),
                "1",
            )
        },
        {
            "model": names,
            "apical_condition": list(APICAL),
            "basal_protocol": list(BASAL),
            "seed": np.array(seeds),
        },
    )
    silent = [signs(axes["silent"][name], largest[name])[0] for name in names]
    groups["/matrix"] = group(
        {
            "verdict": (("axis", "model"), np.array(verdicts, dtype=object), "1"),
            "sign_without_spikes": (("model",), np.array(silent, dtype=object), "1"),
        },
        {"axis": list(SWITCHES), "model": names},
    )
    return groups
