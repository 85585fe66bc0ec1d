"""Kinds of connectivity with shared weights, and what they are as tables."""

from dataclasses import replace

import numpy as np
import pytest
from systems import two_populations

from circuits import (
    Convolution,
    LocallyConnected,
    Phase,
    Pooling,
    Population,
    Projection,
    Shared,
    Transposed,
    Uniform,
)
from dendrites import ActivityDifference, LowPass
from dendrites.models import source, three_compartment

RULE = ActivityDifference("soma", "basal", 0.3, low_pass=LowPass(5.0))
CELL = three_compartment(dendrites="instantaneous", tau_soma=2.0)
PLAIN = Convolution((6, 5), (3, 2), (2, 3))
KINDS = {
    "convolution": PLAIN,
    "strided": Convolution((7, 6), 3, (2, 3), stride=(2, 1), padding=(1, 2)),
    "wide": Convolution((5, 9), (1, 4), (1, 2), stride=(1, 3), padding=(0, 3)),
    "local": LocallyConnected((6, 5), (3, 2), (2, 3)),
    "strided local": LocallyConnected((7, 6), 3, (2, 3), stride=2, padding=1),
    "pooling": Pooling((6, 4), 2, 3),
    "strided pooling": Pooling((7, 6), 3, 2, stride=2, padding=1),
}
KINDS |= {f"{name}, back": kind.transposed for name, kind in KINDS.items()}
KINDS["slots"] = Shared([1, 1, 0, 3, 2, 1], [0, 4, 2, 2, 0, 3], [0, 1, 1, 2, 0, 2])
KINDS["slots, back"] = KINDS["slots"].transposed
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def full(kind, weights):
    """The weights as a table (n_post, n_pre), written from the geometry."""
    if isinstance(kind, Transposed):
        return full(kind.of, weights).T
    table = np.zeros((kind.n_post, kind.n_pre))
    if isinstance(kind, Shared):
        for i, j, k in zip(kind.post, kind.pre, kind.slots, strict=True):
            table[i, j] += weights[k]
        return table
    (c_in, height, width), (c_out, rows, columns) = kind.pre_shape, kind.post_shape
    for o, r, c in np.ndindex(c_out, rows, columns):
        for channel, i, j in np.ndindex(c_in, *kind.kernel):
            y = r * kind.stride[0] - kind.padding[0] + i
            x = c * kind.stride[1] - kind.padding[1] + j
            if not (0 <= y < height and 0 <= x < width):
                continue
            if isinstance(kind, Pooling):
                w = weights[o] if channel == o else 0.0
            elif isinstance(kind, LocallyConnected):
                w = weights[o, r, c, channel, i, j]
            else:
                w = weights[o, channel, i, j]
            post = (o * rows + r) * columns + c
            table[post, (channel * height + y) * width + x] += w
    return table


def drawn(kind, seed=1):
    weights = np.random.default_rng(seed).normal(size=kind.slot_shape)
    return kind.masked(weights)


def circuit_of(kind, **options):
    """One step of cells whose basal dendrites hold what reaches them."""
    sizes = kind.n_pre, kind.n_post
    options = {"initial": Uniform(), "connectivity": kind, "dt": 0.2, **options}
    return two_populations(*sizes, post=CELL, **{"steps": 1, **options})


def tied_back(kind, tied, *, steps=1, **options):
    """A projection, and one that carries other signals back through its weights."""
    back = Projection("above", "below", "basal", connectivity=kind.transposed)
    return circuit_of(
        kind,
        extra=(replace(back, tied_to=tied, name="back"),),
        more=(
            Population("above", source(), kind.n_post, pattern="targets"),
            Population("below", CELL, kind.n_pre),
        ),
        phases=(Phase("shown", 0.2 * steps, on=("input", "above")),),
        **options,
    )
