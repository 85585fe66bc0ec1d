"""The experiment dendritic-prediction, run by the simulator NEST for reference.

The nine frozen patterns of seeds 0 to 8 and the same teacher, with several seeds of
NEST's own noise each; figures are computed by the experiment's functions. Prints mean,
standard deviation and range of all runs; takes about 3 s per run. Needs the Python
package `nest` (3.10 here).

Usage: python benchmarks/nest_dendritic_prediction.py [--noise-seeds 5]
"""

import argparse

import nest
import numpy as np

from dendrites.models import urbanczik_senn
from experiments.prediction.dendritic_prediction import (
    LAST,
    draw_pattern,
    follow,
    matching_potential,
    teacher_conductances,
)

DT, STEPS, INPUTS, RATE = 0.1, 2000, 200, 10.0
FREE, TAUGHT = 2, 100
PATTERNS = 9
MODEL = "pp_cond_exp_mc_urbanczik"


def one_run(pattern, noise_seed, cell):
    """One run by NEST in the form of the experiment's own, with the last weights.

    NEST has a delay of at least one step: inputs and teacher arrive 0.1 to 0.2 ms later
    than in the experiment.
    """
    nest.ResetKernel()
    nest.set(resolution=DT, rng_seed=noise_seed, print_time=False)
    presentations = 2 * FREE + TAUGHT
    total = presentations * STEPS
    neuron = nest.Create(MODEL)
    receptors = nest.GetDefaults(MODEL)["receptor_types"]
    relays = nest.Create("parrot_neuron", INPUTS)
    starts = np.arange(presentations)[:, None] * STEPS
    for k in range(INPUTS):
        steps = np.repeat(np.arange(STEPS), pattern[:, k])
        times = np.sort((starts + steps + 1).ravel())
        spikes = {"spike_times": np.round(times * DT, 1)}
        generator = nest.Create("spike_generator", params=spikes)
        nest.Connect(generator, relays[k], syn_spec={"delay": DT})
    synapse = {
        "synapse_model": "urbanczik_synapse",
        "receptor_type": receptors["dendritic_exc"],
        "tau_Delta": 100.0,
        "eta": 0.17,
        "weight": 90.0,
        "Wmin": 0.0,
        "Wmax": 1350.0,
        "delay": DT,
    }
    nest.Connect(relays, neuron, "all_to_all", synapse)
    step = np.arange(1, total + 1)
    time = step * DT
    on = (step > FREE * STEPS) & (step <= (FREE + TAUGHT) * STEPS)
    for name, g in zip(
        ("soma_exc", "soma_inh"), teacher_conductances(time), strict=True
    ):
        spikes = {
            "spike_times": np.round(time[on], 1),
            "spike_weights": g[on] * DT / 3.0,
        }
        teacher = nest.Create("spike_generator", params=spikes)
        nest.Connect(
            teacher, neuron, syn_spec={"receptor_type": receptors[name], "delay": DT}
        )
    meter = nest.Create(
        "multimeter", params={"record_from": ["V_m.s", "V_m.p"], "interval": DT}
    )
    recorder = nest.Create("spike_recorder")
    nest.Connect(meter, neuron)
    nest.Connect(neuron, recorder)
    nest.Simulate(total * DT + 1.0)
    seen = meter.get("events")
    p = cell.parameters
    shape = (presentations, STEPS)
    soma, dendrite = (seen[name][:total].reshape(shape) for name in ("V_m.s", "V_m.p"))
    predicted = (p.g_leak * p.e_leak + p.g_dendrite * dendrite) / (
        p.g_leak + p.g_dendrite
    )

    def rate(u):
        return 1000.0 * p.phi_max / (1.0 + p.k * np.exp(p.beta * (p.theta - u)))

    return {
        "soma": soma,
        "predicted_potential": predicted,
        "matching_potential": matching_potential(time, p).reshape(shape),
        "rate": rate(soma),
        "predicted_rate": rate(predicted),
        "spikes": recorder.get("events")["times"],
        "weights": np.array(nest.GetConnections(relays, neuron).get("weight")),
    }


def figures(run):
    """Headline figures of one run, as the experiment stores them per run."""
    found = {name: values[0] for name, values in follow(run, DT).items()}
    potential, rate = found["potential_error"], found["rate_error"]
    correlation, soma = found["soma_correlation"], found["soma_error"]
    first, after = FREE, FREE + TAUGHT
    last = slice(after - LAST, after)
    return {
        "rms_mv_first": potential[first],
        "rms_mv_last": potential[last].mean(),
        "rate_error_hz_first": rate[first],
        "rate_error_hz_last": rate[last].mean(),
        "correlation_before": correlation[:first].mean(),
        "correlation_after_removal": correlation[after:].mean(),
        "rms_mv_before": soma[:first].mean(),
        "rms_mv_after_removal": soma[after:].mean(),
        "weight_mean": run["weights"].mean(),
        "weight_max": run["weights"].max(),
        "weights_at_zero": (run["weights"] == 0.0).mean(),
    }


def main():
    """Print one row per figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--noise-seeds", type=int, default=5)
    n_seeds = parser.parse_args().noise_seeds
    nest.verbosity = nest.VerbosityLevel.ERROR
    cell = urbanczik_senn()
    rows = {}
    for number in range(PATTERNS):
        pattern = draw_pattern(INPUTS, RATE, STEPS, DT, number)
        for noise in range(n_seeds):
            # Every run has noise of its own: runs of one noise seed on several patterns
            # are not independent.
            noise_seed = 1 + number * n_seeds + noise
            for name, value in figures(one_run(pattern, noise_seed, cell)).items():
                rows.setdefault(name, []).append(value)
    for name, values in rows.items():
        print(
            f"{name:28}{np.mean(values):9.3f} +- {np.std(values, ddof=1):.3f}"
            f" ({min(values):.3f} to {max(values):.3f}), {len(values)} runs"
        )


if __name__ == "__main__":
    main()
