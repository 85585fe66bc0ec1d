"""Regression on what a fixed random network computes."""

import hashlib
import math

import numpy as np

from circuits.task import Split, Task
from dendrites._checks import whole_number
from dendrites.errors import ConfigError
from experiments.tasks.checks import number


def teacher_student(
    *,
    sizes: tuple[int, ...] = (30, 20, 10),
    n_train: int = 20_000,
    n_test: int = 1_000,
    seed: int = 0,
    gains: tuple[float, ...] = (2.0, 10.0),
) -> Task:
    """Regression on the output rates of a fixed random feedforward network.

    With r_0 the input and W_k uniform in (-1, 1), shape (sizes[k], sizes[k - 1]),

        r_k = phi(gains[k - 1] * W_k r_{k-1}),   phi(u) = 0.1 log(1 + exp(u - 3)),

    for the hidden layers and the output alike; the target is the last r_k. Inputs are
    uniform in (-1, 1).

    The paper gives k10 = 2 and k21 = 10 apart from the equation they stand in. Read
    here: each multiplies a weight matrix (layer 0 to 1, 1 to 2) inside phi, and the
    teacher has no dendritic attenuation. A student of the same size, whose potentials
    are attenuated by a_k, matches it with the weights gains[k - 1] * W_k / a_k.

    Parameters
    ----------
    sizes : tuple of int
        Cells per layer of the teacher, input first. The student may be wider inside.
    n_train, n_test : int
        Number of examples. More examples leave the first ones as they are.
    seed : int
        Draws the teacher and, from separate streams, the inputs of each split.
    gains : tuple of float
        One factor > 0 per weight matrix, unit "1".

    Returns
    -------
    Task
        Inputs and target rates, unit "1"; no labels. The recorded sha256 is over the
        weights, then the inputs of both splits.

    Raises
    ------
    ConfigError
        If a size, count, seed or gain is out of range.

    Source: Sacramento, Costa, Bengio, Senn, NeurIPS 31 (2018), Fig. 2: sizes, ranges,
    factors and phi.
    """
    from dendrites.random import generator

    sizes, gains = tuple(sizes), tuple(number(gain) for gain in gains)
    if len(sizes) < 2 or len(gains) != len(sizes) - 1:
        raise ConfigError(
            f"teacher_student: sizes {sizes} need {max(len(sizes) - 1, 1)} gains "
            f"(one per weight matrix, at least one), got {gains}"
        )
    if not all(math.isfinite(gain) and gain > 0 for gain in gains):
        raise ConfigError(f"teacher_student, gains: expected numbers > 0, got {gains}")
    sizes = [whole_number("teacher_student, sizes", n, lowest=1) for n in sizes]
    seed = whole_number("teacher_student, seed", seed, lowest=0)
    counts = {
        "train": whole_number("teacher_student, n_train", n_train, lowest=1),
        "test": whole_number("teacher_student, n_test", n_test, lowest=1),
    }

    digest = hashlib.sha256()
    weights = []
    for k, (n_pre, n_post) in enumerate(zip(sizes, sizes[1:], strict=False), start=1):
        draws = generator(seed, f"teacher_student/weights{k}")
        weights.append(draws.uniform(-1.0, 1.0, (n_post, n_pre)))
        digest.update(weights[-1].tobytes())
    splits, first = {}, 0
    for name, n in counts.items():
        draws = generator(seed, f"teacher_student/{name}")
        inputs = draws.uniform(-1.0, 1.0, (n, sizes[0]))
        digest.update(inputs.tobytes())
        index = np.arange(first, first + n)
        splits[name] = Split(
            inputs, _teacher_rates(inputs, weights, gains), None, index
        )
        first += n
    source = {
        "name": "teacher_student",
        "licence": "none needed (generated)",
        "sha256": digest.hexdigest(),
    }
    return Task("teacher_student", splits, (source,))


def _teacher_rates(rates, weights, gains):
    for w, gain in zip(weights, gains, strict=True):
        # einsum, not @: a BLAS product changes its last bits with the thread count.
        u = gain * np.einsum("np,qp->nq", rates, w)
        rates = 0.1 * np.logaddexp(0.0, u - 3.0)
    return rates
