"""One cell model per file; each factory returns a CellModel."""

from dendrites.models.adex_dendrite import adex_dendrite
from dendrites.models.attention_cell import (
    attention_cell,
    chance_cell,
    choosing_output,
    surprise_critic,
)
from dendrites.models.averaging_cell import averaging_cell
from dendrites.models.balanced_cell import balanced_branch, balanced_cell
from dendrites.models.bernoulli_source import bernoulli_source
from dendrites.models.binary_cell import binary_cell
from dendrites.models.burst_detector import burst_detector
from dendrites.models.burst_ensemble import burst_cell, taught_burst_cell
from dendrites.models.cable import cable
from dendrites.models.calcium_cell import calcium_cell
from dendrites.models.code_cells import code_hidden, code_source
from dendrites.models.column_cell import column_cell, prediction_error_cell
from dendrites.models.disinhibition import gated_pyramidal, threshold_unit
from dendrites.models.energy_cell import coin, energy_cell
from dendrites.models.error_cell import error_cell, summing_cell, taught_cell
from dendrites.models.error_partner import error_partner
from dendrites.models.guerguiev import guerguiev_hidden, guerguiev_output
from dendrites.models.guerguiev_leading import guerguiev_leading
from dendrites.models.helmholtz_cell import helmholtz_cell
from dendrites.models.linear_interneuron import linear_interneuron
from dendrites.models.mirror_cell import mirror_cell
from dendrites.models.naud_sprekeler import naud_sprekeler
from dendrites.models.naud_sprekeler_simple import naud_sprekeler_simple
from dendrites.models.noise_cell import noise_cell
from dendrites.models.plateau_cell import plateau_cell
from dendrites.models.predictive_cell import predictive_cell
from dendrites.models.presynaptic import presynaptic
from dendrites.models.rectified_cell import rectified_cell
from dendrites.models.relaxing_cell import relaxing_cell
from dendrites.models.rewarded_binary import (
    judged_cell,
    majority_cell,
    release_site,
    reward_critic,
    rewarded_binary,
)
from dendrites.models.rewarded_cell import (
    comparing_critic,
    rewarded_cell,
    rewarded_output,
)
from dendrites.models.sacramento import (
    nudging_conductances,
    sacramento_interneuron,
    sacramento_output,
    sacramento_pyramidal,
)
from dendrites.models.source import source
from dendrites.models.spike_source import spike_source
from dendrites.models.stochastic_error_cell import (
    stochastic_error_cell,
    stochastic_taught_cell,
)
from dendrites.models.target_cells import target_hidden, target_output
from dendrites.models.three_compartment import three_compartment
from dendrites.models.urbanczik_senn import urbanczik_senn
from dendrites.models.urbanczik_senn_rewarded import urbanczik_senn_rewarded

__all__ = [
    "adex_dendrite",
    "attention_cell",
    "averaging_cell",
    "balanced_branch",
    "balanced_cell",
    "bernoulli_source",
    "binary_cell",
    "burst_cell",
    "burst_detector",
    "cable",
    "calcium_cell",
    "chance_cell",
    "choosing_output",
    "code_hidden",
    "code_source",
    "coin",
    "column_cell",
    "comparing_critic",
    "energy_cell",
    "error_cell",
    "error_partner",
    "gated_pyramidal",
    "guerguiev_hidden",
    "guerguiev_leading",
    "guerguiev_output",
    "helmholtz_cell",
    "judged_cell",
    "linear_interneuron",
    "majority_cell",
    "mirror_cell",
    "naud_sprekeler",
    "naud_sprekeler_simple",
    "noise_cell",
    "nudging_conductances",
    "plateau_cell",
    "prediction_error_cell",
    "predictive_cell",
    "presynaptic",
    "rectified_cell",
    "relaxing_cell",
    "release_site",
    "reward_critic",
    "rewarded_binary",
    "rewarded_cell",
    "rewarded_output",
    "sacramento_interneuron",
    "sacramento_output",
    "sacramento_pyramidal",
    "source",
    "spike_source",
    "stochastic_error_cell",
    "stochastic_taught_cell",
    "summing_cell",
    "surprise_critic",
    "target_hidden",
    "target_output",
    "taught_burst_cell",
    "taught_cell",
    "three_compartment",
    "threshold_unit",
    "urbanczik_senn",
    "urbanczik_senn_rewarded",
]
