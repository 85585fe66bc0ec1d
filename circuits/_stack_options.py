"""Options of a stack of layers: sizes, one value per layer, functions by name."""

from dataclasses import replace

from circuits.perturbation import XI
from dendrites._checks import choice, items, shown, whole_number
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ModelError
from dendrites.transfer import TRANSFERS, Transfer


def checked_sizes(sizes, where: str = "layered") -> tuple[int, ...]:
    """Sizes of at least two layers."""
    sizes = items(f"{where}: sizes", sizes, "layer sizes")
    if len(sizes) < 2:
        raise ModelError(
            f"{where}: sizes = {shown(sizes)}: must be the sizes of an input, any "
            "hidden layers and an output, such as (64, 30, 10)"
        )
    check = {"lowest": 1, "error": ModelError}
    return tuple(whole_number(f"{where}: sizes", n, **check) for n in sizes)


def one_per(option, given, n, what, kinds):
    """One value for all, or as many as asked for."""
    if isinstance(given, kinds):
        return [given] * n
    given = items(f"layered: {option}", given, f"values, one per {what}")
    if len(given) != n:
        raise ModelError(
            f"layered: {option}: {len(given)} values for {n} {what}s: give one for "
            "all, or one for each"
        )
    return list(given)


def as_transfer(where: str, given: str | Transfer, *more: str) -> Transfer | str:
    """The transfer function of that name, or itself; of `more` names these."""
    if isinstance(given, Transfer):
        return given
    choice(where, given, (*TRANSFERS, *more))
    return TRANSFERS.get(given, given)


def of_bias(rule):
    """The same rule where the presynaptic cell is a bias, which shows its rate."""
    if not isinstance(rule, ActivityDifference) or rule.presynaptic in (None, XI):
        return rule
    return replace(rule, presynaptic=None, others=tuple(map(of_bias, rule.others)))
