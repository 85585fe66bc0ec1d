"""What a user's function is at the moment of a run is what runs, wherever it stands."""

import importlib
import linecache
import os
import subprocess
import sys
import textwrap
import types
import warnings
from typing import Annotated, NamedTuple

import numpy as np
import pytest
from systems import run, two_populations

import dendrites as dn
from dendrites.activity_difference import ActivityDifference
from dendrites.cell import CellModel
from dendrites.compile.jit import jit_disabled
from dendrites.compile.loops import elementwise
from dendrites.errors import CompileError

needs_jit = pytest.mark.skipif(jit_disabled(), reason="nothing is compiled")
pytestmark = pytest.mark.nojit


def at(function, x=2.0):
    """What the compiled function gives at one number."""
    return elementwise(function, [x])[0]


def pair(one, other):
    return one, other


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module's text and imports or reloads it."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    name = f"written_{tmp_path.name}"

    def write(text, *, load=True):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
        if not load:
            return None
        if name in sys.modules:
            return importlib.reload(sys.modules[name])
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield write
    sys.modules.pop(name, None)


def without_source(text, name):
    scope = {}
    exec(compile(textwrap.dedent(text), "<typed>", "exec"), scope)
    return scope[name]


def test_a_rule_of_two_lambdas_on_lines_of_one_call_learns_from_both():
    rule = ActivityDifference(
        teaching=lambda cell, p: 10.0,
        baseline=lambda cell, p: 4.0,
        learning_rate=0.01,
    )
    inputs, start = np.full((1, 4), 0.5), np.zeros((3, 4))
    circuit = two_populations(steps=2, rule=rule, plastic=True)
    presenter = run(circuit, {"input": inputs}, weights={"feedforward": start})
    # Two steps of 0.5 ms at a rate of 0.01 times 10 - 4 times the signal.
    learnt = presenter.weights()["feedforward"]
    np.testing.assert_allclose(learnt, 0.01 * 6.0 * 0.5, rtol=1e-12)


def test_lambdas_of_one_line_are_told_apart():
    both = [lambda x: 1.0, lambda x: x + 10.0, lambda x: 2.0, lambda x: x + 20.0]
    assert [at(f) for f in both] == [1.0, 12.0, 2.0, 22.0]


def test_lambdas_of_one_call_on_several_lines_are_told_apart():
    one, other = pair(
        lambda x: 10.0,
        lambda x: 4.0,
    )
    assert (at(one), at(other)) == (10.0, 4.0)


def test_lambdas_that_differ_by_the_type_of_a_constant_are_told_apart():
    one, other = pair(lambda x: 1 if x else 0.0, lambda x: 0.0 if x else True)
    assert (at(one), at(other)) == (1.0, 0.0)


def test_lambdas_in_lambdas_in_defaults_and_in_calls_are_found():
    outer = lambda x, f=lambda y: y * 3.0: (lambda z: z + 1.0)(f(x))  # noqa: E731
    assert at(lambda x: (lambda y: y * 2.0)(x)) == 4.0
    assert at(lambda x: outer(x)) == 7.0


def test_functions_of_one_name_are_told_apart():
    def made(gain):
        if gain > 1:

            def f(x):
                return x * 100.0
        else:

            def f(x):
                return x * 0.5

        return f

    assert (at(made(2)), at(made(0))) == (200.0, 1.0)


def test_methods_of_classes_and_decorated_functions_are_found():
    class Rules:
        def double(x):
            return 2.0 * x

    def as_it_is(function):
        return function

    @as_it_is
    @as_it_is
    def triple(x):
        return 3.0 * x

    assert (at(Rules.double), at(triple)) == (4.0, 6.0)


def test_a_reloaded_module_brings_its_new_functions(module):
    text = "def f(x):\n    return x * {}\n"
    first = at(module(text.format("3.0")).f)
    assert (first, at(module(text.format("5.0")).f)) == (6.0, 10.0)


def test_a_file_edited_after_import_does_not_change_what_was_imported(module):
    text = "def f(x):\n    return x * {}\n"
    imported = module(text.format("3.0")).f
    module(text.format("5.0"), load=False)
    linecache.checkcache()
    assert at(imported) == 6.0


def test_a_file_that_python_warned_about_is_not_warned_about_again(module):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        written = module('NAME = "\\d"\ndef f(x):\n    return round(x) + 0.5\n')
    # A warning is an error here; without source `round` would be refused.
    assert at(written.f) == 2.5


def test_lines_added_to_a_file_after_import_change_nothing(module):
    text = "def f(x):\n    return x * 3.0\n\ndef g(x):\n    return x * 7.0\n"
    imported = module(text).f
    module("\n\ndef g(x):\n    return x * 7.0\n\n" + text, load=False)
    assert at(imported) == 6.0


def test_a_function_without_source_runs_as_it_is():
    f = without_source("GAIN = 3.0\ndef f(x):\n    return GAIN * x", "f")
    assert at(f) == 6.0
    f.__globals__["GAIN"] = 4.0
    assert at(f) == 8.0


def test_code_under_the_name_of_a_file_that_holds_another_function(tmp_path):
    path = tmp_path / "rules.py"
    path.write_text("f = lambda x: 100.0\n")
    scope = {}
    exec(compile("f = lambda x: x + 1.0", str(path), "exec"), scope)
    assert at(scope["f"]) == 3.0


def test_source_that_was_registered_for_a_text_is_used():
    text = "f, g = lambda x: round(x), lambda x: round(x) + 1\n"
    linecache.cache["<here>"] = (len(text), None, [text], "<here>")
    scope = {}
    exec(compile(text, "<here>", "exec"), scope)
    assert (at(scope["f"]), at(scope["g"])) == (2.0, 3.0)


@needs_jit
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def f(x):\n    k = 7\n    for i in range(9):\n        k *= 3\n    return k",
         "multiplies whole numbers"),
        ("def f(x):\n    try:\n        return 1 / x\n    except ValueError:\n"
         "        return x", "try"),
        ("import random\ndef f(x):\n    return x * random.random()", "random numbers"),
        ("def f(x):\n    def g(y, k=1):\n        return y * k\n    return g(x, k=2)",
         "keywords"),
        ("def f(x):\n    return round(x, 1)", "round"),
    ],
)  # fmt: skip
def test_without_source_what_may_differ_is_refused(text, reason):
    with pytest.raises(CompileError, match=reason) as caught:
        at(without_source(text, "f"))
    assert "source is not at hand" in str(caught.value)


GAIN = 1.0


def scaled(x):
    return GAIN * x


def test_a_global_number_is_read_at_every_run(monkeypatch):
    assert at(scaled) == 2.0
    monkeypatch.setitem(globals(), "GAIN", 3.0)
    assert at(scaled) == 6.0


def test_a_captured_number_is_read_at_every_run():
    gain = 1.0

    def f(x):
        return gain * x

    assert at(f) == 2.0
    gain = 3.0
    assert at(f) == 6.0


def test_an_attribute_of_a_module_is_read_at_every_run(monkeypatch):
    settings = types.ModuleType("settings")
    settings.gain = 1.0
    monkeypatch.setitem(globals(), "settings", settings)
    f = lambda x: settings.gain * x  # noqa: E731, F821
    assert at(f) == 2.0
    settings.gain = 3.0
    assert at(f) == 6.0


def helper(x):
    return x + 1.0


def test_a_helper_that_was_defined_again_is_used(monkeypatch):
    f = lambda x: helper(x) * 2.0  # noqa: E731
    assert at(f) == 6.0
    monkeypatch.setitem(globals(), "helper", lambda x: x + 3.0)
    assert at(f) == 10.0


def test_a_default_is_read_at_every_run():
    def f(x, gain=1.0):
        return gain * x

    g = lambda x: f(x)  # noqa: E731
    assert at(g) == 2.0
    f.__defaults__ = (3.0,)
    assert at(g) == 6.0


class State(NamedTuple):
    v: Annotated[float, "mV"] = 0.0


class Params(NamedTuple):
    tau: Annotated[float, "ms"] = 10.0


class Inputs(NamedTuple):
    current: Annotated[float, "mV"] = 0.0


@pytest.mark.parametrize("sourced", [True, False])
def test_a_cell_model_follows_a_gain_that_changes_between_runs(sourced):
    text = """
    def derivative(cell, inputs, p):
        return State(GAIN * inputs.current - cell.v / p.tau)
    """
    scope = {"State": State, "GAIN": 1.0}
    name = "<a cell>" if sourced else "<typed>"
    text = textwrap.dedent(text)
    if sourced:
        lines = text.splitlines(keepends=True)
        linecache.cache[name] = (len(text), None, lines, name)
    exec(compile(text, name, "exec"), scope)
    cell = CellModel("cell", State, Params, Inputs, scope["derivative"])

    def last():
        return float(
            dn.simulate(cell, current=1.0, duration=1.0)[
                "populations/cell"
            ].v.values.flat[-1]
        )

    first = last()
    scope["GAIN"] = 3.0
    np.testing.assert_allclose(last(), 3.0 * first, rtol=1e-12)


SCRIPT = """
from dendrites.compile.loops import elementwise
def at(f):
    return float(elementwise(f, [2.0])[0])
def pair(one, other):
    return at(one), at(other)
print(pair(lambda x: 10.0, lambda x: 4.0), pair(
    lambda x: x + 1.0,
    lambda x: x + 2.0,
), pair(lambda x, y=1.0: x + y, lambda x, y=2.0: x + y))
"""
WANTED = "(10.0, 4.0) (3.0, 4.0) (3.0, 4.0)"


def printed(arguments, **options):
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHON_BASIC_REPL": "1"}
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        **options,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("how", ["file", "no debug ranges", "-c", "typed"])
def test_lambdas_are_told_apart_however_python_was_started(how, tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    arguments = {
        "file": [str(path)],
        "no debug ranges": ["-X", "no_debug_ranges", str(path)],
        "-c": ["-c", SCRIPT],
        "typed": ["-i", "-q"],
    }[how]
    typed = SCRIPT.replace("def pair", "\ndef pair").replace("print", "\nprint")
    options = {"input": typed + "\n"} if how == "typed" else {}
    assert printed(arguments, **options) == WANTED
