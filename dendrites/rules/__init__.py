"""Named single-cell rules, built from reads; one family per file."""

from dendrites.rules.btsp import btsp
from dendrites.rules.burst import burst_dependent
from dendrites.rules.gating import apical_gating
from dendrites.rules.prediction import (
    apical_silencing,
    dendritic_prediction,
    plateau_difference,
    spike_prediction,
    target_rate_difference,
    top_down_reconstruction,
)
from dendrites.rules.stdp import stdp_pair, stdp_triplet, with_triplet_rate
from dendrites.rules.voltage import clopath, clopath_delays

__all__ = [
    "apical_gating",
    "apical_silencing",
    "btsp",
    "burst_dependent",
    "clopath",
    "clopath_delays",
    "dendritic_prediction",
    "plateau_difference",
    "spike_prediction",
    "stdp_pair",
    "stdp_triplet",
    "target_rate_difference",
    "top_down_reconstruction",
    "with_triplet_rate",
]
