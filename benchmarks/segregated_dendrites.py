"""One training example of the segregated-dendrite network, 784-500-10, one thread.

Our engine, with the published memory of 10 steps and with the full kernel, in float64
and float32, against a plain NumPy version of the whole example (`segregated_sketch.py`)
and against the dense products of that version alone: one 500 x 784 float64
matrix-vector product per step. Images as sparse as MNIST. CPU times of one process,
taken in turn, round by round; a row gives the fastest round.

Usage: python benchmarks/segregated_dendrites.py [--examples 100]
"""

import argparse
from time import process_time

import numpy as np
import scipy.linalg  # noqa: F401  (its BLAS must be loaded before it can be limited)
from segregated_sketch import Sketch
from threadpoolctl import threadpool_limits

from circuits import Presenter
from circuits.algorithms import guerguiev
from circuits.weights import initial_weights

SIZES = (784, 500, 10)
ROUNDS = 5
MEAN_LENGTH = 52  # steps of a phase


def engine(images, teachers, memory, dtype):
    """A function that shows all images once to our circuit."""
    circuit = guerguiev(SIZES, memory=memory)
    presenter = Presenter(circuit, dtype=dtype)

    def run():
        with presenter:
            for k in range(len(images)):
                shown = {"input": images[k : k + 1], "teacher": teachers[k : k + 1]}
                presenter.present(shown, number=k)

    return run


def sketch(images, teachers):
    """The same by plain NumPy, phases of equal lengths."""
    start = initial_weights(guerguiev(SIZES))
    names = (("input", "hidden1"), ("hidden1", "output"))
    weights = (
        [start[f"{a}_to_{b}_basal"] for a, b in names],
        [start[f"bias_to_{b}_bias"][:, 0] for _, b in names],
        start["output_to_hidden1_apical"],
    )
    network = Sketch(weights, (0.21, 0.21))

    def run():
        for image, teacher in zip(images, teachers, strict=True):
            network.example(image, teacher, (MEAN_LENGTH, MEAN_LENGTH))

    return run


def products(images):
    """The dense products of the first layer alone."""
    weights = np.random.default_rng(0).normal(size=(500, 784))
    signals = np.random.default_rng(1).random(784)

    def run():
        for _ in range(len(images) * 2 * MEAN_LENGTH):
            weights @ signals

    return run


def main():
    """Print one row per runner."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=100)
    n = parser.parse_args().examples
    rng = np.random.default_rng(0)
    images = rng.random((n, SIZES[0])) * (rng.random((n, SIZES[0])) < 0.2)
    teachers = np.eye(10)[rng.integers(10, size=n)]
    runs = {
        "NumPy, whole example": sketch(images, teachers),
        "NumPy, products alone": products(images),
        "engine, memory of 10": engine(images, teachers, 10, "float64"),
        "engine, full kernel": engine(images, teachers, 0, "float64"),
        "engine, memory of 10, float32": engine(images, teachers, 10, "float32"),
        "engine, full kernel, float32": engine(images, teachers, 0, "float32"),
    }
    times = {name: [] for name in runs}
    with threadpool_limits(limits=1, user_api="blas"):
        for turn in range(ROUNDS + 1):
            for name, run in runs.items():
                begun = process_time()
                run()
                if turn:
                    times[name].append(process_time() - begun)
    best = {name: min(values) / n for name, values in times.items()}
    whole, alone = (best[name] for name in list(runs)[:2])
    for name, seconds in best.items():
        print(
            f"{name:32}{1e3 * seconds:8.2f} ms/example"
            f"{whole / seconds:8.1f} x NumPy example{alone / seconds:8.1f} x products",
            flush=True,
        )


if __name__ == "__main__":
    main()
