"""Experiments: each asks one question, gives one labelled tree and has one plot.

Questions lie in a folder for each family, their pictures in `plots`; the module of a
question is found here by its name, too: ``experiments.plasticity_sign``. Names are
loaded when first used, so that importing the package takes no time.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from dendrites._lazy import lazy_names

if TYPE_CHECKING:
    from experiments import baselines as baselines
    from experiments import lab as lab
    from experiments import plots as plots
    from experiments import sweep as sweep
    from experiments import tasks as tasks
    from experiments.ask import plot as plot
    from experiments.ask import run as run
    from experiments.command.config_files import read_config as read_config
    from experiments.command.outputs import save_picture as save_picture
    from experiments.headline import headline_table as headline_table
    from experiments.parameters import Argument as Argument
    from experiments.record import Answer as Answer
    from experiments.record import question as question
    from experiments.registry import EXPERIMENTS as EXPERIMENTS
    from experiments.registry import Experiment as Experiment
    from experiments.registry import list as list
else:
    __all__, _find, __dir__ = lazy_names(__name__)
    __all__.remove("list")  # would hide the type of that name


def __getattr__(name: str) -> ModuleType:
    """The module of a question, by the question's name."""
    from experiments.registry import EXPERIMENTS

    question = EXPERIMENTS.get(name.replace("_", "-"))
    if question is None:
        return _find(name)
    globals()[name] = found = importlib.import_module(question.module)
    return found
