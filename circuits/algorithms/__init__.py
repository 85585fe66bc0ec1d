"""Learning algorithms: functions from layer sizes to a Circuit."""

from circuits.algorithms.almeida_pineda import almeida_pineda
from circuits.algorithms.attention_gated import attention_gated
from circuits.algorithms.autoencoder import autoencoder
from circuits.algorithms.backprop import backprop
from circuits.algorithms.boltzmann_machine import boltzmann_machine
from circuits.algorithms.burst_ccn import burst_ccn
from circuits.algorithms.burstprop import burstprop
from circuits.algorithms.contrastive_hebbian import contrastive_hebbian
from circuits.algorithms.dale import dale
from circuits.algorithms.dale_mapping import dale_mapping
from circuits.algorithms.dendritic_predictive_coding import (
    dendritic_predictive_coding,
)
from circuits.algorithms.difference_target_propagation import (
    difference_target_propagation,
)
from circuits.algorithms.direct_difference_target_propagation import (
    direct_difference_target_propagation,
)
from circuits.algorithms.direct_feedback_alignment import direct_feedback_alignment
from circuits.algorithms.equilibrium_propagation import equilibrium_propagation
from circuits.algorithms.error_network import error_network
from circuits.algorithms.error_neurons import error_neurons
from circuits.algorithms.feedback_alignment import feedback_alignment
from circuits.algorithms.generec import generec
from circuits.algorithms.guerguiev import guerguiev
from circuits.algorithms.harmonium import harmonium
from circuits.algorithms.hebbian import hebbian
from circuits.algorithms.hedonistic_synapses import hedonistic_synapses
from circuits.algorithms.kolen_pollack import kolen_pollack
from circuits.algorithms.kording_konig import kording_konig
from circuits.algorithms.node_perturbation import node_perturbation
from circuits.algorithms.population_reward import population_reward
from circuits.algorithms.predictive_coding import predictive_coding
from circuits.algorithms.recirculation import recirculation
from circuits.algorithms.reinforce import reinforce
from circuits.algorithms.sacramento import sacramento
from circuits.algorithms.shallow import shallow
from circuits.algorithms.sign_symmetry import sign_symmetry
from circuits.algorithms.stochastic_feedback_alignment import (
    stochastic_feedback_alignment,
)
from circuits.algorithms.target_propagation import target_propagation
from circuits.algorithms.urbanczik_senn import urbanczik_senn
from circuits.algorithms.wake_sleep import wake_sleep
from circuits.algorithms.weight_mirror import weight_mirror
from circuits.algorithms.weight_perturbation import weight_perturbation

__all__ = [
    "almeida_pineda",
    "attention_gated",
    "autoencoder",
    "backprop",
    "boltzmann_machine",
    "burst_ccn",
    "burstprop",
    "contrastive_hebbian",
    "dale",
    "dale_mapping",
    "dendritic_predictive_coding",
    "difference_target_propagation",
    "direct_difference_target_propagation",
    "direct_feedback_alignment",
    "equilibrium_propagation",
    "error_network",
    "error_neurons",
    "feedback_alignment",
    "generec",
    "guerguiev",
    "harmonium",
    "hebbian",
    "hedonistic_synapses",
    "kolen_pollack",
    "kording_konig",
    "node_perturbation",
    "population_reward",
    "predictive_coding",
    "recirculation",
    "reinforce",
    "sacramento",
    "shallow",
    "sign_symmetry",
    "stochastic_feedback_alignment",
    "target_propagation",
    "urbanczik_senn",
    "wake_sleep",
    "weight_mirror",
    "weight_perturbation",
]
