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
    "apical_onset",
    "apical_timing",
    "btsp",
    "burst_pairing",
    "burst_protocols",
    "burst_steering",
    "dendritic_prediction",
    "depth",
    "digits",
    "disinhibition_circuit",
    "disinhibition_gate",
    "distance_switch",
    "drift",
    "early_late",
    "external_timing",
    "external_timing_circuit",
    "gradient_descent",
    "held_dendrite",
    "image_circuit",
    "mnist_microcircuit",
    "new_association",
    "paired_bursts",
    "pairing_frequency",
    "plasticity_matrix",
    "plasticity_sign",
    "plateau_angle",
    "plateau_laps",
    "plateau_pairing",
    "plateaus",
    "plot_apical_timing",
    "plot_btsp",
    "plot_burst_pairing",
    "plot_dendritic_prediction",
    "plot_depth",
    "plot_digits",
    "plot_disinhibition_gate",
    "plot_distance_switch",
    "plot_drift",
    "plot_early_late",
    "plot_external_timing",
    "plot_mnist_microcircuit",
    "plot_new_association",
    "plot_pairing_frequency",
    "plot_plasticity_matrix",
    "plot_plasticity_sign",
    "plot_plateau_angle",
    "plot_segregated_dendrites",
    "plot_self_prediction",
    "plot_spike_pair_window",
    "plot_teacher_student",
    "plot_transient_silence",
    "plot_weak_nudge",
    "plot_yin_yang",
    "references",
    "segregated_dendrites",
    "self_prediction",
    "spike_pair_window",
    "stretches",
    "tasks",
    "teacher_student",
    "transient_silence",
    "weak_nudge",
    "yin_yang",
)

__all__ = [*_MODULES, *_WHERE]

__getattr__, __dir__ = lazy_names(__name__, _WHERE, _MODULES)
