"""Learning of the dendritic prediction model: CPU seconds per simulated second.

1 cell with 200 plastic inputs, and 100 cells that share 1,000, at 10 Hz, with teacher,
in steps of 0.1 ms, on one thread: our engine with weights that move at every step
(`exact`) and every 20 (`blocked`), and the simulator NEST beside it where the Python
package `nest` can be imported. All replay the same input spikes; somatic spikes are
drawn by each. NEST's setup is not timed.

Usage: python benchmarks/urbanczik_senn.py
"""

from time import process_time

import numpy as np

from circuits import Blocked, Presenter
from circuits.algorithms import urbanczik_senn

DT, RATE = 0.1, 10.0
G_EXC, G_INH = 162.0, 540.0
ROWS = (("1 x 200", 200, 1, 2.0), ("100 x 1,000", 1000, 100, 1.0))


def input_spikes(n_inputs, seconds):
    """Step (from 0) and unit of every input spike."""
    rng = np.random.default_rng(0)
    steps = round(seconds * 1000 / DT)
    drawn = rng.random((steps, n_inputs)) < RATE * DT / 1000
    return steps, tuple(part.astype(np.int64) for part in np.nonzero(drawn))


def engine(n_inputs, n_cells, seconds, block):
    """CPU seconds of our engine, fastest of three rounds."""
    steps, spikes = input_spikes(n_inputs, seconds)
    circuit = urbanczik_senn(n_inputs, n_cells, duration=seconds * 1000, dt=DT)
    at, unit = spikes
    given = {"input": ((at + 1) * DT, unit)}
    shown = {"exc": np.full(n_cells, G_EXC), "inh": np.full(n_cells, G_INH)}
    times = []
    with Presenter(circuit, integrator=Blocked(block), forced=("input",)) as presenter:
        for _ in range(3):
            begun = process_time()
            presenter.present(shown, forced_spikes=given)
            times.append(process_time() - begun)
    return min(times)


def nest_seconds(nest, n_inputs, n_cells, seconds):
    """CPU seconds of NEST for the same inputs."""
    nest.ResetKernel()
    nest.resolution, nest.local_num_threads = DT, 1
    model = "pp_cond_exp_mc_urbanczik"
    cells = nest.Create(model, n_cells)
    receptors = nest.GetDefaults(model)["receptor_types"]
    relays = nest.Create("parrot_neuron", n_inputs)
    steps, (at, unit) = input_spikes(n_inputs, seconds)
    for k in range(n_inputs):
        times = np.round((at[unit == k] + 1) * DT, 1)
        spikes = {"spike_times": times[times >= 2 * DT]}
        generator = nest.Create("spike_generator", params=spikes)
        nest.Connect(generator, relays[k], syn_spec={"delay": DT})
    synapse = {
        "synapse_model": "urbanczik_synapse",
        "receptor_type": receptors["dendritic_exc"],
        "tau_Delta": 100.0,
        "eta": 0.17,
        "weight": 90.0,
        "Wmax": 1350.0,
        "delay": DT,
    }
    nest.Connect(relays, cells, "all_to_all", synapse)
    for name, conductance in (("soma_exc", G_EXC), ("soma_inh", G_INH)):
        # The same mean conductance as jumps that decay with 3 ms.
        times = np.round(np.arange(2, steps) * DT, 1)
        spikes = {
            "spike_times": times,
            "spike_weights": np.full(len(times), conductance * DT / 3.0),
        }
        teacher = nest.Create("spike_generator", params=spikes)
        syn_spec = {"receptor_type": receptors[name], "delay": DT}
        nest.Connect(teacher, cells, syn_spec=syn_spec)
    nest.Simulate(1.0)
    begun = process_time()
    nest.Simulate(seconds * 1000 - 10.0)
    return process_time() - begun


def main():
    """Print one row per size and runner."""
    try:
        import nest

        nest.set_verbosity("M_ERROR")
    except ImportError:
        nest = None
        print("NEST is not installed: our engine alone")
    for name, n_inputs, n_cells, seconds in ROWS:
        found = {
            "exact": engine(n_inputs, n_cells, seconds, 1) / seconds,
            "blocked, 20 steps": engine(n_inputs, n_cells, seconds, 20) / seconds,
        }
        if nest is not None:
            found["NEST"] = nest_seconds(nest, n_inputs, n_cells, seconds) / seconds
        for runner, cost in found.items():
            ratio = f"{found['NEST'] / cost:8.1f} x NEST" if nest else ""
            print(f"{name:14}{runner:20}{cost:10.4f} CPU s per s{ratio}", flush=True)


if __name__ == "__main__":
    main()
