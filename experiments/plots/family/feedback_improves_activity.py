"""The picture of the feedback-improves-activity experiment, from its saved tree."""

from matplotlib.figure import Figure

from experiments.plots import style
from experiments.plots.family.gradient_atlas import bands, marks, rows_of

# Inches: of a row; above and below all rows; left ends and widths of the columns.
ROW, ABOVE, BELOW = 0.42, 0.95, 1.05
WORDS, SHARES, FALLS = (0.15, 3.05), (3.3, 3.5), (7.1, 3.6)
WIDTH = 11.0
SMALL = {"fontsize": 7.5, "color": "0.35", "va": "center"}
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
    places, headings = rows_of(found)
    rows = max(places.values()) + 1.0
    height = ABOVE + ROW * rows + BELOW
    count = found.sizes["replica"]
    networks = "one network" if count == 1 else f"{count} networks"
    figure = style.figure(
        f"{tree.attrs['title']}\n({style.seeds(found.replica.values)}: "
        f"mean and range of {networks})",
        width=WIDTH,
        height=height,
    )
    figure.set_layout_engine("none")
    figure._suptitle.set_y(1.0 - 0.12 / height)

    def column(left, width, **options):
        box = (left / WIDTH, BELOW / height, width / WIDTH, ROW * rows / height)
        return figure.add_axes(box, **options)

    shares = column(*SHARES)
    shares.set_ylim(rows - 0.5, -0.5)
    falls, words = (column(*c, sharey=shares) for c in (FALLS, WORDS))
    for axes in (shares, falls, words):
        bands(axes, places, headings)
    for axes in (shares, falls):
        axes.tick_params(axis="y", left=False, labelleft=axes is shares)
        axes.spines["left"].set_visible(False)
    names = [name.replace("_", " ") for name in places]
    shares.set_yticks([*places.values()], labels=names, ha="left", va="bottom")
    shares.tick_params(axis="y", pad=72 * (SHARES[0] - WORDS[0] - 0.04) - 3.5)
    words.set_axis_off()
    words.set_xlim(0.0, WORDS[1])
    for at, text in headings.items():
        words.text(0.04, at, text, fontweight="bold", va="center", fontsize=9)
    for name, at in places.items():
        feedback = str(found.feedback.sel(scheme=name).item())
        words.text(0.04, at + 0.2, feedback.replace("W^T", "$W^T$"), **SMALL)
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
