"""The test by which a spike rule begins, asked of all cells before the rule."""

import math

import numpy as np
import pytest

from dendrites import models
from dendrites.compile.first_look import first_look
from dendrites.compile.source import ModuleText
from dendrites.spikes import bernoulli_spike, poisson_count

pytestmark = pytest.mark.nojit

HALF, NOT_A_NUMBER = 0.5, math.nan


def looked(function, *, single_precision=False):
    """The rule and its first look as they stand in a module; None if it has none."""
    text = ModuleText(single_precision)
    name = text.function(function)
    look = first_look(text, name)
    assert look == first_look(text, name)
    lines = [line for line in text.lines if not line.startswith("@njit")]
    module = {}
    exec("\n".join(lines), module)
    return module[name], look and module[look]


@pytest.mark.parametrize("single_precision", [False, True])
def test_what_a_first_look_finds_silent_is_silent(single_precision):
    kind = np.float32 if single_precision else float
    rule, look = looked(poisson_count, single_precision=single_precision)
    found = [0, 0]
    for u in (0.0, 0.3, 0.8, 0.9048, 0.90484, 1.0 - 2.0**-24):
        for mean in (-1.0, 0.0, 1e-9, 0.1, 0.3, 5.0, 80.0):
            silent = look(kind(u), kind(mean))
            found[bool(silent)] += 1
            assert not silent or rule(kind(u), kind(mean)) == 0.0
    assert min(found) > 10
    assert not look(kind(0.5), kind(NOT_A_NUMBER))


@pytest.mark.parametrize(
    "model",
    [models.spike_source(), models.guerguiev_hidden(), models.presynaptic()],
    ids=lambda model: model.name,
)
def test_rules_that_end_in_the_call_of_another_look_as_that_does(model):
    rule, look = looked(model.spike)
    cell = model.state(*(0.1 * (k + 1) for k in range(len(model.state._fields))))
    asked = [(cell, u, model.parameters, 1e3) for u in np.linspace(0, 0.9999, 9999)]
    silent = [look(*arguments) for arguments in asked]
    counts = [rule(*arguments) for arguments in asked]
    assert any(silent) and not all(silent)
    assert all(n == 0.0 for n, look in zip(counts, silent, strict=True) if look)


def test_a_choice_between_numbers_is_a_test_on_either_side():
    rule, look = looked(bernoulli_spike)
    assert [look(u, 0.3) for u in (0.1, 0.5)] == [False, True]
    _, look = looked(lambda u, p: 0.0 if u >= p else 1.0)
    assert [look(u, 0.3) for u in (0.1, 0.5)] == [False, True]


def test_names_given_before_the_test_are_kept():
    def rule(u, rate):
        most = rate * HALF
        if u >= most:
            return 0
        return 1.0

    assert [looked(rule)[1](u, 0.6) for u in (0.1, 0.5)] == [False, True]


def _counts(u, p):
    return 1.0 if u < p else 2.0


def _begins_with_one(u, p):
    if u < p:
        return 1.0
    if u < 2.0 * p:
        return 0.0
    return 2.0


def _begins_with_a_loop(u, p):
    count = 0.0
    while u > p:
        u -= p
        count += 1.0
    if count < 2.0:
        return 0.0
    return count


def _does_more(u, p):
    if u < p:
        p += 1.0
        return 0.0
    return 1.0


@pytest.mark.parametrize(
    "rule", [_counts, _begins_with_one, _begins_with_a_loop, _does_more]
)
def test_rules_that_begin_otherwise_have_no_first_look(rule):
    assert looked(rule)[1] is None
