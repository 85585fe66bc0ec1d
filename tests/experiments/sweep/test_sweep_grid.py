"""Grids as typed: values, types, sizes, and everything wrong with them at once."""

import time

import pytest
import sweep_jobs
from hypothesis import given
from hypothesis import strategies as st

from experiments.options import experiment_options
from experiments.sweep.grid import read_grid

pytestmark = pytest.mark.nojit
OPTIONS = experiment_options(sweep_jobs.answers)


def values(text):
    grid, problems = read_grid([text], OPTIONS)
    assert problems == []
    (axis,) = grid.values()
    assert all(type(value) is type(axis[0]) for value in axis)
    return axis


def problems(*texts, **options):
    return read_grid(texts, OPTIONS, **options)[1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gain=1,2.5,-3e-2", (1.0, 2.5, -0.03)),
        ("seed=4", (4,)),
        ("seed=0:3", (0, 1, 2)),
        ("seed=3:12:4", (3, 7, 11)),
        ("seed=9:0:-3", (9, 6, 3)),
        ("seed=0:3,10,20:22", (0, 1, 2, 10, 20, 21)),
        ("gain=0:3", (0.0, 1.0, 2.0)),
        # Decimals as written: 3 times the float 0.1 is not 0.3.
        ("gain=0:0.4:0.1", (0.0, 0.1, 0.2, 0.3)),
        ("gain=1e-3:3e-3:1e-3", (0.001, 0.002)),
        ("gain=-40:-10:10", (-40.0, -30.0, -20.0)),
        ("kind=near,far", ("near", "far")),
        ("dense=true,False", (True, False)),
        ("hidden=4,100/50,7/8/9", ((4,), (100, 50), (7, 8, 9))),
        ("hidden=10:40:10", ((10,), (20,), (30,))),
        ("cells= 2 , 3 ", (2, 3)),
    ],
)
def test_a_grid_says_which_values_an_argument_takes(text, expected):
    assert values(text) == expected


def test_names_are_accepted_with_dashes_too():
    options = {"learning_rate": OPTIONS["rate"]}
    assert read_grid(["learning-rate=1"], options)[0] == {"learning_rate": (1.0,)}


def test_the_order_of_arguments_is_kept():
    assert list(read_grid(["seed=0:2", "gain=1", "cells=3"], OPTIONS)[0]) == [
        "seed",
        "gain",
        "cells",
    ]


@given(
    start=st.integers(0, 10**6),
    stop=st.integers(0, 10**6),
    step=st.integers(1, 10**5),
)
def test_whole_numbers_are_those_of_range(start, stop, step):
    expected = tuple(range(start, stop, step))
    if 0 < len(expected) < 200:
        assert values(f"seed={start}:{stop}:{step}") == expected


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_floats_are_read_as_python_writes_them(numbers):
    numbers = list(dict.fromkeys(numbers))
    assert values("gain=" + ",".join(map(repr, numbers))) == tuple(numbers)


@given(start=st.integers(-99, 99), count=st.integers(1, 99), digits=st.integers(0, 9))
def test_a_fractional_range_has_as_many_values_as_steps_fit(start, count, digits):
    scale = 10**digits
    found = values(
        f"gain={start / scale:.9f}:{(start + count) / scale:.9f}:1e-{digits}"
    )
    # The nearest float of a decimal is that of its digits.
    assert found == tuple(float(f"{start + k}e-{digits}") for k in range(count))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gian=1", "unknown argument 'gian'; did you mean 'gain' or 'kind'?"),
        ("progress=1", "'progress' is set on the command line only"),
        ("gain", "write NAME=a,b,c or NAME=start:stop"),
        ("=1", "write NAME="),
        ("gain=", "a value is missing"),
        ("gain=1,,2", "gain=1,,2: a value is missing"),
        ("gain=1,fast", "gain, item 2: expected a number in mV as a plain number"),
        ("gain=3 mV", "without a unit, got the text '3 mV'"),
        ("gain=nan", "must be a finite number in mV"),
        ("gain=1:inf", "a range is start:stop"),
        ("gain=a:b", "a range is start:stop"),
        ("gain=1:2:3:4", "a range is start:stop"),
        ("gain=0:1e9999999:1", "a range is start:stop"),
        ("gain=0:1:0", "the step of a range must not be 0"),
        ("gain=3:3", "the range is empty; its stop is not part of it"),
        ("seed=5:0", "the range is empty"),
        ("gain=1,1.0", "1.0 is there twice"),
        ("gain=0.0,-0.0", "-0.0 is there twice"),
        ("hidden=4/2,4/2", "4/2 is there twice"),
        ("seed=1.5", "seed=1.5 is a float: a seed is a non-negative integer"),
        ("seed=0,-1", "seed=-1: a seed is a non-negative integer"),
        ("seed=none,1", "none is no value of a grid"),
        ("cells=0:3", "item 1: got 0, must be >= 1"),
        ("cells=1:1.5:0.5", "item 1: expected a whole number, got the number 1.0"),
        ("kind=near,fra", "item 2: expected one of near, far, got the text 'fra'"),
        ("kind=a:b", "item 1: expected one of near, far, got the text 'a:b'"),
        ("dense=1", "item 1: expected true or false, got the text '1'"),
        ("hidden=4/x", "expected a whole number as a plain number"),
    ],
)
def test_a_grid_that_cannot_be_meant_is_refused(text, says):
    (found,) = problems(text)
    assert found.startswith("--grid") and says in found


def test_all_problems_are_found_at_once():
    found = problems("gian=1", "gain=x", "gain=2", "cells=0", "seed=1:1")
    assert len(found) == 5
    assert "gain: given twice" in found[1]


@pytest.mark.parametrize(
    ("texts", "count", "product"),
    [
        (["seed=0:10000", "cells=1:10001"], "100000000", "seed 10000 x cells 10000"),
        (["seed=0:100000000"], "100000000", "seed 100000000"),
        (["gain=0:1e300:1e-99"], "1.00e+399", "gain 1.00e+399"),
        (["seed=0:101", "gain=0:100"], "10100", "seed 101 x gain 100"),
    ],
)
def test_a_grid_that_is_too_large_is_counted_not_listed(texts, count, product):
    begun = time.perf_counter()
    (found,) = problems(*texts)
    assert time.perf_counter() - begun < 10.0  # a list of them would take minutes
    assert f"{count} points ({product}), at most 10000 are run" in found


def test_the_limit_can_be_raised():
    assert problems("seed=0:101", "gain=0:100", limit=10100) == []
    assert "at most 99 are run" in problems("seed=0:100", limit=99)[0]
