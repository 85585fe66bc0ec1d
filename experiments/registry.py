"""What an experiment is: one function, one tree out, one plot of that tree."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType

from dendrites._checks import shown
from dendrites.errors import ConfigError, choices
from experiments.own import own_questions


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

    def __repr__(self):
        return f"Experiment({self.name!r}: {self.line})"

    def load(self):
        """The experiment's function."""
        return getattr(importlib.import_module(self.module), self.function)

    def load_plots(self) -> ModuleType:
        """The module with its plot."""
        return importlib.import_module(self.plots)


def _question(family, name, line, full=None):
    """The experiment that lies where its family and name say."""
    module = name.replace("-", "_")
    return Experiment(
        name,
        f"experiments.{family}.{module}",
        module,
        f"experiments.plots.{family}.{module}",
        line,
        full or {},
    )


EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        _question(
            "microcircuit",
            "digits",
            "Can apical errors teach a deep microcircuit to read handwritten digits?",
        ),
        _question(
            "microcircuit",
            "mnist-microcircuit",
            "Can the dendritic microcircuit learn MNIST with two hidden layers?",
            full={"epochs": 200, "rate_decay": 0.985},
        ),
        _question(
            "microcircuit",
            "depth",
            "How many hidden layers can the microcircuit train, and what stops it?",
            full={"depths": (1, 2, 3, 4, 5), "epochs": 15},
        ),
        _question(
            "microcircuit",
            "weak-nudge",
            "Does a weakly taught microcircuit follow the exact gradient?",
            full={"patterns": 20, "networks": 5},
        ),
        _question(
            "microcircuit",
            "transient-silence",
            "Do apical dendrites stay silent while the input changes?",
            full={"pairs": 2, "networks": 5},
        ),
        _question(
            "microcircuit",
            "self-prediction",
            "Do interneurons learn to silence the apical dendrites they reach?",
            full={"patterns": 10000},
        ),
        _question(
            "microcircuit",
            "new-association",
            "Does a teacher cause an apical error, and does learning remove it?",
            full={"taught": 60.0, "seeds": 10},
        ),
        _question(
            "microcircuit",
            "teacher-student",
            "Can a circuit with random weights learn what a network computes?",
            full={"trials": 10_000_000, "examples": 1_000_000},
        ),
        _question(
            "microcircuit",
            "yin-yang",
            "Can a small circuit learn curved borders between three classes?",
        ),
        _question(
            "family",
            "gradient-atlas",
            "How close does the update of each learning scheme come to the gradient?",
            full={"networks": 10, "learning": 50_000},
        ),
        _question(
            "family",
            "compare-rules",
            "What does a scheme gain by telling hidden cells more of the error?",
            full={"task": "mnist", "hidden": (500,), "presentations": 550_000},
        ),
        _question(
            "family",
            "feedback-improves-activity",
            "Is what feedback makes hidden cells do better than what they did?",
            full={"networks": 10, "learning": 50_000},
        ),
        _question(
            "prediction",
            "dendritic-prediction",
            "Can a dendrite learn to predict what a teacher makes its soma do?",
            full={"seeds": 9},
        ),
        _question(
            "prediction",
            "spike-pair-window",
            "What does one pair of spikes do to a dendritic synapse?",
        ),
        _question(
            "prediction",
            "drift",
            "Which way do weights drift, and at what potential do they stand still?",
            full={"cells": 2000},
        ),
        _question(
            "plateaus",
            "segregated-dendrites",
            "Can plateau potentials of segregated dendrites teach a spiking network?",
            full={"task": "mnist", "epochs": 10},
        ),
        _question(
            "plateaus",
            "plateau-angle",
            "How close do updates from plateau potentials come to gradients?",
            full={"task": "mnist", "images": 60000, "networks": 3},
        ),
        _question(
            "plateaus",
            "early-late",
            "Does the time of apical input set the sign of basal plasticity?",
        ),
        _question(
            "signs",
            "plasticity-sign",
            "Does apical current control the sign of basal plasticity, in which model?",
        ),
        _question(
            "signs",
            "plasticity-matrix",
            "Which model shows which switch of the sign of plasticity?",
        ),
        _question(
            "voltage",
            "pairing-frequency",
            "Which rules of plasticity follow the frequency of spike pairings?",
        ),
        _question(
            "voltage",
            "distance-switch",
            "Does the place of a synapse on the dendrite set the sign of plasticity?",
        ),
        _question(
            "gates",
            "disinhibition-gate",
            "Does thalamic input let a basal synapse grow by lifting inhibition?",
        ),
        _question(
            "voltage",
            "external-timing",
            "Does apical input set a sign by moving the spike or by making it a burst?",
        ),
        _question(
            "plateaus",
            "btsp",
            "Does apical drive decide the sign of behavioural-time-scale plasticity?",
        ),
        _question(
            "bursts",
            "burst-pairing",
            "Do bursts beyond those expected decide on the sign of plasticity?",
        ),
        _question(
            "signs",
            "apical-timing",
            "Does the time of apical input, in ms, set the sign of basal plasticity?",
        ),
        _question(
            "bursts",
            "bac-firing",
            "When do a somatic spike and apical current together make a burst?",
        ),
        _question(
            "bursts",
            "burst-multiplexing",
            "Do events follow somatic and bursts apical current, and up to where?",
            full={"seeds": 10},
        ),
        _question(
            "learning",
            "linear-stages",
            "Do deep linear networks learn the strongest direction first, in stages?",
        ),
        _question(
            "learning",
            "weight-symmetry",
            "Do forward and feedback weights become alike while a network learns?",
        ),
        _question(
            "learning",
            "signed-errors",
            "How large are errors in deep networks: do they vanish or explode?",
        ),
        _question(
            "systems",
            "climbing-fibre",
            "Can a rate that is never negative teach more of a movement and less?",
        ),
        _question(
            "systems",
            "fear-conditioning",
            "Do cells learn what a tone foretells, forget it, and skip the known?",
        ),
        _question(
            "systems",
            "gain-control",
            "Does apical current drive a cell, or does it change its gain?",
        ),
        _question(
            "learning",
            "limits",
            "With which power of its parameter does a scheme become exact?",
        ),
        _question(
            "learning",
            "scalar-feedback",
            "How much longer does learning take where all cells hear one number?",
        ),
    )
}
#: Why what a distribution registers is no question, one line each.
PROBLEMS = []
for _own in own_questions(tuple(EXPERIMENTS)):
    if isinstance(_own, str):
        PROBLEMS.append(_own)
    else:
        EXPERIMENTS[_own.name] = _own


def find(name: str):
    """The experiment of a name.

    Raises
    ------
    ConfigError
        If there is none; close matches are named.
    """
    if not isinstance(name, str) or name not in EXPERIMENTS:
        raise ConfigError(
            f"unknown question {shown(name)}: "
            + (choices(str(name)[:60], EXPERIMENTS) or "see experiments.list()")
        )
    return EXPERIMENTS[name]


class Listing(tuple):
    """Experiments that print as their names and questions, one line each."""

    def __repr__(self):
        width = max((len(experiment.name) for experiment in self), default=0)
        lines = [f"{one.name.ljust(width)}  {one.line}" for one in self]
        return "\n".join(lines + [f"not listed: {problem}" for problem in PROBLEMS])


def list() -> Listing:
    """Every question that can be asked, in a tuple that prints one line for each.

    An item has a ``name``, for `experiments.run`, its question as ``line`` and, in
    ``full``, what ``full=True`` sets.
    """
    return Listing(EXPERIMENTS.values())
