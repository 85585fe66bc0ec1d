"""Operations of shared weights against PyTorch's, on one thread.

Compares what the engine runs for a convolution (its product, what it carries back, what
a rule sums) with `conv2d`, `conv_transpose2d` and the gradient of the weights. Runners
are timed in turn, round by round; a row gives the ratio of the fastest rounds.

Usage: python benchmarks/convolution.py [--rounds 100]
"""

import argparse
import time

import numpy as np
import torch

import circuits
from circuits.engine.interpret import run_list
from circuits.engine.layout import Layout
from circuits.engine.lists import rows
from circuits.engine.loops import Loops
from circuits.engine.span import RATES
from circuits.engine.writer import Choices, Writer
from dendrites import ActivityDifference
from dendrites._blas import serial_blas
from dendrites.compile.rows import SAMPLES
from dendrites.models import source, three_compartment

SHAPES = {
    "1 to 8 maps, 28 x 28, 5 x 5": circuits.Convolution((28, 28), 5, (1, 8)),
    "8 to 16 maps, 12 x 12, 5 x 5": circuits.Convolution((12, 12), 5, (8, 16)),
    "32 to 64 maps, 14 x 14, 3 x 3": circuits.Convolution(
        (14, 14), 3, (32, 64), padding=1
    ),
}
BATCH = 32


def engine(kind, dtype, images, maps, weights):
    """Calls of the engine, forward, back and of a rule, on these numbers."""
    cell = three_compartment(dendrites="instantaneous")
    rule = ActivityDifference("soma", None, 1.0)
    back = circuits.Projection(
        "above", "below", "basal", connectivity=kind.transposed, name="back"
    )
    forward = circuits.Projection(
        "input", "output", "basal", connectivity=kind, rule=rule, name="forward"
    )
    circuit = circuits.Circuit(
        (
            circuits.Population("input", source(), kind.n_pre, pattern="inputs"),
            circuits.Population("above", source(), kind.n_post, pattern="targets"),
            circuits.Population("output", cell, kind.n_post),
            circuits.Population("below", cell, kind.n_pre),
        ),
        (forward, back),
        circuits.Schedule((circuits.Phase("shown", 1.0, on=("input", "above")),)),
    )
    layout = Layout(circuit, dtype=dtype, capacity=BATCH)
    w = Writer(layout, Loops(circuit, dtype), Choices(frozenset({"forward"})))
    arena = layout.replica_arena({"forward": weights, "back": weights})
    lane, part = layout.lane_arena(), layout.lane.part
    span = np.zeros(RATES + 2, np.int64)
    span[SAMPLES] = BATCH
    lane[part("signal", "input", "rate", "now")][: images.size] = images.ravel()
    lane[part("signal", "above", "rate", "now")][: maps.size] = maps.ravel()
    lane[part("factor", 0, "forward")][: maps.size] = maps.ravel()
    made = []
    for operation, key, shape in (
        (w.product(forward), ("field", "output", "basal"), maps.shape),
        (w.product(back), ("field", "below", "basal"), images.shape),
        (w.outer(forward, 0), ("sums", "forward"), weights.shape),
    ):
        if "target" in operation.operands:
            operation.operands["first"] = 1
        table, place = rows([operation], dtype), part(*key)

        def call(table=table, place=place, shape=shape):
            run_list(table, arena, lane, span)
            return lane[place].reshape(shape)

        made.append(call)
    made.append((layout, w))  # addresses live as long
    return made


def in_torch(kind, images, maps, weights):
    """The same of PyTorch."""
    x, e, w = (torch.from_numpy(a) for a in (images, maps, weights))
    options = {"stride": kind.stride, "padding": kind.padding}
    return [
        lambda: torch.nn.functional.conv2d(x, w, **options).numpy(),
        lambda: torch.nn.functional.conv_transpose2d(e, w, **options).numpy(),
        lambda: torch.nn.grad.conv2d_weight(x, w.shape, e, **options).numpy(),
    ]


def compare(title, kind, dtype, rounds):
    """One row of the table for each call."""
    rng = np.random.default_rng(0)
    images, maps, weights = (
        rng.normal(size=shape).astype(dtype)
        for shape in (
            (BATCH, *kind.pre_shape),
            (BATCH, *kind.post_shape),
            kind.slot_shape,
        )
    )
    *mine, _held = engine(kind, dtype, images, maps, weights)
    theirs = in_torch(kind, images, maps, weights)
    for what, ours, other in zip(
        ("forward", "back", "rule"), mine, theirs, strict=True
    ):
        wanted = other()
        error = np.abs(ours() - wanted).max() / np.abs(wanted).max()
        best = [np.inf, np.inf]
        for _ in range(rounds):
            for k, call in enumerate((ours, other)):
                start = time.perf_counter()
                call()
                best[k] = min(best[k], time.perf_counter() - start)
        print(
            f"{title:30}  {np.dtype(dtype).name}  {what:8}"
            f"{1e6 * best[0]:9.0f} us  {best[1] / best[0]:5.2f} x PyTorch  "
            f"deviation {error:.0e}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    with serial_blas():
        for title, kind in SHAPES.items():
            for dtype in (np.float32, np.float64):
                compare(title, kind, dtype, rounds)


if __name__ == "__main__":
    main()
