"""The climbing-fibre experiment: supervised learning in the cerebellum."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le

from experiments.parameters import Argument, Seed, Step
from experiments.record import Answer, question

CITATION = "Marr (1969), J. Physiol. 202, 437; Albus (1971), Math. Biosci. 10, 25"


@question(title="Climbing fibres teach the vestibulo-ocular reflex", citation=CITATION)
def climbing_fibre(
    *,
    gains: Annotated[
        tuple[Annotated[float, Gt(-10), Le(10)], ...],
        Argument("asked of eye over head velocity; the reflex begins with 1"),
    ] = (0.5, 1.5),
    phase: Annotated[
        float,
        Argument("lead asked of the eye in a further task", "degree"),
        Gt(0),
        Le(180),
    ] = 45.0,
    frequency: Annotated[
        float, Argument("of the head's movement", "Hz"), Gt(0), Le(20)
    ] = 0.5,
    granule: Annotated[int, Argument("granule cells"), Ge(1), Le(100_000)] = 500,
    baseline: Annotated[
        float, Argument("rate of climbing fibres without error", "Hz"), Gt(0), Le(100)
    ] = 1.0,
    sensitivity: Annotated[
        float, Argument("change of that rate with the error", "Hz"), Gt(0), Le(1000)
    ] = 8.0,
    eta: Annotated[
        float, Argument("weight change of one complex spike"), Gt(0), Le(10)
    ] = 0.01,
    cycles: Annotated[int, Argument("of head movement"), Ge(2), Le(100_000)] = 400,
    dt: Annotated[Step, Argument("step, divides the cycle")] = 10.0,
    seed: Annotated[Seed, Argument("of granule cells and of spikes")] = 0,
):
    """Can a rate that is never negative teach more of a movement and less?

    Head velocity is a sine; a direct path moves the eyes with gain 1, a Purkinje cell
    adds to that from the rates of granule cells, w g. Its climbing fibre fires at
    c = c_0 + k (output - demand), and synapses of active parallel fibres change by
    -eta (c - c_0) g: too much output depresses, too little lets synapses grow. The
    error is told as c itself, which may be negative (signed), as a rate (rectified) or
    by complex spikes at that rate (spikes), one step late.

    Returns
    -------
    xarray.DataTree
        ``/learning``: ``error`` (code, task, cycle), root mean square of output minus
        demand over a cycle, ``expected`` (task, cycle) by theory for the signed code,
        ``floor``, that of spikes after long learning; ``gain`` and ``lead`` (code,
        task, cycle) of the eye, by regression. ``/movement``: ``eye`` (code, task,
        when, latency), ``wanted`` (task, latency) and ``climbing``
        (code, task, when, latency), Hz, in the first and the last cycle.

    Source: the rule is that of Marr (1969), Albus (1971) and Ito (1989), the
    derivations are ours.
    """
    from dendrites.dataset import group
    from dendrites.random import generator
    from experiments.systems.climbing_fibre_circuit import (
        CODES,
        granule_rates,
        residual,
    )

    steps = steps_of_cycle(frequency, dt)
    angle = 2.0 * np.pi * np.arange(steps) / steps
    tasks, demand = demands(gains, phase, angle)
    rates = granule_rates(angle, granule, generator(seed, "climbing_fibre/granule"))
    output = moved(rates, demand, cycles, baseline, sensitivity, eta, dt, seed)
    error = output - demand
    eye = np.sin(angle)[:, np.newaxis] + output
    gain, lead = gain_and_lead(eye, angle)
    time = (np.arange(cycles) + 0.5) * steps * dt / 1000.0
    expected = [residual(rates, d, time, eta * sensitivity) for d in demand.T]
    dims = ("code", "task", "cycle")
    learning = group(
        {
            "error": (dims, np.sqrt(np.mean(error**2, axis=2)).transpose(0, 2, 1), "1"),
            "expected": (dims[1:], np.array(expected), "1", "signed, by theory"),
            "gain": (dims, gain, "1", "of eye over head velocity"),
            "lead": (dims, lead, "degree", "of the eye before the head"),
            "floor": (
                (),
                np.sqrt(eta * baseline / (2.0 * sensitivity)),
                "1",
                "error that spikes leave, by theory",
            ),
        },
        {"code": [*CODES], "task": tasks, "cycle": np.arange(cycles)},
    )
    ends = [0, cycles - 1]
    climbing = baseline + sensitivity * error[:, ends]
    climbing[1:] = np.maximum(climbing[1:], 0.0)
    when = ("code", "task", "when", "latency")
    movement = group(
        {
            "eye": (when, eye[:, ends].transpose(0, 3, 1, 2), "1"),
            "climbing": (when, climbing.transpose(0, 3, 1, 2), "Hz"),
            "wanted": (("task", "latency"), (np.sin(angle)[:, None] + demand).T, "1"),
        },
        {
            "code": [*CODES],
            "task": tasks,
            "when": ["first", "last"],
            "latency": np.arange(steps) * dt,
        },
        units={"latency": "ms"},
    )
    return Answer(
        {"/learning": learning, "/movement": movement},
        dt=dt,
        duration=cycles * steps * dt,
        headline=_headline(learning),
    )


def steps_of_cycle(frequency: float, dt: float) -> int:
    """Steps of one cycle.

    Raises
    ------
    ConfigError
        Unless they are whole, and at least ten.
    """
    from dendrites.errors import ConfigError

    steps = 1000.0 / frequency / dt
    if abs(steps - round(steps)) > 1e-6 or steps < 9.5:
        raise ConfigError(
            f"dt = {dt:g} ms: must go into a cycle of {1000.0 / frequency:g} ms a "
            "whole number of times, at least 10"
        )
    return round(steps)


def demands(gains, phase: float, angle):
    """Names of the tasks, and what each asks of Purkinje output, (n_steps, n_tasks)."""
    gains = sorted(set(gains))
    wanted = [g * np.sin(angle) for g in gains]
    wanted.append(np.sin(angle + np.deg2rad(phase)))
    names = [*(f"gain {g:g}" for g in gains), f"lead {phase:g}"]
    return names, (np.array(wanted) - np.sin(angle)).T


def moved(rates, demand, cycles, baseline, sensitivity, eta, dt, seed) -> np.ndarray:
    """Purkinje outputs while they learn, (n_codes, n_cycles, n_steps, n_tasks)."""
    import circuits
    from experiments.systems.climbing_fibre_circuit import CODES, taught_circuit

    steps, tasks = demand.shape
    circuit = taught_circuit(
        rates.shape[1],
        tasks,
        duration=cycles * steps * dt,
        baseline=baseline,
        sensitivity=sensitivity,
        rate=eta,
        dt=dt,
    )
    tree = circuits.simulate(
        circuit,
        {},
        [circuits.Record(code, ("output",)) for code in CODES],
        learning=True,
        waveforms={
            "granule": np.tile(rates, (cycles, 1)),
            "demand": np.tile(demand, (cycles, 1)),
        },
        seed=seed,
    )
    found = [tree[f"populations/{code}"].v.values[:, 0] for code in CODES]
    return np.array(found).reshape(len(CODES), cycles, steps, tasks)


def gain_and_lead(eye, angle):
    """Amplitude and lead (degree) of the sine in eye (code, cycle, step, task).

    Returns
    -------
    tuple of two ndarray (n_codes, n_tasks, n_cycles)
    """
    sine, cosine = (
        2.0 * np.einsum("knst,s->ktn", eye, wave) / len(angle)
        for wave in (np.sin(angle), np.cos(angle))
    )
    return np.hypot(sine, cosine), np.degrees(np.arctan2(cosine, sine))


def _headline(learning):
    last = learning.isel(cycle=slice(-max(1, learning.sizes["cycle"] // 5), None))
    signed = learning.error.sel(code="signed")
    start = learning.expected.isel(cycle=0)
    figures = {
        "max_deviation": {
            "value": float((abs(signed - learning.expected) / start).max()),
            "unit": "1",
            "reference": "0",
            "source": "eigenvalues of <g g^T>, signed code, of the first error",
        },
        "error_spikes": {
            "value": float(np.sqrt((last.error.sel(code="spikes") ** 2).mean())),
            "unit": "1",
            "reference": f"{float(learning.floor):.4f}",
            "source": "sqrt(eta c_0 / 2 k), last fifth",
        },
    }
    for code in learning.code.values:
        first = [
            np.flatnonzero(error <= 0.1 * error[0])
            for error in learning.error.sel(code=code).values
        ]
        if all(map(len, first)):
            figures[f"cycles_to_a_tenth_{code}"] = {
                "value": float(np.mean([places[0] for places in first])),
                "unit": "1",
                "source": "of the first error, mean of tasks",
            }
    return figures
