"""A task refuses data that no circuit could learn and says which values are wrong."""

import warnings

import numpy as np
import pytest

from circuits.task import Split, Task, check_task
from dendrites._checks import whole_number
from dendrites.errors import ConfigError, DataError


def split(n=6, *, n_inputs=3, n_outputs=2, **changes):
    labels = np.arange(n) % n_outputs
    arrays = {
        "inputs": np.linspace(0.0, 1.0, n * n_inputs).reshape(n, n_inputs),
        "targets": np.where(labels[:, None] == np.arange(n_outputs), 0.8, 0.1),
        "labels": labels,
        "index": np.arange(n),
    }
    return Split(**(arrays | changes))


def task(**splits):
    return Task("toy", {"train": split(), "test": split(4)} | splits)


def test_sizes_are_those_of_the_train_split():
    built = task()
    assert (built.n_inputs, built.n_outputs) == (3, 2)


def test_task_with_labels_is_a_classification():
    assert task().is_classification


def test_task_without_labels_is_a_regression():
    built = task(train=split(labels=None), test=split(4, labels=None))
    assert not built.is_classification


def test_whole_number_pixels_become_float64():
    pixels = np.arange(18, dtype=np.uint8).reshape(6, 3)
    inputs = task(train=split(inputs=pixels)).splits["train"].inputs
    assert inputs.dtype == np.float64
    np.testing.assert_array_equal(inputs, pixels)


def test_float32_inputs_stay_float32():
    inputs = np.zeros((6, 3), np.float32)
    assert task(train=split(inputs=inputs)).splits["train"].inputs is inputs


def test_byte_labels_become_int64():
    labels = np.array([0, 1, 0, 1, 0, 1], np.uint8)
    assert task(train=split(labels=labels)).splits["train"].labels.dtype == np.int64


def test_changing_the_dict_of_splits_later_leaves_the_task_alone():
    splits = {"train": split(), "test": split(4)}
    built = Task("toy", splits)
    del splits["test"]
    assert set(built.splits) == {"train", "test"}


def with_nan(shape, first):
    values = np.zeros(shape)
    values[first] = np.nan
    return values


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"labels": np.array([0, 1, 2, 7, 0, 1])},
            "outside 0 to 1: 2, 7, first at .* 2",
        ),
        ({"labels": np.array([0, -1, 1, 0, 0, 1])}, "1 labels outside 0 to 1: -1"),
        ({"labels": np.array(["a", "b", "a", "b", "a", "b"])}, "dtype <U1 .*'a', 'b'"),
        ({"labels": with_nan(6, 1)}, "0.0, nan, 0.0, ..., 1 of them NaN"),
        ({"labels": np.zeros(6, bool)}, "labels have dtype bool"),
        ({"labels": np.array([None] * 6)}, "labels have dtype object"),
        ({"labels": np.ones(6, int)}, "all 6 labels are 1, expected 2 classes"),
        ({"labels": np.array([0, 1])}, "labels: 2 rows for 6 examples"),
        (
            {"labels": np.zeros((6, 2), int)},
            r"labels have shape \(6, 2\), expected 1-D",
        ),
        (
            {"inputs": with_nan((6, 3), (4, 2))},
            r"1 of 18 inputs .* first nan at \(4, 2\)",
        ),
        ({"inputs": np.full((6, 3), np.inf)}, "18 of 18 inputs are not finite"),
        ({"inputs": np.full((6, 3), "x")}, "inputs have dtype <U1"),
        ({"inputs": np.zeros((6, 3), complex)}, "inputs have dtype complex128"),
        ({"inputs": np.zeros(6)}, r"inputs have shape \(6,\), expected 2-D"),
        ({"inputs": None}, "inputs are missing"),
        ({"targets": with_nan((6, 2), (0, 1))}, r"1 of 12 targets .* \(0, 1\)"),
        ({"index": np.zeros(6)}, "index has dtype float64, expected int64"),
    ],
)
def test_bad_values_are_named_with_their_split(changes, message):
    with pytest.raises(DataError, match=f"task 'toy': split 'test': .*{message}"):
        task(test=split(**changes))


@pytest.mark.parametrize("name", ["train", "validation", "test"])
def test_an_empty_split_is_named(name):
    with pytest.raises(DataError, match=rf"split '{name}': empty, .*\(0, 3\)"):
        task(**{name: split(0)})


def test_a_split_with_another_number_of_inputs_is_refused():
    message = "split 'test': layer 'input' expected 3 features as in 'train', got 5"
    with pytest.raises(DataError, match=message):
        task(test=split(4, n_inputs=5))


def test_a_split_with_another_number_of_outputs_is_refused():
    with pytest.raises(DataError, match="'test': layer 'output' expected 2 .* got 3"):
        task(test=split(6, n_outputs=3))


def test_labels_in_one_split_only_are_refused():
    with pytest.raises(DataError, match="split 'test': has no labels, unlike 'train'"):
        task(test=split(4, labels=None))


def test_a_task_without_test_examples_is_refused():
    with pytest.raises(DataError, match="task 'toy': no split 'test'"):
        Task("toy", {"train": split()})


def test_an_unknown_split_is_refused():
    with pytest.raises(DataError, match="'tset': unknown, allowed: train, validation"):
        task(tset=split())


def test_a_split_that_is_no_split_is_refused():
    with pytest.raises(DataError, match="'test': expected a Split, got tuple"):
        task(test=tuple(split()))


def test_splits_that_are_no_dict_are_refused():
    with pytest.raises(DataError, match="splits must be a dict of Split, got list"):
        Task("toy", [split()])


def test_a_source_without_licence_is_refused():
    splits = {"train": split(), "test": split()}
    with pytest.raises(DataError, match="source 0: .* licence"):
        Task("toy", splits, ({"name": "x", "sha256": "0"},))


def test_all_problems_are_reported_at_once():
    with pytest.raises(DataError) as caught:
        task(
            train=split(labels=np.ones(6, int), inputs=np.full((6, 3), np.nan)),
            test=split(0),
        )
    message = str(caught.value)
    assert "split 'train': 18 of 18 inputs are not finite" in message
    assert "split 'train': all 6 labels are 1" in message
    assert "split 'test': empty" in message
    assert message.count("\n") < 4


def eight_bit():
    return split(inputs=np.linspace(0.0, 255.0, 18).reshape(6, 3))


def test_eight_bit_images_warn_with_their_range_at_the_callers_line():
    with pytest.warns(UserWarning, match="inputs span 0 to 255") as caught:
        Task("toy", {"train": eight_bit(), "test": split()})
    assert [warning.filename for warning in caught] == [__file__]


def test_large_negative_inputs_warn_too():
    with pytest.warns(UserWarning, match="inputs span -21 to 1"):
        task(test=split(inputs=np.full((6, 3), -21.0)))


def test_eight_bit_images_are_an_error_when_strict():
    with pytest.warns(UserWarning):
        built = task(test=eight_bit())
    with pytest.raises(DataError, match="inputs span 0 to 255"):
        check_task(built, strict=True)


def test_inputs_up_to_twenty_count_as_scaled():
    built = task(test=split(inputs=np.full((6, 3), 20.0)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_task(built, strict=True)


@pytest.mark.parametrize("name", ["train", "validation", "test"])
def test_subset_keeps_the_first_examples_of_every_array(name):
    whole = split()
    kept = task(**{name: whole}).subset(**{name: 4}).splits[name]
    for short, original in zip(kept, whole, strict=True):
        np.testing.assert_array_equal(short, original[:4])


def test_subset_leaves_unnamed_splits_whole():
    assert len(task().subset(train=2).splits["test"].inputs) == 4


def test_subset_leaves_the_original_whole():
    built = task()
    built.subset(train=2)
    assert len(built.splits["train"].inputs) == 6


def test_subset_of_a_regression_has_no_labels():
    built = task(train=split(labels=None), test=split(4, labels=None))
    assert built.subset(train=1, test=1).splits["train"].labels is None


def test_subset_keeps_the_sources():
    source = {"name": "x", "licence": "MIT", "sha256": "0"}
    built = Task("toy", {"train": split(), "test": split()}, (source,))
    assert built.subset(train=2).sources == (source,)


def test_one_example_of_a_classification_is_allowed():
    assert len(task().subset(train=1, test=1).splits["train"].labels) == 1


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (0, "train: expected a whole number 1 to 6, got 0"),
        (7, "1 to 6, got 7"),
        (-1, "got -1"),
        (2.0, r"got 2.0 \(float\)"),
        ("2", r"got '2' \(str\)"),
        (True, r"got True \(bool\)"),
    ],
)
def test_subset_refuses_sizes_the_split_does_not_have(size, message):
    with pytest.raises(ConfigError, match=message):
        task().subset(train=size)


def test_subset_of_an_absent_split_is_refused():
    with pytest.raises(ConfigError, match="no split 'validation'"):
        task().subset(validation=1)


def test_a_numpy_integer_is_a_whole_number():
    number = whole_number("here", np.int32(3), lowest=0)
    assert number == 3 and type(number) is int


def test_repr_is_one_short_line():
    assert repr(task()) == "Task('toy': 3 -> 2, train 6, test 4)"
