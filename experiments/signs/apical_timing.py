"""The apical-timing experiment: does the time of apical input set the sign?"""

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
from experiments.signs.apical_onset import check_step, conditions, onset_map
from experiments.statistics import deviation

CITATION = (
    "protocol: Lillicrap et al. (2020), Nat. Rev. Neurosci. 21, 335; halves: "
    "Guerguiev, Lillicrap & Richards (2017), eLife 6:e22901"
)
MODELS = ("burst", "clopath-apical", "stdp-pair", "stdp-triplet", "gating")
DELAYS = tuple(float(x) for x in range(-40, 21))
DURATION = 20.0  # ms, of an apical pulse
FREQUENCY = 10.0  # Hz
PAIRINGS = 5
# Mean change per pairing of the burst rule without noise, by apical current (pA) and
# delay (ms), as tests/reference/apical_pairings.py prints it (plain Python).
KNOWN_DELAYS = (-40.0, -20.0, -15.0, -10.0, -5.0, 0.0, 2.0, 5.0, 20.0)
KNOWN = {
    200.0: (
        -0.2626,
        -0.2629,
        -0.2629,
        -0.2626,
        -0.1433,
        -0.2626,
        -0.2626,
        -0.2626,
        -0.2626,
    ),
    300.0: (
        -0.2626,
        -0.2632,
        -0.1309,
        0.0675,
        0.0788,
        0.0681,
        -0.2297,
        -0.2626,
        -0.2626,
    ),
    400.0: (
        -0.2629,
        -0.2636,
        -0.1259,
        0.2597,
        0.2579,
        0.2459,
        0.2122,
        -0.2626,
        -0.2626,
    ),
}


@question(title="Weight change over the time of apical input", citation=CITATION)
def apical_timing(
    *,
    models: Annotated[
        tuple[str, ...], Argument("spiking models of the lab to pulse")
    ] = MODELS,
    apical_currents: Annotated[
        tuple[float, ...], Argument("of an apical pulse of 20 ms", "pA")
    ] = (100.0, 200.0, 300.0, 400.0),
    delays: Annotated[
        tuple[float, ...], Argument("somatic to apical pulse, with noise", "ms")
    ] = DELAYS,
    fine_step: Annotated[
        float,
        Argument("between delays without noise, over the same range", "ms"),
        Gt(0),
    ] = 0.2,
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
    potentials: Annotated[
        tuple[float, ...], Argument("apical potential of the rule of two halves", "1")
    ] = (0.5, 1.0, 2.0, 4.0, 8.0),
    onset_step: Annotated[
        int, Argument("between onsets, and durations, of its map", "ms"), Ge(1)
    ] = 2,
    threads: Threads = None,
    progress: Progress = False,
):
    """Does the time of apical input set the sign of plasticity at basal synapses?

    On two scales. In ms: spiking models of the lab receive pairings of a presynaptic
    spike and a somatic pulse at 10 Hz, and with each pairing a pulse of apical current
    at some delay, without noise and with it. In halves of an epoch: the rule that
    compares the plateaus of two halves is given apical input with every onset and
    duration.

    Returns
    -------
    xarray.DataTree
        ``/delay``: weight change per pairing, its controls, counts of spikes, events,
        bursts and plateaus by model, apical current, delay and seed. ``/quiet``: the
        same without noise, over finer delays, and the delays between which the sign is
        not that without apical current. ``/known``: the burst rule beside an
        plain Python program. ``/conditions``: the rule of two halves with apical
        input early, late, in both halves or never. ``/map``: its change over apical
        potential, duration and onset.

    Source: the experiments proposed by Lillicrap et al. (2020) and in Fig. 10 of
    Guerguiev et al. (2017).
    """
    noise_tau = given_or_usual(
        "noise_tau", noise_tau, NOISE_TAU, acts=noise != 0, needs="noise > 0"
    )
    from tqdm import tqdm

    from experiments.lab import Protocol, count_runs, grid, lab_models, run_lab

    chosen = lab_models(models)
    currents, delays = sorted(apical_currents), sorted(delays)
    check_step(onset_step)
    base = Protocol(frequency=FREQUENCY, pairings=PAIRINGS, apical_duration=DURATION)
    noises = {"noise_soma": noise, "noise_apical": noise}
    if noise:
        noises["noise_tau"] = noise_tau
    # Models, currents and delays of every sweep, its seeds and its noise.
    sweeps = {
        "quiet": (chosen, currents, _finer(delays, fine_step), (0,), {}),
        "noisy": (chosen, currents, delays, range(seed, seed + seeds), noises),
    }
    if "burst" in chosen:
        burst = {"burst": chosen["burst"]}
        sweeps["known"] = (burst, [*KNOWN], list(KNOWN_DELAYS), (0,), {})
    grids = {
        name: grid(base, apical_current=currents, apical_delay=delays)
        for name, (_, currents, delays, _, _) in sweeps.items()
    }
    total = sum(
        count_runs(sweeps[name][0], grids[name], seeds=sweeps[name][3])
        for name in sweeps
    )
    swept = {}
    with tqdm(total=total, unit="run", disable=None if progress else True) as bar:
        options = {"threads": threads or os.cpu_count() or 1, "tick": bar.update}
        for name, (some, _, _, seeds_, noise_) in sweeps.items():
            found = run_lab(some, grids[name], seeds=seeds_, **noise_, **options)
            swept[name] = _per_pairing(found)
    groups = {
        "/delay": _with_noise(swept["noisy"]),
        "/quiet": _without_noise(swept["quiet"]),
    }
    if "known" in swept:
        groups["/known"] = _known(swept["known"])
    groups["/conditions"] = conditions()
    groups["/map"] = onset_map(potentials, onset_step)
    return Answer(
        groups,
        settings={"models": list(chosen)},
        dt=min(model.dt for model in chosen.values()),
        duration=base.duration,
        headline=_headline(groups),
    )


def _per_pairing(found):
    """Changes for each pairing instead of those of the whole protocol."""
    for name in CHANGES:
        text = found[name].long_name.replace("protocol", "pairing")
        attributes = found[name].attrs | {"long_name": text}
        found[name] = (found[name] / PAIRINGS).assign_attrs(attributes)
    return found


def _finer(delays, step):
    """Delays from the first to the last; none if there are none."""
    count = int((delays[-1] - delays[0]) / step + 1e-9) + 1 if delays else 0
    return [round(delays[0] + k * step, 9) for k in range(count)]


AXES = ("model", "apical_current", "apical_delay")
CHANGES = (
    "weight_change",
    "weight_change_control",
    "weight_change_unpaired",
    "weight_change_nothing",
    "interaction",
)


def _with_noise(found):
    from experiments.lab.statistics import at_matched_events

    change, control = found.weight_change.values, found.weight_change_control.values
    table = {
        "weight_change_mean": (change.mean(-1), "mean over seeds"),
        "weight_change_sd": (deviation(change), "standard deviation over seeds"),
        "control_mean": (control.mean(-1), "mean without apical current"),
        "share_flipped": (
            (change * control < 0).mean(-1),
            "share of seeds whose sign is not that of the same seed without apical "
            "current",
        ),
    }
    matched, count = at_matched_events(
        change, found.n_events.values, found.n_events_control.values
    )
    text = "mean over seeds with as many events as without apical current"
    table["weight_change_matched"] = (matched, text)
    table["n_matched"] = (count, "number of these seeds")
    return _with(
        found, {name: (AXES, x, "1", text) for name, (x, text) in table.items()}
    )


def _without_noise(found):
    found = found.isel(seed=0, drop=True)
    flipped = (found.weight_change * found.weight_change_control < 0).values
    delays = found.apical_delay.values
    ends = {
        "flipped_from": np.where(flipped, delays, np.inf).min(axis=-1),
        "flipped_to": np.where(flipped, delays, -np.inf).max(axis=-1),
    }
    table = {}
    for name, values in ends.items():
        text = "delay at which the sign is not that without apical current"
        which = "earliest" if name == "flipped_from" else "latest"
        values = np.where(flipped.any(axis=-1), values, np.nan)
        table[name] = (AXES[:2], values, "ms", f"{which} {text}")
    text = "whether all delays between these two flip the sign as well"
    whole = np.array(
        [[_without_holes(row) for row in of_model] for of_model in flipped]
    )
    table["flipped_throughout"] = (AXES[:2], whole.astype(float), "1", text)
    return _with(found, table)


def _without_holes(flags):
    places = np.flatnonzero(flags)
    return len(places) > 0 and np.ptp(places) + 1 == len(places)


def _known(found):
    found = found.sel(model="burst", drop=True).isel(seed=0, drop=True)
    independent = [KNOWN[current] for current in found.apical_current.values]
    text = "the same in plain Python, event by event"
    table = {"independent": (AXES[1:], independent, "1", text)}
    return _with(found[["weight_change"]], table)


def _with(found, table):
    from dendrites.dataset import group

    # Not every sign flips, one seed has no spread.
    return found.assign(group(table, {}, nonfinite="found"))


def _headline(groups):
    figures = {}
    known = {"early": "-0.342717", "late": "0.342717", "both": "0"}
    for name, value in known.items():
        figures[f"dw_{name}"] = {
            "value": float(groups["/conditions"].dw.sel(condition=name)),
            "unit": "1",
            "reference": value,
            "source": "closed form, to 1e-6",
        }
    quiet = groups["/quiet"]
    if "burst" in quiet.model.values:
        ltp = (quiet.weight_change.sel(model="burst") > 0).any("apical_current")
        found = quiet.apical_delay.values[ltp.values]
        # More current widens the window.
        same = float(quiet.apical_current.max()) == max(KNOWN)
        for name, k, value in (("first", 0, "-15 to -10"), ("last", -1, "2 to 5")):
            figures[f"{name}_delay_ltp_ms"] = {
                "value": float(found[k]) if len(found) else "none",
                "unit": "ms",
                "reference": value if same else "",
                "source": "tests/reference/apical_pairings.py, 9 delays",
            }
    return figures
