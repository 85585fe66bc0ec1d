"""Two sweeps per batch on 784-500-500-10: our engine against a plain NumPy sketch.

Both take 10 images at a time through an upward and a downward sweep in float32 and move
W and the thresholds, with W_IP tied to W and W_PI = -B, from the same weights at rates
that are the same steps down the gradient. The sketch (`two_sweep_sketch.py`) leaves
attenuations out; multiply-adds are the same. They are timed in turn, round by round, in
one process; a row gives the fastest round of each. One thread, then two: the engine
shares out chunks of five images, NumPy's BLAS may use two threads.

Usage: python benchmarks/two_sweep.py [--presentations 300]
"""

import argparse
import sys

import numpy as np
import scipy.linalg  # noqa: F401  (its BLAS must be loaded before it can be limited)
from outcome import Check, finish, in_turn
from threadpoolctl import threadpool_limits
from two_sweep_sketch import SIZES, build, matched_rates, run_epoch

from circuits import Presenter
from experiments.microcircuit.image_circuit import image_circuit

BATCH = 10
STEPS = (0.02, 0.2)
ROUNDS = 7


def engine(inputs, targets, threads):
    """A function that shows all images once to our circuit."""
    circuit = image_circuit(
        SIZES, two_sweep=True, steps=STEPS, mixing=0.1, output_mixing=0.1
    )
    chunk = -(-BATCH // threads)
    presenter = Presenter(
        circuit, batch=BATCH, chunk=chunk, threads=threads, dtype="float32"
    )
    patterns = {
        "input": inputs,
        "target": 1 / (1 + np.exp(-targets)),
    }

    def run():
        with presenter:
            presenter.present_many(patterns)

    return run


def sketch(inputs, targets):
    """The same by the NumPy sketch."""
    weights, rates = build(0), matched_rates(*STEPS)
    order = np.arange(len(inputs))

    def run():
        run_epoch(weights, inputs, targets, order, rates, batch=BATCH)

    return run


def compare(presentations):
    """Fastest round of each, in seconds, by name."""
    rng = np.random.default_rng(0)
    # As sparse as MNIST: about a fifth of the pixels are on.
    shape = (presentations * BATCH, SIZES[0])
    inputs = rng.uniform(size=shape) * (rng.uniform(size=shape) < 0.2)
    inputs = inputs.astype(np.float32)
    labels = rng.integers(SIZES[-1], size=len(inputs))
    rates = np.where(labels[:, None] == np.arange(SIZES[-1]), 0.8, 0.1)
    targets = np.log(rates / (1 - rates)).astype(np.float32)
    runs = {
        ("engine", 1): engine(inputs, targets, 1),
        ("sketch", 1): sketch(inputs, targets),
        ("engine", 2): engine(inputs, targets, 2),
        ("sketch", 2): sketch(inputs, targets),
    }

    def limited(name, threads, run):
        def limited_run():
            blas = threads if name == "sketch" else 1
            with threadpool_limits(limits=blas, user_api="blas"):
                run()

        return limited_run

    return in_turn({key: limited(*key, run) for key, run in runs.items()}, ROUNDS)


def main() -> int:
    """Measure, keep the table, and check that the engine keeps up with the sketch."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presentations", type=int, default=300)
    presentations = parser.parse_args().presentations
    best = compare(presentations)
    baseline = best["sketch", 1]
    rows = [
        [name, *(f"{baseline / best[name, threads]:.2f}" for threads in (1, 2))]
        for name in ("engine", "sketch")
    ]
    seconds = f"{5500 * baseline / presentations:.1f} s per 55,000 images"
    rows[1][1] += f" ({seconds})"
    reach = Check("engine, one thread", baseline / best["engine", 1], at_least=1.0)
    titles = ["runner", "1 thread", "2 threads"]
    return finish("two_sweep", {"speed": (titles, rows)}, [reach])


if __name__ == "__main__":
    sys.exit(main())
