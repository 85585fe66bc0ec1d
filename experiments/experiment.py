"""What an experiment is: one function, one tree out, one plot of that tree."""

import importlib
from dataclasses import dataclass
from types import ModuleType


@dataclass(frozen=True)
class Argument:
    """What an argument means and its unit ("1" where it has none), for help texts."""

    text: str
    unit: str = ""


@dataclass(frozen=True)
class Experiment:
    """Where an experiment is found, without importing it.

    Parameters
    ----------
    name : str
        As typed: ``dendrites run NAME``.
    module, function : str
        The function ``module.function(**arguments) -> DataTree``.
    plots : str
        Module with ``plot(tree) -> Figure``.
    line : str
        One line for ``dendrites list``.
    """

    name: str
    module: str
    function: str
    plots: str
    line: str

    def load(self):
        """The experiment's function."""
        return getattr(importlib.import_module(self.module), self.function)

    def load_plots(self) -> ModuleType:
        """The module with its plot."""
        return importlib.import_module(self.plots)


EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            "digits",
            "experiments.digits",
            "digits",
            "experiments.plot_digits",
            "Can apical errors teach a deep microcircuit to read handwritten digits?",
        ),
    )
}
