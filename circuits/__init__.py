"""Circuits of dendritic cells, shown patterns and trained.

Names are loaded when first used, so that importing the package takes no time.
"""

from typing import TYPE_CHECKING

from dendrites._lazy import lazy_names

if TYPE_CHECKING:
    from circuits import algorithms as algorithms
    from circuits import probes as probes
    from circuits.alignment import Alignment as Alignment
    from circuits.alignment import measure_alignment as measure_alignment
    from circuits.circuit import Circuit as Circuit
    from circuits.connectivity import Dense as Dense
    from circuits.connectivity import OneToOne as OneToOne
    from circuits.explanation import explain as explain
    from circuits.gradient import negative_gradient as negative_gradient
    from circuits.gradient import network_loss as network_loss
    from circuits.images import Convolution as Convolution
    from circuits.images import LocallyConnected as LocallyConnected
    from circuits.images import Pooling as Pooling
    from circuits.initialisers import Constant as Constant
    from circuits.initialisers import LogNormal as LogNormal
    from circuits.initialisers import Normal as Normal
    from circuits.initialisers import ScaledCopy as ScaledCopy
    from circuits.initialisers import Uniform as Uniform
    from circuits.integrators import Blocked as Blocked
    from circuits.integrators import Equilibrium as Equilibrium
    from circuits.integrators import Exact as Exact
    from circuits.maps import Transposed as Transposed
    from circuits.network import Feedforward as Feedforward
    from circuits.network import Layer as Layer
    from circuits.optimisers import Adam as Adam
    from circuits.optimisers import Sgd as Sgd
    from circuits.perturbation import Perturbation as Perturbation
    from circuits.phase import Phase as Phase
    from circuits.population import Population as Population
    from circuits.projection import Projection as Projection
    from circuits.run.epoch import Epoch as Epoch
    from circuits.run.estimate import gradient_estimate as gradient_estimate
    from circuits.run.evaluate import evaluate as evaluate
    from circuits.run.from_run import final_weights as final_weights
    from circuits.run.from_run import from_run as from_run
    from circuits.run.pieces import Inputs as Inputs
    from circuits.run.pieces import Piece as Piece
    from circuits.run.pieces import run_in_pieces as run_in_pieces
    from circuits.run.present import Presented as Presented
    from circuits.run.present import present as present
    from circuits.run.presenter import Presenter as Presenter
    from circuits.run.recording import Record as Record
    from circuits.run.sequence import PresentedSequence as PresentedSequence
    from circuits.run.sequence import present_sequence as present_sequence
    from circuits.run.simulate import simulate as simulate
    from circuits.run.train import train as train
    from circuits.schedule import Schedule as Schedule
    from circuits.shared_weights import Shared as Shared
    from circuits.sparse import Random as Random
    from circuits.sparse import Sparse as Sparse
    from circuits.stack import Stack as Stack
    from circuits.stack import layered as layered
    from circuits.stage import Stage as Stage
    from circuits.task import Split as Split
    from circuits.task import Task as Task
    from circuits.ties import Tied as Tied
    from circuits.waveform import GroupedWaveform as GroupedWaveform
    from circuits.weights import initial_weights as initial_weights
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
