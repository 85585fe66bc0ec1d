"""The picture of the gradient-atlas experiment, from its saved tree alone."""

import numpy as np
from matplotlib.figure import Figure

from experiments.plots import style
from experiments.plots.family.rows import framed, marks, networks, say, symbols

# Inches: left ends and widths of the columns.
WORDS, ANGLES, SIZES, LIMITS = (0.15, 2.95), (3.2, 3.9), (7.25, 1.75), (9.1, 2.35)
WIDTH = 11.5
LARGEST_ANGLE = 130.0


@style.picture
def plot(tree) -> Figure:
    """Angle and size of every scheme's update, layer by layer, beside its limit.

    A row is a scheme; rows lie under what hidden cells are told of the error. Hollow
    marks are updates at the start, filled ones those after learning, ticks at the start
    the mean of many random updates. Marks are means over networks, thin lines reach
    from the smallest to the largest.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.run("gradient-atlas")` returns or `dendrites.open_run` reads.
    """
    atlas = tree["atlas"].to_dataset()
    title = (
        f"{tree.attrs['title']}\n({style.seeds(atlas.replica.values)}: "
        f"mean and range of {networks(atlas)}, one batch each)"
    )
    columns = WORDS, ANGLES, SIZES, LIMITS
    figure, (angles, sizes, limits, words), places = framed(
        title, atlas, WIDTH, *columns
    )
    write_words(words, atlas, places)
    write_limits(limits, atlas, places)
    plot_angles(angles, atlas, places)
    plot_sizes(sizes, atlas, places)
    style.legend(angles, columns=3, columnspacing=1.4, handletextpad=0.3)
    return figure


def write_words(axes, atlas, places):
    """What brings errors to hidden cells, and in how many phases."""
    for name, at in places.items():
        one = atlas.sel(scheme=name)
        phases, sweeps = int(one.phases), int(one.sweeps)
        parts = [
            str(one.feedback.item()),
            f"{phases} phases" + (f", {sweeps} sweeps" if sweeps > phases else ""),
        ]
        say(axes, at, "; ".join(p for p in parts if p))


def write_limits(axes, atlas, places):
    """What makes a scheme exact, with the order in which its error falls; its loss."""
    axes.set_axis_off()
    axes.set_xlim(0.0, LIMITS[1])
    above = {"transform": axes.get_xaxis_transform(), "va": "bottom"}
    axes.text(0.04, 1.0, " exact when; its loss", fontsize=9, **above)
    for name, at in places.items():
        one = atlas.sel(scheme=name)
        text = symbols(str(one.exact_when.item()))
        axes.text(0.04, at - 0.2, text, va="center", fontsize=8)
        texts = [str(one.loss.item())]
        if np.isfinite(one.order_expected):
            order, measured = float(one.order_expected), float(one.order)
            texts.append(f"order {order:g}, measured {measured:.2f}")
        say(axes, at, "; ".join(t for t in texts if t))


def plot_angles(axes, atlas, places):
    """Of every layer's update to the exact gradient."""
    axes.axvline(90.0, color=style.GREY, lw=0.9, linestyle=(0, (3, 3)), zorder=1)
    marks(axes, atlas.angle, atlas.angle_of_mean, places)
    axes.set(
        xlim=(-3.0, LARGEST_ANGLE),
        xticks=range(0, 121, 30),
        xlabel="angle to the exact gradient (degrees)",
        title="angle of the update",
    )


def plot_sizes(axes, atlas, places):
    """Of every layer's update, over that of the exact gradient."""
    axes.axvline(1.0, color=style.GREY, lw=0.9, linestyle=(0, (3, 3)), zorder=1)
    seen = atlas.size_ratio > 0
    mean = atlas.size_ratio_of_mean
    marks(axes, atlas.size_ratio.where(seen), mean.where(mean > 0), places)
    axes.set(
        xscale="log",
        xlabel="length (share of the gradient's)",
        title="length",
    )
    axes.xaxis.set_major_formatter("{x:g}")
