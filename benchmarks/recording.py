"""Memory and time of recording the potentials and rates of many cells each millisecond.

Three-compartment cells in steps of 0.1 ms: once as conditions of `dendrites.simulate`
with a drive each, once as a population of `circuits.simulate` with one-to-one synapses
from a clamped one. Prints the size of the recordings, the peak of the memory that
Python and NumPy took, as a multiple of it, and the seconds, everything compiled and
with memory followed.

Usage: python benchmarks/recording.py [--cells 1000] [--duration 10000]
"""

import argparse
import time
import tracemalloc

import numpy as np

import circuits
import dendrites
from circuits import Circuit, Phase, Population, Projection, Record, Schedule
from dendrites.models import source, three_compartment


def conditions(n, duration):
    """One cell under n constant drives."""
    return dendrites.simulate(
        three_compartment(),
        duration=duration,
        dt=0.1,
        record_every=1.0,
        basal=list(np.linspace(0.0, 1.0, n)),
    )


def population(n, duration):
    """n cells with the same input as synapses."""
    cells = Population("cell", three_compartment(), n)
    projection = Projection(
        "input", "cell", "basal", connectivity="one_to_one", initial=np.ones(n)
    )
    circuit = Circuit(
        (Population("input", source(), n), cells),
        (projection,),
        Schedule((Phase("shown", duration, on=("input",)),)),
        output="cell",
        readout="rate",
        dt=0.1,
    )
    record = [Record("cell", ("basal", "apical", "soma"), ("rate",), every=1.0)]
    return circuits.simulate(circuit, {"input": np.linspace(0.0, 1.0, n)}, record)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--duration", type=float, default=10000.0, help="ms")
    options = parser.parse_args()
    for simulated in (conditions, population):
        simulated(2, 2.0)  # compiles
        tracemalloc.start()
        begun = time.perf_counter()
        tree = simulated(options.cells, options.duration)
        seconds = time.perf_counter() - begun
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        recorded = tree["populations/cell"].data_vars.values()
        data = sum(variable.nbytes for variable in recorded)
        print(
            f"{simulated.__name__:10} {data / 1e6:5.0f} MB of data, "
            f"peak {peak / data:.2f} x, {seconds:.1f} s"
        )
        del tree, recorded


if __name__ == "__main__":
    main()
