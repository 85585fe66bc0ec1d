"""Cells that relax, against PyTorch.

Equilibrium propagation on 784-512-10, 50 images side by side, float32, one thread: 30
sweeps without and 10 with a teacher. PyTorch does the same arithmetic, once as it is
usually written (`plain`) and once with the product of the images made once, in place
and in preallocated arrays (`tuned`). Rows are relaxing alone, and with the update of
all weights from both phases. The deviation is the largest difference of a relaxed
state, or of a weight that was updated, relative to the largest of all.

All are timed in turn, round by round, in one process; a row gives the fastest round of
each.

Usage: python benchmarks/relaxing.py [--presentations 20]
"""

import argparse
from time import perf_counter
from typing import Annotated, NamedTuple

import numpy as np
import torch

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

SIZES, BATCH, ROUNDS = (784, 512, 10), 50, 7
FREE, NUDGED, STEP, BETA, RATE = 30, 10, 0.5, 0.1, 0.05


class State(NamedTuple):
    s: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    pass


class Inputs(NamedTuple):
    drive: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    beta: Annotated[float, "1"] = 0.0


def rate(cell, p):
    return min(max(cell.s, 0.0), 1.0)


def derivative(cell, inputs, p):
    """Down the energy, with the slope of the hard sigmoid, and towards the target."""
    slope = 1.0 if cell.s >= 0.0 and cell.s <= 1.0 else 0.0
    nudge = inputs.target - inputs.beta * cell.s
    return State(slope * inputs.drive - cell.s + nudge)


CELL = CellModel(
    "hard", State, Params, Inputs, derivative=derivative, reads={"rate": rate}
)


def energy_based():
    """The circuit: symmetric weights, and rules that read the ends of both phases."""
    rule = ActivityDifference(
        "rate", "rate", moments=("nudged", "free"), learning_rate=RATE / BETA
    )
    one = {"connectivity": "one_to_one", "initial": Constant(1.0)}
    learned = {"rule": rule, "initial": Uniform(-1.0, 1.0, per_root_fan_in=True)}
    moving = {"relax": ("hidden", "output"), "step": STEP}
    return Circuit(
        (
            Population("input", source(), SIZES[0], pattern="inputs"),
            Population("hidden", CELL, SIZES[1]),
            Population("output", CELL, SIZES[2]),
            Population("target", source(), SIZES[2], pattern="targets"),
        ),
        (
            Projection("input", "hidden", "drive", name="w", **learned),
            Projection("hidden", "output", "drive", name="v", **learned),
            Projection("output", "hidden", "drive", tied_to=Tied("v", transpose=True)),
            Projection("target", "output", "target", **one),
            Projection("target", "output", "beta", signal="active", **one),
        ),
        Schedule(
            (
                Phase("free", sweeps=FREE, **moving),
                Phase("nudged", sweeps=NUDGED, on={"target": BETA}, **moving),
            ),
            always_on=("input",),
        ),
        readout="s",
    )


class Plain:
    """Equilibrium propagation in PyTorch, written as on paper."""

    def __init__(self, weights):
        self.w, self.v = (torch.tensor(weights[k].astype("f4")) for k in "wv")

    def present(self, x, y, learning):
        """Relax twice, and move the weights."""
        h, o = torch.zeros(len(x), SIZES[1]), torch.zeros(len(x), SIZES[2])
        free = self.relaxed(x, y, h, o, FREE, 0.0)
        nudged = self.relaxed(x, y, *free, NUDGED, BETA)
        if learning:
            (h, o), (g, q) = ([s.clamp(0, 1) for s in pair] for pair in (nudged, free))
            share = RATE / BETA / len(x)
            self.w += share * (h.T @ x - g.T @ x)
            self.v += share * (o.T @ h - q.T @ g)
        return nudged

    def relaxed(self, x, y, h, o, sweeps, beta):
        """Damped sweeps of both layers at once."""
        for _ in range(sweeps):
            rh, ro = h.clamp(0, 1), o.clamp(0, 1)
            dh = ((h >= 0) & (h <= 1)) * (x @ self.w.T + ro @ self.v) - h
            do = ((o >= 0) & (o <= 1)) * (rh @ self.v.T) - o + beta * (y - o)
            h, o = h + STEP * dh, o + STEP * do
        return h, o


class Tuned(Plain):
    """The same with one product of the images, in place."""

    def present(self, x, y, learning):
        """As in `Plain`."""
        self.base = x @ self.w.T
        return super().present(x, y, learning)

    def relaxed(self, x, y, h, o, sweeps, beta):
        """As in `Plain`; inside the hard sigmoid's range the rate is the state."""
        h, o = h.clone(), o.clone()
        rh, ro = torch.empty_like(h), torch.empty_like(o)
        field, reached = torch.empty_like(h), torch.empty_like(o)
        vt = self.v.T
        for _ in range(sweeps):
            torch.clamp(h, 0, 1, out=rh)
            torch.clamp(o, 0, 1, out=ro)
            torch.addmm(self.base, ro, self.v, out=field)
            torch.mm(rh, vt, out=reached)
            field.mul_(rh == h)
            reached.mul_(ro == o)
            if beta:
                reached.add_(y, alpha=beta).sub_(o, alpha=beta)
            h.mul_(1 - STEP).add_(field, alpha=STEP)
            o.mul_(1 - STEP).add_(reached, alpha=STEP)
        return h, o


def shown(presentations):
    """Images as sparse as MNIST, and targets."""
    rng = np.random.default_rng(0)
    n = presentations * BATCH
    inputs = rng.uniform(size=(n, SIZES[0])) * (rng.uniform(size=(n, SIZES[0])) < 0.2)
    labels = rng.integers(SIZES[-1], size=n)
    targets = (labels[:, None] == np.arange(SIZES[-1])).astype("f4")
    return inputs.astype("f4"), targets


def timed(runs, presentations):
    """Seconds of the fastest round of each, all in turn."""
    times = {name: [] for name in runs}
    for turn in range(ROUNDS + 1):
        for name, run in runs.items():
            begun = perf_counter()
            run()
            if turn:
                times[name].append(perf_counter() - begun)
    return {name: min(values) / presentations for name, values in times.items()}


def relaxing(presentations, learning):
    """Print speeds and deviation of relaxing with or without learning."""
    inputs, targets = shown(presentations)
    circuit = energy_based()
    presenter = Presenter(circuit, batch=BATCH, dtype="float32")
    start = presenter.weights()
    batches = [slice(k, k + BATCH) for k in range(0, len(inputs), BATCH)]
    x, y = torch.tensor(inputs), torch.tensor(targets)
    nets = {"plain": Plain(start), "tuned": Tuned(start)}

    def engine():
        with presenter:
            if learning:
                presenter.present_many({"input": inputs, "target": targets})
                return
            for part in batches:
                pair = {"input": inputs[part], "target": targets[part]}
                presenter.present(pair, learning=False)

    def torch_run(net):
        def run():
            for part in batches:
                net.last = net.present(x[part], y[part], learning)

        return run

    runs = {"engine": engine, **{k: torch_run(net) for k, net in nets.items()}}
    for run in runs.values():
        run()
    hidden = presenter.read("hidden", "s")
    plain, weights = nets["plain"], presenter.weights()
    pairs = [(hidden, plain.last[0].numpy())]
    if learning:
        pairs += [(weights["w"], plain.w.numpy()), (weights["v"], plain.v.numpy())]
    deviation = max(np.abs(a - b).max() / np.abs(a).max() for a, b in pairs)
    found = timed(runs, presentations)
    what = "relaxing and learning" if learning else "relaxing"
    for name in nets:
        print(
            f"{what:22} {1e3 * found['engine']:7.2f} ms a batch  "
            f"{found[name] / found['engine']:5.2f} x PyTorch, {name}"
            f"  deviation {deviation:.1e}",
            flush=True,
        )


def main():
    """Print all rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presentations", type=int, default=20)
    presentations = parser.parse_args().presentations
    torch.set_num_threads(1)
    with torch.no_grad():
        relaxing(presentations, False)
        relaxing(presentations, True)


if __name__ == "__main__":
    main()
