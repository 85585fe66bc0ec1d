"""The picture of the depth experiment, from its saved tree alone."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.plots import style

NAMES = {
    "matched": "matched rates",
    "equal_rates": "equal rates",
    "plain_start": "matched rates, narrow initial weights",
}
LAYERS = "number of hidden layers"


@style.picture
def plot(tree) -> Figure:
    """Error and initial signal against depth, and the learning curves.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.depth.depth` returns or `dendrites.open_run` reads; or of a
        sweep over seeds.
    """
    found = tree["sweep"].to_dataset()
    title = tree.attrs["title"].removeprefix("depth: ")
    figure = style.figure(f"{title} ({style.seeds_of(tree)})", height=4.4)
    errors, signal, curves = figure.subplots(1, 3)
    last = 100 * found.test_error.isel(epoch=-1)
    _over_depth(errors, found, last)
    style.level(errors, 90, "chance")
    errors.set(
        ylabel="test error (percent)", title=f"after {found.sizes['epoch']} epochs"
    )
    style.log_percent(errors)
    style.legend(errors)
    _over_depth(signal, found, found.signal)
    signal.set(
        yscale="log",
        ylabel="deviation over images (dimensionless)",
        title="top hidden rates before training",
    )
    plot_curves(curves, found)
    return figure


def _over_depth(axes, found, values):
    """A value over the number of hidden layers, for every setting."""
    for series, name in zip(style.SERIES, found.setting.values, strict=False):
        one = values.sel(setting=name)
        style.mean_and_runs(axes, found.depth, one, "seed", series, NAMES[str(name)])
    axes.set(xlabel=LAYERS, xticks=found.depth.values)


def plot_curves(axes, found):
    """Test error over epochs for every depth with matched rates."""
    name = "matched" if "matched" in found.setting.values else found.setting.values[0]
    depths = found.depth.values
    for series, layers in zip(style.graded(depths.size), depths, strict=True):
        values = 100 * found.test_error.sel(setting=name, depth=layers)
        style.mean_and_runs(axes, found.epoch, values, "seed", series, f"{layers}")
    axes.set(xlabel="epoch", ylabel="test error (percent)", title=NAMES[str(name)])
    style.log_percent(axes)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    style.legend(axes, title=LAYERS, columns=3)
