"""Grids of protocols: made of values by field, and found again as labelled axes."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import NamedTuple

import numpy as np

from dendrites.errors import ConfigError, choices
from experiments.lab.protocol import UNITS, Protocol

MOST_PROTOCOLS = 20_000
NUMBERED = "protocol"
WHOLE = ("pairings", "presynaptic")
TEXTS = {
    "apical_current": "current into the apical dendrite",
    "apical_delay": "onset of the somatic pulse to that of the apical one",
    "apical_duration": "length of an apical pulse",
    "apical_part": "part of the train in which the apical current is on",
    "frequency": "of pairings",
    "pairings": "number of pairings",
    "pairing_dt": "presynaptic spike to onset of the somatic pulse",
    "somatic_current": "current of every somatic pulse",
    "somatic_duration": "length of a somatic pulse",
    "presynaptic": "presynaptic spikes of a pairing",
    "inhibition": "current drawn from the apical dendrite",
    "weight": "at the start, unit of the model's weight",
    "rest": "before an apical current that stays on",
    "lead": "from its onset to the first somatic pulse",
    "tail": "from the last somatic pulse to the end",
}


class Grid(dict):
    """Protocols by the place in a grid, with the names of its axes.

    Parameters
    ----------
    protocols : mapping of tuple of int to Protocol
    axes : tuple of str
        Fields of protocols, the slowest axis first.
    """

    def __init__(self, protocols: Mapping[tuple, Protocol], axes: tuple[str, ...]):
        super().__init__(protocols)
        self.axes = axes

    def __repr__(self):
        sizes = [1 + max(places) for places in zip(*self, strict=True)]
        shape = " x ".join(
            f"{name} {n}" for name, n in zip(self.axes, sizes, strict=True)
        )
        return f"Grid({shape or 'no axes'}: {len(self)} protocols)"


def grid(base: Protocol | None = None, **axes: Iterable) -> Grid:
    """Every combination of some values of a protocol's fields.

    Parameters
    ----------
    base : Protocol, optional
        What the other fields are.
    **axes : sequence
        Values by field, such as ``apical_current=range(0, 500, 100)``.

    Returns
    -------
    Grid
        A dict of protocols by the place in the grid (i, j, ...), the last axis fastest.

    Raises
    ------
    ConfigError
        For an unknown field, a value given twice, no point or more than 20,000, and
        impossible protocols.
    """
    base = Protocol() if base is None else base
    values = check_axes(axes)
    places = itertools.product(*(range(len(v)) for v in values.values()))
    protocols = {
        place: replace(
            base, **{n: v[k] for k, (n, v) in zip(place, values.items(), strict=True)}
        )
        for place in places
    }
    return Grid(protocols, tuple(values))


def check_axes(axes: Mapping[str, Iterable]) -> dict[str, list]:
    """Values of every axis of a grid, checked before any protocol is made.

    Raises
    ------
    ConfigError
        As `grid`.
    """
    known = [f.name for f in fields(Protocol)]
    result = {}
    for name, values in axes.items():
        if name not in known:
            raise ConfigError(
                f"grid: protocols have no field {name!r}. {choices(name, known)}"
            )
        try:
            count = len(values)
        except TypeError:
            raise ConfigError(
                f"grid: {name} = {values!r:.60}: must be a sequence of values"
            ) from None
        if count == 0:
            raise ConfigError(f"grid: {name} has no values: the grid has 0 points")
        result[name] = values
    size = math.prod(len(values) for values in result.values())
    if size > MOST_PROTOCOLS:
        shape = " x ".join(str(len(values)) for values in result.values())
        raise ConfigError(
            f"grid: {shape} = {size} protocols, at most {MOST_PROTOCOLS} run at once; "
            "use coarser axes, or a sweep of several runs"
        )
    for name, values in result.items():
        plain = [v.item() if isinstance(v, np.generic) else v for v in values]
        if len(set(plain)) < len(plain):
            raise ConfigError(f"grid: {name} holds a value twice")
        result[name] = plain
    return result


class Axes(NamedTuple):
    """How protocols lie in the arrays of a result.

    Parameters
    ----------
    dims : tuple of str
        Empty for a protocol given alone.
    shape : tuple of int
    places : ndarray of int (n_protocols,)
        Of every protocol in the flat array.
    coordinates : dict of str to (dims, values, attributes)
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    places: np.ndarray
    coordinates: dict[str, tuple]

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Arrays (n_models, n_protocols, ...) as (n_models, *shape, ...)."""
        ordered = np.empty_like(values)
        ordered[:, self.places] = values
        return ordered.reshape(len(values), *self.shape, *values.shape[2:])


def axes_of(
    protocols: Sequence[Protocol], *, alone: bool = False, asked: Sequence[str] = ()
) -> Axes:
    """Axes for protocols: the fields that differ, if they hold every combination.

    Fields that are the same in all protocols become coordinates without a dimension.
    Where protocols are no full grid, or a field that differs is None in one of them,
    they are numbered along ``protocol``, and what differs is a coordinate of it, NaN
    for None. A slower axis comes first.

    Parameters
    ----------
    protocols : sequence of Protocol
    alone : bool
        Whether it is one protocol that was given without a list.
    asked : sequence of str
        Fields that a grid was asked for; axes even where they have one value.
    """
    given = {f.name: [getattr(p, f.name) for p in protocols] for f in fields(Protocol)}
    values = {name: list(dict.fromkeys(each)) for name, each in given.items()}
    differing = [name for name in given if len(values[name]) > 1]
    # What stays as it is for longer is the slower axis.
    differing.sort(key=lambda name: -given[name].index(values[name][1]))
    dims = (*asked, *(name for name in differing if name not in asked))
    shape = tuple(len(values[name]) for name in dims)
    places = _places([(given[name], values[name]) for name in dims], shape)
    if places is None or not (dims or alone) or any(None in values[n] for n in dims):
        dims, shape = (NUMBERED,), (len(protocols),)
        places = np.arange(len(protocols))
        coordinates = {NUMBERED: (dims, places, {"units": "1"})}
        coordinates |= {
            name: _coordinate(name, dims, given[name]) for name in differing
        }
    else:
        coordinates = {name: _coordinate(name, (name,), values[name]) for name in dims}
    for name, (first, *others) in values.items():
        if not others and first is not None and name not in coordinates:
            coordinates[name] = _coordinate(name, (), first)
    return Axes(dims, shape, places, coordinates)


def _places(axes, shape):
    """Where each protocol lies in the full grid; None if it is none."""
    n = math.prod(shape)
    if any(len(given) != n for given, _ in axes):
        return None
    index = []
    for given, values in axes:
        place = {value: k for k, value in enumerate(values)}
        index.append([place[value] for value in given])
    places = np.ravel_multi_index(index, shape) if axes else np.zeros(1, int)
    return places if len(set(places.tolist())) == n else None


def _coordinate(name, dims, values):
    text = {"long_name": TEXTS[name]}
    if name not in UNITS:
        return dims, np.array(values, dtype=object), text
    number = int if name in WHOLE else float
    array = np.array(values, number)  # None becomes NaN
    attributes = {"units": UNITS[name], **text}
    if not np.isfinite(array).all():
        attributes["allow_nonfinite"] = 1
    return dims, array, attributes
