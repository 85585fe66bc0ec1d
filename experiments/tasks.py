"""Tasks to learn: digits, clothes, points of a symbol, outputs of a random network."""

import hashlib
import math
import os

import numpy as np

from circuits.task import Split, Task
from dendrites._checks import whole_number
from dendrites.errors import ConfigError
from experiments.idx import published_arrays, read_idx

__all__ = [
    "digits",
    "fashion_mnist",
    "mnist",
    "read_idx",
    "teacher_student",
    "yin_yang",
    "yin_yang_class",
]


def digits(
    *,
    seed: int = 0,
    test_fraction: float = 0.2,
    target_rates: tuple[float, float] = (0.1, 0.8),
) -> Task:
    """Handwritten digits of 8 x 8 pixels: 1,797 real images that need no download.

    Parameters
    ----------
    seed : int
        Decides which images are held out and the order of both splits.
    test_fraction : float
        Share of the images held out, the same for each digit, 0.01 to 0.99.
    target_rates : tuple of float
        Rate of the wrong output cells and of the right one, unit "1".

    Returns
    -------
    Task
        64 inputs in [0, 1] (pixel count / 16), 10 outputs, splits "train" and "test".
        The recorded sha256 is over the images, then the labels, as unsigned bytes.

    Raises
    ------
    ConfigError
        If an option is out of range.

    Source: scikit-learn's copy of the UCI optical digits test set (E. Alpaydin and
    C. Kaynak, 1998).
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from dendrites.random import generator

    seed = whole_number("digits, seed", seed, lowest=0)
    images, labels = load_digits(return_X_y=True)
    fraction = _number(test_fraction)
    if not 0.01 <= fraction <= 0.99:
        raise ConfigError(
            "digits, test_fraction: expected a share of the images from 0.01 to 0.99 "
            f"(each split needs all ten digits), got {test_fraction!r}"
        )
    train, test = train_test_split(
        np.arange(len(images)),
        test_size=fraction,
        stratify=labels,
        random_state=int(generator(seed, "digits/split").integers(2**32)),
    )
    inputs = images / 16.0
    raw = images.astype(np.uint8).tobytes() + labels.astype(np.uint8).tobytes()
    source = {
        "name": "digits",
        "licence": "not stated by scikit-learn; UCI lists CC BY 4.0 (unverified)",
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    splits = {
        name: _classification(inputs[rows], labels[rows], rows, target_rates)
        for name, rows in (("train", train), ("test", test))
    }
    return Task("digits", splits, (source,))


def mnist(
    *,
    data_dir: str | os.PathLike | None = None,
    validation: int = 5000,
    target_rates: tuple[float, float] = (0.1, 0.8),
) -> Task:
    """Handwritten digits of 28 x 28 pixels: 60,000 to train, 10,000 to test.

    The four gzipped idx files come from `data_dir`, else from the folder named by the
    environment variable DENDRITES_DATA (either may hold the files or a subfolder
    `mnist`), else from a public mirror, kept in the user's cache folder. All are
    checked against the sha256 of the decompressed files.

    Parameters
    ----------
    data_dir : path, optional
    validation : int
        Number of last training images to hold out; 0 gives no validation split.
    target_rates : tuple of float
        Rate of the wrong output cells and of the right one, unit "1".

    Returns
    -------
    Task
        784 inputs in [0, 1] (grey level / 255, float32), 10 outputs. `index` counts the
        training file's images from 0 and the test file's from 60,000.

    Raises
    ------
    ConfigError
        If an option is out of range.
    DataError
        If a file is missing, damaged or not the published one (a downloaded one is
        removed), or if nothing can be downloaded.

    Source: LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86 (1998) 2278-2324.
    """
    return _idx_task("mnist", data_dir, validation, target_rates)


def fashion_mnist(
    *,
    data_dir: str | os.PathLike | None = None,
    validation: int = 5000,
    target_rates: tuple[float, float] = (0.1, 0.8),
) -> Task:
    """Clothes of 28 x 28 pixels in ten classes: 60,000 to train, 10,000 to test.

    Parameters, result and errors are those of `mnist`; the subfolder is
    `fashion_mnist`. Classes: T-shirt, trouser, pullover, dress, coat, sandal, shirt,
    sneaker, bag, ankle boot.

    Source: Xiao, Rasul, Vollgraf, arXiv:1708.07747 (2017).
    """
    return _idx_task("fashion_mnist", data_dir, validation, target_rates)


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

    sizes, gains = tuple(sizes), tuple(_number(gain) for gain in gains)
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
        splits[name] = _classification(inputs, labels, index, target_rates, classes=3)
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


def _idx_task(name, data_dir, validation, target_rates):
    validation = whole_number(f"{name}, validation", validation, lowest=0)
    _checked_rates(target_rates)
    arrays, sources = published_arrays(name, data_dir)
    train_images, train_labels, *test = arrays
    n_train, n_test = len(train_images), len(test[0])
    whole_number(f"{name}, validation", validation, lowest=0, highest=n_train - 1)
    kept = n_train - validation
    rows = {"train": (train_images, train_labels, 0, kept, 0)}
    if validation:
        rows["validation"] = (train_images, train_labels, kept, n_train, 0)
    rows["test"] = (*test, 0, n_test, n_train)
    splits = {}
    for split, (images, labels, start, stop, offset) in rows.items():
        pixels = images[start:stop].reshape(stop - start, -1)
        splits[split] = _classification(
            np.divide(pixels, np.float32(255), dtype=np.float32),
            labels[start:stop],
            np.arange(start, stop) + offset,
            target_rates,
        )
    return Task(name, splits, sources)


def _classification(inputs, labels, index, target_rates, classes=10):
    wrong, right = _checked_rates(target_rates)
    labels = labels.astype(np.int64)
    targets = np.where(labels[:, None] == np.arange(classes), right, wrong)
    return Split(inputs, targets, labels, index)


def _checked_rates(target_rates):
    try:
        wrong, right = (_number(rate) for rate in target_rates)
    except (TypeError, ValueError):
        wrong = right = math.nan  # not a pair
    if not -math.inf < wrong < right < math.inf:
        raise ConfigError(
            "target_rates: expected two finite rates, that of the wrong output cells "
            f"below that of the right one, such as (0.1, 0.8), got {target_rates!r}"
        )
    return wrong, right


def _number(value):
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan  # outside every range, so the caller's check reports it


def _teacher_rates(rates, weights, gains):
    for w, gain in zip(weights, gains, strict=True):
        # einsum, not @: a BLAS product changes its last bits with the thread count.
        u = gain * np.einsum("np,qp->nq", rates, w)
        rates = 0.1 * np.logaddexp(0.0, u - 3.0)
    return rates
