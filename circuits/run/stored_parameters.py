"""Parameters that differ from cell to cell, as groups of a run tree."""

import numpy as np

from circuits.circuit import Circuit
from dendrites._validate_dataset import UNITS
from dendrites.dataset import group


def parameter_groups(circuit: Circuit) -> dict:
    """``/parameters/<population>``: the value of every cell, by parameter.

    Units that files have no word for stand in the `long_name` alone.
    """
    groups = {}
    for p in circuit.populations:
        variables = {}
        for name, values in p.values.items():
            unit = p.model.unit(name)
            stored = unit if unit in UNITS else "1"
            variables[name] = (("unit",), values, stored, f"{name}, {unit}")
        if variables:
            units = np.arange(p.size)
            groups[f"/parameters/{p.name}"] = group(variables, {"unit": units})
    return groups
