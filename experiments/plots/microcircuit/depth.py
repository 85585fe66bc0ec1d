"""The picture of the depth experiment, from its saved tree alone."""

import numpy as np
from matplotlib.figure import Figure

STYLES = {"matched": "o-", "equal_rates": "s-", "plain_start": "x--"}
NAMES = {
    "matched": "matched rates",
    "equal_rates": "equal rates",
    "plain_start": "matched rates, narrow initial weights",
}


def plot(tree) -> Figure:
    """Error and initial signal against depth, and the learning curves.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.depth.depth` returns or `dendrites.open_run` reads.
    """
    found = tree["sweep"].to_dataset()
    figure = Figure(figsize=(13, 4.5), layout="constrained")
    axes = figure.subplots(1, 3)
    plot_errors(axes[0], found)
    plot_signal(axes[1], found)
    plot_curves(axes[2], found)
    figure.suptitle(f"{tree.attrs['title']} (seed {tree.attrs['seed']})")
    return figure


def plot_errors(axes, found):
    """Test error after the last epoch over the number of hidden layers."""
    for k, name in enumerate(found.setting.values):
        last = 100 * found.test_error.sel(setting=name).isel(epoch=-1)
        style = STYLES[str(name)]
        axes.plot(found.depth, last, style, color=f"C{k}", label=NAMES[str(name)])
    axes.axhline(90, color="0.6", linewidth=0.8, linestyle=":")
    axes.annotate("chance", (found.depth.values[0], 90), va="bottom", color="0.4")
    axes.set(
        yscale="log",
        xlabel="hidden layers",
        ylabel="test error (%)",
        title=f"after {found.sizes['epoch']} epochs",
        xticks=found.depth.values,
    )
    _plain_percent(axes)
    axes.legend(fontsize="small")
    return axes


def plot_signal(axes, found):
    """How much top hidden rates differ between images before training."""
    for k, name in enumerate(found.setting.values):
        values = found.signal.sel(setting=name)
        style = STYLES[str(name)]
        axes.plot(found.depth, values, style, color=f"C{k}", label=NAMES[str(name)])
    axes.set(
        yscale="log",
        xlabel="hidden layers",
        ylabel="standard deviation over images (1)",
        title="rates of the top hidden layer before training",
        xticks=found.depth.values,
    )
    return axes


def plot_curves(axes, found):
    """Test error over epochs for every depth with matched rates."""
    name = "matched" if "matched" in found.setting.values else found.setting.values[0]
    for layers in found.depth.values:
        values = 100 * found.test_error.sel(setting=name, depth=layers)
        axes.plot(found.epoch, values, label=f"{layers}: {float(values[-1]):.2f} %")
    axes.set(
        yscale="log", xlabel="epoch", ylabel="test error (%)", title=NAMES[str(name)]
    )
    _plain_percent(axes)
    axes.legend(fontsize="small", title="hidden layers")
    return axes


def _plain_percent(axes):
    low, high = axes.get_ylim()
    ticks = np.array([1, 1.5, 2, 3, 5, 10, 20, 50, 90])
    axes.set_yticks(ticks[(ticks >= low) & (ticks <= high)])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
