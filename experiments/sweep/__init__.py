"""Sweeps: an experiment or a function over a grid of arguments, kept in one folder.

Names are loaded when first used, so that importing the package takes no time.
"""

from typing import TYPE_CHECKING

from dendrites._lazy import lazy_names

if TYPE_CHECKING:
    from experiments.sweep.call import run_sweep as run_sweep
    from experiments.sweep.join import open_sweep as open_sweep
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
