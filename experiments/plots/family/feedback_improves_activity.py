"""The picture of the feedback-improves-activity experiment, from its saved tree."""

from matplotlib.figure import Figure

from experiments.plots import style
from experiments.plots.family.rows import framed, marks, networks, say

# Inches: left ends and widths of the columns.
WORDS, SHARES, FALLS = (0.15, 3.05), (3.3, 3.5), (7.1, 3.6)
WIDTH = 11.0
SMALLEST = 0.1  # percent; below it the axis is linear


@style.picture
def plot(tree) -> Figure:
    """Share of examples that feedback improved, and the fall of the mean loss.

    A row is a scheme; rows lie under what hidden cells are told of the error. Hollow
    marks are at the start, filled ones after learning; marks are means over networks,
    thin lines reach from the smallest to the largest.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.run("feedback-improves-activity")` returns or
        `dendrites.open_run` reads.
    """
    found = tree["improvement"].to_dataset()
    title = (
        f"{tree.attrs['title']}\n({style.seeds(found.replica.values)}: "
        f"mean and range of {networks(found)})"
    )
    figure, (shares, falls, words), places = framed(
        title, found, WIDTH, WORDS, SHARES, FALLS
    )
    for name, at in places.items():
        say(words, at, str(found.feedback.sel(scheme=name).item()))
    plot_shares(shares, found, places)
    plot_falls(falls, found, places)
    style.legend(shares, columns=2, columnspacing=1.4, handletextpad=0.3)
    return figure


def plot_shares(axes, found, places):
    """Of the examples whose loss fell."""
    axes.axvline(50.0, color=style.GREY, lw=0.9, linestyle=(0, (3, 3)), zorder=1)
    marks(axes, 100.0 * found.share_improved, None, places)
    axes.set(
        xlim=(-3.0, 103.0),
        xticks=range(0, 101, 25),
        xlabel="examples whose loss fell (percent)",
        title="improved",
    )


def plot_falls(axes, found, places):
    """Of the mean loss, relative to that of the first phase."""
    axes.axvline(0.0, color=style.GREY, lw=0.9, linestyle=(0, (3, 3)), zorder=1)
    marks(axes, 100.0 * found.relative_fall, None, places)
    axes.set_xscale("symlog", linthresh=SMALLEST)
    axes.set(
        xlim=(-100.0, 150.0),
        xticks=(-10.0, -1.0, 0.0, 1.0, 10.0, 100.0),
        xlabel="fall of the mean loss (percent of it)",
        title="fall",
    )
    axes.xaxis.set_major_formatter("{x:g}")
