"""Patterns: what clamped populations show, side by side in one table."""

import numpy as np


def pattern_columns(circuit):
    """Where the pattern of each clamped population begins in a row; length of rows."""
    clamped = [p for p in circuit.populations if p.model.clamped]
    *starts, width = np.cumsum([0, *(p.size for p in clamped)]).tolist()
    return {p.name: k for p, k in zip(clamped, starts, strict=True)}, width


def pattern_table(columns, patterns, dtype) -> np.ndarray:
    """Patterns of all clamped populations, one row per sample, in their columns."""
    starts, width = columns
    n = len(next(iter(patterns.values()), range(1)))
    table = np.zeros((n, width), dtype)
    for name, column in starts.items():
        if name in patterns:
            values = patterns[name]
            table[:, column : column + values.shape[1]] = values
    return table


def count_samples(patterns: dict, default: int = 1) -> int:
    """Samples of all patterns; `default` if nothing is shown at all."""
    return len(next(iter(patterns.values()), range(default)))
