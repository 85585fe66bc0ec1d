"""Curves of a training run, one entry per epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

# Name of the trained circuit itself among the replicas.
MAIN = "main"


@dataclass
class History:
    """Curves of a run, by name; every list grows by one entry per epoch."""

    epochs: list = field(default_factory=list)
    updates: list = field(default_factory=list)

    def arrays(self) -> dict:
        """As arrays for a checkpoint."""
        return {
            f"history/{kind}/{name}": np.array([row[name] for row in rows])
            for kind, rows in (("epochs", self.epochs), ("updates", self.updates))
            for name in (rows[0] if rows else ())
        }

    def restore(self, arrays: Mapping) -> None:
        """Take up the arrays of a checkpoint."""
        for kind, rows in (("epochs", self.epochs), ("updates", self.updates)):
            prefix = f"history/{kind}/"
            columns = {
                key.removeprefix(prefix): value
                for key, value in arrays.items()
                if key.startswith(prefix)
            }
            length = len(next(iter(columns.values()), ()))
            rows[:] = [{k: v[i] for k, v in columns.items()} for i in range(length)]
