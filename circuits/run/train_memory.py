"""Memory that a training run takes, known before any is taken."""

from circuits.circuit import Circuit
from circuits.engine.memory import CHUNK, run_bytes

TEST_BATCH = 8 * CHUNK
STREAMED = 100  # presentations shown by one call, about 0.1 s of a large circuit


def training_bytes(
    circuit: Circuit, replicas: int, training: dict, testing: dict, probing: dict | None
) -> int:
    """Of all runners, of weights outside them, and of what is shown.

    Parameters
    ----------
    circuit : Circuit
    replicas : int
    training, testing, probing : dict
        What each runner is planned by; None without probes.
    """
    needed = run_bytes(circuit, replicas=replicas, **training)
    needed += run_bytes(circuit, replicas=replicas, learning=False, **testing)
    if probing is not None:
        needed += run_bytes(circuit, **probing)
    weights = sum(circuit.n_synapses(p.name) for p in circuit.projections)
    # The start; of a probe also weights before and after, and the gradient.
    needed += 8 * weights * (2 if probing is None else 4)
    samples = max(TEST_BATCH, training["batch"])
    shown = (circuit.schedule, *training["schedules"])
    if any(all(phase.timeless for phase in s.phases) for s in shown):
        samples = max(samples, training["batch"] * STREAMED)
    width = sum(p.size for p in circuit.populations if p.model.clamped)
    return needed + 8 * samples * width
