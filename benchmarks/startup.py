"""Time from process start to first result, for a circuit never seen before.

Every figure is a fresh process. `cold` starts with an empty cache folder (as after an
installation); `warm` with the loops of earlier runs, but a circuit whose sizes, depth,
conductances and rates no run has had. The first result is one presentation of a plastic
microcircuit with two to four hidden layers.

Usage: python benchmarks/startup.py [--repeats N]
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from statistics import median
from time import perf_counter

CLI = "experiments.command.cli"
CHILD = """
import sys, time
begun = time.perf_counter()
import numpy as np
import circuits, dendrites
from circuits.microcircuit import microcircuit
imported = time.perf_counter()
sizes = {sizes}
circuit = microcircuit(sizes, basal_rates={rate}, interneuron_rates={rate},
                       apical_rates={rate}, g_apical={g}, presentation=5.0)
half = [np.full((1, n), 0.5) for n in (sizes[0], sizes[-1])]
with circuits.Presenter(circuit, seed=1) as presenter:
    presenter.present(dict(input=half[0], target=half[1]))
    result = presenter.read("output", "soma")
print(imported - begun, time.perf_counter() - imported)
"""


def child(cache: str) -> tuple[float, float, float]:
    """Import time, time from import to first result, and wall time of one process."""
    sizes = [random.randint(5, 60) for _ in range(random.randint(4, 6))]
    code = CHILD.format(
        sizes=sizes, rate=random.uniform(1e-4, 1e-3), g=random.uniform(0.3, 0.9)
    )
    begun = perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "NUMBA_CACHE_DIR": cache},
        capture_output=True,
        text=True,
        check=True,
    )
    wall = perf_counter() - begun
    imported, first = map(float, done.stdout.split())
    return imported, first, wall


def command(*arguments) -> float:
    """Wall time of a process."""
    begun = perf_counter()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
    return perf_counter() - begun


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    command("-c", "import dendrites")
    rows = [
        (
            "python -c 'import dendrites'",
            1.2,
            [command("-c", "import dendrites") for _ in range(repeats)],
        ),
        (
            "dendrites --help",
            0.5,
            [
                command("-m", "experiments.command.cli", "--help")
                for _ in range(repeats)
            ],
        ),
    ]
    with tempfile.TemporaryDirectory() as cache:
        cold = child(cache)
        warm = [child(cache) for _ in range(repeats)]
    rows += [
        ("cold: import to first result", 10.0, [cold[1]]),
        ("warm: import to first result", 0.6, [row[1] for row in warm]),
        ("warm: process start to first result", 2.0, [row[2] for row in warm]),
    ]
    empty = [command("-c", "pass") for _ in range(repeats)]
    numba = [command("-c", "import numba") for _ in range(repeats)]
    rows += [
        ("baseline: python -c pass", None, empty),
        ("baseline: python -c 'import numba'", None, numba),
    ]
    base = median(numba)
    for name, asked, seconds in rows:
        value = median(seconds)
        note = "" if asked is None else f"  asked < {asked:g} s: "
        if asked is not None:
            note += "reached" if value < asked else "MISSED"
        print(f"{name:40} {value:7.3f} s  {value / base:6.2f} x importing numba{note}")


if __name__ == "__main__":
    main()
