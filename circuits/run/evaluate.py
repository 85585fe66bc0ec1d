"""Ask a trained circuit for its answers."""

import os
from collections.abc import Mapping

import numpy as np

from circuits.circuit import Circuit, check_circuit
from circuits.engine.memory import CHUNK
from circuits.run.options import run_options
from circuits.run.run_weights import told_by_run
from circuits.run.session import Session
from circuits.run.task_fits import (
    check_answers,
    check_task_fits,
    check_task_kind,
    check_task_values,
)
from circuits.run.train_options import TrainOptions
from circuits.task import Task
from dendrites import dataset
from dendrites._blas import serial_blas
from dendrites._checks import shown
from dendrites.errors import ConfigError, choices


def evaluate(
    circuit: Circuit,
    task: Task,
    run: dataset.xr.DataTree | str | os.PathLike | Mapping[str, np.ndarray],
    *,
    split: str = "test",
    snapshot: int | None = None,
    dtype: str | None = None,
    chunk: int = CHUNK,
    threads: int | None = None,
) -> dataset.xr.Dataset:
    """Answers of a circuit after a run or with given weights, in its test phases.

    Parameters
    ----------
    circuit : Circuit
        That of the run, see `circuits.from_run`.
    task : Task
        That of the run, or another of as many inputs and outputs.
    run : DataTree, path or mapping of str to ndarray (n_post, n_pre)
        Of `circuits.train`, or such a file: its weights at the end, fixed weights as
        they were in the run, its seed, integrator and type of numbers. On the task of
        the run the answers are those in its ``/predictions``; weights that are tied
        with `noise` or `redraw` are drawn as at the start. Of a mapping of weights by
        projection: those not given start as the circuit says (copies follow what they
        copy).
    split : str
    snapshot : int, optional
        Which weights of a run: 0 those at its start, -1 (the default) at its end.
    dtype : {"float64", "float32"}, optional
        Default: that of the run; of weights "float64".
    chunk : int
        Samples per work unit.
    threads : int, optional
        Default: one per processor.

    Returns
    -------
    xarray.Dataset
        ``score`` (example, class), the output rates; ``loss``, the squared error summed
        over outputs, mean over examples. With labels also ``target``, the label, and
        ``prediction`` (example), the output of the highest rate; ``error_rate``; and
        ``confusion`` (class, predicted_class): how many examples of a class were taken
        for which. ``example`` is the index in the data set.

    Raises
    ------
    ConfigError
        If circuit, task and run do not fit each other, or an option is impossible.
    DataError, StorageError
        If a file is none of a run, or cannot be read.
    """
    check_circuit("evaluate", circuit)
    check_task_kind("evaluate", task)
    told = told_by_run(circuit, run, snapshot)
    if not isinstance(split, str) or split not in task.splits:
        raise ConfigError(
            f"task {task.name!r} has no split {shown(split)}. "
            + choices(split if isinstance(split, str) else "", task.splits)
        )
    check_task_fits(circuit, task)
    check_answers(circuit, task)
    check_task_values(circuit, task)
    if dtype is not None:
        told["dtype"] = dtype
    options = run_options(circuit, chunk=chunk, threads=threads, **told)
    with serial_blas():
        session = Session(circuit, task, TrainOptions(options))
        found = session.test(0, task.splits[split])
    return _labelled(found, task.splits[split])


def _labelled(found, split):
    rates = found["rates"]
    classes = np.arange(rates.shape[1])
    table = {
        "score": (("example", "class"), rates, "1", "output rate"),
        "loss": ((), found["loss"], "1", "squared error, summed over outputs"),
    }
    coordinates = {"example": np.asarray(split.index), "class": classes}
    if split.labels is not None:
        predicted = rates.argmax(axis=1).astype(np.int64)
        confusion = np.zeros((len(classes), len(classes)), np.int64)
        np.add.at(confusion, (split.labels, predicted), 1)
        pairs = ("class", "predicted_class")
        coordinates["predicted_class"] = classes
        table |= {
            "error_rate": ((), found["error_rate"], "1", "of the wrong class"),
            "target": (("example",), split.labels, "1", "class"),
            "prediction": (("example",), predicted, "1", "class of the highest rate"),
            "confusion": (pairs, confusion, "1", "examples of a class taken for one"),
        }
    return dataset.group(table, coordinates)
