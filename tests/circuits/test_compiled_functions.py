"""Users' scalar functions, however they are written, compute what Python computes."""

import math
import re
from dataclasses import replace
from math import exp
from typing import NamedTuple

import numpy as np
import pytest
import scalar_helpers
from scalar_helpers import shifted, squashed
from systems import run, two_populations
from thinned import first

from circuits.run.recording import Record
from dendrites import transfer
from dendrites.cell import CellModel
from dendrites.compile.jit import jit_disabled
from dendrites.compile.source import ModuleText
from dendrites.models import three_compartment
from dendrites.models.three_compartment import State

CELLS = three_compartment(tau_soma=10.0, tau_dendrite=3.0)
WEIGHTS = np.random.default_rng(4).normal(0.0, 0.8, (3, 4))
INPUTS = np.random.default_rng(5).uniform(0.0, 1.0, (2, 4))
GAIN = 2.5

needs_jit = pytest.mark.skipif(jit_disabled(), reason="nothing is compiled")


def built(text, name):
    """A function without source, as of an interactive session."""
    scope = {}
    exec(compile(text, "<typed>", "exec"), scope)
    return scope[name]


def scaled_by(gain, inner):
    def read(cell, p):
        return gain * inner(cell.soma)

    return read


def with_inner_function(cell, p):
    """Docstrings and inner functions are no obstacle."""

    def half(x):
        return 0.5 * x

    total = 0.0
    for k in range(3):
        total += half(cell.soma) * k
    return total if total > 0.01 else -total


def with_partial_state(cell, p):
    other = State(soma=cell.basal)
    return other.soma + other.apical


def library_exponential(x):
    return transfer.exp(x)


def two_exponentials(cell, p):
    return exp(cell.soma) - 0.5 * library_exponential(cell.basal)


def annotated(cell: State, p) -> float:
    value: float = cell.soma / 3
    return value + p.tau_soma


def conditions(cell, p):
    return 1.0 if 0.0 < cell.soma < 1.0 and not cell.basal > 2 else cell.basal


FIRST, SECOND = (lambda cell, p: 2.0 * cell.soma), (lambda cell, p: 3.0 * cell.soma)

FUNCTIONS = {
    "lambda": lambda cell, p: 1.5 * cell.soma - cell.basal / p.tau_dendrite,
    "first on its line": FIRST,
    "second on its line": SECOND,
    "closure of a number and a function": scaled_by(GAIN, squashed),
    "closure of a lambda": scaled_by(0.5, lambda x: x * x),
    "global number": lambda cell, p: GAIN * cell.soma,
    "default argument": lambda cell, p, gain=GAIN: gain * cell.soma,
    "helper of another module": lambda cell, p: squashed(cell.soma),
    "helper with a keyword": lambda cell, p: shifted(cell.soma, by=0.5),
    "helper with a default": lambda cell, p: shifted(cell.soma),
    "attribute of a module": lambda cell, p: scalar_helpers.squashed(cell.soma),
    "number of a module": lambda cell, p: scalar_helpers.STEEPNESS * cell.soma,
    "dotted module": lambda cell, p: transfer.logistic(cell.soma),
    "math and numpy": lambda cell, p: math.sqrt(np.maximum(cell.soma, 0.5)) + math.pi,
    "builtins": lambda cell, p: max(0.0, min(1.0, abs(cell.soma))),
    "inner function": with_inner_function,
    "NamedTuple with defaults": with_partial_state,
    "two functions of one name": two_exponentials,
    "annotations": annotated,
    "conditions": conditions,
    "infinity": lambda cell, p: min(cell.soma, math.inf),
    "no source": built("def f(cell, p):\n    return 2.5 * cell.soma", "f"),
    "no source, lambda": built("f = lambda cell, p: cell.basal - 1.0", "f"),
    "no source, helper": built(
        "def g(x):\n    return x * 0.5\ndef f(cell, p):\n    return g(cell.soma)", "f"
    ),
    "closure of no source": scaled_by(
        3.0, built("import math\ndef f(x):\n    return math.cos(x)", "f")
    ),
}


def read_by_the_engine(read, dtype):
    """What the engine and what plain Python make of a read, (2, 3) each."""
    cells = replace(CELLS, reads={**CELLS.reads, "probe": read})
    circuit = two_populations(steps=4, post=cells, initial=WEIGHTS)
    probe = Record("output", (), reads=["probe"], every=4 * circuit.dt)
    presenter = run(circuit, {"input": INPUTS}, dtype=dtype, record=[probe])
    recorded = presenter.recorded()["output", "probe"]
    states = [presenter.read("output", name) for name in State._fields]
    wanted = [
        [
            read(State(*map(float, cell)), CELLS.parameters)
            for cell in zip(*sample, strict=True)
        ]
        for sample in zip(*states, strict=True)
    ]
    return recorded[1], np.array(wanted)


@pytest.mark.nojit
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_read_computes_what_python_computes(name):
    got, wanted = read_by_the_engine(FUNCTIONS[name], "float64")
    # Compiled tanh and exp may differ from the C library in the last digit.
    np.testing.assert_allclose(got, wanted, rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("name", first([*FUNCTIONS], 6))
def test_a_float32_read_is_the_float64_one_to_single_precision(name):
    got, wanted = read_by_the_engine(FUNCTIONS[name], "float32")
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-6)


@needs_jit
def test_float_literals_do_not_make_float32_loops_double():
    text = ModuleText(single_precision=True)
    text.function(FUNCTIONS["lambda"])
    text.function(FUNCTIONS["closure of a number and a function"])
    module = "\n".join(text.lines)
    assert "np.float32(1.5)" in module and "np.float32(2.5)" in module
    bare = re.sub(r"np\.float32\([^)]*\)", "", module)
    assert not re.search(r"\d\.\d", bare)


class Leaky(NamedTuple):
    v: float = -65.0
    w: float = 0.0


class LeakyParams(NamedTuple):
    tau: float = 12.0


class LeakyInputs(NamedTuple):
    drive: float = 0.0


def leaky_derivative(cell, inputs, p):
    w = scalar_helpers.squashed(cell.v / 65) - cell.w
    return Leaky((-65 - cell.v + 10.0 * inputs.drive) / p.tau, w / 5.0)


LEAKY = CellModel(
    "leaky",
    Leaky,
    LeakyParams,
    LeakyInputs,
    derivative=leaky_derivative,
    reads={"rate": lambda cell, p: cell.v},
)


@pytest.mark.nojit
@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-14), ("float32", 1e-5)])
def test_a_model_of_ones_own_follows_its_equations(dtype, rtol):
    circuit = two_populations(steps=10, post=LEAKY, field="drive", initial=WEIGHTS)
    presenter = run(circuit, {"input": INPUTS}, dtype=dtype)
    drive = INPUTS @ WEIGHTS.T
    v, w = np.full_like(drive, -65.0), np.zeros_like(drive)
    for _ in range(10):
        dv = (-65.0 - v + 10.0 * drive) / 12.0
        v, w = v + 0.5 * dv, w + 0.5 * (np.tanh(1.7 * v / 65.0) - w) / 5.0
    np.testing.assert_allclose(presenter.read("output", "v"), v, rtol=rtol)
    np.testing.assert_allclose(presenter.read("output", "w"), w, rtol=rtol)
