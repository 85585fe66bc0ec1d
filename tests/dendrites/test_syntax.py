"""Texts are parsed from several threads."""

import gc
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dendrites.compile.syntax import parse

DEEP = "\n".join(f"x = {'-' * 40}{k} + f({k}, [{k}])" for k in range(40))


def other_threads_turn(phase, info):
    time.sleep(0)


@pytest.fixture
def threads_that_switch_often():
    """Also while a tree is made: collections of garbage run plain Python."""
    before = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(50)
    gc.callbacks.append(other_threads_turn)
    yield
    gc.callbacks.remove(other_threads_turn)
    sys.setswitchinterval(before[0])
    gc.set_threshold(*before[1])


def test_threads_may_parse_at_once(threads_that_switch_often):
    with ThreadPoolExecutor(4) as pool:
        trees = list(pool.map(parse, [DEEP] * 8))
    assert {len(tree.body) for tree in trees} == {40}
