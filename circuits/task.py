"""What a circuit is asked to learn: examples, target rates and their origin."""

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from circuits._task_arrays import arrays_of_splits
from circuits._task_problems import mismatches, source_problems, split_problems
from dendrites._checks import items, shown, text, whole_number
from dendrites.errors import ConfigError, DataError

SPLITS = ("train", "validation", "test")
REQUIRED_SPLITS = ("train", "test")

# Rates, standardised features and decibels stay below this; 8-bit pixels do not.
LARGEST_SCALED_INPUT = 20.0


class Split(NamedTuple):
    """Examples presented together, one row each.

    Attributes
    ----------
    inputs : ndarray (n_examples, n_inputs)
        Input rates, unit "1". float64, or float32 where memory matters (60,000
        images of 784 pixels take 376 MB in float64).
    targets : ndarray (n_examples, n_outputs)
        Firing rates the output cells should reach, unit "1", float64.
    labels : ndarray (n_examples,) or None
        Class of each example, int64 in 0 .. n_outputs - 1; None for regression.
    index : ndarray (n_examples,)
        Position of each example in the original data set, int64.
    """

    inputs: np.ndarray
    targets: np.ndarray
    labels: np.ndarray | None
    index: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class Task:
    """A named data set, split into training, validation and test examples.

    Arrays of integers are converted once, here: inputs and targets to float64, labels
    and index to int64. float32 inputs stay float32. Nothing is rescaled.

    Parameters
    ----------
    name : str
    splits : dict of Split
        "train" and "test", and optionally "validation".
    sources : tuple of dict
        Each with the text entries `name`, `licence` and `sha256` of one data source.

    Raises
    ------
    DataError
        See `check_task`; inputs that look unscaled give a UserWarning.
    """

    name: str
    splits: dict[str, Split]
    sources: tuple[dict[str, str], ...] = ()

    def __post_init__(self):
        text("task: name", self.name, error=DataError)
        if not isinstance(self.splits, dict):
            raise DataError(
                f"task {self.name!r}: splits must be a dict of Split, "
                f"got {type(self.splits).__name__}"
            )
        # A copy, so that a dict changed by its owner later cannot undo the checks.
        converted = {
            name: _converted(f"task {self.name!r}: {shown(name)}", split)
            if isinstance(split, Split)
            else split
            for name, split in self.splits.items()
        }
        object.__setattr__(self, "splits", converted)
        where = f"task {self.name!r}: sources"
        sources = items(where, self.sources, "dicts", error=DataError)
        object.__setattr__(self, "sources", sources)
        # 4 frames up: _check, __post_init__, the generated __init__, the caller.
        _check(self, strict=False, stacklevel=4)

    @classmethod
    def from_arrays(
        cls,
        X: np.ndarray,
        y: np.ndarray,
        *,
        X_test: np.ndarray | None = None,
        y_test: np.ndarray | None = None,
        test_fraction: float | None = None,
        target_rates: tuple[float, float] | None = None,
        seed: int | None = None,
        name: str = "arrays",
        sources: tuple[dict[str, str], ...] = (),
    ) -> "Task":
        """A task of arrays, with test examples that are given or held out.

        Parameters
        ----------
        X : array_like (n_examples, n_inputs)
            Input rates, about 0 to 1; nothing is rescaled.
        y : array_like (n_examples,) or (n_examples, n_outputs)
            Labels, whole numbers from 0, every class in every split; or target rates.
        X_test, y_test : array_like, optional
            Test examples. Their `index` goes on after the last of X.
        test_fraction : float, optional
            Else this share of the examples is held out, 0 to 1, of labels the same
            share of each class; default 0.2.
        target_rates : (float, float), optional
            Rate of the wrong output cells and of that of the label; default (0.1, 0.8).
        seed : int, optional
            Of what is held out and of the order of both splits; default 0.
        name : str
        sources : tuple of dict
            As of a Task.

        Raises
        ------
        ConfigError
            For options that are impossible or have no effect.
        DataError
            For arrays that are no examples: shapes, numbers that are not finite, labels
            that are none, a class that is missing in a split.
        """
        splits = arrays_of_splits(
            X,
            y,
            X_test,
            y_test,
            test_fraction=test_fraction,
            target_rates=target_rates,
            seed=seed,
        )
        return cls(name, {key: Split(*rows) for key, rows in splits.items()}, sources)

    @property
    def n_inputs(self) -> int:
        """Number of input cells the task needs."""
        return self.splits["train"].inputs.shape[1]

    @property
    def n_outputs(self) -> int:
        """Number of output cells the task needs."""
        return self.splits["train"].targets.shape[1]

    @property
    def is_classification(self) -> bool:
        """Whether examples carry a class label."""
        return self.splits["train"].labels is not None

    def subset(
        self,
        *,
        train: int | None = None,
        validation: int | None = None,
        test: int | None = None,
    ) -> "Task":
        """The same task with the first examples of each split only.

        Parameters
        ----------
        train, validation, test : int, optional
            Number of examples to keep; a split that is not named stays whole. The
            arrays are views of the original ones.

        Raises
        ------
        ConfigError
            If a number is outside 1 .. size of the split, or the split is absent.
        DataError
            If the remaining examples are all of one class.
        """
        splits = dict(self.splits)
        for name, size in zip(SPLITS, (train, validation, test), strict=True):
            if size is None:
                continue
            if name not in splits:
                raise ConfigError(f"task {self.name!r} has no split {name!r}")
            n_examples = len(splits[name].inputs)
            where = f"subset of task {self.name!r}, {name}"
            size = whole_number(where, size, lowest=1, highest=n_examples)
            splits[name] = Split(
                *(None if array is None else array[:size] for array in splits[name])
            )
        return Task(self.name, splits, self.sources)

    def __repr__(self):
        sizes = ", ".join(
            f"{name} {len(split.inputs)}" for name, split in self.splits.items()
        )
        return f"Task({self.name!r}: {self.n_inputs} -> {self.n_outputs}, {sizes})"


def check_task(task: Task, *, strict: bool = False) -> None:
    """Refuse a task no circuit could learn, with all its problems in one message.

    Checked per split: at least one example; row counts agree; inputs and targets are
    numeric and finite; labels are whole numbers in 0 .. n_outputs - 1 and, among two or
    more examples, of at least two classes. Checked between splits: numbers of inputs
    and outputs agree with "train", and all or no splits carry labels.

    Parameters
    ----------
    task : Task
        Checked already when it was built; call again for the strict form.
    strict : bool
        Treat inputs that look unscaled as an error instead of a warning.

    Raises
    ------
    DataError
        Naming each split and the values that are wrong.

    Warns
    -----
    UserWarning
        If an input exceeds 20 in size, as 8-bit pixels do; rates do not.
    """
    _check(task, strict=strict, stacklevel=3)


def _check(task, *, strict, stacklevel):
    problems = source_problems(task.sources)
    missing = [name for name in REQUIRED_SPLITS if name not in task.splits]
    if missing:
        problems.append("no split " + " or ".join(map(repr, missing)))
    for name, split in task.splits.items():
        where = f"split {name!r}"
        if name not in SPLITS:
            problems.append(f"{where}: unknown, allowed: " + ", ".join(SPLITS))
        elif not isinstance(split, Split):
            problems.append(f"{where}: expected a Split, got {type(split).__name__}")
        else:
            problems += [f"{where}: {text}" for text in split_problems(split)]
    if not problems:
        problems = mismatches(task.splits)
    if problems:
        raise DataError(f"task {task.name!r}: " + "; ".join(problems))

    low = min(float(split.inputs.min()) for split in task.splits.values())
    high = max(float(split.inputs.max()) for split in task.splits.values())
    if max(-low, high) > LARGEST_SCALED_INPUT:
        message = (
            f"task {task.name!r}: inputs span {low:g} to {high:g}, but a rate model "
            f"expects about 0 to 1.\nDivide the inputs by {max(-low, high):g} first."
        )
        if strict:
            raise DataError(message)
        warnings.warn(message, UserWarning, stacklevel=stacklevel)


def _converted(where, split):
    inputs, targets, labels, index = (
        None if array is None else _array(f"{where}: {name}", array)
        for name, array in split._asdict().items()
    )
    if inputs is None or inputs.dtype != np.float32:
        inputs = _cast(inputs, "fiu", np.float64)
    return Split(
        inputs,
        _cast(targets, "fiu", np.float64),
        _cast(labels, "iu", np.int64),
        _cast(index, "iu", np.int64),
    )


def _array(where, values):
    """An array whose kind the check reports; ragged and masked ones are refused."""
    if np.ma.count_masked(values) if np.ma.isMaskedArray(values) else False:
        raise DataError(f"{where} has masked entries, which have no value: fill them")
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(f"{where} is no array: {error}") from None


def _cast(array, kinds, dtype):
    # Other kinds (text, objects, booleans) and None are left for the check to report.
    if array is None or array.dtype.kind not in kinds:
        return array
    return array.astype(dtype, copy=False)


def score(rates: np.ndarray, split: Split) -> dict:
    """Loss (mean squared rate error, summed over outputs) and error rate of answers."""
    loss = float(np.mean(np.sum((split.targets - rates) ** 2, axis=1)))
    result = {"rates": rates, "loss": loss}
    if split.labels is not None:
        result["error_rate"] = float(np.mean(rates.argmax(axis=1) != split.labels))
    return result
