"""Many combinations of values, of which the default suite runs a part."""

import itertools

import pytest


def combined(*values, every):
    """All combinations for `pytest.mark.parametrize`, most of them marked slow.

    Those whose places add up to a multiple of `every` stay, a slice across all lists.
    It has every value of a list if the others together have at least `every` sums.
    """
    kept = []
    for places in itertools.product(*(range(len(x)) for x in values)):
        marks = pytest.mark.slow if sum(places) % every else ()
        at = [x[k] for x, k in zip(values, places, strict=True)]
        kept.append(pytest.param(*at, marks=marks))
    return kept


def first(values, keep):
    """The first ones as they are, the others marked slow."""
    slow = [pytest.param(value, marks=pytest.mark.slow) for value in values[keep:]]
    return [*values[:keep], *slow]
