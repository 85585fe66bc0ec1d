"""Ask a trained circuit for its answers."""

from collections.abc import Mapping

import numpy as np

from circuits.circuit import Circuit, check_circuit
from circuits.engine.memory import CHUNK
from circuits.run.options import run_options
from circuits.run.session import Session
from circuits.run.task_fits import (
    check_answers,
    check_task_fits,
    check_task_kind,
    check_task_values,
)
from circuits.run.train_options import TrainOptions
from circuits.task import Task
from dendrites._blas import serial_blas
from dendrites._checks import shown
from dendrites.errors import ConfigError, choices


def evaluate(
    circuit: Circuit,
    task: Task,
    weights: Mapping[str, np.ndarray],
    *,
    split: str = "test",
    dtype: str = "float64",
    chunk: int = CHUNK,
    threads: int | None = None,
) -> dict:
    """Answers of a circuit with given weights, through its test phases.

    Parameters
    ----------
    weights : mapping of str to ndarray (n_post, n_pre)
        Those not given start as the circuit says (copies follow what they copy).
    split : str

    Returns
    -------
    dict
        ``rates`` (n_examples, n_outputs), ``loss`` and, with labels, ``error_rate``.
    """
    check_circuit("evaluate", circuit)
    check_task_kind("evaluate", task)
    if weights is None:
        raise ConfigError(
            "evaluate: weights = None: give those of a trained circuit by projection, "
            "or {} for the circuit's initial ones"
        )
    if not isinstance(split, str) or split not in task.splits:
        raise ConfigError(
            f"task {task.name!r} has no split {shown(split)}. "
            + choices(split if isinstance(split, str) else "", task.splits)
        )
    check_task_fits(circuit, task)
    check_answers(circuit, task)
    check_task_values(circuit, task)
    options = run_options(
        circuit, dtype=dtype, chunk=chunk, threads=threads, weights=weights
    )
    with serial_blas():
        session = Session(circuit, task, TrainOptions(options))
        return session.test(0, task.splits[split])
