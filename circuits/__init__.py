"""Circuits of dendritic cells, shown patterns and trained.

Names are loaded when first used, so that importing the package takes no time.
"""

from dendrites._lazy import lazy_names

_WHERE = {
    "Adam": "optimisers",
    "Alignment": "alignment",
    "Blocked": "integrators",
    "Circuit": "circuit",
    "Constant": "initialisers",
    "Convolution": "images",
    "Dense": "connectivity",
    "Epoch": "run.epoch",
    "Equilibrium": "integrators",
    "Exact": "integrators",
    "Feedforward": "network",
    "GroupedWaveform": "waveform",
    "Inputs": "run.pieces",
    "Layer": "network",
    "LocallyConnected": "images",
    "LogNormal": "initialisers",
    "Normal": "initialisers",
    "OneToOne": "connectivity",
    "Perturbation": "perturbation",
    "Phase": "phase",
    "Piece": "run.pieces",
    "Pooling": "images",
    "Population": "population",
    "Presented": "run.present",
    "PresentedSequence": "run.sequence",
    "Presenter": "run.presenter",
    "Projection": "projection",
    "Random": "sparse",
    "Record": "run.recording",
    "ScaledCopy": "initialisers",
    "Schedule": "schedule",
    "Sgd": "optimisers",
    "Shared": "shared_weights",
    "Sparse": "sparse",
    "Split": "task",
    "Stack": "stack",
    "Stage": "stage",
    "Task": "task",
    "Tied": "ties",
    "Transposed": "maps",
    "Uniform": "initialisers",
    "evaluate": "run.evaluate",
    "explain": "explanation",
    "gradient_estimate": "run.estimate",
    "final_weights": "run.from_run",
    "from_run": "run.from_run",
    "initial_weights": "weights",
    "layered": "stack",
    "negative_gradient": "gradient",
    "network_loss": "gradient",
    "present": "run.present",
    "present_sequence": "run.sequence",
    "run_in_pieces": "run.pieces",
    "simulate": "run.simulate",
    "measure_alignment": "alignment",
    "train": "run.train",
}
_MODULES = ("algorithms", "probes")

__all__ = [*_MODULES, *_WHERE]

__getattr__, __dir__ = lazy_names(__name__, _WHERE, _MODULES)
