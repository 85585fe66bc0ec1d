"""What an experiment is: one function, one tree out, one plot of that tree."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    full : mapping of argument to value
        What ``--full`` sets: a published or otherwise complete size, where the
        defaults are for a laptop. Empty: there is no such switch.
    """

    name: str
    module: str
    function: str
    plots: str
    line: str
    full: Mapping[str, object] = field(default_factory=dict)

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
        Experiment(
            "weak-nudge",
            "experiments.weak_nudge",
            "weak_nudge",
            "experiments.plot_weak_nudge",
            "Does a weakly taught microcircuit follow the exact gradient?",
            full={"patterns": 20, "networks": 5},
        ),
        Experiment(
            "transient-silence",
            "experiments.transient_silence",
            "transient_silence",
            "experiments.plot_transient_silence",
            "Do apical dendrites stay silent while the input changes?",
            full={"pairs": 2, "networks": 5},
        ),
    )
}
