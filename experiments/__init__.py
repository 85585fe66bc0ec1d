"""Experiments: each asks one question, gives one labelled tree and has one plot.

Names are loaded when first used, so that importing the package takes no time.
"""

from dendrites._lazy import lazy_names

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
_MODULES = (
    "digits",
    "gradient_descent",
    "plot_digits",
    "plot_transient_silence",
    "plot_weak_nudge",
    "references",
    "tasks",
    "transient_silence",
    "weak_nudge",
)

__all__ = [*_MODULES, *_WHERE]

__getattr__, __dir__ = lazy_names(__name__, _WHERE, _MODULES)
