"""A training run of a second, for tests of training and as a process to be killed."""

import signal
import sys

import numpy as np

import circuits
from circuits.algorithms import sacramento

SIZES = [8, 6, 5, 3]
HIDDEN = ("input_to_hidden1_basal", "hidden1_to_hidden2_basal")
CONTROLS = {"frozen_hidden": HIDDEN}


def tiny_task(n_train=40, n_test=20, seed=0):
    """Which of the first three inputs is the largest?"""
    rng = np.random.default_rng(seed)

    def split(n, first):
        inputs = rng.uniform(0.0, 1.0, (n, SIZES[0]))
        labels = inputs[:, : SIZES[-1]].argmax(axis=1)
        targets = np.where(np.eye(SIZES[-1])[labels] > 0, 0.8, 0.1)
        return circuits.Split(inputs, targets, labels, np.arange(first, first + n))

    splits = {"train": split(n_train, 0), "test": split(n_test, n_train)}
    return circuits.Task("tiny", splits)


def tiny_circuit(sizes=SIZES, **options):
    """A microcircuit whose presentations take 32 steps, or two sweeps."""
    times = {"presentation": 4.8, "learning_lag": 2.4}
    options = {
        "learning_rate": 0.4,
        "interneuron_rate": 0.8,
        **({} if options.get("form") == "two_sweep" else times),
        "g_dendrite": "matched",
        "dt": 0.15,
        "seed": 3,
        **options,
    }
    return sacramento(sizes, **options)


def tiny_train(circuit=None, task=None, **options):
    """Train it, beside a control with frozen hidden layers."""
    options = {"epochs": 3, "threads": 1, "controls": CONTROLS, **options}
    return circuits.train(circuit or tiny_circuit(), task or tiny_task(), **options)


def curves(tree):
    """Every number a resumed run must reproduce, by group and variable."""
    wanted = {
        f"{node.path}/{name}": variable.values
        for node in tree.subtree
        for name, variable in node.to_dataset().variables.items()
        if name != "wall_time"
    }
    return wanted


if __name__ == "__main__":
    # Shells have what they start in the background ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    checkpoint, epochs, n_train = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    run = tiny_train(
        task=tiny_task(n_train),
        epochs=epochs,
        threads=2,
        checkpoint=checkpoint,
        resume=True,
        progress=True,
    )
    print(run.attrs["state_sha256"], run.attrs["n_resumes"], flush=True)
    sys.stdin.read()  # it lives until it is let go, however late it is killed
