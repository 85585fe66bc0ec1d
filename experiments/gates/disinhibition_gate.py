"""The disinhibition-gate experiment: who must be silent for a basal synapse to grow."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le

from experiments.gates.disinhibition_circuit import BASAL, Cells, gate_circuit, settled
from experiments.parameters import Argument, Repeats, Seed, Step
from experiments.record import Answer, question

CITATION = "Williams & Holtmaat (2019), Neuron 101, 91-102"
# Name: POm, L4, VIP silenced, SST silenced.
CONDITIONS = {
    "L4 only": (1, 0, 0, 0),
    "POm only": (0, 1, 0, 0),
    "both": (1, 1, 0, 0),
    "both, VIP off": (1, 1, 1, 0),
    "L4, SST off": (1, 0, 0, 1),
}
POTENTIATED = ("both", "L4, SST off")
EVERY = 5.0  # ms, between records


@question(title="Disinhibition as a gate of basal plasticity", citation=CITATION)
def disinhibition_gate(
    *,
    frequency: Annotated[
        float, Argument("of pulses of input", "Hz"), Gt(0), Le(100)
    ] = 8.0,
    pulse: Annotated[float, Argument("length of a pulse", "ms"), Gt(0)] = 60.0,
    duration: Annotated[float, Argument("of the pairing", "ms"), Gt(0)] = 10000.0,
    eta: Annotated[
        float, Argument("learning rate of plateau x pre x post", "1/ms"), Ge(0)
    ] = 1e-4,
    decay: Annotated[float, Argument("of the weight", "1/ms"), Ge(0)] = 5e-6,
    noise: Annotated[
        float, Argument("standard deviation of every potential", "1"), Ge(0)
    ] = 0.15,
    seeds: Annotated[Repeats, Argument("noisy cells per condition")] = 20,
    pom: Annotated[
        tuple[Annotated[float, Ge(0)], ...], Argument("rates of thalamic input")
    ] = (0.0, 0.5, 1.0),
    l4: Annotated[
        tuple[Annotated[float, Ge(0)], ...], Argument("rates of intracortical input")
    ] = (0.5, 1.0),
    gains: Annotated[
        tuple[Annotated[float, Ge(0)], ...], Argument("of VIP and of SST output")
    ] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5, 1.75, 2.0),
    dt: Step = 1.0,
    seed: Annotated[Seed, Argument("of the noise")] = 0,
):
    """Does thalamic input let a basal synapse grow by lifting inhibition?

    Rate units: higher-order thalamus (POm) excites VIP interneurons and the apical
    dendrite, VIP cells inhibit SST cells, SST cells the apical dendrite. Its plateau
    gates the growth of the synapse from layer 4 (L4), plateau x pre x post; the weight
    decays. Both inputs come in pulses at 8 Hz. Five conditions with noise, then all
    combinations of inputs and of the gains of VIP and SST output without noise.

    Returns
    -------
    xarray.DataTree
        ``/conditions``: relative change ``dW`` of the weight, mean apical potential
        ``u_apical``, ``plateau``, ``vip`` and ``sst`` rates during pulses (condition,
        repeat). ``/gains``: ``dW`` and ``u_apical`` (pom, l4, vip_gain, sst_gain)
        without noise, and ``u_settled``, to which the apical potential goes in a long
        pulse. ``/pulse``: courses of the last period (condition, latency) without
        noise.

    Source: after Williams and Holtmaat (2019); the minimal model is ours.
    """

    pom, l4, gains = (np.array(sorted(set(x)), float) for x in (pom, l4, gains))
    timing = {"frequency": frequency, "pulse": pulse, "duration": duration, "dt": dt}
    rule = {"eta": eta, "decay": decay}
    wave = pulses(**timing)
    noisy = paired(
        named_conditions(seeds),
        wave,
        noise=noise,
        streams=np.tile(np.arange(seeds), len(CONDITIONS)),
        dt=dt,
        seed=seed,
        **rule,
    )
    quiet = paired(named_conditions(1), wave, noise=0.0, dt=dt, seed=seed, **rule)
    cells = combinations(pom, l4, gains)
    swept = paired(cells, wave, noise=0.0, dt=dt, seed=seed, **rule)
    groups = {
        "/conditions": _by_condition(noisy, seeds),
        "/gains": _by_gain(swept, cells, pom, l4, gains),
        "/pulse": _last_period(quiet, round(1000.0 / frequency / EVERY)),
    }
    return Answer(
        groups,
        dt=dt,
        duration=len(wave) * dt,
        headline=_headline(groups["/conditions"]),
    )


def pulses(*, frequency, pulse, duration, dt) -> np.ndarray:
    """1 during pulses of input, 0 between them: one value per step.

    Raises
    ------
    ConfigError
        If pulses overlap, or steps do not divide the times between records.
    """
    from dendrites._time import n_steps
    from dendrites.errors import ConfigError

    period = 1000.0 / frequency
    if pulse >= period:
        raise ConfigError(
            f"pulse = {pulse:g} ms: pulses at {frequency:g} Hz must be shorter than "
            f"their interval, {period:g} ms"
        )
    if duration < period:
        raise ConfigError(
            f"duration = {duration:g} ms holds no whole period of {period:g} ms"
        )
    if abs(EVERY / dt - round(EVERY / dt)) > 1e-9:
        raise ConfigError(
            f"dt = {dt:g} ms: must divide {EVERY:g} ms, the interval between records"
        )
    step = np.arange(n_steps(duration, dt, "duration", quiet=True))
    # Half a step aside, so that rounding does not move the edges of pulses.
    return ((step + 0.5) * dt % period < pulse).astype(float)


def named_conditions(repeats: int) -> Cells:
    """Cells of the five conditions, one after the other, `repeats` of each."""
    l4, pom, vip_off, sst_off = np.repeat([*CONDITIONS.values()], repeats, axis=0).T
    ones = np.ones(len(l4))
    return Cells(pom, l4, ones, ones, vip_off, sst_off)


def combinations(pom, l4, gains) -> Cells:
    """Cells of every combination, the gain of SST fastest, none silenced."""
    grid = [x.ravel() for x in np.meshgrid(pom, l4, gains, gains, indexing="ij")]
    none = np.zeros(len(grid[0]))
    return Cells(*grid, none, none)


def paired(cells: Cells, wave, *, eta, decay, noise, dt, seed, streams=None) -> dict:
    """Show the cells a course of input and let them learn.

    Parameters
    ----------
    cells : Cells
    wave : ndarray (n_steps,)
        Of both inputs, between 0 and 1.
    streams : sequence of int (n_cells,), optional
        Random streams; cells with equal ones have equal noise.

    Returns
    -------
    dict of ndarray
        ``dW`` (n_cells,), relative to the start; courses ``vip``, ``sst``, ``apical``,
        ``plateau`` (n_records, n_cells); ``on`` (n_records,), whether input was on.
    """
    import circuits
    from circuits import Record

    circuit = gate_circuit(
        cells, len(wave), eta=eta, decay=decay, noise=noise, dt=dt, streams=streams
    )
    rates = np.unique(cells.l4)
    tree = circuits.simulate(
        circuit,
        {},
        [
            Record("vip", (), ["rate"], every=EVERY),
            Record("sst", (), ["rate"], every=EVERY),
            Record("pyramidal", ("apical",), ["plateau"], every=EVERY),
        ],
        learning=True,
        waveforms={"pom": wave[:, np.newaxis], "l4": wave[:, np.newaxis] * rates},
        seed=seed,
    )
    # Every cell has one synapse.
    w = tree[f"connections/{BASAL}"].w.values
    population = tree["populations"]
    every = round(EVERY / dt)
    return {
        "dW": w[1] / w[0] - 1.0,
        "vip": population["vip"].rate.values,
        "sst": population["sst"].rate.values,
        "apical": population["pyramidal"].v.values[:, 0],
        "plateau": population["pyramidal"].plateau.values,
        "on": wave[every - 1 :: every] > 0,
    }


TEXTS = {
    "dW": "relative change of the basal weight",
    "u_apical": "mean apical potential during pulses",
    "plateau": "mean plateau during pulses",
    "vip": "mean rate of VIP cells during pulses",
    "sst": "mean rate of SST cells during pulses",
}


def _during_pulses(found):
    means = {
        name: found[name][found["on"]].mean(axis=0)
        for name in ("apical", "plateau", "vip", "sst")
    }
    return {"dW": found["dW"], "u_apical": means.pop("apical"), **means}


def _by_condition(found, seeds):
    from dendrites.dataset import group

    shape = (len(CONDITIONS), seeds)
    return group(
        {
            name: (("condition", "repeat"), values.reshape(shape), "1", TEXTS[name])
            for name, values in _during_pulses(found).items()
        },
        {"condition": [*CONDITIONS], "repeat": np.arange(seeds)},
    )


def _by_gain(found, cells, pom, l4, gains):
    from dendrites.dataset import group

    dims = ("pom", "l4", "vip_gain", "sst_gain")
    shape = (len(pom), len(l4), len(gains), len(gains))
    means = _during_pulses(found)
    at_rest = "apical potential under constant input, closed form"
    return group(
        {
            "dW": (dims, means["dW"].reshape(shape), "1", TEXTS["dW"]),
            "u_apical": (
                dims,
                means["u_apical"].reshape(shape),
                "1",
                TEXTS["u_apical"],
            ),
            "u_settled": (dims, settled(cells)["apical"].reshape(shape), "1", at_rest),
        },
        {"pom": pom, "l4": l4, "vip_gain": gains, "sst_gain": gains},
    )


def _last_period(found, records):
    from dendrites.dataset import group
    from dendrites.models.disinhibition import gated_pyramidal

    starts = np.flatnonzero(np.diff(found["on"].astype(int), prepend=0) == 1)
    whole = starts[starts + records <= len(found["on"])]
    last = slice(whole[-1], whole[-1] + records)
    dims = ("condition", "latency")
    return group(
        {
            name: (dims, found[name][last].T, "1")
            for name in ("vip", "sst", "apical", "plateau")
        },
        {"condition": [*CONDITIONS], "latency": EVERY * np.arange(1, records + 1)},
        units={"latency": "ms"},
        plateau_threshold=gated_pyramidal().parameters.plateau_threshold,
    )


def _headline(conditions):
    figures = {}
    for name in CONDITIONS:
        expected = "> 0" if name in POTENTIATED else "not > 0"
        key = name.replace(", ", "_").replace(" ", "_")
        figures[f"dW_{key}"] = {
            "value": float(conditions.dW.sel(condition=name).mean()),
            "unit": "1",
            "reference": expected,
            "source": "paper's abstract; L4, SST off: expected of the model",
        }
    grown = (conditions.dW > 0).sel(condition=[*POTENTIATED])
    others = (conditions.dW <= 0).drop_sel(condition=[*POTENTIATED])
    right = int(grown.sum()) + int(others.sum())
    figures["share_of_cells_as_expected"] = {
        "value": right / conditions.dW.size,
        "unit": "1",
        "reference": "1",
        "source": "signs above, every noisy cell",
    }
    return figures
