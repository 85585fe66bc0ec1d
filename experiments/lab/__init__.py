"""The plasticity lab: one protocol, many cells and rules, one labelled dataset.

Names are loaded when first used, so that importing the package takes no time.
"""

from typing import TYPE_CHECKING

from dendrites._lazy import lazy_names

if TYPE_CHECKING:
    from experiments.lab.grids import grid as grid
    from experiments.lab.lab import count_runs as count_runs
    from experiments.lab.lab import run_lab as run_lab
    from experiments.lab.model import LabModel as LabModel
    from experiments.lab.models import lab_models as lab_models
    from experiments.lab.protocol import Protocol as Protocol
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
