"""Dendritic neurons that learn from activity differences inside one cell.

Names are loaded when first used, so that importing the package takes no time.
"""

from dendrites._lazy import lazy_names

_WHERE = {
    "__version__": "_version",
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
    "Kernel": "kernel",
    "simulate": "simulation",
    "SynapticRule": "synaptic_rule",
}
_MODULES = ("models", "rules", "transfer")

__all__ = [*_MODULES, *_WHERE]

__getattr__, __dir__ = lazy_names(__name__, _WHERE, _MODULES)
