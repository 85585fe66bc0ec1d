"""The picture of the signed-errors experiment, from its saved tree alone."""

import numpy as np
from matplotlib.figure import Figure

from experiments.plots import style

DEPTH = "number of the hidden layer, from the input"
SIZE = "error (share of that of outputs)"


@style.picture
def plot(tree) -> Figure:
    """Sizes of errors over depth, one panel per scheme, one line per gain.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.learning.signed_errors.signed_errors` returns or
        `dendrites.open_run` reads.
    """
    errors = tree["errors"].to_dataset()
    networks = errors.sizes["replica"]
    several = f"mean of {networks} networks" if networks > 1 else "one network"
    figure = style.figure(
        f"{tree.attrs['title']}\n({style.seeds_of(tree)}, {several})", height=6.8
    )
    panels = figure.subplots(2, 3, sharex=True)
    depth = np.arange(1, errors.sizes["layer"] + 1)
    chained = ("backprop", "feedback_alignment")
    for axes, scheme in zip(panels.flat, errors.scheme.values, strict=False):
        for series, gain in zip(
            style.graded(errors.sizes["gain"]), errors.gain.values, strict=True
        ):
            one = errors.sel(scheme=scheme, gain=gain)
            axes.plot(
                depth, one["size"].mean("replica"), label=f"gain {gain:g}", **series
            )
            if scheme in chained:
                axes.plot(depth, one.expected, "k:", linewidth=1.0)
        axes.set_yscale("log")
        axes.set_title(str(scheme).replace("_", " "))
    lost = panels[1, 2]
    for series, gain in zip(
        style.graded(errors.sizes["gain"]), errors.gain.values, strict=True
    ):
        share = 100.0 * errors.lost.sel(gain=gain).mean("replica")
        lost.plot(depth, share, **series)
    lost.set_title("error network: cells silenced")
    lost.set_ylabel("cells (percent)")
    for axes in panels[:, 0]:
        axes.set_ylabel(SIZE)
    for axes in panels[-1]:
        axes.set_xlabel(DEPTH)
    panels[0, 0].plot([], [], "k:", linewidth=1.0, label="very wide layers")
    handles = panels[0, 0].get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure
