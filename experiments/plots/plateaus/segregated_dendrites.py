"""The picture of the segregated-dendrites experiment, from its saved tree alone."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

LEVELS = {"no hidden layer": 8.3, "500": 4.1, "500 + 100": 3.2}
CHANCE = 90.0


def plot(tree) -> Figure:
    """Errors over epochs, and the losses of a hidden layer against the output's.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.segregated_dendrites.segregated_dendrites` returns or
        `dendrites.open_run` reads.
    """
    hidden = "plateaus" in tree.children
    figure = Figure(figsize=(11 if hidden else 6, 4.8), layout="constrained")
    axes = figure.subplots(1, 2 if hidden else 1, squeeze=False)[0]
    plot_learning_curves(axes[0], tree)
    if hidden:
        plot_losses(axes[1], tree)
    figure.suptitle(f"{tree.attrs['title']} (seed {tree.attrs['seed']})")
    return figure


def plot_learning_curves(axes, tree):
    """Errors after every epoch, with published levels where the task is MNIST."""
    curves = tree["training"].error_rate
    for split, text, style in (("train", "500 training", ":"), ("test", "test", "-")):
        values = 100 * curves.sel(split=split)
        axes.plot(
            curves.epoch,
            values,
            style,
            marker="o",
            markersize=5 if split == "test" else 3,
            color="C0",
            label=f"{text} images: {float(values[-1]):.1f} %",
        )
    axes.axhline(CHANCE, color="0.6", linewidth=0.8, linestyle="--")
    labels = [(f"chance, {CHANCE:g} %", CHANCE)]
    if tree.attrs["title"].endswith("MNIST"):
        for name, value in LEVELS.items():
            axes.axhline(value, color="0.6", linewidth=0.8, linestyle="--")
            labels.append(
                (f"published, 60 epochs of MNIST: {name}, {value:g} %", value)
            )
    for text, value in labels:
        axes.annotate(
            text,
            (0, value),
            xycoords=("axes fraction", "data"),
            xytext=(3, 2),
            textcoords="offset points",
            fontsize="x-small",
            color="0.4",
        )
    axes.set(yscale="log", xlabel="epoch", ylabel="error (%)", title="errors")
    axes.set_ylim(top=150)
    ticks = [1, 2, 3, 5, 10, 20, 50, 90]
    low, high = axes.get_ylim()
    axes.set_yticks([t for t in ticks if low <= t <= high])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.set_xlim(0, 1.05 * curves.sizes["epoch"])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize="small", loc="upper right", bbox_to_anchor=(1, 0.85))
    return axes


def plot_losses(axes, tree):
    """Local loss of the first hidden layer over the output's, image by image."""
    found = tree["plateaus"].to_dataset()
    layer = found.layer.values[0]
    for k, moment in enumerate(found.moment.values):
        at = found.sel(moment=moment)
        r = float(at.correlation.sel(layer=layer))
        axes.plot(
            at.loss_output,
            at.loss_hidden.sel(layer=layer),
            ".",
            markersize=4,
            alpha=0.5,
            color=f"C{k + 1}",
            label=f"{moment} of training: r = {r:.2f}",
        )
    axes.set(
        xlabel="loss of the output (shares of the peak rate, squared)",
        ylabel=f"loss of {layer}: plateau differences, squared (1)",
        title=f"local loss, {found.sizes['example']} training images",
    )
    axes.legend(fontsize="small", loc="best")
    return axes
