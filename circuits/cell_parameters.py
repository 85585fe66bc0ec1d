"""Parameters that differ from cell to cell of a population: given, or drawn."""

from collections.abc import Iterator, Mapping
from typing import get_type_hints

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError

from circuits.initialisers import Distribution
from dendrites._checks import check_name, is_number, mapping, numbers, shown
from dendrites._streams import generator
from dendrites.cell import CellModel
from dendrites.errors import ConfigError, ModelError, choices


def as_parameters(where: str, given: Mapping | None, model: CellModel, size: int):
    """What was given, by name in the order of the model's parameters.

    Returns
    -------
    dict of str to ndarray (size,) or Distribution

    Raises
    ------
    ModelError
        For unknown names, wrong lengths, and values that the model refuses.
    """
    of = "an array or a distribution by parameter"
    given = mapping(f"{where}: parameters", given, of, error=ModelError)
    known = model.params._fields
    for name in given:
        if name not in known:
            raise ModelError(
                f"{where}: parameters: {model.name} cells have no parameter {name!r}. "
                + choices(name, known)
            )
        check_name(f"{where}: parameters:", name)
    return {
        name: _checked(f"{where}: parameters[{name!r}]", name, given[name], model, size)
        for name in known
        if name in given
    }


def drawn_parameters(
    where: str, parameters: Mapping, model: CellModel, size: int, seed: int, stream: str
) -> dict[str, np.ndarray]:
    """Values (size,) of every parameter that differs, float64.

    Raises
    ------
    ModelError
        If a distribution gives values that the model refuses.
    """
    return {
        name: _allowed(
            f"{where}: parameters[{name!r}], drawn from {value}",
            name,
            value.draw(generator(seed, f"{stream}/{name}"), (size,)),
            model,
        )
        if isinstance(value, Distribution)
        else value
        for name, value in parameters.items()
    }


def each_cell(model: CellModel, values: Mapping, size: int) -> Iterator:
    """Parameters of one cell after the other; once where none differs."""
    if not values:
        yield model.parameters
        return
    for k in range(size):
        own = {name: float(array[k]) for name, array in values.items()}
        yield model.parameters._replace(**own)


def _checked(where, name, given, model, size):
    if isinstance(given, Distribution):
        if given.per_root_fan_in or given.share < 1:
            raise ModelError(
                f"{where} = {given}: per_root_fan_in and share are of weights; leave "
                "them out"
            )
        return given
    if is_number(given):
        raise ModelError(
            f"{where} = {shown(given)}: one value for all cells belongs to the model: "
            f"model.with_parameters({name}={given:g}); here an array ({size},) or a "
            "distribution such as Normal(mean, sd)"
        )
    try:
        values = np.array(numbers(where, given, finite=False))
    except ConfigError as error:
        raise ModelError(
            f"{error}; must be an array ({size},) or a distribution such as "
            "Normal(mean, sd)"
        ) from None
    if values.shape != (size,):
        raise ModelError(
            f"{where} has shape {values.shape}, must be ({size},): one value for each "
            "cell"
        )
    return _allowed(where, name, values, model)


def _allowed(where, name, values, model):
    """The values, each as the annotation of the parameter wants it."""
    hint = get_type_hints(model.params, include_extras=True)[name]
    adapter = TypeAdapter(list[hint], config=ConfigDict(allow_inf_nan=False))
    try:
        adapter.validate_python(values.tolist())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        cell = first["loc"][0]
        raise ModelError(
            f"{where}: {error.error_count()} of {len(values)} values are refused, the "
            f"first that of cell {cell}, {values[cell]:g} {model.unit(name)}: "
            f"{first['msg'].lower()}"
        ) from None
    values.flags.writeable = False
    return values
