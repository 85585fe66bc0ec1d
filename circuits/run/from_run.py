"""The circuit of a run, made again from the run's tree or file."""

import json
from collections.abc import Mapping
from weakref import WeakKeyDictionary

import numpy as np
from scipy.sparse import csr_array

from circuits._config_differences import config_differences
from circuits._rebuild import (
    Rebuild,
    is_that,
    is_that_array,
    own_names,
    short_array,
)
from circuits._recipe import VERSION, recipe
from circuits.circuit import Circuit
from circuits.describe import describe
from dendrites._checks import mapping, shown
from dendrites.errors import ConfigError, choices

ATTRIBUTE = "circuit_json"


# Of circuits that hold nothing but the library's own, which stays what it is: writing a
# recipe takes as long as a tenth of a small simulation.
_KNOWN: WeakKeyDictionary[Circuit, str] = WeakKeyDictionary()


def circuit_json(circuit: Circuit) -> str:
    """What a run keeps of its circuit, beside the description in its configuration."""
    if circuit in _KNOWN:
        return _KNOWN[circuit]
    made = recipe(circuit)
    text = json.dumps(made, separators=(",", ":"))
    if not {"own", "array"} & {part["kind"] for part in made["parts"]}:
        _KNOWN[circuit] = text
    return text


def from_run(
    tree,
    *,
    functions: Mapping | None = None,
    arrays: Mapping[str, np.ndarray] | None = None,
) -> Circuit:
    """The circuit that a run was made with.

    Circuits made of what the library names are made again from the file alone, with
    the initial weights they were given. Functions of your own are not run from a file:
    their source is in it, to be read, and they must be given again. What is found is
    compared with the description in the run's configuration, field by field.

    Weights are results, and in the tree: `circuits.final_weights(tree)`.

    Parameters
    ----------
    tree : xarray.DataTree
        Of `circuits.train` or `circuits.simulate`, or such a file opened again
        (`dendrites.open_run`).
    functions : mapping of str to callable, optional
        Functions (and whatever else is your own) by name. Without them the error lists
        the names, where each stood, and the source.
    arrays : mapping of str to ndarray, optional
        Arrays of more than 1000 numbers that the tree does not hold as weights at the
        start or parameters of cells, by where they stood, as the error says.

    Returns
    -------
    Circuit
        Its description is that of the run. After `simulate` with another schedule it
        has the circuit's own.

    Raises
    ------
    ConfigError
        If the tree says too little (older files), something must be given again or is
        not what the run had, or this version of dendrites would make another circuit.
    """
    attributes = getattr(tree, "attrs", None)
    if not isinstance(attributes, Mapping):
        raise ConfigError(
            f"from_run: expected a run tree, got a {type(tree).__name__} "
            f"({shown(tree, 40)}): open a file with dendrites.open_run(path)"
        )
    stored = _stored(attributes)
    functions = mapping("functions", functions, "functions by name")
    arrays = mapping("arrays", arrays, "arrays by where they stood")
    _check_functions(stored, functions)
    found = Rebuild(stored, functions, _arrays(stored, arrays, tree)).circuit()
    _compare(found, json.loads(attributes["config_json"]))
    return found


def final_weights(tree) -> dict[str, np.ndarray | csr_array]:
    """Weights at the end of a training run, by projection that learns.

    In the form in which every door takes them (`weights=`). Tied weights follow; what
    those with `noise` or `redraw` had drawn last is not in the tree, and is drawn as at
    the start of a run.

    Parameters
    ----------
    tree : xarray.DataTree

    Raises
    ------
    ConfigError
        If it has none.
    """
    nodes = getattr(tree, "children", {})
    if "weights" not in nodes:
        raise ConfigError(
            "final_weights: this tree holds no /weights; runs of circuits.train do"
        )
    return {name: last_weights(node) for name, node in tree["weights"].children.items()}


def last_weights(node, snapshot: int = -1):
    """Weights of a group, of sparse projections as such; the last, or of a snapshot."""
    last = node.w.values[snapshot]
    if "synapse" not in node.w.dims:
        return last
    shape = node.attrs["n_post"], node.attrs["n_pre"]
    return csr_array((last, (node.synapse_post.values, node.synapse_pre.values)), shape)


def _stored(attributes):
    """The recipe of a tree."""
    if ATTRIBUTE not in attributes:
        kind, version = (attributes.get(x) for x in ("kind", "software_version"))
        raise ConfigError(
            f"from_run: this tree ({kind or 'of no kind'}, dendrites "
            f"{version or 'unknown'}) does not say how to make its circuit again: it "
            "is of an older version, or of no single circuit. What the circuit was is "
            "described in config_json; make it by the function that made it"
        )
    stored = json.loads(attributes[ATTRIBUTE])
    if stored.get("version") != VERSION:
        raise ConfigError(
            f"from_run: the circuit is stored in form {stored.get('version')!r}, and "
            f"this version of dendrites reads {VERSION}; use the version that wrote it "
            f"({attributes.get('software_version')})"
        )
    return stored


def _check_functions(stored, functions):
    needed = {
        name: stored["parts"][k]
        for k, name in reversed(list(own_names(stored).items()))
    }
    for name, given in functions.items():
        if name not in needed:
            raise ConfigError(
                f"functions: {name!r} need not be given. {choices(name, needed)}"
            )
        part = needed[name]
        if not is_that(part, given):
            raise ConfigError(
                f"functions[{name!r}] is not what the run had as {part['where']}: its "
                "source, a number it captured or a helper differs. The run had:\n"
                + (part["source"] or "(source unknown)")
            )
    if missing := sorted(needed.keys() - functions):
        lines = []
        for name in missing:
            part = needed[name]
            first = (part["source"].strip() or "(source unknown)").splitlines()[0]
            lines.append(f"    {name!r} ({part['where']}): {first}")
        raise ConfigError(
            "from_run: functions of your own must be given again, as "
            f"functions={{{missing[0]!r}: ...}}; missing:\n" + "\n".join(lines)
        )


def _arrays(stored, given, tree):
    """What finds the array of a part."""
    parts = [part for part in stored["parts"] if part["kind"] == "array"]
    long = {part["where"]: part for part in parts if "values" not in part}
    for where, array in given.items():
        if where not in long:
            raise ConfigError(
                f"arrays: {where!r} need not be given. {choices(where, long)}"
            )
        if not is_that_array(long[where], array):
            raise ConfigError(
                f"arrays[{where!r}] is not the array of the run: that had the shape "
                f"{_shape(long[where])}, and other numbers or another type"
            )
    starts = [node.w.values[0] for node in _groups(tree, "weights")]
    starts += [
        values.values
        for node in _groups(tree, "parameters")
        for values in node.data_vars.values()
    ]

    def find(part):
        if (array := short_array(part)) is not None:
            return array
        if part["where"] in given:
            return given[part["where"]]
        for start in starts:
            if is_that_array(part, start):
                return start
        raise ConfigError(
            f"from_run: the array {part['where']} of shape {_shape(part)} is not in "
            f"the tree; give it as arrays={{{part['where']!r}: ...}}"
        )

    return find


def _groups(tree, name):
    """Groups of a part of a tree, such as those of projections in /weights."""
    found = getattr(tree, "children", {}).get(name)
    return () if found is None else found.children.values()


def _shape(part):
    return tuple(part["facts"]["shape"])


def _compare(circuit, config):
    """Refuse a circuit that is not the one of the configuration."""
    wanted, found = config["circuit"], json.loads(json.dumps(describe(circuit)))
    if "schedule" in config:  # of a simulation: the one that was shown
        found["schedule"] = wanted["schedule"]
    if differing := config_differences(wanted, found):
        more = f"; and {len(differing) - 5} more" if len(differing) > 5 else ""
        raise ConfigError(
            "from_run: what this version of dendrites makes of the file is another "
            f"circuit (run != now): {'; '.join(differing[:5])}{more}"
        )
