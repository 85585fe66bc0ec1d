"""The picture of the limits experiment, from its saved tree alone."""

import numpy as np
from matplotlib.figure import Figure

from experiments.plots import style

COLUMNS = 4


@style.picture
def plot(tree) -> Figure:
    """Relative error over the parameter of every scheme, with a line of its order.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.learning.limits.limits` returns or `dendrites.open_run` reads.
    """
    found = tree["limits"].to_dataset()
    n = found.sizes["scheme"]
    columns = min(n, COLUMNS)
    rows = -(-n // columns)
    networks = found.sizes["replica"]
    several = f"{networks} networks" if networks > 1 else "one network"
    figure = style.figure(
        f"{tree.attrs['title']}\n({style.seeds_of(tree)}, {several})",
        width=2.7 * columns + 0.5,
        height=3.0 * rows + 0.9,
    )
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes, scheme in zip(panels.flat, found.scheme.values, strict=False):
        plot_error(axes, found.sel(scheme=scheme))
        axes.set_title(str(scheme).replace("_", " "))
    for axes in panels.flat[n:]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.set_ylabel("error (share of the exact update)")
    handles = panels[0, 0].get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def plot_error(axes, one):
    """Errors of one scheme, and a line with the slope of the exact order."""
    lines = axes.plot(one.value, one.error.transpose("value", ...), **style.SERIES[0])
    lines[0].set_label("measured")
    middle = one.error.mean("replica")
    guide = middle[0] * (one.value / one.value[0]) ** one.expected
    seen = np.asarray(guide) > 0.1 * float(one.error.min())
    axes.plot(one.value[seen], guide[seen], "k:", linewidth=1.2, label="exact order")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel=f"{str(one.parameter.values)}\n(dimensionless)",
    )
