"""Segregated dendrites shown one image at a time, with the means their rules see."""

from typing import NamedTuple

import numpy as np

from circuits.circuit import Circuit
from circuits.run.presenter import Presenter
from circuits.task import Split, Task
from dendrites.random import generator
from experiments import tasks

TEST_FILE_TRAIN = 8000
FORWARD, TARGET = "forward", "target"


class Means(NamedTuple):
    """What one presentation left in the windows of its two phases.

    Attributes
    ----------
    active : ndarray (n_inputs,)
        Filtered input spikes, forward phase, 1/ms.
    plateau_forward, plateau_target : list of ndarray, per hidden layer
    slope : list of ndarray, per layer
        Slope of the sigmoid at the mean somatic potential, forward phase.
    rate_forward : list of ndarray, per layer
        Mean rate, 1/ms.
    rate_target : ndarray (n_outputs,)
        Mean rate of the output cells in the target phase, 1/ms.
    predicted : ndarray (n_outputs,)
        Rate at their mean potential in the forward phase, 1/ms.
    """

    active: np.ndarray
    plateau_forward: list[np.ndarray]
    plateau_target: list[np.ndarray]
    slope: list[np.ndarray]
    rate_forward: list[np.ndarray]
    rate_target: np.ndarray
    predicted: np.ndarray

    @property
    def plateau_difference(self) -> list[np.ndarray]:
        """Target minus forward, per hidden layer."""
        pairs = zip(self.plateau_target, self.plateau_forward, strict=True)
        return [target - forward for target, forward in pairs]

    @property
    def hidden_update(self) -> list[np.ndarray]:
        """What moves the basal weights of each hidden cell, per unit of input."""
        pairs = zip(self.plateau_difference, self.slope, strict=False)
        return [difference * slope for difference, slope in pairs]


class Watched(Presenter):
    """A `guerguiev` circuit shown one image after the other, as in training.

    Use it in a ``with`` statement, as every `circuits.Presenter`.

    Parameters
    ----------
    circuit : Circuit
    weights, dtype, seed, stream : as in `circuits.Presenter`
    """

    def __init__(self, circuit: Circuit, weights=None, **options):
        super().__init__(circuit, weights=weights, **options)
        self.layers = [p.post for p in circuit.projections if p.field == "basal"]

    def watch(self, number: int, inputs, targets, *, learning: bool = True) -> Means:
        """One presentation, as number `number` of its stream of random numbers.

        Parameters
        ----------
        number : int
        inputs : ndarray (n_inputs,)
        targets : ndarray (n_outputs,)
        learning : bool
        """
        shown = {"input": inputs[None], "teacher": targets[None]}
        self.present(shown, number=number, learning=learning)

        def read(population, name, phase=FORWARD):
            return self.read(population, name, phase)[0]

        *hidden, output = self.layers
        return Means(
            active=read("input", "psp"),
            plateau_forward=[read(layer, "plateau") for layer in hidden],
            plateau_target=[read(layer, "plateau", TARGET) for layer in hidden],
            slope=[read(layer, "slope") for layer in self.layers],
            rate_forward=[read(layer, "rate") for layer in self.layers],
            rate_target=read(output, "rate", TARGET),
            predicted=read(output, "somatic_rate"),
        )


def image_task(name: str, *, seed: int, n_train: int | None = None) -> Task:
    """Images with targets of 0 and 1, which open the teacher's two conductances.

    Parameters
    ----------
    name : {"mnist", "mnist-test-file", "digits"}
        "mnist-test-file": the 10,000 images of MNIST's test file, 8,000 of them drawn
        to train and 2,000 to test.
    seed : int
        Of the split, except that of "mnist".
    n_train : int, optional
        Only the first so many training images.
    """
    one_hot = (0.0, 1.0)
    if name == "digits":
        task = tasks.digits(seed=seed, target_rates=one_hot)
    else:
        task = tasks.mnist(validation=0, target_rates=one_hot)
        if name == "mnist-test-file":
            task = _test_file(task, seed)
    return task if n_train is None else task.subset(train=n_train)


def _test_file(task, seed):
    whole = task.splits["test"]
    order = generator(seed, "mnist_test_file/split").permutation(len(whole.inputs))
    kept = min(TEST_FILE_TRAIN, len(order) * 4 // 5)
    splits = {
        name: Split(*(column[rows] for column in whole))
        for name, rows in (("train", order[:kept]), ("test", order[kept:]))
    }
    return Task("mnist-test-file", splits, task.sources[2:])
