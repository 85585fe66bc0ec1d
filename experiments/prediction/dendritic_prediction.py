"""Experiment dendritic-prediction: a dendrite learns what a teacher makes its soma."""

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt

from experiments.parameters import Argument, Progress, Repeats, Seed, Step, changed_cell
from experiments.record import Answer, question

CITATION = "Urbanczik & Senn (2014), Neuron 81, 521-528"
# Nine patterns, those of seeds 0 to 8, with five runs of NEST each, as printed by
# benchmarks/nest_dendritic_prediction.py: mean +- standard deviation of the runs.
ELSEWHERE = "NEST 3.10, same protocol, 45 runs, +- standard deviation"
REFERENCES = {
    "rms_mv_first": "9.37 +- 0.80",
    "rms_mv_last": "4.42 +- 0.50",
    "rate_error_hz_first": "46.5 +- 5.1",
    "rate_error_hz_last": "20.7 +- 4.6",
    "correlation_before": "-0.04 +- 0.22",
    "correlation_after_removal": "0.957 +- 0.016",
    "rms_mv_before": "10.38 +- 0.68",
    "rms_mv_after_removal": "4.57 +- 0.69",
    "weight_mean": "59.9 +- 5.9",
    "weight_max": "286 +- 44",
    "weights_at_zero": "0.383 +- 0.053",
}
SYNAPSES = "input_to_output_dendrite"
# The teacher's conductances, nS: g_exc = MEAN + SWING sin(2 pi t / PERIOD).
MEAN, SWING, PERIOD, INHIBITION = 162.0, 144.0, 100.0, 540.0
MOMENTS = ("free", "first_taught", "last_taught", "free_again")
LAST = 5
# Parameters of the cell but for the dead time, which is an argument.
CELL = (
    *("capacitance", "g_leak", "g_dendrite", "g_back", "e_leak", "e_exc", "e_inh"),
    *("tau_syn", "tau_exc", "tau_inh", "phi_max", "k", "beta", "theta"),
)
_SPIKES_PER_S = 1000.0  # of 1/ms


@question(title="A dendrite learns to predict its soma", citation=CITATION)
def dendritic_prediction(
    *,
    inputs: Annotated[Repeats, Argument("input cells")] = 200,
    input_rate: Annotated[float, Argument("of every input", "Hz"), Ge(0)] = 10.0,
    pattern: Annotated[
        float, Argument("time until the input repeats", "ms"), Gt(0)
    ] = 200.0,
    taught: Annotated[int, Argument("presentations with the teacher"), Ge(1)] = 100,
    free: Annotated[
        int, Argument("presentations without it, before and after"), Ge(1)
    ] = 2,
    eta: Annotated[float, Argument("learning rate as NEST counts it"), Ge(0)] = 0.17,
    initial: Annotated[
        float, Argument("weights at the start, as jump of current", "pA"), Ge(0)
    ] = 90.0,
    largest: Annotated[
        float, Argument("weights stay between 0 and this", "pA"), Gt(0)
    ] = 1350.0,
    clip: Annotated[
        Literal["readout", "weights"],
        Argument("bounds act where a weight is used, as in NEST, or on the weight"),
    ] = "readout",
    delay: Annotated[
        float, Argument("from an input spike to its effect", "ms"), Ge(0)
    ] = 0.0,
    dead_time: Annotated[
        float, Argument("of the output after a spike", "ms"), Ge(0)
    ] = 3.0,
    dt: Annotated[Step, Argument("step", "ms")] = 0.1,
    cell: changed_cell("urbanczik_senn", CELL) = None,
    seeds: Annotated[
        Repeats, Argument("runs, each with its own pattern and spikes")
    ] = 1,
    seed: Annotated[
        Seed, Argument("of the first run; the others have the next ones")
    ] = 0,
    progress: Progress = False,
):
    """Does a dendrite learn to predict the potential a teacher imposes on its soma?

    One cell receives a frozen pattern of Poisson spikes again and again. A teacher
    opens excitatory and inhibitory conductances at the soma, which pull it to the
    matching potential U_M(t), and is removed again. Synapses learn all the time. The
    teacher's conductances reach the soma through a filter of 3 ms; U_M is that of the
    unfiltered ones, 3 ms late.

    Returns
    -------
    xarray.DataTree
        ``/learning``, figures of each presentation (replica, presentation): rms of
        V* - U_M and of U - U_M, rms of phi(V*) - phi(U), correlations of V* and of U
        with U_M (0 where one is constant), mean rates. ``/summary``, the headline
        figures of each run. ``/traces`` (replica, moment, time) of four presentations,
        ``/weights`` before and after, ``/spikes`` of the input pattern and of the
        output.

    Source: Urbanczik and Senn (2014), Fig. 1B, in the form and with the parameters of
    the demo that the simulator NEST names after it.
    """
    from tqdm import tqdm

    steps = pattern_steps(pattern, dt)
    circuit = taught_cell(
        inputs,
        (2 * free + taught) * steps * dt,
        eta=eta,
        initial=initial,
        largest=largest,
        clip=clip,
        delay=delay,
        dead_time=dead_time,
        dt=dt,
        **(cell or {}),
    )
    replicas = seed + np.arange(seeds)
    runs = []
    for number in tqdm(replicas, unit="run", disable=None if progress else True):
        spikes = draw_pattern(inputs, input_rate, steps, dt, int(number))
        runs.append(one_run(circuit, spikes, free, taught, seed=int(number)))
    learning = _learning(runs, replicas, free, taught, dt)
    summary = _summary(learning, runs)
    return Answer(
        {
            "/learning": learning,
            "/summary": summary,
            "/traces": _traces(runs, replicas, free, taught, dt),
            f"/weights/{SYNAPSES}": _weights(runs, replicas),
            **_spikes(runs, dt),
        },
        dt=dt,
        duration=(2 * free + taught) * steps * dt,
        headline=_headline(summary),
    )


def pattern_steps(pattern: float, dt: float) -> int:
    """Steps of one presentation.

    Raises
    ------
    ConfigError
        If they are not whole or fewer than two: a rounded pattern would run away from
        the teacher.
    """
    from dendrites._time import n_steps
    from dendrites.errors import ConfigError

    steps = n_steps(pattern, dt, "pattern", quiet=True)
    if steps < 2 or abs(steps * dt - pattern) > 1e-6 * dt:
        raise ConfigError(
            f"pattern = {pattern:g} ms is not a whole number of steps, at least two, "
            f"of dt = {dt:g} ms"
        )
    return steps


def taught_cell(
    inputs: int,
    duration: float,
    *,
    eta,
    initial,
    largest,
    clip,
    delay,
    dt,
    **parameters,
):
    """One cell with a teacher, which runs for `duration` ms.

    Raises
    ------
    ConfigError
        If the weights start above their bound.
    """
    from circuits.algorithms import urbanczik_senn
    from dendrites.errors import ConfigError
    from dendrites.models.urbanczik_senn import learning_rate_from_nest

    if initial > largest:
        raise ConfigError(
            f"initial = {initial:g} pA is above largest = {largest:g} pA: weights must "
            "start between 0 and largest"
        )
    return urbanczik_senn(
        inputs,
        learning_rate=learning_rate_from_nest(eta),
        initial=initial,
        bounds=(0.0, largest),
        clip=clip,
        delay=delay,
        teacher="jumps",
        duration=duration,
        dt=dt,
        **parameters,
    )


def draw_pattern(inputs: int, rate: float, steps: int, dt: float, seed: int):
    """Poisson counts (steps, inputs) at `rate`, Hz."""
    from dendrites.random import generator

    draw = generator(seed, "dendritic_prediction/pattern")
    return draw.poisson(rate * dt / 1000.0, (steps, inputs))


def teacher_conductances(time):
    """Excitatory and inhibitory conductance of the teacher at `time`, ms; nS."""
    exc = MEAN + SWING * np.sin(2.0 * np.pi * time / PERIOD)
    return exc, np.full_like(exc, INHIBITION)


def matching_potential(time, p):
    """U_M at `time`, mV: where the teacher alone would hold the soma."""
    exc, inh = teacher_conductances(time - p.tau_exc)
    return (exc * p.e_exc + inh * p.e_inh) / (exc + inh)


def one_run(circuit, pattern, free: int, taught: int, *, seed: int) -> dict:
    """All presentations of one frozen pattern, one after the other.

    Returns
    -------
    dict
        ``soma``, ``predicted_potential``, ``matching_potential`` (mV), ``rate``,
        ``predicted_rate`` (Hz), each (presentation, step); ``weights`` (2, n_inputs)
        before and after; ``pattern``; ``spikes``, times of the output.
    """
    import circuits

    presentations, steps = 2 * free + taught, len(pattern)
    step, unit = np.nonzero(pattern)
    count = pattern[step, unit]
    step, unit = np.repeat(step, count), np.repeat(unit, count)
    steps_of_all = np.arange(presentations)[:, None] * steps + step
    time = np.arange(1, presentations * steps + 1) * circuit.dt
    on = (time > free * steps * circuit.dt) & (
        time <= (free + taught) * steps * circuit.dt
    )
    p = circuit.model("output").parameters
    # Jumps of g dt / tau per step, decaying with tau, have the mean g.
    jumps = {
        name: np.where(on, g * circuit.dt / tau, 0.0)[:, None]
        for name, g, tau in zip(
            ("exc", "inh"),
            teacher_conductances(time),
            (p.tau_exc, p.tau_inh),
            strict=True,
        )
    }
    reads = ("predicted_potential", "rate", "predicted_rate")
    tree = circuits.simulate(
        circuit,
        {},
        [circuits.Record("output", ("soma",), reads, spikes=True)],
        learning=True,
        forced_spikes={
            "input": (
                (steps_of_all.ravel() + 1) * circuit.dt,
                np.tile(unit, presentations),
            )
        },
        waveforms=jumps,
        seed=seed,
    )
    cell = tree["populations/output"].to_dataset()
    shape = (presentations, steps)
    return {
        "soma": cell.v.values.reshape(shape),
        "predicted_potential": cell.predicted_potential.values.reshape(shape),
        "matching_potential": matching_potential(time, p).reshape(shape),
        "rate": cell.rate.values.reshape(shape) * _SPIKES_PER_S,
        "predicted_rate": cell.predicted_rate.values.reshape(shape) * _SPIKES_PER_S,
        "weights": tree[f"connections/{SYNAPSES}"].w.values[:, 0],
        "pattern": pattern,
        "spikes": tree["spikes/output"].spike_time.values,
    }


def follow(run: dict, dt: float) -> dict:
    """Figures of every presentation of one run, (name: (array, unit, text))."""
    predicted, matching = run["predicted_potential"], run["matching_potential"]
    presentations, steps = predicted.shape
    edges = (np.arange(presentations + 1) * steps + 0.5) * dt
    spikes = np.histogram(run["spikes"], edges)[0] / (steps * dt) * _SPIKES_PER_S
    return {
        "potential_error": (_rms(predicted - matching), "mV", "rms of V* - U_M"),
        "soma_error": (_rms(run["soma"] - matching), "mV", "rms of U - U_M"),
        "rate_error": (
            _rms(run["predicted_rate"] - run["rate"]),
            "Hz",
            "rms of phi(V*) - phi(U)",
        ),
        "correlation": (_correlation(predicted, matching), "1", "of V* with U_M"),
        "soma_correlation": (
            _correlation(run["soma"], matching),
            "1",
            "of U with U_M",
        ),
        "predicted_rate": (run["predicted_rate"].mean(axis=1), "Hz", "mean phi(V*)"),
        "rate": (run["rate"].mean(axis=1), "Hz", "mean phi(U)"),
        "spike_rate": (spikes, "Hz", "spikes of the output"),
    }


def _rms(x):
    return np.sqrt((x**2).mean(axis=1))


def _correlation(a, b):
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (a, b))
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.divide((a * b).sum(axis=1), size, out=np.zeros(len(a)), where=size > 0)


def _learning(runs, replicas, free, taught, dt):
    """`/learning` from all runs."""
    from dendrites.dataset import group

    found = [follow(run, dt) for run in runs]
    number = np.arange(1, 2 * free + taught + 1)
    on = (number > free) & (number <= free + taught)
    return group(
        {
            name: (
                ("replica", "presentation"),
                np.stack([one[name][0] for one in found]),
                unit,
                text,
            )
            for name, (_, unit, text) in found[0].items()
        },
        {
            "replica": replicas,
            "presentation": number,
            "taught": ("presentation", on.astype(int)),
        },
    )


def _summary(learning, runs):
    """`/summary`: the headline figures of each run."""
    from dendrites.dataset import group

    number = learning.presentation.values
    taught = number[learning.taught.values == 1]
    before, after = number[number < taught[0]], number[number > taught[-1]]
    weights = np.stack([run["weights"][-1] for run in runs])

    def mean(name, presentations):
        return learning[name].sel(presentation=presentations).mean("presentation")

    first, last = taught[:1], taught[-LAST:]
    values = {
        "rms_mv_first": (mean("potential_error", first), "mV"),
        "rms_mv_last": (mean("potential_error", last), "mV"),
        "rate_error_hz_first": (mean("rate_error", first), "Hz"),
        "rate_error_hz_last": (mean("rate_error", last), "Hz"),
        "correlation_before": (mean("soma_correlation", before), "1"),
        "correlation_after_removal": (mean("soma_correlation", after), "1"),
        "rms_mv_before": (mean("soma_error", before), "mV"),
        "rms_mv_after_removal": (mean("soma_error", after), "mV"),
        "weight_mean": (weights.mean(axis=1), "pA"),
        "weight_max": (weights.max(axis=1), "pA"),
        "weights_at_zero": ((weights == 0.0).mean(axis=1), "1"),
    }
    return group(
        {
            name: (("replica",), np.asarray(x), unit)
            for name, (x, unit) in values.items()
        },
        {"replica": learning.replica.values},
    )


def _headline(summary):
    """Means over runs beside the figures measured with NEST."""
    return {
        name: {
            "value": float(summary[name].mean()),
            "unit": summary[name].attrs["units"],
            "reference": reference,
            "source": ELSEWHERE,
        }
        for name, reference in REFERENCES.items()
    }


def _traces(runs, replicas, free, taught, dt):
    """`/traces`: potentials and rates of four presentations."""
    from dendrites.dataset import group

    chosen = [free - 1, free, free + taught - 1, free + taught]
    steps = len(runs[0]["pattern"])
    texts = {
        "soma": ("mV", "U"),
        "predicted_potential": ("mV", "V*"),
        "matching_potential": ("mV", "U_M"),
        "rate": ("Hz", "phi(U)"),
        "predicted_rate": ("Hz", "phi(V*)"),
    }
    return group(
        {
            name: (
                ("replica", "moment", "time"),
                np.stack([run[name][chosen] for run in runs]),
                unit,
                text,
            )
            for name, (unit, text) in texts.items()
        },
        {
            "replica": replicas,
            "moment": [*MOMENTS],
            "presentation": ("moment", np.array(chosen) + 1),
            "time": np.arange(1, steps + 1) * dt,
        },
        units={"time": "ms"},
    )


def _weights(runs, replicas):
    """`/weights`: before and after."""
    from dendrites.dataset import group

    w = np.stack([run["weights"] for run in runs])[:, :, None]
    counts = np.stack([run["pattern"].sum(axis=0) for run in runs])
    return group(
        {
            "w": (("replica", "snapshot", "post", "pre"), w, "pA"),
            "input_spikes": (("replica", "pre"), counts, "1", "in one presentation"),
        },
        {
            "replica": replicas,
            "snapshot": np.arange(2),
            "post": np.arange(1),
            "pre": np.arange(w.shape[-1]),
        },
        pre_population="input",
        post_population="output",
    )


def _spikes(runs, dt):
    """`/spikes`: the pattern of one presentation, and the output's whole run."""
    from dendrites.dataset import group, spike_dataset

    times = [run["spikes"] for run in runs]
    trial = np.repeat(np.arange(len(runs)), [len(t) for t in times])
    return {
        "/spikes/input": spike_dataset(
            np.stack([run["pattern"] for run in runs], axis=2), dt
        ),
        "/spikes/output": group(
            {
                "spike_time": (("spike",), np.concatenate(times), "ms"),
                "spike_unit": (("spike",), np.zeros(len(trial), np.int64), "1"),
                "spike_trial": (("spike",), trial.astype(np.int64), "1"),
            },
            {},
        ),
    }
