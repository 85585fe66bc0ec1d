"""Options of a stack of layers: sizes, one value per layer, functions by name."""

from dataclasses import replace

from circuits.perturbation import XI
from dendrites._checks import choice, items, shown, whole_number
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ModelError
from dendrites.transfer import TRANSFERS, Transfer

STACK = "an input, any hidden layers and an output, such as (64, 30, 10)"
WITH_HIDDEN = "an input, one or more hidden layers and an output, such as (64, 30, 10)"


def checked_sizes(
    sizes, where: str = "layered", *, of: str = STACK, least: int = 2, most: int = 2**53
) -> tuple[int, ...]:
    """Sizes of `least` to `most` layers, which a message calls `of`."""
    sizes = items(f"{where}: sizes", sizes, "layer sizes")
    if not least <= len(sizes) <= most:
        raise ModelError(f"{where}: sizes = {shown(sizes)}: must be the sizes of {of}")
    check = {"lowest": 1, "error": ModelError}
    return tuple(whole_number(f"{where}: sizes", n, **check) for n in sizes)


def one_per(where, given, n, what, kinds):
    """One value for all, or as many as asked for; `where` names place and option."""
    if isinstance(given, kinds):
        return [given] * n
    given = items(where, given, f"values, one per {what}")
    if len(given) != n:
        raise ModelError(
            f"{where}: {len(given)} values for {n} {what}s: give one for all, or one "
            "for each"
        )
    return list(given)


def as_transfer(where: str, given: str | Transfer, *more: str) -> Transfer | str:
    """The transfer function of that name, or itself; of `more` names these."""
    if isinstance(given, Transfer):
        return given
    choice(where, given, (*TRANSFERS, *more))
    return TRANSFERS.get(given, given)


def functions_by_name(phi, output_phi, n_hidden, *of_output: str) -> list:
    """Transfer functions of hidden layers and of the output, which may be `of_output`.

    Without hidden layers `phi` is the default of `output_phi`.
    """
    where, kinds = "layered: phi", (str, Transfer)
    given = one_per(where, phi, n_hidden, "hidden layer", kinds)
    found = [as_transfer(where, value) for value in given]
    last = output_phi
    if last is None:
        alone = as_transfer(where, phi if isinstance(phi, kinds) else "logistic")
        last = found[-1] if found else alone
    return [*found, as_transfer("layered: output_phi", last, *of_output)]


def of_bias(rule):
    """The same rule where the presynaptic cell is a bias, which shows its rate."""
    if not isinstance(rule, ActivityDifference) or rule.presynaptic in (None, XI):
        return rule
    return replace(rule, presynaptic=None, others=tuple(map(of_bias, rule.others)))
