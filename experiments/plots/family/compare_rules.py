"""The picture of the compare-rules experiment, from its saved tree alone."""

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from experiments.family.scheme import OWN
from experiments.plots import style
from experiments.plots.family.rows import HEADINGS, bands, rows_of

# Inches: of a row; below all rows, of the curves above them, between both.
ROW, BELOW, CURVES, BETWEEN, ABOVE = 0.27, 0.95, 2.5, 0.95, 0.75
NAMES, STRIPS, ERRORS, SECONDS = (0.15, 2.75), (3.0, 3.7), (7.4, 1.85), (9.55, 1.75)
WIDTH = 11.5
COLORS = {
    "none": style.GREY,
    "scalar": style.ORANGE,
    "activity": style.GREEN,
    "vector": style.BLUE,
    OWN: style.PURPLE,
}
LOOKS = {"none": ":", "scalar": "-.", "activity": "--", "vector": "-", OWN: "-"}
CHANCE = 90.0  # percent
CLOSE = 1.5  # times the error of backprop


@style.picture
def plot(tree) -> Figure:
    """Learning curves, errors and processor time, by what hidden cells are told.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.run("compare-rules")` returns or `dendrites.open_run` reads.
    """
    found = tree["compare"].to_dataset()
    places, headings = rows_of(found)
    rows = max(places.values()) + 1.0
    height = ABOVE + CURVES + BETWEEN + ROW * rows + BELOW
    networks = found.sizes["replica"]
    figure = style.figure(
        f"{tree.attrs['title']} ({style.seeds(found.replica.values)}, "
        f"{networks} network{'s' if networks > 1 else ''} each)",
        width=WIDTH,
        height=height,
    )
    figure.set_layout_engine("none")
    figure._suptitle.set_y(1.0 - 0.12 / height)

    def column(left, width, bottom, tall, **options):
        box = (left / WIDTH, bottom / height, width / WIDTH, tall / height)
        return figure.add_axes(box, **options)

    above = BELOW + ROW * rows + BETWEEN
    plot_curves(column(0.75, 7.2, above, CURVES), found)
    tall = ROW * rows
    strips = column(*STRIPS, BELOW, tall)
    strips.set_ylim(rows - 0.5, -0.5)
    errors, seconds, words = (
        column(*place, BELOW, tall, sharey=strips) for place in (ERRORS, SECONDS, NAMES)
    )
    for axes in (strips, errors, seconds, words):
        bands(axes, places, headings)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", left=False, labelleft=axes is strips)
    words.set_axis_off()
    words.set_xlim(0.0, NAMES[1])
    for at, text in headings.items():
        words.text(0.04, at, text, fontweight="bold", va="center", fontsize=8.5)
    names = [name.replace("_", " ") for name in places]
    strips.set_yticks([*places.values()], labels=names, ha="left")
    strips.tick_params(axis="y", pad=72 * (STRIPS[0] - NAMES[0] - 0.04) - 3.5)
    plot_strips(strips, found, places)
    plot_errors(errors, found, places)
    plot_seconds(seconds, found, places)
    return figure


def plot_curves(axes, found):
    """Mean error of every scheme over what it was shown, by kind of information."""
    percent = 100.0 * found.error_rate.mean("replica")
    kinds = dict(zip(found.scheme.values, found.information.values, strict=True))
    for name, kind in kinds.items():
        last = name == "backprop"
        axes.plot(
            found.presentation,
            percent.sel(scheme=name),
            color=style.BLACK if last else COLORS[kind],
            linestyle=LOOKS[kind],
            linewidth=1.8 if last else 1.1,
            zorder=3 if last else 2,
        )
    goal = 100.0 * float(found.goal)
    axes.axhline(goal, color=style.GREY, lw=0.8, linestyle=(0, (3, 3)), zorder=1)
    axes.set(
        xscale="log",
        xlabel="number of examples shown",
        ylabel="error (percent of examples)",
        title="learning curves, means over networks",
    )
    style.log_percent(axes)
    shown = [kind for kind in HEADINGS if kind in kinds.values()]
    handles = [
        Line2D([], [], color=COLORS[kind], linestyle=LOOKS[kind], label=HEADINGS[kind])
        for kind in shown
    ]
    handles.append(Line2D([], [], color=style.BLACK, lw=1.8, label="backprop"))
    style.legend(axes, beside=True, handles=handles)


def plot_strips(axes, found, places):
    """The same as a strip for each scheme, with where the goal is reached."""
    goal = 100.0 * float(found.goal)
    x = found.presentation.values
    edges = np.sqrt(
        np.concatenate([[x[0] ** 2 / x[1]], x]) * np.append(x, x[-1] ** 2 / x[-2])
    )
    norm = LogNorm(1.0, CHANCE)
    percent = 100.0 * found.error_rate.mean("replica")
    for name, at in places.items():
        image = axes.pcolormesh(
            edges,
            [at - 0.36, at + 0.36],
            percent.sel(scheme=[name]).clip(1.0),
            norm=norm,
            cmap=style.SEQUENTIAL,
            rasterized=True,
        )
        one = found.presentations_to_goal.sel(scheme=name)
        if np.isfinite(one).all():
            axes.plot(float(one.mean()), at, "o", color="white", mec="black", ms=4.5)
    axes.set(
        xscale="log",
        xlabel="number of examples shown",
        title=f"error; circles: {goal:g} percent reached",
    )
    box = axes.get_position()
    figure = axes.figure
    bar = figure.add_axes(
        (
            box.x0 + 0.62 * box.width,
            0.22 / figure.get_figheight(),
            0.38 * box.width,
            0.1 / figure.get_figheight(),
        ),
        label=style.COLORBAR,
    )
    figure.colorbar(
        image,
        cax=bar,
        orientation="horizontal",
        format="{x:g}",
        ticks=[1, 3, 10, 30, 90],
    )
    bar.minorticks_off()
    bar.set_ylabel("error (percent)  ", rotation=0, ha="right", va="center", fontsize=8)


def plot_errors(axes, found, places):
    """At the end, every network, with the error of backprop and 1.5 times that."""
    percent = 100.0 * found.test_error
    if "backprop" in found.scheme.values:
        reference = float(percent.sel(scheme="backprop").mean())
        axes.axvspan(reference, CLOSE * reference, color=style.SKY, alpha=0.25, lw=0)
    _dots(axes, percent, places, found)
    axes.set(
        xscale="log", xlabel="error (percent of examples)", title="error at the end"
    )
    axes.xaxis.set_major_formatter("{x:g}")
    low, high = axes.get_xlim()
    axes.set_xticks([t for t in (1, 2, 5, 10, 20, 50, 90) if low <= t <= high])
    axes.minorticks_off()


def plot_seconds(axes, found, places):
    """Processor time of learning until the goal is reached."""
    _dots(axes, found.seconds_to_goal, places, found)
    goal = 100.0 * float(found.goal)
    axes.set(
        xscale="log", xlabel="processor time (s)", title=f"time to {goal:g} percent"
    )
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def _dots(axes, values, places, found):
    kinds = dict(zip(found.scheme.values, found.information.values, strict=True))
    for name, at in places.items():
        one = values.sel(scheme=name).values
        if not np.isfinite(one).all():
            continue
        color = COLORS[kinds[name]]
        axes.plot(one, np.full(len(one), at), "o", color=color, ms=2.5, alpha=0.5)
        axes.plot(one.mean(), at, "|", color=color, ms=10, mew=2.0)
