"""Experiments: each asks one question, gives one labelled tree and has one plot.

Questions lie in a folder for each family, their pictures in `plots`; the module of a
question is found here by its name, too: ``experiments.plasticity_sign``. Names are
loaded when first used, so that importing the package takes no time.
"""

import importlib

from dendrites._lazy import lazy_names

_WHERE = {
    "Argument": "parameters",
    "EXPERIMENTS": "registry",
    "Experiment": "registry",
    "headline_table": "headline",
    "list": "registry",
    "plot": "ask",
    "question": "record",
    "Answer": "record",
    "read_config": "command.config_files",
    "run": "ask",
    "save_picture": "command.outputs",
}
_MODULES = (
    "baselines",
    "lab",
    "plots",
    "sweep",
    "tasks",
)

# Not `list`, which would hide the type of that name.
__all__ = [*_MODULES, *(name for name in _WHERE if name != "list")]

_find, __dir__ = lazy_names(__name__, _WHERE, _MODULES)


def __getattr__(name):
    from experiments.registry import EXPERIMENTS

    question = EXPERIMENTS.get(name.replace("_", "-"))
    if question is None:
        return _find(name)
    globals()[name] = found = importlib.import_module(question.module)
    return found
