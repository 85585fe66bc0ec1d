"""The picture of the scalar-feedback experiment, from its saved tree alone."""

import numpy as np
from matplotlib.figure import Figure

from experiments.plots import style


@style.picture
def plot(tree) -> Figure:
    """Losses over presentations, and learning times over what moves at random.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.learning.scalar_feedback.scalar_feedback` returns or
        `dendrites.open_run` reads.
    """
    times, curves = (tree[k].to_dataset() for k in ("times", "curves"))
    figure = style.figure(
        f"{tree.attrs['title']}\n({style.seeds_of(tree)})", height=4.3
    )
    panels = figure.subplots(1, 3)
    for axes, scheme in zip(panels, times.scheme.values, strict=False):
        for series, size in zip(
            style.graded(times.sizes["size"]), times["size"].values, strict=True
        ):
            loss = curves.loss.sel(scheme=scheme, size=size)
            seen = np.isfinite(loss)
            axes.plot(
                loss.presentation[seen],
                loss[seen],
                label=f"{size} cells",
                **{**series, "marker": ""},
            )
        axes.set(yscale="log", xlabel="number of presentations")
        axes.set_title(str(scheme).replace("_", " "))
    panels[0].set_ylabel("loss (share of that at first)")
    style.legend(panels[0], columns=3)
    last = panels[-1]
    for series, scheme in zip(style.SERIES, times.scheme.values, strict=False):
        one = times.sel(scheme=scheme)
        seen = np.isfinite(one.presentations)
        last.plot(
            one.moving[seen],
            one.presentations[seen],
            label=str(scheme).replace("_", " "),
            **{**series, "linestyle": ""},
        )
        last.plot(one.moving, one.expected, "k:", linewidth=1.0)
    last.plot([], [], "k:", linewidth=1.0, label="theory")
    last.set(xscale="log", yscale="log", xlabel="number of what moves, N")
    last.set_ylabel("number of presentations")
    last.set_title("learning time")
    style.legend(last)
    return figure
