"""Points of the Yin-Yang symbol: classes that no straight line separates."""

import hashlib

import numpy as np

from circuits.task import Task
from dendrites._checks import whole_number
from experiments.tasks.checks import classification


def yin_yang(
    *,
    n_train: int = 6000,
    n_test: int = 1000,
    validation: int = 0,
    seed: int = 0,
    target_rates: tuple[float, float] = (0.1, 0.8),
) -> Task:
    """Points of the Yin-Yang symbol: which of its three parts does a point lie in?

    Every three examples in a row hold the classes yin (0), yang (1) and dots (2) once
    each, in random order; the points are uniform in their part (see `yin_yang_class`).
    No straight line separates the parts.

    Parameters
    ----------
    n_train, n_test : int
        Number of examples, at least 2. More examples leave the first ones as they are.
    validation : int
        Number of examples of a validation split; 0 gives none.
    seed : int
        Draws the points of each split from streams of their own.
    target_rates : tuple of float
        Rate of the wrong output cells and of the right one, unit "1".

    Returns
    -------
    Task
        4 inputs (x, y, 1 - x, 1 - y) in [0, 1], 3 outputs. The recorded sha256 is over
        the inputs, then the labels, of all splits.

    Raises
    ------
    ConfigError
        If an option is out of range.

    Source: Kriener, Goeltz, Petrovici, arXiv:2102.08211 (2022): symbol, inputs and
    balance. Differs: public copies of the authors' code draw each class by itself, so
    that they are balanced on average only, and number yang 0 and yin 1.
    """
    from dendrites.random import generator

    seed = whole_number("yin_yang, seed", seed, lowest=0)
    counts = {
        "train": whole_number("yin_yang, n_train", n_train, lowest=2),
        "validation": whole_number("yin_yang, validation", validation, lowest=0),
        "test": whole_number("yin_yang, n_test", n_test, lowest=2),
    }
    digest = hashlib.sha256()
    splits, first = {}, 0
    for name, n in counts.items():
        if n == 0:
            continue
        triples = np.tile(np.arange(3), (-(-n // 3), 1))
        draws = generator(seed, f"yin_yang/{name}/classes")
        labels = draws.permuted(triples, axis=1).ravel()[:n]
        points = _points_of(labels, generator(seed, f"yin_yang/{name}/points"))
        inputs = np.concatenate([points, 1.0 - points], axis=1)
        digest.update(inputs.tobytes() + labels.tobytes())
        index = np.arange(first, first + n)
        splits[name] = classification(inputs, labels, index, target_rates, classes=3)
        first += n
    source = {
        "name": "yin_yang",
        "licence": "none needed (generated)",
        "sha256": digest.hexdigest(),
    }
    return Task("yin_yang", splits, (source,))


def yin_yang_class(x, y) -> np.ndarray:
    """Part of the Yin-Yang symbol a point lies in: yin 0, yang 1, dots 2, outside -1.

    The symbol is a disc of radius R = 0.5 about (0.5, 0.5) with two dots of radius
    r = 0.1 about (0.25, 0.5) and (0.75, 0.5). With d_left and d_right the distances
    from their centres, the dots are d_left < r or d_right < r, and yin is what remains
    of

        r < d_left <= R / 2    or    (y > 0.5 and d_right > R / 2)    or    d_right <= r

    Parameters
    ----------
    x, y : array_like of one shape, unit "1"

    Returns
    -------
    ndarray of int64, same shape

    Source: Kriener, Goeltz, Petrovici, arXiv:2102.08211 (2022).
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    big, small = 0.5, 0.1
    left = np.hypot(x - 0.5 * big, y - big)
    right = np.hypot(x - 1.5 * big, y - big)
    lobe = (left > small) & (left <= 0.5 * big)
    upper = (y > big) & (right > 0.5 * big)
    yin = lobe | upper | (right <= small)
    dot = (left < small) | (right < small)
    outside = np.hypot(x - big, y - big) > big
    return np.select([outside, dot, yin], [-1, 2, 0], default=1)


def _points_of(labels, draws):
    """A point (x, y) for each label: the next one of its class in a stream of points.

    Candidates come in blocks of one size, so that more labels leave the first points
    as they are.
    """
    points = np.empty((0, 2))
    classes = np.empty(0, np.int64)
    needed = np.bincount(labels, minlength=3)
    while (np.bincount(classes[classes >= 0], minlength=3) < needed).any():
        block = draws.uniform(0.0, 1.0, (4096, 2))
        points = np.concatenate([points, block])
        classes = np.concatenate([classes, yin_yang_class(*block.T)])
    result = np.empty((len(labels), 2))
    for label, count in enumerate(needed):
        result[labels == label] = points[classes == label][:count]
    return result
