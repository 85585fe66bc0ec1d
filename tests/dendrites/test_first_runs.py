"""A function is tried as plain Python before it is used, and compiled must agree."""

import sys
from typing import Annotated, NamedTuple

import pytest
from numba.extending import overload

import dendrites as dn
from dendrites.activity_difference import ActivityDifference
from dendrites.cell import CellModel
from dendrites.compile import modules
from dendrites.compile.jit import jit_disabled
from dendrites.compile.loops import elementwise, factor_loop, synapse_loop
from dendrites.compile.trial import Trial
from dendrites.errors import CompileError
from dendrites.models import three_compartment

needs_jit = pytest.mark.skipif(jit_disabled(), reason="nothing is compiled")


class State(NamedTuple):
    v: Annotated[float, "mV"] = 1.0
    w: Annotated[float, "mV"] = 0.0


class Params(NamedTuple):
    tau: Annotated[float, "ms"] = 10.0


class Inputs(NamedTuple):
    current: Annotated[float, "mV"] = 0.0


def derivative(cell, inputs, p):
    return State(inputs.current - cell.v / p.tau, 0.0)


def simulated(read=None, **functions):
    """Run a cell that has these functions, and read one of its reads."""
    reads = {} if read is None else {"read": read}
    functions = functions or {"derivative": derivative}
    cell = CellModel("cell", State, Params, Inputs, reads=reads, **functions)
    dn.simulate(cell, current=1.0, duration=1.0, reads=list(reads))


def refusal(*arguments, **options):
    with pytest.raises(CompileError) as caught:
        simulated(*arguments, **options)
    text = str(caught.value)
    assert len(text.splitlines()) <= 4
    return text


def nothing(cell, p):
    cell.v * p.tau


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda cell, p: (cell.v, p.tau), "returns a tuple"),
        (nothing, "returns None"),
        (lambda cell, p: "high" if cell.v > p.tau else "low", "returns a str"),
        (lambda cell, p: cell, "returns a State"),
    ],
)
def test_a_read_that_returns_no_number_is_shown(read, said):
    text = refusal(read)
    line = read.__code__.co_firstlineno
    assert said in text and f"{__file__}, line {line}" in text


@pytest.mark.nojit
@pytest.mark.parametrize("role", ["derivative", "step"])
def test_a_tuple_for_a_state_is_told_what_to_return(role):
    functions = {
        "derivative": lambda cell, inputs, p: (cell.v, 0.0),
        "step": lambda cell, inputs, p, dt: (cell.v + dt, 0.0),
    }
    text = refusal(**{role: functions[role]})
    assert role in text and "return State(v, w)" in text and __file__ in text


@pytest.mark.nojit
def test_a_state_without_a_number_names_the_field():
    text = refusal(derivative=lambda cell, inputs, p: State(0.0, None))
    assert "returns None as 'w'" in text


def misspelt_helper(x):
    return x.sooma  # raises


@pytest.mark.nojit
def test_a_function_that_raises_is_shown_where_it_raised():
    text = refusal(lambda cell, p: misspelt_helper(cell.v))
    line = misspelt_helper.__code__.co_firstlineno + 1
    assert f"{__file__}, line {line}" in text and "return x.sooma" in text
    assert "AttributeError" in text


@pytest.mark.nojit
def test_a_long_exception_of_the_users_is_cut_short():
    def read(cell, p):
        raise KeyError("one line\nanother line " * 100)

    assert len(refusal(read).splitlines()[0]) < 300


def two_of(x):
    return x, x


@pytest.mark.nojit
def test_a_function_of_numbers_is_shown_itself():
    with pytest.raises(CompileError, match="two_of returns a tuple") as caught:
        elementwise(two_of, [1.0])
    assert "def two_of(x):" in str(caught.value) and __file__ in str(caught.value)


@pytest.mark.nojit
def test_arithmetic_that_fails_at_one_point_is_no_fault_of_the_function():
    assert elementwise(lambda x: 1.0 / x, [2.0]) == 0.5  # also tried at 0


@pytest.mark.nojit
@pytest.mark.parametrize("make", [factor_loop, synapse_loop])
def test_rules_that_return_nothing_are_shown(make):
    cells = three_compartment()
    functions = {
        factor_loop: (lambda cell, p: None, None, None),
        synapse_loop: (lambda weight, cell, pre, p: None,),
    }[make]
    with pytest.raises(CompileError, match="returns None; it must return one number"):
        make(cells, *functions, float)


def other(x):
    return x


@overload(other)
def _other(x):
    return lambda x: x + 1.0


other.imported_by_kernels = True


@pytest.fixture
def importable(monkeypatch):
    monkeypatch.setitem(sys.modules, "otherwise_compiled", sys.modules[__name__])
    monkeypatch.setattr(other, "__module__", "otherwise_compiled")


@needs_jit
def test_what_differs_from_plain_python_is_refused_with_both_values(importable):
    text = refusal(lambda cell, p: other(cell.v))
    assert "gives 2 compiled and 1 in plain Python" in text and __file__ in text


@needs_jit
@pytest.mark.parametrize("form", ["derivative", "step", "factor", "change"])
def test_every_kind_of_function_is_compared(form, importable):
    cells = three_compartment()
    with pytest.raises(CompileError, match="compiled and"):
        if form == "derivative":
            simulated(derivative=lambda cell, inputs, p: State(other(cell.v), 0.0))
        elif form == "step":
            simulated(step=lambda cell, inputs, p, dt: State(cell.v, other(cell.w)))
        elif form == "factor":
            rule = ActivityDifference(lambda cell, p: other(cell.soma), "soma")
            factor_loop(cells, *rule.functions(cells), float)
        else:
            synapse_loop(cells, lambda weight, cell, pre, p: other(pre), float)


@needs_jit
def test_a_comparison_that_was_passed_is_remembered(monkeypatch):
    function = lambda x: x * 1234.5  # noqa: E731
    elementwise(function, [1.0])
    monkeypatch.setattr(modules, "_COMPILED", {})

    def never(*_):
        raise AssertionError("compared again")

    monkeypatch.setattr(Trial, "compare", never)
    monkeypatch.setattr(Trial, "check_returns", never)
    assert elementwise(function, [2.0]) == 2469.0
    with pytest.raises(AssertionError):
        elementwise(lambda x: x * 1234.75, [2.0])
