"""What weights that decay cost: Kolen-Pollack learning beside feedback alignment.

784-500-500-10, float32, one thread. Errors go down through feedback weights of their
own, in a second phase. Under feedback alignment these stand still; Kolen-Pollack moves
them by the transposed updates and lets all weights decay. `learned` moves them as well,
without decay. All are timed in turn, round by round, in one process; what is printed is
the ratio of their fastest rounds to feedback alignment.

Usage: python benchmarks/kolen_pollack.py [--presentations 40]
"""

import argparse
import sys
import time
from itertools import pairwise
from typing import Annotated, NamedTuple

import numpy as np
from outcome import Check, finish, in_turn

from circuits import (
    Adam,
    Circuit,
    Constant,
    Phase,
    Population,
    Presenter,
    Projection,
    Schedule,
    Sgd,
    Uniform,
)
from dendrites import ActivityDifference, CellModel, transfer
from dendrites.models import source

SIZES = {"input": 784, "h1": 500, "h2": 500, "output": 10}
ROUNDS = 7


class State(NamedTuple):
    u: Annotated[float, "1"] = 0.0
    error: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    drive: Annotated[float, "1"] = 0.0
    error: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    tau: Annotated[float, "ms"] = 10.0


def derivative(cell, inputs, p):
    return State((inputs.drive - cell.u) / p.tau, (inputs.error - cell.error) / p.tau)


def rate(cell, p):
    return transfer.logistic(cell.u)


def delta(cell, p):
    r = transfer.logistic(cell.u)
    return r * (1.0 - r) * cell.error


CELL = CellModel(
    "layer", State, Params, Inputs, derivative, reads={"rate": rate, "delta": delta}
)


def learning(post, pre):
    return ActivityDifference(
        post, None, 0.05, presynaptic=pre, moments=("backward", "backward")
    )


def layered(*, feedback=False, decay=0.0):
    """Layers, their errors, and rules of both directions."""
    start = {"initial": Uniform(-1.0, 1.0, per_root_fan_in=True)}
    one = {"field": "error", "connectivity": "one_to_one"}
    projections = [
        Projection("target", "output", initial=Constant(1.0), **one),
        Projection("output", "output", initial=Constant(-1.0), **one),
    ]
    down = []
    for pre, post in pairwise(SIZES):
        up = {"rule": learning("delta", "rate"), "weight_decay": decay, **start}
        projections.append(Projection(pre, post, "drive", **up))
        if pre != "input":
            back = dict(start)
            if feedback:
                back |= {"rule": learning("rate", "delta"), "weight_decay": decay}
            projections.append(Projection(post, pre, "error", "delta", **back))
            down.append(projections[-1].name)
    cells = [Population(name, CELL, SIZES[name]) for name in list(SIZES)[1:]]
    return Circuit(
        (
            Population("input", source(), SIZES["input"]),
            Population("target", source(), SIZES["output"]),
            *cells,
        ),
        tuple(projections),
        Schedule(
            (
                Phase(
                    "forward",
                    settle=("h1", "h2", "output"),
                    on=("input",),
                    silent=(*down, "output_to_output_error"),
                ),
                Phase(
                    "backward", settle=("output", "h2", "h1"), on=("input", "target")
                ),
            )
        ),
    )


def runs_of(batch, presentations):
    """What is timed, by name."""
    rng = np.random.default_rng(0)
    n = batch * presentations
    patterns = {
        "input": rng.uniform(0.0, 1.0, (n, SIZES["input"])),
        "target": rng.uniform(0.1, 0.9, (n, SIZES["output"])),
    }
    kinds = {
        "feedback alignment": (layered(), None),
        "learned": (layered(feedback=True), None),
        "Kolen-Pollack": (layered(feedback=True, decay=1e-3), None),
        "with momentum": (layered(feedback=True, decay=1e-3), Sgd(0.9)),
        "with Adam": (layered(feedback=True, decay=1e-3), Adam()),
    }

    def run_of(circuit, optimiser):
        options = {"batch": batch, "dtype": "float32", "optimiser": optimiser}
        presenter = Presenter(circuit, **options)

        def run():
            with presenter:
                presenter.present_many(patterns)

        return run

    return {name: run_of(*kind) for name, kind in kinds.items()}


def main() -> int:
    """Measure, keep the table, and check what decay costs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presentations", type=int, default=40)
    presentations = parser.parse_args().presentations
    rows, checks = [], []
    for batch in (1, 50):
        runs = runs_of(batch, presentations)
        best = in_turn(runs, ROUNDS, time.process_time)
        plain = best.pop("feedback alignment")
        ratios = {name: seconds / plain for name, seconds in best.items()}
        ms = f"{1e3 * plain / presentations:.2g} ms"
        rows.append([str(batch), ms, *(f"{x:.1f}" for x in ratios.values())])
        decay = ratios["Kolen-Pollack"]
        checks.append(Check(f"Kolen-Pollack, batch {batch}", decay, at_most=1.5))
    titles = ["batch", *runs]
    return finish("kolen_pollack", {"cost": (titles, rows)}, checks)


if __name__ == "__main__":
    sys.exit(main())
