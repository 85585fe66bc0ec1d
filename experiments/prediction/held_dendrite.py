"""Cells of Urbanczik and Senn whose dendrites a current holds at a potential.

With V* constant every mean of the rule is a closed form.
"""

from dataclasses import replace

import numpy as np

import circuits
from dendrites import models
from experiments.pairing import partners

SYNAPSES = "input_to_output_dendrite"
# What is left of the way from rest to the held potential: e^-40.
SETTLED = 40.0


def with_held_dendrites(
    circuit: circuits.Circuit, schedule: circuits.Schedule
) -> circuits.Circuit:
    """`circuit` with a source ``held``, one current, pA, for each dendrite."""
    n = circuit.population("output").size
    return replace(
        circuit,
        populations=(
            *circuit.populations,
            circuits.Population("held", models.source(), n),
        ),
        projections=(
            *circuit.projections,
            partners("held", "output", "i_dendrite"),
        ),
        schedule=schedule,
    )


def settling(p) -> float:
    """Time, ms, after which a held dendrite stands still."""
    return SETTLED * p.capacitance / p.g_leak


def holding_current(potential, p):
    """Current into the dendrite, pA, that holds V* at `potential`, mV."""
    dendrite = potential + p.g_leak / p.g_dendrite * (potential - p.e_leak)
    return p.g_leak * (dendrite - p.e_leak)


def settled_soma(potential, g_exc, g_inh, p):
    """U, mV, where V* is held and a teacher's conductances, nS, are constant."""
    own = p.g_leak + p.g_dendrite
    drive = own * potential + g_exc * p.e_exc + g_inh * p.e_inh
    return drive / (own + g_exc + g_inh)


def rate_and_importance(potential, p):
    """phi, 1/ms, and h, 1/mV, at a potential, mV."""
    rate = p.phi_max / (1.0 + p.k * np.exp(p.beta * (p.theta - potential)))
    return rate, p.beta * (1.0 - rate / p.phi_max)
