"""Named single-cell rules, built from reads; one family per file."""

from dendrites.rules.prediction import (
    apical_silencing,
    dendritic_prediction,
    plateau_difference,
    spike_prediction,
    target_rate_difference,
    top_down_reconstruction,
)

__all__ = [
    "apical_silencing",
    "dendritic_prediction",
    "plateau_difference",
    "spike_prediction",
    "target_rate_difference",
    "top_down_reconstruction",
]
