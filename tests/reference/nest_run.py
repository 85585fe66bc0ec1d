"""A run of the simulator NEST: a cell with a teacher, once plastic and once barely.

    python tests/reference/nest_run.py            # writes nest_run.npz beside this file
    python tests/reference/nest_run.py --check    # compares it with a new run

Needs NEST (`pip install nest-simulator==3.10.0`) and NumPy. The file holds NEST's
version, all seeds, spikes, weights at every spike and every fourth step of potentials
and conductances; inputs and teacher are made again by the functions below.
"""

import argparse
from pathlib import Path

import numpy as np

RUN = Path(__file__).with_suffix(".npz")
DT, STEPS, PATTERN, ONSET = 0.1, 6000, 2000, 2000
N_INPUTS = 200
# Weights of "slow" learn, and potentials do not notice.
ETA = {"plastic": 0.17, "slow": 1e-6 * 0.17}
SEEDS = {"pattern_seed": 5, "nest_seed": 7}
EVERY = 4


def jumps():
    """Teacher's jumps of conductance, nS, at the end of steps 1, 2, ..."""
    time = np.arange(1, STEPS + 1) * DT
    on = time > ONSET * DT
    exc = np.where(on, 5.4 + 4.8 * np.sin(2.0 * np.pi * time / 100.0), 0.0)
    return exc, np.where(on, 18.0, 0.0)


def input_steps():
    """Steps (from 1) and inputs of a frozen pattern, shown over and over."""
    counts = (
        np.random.default_rng(SEEDS["pattern_seed"]).random((PATTERN, N_INPUTS)) < 0.001
    )
    # The first two steps stay empty: the replay needs spikes one step earlier.
    counts[:2] = False
    return np.nonzero(np.tile(counts, (STEPS // PATTERN, 1)))


def run_nest(nest, eta):
    """Recordings of a NEST run, steps counted from 1."""
    nest.ResetKernel()
    nest.resolution = DT
    nest.rng_seed = SEEDS["nest_seed"]
    cell = nest.Create("pp_cond_exp_mc_urbanczik")
    receptors = nest.GetDefaults("pp_cond_exp_mc_urbanczik")["receptor_types"]
    generators = nest.Create("spike_generator", N_INPUTS)
    parrots = nest.Create("parrot_neuron", N_INPUTS)
    step, unit = input_steps()
    for i in range(N_INPUTS):
        generators[i].spike_times = np.round(step[unit == i] * DT, 1)
    nest.Connect(generators, parrots, "one_to_one", {"delay": DT})
    recorder = nest.Create("weight_recorder")
    nest.CopyModel("urbanczik_synapse", "recorded", {"weight_recorder": recorder[0]})
    synapse = {
        "synapse_model": "recorded",
        "receptor_type": receptors["dendritic_exc"],
        "tau_Delta": 100.0,
        "eta": eta,
        "weight": 90.0,
        "Wmax": 1350.0,
        "delay": DT,
    }
    nest.Connect(parrots, cell, syn_spec=synapse)
    # A jump sent at t arrives a delay later; the first one arrives in the second step.
    sent = np.round(np.arange(1, STEPS) * DT, 1)
    for name, values in zip(("soma_exc", "soma_inh"), jumps(), strict=True):
        teacher = nest.Create("spike_generator")
        teacher.set(spike_times=sent, spike_weights=values[1:])
        synapse = {"receptor_type": receptors[name], "weight": 1.0, "delay": DT}
        nest.Connect(teacher, cell, syn_spec=synapse)
    names = ["V_m.s", "V_m.p", "g_ex.s", "g_in.s"]
    meter = nest.Create("multimeter", params={"record_from": names, "interval": DT})
    nest.Connect(meter, cell, syn_spec={"delay": DT})
    soma, inputs = nest.Create("spike_recorder"), nest.Create("spike_recorder")
    nest.Connect(cell, soma)
    nest.Connect(parrots, inputs)
    nest.Simulate(STEPS * DT)
    result = {name: meter.events[name][::EVERY] for name in names}
    result["step"] = _steps(meter.events["times"])[::EVERY]
    result["soma"] = _steps(soma.events["times"])
    order = np.argsort(inputs.events["times"], kind="stable")
    result["input"] = _steps(inputs.events["times"])[order]
    result["unit"] = (inputs.events["senders"] - parrots[0].global_id)[order]
    result["weight_step"] = _steps(recorder.events["times"])
    result["weight_unit"] = recorder.events["senders"] - parrots[0].global_id
    result["weight"] = recorder.events["weights"]
    return result


def _steps(times):
    return np.round(times / DT).astype(int)


def stored():
    """Recordings by the name of their run, as they are in the file."""
    with np.load(RUN) as file:
        return {
            run: {key.split("/")[1]: file[key] for key in file if key.startswith(run)}
            for run in ETA
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    import nest  # here, so that tests read the file without NEST

    runs = {name: run_nest(nest, eta) for name, eta in ETA.items()}
    if check:
        for name, known in stored().items():
            for key, values in known.items():
                np.testing.assert_array_equal(runs[name][key], values, f"{name} {key}")
        print("the file is what this NEST gives")
        return
    data = {
        f"{run}/{key}": x for run, found in runs.items() for key, x in found.items()
    }
    np.savez_compressed(RUN, nest_version=nest.__version__, **SEEDS, **data)


if __name__ == "__main__":
    main()
