"""One cell model per file; each factory returns a CellModel."""

from dendrites.models.guerguiev import guerguiev_hidden, guerguiev_output
from dendrites.models.sacramento import (
    nudging_conductances,
    sacramento_interneuron,
    sacramento_output,
    sacramento_pyramidal,
)
from dendrites.models.source import source
from dendrites.models.spike_source import spike_source
from dendrites.models.three_compartment import three_compartment
from dendrites.models.urbanczik_senn import urbanczik_senn

__all__ = [
    "guerguiev_hidden",
    "guerguiev_output",
    "nudging_conductances",
    "sacramento_interneuron",
    "sacramento_output",
    "sacramento_pyramidal",
    "source",
    "spike_source",
    "three_compartment",
    "urbanczik_senn",
]
