"""The gain-control experiment: apical input as a driver and as a gain; attention."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le

from experiments.parameters import Argument, Repeats, Seed
from experiments.record import Answer, question

CITATION = (
    "Larkum, Senn & Luscher (2004), Cereb. Cortex 14, 1059; Reynolds, Chelazzi & "
    "Desimone (1999), J. Neurosci. 19, 1736"
)
Current = Annotated[float, Ge(-2000), Le(5000)]


@question(title="Apical currents as drivers and as gains", citation=CITATION)
def gain_control(
    *,
    soma_currents: Annotated[
        tuple[Current, ...], Argument("constant, into the soma, at least five", "pA")
    ] = tuple(float(x) for x in range(0, 1001, 100)),
    apical_currents: Annotated[
        tuple[Current, ...], Argument("constant, into the dendrite, besides 0", "pA")
    ] = (100.0, 200.0, 300.0, 400.0),
    cells: Annotated[Repeats, Argument("per pair of currents")] = 20,
    duration: Annotated[
        float, Argument("counted, after 500 ms of settling", "ms"), Ge(10), Le(1e6)
    ] = 2000.0,
    noise: Annotated[
        float,
        Argument("standard deviation of currents into soma and dendrite", "pA"),
        Ge(0),
    ] = 200.0,
    stimulus: Annotated[
        float, Argument("somatic current of a stimulus", "pA"), Gt(0), Le(5000)
    ] = 700.0,
    attention: Annotated[
        float, Argument("apical current of attention to it", "pA"), Ge(0), Le(5000)
    ] = 300.0,
    seed: Annotated[Seed, Argument("of the noise")] = 0,
):
    """Does apical current drive a cell, or does it change its gain?

    Cells of the plasticity lab that have an apical dendrite are given pairs of constant
    currents. The curve of rates with apical current is explained twice: as gain times
    the curve without plus an offset, and as that curve shifted by some somatic current.
    Then ensembles of burst cells see one of two stimuli each, and a target cell that
    divides by what it gets; apical current goes to the cells of one stimulus.

    Returns
    -------
    xarray.DataTree
        ``/rates``: ``rate`` (model, apical, soma), Hz; ``gain``, ``offset`` (Hz),
        ``explained``, ``shift`` (pA) and ``explained_by_shift`` (model, apical).
        ``/attention``: ``response`` of the target and ``expected``, that to mean rates
        (condition), ``rate`` (condition, stimulus), Hz.

    Source: gain: after Larkum et al. (2004); attention: Reynolds et al. (1999), with
    the apical current of burst cells in the place of their gain.
    """
    from dendrites.dataset import group
    from experiments.systems.gain_attention import CONDITIONS, STIMULI, attended
    from experiments.systems.gain_cells import (
        CELL_MODELS,
        gain_and_offset,
        shift_of,
        steady_rates,
    )

    soma = _at_least("soma_currents", set(soma_currents), 5)
    _at_least("apical_currents", set(apical_currents) - {0.0}, 1)
    apical = np.array([0.0, *sorted(set(apical_currents) - {0.0})])
    pairs = [x.ravel() for x in np.meshgrid(apical, soma, indexing="ij")]
    shape = (len(apical), len(soma))
    options = {"cells": cells, "duration": duration, "noise": noise, "seed": seed}
    rates = np.array(
        [
            steady_rates(cell, pairs[1], pairs[0], **options)
            .mean(axis=1)
            .reshape(shape)
            for cell in CELL_MODELS.values()
        ]
    )
    found = np.array(
        [
            [
                (*gain_and_offset(one[0], row), *shift_of(soma, one[0], row))
                for row in one[1:]
            ]
            for one in rates
        ]
    )
    dims = ("model", "apical")
    curves = group(
        {
            "rate": (("model", "current", "soma"), rates, "Hz"),
            "gain": (dims, found[..., 0], "1", "slope on the curve without"),
            "offset": (dims, found[..., 1], "Hz"),
            "explained": (dims, found[..., 2], "1", "of the variance, by both"),
            "shift": (dims, found[..., 3], "pA", "somatic current instead"),
            "explained_by_shift": (dims, found[..., 4], "1", "of the variance"),
        },
        {
            "model": [*CELL_MODELS],
            "current": apical,
            "apical": apical[1:],
            "soma": soma,
        },
        units=dict.fromkeys(("current", "apical", "soma"), "pA"),
        nonfinite="found",
    )
    seen = attended(soma=stimulus, apical=attention, **options)
    competition = group(
        {
            "response": (("condition",), seen["response"], "1", "of the target"),
            "expected": (("condition",), seen["expected"], "1", "to the mean rates"),
            "rate": (("condition", "stimulus"), seen["rate"], "Hz"),
        },
        {"condition": [*CONDITIONS], "stimulus": [*STIMULI]},
    )
    return Answer(
        {"/rates": curves, "/attention": competition},
        dt=0.1,
        duration=duration,
        headline=_headline(curves, competition),
    )


def _at_least(name, currents, n) -> np.ndarray:
    """Currents in rising order."""
    from dendrites.errors import ConfigError

    if len(currents) < n:
        raise ConfigError(
            f"{name}: {len(currents)} different currents (0 pA is always an apical "
            f"one), must be at least {n} to tell gains from offsets"
        )
    return np.array(sorted(currents))


def biases(competition) -> dict:
    """How far attention brings the response to both to that of each one alone.

    0: not at all; 1: as if the other stimulus were not there.
    """
    y = competition.response
    both = float(y.sel(condition="A and B"))
    return {
        name: float(
            (y.sel(condition=f"attend {name}") - both) / (y.sel(condition=name) - both)
        )
        for name in "AB"
    }


def _headline(curves, competition):
    figures = {}
    last = curves.isel(apical=-1)
    for name in curves.model.values:
        one = last.sel(model=name)
        for key in ("gain", "offset", "explained_by_shift"):
            value = float(one[key])
            if np.isfinite(value):
                unit = one[key].attrs["units"]
                figures[f"{key}_{name}"] = {"value": value, "unit": unit}
    for name, bias in biases(competition).items():
        figures[f"attention_bias_{name}"] = {
            "value": bias,
            "unit": "1",
            "reference": "> 0",
            "source": "biased competition",
        }
    return figures
