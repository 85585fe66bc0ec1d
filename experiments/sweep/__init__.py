"""Sweeps: an experiment or a function over a grid of arguments, kept in one folder.

Names are loaded when first used, so that importing the package takes no time.
"""

from dendrites._lazy import lazy_names

_WHERE = {"open_sweep": "join", "run_sweep": "call"}

__all__ = [*_WHERE]

__getattr__, __dir__ = lazy_names(__name__, _WHERE, ())
