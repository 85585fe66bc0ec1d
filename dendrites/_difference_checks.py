"""Checks of the options of an `ActivityDifference`."""

from dendrites._checks import choice, number, shown
from dendrites.errors import ModelError

CELLS, PRODUCTS = "cells", "products"


def check_read(where: str, value) -> None:
    """Refuse what is no read of a cell."""
    if value is not None and not isinstance(value, str) and not callable(value):
        raise ModelError(
            f"{where} = {shown(value)}: must be a function (cell, p) -> float, the "
            "name of a read, or None"
        )


def pair(where: str, value, allowed="two names: of the teaching and the baseline side"):
    """Two texts as a tuple."""
    good = isinstance(value, tuple | list) and len(value) == 2
    if not good or not all(isinstance(item, str) for item in value):
        raise ModelError(f"{where} = {shown(value)}: must be {allowed}")
    return tuple(value)


def check_average(where: str, rule) -> None:
    """Refuse averages of products of what is not read at one moment."""
    choice(f"{where}: average", rule.average, (CELLS, PRODUCTS))
    if rule.average == CELLS:
        return
    if rule.continuous:
        raise ModelError(
            f"{where}: average = 'products' is of rules that read the windows of "
            "phases, and at every step a rule takes the product of that step. Give "
            "moments, or use average='cells'"
        )
    if rule.presynaptic_moments not in (None, rule.moments):
        raise ModelError(
            f"{where}: presynaptic_moments = {rule.presynaptic_moments}: the average "
            f"of a product is over one window, and the sides are read in "
            f"{rule.moments}. Leave them out, or use average='cells'"
        )
    if rule.gain_moment is not None:
        raise ModelError(
            f"{where}: gain_moment = {rule.gain_moment!r}: with average='products' the "
            "gain is read at every moment of each side's own window. Leave it out, or "
            "use average='cells'"
        )


def check_modulator(where: str, rule) -> None:
    """Refuse a modulator without a filter."""
    if rule.modulator is not None and rule.low_pass is None:
        raise ModelError(
            f"{where}: modulator = {shown(rule.modulator)}: it multiplies a filtered "
            "update, and there is no low_pass. Use gain, which multiplies the update "
            "itself, or give low_pass=LowPass(tau)"
        )


def checked_momentum(where: str, rule) -> float:
    """The momentum of a rule that may have one."""
    momentum = number(f"{where}: momentum", rule.momentum, least=0.0, below=1.0)
    if momentum and rule.continuous:
        raise ModelError(
            f"{where}: momentum = {momentum:g}: only a rule that acts at the end of a "
            "presentation has it; at every step use low_pass=LowPass(tau), a filter of "
            "the update in time"
        )
    return float(momentum)
