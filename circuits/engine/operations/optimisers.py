"""Weights moved by optimisers: what is remembered of updates, and the step they give.

Learning rates, decay and samples are those of `plasticity`.
"""

import math

from circuits.engine.operations.kinds import operation
from circuits.engine.operations.outer import DIRECT, FEW_CELLS
from circuits.engine.operations.plasticity import LEARNING, share_of
from dendrites.compile.calls import add_product, at, cast, real
from dendrites.compile.rows import SAMPLES


@operation(
    f"{LEARNING} <sums w=velocity ~momentum nesterov",
    "move {weights} by {sums} with momentum",
)
def move_momentum(weights, lane, row, span):
    """V' = mu V + G, W' = keep W + h V', or h (G + mu V')."""
    keep = cast(lane, 1 - real(row, 6) * real(row, 4))
    h, mu = cast(lane, real(span, row[3]) * real(row, 4)), cast(lane, real(row, 9))
    share, ahead = cast(lane, share_of(span, row[5])), row[10] != 0
    w, gradient, velocity = at(weights, row[2]), at(lane, row[7]), at(weights, row[8])
    for k in range(row[1]):
        g = share * gradient[k]
        v = mu * velocity[k] + g
        velocity[k] = v
        w[k] = keep * w[k] + h * (g + mu * v if ahead else v)


@operation(
    f"{DIRECT} w=weights rate ~unit ~weight_decay w=velocity ~momentum",
    "move {weights} by {factor} times {signal} with momentum",
)
def momentum_outer(weights, lane, row, span):
    """The same with G = X^T E of all samples, without a sum in between."""
    n_pre, n, rows = row[1], row[2], span[SAMPLES]
    h = cast(lane, real(span, row[7]) * real(row, 8))
    keep, mu = cast(lane, 1 - real(row, 9) * real(row, 8)), cast(lane, real(row, 11))
    share = cast(lane, share_of(span, row[5]))
    signals, factors = at(lane, row[3]), at(lane, row[4])
    w, velocity = at(weights, row[6]), at(weights, row[10])
    if rows > 1 and n_pre >= FEW_CELLS:
        add_product(True, n_pre, n, rows, share, signals, factors, mu, velocity)
        for k in range(n_pre * n):
            w[k] = keep * w[k] + h * velocity[k]
        return
    for p in range(n_pre):
        moved, v = at(w, p * n), at(velocity, p * n)
        xp, factor = share * signals[p], at(factors, 0)
        for i in range(n):
            v[i] = mu * v[i] + xp * factor[i]
        for b in range(1, rows):
            xp, factor = share * signals[b * n_pre + p], at(factors, b * n)
            for i in range(n):
                v[i] += xp * factor[i]
        for i in range(n):
            moved[i] = keep * moved[i] + h * v[i]


@operation(
    f"{LEARNING} <sums w=moment1 w=moment2 w=corrections ~beta1 ~beta2 ~epsilon",
    "move {weights} by {sums} with moments",
)
def move_adam(weights, lane, row, span):
    """W' = keep W + h (M / c1) / (sqrt(S / c2) + epsilon).

    The corrections c = 1 - beta^t are kept as what the filters of the moments make of
    1: a count of updates would end where numbers of single precision do.
    """
    keep = cast(lane, 1 - real(row, 6) * real(row, 4))
    h = cast(lane, real(span, row[3]) * real(row, 4))
    share, epsilon = cast(lane, share_of(span, row[5])), cast(lane, real(row, 13))
    beta1, beta2 = cast(lane, real(row, 11)), cast(lane, real(row, 12))
    new1, new2 = cast(lane, 1 - real(row, 11)), cast(lane, 1 - real(row, 12))
    w, gradient, corrections = (
        at(weights, row[2]),
        at(lane, row[7]),
        at(weights, row[10]),
    )
    first, second = at(weights, row[8]), at(weights, row[9])
    corrections[0] = beta1 * corrections[0] + new1
    corrections[1] = beta2 * corrections[1] + new2
    step, root = h / corrections[0], cast(lane, math.sqrt(corrections[1]))
    for k in range(row[1]):
        g = share * gradient[k]
        m = beta1 * first[k] + new1 * g
        s = beta2 * second[k] + new2 * g * g
        first[k], second[k] = m, s
        w[k] = keep * w[k] + step * m / (math.sqrt(s) / root + epsilon)
