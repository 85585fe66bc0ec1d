"""Learning algorithms: functions from layer sizes to a Circuit."""

from circuits.algorithms.guerguiev import guerguiev
from circuits.algorithms.sacramento import sacramento
from circuits.algorithms.urbanczik_senn import urbanczik_senn

__all__ = ["guerguiev", "sacramento", "urbanczik_senn"]
