"""Circuits of dendritic cells, shown patterns and trained.

Names are loaded when first used, so that importing the package takes no time.
"""

import importlib

_WHERE = {
    "Alignment": "alignment",
    "Circuit": "circuit",
    "Constant": "projection",
    "Layer": "circuit",
    "Phase": "schedule",
    "Population": "population",
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
    "simulate": "simulation",
    "measure_alignment": "alignment",
    "train": "training",
}
_MODULES = ("algorithms",)

__all__ = [*_MODULES, *_WHERE]


def __getattr__(name):
    if name in _MODULES:
        value = importlib.import_module(f"circuits.{name}")
    elif name in _WHERE:
        value = getattr(importlib.import_module(f"circuits.{_WHERE[name]}"), name)
    else:
        raise AttributeError(f"module 'circuits' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
