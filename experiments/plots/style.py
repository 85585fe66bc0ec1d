"""One style for all pictures: colours, marks, letters, legends that cover nothing.

Colours are those of Okabe and Ito (2008), told apart with any colour vision. A series
has a line style and a marker of its own besides, so that it is found in grey. Panels
carry letters. Pictures compute nothing: what they show is in the tree, or its mean or
largest value.
"""

import functools
from string import ascii_lowercase

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

BLACK, GREY, PALE = "black", "0.5", "0.9"
BLUE, RED, GREEN = "#0072B2", "#D55E00", "#009E73"
PURPLE, ORANGE, SKY = "#CC79A7", "#E69F00", "#56B4E9"
DIVERGING, SEQUENTIAL = "RdBu_r", "cividis"

#: Colour, line and marker of the first, second, ... series of a panel.
SERIES = tuple(
    {"color": color, "linestyle": line, "marker": marker}
    for color, line, marker in (
        (BLUE, "-", "o"),
        (RED, "--", "s"),
        (GREEN, "-.", "^"),
        (PURPLE, ":", "D"),
        (ORANGE, (0, (6, 1, 1, 1, 1, 1)), "v"),
        (SKY, (0, (8, 3)), "P"),
        (BLACK, (0, (2, 1)), "X"),
    )
)
#: The same without markers, for curves of many points.
LINES = tuple({**series, "marker": ""} for series in SERIES)

SETTINGS = {
    "font.size": 9,
    "axes.labelsize": 8.5,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.titlesize": 11,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "hatch.linewidth": 0.5,
}
COLORBAR = "<colorbar>"
MARKERS = "os^DvPX"
_PERCENT = (0.1, 0.2, 0.5, 1, 1.5, 2, 3, 5, 10, 20, 50, 90)


def picture(draw):
    """Give a function ``tree -> Figure`` this style, and its panels their letters."""

    @functools.wraps(draw)
    def plot(tree) -> Figure:
        with matplotlib.rc_context(SETTINGS):
            figure = draw(tree)
            panels = [axes for axes in figure.axes if axes.get_label() != COLORBAR]
            for axes in figure.axes:
                axes.tick_params(labelsize=8)
            panels = [axes for axes in panels if axes.axison]
            for letter, axes in zip(ascii_lowercase, panels, strict=False):
                title = axes.get_title(loc="left")
                axes.set_title(rf"$\mathbf{{{letter}}}$  {title}", loc="left")
        return figure

    return plot


def figure(title: str, *, width: float = 10.0, height: float = 4.0) -> Figure:
    """An empty figure, inches, of 150 dots per inch."""
    made = Figure(figsize=(width, height), dpi=150, layout="constrained")
    made.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    made.suptitle(title)
    return made


def seeds(values) -> str:
    """The seeds a picture shows, in words: "seed 3", "seeds 0-4"."""
    values = [int(value) for value in np.atleast_1d(values)]
    if len(values) == 1:
        return f"seed {values[0]}"
    if values == list(range(values[0], values[-1] + 1)):
        return f"seeds {values[0]}-{values[-1]}"
    return "seeds " + ", ".join(map(str, values))


def seeds_of(tree) -> str:
    """The seeds of a run, or those of a sweep over seeds."""
    swept = "sweep" in tree.children and "seed" in tree["sweep"].indexes
    return seeds(tree["sweep"].seed.values if swept else int(tree.attrs["seed"]))


def first(dataset):
    """The first seed of a sweep; all of a single run."""
    return dataset.isel(seed=0, missing_dims="ignore")


def graded(number: int) -> list[dict]:
    """Series of a rising parameter: from dark to light, each with its marker."""
    shades = matplotlib.colormaps["viridis"](np.linspace(0.0, 0.85, number))
    return [
        {"color": tuple(shade), "linestyle": "-", "marker": MARKERS[k % len(MARKERS)]}
        for k, shade in enumerate(shades)
    ]


def mean_and_runs(axes, x, values, over: str, series, label=None):
    """The mean over runs as a thick line, and a thin one for each run.

    Parameters
    ----------
    x : xarray.DataArray
        One dimension.
    values : xarray.DataArray
        With the dimension of `x`, and that of the runs where there are several.
    over : str
        Dimension of the runs.
    series : dict
        An entry of `SERIES` or `LINES`.
    """
    if values.sizes.get(over, 1) > 1:
        each = {**series, "marker": "", "linewidth": 0.6, "alpha": 0.45}
        axes.plot(x, values.transpose(*x.dims, over), **each)
    mean = values.mean(over) if over in values.dims else values
    return axes.plot(x, mean, label=label, **series)


def mean_and_band(axes, x, mean, spread, series, label=None):
    """A mean as a line, and a band of one `spread` to both sides."""
    color = series["color"]
    axes.fill_between(x, mean - spread, mean + spread, color=color, alpha=0.2, lw=0)
    return axes.plot(x, mean, label=label, **series)


def zero(axes, value: float = 0.0):
    """The line of no change."""
    axes.axhline(value, color=GREY, linewidth=0.8, zorder=0)


def level(axes, value: float, text: str, color=GREY):
    """A value to compare with, as a line with its name to the right of the panel."""
    axes.axhline(value, color=color, linewidth=0.9, linestyle=(0, (3, 3)), zorder=1)
    axes.annotate(
        text,
        (1.0, value),
        xycoords=("axes fraction", "data"),
        xytext=(3, 0),
        textcoords="offset points",
        va="center",
        fontsize=7.5,
        color=color if color != GREY else "0.35",
        annotation_clip=False,
    )


def legend(axes, *, beside=False, columns=1, gap=0.48, **options):
    """A legend under the panel, or beside it, where it covers nothing.

    Parameters
    ----------
    gap : float
        Inches between the panel and a legend under it: room for the axis.
    """
    if beside:
        place = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0)}
    else:
        shift = ScaledTranslation(0, -gap, axes.get_figure(root=True).dpi_scale_trans)
        place = {
            "loc": "upper left",
            "bbox_to_anchor": (0.0, 0.0),
            "bbox_transform": axes.transAxes + shift,
        }
    return axes.legend(**place, ncols=columns, borderaxespad=0.0, **options)


def signed_map(axes, x, y, values, label, *, norm=None, **colorbar):
    """Values over two coordinates, blue below 0 and red above, with a colour bar.

    Parameters
    ----------
    x, y, values : xarray.DataArray or array
        Values of shape (y, x).
    norm : matplotlib.colors.Normalize, optional
        Default: linear and symmetric.
    """
    if norm is None:
        largest = float(np.abs(values).max()) or 1.0
        norm = matplotlib.colors.Normalize(-largest, largest)
    image = axes.pcolormesh(
        x, y, values, cmap=DIVERGING, norm=norm, shading="nearest", rasterized=True
    )
    if label is not None:
        bar = axes.figure.colorbar(image, ax=axes, **colorbar)
        bar.set_label(label)
    return image


def log_percent(axes):
    """A logarithmic axis of percentages with plain numbers."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_yticks([tick for tick in _PERCENT if low <= tick <= high])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()


def few_ticks():
    """A locator for numbers too wide for many ticks."""
    return MaxNLocator(3)
