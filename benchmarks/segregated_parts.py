"""What the parts of a step of the segregated-dendrite network cost, 784-500-10.

Each part of the engine's step is repeated by itself on the state that some training
images left, part after part, round by round; a row gives the CPU time per step of the
fastest round, one thread, and its share of all parts.

Usage: python benchmarks/segregated_parts.py [--memory 10]
"""

import argparse
from time import process_time

import numpy as np

from circuits.algorithms import guerguiev
from circuits.engine.integrate import (
    draw_fields,
    receive_at_once,
    write_fields,
    write_signals,
)
from circuits.engine.runner import Runner, serial_blas
from circuits.engine.tables import STEP
from circuits.engine.updates import run_population
from circuits.weights import initial_weights
from dendrites.compile.jit import kernel

SIZES = (784, 500, 10)
REPEATS = 500
ROUNDS = 20


@kernel
def repeat_cells(t, loops, w, x, span, p, n):
    """Advance the cells of one population."""
    for _ in range(n):
        run_population(t, loops.step, w, x, span, p, STEP)


@kernel
def repeat_draws(t, x, span, n):
    """Draw the numbers that decide spikes."""
    for step in range(n):
        draw_fields(t, x, span, step)


@kernel
def repeat_arrivals(t, loops, w, x, span, p, n):
    """Add the weight rows of spikes that arrive without delay."""
    for _ in range(n):
        receive_at_once(t, loops, w, x, span, t.weights, p)


@kernel
def repeat_signals(t, loops, w, x, m, n):
    """Read signals off the state."""
    for _ in range(n):
        write_signals(t, loops, w, x, m, t.weights, t.weights)


@kernel
def repeat_fields(t, w, x, span, n):
    """Copy input fields and add delayed signals, forgotten spikes among them."""
    for _ in range(n):
        write_fields(t, w, x, span, t.weights, t.weights, t.weights - 1)


def main():
    """Print one row per part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memory", type=int, default=10)
    circuit = guerguiev(SIZES, memory=parser.parse_args().memory)
    rng = np.random.default_rng(0)
    images = rng.random((20, SIZES[0])) * (rng.random((20, SIZES[0])) < 0.2)
    with serial_blas():
        runner = Runner(circuit, [initial_weights(circuit)], announce=lambda text: None)
        for k, image in enumerate(images):
            shown = {
                "input": image[None],
                "teacher": np.eye(10)[k % 10][None],
                "bias": np.ones((1, 1)),
            }
            lanes = runner.present(0, shown, circuit.schedule, presentation=k)
        plan, w, x = runner.plan, runner.replicas[0], lanes[0][0]
        t, loops, rows = plan.tables, plan.loops, plan.rows
        span = runner._span(0, learning=True)
        hidden, output = rows["hidden1"], rows["output"]
        parts = {
            "hidden cells": (repeat_cells, t, loops, w, x, span, hidden),
            "input fields, delayed spikes": (repeat_fields, t, w, x, span),
            "random numbers": (repeat_draws, t, x, span),
            "input cells": (repeat_cells, t, loops, w, x, span, rows["input"]),
            "rows of input spikes": (repeat_arrivals, t, loops, w, x, span, hidden),
            "rows of hidden spikes": (repeat_arrivals, t, loops, w, x, span, output),
            "signals": (repeat_signals, t, loops, w, x, 1),
            "output cells": (repeat_cells, t, loops, w, x, span, output),
        }
        start = x.copy()
        fastest = dict.fromkeys(parts, np.inf)
        for _ in range(ROUNDS):
            for name, (part, *arguments) in parts.items():
                x[:] = start
                part(*arguments, 2)
                x[:] = start
                begun = process_time()
                part(*arguments, REPEATS)
                fastest[name] = min(fastest[name], process_time() - begun)
    for name, seconds in fastest.items():
        share = seconds / sum(fastest.values())
        print(f"{name:30}{seconds / REPEATS * 1e6:8.2f} us{share:6.0%}")


if __name__ == "__main__":
    main()
