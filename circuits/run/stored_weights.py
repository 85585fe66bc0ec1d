"""Weights of a projection as a group of a run tree."""

import numpy as np
from scipy.sparse import issparse

from circuits.projection import Projection
from circuits.synapses import numbers_of
from dendrites.dataset import group


def weight_group(
    projection: Projection,
    dim: str,
    moments: list,
    coordinates: dict,
    *,
    units: dict | None = None,
    **attributes,
):
    """Weights at several moments, with the cells that they join.

    Dense ones are ``w`` (dim, post, pre), of pairs (dim, post); shared ones have the
    axes of their connectivity. Of sparse projections
    ``w`` is (dim, synapse), and the coordinates ``synapse_post`` and ``synapse_pre``
    say which cells each synapse joins; attributes hold the sizes of both populations.

    Parameters
    ----------
    dim : str
        Such as "snapshot".
    moments : list of ndarray or csr_array
    coordinates, units : dict
        Of `dim`, and their units.

    Returns
    -------
    xarray.Dataset
    """
    last = moments[-1]
    attributes = {
        "pre_population": projection.pre,
        "post_population": projection.post,
        "target_compartment": projection.field,
        "connectivity": projection.connectivity.name,
        **attributes,
    }
    if issparse(last):
        axes = ("synapse",)
        post = np.repeat(np.arange(last.shape[0]), np.diff(last.indptr))
        coordinates |= {
            "synapse_post": ("synapse", post),
            "synapse_pre": ("synapse", last.indices.astype(np.int64)),
        }
        attributes |= {"n_post": last.shape[0], "n_pre": last.shape[1]}
    else:
        axes = projection.connectivity.axes
        shape = zip(axes, last.shape, strict=True)
        coordinates |= {axis: np.arange(n) for axis, n in shape}
    w = np.stack([numbers_of(weights) for weights in moments])
    variables = {"w": ((dim, *axes), w, "1")}
    return group(variables, coordinates, units=units, **attributes)
