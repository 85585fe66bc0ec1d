"""Loops with exponentials work at several vectors in turn, and others as before."""

import re

import numpy as np
import pytest
from numba import float64, int64, njit

from dendrites import transfer
from dendrites.compile.jit import INNER, jit_disabled, vectors_in_turn
from dendrites.compile.loops import elementwise

needs_jit = pytest.mark.skipif(jit_disabled(), reason="nothing is compiled")


@pytest.mark.parametrize("count", [1, 3, 4, 7, 15, 16, 17, 63, 64, 65, 200])
def test_an_exponential_has_the_same_bits_wherever_it_stands(count):
    values = np.random.default_rng(count).normal(0.0, 30.0, count)
    together = elementwise(transfer.logistic, values)
    alone = [elementwise(transfer.logistic, value) for value in values]
    assert np.array_equal(together, alone)


def vectors():
    """How many vectors the machine code of a loop names that is compiled now."""

    @njit(float64(float64[::1], int64), **INNER)
    def loop(x, n):
        for i in range(n):
            x[i] = transfer.exp(x[i])
        return x[0]

    (code,) = loop.inspect_asm().values()
    return len(re.findall(r"%[xyz]mm", code))


@needs_jit
def test_the_choice_of_vectors_ends_with_its_block():
    before = vectors()
    with vectors_in_turn(True):
        chosen = vectors()
    with vectors_in_turn(False):
        other = vectors()
    with pytest.raises(ValueError), vectors_in_turn(True):
        raise ValueError
    assert chosen != before
    assert other == before == vectors()
