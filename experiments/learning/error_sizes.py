"""Sizes of errors in very wide random networks: the mean-field theory of depth.

Cells of a layer whose weights are drawn with variance g^2 / n have potentials of a
normal distribution of variance q; from layer to layer

    q_l = g^2 <phi(sqrt(q_(l-1)) z)^2>,    z ~ N(0, 1)

and an error that travels back through weights of variance b^2 / n (independent of the
forward ones, or their transpose) changes its variance by chi = b^2 <phi'(sqrt(q) z)^2>.
"""

import numpy as np

from dendrites.compile.loops import elementwise

# In standard deviations: beyond, 1e-15 is left. Even: no point is at a kink at 0.
WIDEST, POINTS = 8.0, 4000


def mean_square(function, variance: float) -> float:
    """Mean square of a scalar function of a normal variable, by the trapezoidal rule.

    Fine enough for functions that change within a hundredth of the deviation.
    """
    z = np.linspace(-WIDEST, WIDEST, POINTS)
    weight = np.exp(-0.5 * z**2)
    values = elementwise(function, np.sqrt(variance) * z)
    return float(np.dot(weight, values**2) / weight.sum())


def variances(phi, gain: float, first: float, layers: int) -> np.ndarray:
    """Variances of potentials (layers,) in hidden layers, the lowest first.

    Parameters
    ----------
    phi : Transfer
    gain : float
        g.
    first : float
        Mean square of the inputs.
    layers : int
    """
    found, seen = [], first
    for _ in range(layers):
        found.append(gain**2 * seen)
        seen = mean_square(phi.rate, found[-1])
    return np.array(found)


def error_sizes(phi, gain: float, first: float, layers: int) -> np.ndarray:
    """Root mean square error (layers,) of hidden layers over that of linear outputs.

    Of layers of one size, and feedback weights of the variance of the forward ones.

    Source: Poole et al. (2016), Schoenholz et al. (2017); for fixed feedback the
    same derivation holds without their assumption of independent weights.
    """
    q = variances(phi, gain, first, layers)
    chi = [gain**2 * mean_square(phi.slope, v) for v in q[1:]]
    return gain * np.sqrt(np.cumprod([1.0, *chi[::-1]])[::-1])
