"""The picture of the yin-yang experiment, from its saved tree alone."""

from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

PARTS = ("yin", "yang", "dots")
COLOURS = ("#9ecae1", "#fdae6b", "#a1d99b")
LEVELS = (-0.5, 0.5, 1.5)


def plot(tree) -> Figure:
    """Learning curves, and the symbol as the circuit sees it.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.yin_yang.yin_yang` returns or `dendrites.open_run` reads.
    """
    figure = Figure(figsize=(11.5, 5.2), layout="constrained")
    curves, symbol = figure.subplots(1, 2)
    plot_learning_curves(curves, tree)
    plot_symbol(symbol, tree)
    figure.suptitle(f"{tree.attrs['title']} (seed {tree.attrs['seed']})")
    return figure


def plot_learning_curves(axes, tree):
    """Errors over epochs of circuit, control and backprop; levels of references."""
    curves = tree["training"].error_rate
    for split, style in (("validation", "--"), ("test", "-")):
        axes.plot(
            curves.epoch,
            100 * curves.sel(split=split),
            style,
            color="C0",
            label=f"microcircuit, {split}",
        )
    references = tree["references"].to_dataset()
    axes.plot(
        references.epoch,
        100 * references.error_rate_backprop,
        color="C2",
        label="backprop, same network, test",
    )
    frozen = tree["controls/frozen_hidden"].error_rate.sel(split="test")
    axes.plot(
        frozen.epoch, 100 * frozen, color="C1", label="frozen hidden layer, own rule"
    )
    shown = {
        "frozen_hidden_readout": ("C1", "frozen hidden layer, converged readout"),
        "linear": ("C3", "linear classifier"),
    }
    for name, (color, label) in shown.items():
        value = 100 * float(references.error_rate.sel(reference=name))
        axes.axhline(
            value, color=color, linestyle=":", label=f"{label}: {value:.1f} % (test)"
        )
    final = 100 * float(curves.sel(split="test")[-1])
    axes.set(
        yscale="log",
        ylim=(1, 100),
        xlabel="epoch",
        ylabel="error (%)",
        title=f"error on test points after training: {final:.1f} %",
    )
    axes.legend(fontsize="small", loc="upper right", bbox_to_anchor=(1, 0.74))
    return axes


def plot_symbol(axes, tree):
    """Answers over the symbol, its true borders, and the test points taken wrongly."""
    found = tree["map"].to_dataset()
    axes.pcolormesh(
        found.x,
        found.y,
        found.answer.where(found.answer >= 0),
        cmap=ListedColormap(COLOURS),
        vmin=0,
        vmax=2,
        shading="nearest",
        rasterized=True,
    )
    axes.contour(
        found.x, found.y, found.part, levels=LEVELS, colors="0.25", linewidths=0.8
    )
    points = tree["points/test"].to_dataset()
    wrong = points.isel(example=(points.prediction != points.target).values)
    for k, (name, colour) in enumerate(zip(PARTS, COLOURS, strict=True)):
        some = wrong.isel(example=(wrong.target == k).values)
        axes.plot(
            some.x,
            some.y,
            "o",
            markersize=6,
            markerfacecolor=colour,
            markeredgecolor="black",
            label=f"{name} ({some.sizes['example']} wrong)",
        )
    axes.set(
        aspect="equal",
        xlabel="x (1)",
        ylabel="y (1)",
        title=f"answers; marks: {wrong.sizes['example']} of "
        f"{points.sizes['example']} test points taken wrongly,\n"
        "in the colour of the part they lie in; lines: true borders",
    )
    axes.legend(fontsize="small", loc="upper right")
    return axes
