"""A door (what a user calls), its options, and a row for every one of them."""

import dataclasses
import hashlib
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from dendrites.errors import DendritesError

ACTS, REFUSED, SAME, SHOWN = "acts", "is refused", "changes no number", "is shown"
ROUNDS = "changes last digits at most"
DIGITS = 9  # of numbers that may differ in the last ones
# What no run repeats: clocks and identities.
UNREPEATED = ("created_utc", "finished_utc", "uuid", "run_id", "wall_time")


class Row(NamedTuple):
    """What giving an option another value does.

    Parameters
    ----------
    to : object
        The value.
    effect : str
        ACTS: numbers of the result differ. REFUSED: an error of ours. SAME: the result
        has the same bits. SHOWN: as SAME, and attributes of the result differ.
    given : dict
        Other options of both calls, in which the option is looked at.
    slow : bool
        Whether loops must be compiled that nothing else in the fast tier needs.
    """

    to: Any
    effect: str
    given: dict[str, Any]
    slow: bool = False


def acts(to, **given) -> Row:
    return Row(to, ACTS, given)


def refused(to, **given) -> Row:
    return Row(to, REFUSED, given)


def same(to, **given) -> Row:
    return Row(to, SAME, given)


def shown(to, **given) -> Row:
    return Row(to, SHOWN, given)


def rounds(to, **given) -> Row:
    return Row(to, ROUNDS, given)


def slow(row: Row) -> Row:
    return row._replace(slow=True)


class Door:
    """One public function or description.

    Parameters
    ----------
    function : callable
        Whose options these are.
    run : callable
        ``run(**options)``: a small run that starts from fitting values of all others.
    rows : mapping of option to Row or list of Row
    name : str, optional
    """

    def __init__(
        self,
        function: Callable,
        run: Callable,
        rows: Mapping,
        name: str | None = None,
    ):
        self.function, self.run, self._found = function, run, {}
        self.name = name or function.__name__
        self.rows = {
            option: [each] if isinstance(each, Row) else list(each)
            for option, each in rows.items()
        }

    @property
    def options(self) -> tuple[str, ...]:
        """By introspection; what ``**parameters`` takes is looked at elsewhere."""
        return options_of(self.function)

    def result(self, **options) -> tuple[str, str, str]:
        """Digests of numbers, attributes and rounded numbers, or the refusal.

        There is one run for each call.
        """
        key = tuple(sorted((name, digest(value)) for name, value in options.items()))
        if key not in self._found:
            try:
                with warnings.catch_warnings():
                    # Coarse steps and cells without connections are meant here.
                    warnings.simplefilter("ignore")
                    found = self.run(**options)
            except DendritesError as error:
                self._found[key] = (REFUSED, str(error), "")
            else:
                self._found[key] = (
                    digest(found),
                    digest(attributes(found)),
                    digest(found, DIGITS),
                )
        return self._found[key]


def options_of(function: Callable) -> tuple[str, ...]:
    """Names of the options of a function or description."""
    return tuple(
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    )


def attributes(found: Any) -> Any:
    """What run trees say beside their numbers; nothing of another result."""
    if isinstance(found, tuple):
        return [attributes(part) for part in found]
    if not isinstance(found, xr.DataTree):
        return None
    return {
        f"{node.path}/{key}": value
        for node in found.subtree
        for key, value in node.attrs.items()
        if not _unrepeated(key)
    }


def digest(found: Any, digits: int | None = None) -> str:
    """Equal for results with the same bits, or with the same rounded numbers."""
    result = hashlib.sha256()
    for piece in _pieces(found, digits):
        result.update(piece)
    return result.hexdigest()


def _pieces(found, digits=None):
    if isinstance(found, xr.DataTree):
        for node in found.subtree:
            for name, variable in node.to_dataset().variables.items():
                if not _unrepeated(name):
                    yield f"{node.path}/{name}".encode()
                    yield from _pieces(variable.values, digits)
    elif isinstance(found, np.ndarray):
        yield f"{found.dtype} {found.shape}".encode()
        if digits is not None and found.dtype.kind == "f":
            found = np.round(found, digits) + 0.0
        plain = found.dtype.kind in "OU"
        yield str(found.tolist()).encode() if plain else found.tobytes()
    elif isinstance(found, Mapping):
        for key, value in found.items():
            yield str(key).encode()
            yield from _pieces(value, digits)
    elif isinstance(found, (tuple, list)):
        yield f"{type(found).__name__} of {len(found)}".encode()
        for value in found:
            yield from _pieces(value, digits)
    elif dataclasses.is_dataclass(found):
        yield type(found).__name__.encode()
        for item in dataclasses.fields(found):
            yield item.name.encode()
            yield from _pieces(getattr(found, item.name), digits)
    elif digits is not None and isinstance(found, float):
        yield repr(round(found, digits)).encode()
    else:
        yield repr(found).encode()


def _unrepeated(name):
    return any(part in str(name) for part in UNREPEATED)
