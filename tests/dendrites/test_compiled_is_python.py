"""Any function that is accepted gives, compiled, what plain Python gives."""

import linecache
import math
import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dendrites.compile.loops import elementwise
from dendrites.errors import CompileError

GENERATOR = np.random.default_rng(0)
POINTS = (-2.5, 0.0, 0.3, 1.0, 3.0, 7.25)
NUMBERS = st.one_of(
    st.integers(-4, 30).map(lambda k: f"({k})"),
    st.sampled_from(["0.5", "-1.25", "3.0", "1e3", "x", "x", "x", "t", "CAUGHT", "K"]),
    st.sampled_from(["True", "math.pi", "-0.0"]),
)
EXPONENTS = st.sampled_from(
    ["2", "3", "-1", "-2", "0.5", "K", "CAUGHT", "x", "(K - 3)"]
)


def larger(inner):
    """Expressions made of smaller ones."""
    both = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*", "/", "//", "%"]), both).map(
            lambda a: f"({a[1][0]} {a[0]} {a[1][1]})"
        ),
        st.tuples(inner, EXPONENTS).map("(%s ** %s)".__mod__),
        st.tuples(st.sampled_from(["<", "<=", "==", "!=", ">"]), both).map(
            lambda a: f"({a[1][0]} {a[0]} {a[1][1]})"
        ),
        st.tuples(inner, inner, inner).map("(%s if %s else %s)".__mod__),
        st.tuples(st.sampled_from(["min", "max"]), both).map(
            lambda a: f"{a[0]}({a[1][0]}, {a[1][1]})"
        ),
        st.tuples(st.sampled_from(["and", "or"]), both).map(
            lambda a: f"({a[1][0]} {a[0]} {a[1][1]})"
        ),
        st.tuples(
            st.sampled_from(
                ["abs", "-", "not ", "int", "float", "round", "math.floor", "math.ceil"]
            ),
            inner,
        ).map("(%s(%s))".__mod__),
        both.map("helper(%s, by=%s)".__mod__),
        both.map("inner(b=%s, a=%s)".__mod__),
        inner.map("inner(%s)".__mod__),
        inner.map("helper(%s)".__mod__),
        inner.map("(lambda z, k=3: z * k)(%s)".__mod__),
    )


EXPRESSIONS = st.recursive(NUMBERS, larger, max_leaves=6)
TEXT = """
import math
K = {k}

def helper(y, *, by=2):
    return y - by / 4

def made():
    CAUGHT = {caught}
    def f(x, t=2):
        def inner(a, b=2):
            return a * 3 - b
        t = {first}
        for i in range({n}):
            t = t {op} {step}
        return {last}
    return f
f = made()
"""


def python(f, x):
    """What plain Python gives, or None where that is no number."""
    try:
        return float(f(x))
    except (ArithmeticError, ValueError, TypeError):
        return None


def same(got, f, x):
    wanted = python(f, x)
    if wanted is None or not math.isfinite(wanted) or abs(wanted) > 1e300:
        return True
    return math.isclose(got, wanted, rel_tol=1e-9, abs_tol=1e-12)


def check(**parts):
    text = TEXT.format(**parts)
    lines = text.splitlines(keepends=True)
    linecache.cache["<property>"] = (len(text), None, lines, "<property>")
    scope = {"__name__": "written"}
    exec(compile(text, "<property>", "exec"), scope)
    f = scope["f"]
    # A last digit may decide where a function jumps: then it does on one side only.
    near = [[x, x + 1e-9 * (abs(x) + 1), x - 1e-9 * (abs(x) + 1)] for x in POINTS]
    try:
        compiled = elementwise(f, near)
    except CompileError:
        return False
    for values, results in zip(near, compiled, strict=True):
        pairs = zip(results, values, strict=True)
        agree = [same(got, f, x) for got, x in pairs]
        assert any(agree), (text, values[0], results[0], python(f, values[0]))
    return True


FUNCTIONS = {
    "k": st.integers(-3, 6),
    "caught": st.integers(-3, 6),
    "first": EXPRESSIONS,
    "n": st.integers(0, 4),
    "op": st.sampled_from(["+", "*", "-"]),
    "step": st.one_of(st.sampled_from(["i", "(i + 1)", "x"]), EXPRESSIONS),
    "last": EXPRESSIONS,
}


@settings(max_examples=20, deadline=None, derandomize=True, database=None)
@given(**FUNCTIONS)
def test_an_accepted_function_gives_what_python_gives(**parts):
    check(**parts)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None, database=None)
@given(**FUNCTIONS)
def test_many_accepted_functions_give_what_python_gives(**parts):
    check(**parts)


CAUGHT = -2


def factorial(x):
    product = 1
    for k in range(1, 26):
        product *= k
    return product * x


def keywords_inside(x):
    def line(a, b=2):
        return a * 10 + b

    return line(b=x, a=3) + line(x)


def indices(x):
    three = (0.5, x, 2.0 * x)
    k, total = 0, 0
    while k < 3:
        total += k * three[k] + three[-1 - k]
        k += 1
    return total + three[int(2.7)] + len(three) / 2


@pytest.mark.nojit
@pytest.mark.parametrize(
    "function",
    [
        lambda x: 10**CAUGHT * x,
        lambda x: 2**-1 + (2 if x else 1) ** CAUGHT,
        lambda x: 7 // 2 + -7 % 3 - 7 // -2,
        lambda x: int(-0.5 * x) + round(2.5) + math.floor(-x) + math.ceil(x),
        lambda x: 3_000_000_000 * 4_000_000_000 * x,
        lambda x: (x > 0) + True + (x and 3) + (not x),
        lambda x: (x > 0) - (x < 3) - (-(x > 1)) + (x > 0) * (1 < x < 9),
        lambda x: math.atan2(-0, -1) + math.atan2(0 * -1, -1),
        factorial,
        keywords_inside,
        indices,
    ],
)
def test_whole_numbers_are_those_of_python(function):
    assert elementwise(function, [2.0])[0] == pytest.approx(function(2.0), rel=1e-15)


def outside(x):
    return x + time.time()


def raises(x):
    if x < 0:
        raise ValueError(x)
    return x


def reads_a_file(x):
    return x + len(open("x").read())  # noqa: SIM115


def catches(x):
    try:
        return 1 / x
    except ZeroDivisionError:
        return 0.0


def remainder(x):
    product = 1
    for k in range(1, 30):
        product *= k + 1
    return product % 1009


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: x + np.random.rand(), "random numbers"),
        (lambda x: x + random.random(), "random numbers"),
        (lambda x: x + GENERATOR.random(), "random numbers"),
        (outside, "time, files"),
        (reads_a_file, "open"),
        (lambda x: round(x, 2), "decimal"),
        (lambda x: x * math.factorial(25), "without bound"),
        (lambda x: int(x) << 2, "no bound"),
        (lambda x: int(x) * 1103515245 % 2147483648, "lose digits"),
        (lambda x: 1152921504606846977 + x, "no float holds"),
        (lambda x: np.int8(x), "overflow"),
        (remainder, "lose digits"),
        (raises, "exceptions"),
        (catches, "exceptions"),
    ],
)
def test_what_cannot_be_as_in_python_is_refused_with_its_line(function, reason):
    with pytest.raises(CompileError, match=reason) as caught:
        elementwise(function, [2.0])
    text = str(caught.value)
    assert f"{__file__}, line " in text and len(text.splitlines()) <= 4
