"""The distance-switch experiment: does the place of a synapse set the sign?"""

from itertools import product
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt

from experiments.parameters import Argument, Repeats, Step, changed_cell
from experiments.record import Answer, question
from experiments.statistics import crossing
from experiments.voltage.pairing_frequency import CELL_OF_PAIRS

CITATION = "Sjostrom & Hausser (2006), Neuron 51, 227-238"
LAG = 10.0  # ms
BASELINE = 0.5
DENDRITES = ("passive", "active")


# Parameters of the cells that changes of weights under forced spikes depend on.
CELL = (*CELL_OF_PAIRS, "g_coupling")


@question(title="Causal pairing at synapses along a dendrite", citation=CITATION)
def distance_switch(
    *,
    distances: Annotated[
        tuple[Annotated[float, Ge(0)], ...], Argument("from the soma", "um")
    ] = (0.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0, 350.0, 400.0, 450.0, 500.0),
    depolarisations: Annotated[
        tuple[Annotated[float, Ge(0), Lt(60)], ...],
        Argument("of the dendrite, held from before the burst", "mV"),
    ] = (0.0, 5.0, 10.0, 15.0, 20.0),
    frequencies: Annotated[
        tuple[Annotated[float, Gt(0), Lt(100)], ...], Argument("of pairings", "Hz")
    ] = (10.0, 20.0, 35.0, 50.0),
    pairings: Annotated[Repeats, Argument("in a burst")] = 15,
    bursts: Annotated[int, Argument("in an experiment"), Ge(1)] = 5,
    proximal: Annotated[
        float, Argument("a distance, for the headline figures", "um"), Ge(0)
    ] = 50.0,
    distal: Annotated[
        float, Argument("a distance, for the headline figures", "um"), Ge(0)
    ] = 400.0,
    length_constant: Annotated[
        float, Argument("of back-propagating spikes", "um"), Gt(0)
    ] = 300.0,
    boost: Annotated[
        float, Argument("largest growth of a spike in an active dendrite"), Ge(0)
    ] = 2.0,
    b: Annotated[float, Argument("adaptation by a spike", "pA"), Ge(0)] = 0.0805,
    delay: Annotated[float, Argument("of the filtered potentials", "ms"), Gt(0)] = 4.0,
    cell: changed_cell("adex_dendrite", CELL) = None,
    dt: Annotated[Step, Argument("step", "ms")] = 0.1,
):
    """Does the same causal pairing potentiate near synapses and depress far ones?

    Synapses at every distance along a dendrite receive an input spike 10 ms before
    every somatic one. The local potential decides, by the voltage rule with its
    published amplitudes: spikes arrive attenuated, a constant current may depolarise
    the dendrite, and an active dendrite boosts the spikes where it is depolarised.

    Returns
    -------
    xarray.DataTree
        ``/synapses`` with ``change``, % of the initial weight, 100 for none, and
        ``peak_potential``, mV, (dendrite, distance_um, depolarisation, frequency), and
        ``held_potential``, mV, before the first pairing; ``zero_crossing`` (dendrite,
        depolarisation, frequency), um, where potentiation ends; NaN if it does not.

    Source: Sjostrom and Hausser (2006); Clopath et al. (2010); cell and dendrite: ours.
    """
    from dendrites.dataset import group

    distances = sorted({*map(float, distances), float(proximal), float(distal)})
    depolarisations = sorted({*map(float, depolarisations), 0.0})
    frequencies = sorted(set(map(float, frequencies)))
    found, duration = measure(
        distances,
        depolarisations,
        frequencies,
        pairings=pairings,
        delay=delay,
        dt=dt,
        length_constant=length_constant,
        boost=boost,
        b=b,
        **(cell or {}),
    )
    change = 100.0 + 100.0 * bursts / BASELINE * found["change"]
    where = ("dendrite", "depolarisation", "frequency")
    dims = ("dendrite", "distance_um", "depolarisation", "frequency")
    synapses = group(
        {
            "change": (dims, change, "percent", "of the initial weight"),
            "peak_potential": (dims, found["peak"], "mV", "largest local potential"),
            "held_potential": (dims, found["held"], "mV", "before the first pairing"),
            "zero_crossing": (
                where,
                np.apply_along_axis(potentiation_ends, 1, change, distances),
                "1",
                "um from the soma, where potentiation ends",
            ),
        },
        {
            "dendrite": [*DENDRITES],
            "distance_um": np.array(distances),
            "depolarisation": np.array(depolarisations),
            "frequency": np.array(frequencies),
        },
        units={
            "depolarisation": "mV",
            "frequency": "Hz",
            # The schema has no unit of length.
            "distance_um": ("1", "um from the soma"),
        },
        nonfinite=("zero_crossing",),
    )
    return Answer(
        {"/synapses": synapses},
        dt=dt,
        duration=duration,
        headline=_headline(synapses, proximal, distal),
    )


def measure(
    distances, depolarisations, frequencies, *, pairings, delay, boost, dt, **parameters
):
    """Weight change by one burst, peak and held potential of every synapse.

    Returns
    -------
    dict of ndarray (dendrite, distance, depolarisation, frequency); float
        The duration of the run, ms.
    """
    from circuits import Population, Record
    from dendrites.models import source
    from dendrites.models.adex_dendrite import adex_dendrite
    from dendrites.models.presynaptic import presynaptic
    from dendrites.rules.voltage import clopath
    from experiments import pairing
    from experiments.voltage import paired_bursts

    conditions = [*product(depolarisations, frequencies)]
    n = len(conditions)
    given = paired_bursts.bursts(
        [(frequency, LAG) for _, frequency in conditions],
        pairings=pairings,
        gap=1000.0 / min(frequencies),
        dt=dt,
    )
    cells = {
        f"{dendrite}{k}": adex_dendrite(
            dendrite=dendrite,
            distance=distance,
            **({"boost": boost} if dendrite == "active" else {}),
            **parameters,
        )
        for dendrite in DENDRITES
        for k, distance in enumerate(distances)
    }
    rule = clopath(compartment="apical")
    projections = []
    for name, cell in cells.items():
        projections += [
            pairing.measured("pre", name, rule, name=f"pre_to_{name}"),
            pairing.partners("current", name, "apical"),
            *paired_bursts.delay_projections(name, cell, "apical", delay),
        ]
    held = [holding_current(v, cell.parameters) for v, _ in conditions]
    changes, tree = pairing.run(
        [
            Population("pre", presynaptic(tau_trace=15.0), n),
            Population("current", source(), n),
            *(Population(name, cell, n) for name, cell in cells.items()),
        ],
        projections,
        {"pre": given.pre} | dict.fromkeys(cells, given.post),
        duration=given.duration,
        dt=dt,
        on=("current",),
        patterns={"current": np.array(held)},
        record=[Record(name, ["apical"]) for name in cells],
    )
    before = round(paired_bursts.LEAD / dt) - 2
    potentials = {name: tree[f"populations/{name}"].v.values[:, 0, :] for name in cells}
    shape = (len(DENDRITES), len(distances), len(depolarisations), len(frequencies))
    found = {
        "change": [changes[f"pre_to_{name}"] for name in cells],
        "peak": [potentials[name].max(0) for name in cells],
        "held": [potentials[name][before] for name in cells],
    }
    return {k: np.array(v).reshape(shape) for k, v in found.items()}, given.duration


def holding_current(depolarisation: float, p) -> float:
    """Current into the dendrite that holds it so far above rest, pA.

    The soma, with its leak and adaptation, draws some of it through the coupling.
    """
    soma = p.g_coupling / (p.g_leak + p.a + p.g_coupling) * depolarisation
    return p.g_leak_apical * depolarisation + p.g_coupling * (depolarisation - soma)


def potentiation_ends(change, distances) -> float:
    """Distance at which a change falls through 100 %; NaN if it does not.

    Parameters
    ----------
    change, distances : ndarray (n_distances,)
        Distances ascend.
    """
    return crossing(distances, change, 100.0, rising=False)


def _headline(synapses, proximal, distal):
    most = float(synapses.depolarisation.max())
    at = {"frequency": float(synapses.frequency.max())}
    source = "Sjostrom & Hausser (2006), digitised bins"

    def figure(reference, **where):
        found = synapses.change.sel({**at, "depolarisation": 0.0, **where})
        return {
            "value": float(found) - 100.0,
            "unit": "percent",
            "reference": reference,
            "source": source,
        }

    depressed, raised = "-44 to +2, slow EPSPs", "> 0"
    far = {"distance_um": distal}
    return {
        "dw_proximal": figure(
            "+40 to +57, fast EPSPs", dendrite="passive", distance_um=proximal
        ),
        "dw_distal": figure(depressed, dendrite="passive", **far),
        "dw_distal_depolarised": figure(
            raised, dendrite="passive", depolarisation=most, **far
        ),
        "dw_distal_active": figure(depressed, dendrite="active", **far),
        "dw_distal_active_depolarised": figure(
            raised, dendrite="active", depolarisation=most, **far
        ),
    }
