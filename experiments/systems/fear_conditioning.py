"""The fear-conditioning experiment: a tone, a shock, and what cells make of them."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le

from experiments.parameters import Argument, Repeats, Seed, Step
from experiments.record import Answer, question

CITATION = "Rescorla & Wagner (1972); Quirk, Repa & LeDoux (1995), Neuron 15, 1029"
HABITUATION = 5
REST, OUTCOME = 100.0, 50.0  # ms
LATEST = 60.0  # ms after the tone


@question(title="Fear conditioning of cells in the amygdala", citation=CITATION)
def fear_conditioning(
    *,
    trials: Annotated[
        int, Argument("pairings, and as many of every later stage"), Ge(1), Le(10_000)
    ] = 20,
    eta: Annotated[float, Argument("learning rate", "1/ms"), Gt(0), Le(1)] = 0.012,
    fibres: Annotated[int, Argument("per stimulus"), Ge(1), Le(100_000)] = 100,
    rate: Annotated[float, Argument("of a fibre", "Hz"), Gt(0), Le(1000)] = 50.0,
    delay: Annotated[
        float,
        Argument("from a sound to the spikes of its fibres", "ms"),
        Gt(0),
        Le(1000),
    ] = 8.0,
    tone: Annotated[
        float, Argument("before the shock", "ms"), Ge(LATEST), Le(1e5)
    ] = 200.0,
    cells: Annotated[int, Argument("in the amygdala"), Ge(1), Le(10_000)] = 20,
    gain: Annotated[float, Argument("of the soma for what is expected"), Gt(0)] = 4.0,
    sigma: Annotated[
        float, Argument("of white noise at the soma", "1/sqrt(ms)"), Ge(0)
    ] = 0.2,
    animals: Annotated[Repeats, Argument("per procedure")] = 6,
    dt: Annotated[Step, Argument("step")] = 1.0,
    seed: Annotated[
        Seed, Argument("of the first animal; the others have the next ones")
    ] = 0,
):
    """Do cells learn what a tone foretells, forget it, and ignore what is known?

    Spiking fibres of a tone and of a light make an association V in the dendrite of
    cells of the lateral amygdala. During the outcome, the last 50 ms of the stimuli,
    synapses learn by eta (shock - V) psp: what was not expected. Animals hear the tone
    with the shock, then without; hear them unpaired; are shown tone and light together
    after the tone was learned (blocking), or before (control).

    Returns
    -------
    xarray.DataTree
        ``/conditioning``: ``strength`` of the tone (procedure, animal, trial) before
        each trial, ``expected`` (procedure, trial) by theory, and ``response``, spikes
        per cell in the 60 ms after the tone less those of the 60 ms before.
        ``/blocking``: ``strength`` (procedure, animal, stimulus, trial) and
        ``expected`` (procedure, stimulus, trial). ``/latency``: ``first_spikes`` (when,
        latency), percent of cells and trials whose first spike after the tone is then,
        before pairings and after them.

    Source: the rule is that of Rescorla and Wagner (1972) at single synapses, as the
    delta rule; curves of spiking inputs are our derivation.
    """
    from dendrites.dataset import group
    from experiments.systems.fear_circuit import (
        STIMULI,
        fear_circuit,
        learning_constants,
    )

    drive = {"fibres": fibres, "eta": eta, "dt": dt}
    circuit = fear_circuit(
        cells=cells,
        rest=REST,
        delay=delay,
        tone=tone,
        outcome=OUTCOME,
        gain=gain,
        sigma=sigma,
        **drive,
    )
    constants = learning_constants(rate=rate, **drive)
    found, theory = {}, {}
    for name, shown in procedures(trials).items():
        theory[name] = expected(shown, constants, round(OUTCOME / dt))
        found[name] = [
            conditioned(circuit, shown, rate, seed + k) for k in range(animals)
        ]
    first, second = ("paired", "unpaired"), ("blocking", "control")

    def of(names, key):
        return np.array([[animal[key] for animal in found[name]] for name in names])

    animal = seed + np.arange(animals)
    one = ("procedure", "animal", "trial")
    two = ("procedure", "animal", "stimulus", "trial")
    conditioning = group(
        {
            "strength": (one, of(first, "strength")[:, :, 0], "1", "of the tone"),
            "expected": (
                ("procedure", "trial"),
                np.array([theory[name][0] for name in first]),
                "1",
                "by theory",
            ),
            "response": (one, of(first, "response"), "1", "spikes, less those before"),
        },
        {
            "procedure": [*first],
            "animal": animal,
            "trial": np.arange(HABITUATION + 2 * trials),
        },
    )
    blocking = group(
        {
            "strength": (two, of(second, "strength"), "1"),
            "expected": (
                ("procedure", "stimulus", "trial"),
                np.array([theory[name] for name in second]),
                "1",
                "by theory",
            ),
        },
        {
            "procedure": [*second],
            "animal": animal,
            "stimulus": [*STIMULI],
            "trial": np.arange(2 * trials + 1),
        },
    )
    latency = _latencies(of(("paired",), "first")[0], trials, dt)
    return Answer(
        {"/conditioning": conditioning, "/blocking": blocking, "/latency": latency},
        dt=dt,
        duration=REST + delay + tone + OUTCOME,
        headline=_headline(conditioning, blocking, latency, trials),
    )


def procedures(n: int) -> dict:
    """Trials by procedure, each (tone, light, shock): 1 where it is shown.

    The last trial of the stages with a light is never shown a shock.
    """
    tone, light, none = (1, 0), (0, 1), (0, 0)
    alone, paired = [(*tone, 0)], [(*tone, 1)]
    apart = ([(*none, 1), (*tone, 0)] * n)[:n]
    both = [(1, 1, 1)] * n
    return {
        "paired": alone * HABITUATION + paired * n + alone * n,
        "unpaired": alone * HABITUATION + apart + alone * n,
        "blocking": [*paired * n, *both, (*light, 0)],
        "control": [*[(*none, 0)] * n, *both, (*light, 0)],
    }


def expected(shown, constants, steps: int) -> np.ndarray:
    """Strengths (stimulus, trial) before every trial, in the mean.

    Parameters
    ----------
    shown : sequence of (tone, light, shock)
    constants : tuple of float
        Of `experiments.systems.fear_circuit.learning_constants`.
    steps : int
        Of an outcome; the shock is felt from the second one on.
    """
    own, other = constants
    strength, found = np.zeros(2), []
    for *stimuli, shock in shown:
        found.append(strength)
        present = np.array(stimuli, float)
        for step in range(steps):
            error = shock * (step > 0) - present @ strength
            change = other * error - (own - other) * strength
            strength = strength + present * change
    return np.array(found).T


def conditioned(circuit, shown, rate, seed) -> dict:
    """One animal: strengths before every trial, responses and first spikes.

    Returns
    -------
    dict of ndarray
        ``strength`` (stimulus, trial); ``response`` (trial,), spikes per cell;
        ``first`` (trial, cell), ms of the first spike after the tone, NaN without one
        in the first 60 ms.
    """
    import circuits
    from experiments.systems.fear_circuit import STIMULI, strengths

    fibres, dt = circuit.population("tone").size, circuit.dt
    found = {"strength": [], "response": [], "first": []}
    onset, window = round(REST / dt), round(LATEST / dt)
    record = circuits.Record("amygdala", (), spikes=True)
    with circuits.Presenter(circuit, seed=seed, record=[record]) as presenter:
        for *stimuli, shock in shown:
            weights = presenter.weights()
            found["strength"].append(strengths(weights, rate, dt))
            patterns = {
                name: np.full((1, fibres), rate * on)
                for name, on in zip(STIMULI, stimuli, strict=True)
            }
            presenter.present({**patterns, "shock": np.array([[float(shock)]])})
            spikes = presenter.recorded()["amygdala", "spikes"][1:, 0]
            after = spikes[onset : onset + window]
            before = spikes[onset - window : onset]
            found["response"].append((after.sum() - before.sum()) / spikes.shape[1])
            first = np.where(after.any(axis=0), after.argmax(axis=0) * dt, np.nan)
            found["first"].append(first)
    return {
        "strength": np.array(found["strength"]).T,
        "response": np.array(found["response"]),
        "first": np.array(found["first"]),
    }


def _latencies(first, trials, dt):
    """First spikes (animal, trial, cell) as shares of all, at first and at the end."""
    from dendrites.dataset import group

    edges = np.arange(0.0, LATEST + 0.5 * dt, dt)
    end = HABITUATION + trials
    shares, medians = [], []
    for some in (first[:, :HABITUATION], first[:, end : end + HABITUATION]):
        counts, _ = np.histogram(some[np.isfinite(some)], edges - 0.5 * dt)
        shares.append(100.0 * counts / some.size)
        medians.append(np.median(some[np.isfinite(some)]) if counts.sum() else np.nan)
    return group(
        {
            "first_spikes": (("when", "latency"), np.array(shares), "percent"),
            "median": (("when",), np.array(medians), "ms", "of first spikes"),
        },
        {"when": ["before", "after"], "latency": edges[:-1]},
        units={"latency": "ms"},
        nonfinite="found",
    )


def _headline(conditioning, blocking, latency, trials):
    mean = conditioning.mean("animal")
    light = blocking.sel(stimulus="light").isel(trial=-1)
    end = HABITUATION + trials
    largest = max(
        float(abs(x.strength.mean("animal") - x.expected).max())
        for x in (conditioning, blocking)
    )

    def strength(value, reference):
        return {
            "value": float(value),
            "unit": "1",
            "reference": f"{float(reference):.3f}",
            "source": "theory, in the mean",
        }

    paired = mean.sel(procedure="paired")
    figures = {
        "max_deviation": {"value": largest, "unit": "1", "reference": "0"},
        "strength_acquired": strength(paired.strength[end], paired.expected[end]),
        "strength_extinguished": strength(paired.strength[-1], paired.expected[-1]),
        "strength_unpaired": strength(
            mean.strength.sel(procedure="unpaired")[end],
            mean.expected.sel(procedure="unpaired")[end],
        ),
    }
    for name in ("blocking", "control"):
        one = light.sel(procedure=name)
        figures[f"strength_of_light_{name}"] = strength(
            one.strength.mean(), one.expected
        )
    median = float(latency["median"].sel(when="after"))
    if np.isfinite(median):
        figures["latency_ms"] = {
            "value": median,
            "unit": "ms",
            "reference": "10 to 15",
            "source": "recordings of the lateral amygdala",
        }
    return figures
