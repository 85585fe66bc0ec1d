"""Functions that cannot be compiled are shown where they stand."""

import functools
import linecache
import math
from dataclasses import replace

import numpy as np
import pytest
import scalar_helpers
from scalar_helpers import squashed
from systems import run, two_populations

from circuits.projection import Projection
from dendrites.activity_difference import ActivityDifference
from dendrites.compile.jit import jit_disabled
from dendrites.errors import CompileError, ModelError
from dendrites.models import three_compartment
from dendrites.models.three_compartment import State
from dendrites.synaptic_rule import SynapticRule

CELLS = three_compartment(tau_soma=10.0, tau_dendrite=3.0)
INPUTS = np.full((2, 4), 0.5)

needs_jit = pytest.mark.skipif(jit_disabled(), reason="nothing is compiled")


def unknown_method(cell, p):
    total = squashed(cell.soma)
    return total + cell.soma.is_integer()  # refused


def opens_a_file(cell, p):
    with open("x"):
        return cell.soma


def helper_sorts(cell, p):
    return scalar_helpers.bad_helper(cell.soma)


def line_of(function, text):
    """Number of the line of this file that holds `text`, inside a function."""
    first = function.__code__.co_firstlineno
    lines = linecache.getlines(__file__)[first - 1 :]
    return first + next(k for k, line in enumerate(lines) if text in line)


@needs_jit
@pytest.mark.parametrize("function", [unknown_method])
def test_a_read_that_cannot_be_compiled_is_shown_where_it_stands(function):
    circuit = two_populations(
        post=replace(CELLS, reads={"rate": function}),
        extra=(Projection("output", "output", "apical"),),
    )
    with pytest.raises(CompileError) as caught:
        run(circuit, {"input": INPUTS})
    text = str(caught.value)
    assert f"{__file__}, line {line_of(function, '# refused')}" in text
    assert function.__name__ in text and "NUMBA_DISABLE_JIT=1" in text
    assert linecache.getline(__file__, line_of(function, "# refused")).strip() in text


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("function", "shown", "file"),
    [
        (opens_a_file, 'with open("x"):', __file__),
        (helper_sorts, "return sorted(x)", scalar_helpers.__file__),
    ],
)
def test_unsupported_constructs_are_shown_where_they_stand(function, shown, file):
    text = refusal_of_gain(function)
    assert shown in text and file in text


@pytest.mark.nojit
def test_an_assertion_is_told_though_its_file_is_rewritten_for_tests():
    def asserts(cell, p):
        assert cell.soma > 0.0
        return cell.soma

    text = refusal_of_gain(asserts)
    assert "assert cell.soma > 0.0" in text and "test with if" in text


@pytest.mark.nojit
@pytest.mark.parametrize(("k", "reason"), [(0, "sorted"), (9, "str"), (19, "list")])
def test_of_a_long_line_the_part_at_fault_is_shown(k, reason, tmp_path):
    bad = {0: "sorted(cell)", 9: "str(cell)", 19: "list(cell)"}
    table = (f"lambda cell, p: {bad.get(i, f'{i}.0 * cell.soma')}" for i in range(20))
    path = tmp_path / "table.py"
    path.write_text(f"table = [{', '.join(table)}]\n")
    scope = {}
    exec(compile(path.read_text(), str(path), "exec"), scope)
    text = refusal_of_gain(scope["table"][k])
    assert bad[k] in text and f"uses {reason}," in text
    assert len(text.splitlines()[1]) < 100 and len(text.splitlines()) == 3


def refusal_of_gain(function):
    rule = ActivityDifference("rate", "basal", gain=function)
    with pytest.raises(CompileError) as caught:
        run(two_populations(rule=rule), {"input": INPUTS})
    return str(caught.value)


@needs_jit
def test_a_rule_that_sees_the_weight_names_its_line():
    def change(weight, cell, pre, p):
        return weight.size * pre  # refused

    with pytest.raises(CompileError) as caught:
        run(two_populations(rule=SynapticRule(change)), {"input": INPUTS})
    assert f"{__file__}, line {line_of(change, '# refused')}" in str(caught.value)
    assert "size" in str(caught.value)  # a float has none


@needs_jit
def test_a_derivative_that_returns_too_little_is_named():
    def derivative(cell, inputs, p):
        return cell.soma, 0.0

    cells = replace(CELLS, derivative=derivative)
    with pytest.raises(CompileError, match="return State") as caught:
        run(two_populations(post=cells), {"input": INPUTS})
    assert __file__ in str(caught.value)


@pytest.mark.nojit
@pytest.mark.parametrize("thing", [functools.partial(squashed), math.tanh, State])
def test_only_plain_functions_are_scalar_functions(thing):
    rule = ActivityDifference("rate", "basal", gain=thing)
    with pytest.raises(ModelError, match="must be a plain Python function"):
        run(two_populations(rule=rule), {"input": INPUTS})


@pytest.mark.nojit
def test_captured_arrays_and_undefined_names_are_refused():
    table = np.arange(3.0)
    for gain, part in (
        (lambda cell, p: table[0], "'table', a ndarray"),
        (lambda cell, p: undefined_name, "undefined name 'undefined_name'"),  # noqa: F821
    ):
        rule = ActivityDifference("rate", "basal", gain=gain)
        with pytest.raises(ModelError, match=part):
            run(two_populations(rule=rule), {"input": INPUTS})
