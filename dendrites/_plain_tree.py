"""Trees of the values every backend keeps: plain attributes and portable text."""

from collections.abc import Iterable, Mapping

import numpy as np
import xarray as xr


def labels(items: Iterable) -> np.ndarray:
    """Text labels in the one form every backend keeps: an object array of str."""
    return np.array([str(item) for item in items], dtype=object)


def plain_tree(groups: Mapping[str, xr.Dataset]) -> xr.DataTree:
    """A tree of these groups with plain values, free of settings of earlier files."""
    return xr.DataTree.from_dict(
        {path: _plain_dataset(dataset) for path, dataset in groups.items()}
    )


def groups_of(tree: xr.DataTree) -> dict[str, xr.Dataset]:
    """Each group of a tree by its path, without what it inherits."""
    return {node.path: node.to_dataset(inherit=False) for node in tree.subtree}


def _plain_dataset(dataset: xr.Dataset) -> xr.Dataset:
    """The same data with plain attributes, portable text and no encoding."""
    dataset = dataset.drop_encoding()
    text = {
        name: (v.dims, labels(v.values.ravel()).reshape(v.shape), v.attrs)
        for name, v in dataset.variables.items()
        if v.dtype.kind in "UT"
    }
    coordinates = {
        name: text.pop(name) for name in list(text) if name in dataset.coords
    }
    dataset = dataset.assign_coords(coordinates).assign(text)
    for variable in dataset.variables.values():
        variable.attrs = _plain(variable.attrs)
    dataset.attrs = _plain(dataset.attrs)
    return dataset


def _plain(value):
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return [_plain(item) for item in value] if type(value) in (list, tuple) else value
