"""Descriptions are equal where what they describe is, and only there."""

import functools
import math
import types

import numpy as np
import pytest

from dendrites import models
from dendrites._describe import fingerprint, plain

OUTSIDE = types.ModuleType("outside_of_any_file")


def made(text, **globals_):
    """The function `f` of a text that no file holds, as one typed into a prompt."""
    space = {"__name__": "__main__", **globals_}
    exec(text, space)
    return space["f"]


def closure(value):
    return made("def g(v):\n def f(x):\n  return x + v\n return f\nf = g(v)", v=value)


SAME = {
    "constant": lambda: made("f = lambda x: x + 1.0"),
    "closure": lambda: closure(np.arange(3.0)),
    "partial": lambda: functools.partial(made("f = lambda a, x: a + x"), 2.0),
    "method": lambda: models.three_compartment().check_step,
    "recursive": lambda: made("def f(x): return f(x - 1) if x else 0"),
}


@pytest.mark.parametrize("make", SAME.values(), ids=SAME)
def test_functions_of_one_content_are_equal_without_source(make):
    assert plain(make()) == plain(make())


def helped(k):
    return made("f = lambda x: h(x)", h=made(f"f = lambda x: x + {k}"))


def with_array(a):
    return made("f = lambda x: A[0] + x", A=np.array([a, 1.0]))


def nested(k):
    return made(f"def f(x):\n def g(y): return y * {k}\n return g(x)")


OTHERS = {
    "a constant": [made(f"f = lambda x: x + {c}") for c in ("1.0", "1", "True", "2.0")],
    "an operator": [made(f"f = lambda x: x {op} 2") for op in "+-*"],
    "a name": [made(f"f = lambda x: {n}(x)", a=abs, b=max) for n in "ab"],
    "a global": [made("f = lambda x: G * x", G=g) for g in (1, 3)],
    "a helper": [helped(1), helped(2)],
    "an array": [with_array(0.0), with_array(1.0)],
    "a closure": [closure(v) for v in (1.0, 2.0, -0.0, 0.0, math.nan, "1.0")],
    "a default": [made(f"def f(x, a={a}): return x") for a in (1.0, 2.0)],
    "a keyword": [made(f"def f(x, *, a={a}): return x") for a in (1.0, 2.0)],
    "a nested function": [nested(2), nested(3)],
    "a partial": [functools.partial(f, 1) for f in (math.sqrt, math.exp)],
    "a builtin": [math.sqrt, math.exp, np.exp],
}


@pytest.mark.parametrize("functions", OTHERS.values(), ids=OTHERS)
def test_functions_that_differ_in_something_are_not_equal(functions):
    found = [fingerprint(function) for function in functions]
    assert len(set(found)) == len(found)
    assert found == [fingerprint(function) for function in functions]


def test_what_a_function_takes_from_a_module_counts():
    f = made("f = lambda x: x * m.GAIN", m=OUTSIDE)
    found = []
    for gain in (1.0, 3.0, 1.0):
        OUTSIDE.GAIN = gain
        found.append(fingerprint(f))
    assert found[0] == found[2] != found[1]


def test_an_attribute_named_like_a_global_is_not_that_global():
    one, two = (made("f = lambda x: x.G", G=g) for g in (1, 2))
    assert fingerprint(one) == fingerprint(two)


def test_what_cannot_be_looked_into_is_equal_to_nothing():
    def reader():
        return made("f = lambda x: g.normal()", g=np.random.default_rng(0))

    same = reader()
    assert fingerprint(same) != fingerprint(same)
    thing = object()
    assert plain({"a": thing}) != plain({"a": thing})


def test_equal_source_in_other_places_is_equal(tmp_path):
    found = []
    for name, text in (("a", "def f(x):\n    return x + 1.0\n"), ("b", "\n\n# no\n")):
        path = tmp_path / f"{name}.py"
        path.write_text(text if name == "a" else text + (tmp_path / "a.py").read_text())
        space = {"__name__": "__main__"}
        exec(compile(path.read_text(), str(path), "exec"), space)
        found.append(fingerprint(space["f"]))
    assert found[0] == found[1]


VALUES = [
    *(None, True, False, 0, 1, 2, 1.0e-3, -0.0, 0.0, "", "1", math.inf, math.nan),
    *((), (1,), (1, 2), {"a": 1}, {"a": 2}, {"b": 1}, {5, 2}, {5, 3}),
    *(np.zeros(3), np.zeros(3, np.float32), np.zeros((3, 1)), np.ones(3), np.arange(3)),
    *(np.ma.masked_array([1.0, 2.0], [0, 1]), np.ma.masked_array([1.0, 2.0], [1, 0])),
    *(tuple(range(2000)), tuple(range(1, 2001)), np.array([[1], "a"], dtype=object)),
]  # fmt: skip


def test_values_that_differ_are_described_differently():
    texts = [repr(plain(value)) for value in VALUES]
    assert len(set(texts)) == len(texts)
    assert texts == [repr(plain(value)) for value in VALUES]


@pytest.mark.parametrize(
    "make",
    [
        models.three_compartment,
        models.naud_sprekeler,
        models.adex_dendrite,
        models.cable,
        models.guerguiev_hidden,
    ],
)
def test_a_cell_or_drive_made_twice_is_described_alike(make):
    assert plain(make()) == plain(make())
