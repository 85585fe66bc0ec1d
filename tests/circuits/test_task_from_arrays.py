"""Task.from_arrays: labels to rates, examples held out, and what is refused."""

import numpy as np
import pytest

from circuits import Task
from dendrites.errors import ConfigError, DataError

RNG = np.random.default_rng(0)
X, Y = RNG.uniform(0, 1, (60, 4)), np.arange(60) % 3
pytestmark = pytest.mark.nojit


def test_labels_become_rates_and_every_example_is_in_one_split():
    task = Task.from_arrays(X, Y, test_fraction=0.25, target_rates=(0.2, 0.7))
    assert repr(task) == "Task('arrays': 4 -> 3, train 45, test 15)"
    index = np.concatenate([split.index for split in task.splits.values()])
    assert sorted(index) == list(range(60))
    for split in task.splits.values():
        np.testing.assert_array_equal(split.inputs, X[split.index])
        np.testing.assert_array_equal(split.labels, Y[split.index])
        wanted = np.where(np.eye(3)[split.labels] > 0, 0.7, 0.2)
        np.testing.assert_array_equal(split.targets, wanted)
    # The same share of every class.
    assert np.bincount(task.splits["test"].labels).tolist() == [5, 5, 5]


def test_what_is_held_out_follows_the_seed_alone():
    one, same, other = (
        Task.from_arrays(X, Y, seed=k).splits["test"].index for k in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert set(one) != set(other)
    usual = Task.from_arrays(X, Y).splits["test"].index
    np.testing.assert_array_equal(usual, one)


def test_given_test_examples_stay_as_they_are_and_are_counted_on():
    task = Task.from_arrays(X[:30], Y[:30], X_test=X[30:], y_test=Y[30:])
    for name, first in (("train", 0), ("test", 30)):
        split = task.splits[name]
        np.testing.assert_array_equal(split.index, np.arange(first, first + 30))
        np.testing.assert_array_equal(split.inputs, X[first : first + 30])


def test_targets_are_taken_as_rates():
    targets = RNG.uniform(0.2, 0.8, (60, 2))
    task = Task.from_arrays(X, targets)
    for split in task.splits.values():
        assert split.labels is None
        np.testing.assert_array_equal(split.targets, targets[split.index])
    whole = Task.from_arrays(X, np.eye(3, dtype=int)[Y]).splits["train"]
    assert whole.labels is None and whole.targets.dtype == np.float64


def test_two_classes_may_be_booleans_and_images_single_precision():
    task = Task.from_arrays(X.astype(np.float32), Y > 0)
    assert task.n_outputs == 2
    assert task.splits["train"].inputs.dtype == np.float32


WITH_NAN = np.where(np.arange(240).reshape(60, 4) == 6, np.nan, X)


@pytest.mark.parametrize(
    ("x", "y", "options", "text"),
    [
        (X.reshape(60, 2, 2), Y, {}, r"X has the shape \(60, 2, 2\).*reshape\(len\(X"),
        (X, Y[:50], {}, "X has 60 examples and y 50"),
        (X[:0], Y[:0], {}, "X has 0 examples"),
        (
            WITH_NAN,
            Y,
            {},
            r"1 values that are not finite, first nan at \(1, 2\)",
        ),
        (X, Y / 2, {}, r"y is one row of float64: labels are whole numbers, y.astype"),
        (X, Y.reshape(60, 1, 1), {}, r"y has the shape \(60, 1, 1\)"),
        (X, np.array(["a", "b", "c"])[Y], {}, "labels of text become whole numbers"),
        (X, Y - 1, {}, "label -1: labels count from 0"),
        (X, 2 * Y, {}, "split 'train' has no example of class 1, 3, of classes 0 to 4"),
        (X, 1000 * Y, {}, "labels reach 2000 with 3 different ones"),
        (X, np.r_[3, Y[1:]], {}, "1 example of class 3: two splits need two"),
        (
            X,
            Y,
            {"X_test": X, "y_test": 0 * Y},
            "'test' has no example of class 1",
        ),
        (X, Y, {"X_test": X[:, :2], "y_test": Y}, "must have the features of X"),
        (X, Y, {"X_test": X[:5], "y_test": Y}, "X_test has 5 examples and y_test 60"),
        ([[1.0], [1.0, 2.0]], [0, 1], {}, "X is no array"),
        (np.ma.masked_less(X, 0.5), Y, {}, "X has masked entries"),
    ],
)
def test_arrays_that_are_no_examples_are_refused(x, y, options, text):
    with pytest.raises(DataError, match=text):
        Task.from_arrays(x, y, **options)


GIVEN = {"X_test": X, "y_test": Y}


@pytest.mark.parametrize(
    ("y", "options", "text"),
    [
        (Y, {"X_test": X}, "X_test is given without y_test"),
        (Y, {"y_test": Y}, "y_test is given without X_test"),
        (Y, {**GIVEN, "test_fraction": 0.2}, "test_fraction = 0.2: has no effect"),
        (Y, {**GIVEN, "seed": 0}, "seed = 0: has no effect"),
        (Y, {"test_fraction": 1.0}, "between 0 and 1"),
        (Y, {"test_fraction": "a"}, "test_fraction = 'a'"),
        (Y, {"seed": -1}, "seed"),
        (Y, {"target_rates": (0.8, 0.1)}, "must be two rates"),
        (Y, {"target_rates": 0.8}, "must be two rates"),
        (np.eye(3)[Y], {"target_rates": (0.1, 0.8)}, "target_rates are for labels"),
    ],
)
def test_options_that_are_impossible_or_do_nothing_are_refused(y, options, text):
    with pytest.raises(ConfigError, match=text):
        Task.from_arrays(X, y, **options)
