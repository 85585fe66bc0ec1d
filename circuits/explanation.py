"""`circuits.explain`: what a step does, in order."""

from circuits.circuit import Circuit, check_circuit
from circuits.engine.explain import explain_lists
from circuits.engine.facts import refuse_shared_traces
from circuits.integrators import Blocked
from circuits.schedule import Schedule, as_schedule
from dendrites._checks import flag, whole_number
from dendrites.errors import ConfigError


def explain(
    circuit: Circuit,
    schedule: Schedule | None = None,
    *,
    learning: bool = True,
    block: int = 1,
    batch: int = 1,
    optimise: bool = True,
) -> str:
    """What a presentation of a circuit does, one operation a line.

    Parameters
    ----------
    circuit : Circuit
    schedule : Schedule, optional
        Default: the circuit's training schedule.
    learning : bool
        Whether rules act.
    block : int
        Steps per block, see `circuits.train`; 1 moves weights at every step.
    batch : int
        Samples shown side by side. With one sample some updates wait for the next
        product.
    optimise : bool
        Whether to show the operations that run, or those that say what is computed.

    Returns
    -------
    str

    Raises
    ------
    ConfigError, ModelError
        For what is no circuit, schedule or number.
    """
    check_circuit("explain", circuit)
    flag("explain: learning", learning, error=ConfigError)
    flag("explain: optimise", optimise, error=ConfigError)
    block = whole_number("explain: block", block, lowest=1)
    batch = whole_number("explain: batch", batch, lowest=1)
    if learning:
        refuse_shared_traces(circuit, batch)
        Blocked(block).check(circuit)
    schedule = as_schedule(
        "explain: schedule", circuit.schedule if schedule is None else schedule
    )
    return explain_lists(
        circuit.with_schedule(schedule),
        schedule,
        learning=learning,
        block=block,
        batch=batch,
        optimise=optimise,
    )
