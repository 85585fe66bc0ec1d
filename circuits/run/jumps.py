"""How many jumps `equilibrium` needs, and how far they are from more of them."""

import numpy as np

from circuits.synapses import minus, numbers_of
from dendrites.errors import ConfigError
from dendrites.random import generator


def drift(run, patterns, schedule, *, number: int = 0, presentation: int = 0):
    """How far a presentation's weight change is from that with twice the jumps.

    Parameters
    ----------
    run : Replicas with `jumps`
    patterns, schedule, number, presentation : as in `Replicas.present`

    Returns
    -------
    float
        The largest relative distance over all projections. Weights and states are as
        before afterwards.
    """
    own, changes = run.jumps, []
    try:
        for run.jumps in (own, 2 * own):
            with run.undone(number):
                before = run.weights(number)
                run.present(number, patterns, schedule, presentation=presentation)
                after = run.weights(number)
                changes.append(
                    {n: numbers_of(minus(w, before[n])) for n, w in after.items()}
                )
    finally:
        run.jumps = own
    coarse, fine = changes
    return max(
        (
            float(np.linalg.norm(coarse[name] - fine[name]) / np.linalg.norm(change))
            for name, change in fine.items()
            if np.any(change)
        ),
        default=0.0,
    )


def most_jumps(run, patterns, course, accuracy: float) -> int:
    """Jumps of the stage of a `Course` that needs most; see `find_jumps`.

    Judged on the weight change of the first presentation, where rates of change are
    usually largest.
    """
    own, found = run.rates[0], []
    for stage, schedule in enumerate(course.schedules):
        run.rates[0] = course.rates(stage, own)
        found.append(find_jumps(run, patterns, schedule, accuracy))
    run.rates[0] = own
    return max(found)


def find_jumps(run, patterns, schedule, accuracy: float) -> int:
    """Smallest power of two of jumps whose drift is at most `accuracy`.

    Raises
    ------
    ConfigError
        If it would take a jump for every step.
    """
    kept = run.jumps
    segments = schedule.segments(run.circuit.dt, generator(0, "jumps"))
    longest = max((s.steps for s in segments if s.learning), default=1)
    run.jumps = 1
    try:
        while drift(run, patterns, schedule) > accuracy:
            run.jumps *= 2
            if run.jumps >= longest:
                raise ConfigError(
                    f"accuracy = {accuracy:g}: not reached with a jump for each of "
                    f"{longest} steps. Use the integrator 'exact', or lower the "
                    "learning rates"
                )
        return run.jumps
    finally:
        run.jumps = kept
