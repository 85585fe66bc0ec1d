"""Learning algorithms: functions from layer sizes to a Circuit."""

from circuits.algorithms.sacramento import sacramento

__all__ = ["sacramento"]
