"""Arrays as the splits of a task: labels to target rates, examples held out."""

import math

import numpy as np

from dendrites._checks import is_number, shown
from dendrites._streams import check_seed, generator
from dendrites.errors import ConfigError, DataError

USUAL_RATES = (0.1, 0.8)
USUAL_FRACTION = 0.2


def arrays_of_splits(
    X, y, X_test, y_test, *, test_fraction, target_rates, seed
) -> dict[str, tuple]:
    """Inputs, targets, labels and index of "train" and "test"; see `Task.from_arrays`.

    Raises
    ------
    ConfigError, DataError
    """
    X, y = _inputs("X", X), _answers("y", y)
    _same_length("X", X, "y", y)
    if (X_test is None) != (y_test is None):
        given, missing = (
            ("X_test", "y_test") if y_test is None else ("y_test", "X_test")
        )
        raise ConfigError(f"from_arrays: {given} is given without {missing}")
    if X_test is None:
        fraction = _fraction(test_fraction)
        seed = 0 if seed is None else check_seed(seed)
        train, test = held_out(y, fraction, seed)
        rows = {"train": train, "test": test}
    else:
        for name, value in (("test_fraction", test_fraction), ("seed", seed)):
            if value is not None:
                raise ConfigError(
                    f"from_arrays: {name} = {shown(value)}: has no effect where X_test "
                    "and y_test are given; leave it out"
                )
        X_test, y_test = _inputs("X_test", X_test), _answers("y_test", y_test)
        _same_length("X_test", X_test, "y_test", y_test)
        if X_test.shape[1] != X.shape[1] or y_test.shape[1:] != y.shape[1:]:
            raise DataError(
                f"from_arrays: X_test {X_test.shape} and y_test {y_test.shape} must "
                f"have the features of X {X.shape} and y {y.shape}"
            )
        n = len(X)
        X, y = np.concatenate([X, X_test]), np.concatenate([y, y_test])
        rows = {"train": np.arange(n), "test": np.arange(n, len(X))}
    if y.ndim == 2:
        if target_rates is not None:
            raise ConfigError(
                f"from_arrays: target_rates = {shown(target_rates)}: y holds targets "
                "(n_examples, n_outputs); target_rates are for labels"
            )
        return {name: (X[of], y[of], None, of) for name, of in rows.items()}
    wrong, right = _rates(target_rates)
    classes = _classes({name: y[of] for name, of in rows.items()})
    targets = np.where(y[:, np.newaxis] == classes, right, wrong)
    return {name: (X[of], targets[of], y[of], of) for name, of in rows.items()}


def held_out(y: np.ndarray, fraction: float, seed: int):
    """Rows of two splits in random order, of labels the same share of each class.

    Raises
    ------
    DataError
        If a split, or one of its classes, would be empty.
    """
    draw = generator(seed, "task/held_out")
    if y.ndim == 1:
        groups = [np.flatnonzero(y == label) for label in np.unique(y)]
    else:
        groups = [np.arange(len(y))]
    splits = [], []
    for rows in groups:
        if len(rows) < 2:
            what = "of class " + str(y[rows[0]]) if y.ndim == 1 else "in all"
            raise DataError(
                f"from_arrays: {len(rows)} example {what}: two splits need two; "
                "add more, or leave the class out"
            )
        n = min(max(round(fraction * len(rows)), 1), len(rows) - 1)
        rows = draw.permutation(rows)
        for split, part in zip(splits, (rows[n:], rows[:n]), strict=True):
            split.append(part)
    return tuple(draw.permutation(np.concatenate(split)) for split in splits)


def _inputs(name, values):
    array = _numbers(name, values)
    if array.ndim != 2:
        raise DataError(
            f"from_arrays: {name} has the shape {array.shape}, must be (n_examples, "
            f"n_inputs); {name}.reshape(len({name}), -1) makes rows of images"
        )
    return array


def _answers(name, values):
    array = _numbers(name, values)
    if array.ndim == 2 or (array.ndim == 1 and array.dtype.kind in "iub"):
        return array.astype(np.int64) if array.ndim == 1 else array.astype(float)
    if array.ndim == 1:
        raise DataError(
            f"from_arrays: {name} is one row of {array.dtype}: labels are whole "
            f"numbers, {name}.astype(int), and targets have a column for each output, "
            f"{name}[:, None]"
        )
    raise DataError(
        f"from_arrays: {name} has the shape {array.shape}, must be labels "
        "(n_examples,) or targets (n_examples, n_outputs)"
    )


def _numbers(name, values):
    if np.ma.isMaskedArray(values) and np.ma.count_masked(values):
        raise DataError(f"from_arrays: {name} has masked entries: fill them")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"from_arrays: {name} is no array: {error}") from None
    if array.dtype.kind not in "fiub":
        raise DataError(
            f"from_arrays: {name} holds {array.dtype}, must hold numbers; labels of "
            "text become whole numbers by np.unique(y, return_inverse=True)[1]"
        )
    finite = np.isfinite(array)
    if not finite.all():
        place = tuple(int(k) for k in np.argwhere(~finite)[0])
        raise DataError(
            f"from_arrays: {name} holds {np.count_nonzero(~finite)} values that are "
            f"not finite, first {array[place]} at {place}"
        )
    return array


def _same_length(first, one, second, other):
    if len(one) != len(other) or len(one) == 0:
        raise DataError(
            f"from_arrays: {first} has {len(one)} examples and {second} {len(other)}: "
            "must be as many, at least one"
        )


def _classes(labels):
    """All classes, 0 to the largest; each must be in every split."""
    every = np.unique(np.concatenate([*labels.values()]))
    if every[0] < 0:
        raise DataError(f"from_arrays: label {every[0]}: labels count from 0")
    n = int(every[-1]) + 1
    if n > max(10 * len(every), 2):
        raise DataError(
            f"from_arrays: labels reach {every[-1]} with {len(every)} different ones; "
            "np.unique(y, return_inverse=True)[1] counts them from 0"
        )
    classes = np.arange(n)
    for name, values in labels.items():
        missing = np.setdiff1d(classes, values)
        if len(missing):
            listed = ", ".join(map(str, missing[:5]))
            listed += ", ..." if len(missing) > 5 else ""
            raise DataError(
                f"from_arrays: split {name!r} has no example of class {listed}, of "
                f"classes 0 to {n - 1}"
            )
    return classes


def _fraction(given):
    fraction = USUAL_FRACTION if given is None else given
    if not is_number(fraction) or not 0 < fraction < 1:
        raise ConfigError(
            f"from_arrays: test_fraction = {shown(given)}: must be a share of the "
            "examples between 0 and 1, such as 0.2"
        )
    return float(fraction)


def _rates(given):
    rates = USUAL_RATES if given is None else given
    try:
        wrong, right = rates
    except (TypeError, ValueError):
        wrong = right = math.nan
    good = is_number(wrong) and is_number(right)
    if not good or not -math.inf < wrong < right < math.inf:
        raise ConfigError(
            f"from_arrays: target_rates = {shown(given)}: must be two rates, that of "
            "the wrong outputs below that of the right one, such as (0.1, 0.8)"
        )
    return float(wrong), float(right)
