"""Circuits of dendritic cells, shown patterns and trained.

Names are loaded when first used, so that importing the package takes no time.
"""

from dendrites._lazy import lazy_names

_WHERE = {
    "Alignment": "alignment",
    "Circuit": "circuit",
    "Constant": "projection",
    "Layer": "circuit",
    "Phase": "schedule",
    "Piece": "pieces",
    "Population": "population",
    "Presented": "sequence",
    "Projection": "projection",
    "Record": "simulation",
    "ScaledCopy": "projection",
    "Schedule": "schedule",
    "Split": "task",
    "Task": "task",
    "Tied": "projection",
    "Uniform": "projection",
    "evaluate": "training",
    "initial_weights": "weights",
    "integral_loss": "gradient",
    "negative_gradient": "gradient",
    "present_sequence": "sequence",
    "run_in_pieces": "pieces",
    "simulate": "simulation",
    "measure_alignment": "alignment",
    "train": "training",
}
_MODULES = ("algorithms",)

__all__ = [*_MODULES, *_WHERE]

__getattr__, __dir__ = lazy_names(__name__, _WHERE, _MODULES)
