"""The plasticity lab: one protocol, many cells and rules, one labelled dataset.

Names are loaded when first used, so that importing the package takes no time.
"""

from dendrites._lazy import lazy_names

_WHERE = {
    "LabModel": "model",
    "Protocol": "protocol",
    "count_runs": "lab",
    "grid": "grids",
    "lab_models": "models",
    "run_lab": "lab",
}

__all__ = [*_WHERE]

__getattr__, __dir__ = lazy_names(__name__, _WHERE, ())
