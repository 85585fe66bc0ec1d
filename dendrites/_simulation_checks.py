"""Checks of what `dendrites.simulate` is given, all before anything compiles."""

import difflib
from typing import get_args, get_type_hints

import numpy as np

from dendrites._checks import items, mapping, names, number
from dendrites._validate_dataset import UNITS
from dendrites.cell import units as field_units
from dendrites.drives import as_drive
from dendrites.errors import ConfigError, ModelError, choices
from dendrites.spike_trains import check_unit, spikes_in_steps

OPTIONS = (
    "duration",
    "dt",
    "stepper",
    "record_every",
    "reads",
    "initial",
    "seed",
    "forced_spikes",
    "spike_unit",
)
TAKEN = ("v", "time", "step", "compartment", "unit", "condition")


def conditions(cell, drives):
    """Checked drives by field, a list where conditions differ, and their number."""
    unknown = [name for name in drives if name not in cell.inputs._fields]
    if unknown:
        raise ModelError(
            "\n".join(
                f"simulate: {cell.name} cells have no input {name!r}. "
                + choices(name, _allowed(cell, name))
                for name in unknown
            )
        )
    for name in drives:
        if name in cell.random:
            raise ModelError(
                f"simulate: {name}: {cell.name} cells fill this input with random "
                f"numbers of their own ({cell.random[name]!r}), so it takes no drive. "
                "Leave it out."
            )
    checked, lengths = {}, {}
    for name, given in drives.items():
        if isinstance(given, (list, tuple)):
            lengths[name] = len(given)
            checked[name] = [
                _drive(cell, name, item, f", condition {k}")
                for k, item in enumerate(given)
            ]
        else:
            checked[name] = _drive(cell, name, given)
    if 0 in lengths.values() or len(set(lengths.values())) > 1:
        text = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ModelError(
            f"simulate: lists of drives need one entry per condition; received {text}. "
            "What is the same in all conditions needs no list."
        )
    return checked, max(lengths.values(), default=1)


def _allowed(cell, name):
    """Inputs of the cell, and the option that a misspelt keyword may have meant."""
    fields = [field for field in cell.inputs._fields if field not in cell.random]
    return [*fields, *difflib.get_close_matches(name, OPTIONS, n=1)]


def _drive(cell, name, given, which=""):
    where = f"simulate: {name}{which}"
    if isinstance(given, str):
        raise ModelError(
            f"{where} = {given!r}: pass a plain number in "
            f"{field_units(cell.inputs)[name]}, for example {name}=1.5"
        )
    if isinstance(given, np.ndarray):
        raise ModelError(
            f"{where}: received an array of shape {given.shape}.\n"
            "For one condition per value pass list(values); for a sampled waveform "
            "dendrites.waveform(values, dt=...)."
        )
    return as_drive(given, where=where)


def forced_trains(cell, forced, n, n_steps, dt, unit):
    """Steps of the forced spikes of every condition (None: drawn), and their number."""
    check_unit(unit, forced)
    if forced is None:
        return None, n
    if not cell.spiking:
        raise ModelError(
            f"simulate: forced_spikes: {cell.name} cells have no spikes. Leave it out, "
            "or give the model `spike` and `fired`."
        )
    if not isinstance(forced, np.ndarray):
        of = "times, or such lists"
        forced = list(items("simulate: forced_spikes", forced, of, error=ConfigError))
    several = not isinstance(forced, np.ndarray) and any(
        isinstance(train, np.ndarray | list | tuple) for train in forced
    )
    trains = list(forced) if several else [forced] * n
    if n == 1:
        n = len(trains)
    if len(trains) != n:
        raise ModelError(
            f"simulate: forced_spikes has {len(trains)} trains for {n} conditions; "
            "give one train for each, or one for all"
        )
    return [
        spikes_in_steps(
            train,
            None,
            n_units=1,
            n_steps=n_steps,
            dt=dt,
            where=f"simulate: forced_spikes, condition {k}",
            unit=unit,
        )[0]
        for k, train in enumerate(trains)
    ], n


def initial_state(cell, initial):
    """Value of every State field at 0 ms."""
    values = dict.fromkeys(cell.state._fields, 0.0) | cell.state._field_defaults
    initial = mapping("simulate: initial", initial, "values", error=ModelError)
    for name, value in initial.items():
        if name not in values:
            raise ModelError(
                f"simulate: initial: {cell.name} cells have no state {name!r}. "
                + choices(name, cell.state._fields)
            )
        where = f"simulate: initial: {name}"
        values[name] = number(where, value, unit=field_units(cell.state)[name])
    return np.array(list(values.values()), dtype=float)


def read_names(cell, reads):
    """Names of the recorded reads, all known."""
    if reads is None:
        return ("rate",) if "rate" in cell.read_names else ()
    given = (reads,) if isinstance(reads, str) else reads
    reads = names("simulate: reads", given, error=ConfigError)
    for name in reads:
        if name in TAKEN or name.startswith("input_"):
            raise ConfigError(
                f"simulate: reads: {name!r} is a name of the result itself. Give the "
                "read another name in CellModel(reads=...)."
            )
        cell.read(name)
    return tuple(dict.fromkeys(reads))


def units_of(cell, reads, drives):
    """Unit of every variable of the result, all storable."""
    state, inputs = field_units(cell.state), field_units(cell.inputs)
    found = {"v": {state[name] for name in cell.compartments}}
    found |= {name: {_unit_of_read(cell, name)} for name in reads}
    found |= {f"input_{name}": {inputs[name]} for name in drives}
    if len(found["v"]) > 1:
        listed = ", ".join(f"{name} ({state[name]})" for name in cell.compartments)
        raise ModelError(
            f"simulate: compartments of {cell.name} have several units: {listed}.\n"
            "Name the potentials in CellModel(compartments=...); record other State "
            "fields with reads=..."
        )
    for name, (unit,) in found.items():
        if unit not in UNITS:
            raise ModelError(
                f"simulate: {name} of {cell.name} cells has the unit {unit!r}. "
                f"Results can be stored in {', '.join(UNITS)}."
            )
    return {name: unit for name, (unit,) in found.items()}


def _unit_of_read(cell, name):
    """Unit of a State field, or the one annotated as ``-> Annotated[float, unit]``."""
    if name not in cell.reads:
        return field_units(cell.state)[name]
    read = getattr(cell.reads[name], "py_func", cell.reads[name])
    annotated = hasattr(read, "__annotations__")
    hints = get_type_hints(read, include_extras=True) if annotated else {}
    texts = [item for item in get_args(hints.get("return")) if isinstance(item, str)]
    return texts[0] if texts else "1"
