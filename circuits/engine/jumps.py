"""How many jumps `equilibrium` needs, and how far they are from more of them."""

import numpy as np

from dendrites._time import n_steps
from dendrites.errors import ConfigError
from dendrites.random import generator

# After so many time constants a deviation from the fixed point is below 1e-4.
ONSET = 10


def onset_steps(circuit, onset: float | None) -> int:
    """Steps after a switch that `equilibrium` takes one by one.

    Parameters
    ----------
    circuit : Circuit
    onset : float or None
        ms; None stands for 10 times the slowest `time_constant` of the cells.
    """
    if onset is None:
        models = [p.model for p in circuit.populations]
        constants = [
            float(m.time_constant(m.parameters)) for m in models if m.time_constant
        ]
        onset = ONSET * max(constants, default=0.0)
    return n_steps(onset, circuit.dt, "onset", quiet=True)


def drift(runner, patterns, schedule, *, number: int = 0, presentation: int = 0):
    """How far a presentation's weight change is from that with twice the jumps.

    Parameters
    ----------
    runner : Runner with `jumps`
    patterns, schedule, number, presentation : as in `Runner.present`

    Returns
    -------
    float
        The largest relative distance over all projections. Weights and states are as
        before afterwards.
    """
    own, changes = runner.jumps, []
    arenas = (
        runner.replicas[number],
        *runner.lanes[number],
        runner.shown,
        runner.clocks,
    )
    kept = [arena.copy() for arena in arenas]
    try:
        for runner.jumps in (own, 2 * own):
            before = runner.weights(number)
            runner.present(number, patterns, schedule, presentation=presentation)
            after = runner.weights(number)
            changes.append({name: after[name] - before[name] for name in after})
            for arena, old in zip(arenas, kept, strict=True):
                arena[:] = old
    finally:
        runner.jumps = own
    coarse, fine = changes
    return max(
        (
            float(np.linalg.norm(coarse[name] - fine[name]) / np.linalg.norm(change))
            for name, change in fine.items()
            if np.any(change)
        ),
        default=0.0,
    )


def find_jumps(runner, patterns, schedule, accuracy: float) -> int:
    """Smallest power of two of jumps whose drift is at most `accuracy`.

    Raises
    ------
    ConfigError
        If it would take a jump for every step.
    """
    kept = runner.jumps
    segments = schedule.segments(runner.circuit.dt, generator(0, "jumps"))
    longest = max((s.steps for s in segments if s.learning), default=1)
    runner.jumps = 1
    try:
        while drift(runner, patterns, schedule) > accuracy:
            runner.jumps *= 2
            if runner.jumps >= longest:
                raise ConfigError(
                    f"accuracy = {accuracy:g}: not reached with a jump for each of "
                    f"{longest} steps. Use the integrator 'exact', or lower the "
                    "learning rates"
                )
        return runner.jumps
    finally:
        runner.jumps = kept
