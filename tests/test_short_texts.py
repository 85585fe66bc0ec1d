"""Descriptions print what they are and their sizes, in a line, never arrays."""

from dataclasses import replace

import numpy as np
import pytest

import circuits
import dendrites as dn
from circuits.algorithms import sacramento
from dendrites._brief import LONGEST, brief
from experiments.lab import Protocol, grid, lab_models
from experiments.registry import EXPERIMENTS

LONGEST_LINE = 300
CELL, SOURCE = dn.models.three_compartment(), dn.models.source()
RULE = dn.ActivityDifference(
    teaching=lambda cell, p: cell.soma, baseline="apical", learning_rate=0.5
)
SYNAPTIC = dn.rules.btsp()
DEEP = sacramento([64, 30, 10], seed=3)
ARRAYS = replace(
    DEEP,
    projections=tuple(
        replace(p, initial=w)
        if p.tied_to is None and isinstance(w := START[p.name], np.ndarray)
        else p
        for START in [circuits.initial_weights(DEEP)]
        for p in DEEP.projections
    ),
)
TEXTS = {
    "cell": (CELL, "CellModel('three_compartment': soma, basal, apical <- "),
    "spiking cell": (dn.models.naud_sprekeler(), "<- soma, apical, synapse, spiking)"),
    "source": (SOURCE, "no inputs, clamped)"),
    "difference": (
        RULE,
        "ActivityDifference(teaching=<lambda>, baseline='apical', learning_rate=0.5)",
    ),
    "synaptic rule": (SYNAPTIC, "SynapticRule(change="),
    "population": (
        circuits.Population("hidden", CELL, 30),
        "Population('hidden', three_compartment, 30)",
    ),
    "source population": (
        circuits.Population("input", SOURCE, 4, pattern="inputs"),
        "Population('input', source, 4, pattern='inputs')",
    ),
    "own parameters": (
        circuits.Population("a", CELL, 2, parameters={"tau_soma": np.full(2, 9.0)}),
        "Population('a', three_compartment, 2, own tau_soma)",
    ),
    "projection": (
        circuits.Projection("a", "b", "basal", rule=RULE, initial=np.ones((30, 64))),
        "Projection('a_to_b_basal': a.rate -> b.basal, dense, ActivityDifference(",
    ),
    "frozen projection": (
        circuits.Projection("a", "b", "basal", rule=SYNAPTIC, plastic=False),
        ", not plastic)",
    ),
    "fixed projection": (
        circuits.Projection("a", "b", "basal", connectivity="one_to_one"),
        "Projection('a_to_b_basal': a.rate -> b.basal, one-to-one, fixed)",
    ),
    "tied projection": (
        circuits.Projection("b", "a", "apical", tied_to=circuits.Tied("up")),
        "tied to up)",
    ),
    "phase": (
        circuits.Phase("nudged", 20.0, on=("input", "target"), window=5.0),
        "Phase('nudged', duration=20, on=('input', 'target'), window=5)",
    ),
    "drawn phase": (circuits.Phase("free", np.mean), "Phase('free', duration=mean)"),
    "schedule": (
        circuits.Schedule(
            (circuits.Phase("a", 2.5), circuits.Phase("b", settle=("x",)))
        ),
        "Schedule(a 2.5 ms, b)",
    ),
    "circuit": (DEEP, "Circuit('sacramento': input 64, "),
    "circuit of arrays": (ARRAYS, "Circuit('sacramento': input 64, "),
    "task": (
        circuits.Task.from_arrays(np.eye(8), np.arange(8) % 2),
        "Task('arrays': 8 -> 2, train 6, test 2)",
    ),
    "protocol": (
        Protocol(apical_current=300.0, apical_part="late"),
        "Protocol(apical_current=300.0, apical_part='late')",
    ),
    "grid": (
        grid(apical_current=range(40), frequency=[5.0, 10.0]),
        "Grid(apical_current 40 x frequency 2: 80 protocols)",
    ),
    "lab model": (lab_models("burst")["burst"], "LabModel('burst': naud_sprekeler"),
    "experiment": (EXPERIMENTS["digits"], "Experiment('digits': Can apical errors"),
}
pytestmark = pytest.mark.nojit


@pytest.mark.parametrize("name", TEXTS)
def test_a_description_is_named_in_one_line(name):
    thing, wanted = TEXTS[name]
    text = repr(thing)
    assert wanted in text
    assert "\n" not in text and len(text) <= LONGEST_LINE
    assert "array(" not in text and " at 0x" not in text


def test_the_text_of_a_protocol_makes_it_again():
    protocol = Protocol(apical_delay=-5.0, weight=0.25, presynaptic=0)
    assert eval(repr(protocol), {"Protocol": Protocol}) == protocol


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.zeros((3, 4)), "<array 3 x 4>"),
        (np.float64(0.1), "0.1"),
        (("a",), "('a',)"),
        ({"a": np.zeros(2)}, "{'a': <array 2>}"),
        (None, "None"),
        (len, "len"),
    ],
)
def test_values_inside_a_text_are_short(value, text):
    assert brief(value) == text
    assert len(brief([value] * 100)) <= LONGEST
