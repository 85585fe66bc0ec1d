"""Dendritic neurons that learn from activity differences inside one cell.

Names are loaded when first used, so that importing the package takes no time.
"""

from typing import TYPE_CHECKING

from dendrites._lazy import lazy_names

if TYPE_CHECKING:
    from dendrites import models as models
    from dendrites import rules as rules
    from dendrites import transfer as transfer
    from dendrites._version import __version__ as __version__
    from dendrites.activity_difference import ActivityDifference as ActivityDifference
    from dendrites.activity_difference import LowPass as LowPass
    from dendrites.cell import NON_NEGATIVE as NON_NEGATIVE
    from dendrites.cell import POSITIVE as POSITIVE
    from dendrites.cell import CellModel as CellModel
    from dendrites.dataset import open_run as open_run
    from dendrites.dataset import save_run as save_run
    from dendrites.dataset import validate as validate
    from dendrites.drives import Drive as Drive
    from dendrites.drives import constant as constant
    from dendrites.drives import noise as noise
    from dendrites.drives import poisson_train as poisson_train
    from dendrites.drives import pulse as pulse
    from dendrites.drives import ramp as ramp
    from dendrites.drives import spike_train as spike_train
    from dendrites.drives import step as step
    from dendrites.drives import waveform as waveform
    from dendrites.errors import CheckpointError as CheckpointError
    from dendrites.errors import CompileError as CompileError
    from dendrites.errors import ConfigError as ConfigError
    from dendrites.errors import DataError as DataError
    from dendrites.errors import DendritesError as DendritesError
    from dendrites.errors import JobError as JobError
    from dendrites.errors import ModelError as ModelError
    from dendrites.errors import NumericalError as NumericalError
    from dendrites.errors import StorageError as StorageError
    from dendrites.kernel import Kernel as Kernel
    from dendrites.simulation import simulate as simulate
    from dendrites.synaptic_rule import SynapticRule as SynapticRule
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
