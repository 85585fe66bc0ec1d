"""The picture of the weak-nudge experiment, from its saved tree alone."""

import numpy as np
from matplotlib.figure import Figure

from experiments.plots import style

NUDGE = "teacher's share of the output (dimensionless)"
REACHES = {"angle_to_bp": "exact gradient", "angle_to_fa": "feedback alignment"}


@style.picture
def plot(tree) -> Figure:
    """Angle and size of every layer's update over the teacher's share.

    Thick lines are means over networks and patterns, bands reach from the smallest to
    the largest.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.weak_nudge.weak_nudge` returns or `dendrites.open_run` reads.
    """
    found = tree["alignment"].to_dataset()
    networks, patterns = found.sizes["replica"], found.sizes["pattern"]
    several = f"{networks} networks" if networks > 1 else "one network"
    figure = style.figure(
        f"{tree.attrs['title']}\n({style.seeds_of(tree)}, {several}, "
        f"{patterns} patterns each: mean and range)",
        height=8.5,
    )
    panels = figure.subplots(2, 3, sharex=True)
    with_transpose = found.sel(feedback="transpose")
    with_random = found.sel(feedback="random")
    plot_angles(panels[0, 0], with_transpose.angle_to_bp)
    panels[0, 0].set_title("transposed feedback:\n     angle to the exact gradient")
    plot_angles(panels[0, 1], with_random.angle_to_fa)
    panels[0, 1].set_title("random feedback:\n     angle to feedback alignment")
    plot_angles(panels[0, 2], with_random.angle_to_bp, guide=False)
    panels[0, 2].set_title("random feedback:\n     angle to the exact gradient")
    plot_sizes(panels[1, 0], with_transpose.size_over_prediction)
    panels[1, 0].set_title("transposed feedback: length")
    plot_sizes(panels[1, 1], with_random.size_over_prediction)
    panels[1, 1].set_title("random feedback: length")
    panels[1, 2].set_axis_off()
    handles, labels = panels[0, 0].get_legend_handles_labels()
    panels[1, 2].legend(handles, labels, loc="center left")
    for axes in (panels[1, 0], panels[1, 1], panels[0, 2]):
        axes.set_xlabel(NUDGE)
        axes.tick_params(labelbottom=True)
    return figure


def plot_angles(axes, angles, guide=True):
    """Angles of every layer; where they vanish, with a guide of slope one."""
    _layers(axes, angles)
    if guide:
        ends = angles.nudge.values[[0, -1]]
        start = 2 * float(angles.isel(nudge=0).max())
        axes.plot(ends, start * ends / ends[0], color="k", lw=0.8, label="slope one")
    axes.set(xscale="log", yscale="log", ylabel="angle (degrees)")


def plot_sizes(axes, ratio):
    """Length of the update over its first-order prediction."""
    _layers(axes, ratio)
    style.zero(axes, 1.0)
    axes.set(xscale="log", ylabel="length (share of the first-order one)")


def _layers(axes, values):
    over = ("replica", "pattern")
    for series, layer in zip(style.LINES, values.layer.values, strict=False):
        one = values.sel(layer=layer)
        low, high = one.min(over), one.max(over)
        seen = np.asarray(high > 0)  # 0 has no place on a logarithmic axis
        axes.fill_between(
            one.nudge[seen],
            low[seen],
            high[seen],
            color=series["color"],
            alpha=0.15,
            lw=0,
        )
        axes.plot(one.nudge[seen], one.mean(over)[seen], **series, label=str(layer))
