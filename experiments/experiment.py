"""What an experiment is: one function, one tree out, one plot of that tree."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType


@dataclass(frozen=True)
class Argument:
    """What an argument means, for help texts.

    Parameters
    ----------
    text : str
    unit : str
        "1" where it has none.
    usual : object
        What None, its default, stands for where it acts.
    """

    text: str
    unit: str = ""
    usual: object = None


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
            "mnist-microcircuit",
            "experiments.mnist_microcircuit",
            "mnist_microcircuit",
            "experiments.plot_mnist_microcircuit",
            "Can the dendritic microcircuit learn MNIST with two hidden layers?",
            full={"epochs": 200, "rate_decay": 0.985},
        ),
        Experiment(
            "depth",
            "experiments.depth",
            "depth",
            "experiments.plot_depth",
            "How many hidden layers can the microcircuit train, and what stops it?",
            full={"depths": (1, 2, 3, 4, 5), "epochs": 15},
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
        Experiment(
            "self-prediction",
            "experiments.self_prediction",
            "self_prediction",
            "experiments.plot_self_prediction",
            "Do interneurons learn to silence the apical dendrites they reach?",
            full={"patterns": 10000},
        ),
        Experiment(
            "new-association",
            "experiments.new_association",
            "new_association",
            "experiments.plot_new_association",
            "Does a teacher cause an apical error, and does learning remove it?",
            full={"taught": 60.0, "seeds": 10},
        ),
        Experiment(
            "teacher-student",
            "experiments.teacher_student",
            "teacher_student",
            "experiments.plot_teacher_student",
            "Can a circuit with random weights learn what a network computes?",
            full={"trials": 10_000_000, "examples": 1_000_000},
        ),
        Experiment(
            "yin-yang",
            "experiments.yin_yang",
            "yin_yang",
            "experiments.plot_yin_yang",
            "Can a small circuit learn curved borders between three classes?",
        ),
        Experiment(
            "dendritic-prediction",
            "experiments.dendritic_prediction",
            "dendritic_prediction",
            "experiments.plot_dendritic_prediction",
            "Can a dendrite learn to predict what a teacher makes its soma do?",
            full={"seeds": 9},
        ),
        Experiment(
            "spike-pair-window",
            "experiments.spike_pair_window",
            "spike_pair_window",
            "experiments.plot_spike_pair_window",
            "What does one pair of spikes do to a dendritic synapse?",
        ),
        Experiment(
            "drift",
            "experiments.drift",
            "drift",
            "experiments.plot_drift",
            "Which way do weights drift, and at what potential do they stand still?",
            full={"cells": 2000},
        ),
        Experiment(
            "segregated-dendrites",
            "experiments.segregated_dendrites",
            "segregated_dendrites",
            "experiments.plot_segregated_dendrites",
            "Can plateau potentials of segregated dendrites teach a spiking network?",
            full={"task": "mnist", "epochs": 10},
        ),
        Experiment(
            "plateau-angle",
            "experiments.plateau_angle",
            "plateau_angle",
            "experiments.plot_plateau_angle",
            "How close do updates from plateau potentials come to gradients?",
            full={"task": "mnist", "images": 60000, "networks": 3},
        ),
        Experiment(
            "early-late",
            "experiments.early_late",
            "early_late",
            "experiments.plot_early_late",
            "Does the time of apical input set the sign of basal plasticity?",
        ),
        Experiment(
            "plasticity-sign",
            "experiments.plasticity_sign",
            "plasticity_sign",
            "experiments.plot_plasticity_sign",
            "Does apical current control the sign of basal plasticity, in which model?",
        ),
        Experiment(
            "plasticity-matrix",
            "experiments.plasticity_matrix",
            "plasticity_matrix",
            "experiments.plot_plasticity_matrix",
            "Which model shows which switch of the sign of plasticity?",
        ),
        Experiment(
            "pairing-frequency",
            "experiments.pairing_frequency",
            "pairing_frequency",
            "experiments.plot_pairing_frequency",
            "Which rules of plasticity follow the frequency of spike pairings?",
        ),
        Experiment(
            "distance-switch",
            "experiments.distance_switch",
            "distance_switch",
            "experiments.plot_distance_switch",
            "Does the place of a synapse on the dendrite set the sign of plasticity?",
        ),
        Experiment(
            "disinhibition-gate",
            "experiments.disinhibition_gate",
            "disinhibition_gate",
            "experiments.plot_disinhibition_gate",
            "Does thalamic input let a basal synapse grow by lifting inhibition?",
        ),
        Experiment(
            "external-timing",
            "experiments.external_timing",
            "external_timing",
            "experiments.plot_external_timing",
            "Does apical input set a sign by moving the spike or by making it a burst?",
        ),
        Experiment(
            "btsp",
            "experiments.btsp",
            "btsp",
            "experiments.plot_btsp",
            "Does apical drive decide the sign of behavioural-time-scale plasticity?",
        ),
        Experiment(
            "burst-pairing",
            "experiments.burst_pairing",
            "burst_pairing",
            "experiments.plot_burst_pairing",
            "Do bursts beyond those expected decide on the sign of plasticity?",
        ),
        Experiment(
            "apical-timing",
            "experiments.apical_timing",
            "apical_timing",
            "experiments.plot_apical_timing",
            "Does the time of apical input, in ms, set the sign of basal plasticity?",
        ),
        Experiment(
            "bac-firing",
            "experiments.bac_firing",
            "bac_firing",
            "experiments.plot_bac_firing",
            "When do a somatic spike and apical current together make a burst?",
        ),
        Experiment(
            "burst-multiplexing",
            "experiments.burst_multiplexing",
            "burst_multiplexing",
            "experiments.plot_burst_multiplexing",
            "Do events follow somatic and bursts apical current, and up to where?",
            full={"seeds": 10},
        ),
    )
}
