"""The transient-silence experiment: apical dendrites while the input changes."""

from dataclasses import replace
from typing import Annotated

import numpy as np
from annotated_types import Gt

from experiments.parameters import Argument, Repeats, Seed, Step
from experiments.record import Answer, question

CITATION = "Sacramento, Costa, Bengio & Senn (2018), NeurIPS 31, 8721-8732"
SETTINGS = {"matched": "matched", "equal": 1.0}
COMPARTMENTS = ("soma", "apical")


@question(
    title="Apical dendrites of a microcircuit while its input is replaced",
    citation=CITATION,
)
def transient_silence(
    *,
    sizes: Annotated[
        tuple[int, ...], Argument("cells per layer, input first, output last")
    ] = (30, 20, 15, 10),
    shown: Annotated[float, Argument("time each input is shown", "ms"), Gt(0)] = 10.0,
    pairs: Annotated[Repeats, Argument("pairs of inputs per network")] = 1,
    networks: Annotated[Repeats, Argument("draws of weights and inputs")] = 1,
    dt: Step = 0.1,
    seed: Annotated[
        Seed, Argument("of the first network; the others have the next ones")
    ] = 0,
):
    """Do apical dendrites stay silent while the input changes?

    A circuit in its self-predicting state, without a teacher, is shown one input from
    rest and then another. Interneurons cancel the layer above at rest; they do so while
    it moves only if they move alike. Compared are interneuron dendrites whose
    conductance matches the layer above (g_basal + g_apical of that layer) with equal
    ones (1 per ms everywhere, which is the same below the output).

    Returns
    -------
    xarray.DataTree
        ``/populations/hidden1`` ... with ``v`` (condition, replica, sample, time,
        compartment, unit), conditions "matched" and "equal", and ``/stimuli/input``.

    Source: Sacramento et al. (2018), eqs. 1-5; the matched conductance is our
    derivation (model page, "Silent through transients").
    """
    import circuits
    from dendrites.dataset import group, population_dataset
    from dendrites.random import generator

    hidden = [f"hidden{k}" for k in range(1, len(sizes) - 1)]
    records = [circuits.Record(name, compartments=COMPARTMENTS) for name in hidden]
    seeds = seed + np.arange(networks)
    potentials = {name: [] for name in hidden}
    for g_dendrite in SETTINGS.values():
        for each in seeds:
            circuit = two_input_circuit(
                sizes, g_dendrite=g_dendrite, shown=shown, dt=dt, seed=int(each)
            )
            draws = [generator(int(each), f"transient_silence/{k}") for k in (1, 2)]
            first, second = (d.uniform(-1.0, 1.0, (pairs, sizes[0])) for d in draws)
            tree = circuits.simulate(
                circuit, {"input": first, "second_input": second}, records
            )
            for name in hidden:
                trace = tree[f"populations/{name}"].to_dataset()
                # One pair alone has no sample dimension.
                v = trace.v.values.reshape(pairs, *trace.v.shape[-3:])
                potentials[name].append(v)
    groups = {}
    for name, size in zip(hidden, sizes[1:-1], strict=True):
        v = np.array(potentials[name])
        groups[f"/populations/{name}"] = population_dataset(
            trace.step.values,
            dt,
            v.reshape(len(SETTINGS), networks, *v.shape[1:]),
            COMPARTMENTS,
            np.arange(size),
            v_units="1",
            leading=[
                ("condition", [*SETTINGS]),
                ("replica", seeds),
                ("sample", np.arange(pairs)),
            ],
        )
    groups["/stimuli/input"] = group(
        {
            "onset": (("interval",), np.array([0.0, shown]), "ms"),
            "offset": (("interval",), np.array([shown, 2 * shown]), "ms"),
        },
        {"interval": np.arange(2), "label": ("interval", ["first", "second"])},
    )
    return Answer(
        groups,
        dt=dt,
        duration=2 * shown,
        headline=_headline([groups[f"/populations/{name}"] for name in hidden]),
    )


def two_input_circuit(sizes, *, g_dendrite, shown, dt, seed):
    """A self-predicting circuit that sees one input, then another, and no teacher.

    A phase shows one pattern per population, so the second input comes from a second
    population, over weights tied to those of the first.
    """
    import circuits
    from circuits.microcircuit import microcircuit
    from dendrites.models import source

    circuit = microcircuit(sizes, g_dendrite=g_dendrite, dt=dt, seed=seed)
    second = circuits.Population("second_input", source(), sizes[0])
    projection = circuits.Projection(
        "second_input",
        "hidden1",
        "basal",
        tied_to=circuits.Tied("input_to_hidden1_basal"),
    )
    phases = (
        circuits.Phase("first", shown, on=("input",), learning=False),
        circuits.Phase("second", shown, on=("second_input",), learning=False),
    )
    return replace(
        circuit,
        populations=(*circuit.populations, second),
        projections=(*circuit.projections, projection),
        schedule=circuits.Schedule(phases),
        name="transient_silence",
    )


def _headline(layers):
    peaks = [
        abs(layer.v.sel(compartment="apical")).max(
            ("replica", "sample", "time", "unit")
        )
        for layer in layers
    ]
    matched, equal = (
        [float(peak.sel(condition=condition)) for peak in peaks]
        for condition in SETTINGS
    )
    return {
        "peak_apical_matched": {
            "value": max(matched),
            "unit": "1",
            "reference": "0",
            "source": "dendrites that match the somata",
        },
        "peak_apical_unmatched": {
            "value": max(equal),
            "unit": "1",
            "reference": "",
            "source": "largest of the hidden layers",
        },
        "peak_apical_unmatched_last": {
            "value": equal[-1],
            "unit": "1",
            "reference": "0",
            "source": "last hidden layer: no layer mirrored lags",
        },
    }
