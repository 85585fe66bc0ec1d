"""One operation, called from Python."""

from dendrites.compile.calls import at, call_operation
from dendrites.compile.jit import kernel
from dendrites.compile.rows import ADDRESS


@kernel
def apply_kernel(weights, lane, row, span):
    """Call the operation of a row once, on arrays."""
    call_operation(row[ADDRESS], at(weights, 0), at(lane, 0), at(row, 0), at(span, 0))
