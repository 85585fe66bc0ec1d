"""One cell model per file; each factory returns a CellModel."""

from dendrites.models.sacramento import (
    nudging_conductances,
    sacramento_interneuron,
    sacramento_output,
    sacramento_pyramidal,
)
from dendrites.models.source import source
from dendrites.models.three_compartment import three_compartment

__all__ = [
    "nudging_conductances",
    "sacramento_interneuron",
    "sacramento_output",
    "sacramento_pyramidal",
    "source",
    "three_compartment",
]
