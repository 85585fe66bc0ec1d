"""Pairing protocols for burst-dependent plasticity: trains, runs and predictions.

Trains are lists of steps, 0 the first; a spike of step k is at (k + 1) dt.
"""

import numpy as np

ETA, TAU_TRACE, TAU_AVERAGE = 0.1, 50.0, 15_000.0
BURST_INTERVAL = 16.0
# Sequences of a periodic protocol and pairings of a sequence, and the pause between.
SEQUENCES, PAIRINGS, PAUSE = 15, 5, 11_000.0
DEAD_TIME, SHORTEST, LONGEST = 20.0, 2.0, 12.0


def weight_changes(
    pre,
    post,
    *,
    event_average: float,
    burst_probability: float,
    n_steps: int,
    dt: float,
) -> np.ndarray:
    """What the rule does to one synapse between each pair of trains.

    Parameters
    ----------
    pre, post : lists of n trains, ndarrays of int
    event_average : float
        Hz, the average event rate that the postsynaptic cells begin with.
    burst_probability : float
        The burst probability that they begin with.
    n_steps : int
    dt : float
        ms.

    Returns
    -------
    ndarray (n,)
    """
    from circuits import Population
    from dendrites.models import presynaptic
    from dendrites.models.burst_detector import burst_detector
    from dendrites.rules import burst_dependent
    from experiments import pairing

    n = len(pre)
    start = event_average / 1000.0
    cell = burst_detector(
        burst_interval=BURST_INTERVAL,
        tau_average=TAU_AVERAGE,
        initial={"event_average": start, "burst_average": burst_probability * start},
    )
    source = presynaptic(tau_event=TAU_TRACE, burst_interval=BURST_INTERVAL)
    steps = {"pre": pre, "cell": post}
    times = {k: [dt * (train + 1) for train in each] for k, each in steps.items()}
    changes, _ = pairing.run(
        [Population("pre", source, n), Population("cell", cell, n)],
        [pairing.measured("pre", "cell", burst_dependent(ETA), name="plastic")],
        {name: pairing.trains(each) for name, each in times.items()},
        duration=n_steps * dt,
        dt=dt,
    )
    return changes["plastic"]


def periodic_train(frequency: float) -> tuple[np.ndarray, float]:
    """Steps of SEQUENCES times PAIRINGS spikes, and dt.

    dt is the largest step up to 1 ms of which 1/frequency is a multiple, so intervals
    are exact; sequences begin PAIRINGS/frequency + PAUSE apart, to the nearest step.
    """
    period = 1000.0 / frequency
    steps = int(np.ceil(period))
    dt = period / steps
    sequence = round((PAIRINGS * period + PAUSE) / dt)
    train = sequence * np.arange(SEQUENCES)[:, None] + steps * np.arange(PAIRINGS)
    return train.ravel(), dt


def periodic_prediction(train, dt, *, event_average, burst_probability) -> float:
    """The change of simultaneous pairings, event by event, without a circuit."""
    from dendrites.bursts import events_and_bursts

    found = events_and_bursts(dt * (train + 1.0), burst_interval=BURST_INTERVAL, dt=dt)
    events = event_average / 1000.0
    bursts = burst_probability * events
    now = trace = change = 0.0
    seconds = set(found.burst_time)
    for t in np.sort(np.concatenate([found.event_time, found.burst_time])):
        trace *= np.exp((now - t) / TAU_TRACE)
        events *= np.exp((now - t) / TAU_AVERAGE)
        bursts *= np.exp((now - t) / TAU_AVERAGE)
        now = t
        if t in seconds:
            change += ETA * trace
            bursts += 1.0 / TAU_AVERAGE
        else:
            trace += 1.0
            change -= ETA * min(bursts / events, 1.0) * trace
            events += 1.0 / TAU_AVERAGE
    return change


def poisson_trains(rng, rate: float, n: int, n_steps: int, dt: float) -> list:
    """n trains with the same chance of a spike in every step; rate in Hz."""
    return [np.flatnonzero(rng.random(n_steps) < rate * dt / 1000.0) for _ in range(n)]


def burst_poisson_trains(rng, event_rate, p, n: int, n_steps: int, dt: float) -> list:
    """n trains of events, each a burst with chance p.

    The interval from the last spike to the next event is DEAD_TIME and an exponential,
    so that without bursts events have `event_rate`, Hz; a second spike follows SHORTEST
    to LONGEST after the first. All are rounded to steps.
    """
    trains = []
    mean = 1000.0 / event_rate - DEAD_TIME
    count = int(n_steps * dt * event_rate / 1000.0 * 1.5) + 50
    for _ in range(n):
        waits = np.rint((DEAD_TIME + rng.exponential(mean, count)) / dt).astype(int)
        seconds = np.rint(rng.uniform(SHORTEST, LONGEST, count) / dt).astype(int)
        seconds[rng.random(count) >= p] = 0
        events = np.cumsum(waits) + np.cumsum(seconds) - seconds
        train = np.sort(np.concatenate([events, (events + seconds)[seconds > 0]]))
        trains.append(train[train < n_steps])
    return trains


def poisson_prediction(rate, expected, duration: float, dt: float) -> float:
    """Mean change for independent trains, without the averages' fluctuations.

    The events have their stationary rate E from the start, the trace the mean
    E tau_trace, and the expected probability goes from its start to the true one with
    tau_average: eta E^2 tau_trace (P - P(0)) tau_average (1 - e^(-T/tau_average)).
    """
    p = rate * dt / 1000.0
    silent = (1.0 - p) ** (np.ceil(BURST_INTERVAL / dt - 1e-6) - 1.0)
    events = p * silent / dt
    learned = TAU_AVERAGE * -np.expm1(-duration / TAU_AVERAGE)
    trace = events * dt / -np.expm1(-dt / TAU_TRACE)
    return ETA * trace * events * (1.0 - silent - expected) * learned


def burst_poisson_prediction(event_rate, p, expected, duration: float) -> float:
    """The same where bursts lengthen the mean interval of events by their own."""
    events = 1.0 / (1000.0 / event_rate + p * 0.5 * (SHORTEST + LONGEST))
    t = np.arange(0.5, duration, 1.0)
    faded = np.exp(-t / TAU_AVERAGE)
    event_average = events + (event_rate / 1000.0 - events) * faded
    bursts = p * events
    burst_average = bursts + (expected * event_rate / 1000.0 - bursts) * faded
    surplus = bursts - np.minimum(burst_average / event_average, 1.0) * events
    return ETA * events * TAU_TRACE * surplus.sum()
