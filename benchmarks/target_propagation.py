"""What a phase of noise costs: difference target propagation with and without.

784-256-256-10, 50 images side by side, float32, one thread. The inverses learn to
reconstruct a layer's activity from the layer above; or, with noise, noisy activity
from what that makes of the layer above, for which a phase draws and goes up and down
once more. Both circuits are timed in turn, round by round, in one process; what is
printed is the ratio of their fastest rounds.

Usage: python benchmarks/target_propagation.py [--presentations 20]
"""

import argparse
import math
from itertools import pairwise
from typing import Annotated, NamedTuple

from relaxing import BATCH, Params, shown, timed

from circuits import (
    Circuit,
    Constant,
    Phase,
    Population,
    Presenter,
    Projection,
    Schedule,
    Tied,
    Uniform,
)
from dendrites import ActivityDifference, CellModel
from dendrites.models import source


class Layer(NamedTuple):
    activity: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0


class Sent(NamedTuple):
    drive: Annotated[float, "1"] = 0.0
    other: Annotated[float, "1"] = 0.0
    own: Annotated[float, "1"] = 0.0
    noise: Annotated[float, "1"] = 0.0


def cells(name, step, **options):
    """Cells that do nothing but one step, a function of what they receive."""
    return CellModel(name, Layer, Params, Sent, step=step, **options)


def forward(cell, inputs, p, dt):
    return Layer(math.tanh(inputs.drive), inputs.own)


def aimed(cell, inputs, p, dt):
    return Layer(inputs.own + 0.2 * (inputs.drive - inputs.own), 0.0)


def difference(cell, inputs, p, dt):
    return Layer(inputs.own + math.tanh(inputs.drive) - math.tanh(inputs.other), 0.0)


def corrupted(cell, inputs, p, dt):
    return Layer(inputs.own + 0.08 * inputs.noise, 0.0)


def slope(cell, p):
    return 1.0 - cell.activity * cell.activity


FORWARD, AIMED = cells("forward", forward), cells("aimed", aimed)
DIFFERENCE = cells("difference", difference)
CORRUPTED = cells("corrupted", corrupted, random={"noise": "normal"})


def target_propagation(noisy):
    """Forward, targets down, and inverses that reconstruct `noisy` activity or not."""
    one = {"connectivity": "one_to_one", "initial": Constant(1.0)}
    drawn = {"initial": Uniform(-1.0, 1.0, per_root_fan_in=True)}
    sizes = {"input": 784, "h1": 256, "h2": 256, "h3": 10}
    populations = [
        Population("input", source(), 784, pattern="inputs"),
        Population("teacher", source(), 10, pattern="targets"),
        *(Population(name, FORWARD, n) for name, n in sizes.items() if name != "input"),
        Population("t3", AIMED, 10),
        *(Population(f"t{k}", DIFFERENCE, 256) for k in (2, 1)),
        *(Population(f"back{k}", FORWARD, 256) for k in (2, 1)),
    ]
    projections = []

    def join(pre, post, field="drive", **options):
        signal = "rate" if pre in ("input", "teacher") else "activity"
        options = {"signal": signal, "name": f"{pre}_{post}_{field}", **options}
        projections.append(Projection(pre, post, field, **options))

    def rule(phase, rate):
        return ActivityDifference(
            "target",
            "activity",
            gain=slope,
            moments=(phase, phase),
            gain_moment=phase,
            learning_rate=rate,
        )

    for pre, post in pairwise(sizes):
        join(pre, post, rule=rule("compared", 0.01), **drawn)
        join(post.replace("h", "t"), post, "own", **one)
    join("teacher", "t3", **one)
    join("h3", "t3", "own", **one)
    for k in (2, 1):
        sent, own = (f"above{k}", f"noisy{k}") if noisy else (f"h{k + 1}", f"h{k}")
        inverse = f"{sent}_back{k}_drive"
        join(sent, f"back{k}", rule=rule("reconstructed", 0.01), **drawn)
        join(own, f"back{k}", "own", **one)
        join(f"t{k + 1}", f"t{k}", tied_to=Tied(inverse))
        join(f"h{k + 1}", f"t{k}", "other", tied_to=Tied(inverse))
        join(f"h{k}", f"t{k}", "own", **one)
        if noisy:
            n = sizes[f"h{k + 1}"]
            populations += [
                Population(f"noisy{k}", CORRUPTED, 256),
                Population(f"above{k}", FORWARD, n),
            ]
            join(f"h{k}", f"noisy{k}", "own", **one)
            join(f"noisy{k}", f"above{k}", tied_to=Tied(f"h{k}_h{k + 1}_drive"))
    more = ("noisy2", "above2", "noisy1", "above1") if noisy else ()
    phases = (
        Phase("forward", advance=("h1", "h2", "h3")),
        Phase("reconstructed", advance=(*more, "back2", "back1")),
        Phase("targets", advance=("t3", "t2", "t1")),
        Phase("compared", advance=("h1", "h2", "h3")),
    )
    return Circuit(
        tuple(populations),
        tuple(projections),
        Schedule(phases, always_on=("input", "teacher")),
        output="h3",
        readout="activity",
    )


def main():
    """Print what noise costs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presentations", type=int, default=20)
    presentations = parser.parse_args().presentations
    inputs, targets = shown(presentations)

    def run_of(noisy):
        presenter = Presenter(target_propagation(noisy), batch=BATCH, dtype="float32")

        def run():
            with presenter:
                presenter.present_many({"input": inputs, "teacher": targets})

        return run

    found = timed({noisy: run_of(noisy) for noisy in (False, True)}, presentations)
    print(
        f"target propagation     {1e3 * found[False]:7.2f} ms a batch  with noise "
        f"{found[True] / found[False]:5.2f} x that",
        flush=True,
    )


if __name__ == "__main__":
    main()
