"""A user's own function in a sweep: how it is named, its arguments, its results."""

import importlib
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from pydantic import PydanticSchemaGenerationError, TypeAdapter

from dendrites._plain_tree import groups_of
from dendrites._validate_dataset import SCHEMA
from dendrites.dataset import run_tree
from dendrites.errors import ConfigError, DataError
from experiments.command.locks import now
from experiments.options import HANDLED, Option, Options
from experiments.parameters import Argument

_EXPECTED = (
    "a sweep's function returns an xarray.DataTree, an xarray.Dataset or a dictionary"
    ' of numbers such as {"peak": 1.5} or {"peak": (1.5, "mV")}'
)
_WHERE = (
    "worker processes import it, so write it at the top level of a file, such as"
    " mymodel.py, and import that"
)


def function_name(function: Callable) -> str:
    """``"module:name"`` of a function that other processes can import.

    Raises
    ------
    ConfigError
        For what they cannot import: lambdas, functions inside others, methods, and
        whatever is written in the script or notebook itself.
    """
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        raise ConfigError(f"{function!r:.80} is no function with a name; {_WHERE}")
    if module == "__main__":
        raise ConfigError(
            f"function {name!r} is written in the script or notebook itself; {_WHERE}"
        )
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        found = None
    if found is not function:
        raise ConfigError(f"function {module}.{name} cannot be imported; {_WHERE}")
    return f"{module}:{name}"


def function_options(function: Callable) -> Options:
    """Arguments of a user's function by name.

    Those with type hints are checked by them; ``Annotated[float, Argument("of the
    cell", "mV")]`` gives text and unit. Others take any plain data.

    Raises
    ------
    ConfigError
        If they cannot be given by name, or a type hint cannot be checked.
    """
    where = f"function {getattr(function, '__name__', function)!s:.80}"
    try:
        hints = typing.get_type_hints(function, include_extras=True)
        parameters = inspect.signature(function).parameters.values()
    except (NameError, TypeError, ValueError) as error:
        raise ConfigError(f"{where}: its arguments cannot be read: {error}") from error
    options = Options()
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind == parameter.POSITIONAL_ONLY:
            raise ConfigError(
                f"{where}: argument {parameter.name} has no name to callers; a sweep"
                " gives all arguments by name"
            )
        if parameter.name in HANDLED:
            continue
        options[parameter.name] = _option(where, parameter, hints)
    return options


def run_of(result: Any, name: str, arguments: Mapping[str, Any]) -> xr.DataTree:
    """What a job returned as a run tree.

    Parameters
    ----------
    result : DataTree, Dataset or dict
        A run tree is kept. The groups of another tree are; its root, or a Dataset,
        becomes ``/result``. Numbers become headline figures. Variables without units
        are taken as dimensionless, and may hold NaN.
    name : str
        Of the function.
    arguments : dict
        Of the job.

    Raises
    ------
    DataError
        If it is anything else, or breaks the rules of the schema.
    """
    if isinstance(result, xr.DataTree) and result.attrs.get("schema") == SCHEMA:
        return result
    groups, headline = {}, {}
    if isinstance(result, xr.DataTree):
        groups = {path: ds for path, ds in groups_of(result).items() if ds.variables}
        if "/" in groups:
            groups["/result"] = groups.pop("/")
    elif isinstance(result, xr.Dataset):
        groups = {"/result": result}
    elif isinstance(result, Mapping):
        headline = _figures(result)
    else:
        raise DataError(f"{name} returned {type(result).__name__}; {_EXPECTED}")
    return run_tree(
        "simulation",
        dict(arguments),
        {path: _with_units(dataset) for path, dataset in groups.items()},
        title=name,
        integrator="",
        dt_ms=0.0,
        t_stop_ms=0.0,
        dtype="float64",
        seed=arguments.get("seed") or 0,
        headline=headline,
        created_utc=now(),
        extra={"finished_utc": now()},
    )


def _option(where, parameter, hints):
    annotation = hints.get(parameter.name, Any)
    try:
        TypeAdapter(annotation)
    except PydanticSchemaGenerationError as error:
        raise ConfigError(
            f"{where}: argument {parameter.name} is a {annotation!r:.80}; a sweep gives"
            " numbers, text, true or false, and lists of these"
        ) from error
    metadata = getattr(annotation, "__metadata__", ())
    argument = next((m for m in metadata if isinstance(m, Argument)), Argument(""))
    about = argument.text, argument.unit, parameter.default, argument.usual
    return Option(parameter.name, annotation, *about)


def _figures(result):
    figures = {}
    for name, value in result.items():
        value, unit = value if isinstance(value, tuple) else (value, "1")
        if isinstance(value, (np.generic, np.ndarray)) and np.ndim(value) == 0:
            value = value.item()
        if not isinstance(value, (bool, int, float, str)):
            raise DataError(
                f"returned {name!r}: {type(value).__name__}; {_EXPECTED}. Arrays belong"
                " into an xarray.Dataset"
            )
        if value == value and abs(value if type(value) is float else 0.0) != np.inf:
            figures[name] = {"value": value, "unit": unit}
    return figures


def _with_units(dataset):
    dataset = dataset.copy()
    for variable in dataset.variables.values():
        if variable.dtype.kind in "fiub":
            variable.attrs.setdefault("units", "1")
        if variable.dtype.kind == "f" and not np.isfinite(variable.values).all():
            variable.attrs["allow_nonfinite"] = 1
    return dataset
