"""The picture of the yin-yang experiment, from its saved tree alone."""

from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from experiments.plots import style

PARTS = ("yin", "yang", "dots")
COLORS = ("#dcebf7", "#f0b880", "#6fbf9f")  # light, middle and dark in grey, too
LEVELS = (-0.5, 0.5, 1.5)


@style.picture
def plot(tree) -> Figure:
    """Learning curves, and the symbol as the circuit sees it.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.yin_yang.yin_yang` returns or `dendrites.open_run` reads; or of
        a sweep over seeds, of which the first one's symbol is shown.
    """
    title = tree.attrs["title"].removeprefix("yin-yang: ")
    figure = style.figure(f"{title} ({style.seeds_of(tree)})", height=5.6)
    curves, symbol = figure.subplots(1, 2)
    plot_learning_curves(curves, tree)
    plot_symbol(symbol, tree)
    return figure


def plot_learning_curves(axes, tree):
    """Errors over epochs of circuit, control and backprop; levels of references."""
    curves = 100 * tree["training"].error_rate
    references = tree["references"].to_dataset()
    frozen = 100 * tree["controls/frozen_hidden"].error_rate
    shown = {
        "microcircuit": curves.sel(split="test"),
        "frozen hidden layer, own rule": frozen.sel(split="test"),
        "backprop, same network": 100 * references.error_rate_backprop,
    }
    for series, (label, values) in zip(style.LINES, shown.items(), strict=False):
        style.mean_and_runs(axes, values.epoch, values, "seed", series, label)
    levels = {"frozen_hidden_readout": "frozen,\nbest readout", "linear": "linear"}
    for name, label in levels.items():
        value = references.error_rate.sel(reference=name).mean()
        style.level(axes, 100 * float(value), label)
    axes.set(
        ylim=(1, 100),
        xlabel="epoch",
        ylabel="error on test points (percent)",
        title="thin lines: seeds; thick: their mean",
    )
    style.log_percent(axes)
    style.legend(axes)


def plot_symbol(axes, tree):
    """Answers over the symbol, its true borders, and the test points taken wrongly."""
    found = style.first(tree["map"].to_dataset())
    axes.pcolormesh(
        found.x,
        found.y,
        found.answer.where(found.answer >= 0),
        cmap=ListedColormap(COLORS),
        vmin=0,
        vmax=2,
        shading="nearest",
        rasterized=True,
    )
    axes.contour(
        found.x,
        found.y,
        found.part,
        levels=LEVELS,
        colors="0.25",
        linewidths=0.8,
        linestyles="solid",
    )
    points = style.first(tree["points/test"].to_dataset())
    wrong = points.isel(example=(points.prediction != points.target).values)
    marks = zip(PARTS, COLORS, style.MARKERS, strict=False)
    for k, (name, color, marker) in enumerate(marks):
        some = wrong.isel(example=(wrong.target == k).values)
        axes.plot(
            some.x,
            some.y,
            marker,
            markersize=6,
            markerfacecolor=color,
            markeredgecolor="black",
            label=f"point of {name} taken wrongly ({some.sizes['example']})",
        )
    axes.set(
        aspect="equal",
        xlabel="$x$ (dimensionless)",
        ylabel="$y$ (dimensionless)",
        title=f"answers, {points.sizes['example']} test points; lines: true borders",
    )
    style.legend(axes)
