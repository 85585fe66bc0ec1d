"""Experiments: each asks one question, gives one labelled tree and has one plot.

Names are loaded when first used, so that importing the package takes no time.
"""

import importlib

_WHERE = {
    "Argument": "experiment",
    "EXPERIMENTS": "experiment",
    "Experiment": "experiment",
    "headline_table": "headline",
    "read_config": "config_files",
    "save_picture": "outputs",
}
# An experiment and its module share a name; the module it is, whatever was imported
# first, because importing a module puts it under its name here.
_MODULES = ("digits", "plot_digits", "references", "tasks")

__all__ = [*_MODULES, *_WHERE]


def __getattr__(name):
    if name in _MODULES:
        value = importlib.import_module(f"experiments.{name}")
    elif name in _WHERE:
        value = getattr(importlib.import_module(f"experiments.{_WHERE[name]}"), name)
    else:
        raise AttributeError(f"module 'experiments' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
