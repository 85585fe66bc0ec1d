"""2.5 million synapses that learn among 5,000 x 5,000 cells, beside all 25 million.

One simulation of ten steps with a rule that acts at each of them, from the description
to the labelled result with weights before and after; once with a tenth of all synapses
drawn, once dense. Each runs in a process of its own: seconds of the call, everything
compiled, and by how much its peak memory exceeds that of the process before.

Usage: python benchmarks/sparse_weights.py [--cells 5000] [--probability 0.1]
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

import circuits
from circuits import Circuit, Phase, Population, Projection, Schedule, Uniform
from dendrites.activity_difference import ActivityDifference
from dendrites.models import source, three_compartment

RULE = ActivityDifference("rate", None, learning_rate=1e-3)


def simulated(n, connectivity):
    """Seconds of one simulation of such a circuit."""
    projection = Projection(
        "input",
        "output",
        "basal",
        connectivity=connectivity,
        rule=RULE,
        initial=Uniform(0.0, 0.01),
    )
    cells = three_compartment(tau_soma=10.0, tau_dendrite=3.0)
    begun = time.perf_counter()
    circuit = Circuit(
        (Population("input", source(), n), Population("output", cells, n)),
        (projection,),
        Schedule((Phase("shown", 5.0, on=("input",)),)),
        dt=0.5,
    )
    circuits.simulate(circuit, {"input": np.ones(n)}, [], learning=True)
    return time.perf_counter() - begun


def peak():
    """Peak memory of this process, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def alone(n, connectivity):
    """Seconds and memory, in a process of its own."""
    call = [sys.executable, __file__, "--alone", json.dumps([n, connectivity])]
    return json.loads(subprocess.run(call, capture_output=True, check=True).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=int, default=5000)
    parser.add_argument("--probability", type=float, default=0.1)
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        n, connectivity = json.loads(options.alone)
        simulated(20, connectivity)  # compiles
        before = peak()
        print(json.dumps([simulated(n, connectivity), peak() - before]))
        return
    for connectivity in (options.probability, "dense"):
        seconds, memory = alone(options.cells, connectivity)
        print(f"{connectivity!s:6} {seconds:6.2f} s {memory:7.0f} MB")


if __name__ == "__main__":
    main()
