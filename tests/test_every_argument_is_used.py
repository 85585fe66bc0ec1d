"""Every argument of an experiment or a task is read somewhere in its function."""

import ast
import inspect
import textwrap

import pytest

from experiments import lab, tasks
from experiments.options import HANDLED
from experiments.registry import EXPERIMENTS

FUNCTIONS = [
    *(experiment.load() for experiment in EXPERIMENTS.values()),
    *(
        getattr(tasks, name)
        for name in ("digits", "mnist", "fashion_mnist", "teacher_student", "yin_yang")
    ),
    lab.run_lab,
]


def read_in(function):
    """Names that a function reads, not counting those of the record it stores.

    What reads ``config["dt"]`` in its module reads the argument.
    """
    source = inspect.getsource(function)
    (definition,) = ast.parse(textwrap.dedent(source)).body
    recorded = {id(name) for node in ast.walk(definition) for name in _record(node)}
    found = {
        node.id
        for statement in definition.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and id(node) not in recorded
    }
    module = ast.parse(inspect.getsource(inspect.getmodule(function)))
    for node in ast.walk(module):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            found.add(node.slice.value)
    return found


def _record(node):
    """Names in ``config = {"dt": dt, ...}``, which repeats the arguments."""
    record = isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
    if record and getattr(node.targets[0], "id", "") == "config":
        yield from (value for value in node.value.values if isinstance(value, ast.Name))


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_every_argument_is_read_beyond_the_record(function):
    names = [n for n in inspect.signature(function).parameters if n not in HANDLED]
    assert [name for name in names if name not in read_in(function)] == []


def test_an_argument_that_is_only_recorded_is_found():
    assert "dt" in read_in(_forgetful) and "seed" not in read_in(_forgetful)


def _forgetful(dt, seed):
    config = {"dt": dt, "seed": seed}
    return dt, config
