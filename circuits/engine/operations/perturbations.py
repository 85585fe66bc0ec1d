"""Numbers added to weights in some phases, and rules that read them.

They lie beside the weights, (n_pre, n_post) as these do, and are drawn for every
presentation.
"""

from circuits.engine.operations.kinds import operation
from circuits.engine.span import PRESENTATION, REPLICA
from dendrites.compile.calls import at, cast, real, short_integers
from dendrites.compile.rows import SAMPLES
from dendrites.random import fill_signs, normal

DRAW = "n w>xi ~sigma key0 key1"


@operation(DRAW, "draw {xi}")
def draw_normal_xi(weights, lane, row, span):
    """Normal numbers of that standard deviation."""
    xi, sigma = at(weights, row[2]), real(row, 3)
    replica, shown = span[REPLICA], span[PRESENTATION]
    for k in range(row[1]):
        z = normal(row[4], row[5], replica, shown, 0, k)
        xi[k] = cast(lane, sigma * z)


@operation(DRAW, "draw {xi}")
def draw_signs_xi(weights, lane, row, span):
    """Numbers of one size and random sign."""
    xi, sigma = at(weights, row[2]), real(row, 3)
    replica, shown = span[REPLICA], span[PRESENTATION]
    size = cast(lane, sigma)
    fill_signs(xi, row[1], size, row[4], row[5], replica, shown, 0)


@operation(
    "n w<weights w<xi w>perturbed ~factor", "{perturbed} is {weights} + {factor:g} {xi}"
)
def perturb(weights, lane, row, span):
    """What a projection carries: its weights and what is added to them."""
    factor = cast(lane, real(row, 5))
    w, xi, out = at(weights, row[2]), at(weights, row[3]), at(weights, row[4])
    for k in range(row[1]):
        out[k] = w[k] + factor * xi[k]


@operation(
    "n_pre n_post =factor w<xi =sums first paired index",
    "sum {factor} times {xi} into {sums}",
)
def xi_outer(weights, lane, row, span):
    """Factors, summed over samples, times what was added to every weight.

    `paired` is 1 where cell i has a weight with cell i alone, and `index` the address
    of a sparse pattern.
    """
    n_post, first = row[2], row[6]
    factor, xi, out = at(lane, row[3]), at(weights, row[4]), at(lane, row[5])
    for b in range(1, span[SAMPLES]):
        other = at(factor, b * n_post)
        for i in range(n_post):
            factor[i] += other[i]
    sparse, paired = row[8] != 0, row[7]
    starts = short_integers(row[8])
    targets = at(starts, row[1] + 1) if sparse else starts
    for j in range(row[1]):
        begin = starts[j] if sparse else (j if paired else j * n_post)
        end = starts[j + 1] if sparse else (j + 1 if paired else begin + n_post)
        for k in range(begin, end):
            i = targets[k] if sparse else (j if paired else k - begin)
            total = cast(lane, 0.0) if first else out[k]
            out[k] = total + factor[i] * xi[k]
