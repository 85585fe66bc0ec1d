"""Terms of a rule: a postsynaptic factor times a presynaptic signal."""

from collections.abc import Callable
from typing import NamedTuple

from circuits.perturbation import XI
from dendrites._difference_checks import PRODUCTS
from dendrites.activity_difference import ActivityDifference


class Term(NamedTuple):
    """What one term reads, and when.

    Parameters
    ----------
    reads : (teaching, baseline, gain) or None
        Functions of the postsynaptic cell, each or None; None for a rule that sees the
        weight, whose term is its `change`.
    moments : (str, str, str)
        Phases in whose windows they are read, or "now".
    signal : str
        Read of the presynaptic cell.
    signal_moment : str
    averaged : bool
        Whether the product of both is averaged in that window, instead of each.
    xi : bool
        Whether the signal is what a perturbation adds to each weight.
    """

    reads: tuple[Callable | None, ...] | None
    moments: tuple[str, str, str]
    signal: str
    signal_moment: str
    averaged: bool = False
    xi: bool = False


def rule_terms(projection, post) -> tuple[Term, ...]:
    """Terms of a projection's rule; `post` is the model of the postsynaptic cells."""
    rule = projection.rule
    if not isinstance(rule, ActivityDifference):
        signal = rule.presynaptic or projection.signal
        xi = signal == XI and projection.perturbation is not None
        return (Term(None, (rule.moment,) * 3, signal, rule.moment, xi=xi),)
    return tuple(
        term for part in rule.parts for term in _difference(projection, part, post)
    )


def _difference(projection, rule, post):
    names = rule.presynaptic or projection.signal
    names = (names, names) if isinstance(names, str) else tuple(names)
    moments = tuple(rule.moments)
    read_at = tuple(rule.presynaptic_moments or moments)
    teaching, baseline, gain = rule.functions(post)
    times = (*moments, rule.gain_moment or moments[1])
    averaged = rule.average == PRODUCTS
    xi = [name == XI and projection.perturbation is not None for name in names]
    sides = [((teaching, baseline), 0)]
    if not all(xi) and (names[0], read_at[0]) != (names[1], read_at[1]):
        sides = [((teaching, None), 0), ((None, baseline), 1)]
    for reads, side in sides:
        if any(reads):
            read = (moments[side],) * 3 if averaged else times
            signal = names[side], read_at[side]
            yield Term((*reads, gain), read, *signal, averaged, xi[side])
