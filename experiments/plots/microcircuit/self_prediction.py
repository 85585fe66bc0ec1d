"""The picture of the self-prediction experiment, from its saved tree alone."""

from matplotlib.figure import Figure

from experiments.plots import style


@style.picture
def plot(tree) -> Figure:
    """Apical power over inputs, and what interneurons and feedback have to do with it.

    Thick lines are medians over seeds. The start, to which values are relative, has
    no place on a logarithmic axis.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.self_prediction.self_prediction` returns or
        `dendrites.open_run` reads.
    """
    found = tree["self_prediction"].to_dataset()
    title = f"{tree.attrs['title']} ({style.seeds(found.seed.values)} and median)"
    figure = style.figure(title, height=4.6)
    power, reasons = figure.subplots(1, 2)
    shown = found.sel(presentation=slice(1, None))
    relative = 100 * shown / found.sel(presentation=0)
    plot_power(power, relative.apical_power)
    names = {
        "apical_power": "apical power",
        "prediction_error": "error of the interneurons",
    }
    for series, (name, label) in zip(style.LINES, names.items(), strict=False):
        _seeds_and_median(reasons, relative[name], series, f"{label} (of its start)")
    mismatch = 100 * shown.feedback_mismatch
    text = r"$|W_{PI} + B| \,/\, |B|$, 0 if $W_{PI} = -B$"
    _seeds_and_median(reasons, mismatch, style.LINES[2], text)
    _finish(
        reasons, "size (percent)", "neither a prediction nor $W_{PI} = -B$ is needed"
    )
    return figure


def plot_power(axes, power):
    """Apical power over its start, every seed and the median."""
    _seeds_and_median(axes, power, style.LINES[0], "apical power")
    _finish(axes, "apical power (percent of the start)", "apical dendrites fall silent")


def _seeds_and_median(axes, values, series, label):
    each = {**series, "linewidth": 0.6, "alpha": 0.45}
    axes.plot(values.presentation, values.transpose("presentation", "seed"), **each)
    axes.plot(values.presentation, values.median("seed"), **series, label=label)


def _finish(axes, ylabel, title):
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="number of inputs shown",
        ylabel=ylabel,
        title=title,
    )
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    style.legend(axes)
