"""Dendritic neurons that learn from activity differences inside one cell.

Names are loaded when first used, so that importing the package takes no time.
"""

import importlib

_WHERE = {
    "ActivityDifference": "activity_difference",
    "LowPass": "activity_difference",
    "CellModel": "cell",
    "NON_NEGATIVE": "cell",
    "POSITIVE": "cell",
    "open_run": "dataset",
    "save_run": "dataset",
    "validate": "dataset",
    "Drive": "drives",
    "constant": "drives",
    "noise": "drives",
    "poisson_train": "drives",
    "pulse": "drives",
    "ramp": "drives",
    "spike_train": "drives",
    "step": "drives",
    "waveform": "drives",
    "CheckpointError": "errors",
    "CompileError": "errors",
    "ConfigError": "errors",
    "DataError": "errors",
    "DendritesError": "errors",
    "JobError": "errors",
    "ModelError": "errors",
    "NumericalError": "errors",
    "StorageError": "errors",
    "simulate": "simulation",
    "SynapticRule": "synaptic_rule",
}
_MODULES = ("models", "rules", "transfer")

__all__ = ["__version__", *_MODULES, *_WHERE]


def __getattr__(name):
    if name == "__version__":
        value = importlib.import_module("importlib.metadata").version("dendrites")
    elif name in _MODULES:
        value = importlib.import_module(f"dendrites.{name}")
    elif name in _WHERE:
        value = getattr(importlib.import_module(f"dendrites.{_WHERE[name]}"), name)
    else:
        raise AttributeError(f"module 'dendrites' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
