"""The picture of the new-association experiment, from its saved tree alone."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.plots import style


@style.picture
def plot(tree) -> Figure:
    """Apical error, its parts, the output and the speed of learning over time.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.new_association.new_association` returns or
        `dendrites.open_run` reads. Traces of cells are those of the first run, curves
        are medians over runs.
    """
    runs = style.seeds(tree["new_association"].seed.values)
    figure = style.figure(f"{tree.attrs['title']} ({runs}; grey: teacher on)", height=8)
    parts, output, speed, onset, offset, errors = figure.subplots(2, 3).flat
    plot_parts(parts, tree)
    plot_output(output, tree)
    plot_speed(speed, tree)
    on, off = _teacher(tree)
    lengths = min(on, 1.0), min(off - on, 1.0)
    plot_cells(onset, tree, on - lengths[0], on + lengths[1], "teacher comes on")
    plot_cells(offset, tree, off - lengths[1], off + lengths[0], "teacher is removed")
    offset.sharey(onset)
    plot_errors(errors, tree)
    return figure


def plot_parts(axes, tree):
    """Top-down and lateral parts of the apical potential, and their sum."""
    found = tree["new_association"]
    shown = {
        "apical": "sum: apical potential",
        "top_down": "top-down part, $B r_{output}$",
        "lateral": "lateral part, $W_{PI} r_{interneuron}$",
    }
    for series, (name, label) in zip(style.LINES, shown.items(), strict=False):
        _curve(axes, found[name], series, label)
    _finish(axes, tree, "rms over cells (dimensionless)", "apical potential, its parts")


def plot_output(axes, tree):
    """Output rates of all runs at three moments, against what the teacher asks for."""
    output = tree["populations/output"].to_dataset()
    on, off = _teacher(tree)
    moments = {
        "before the teacher": 1000 * on,
        "with it": 1000 * off,
        "after it": float(output.time[-1]),
    }
    series = (style.SERIES[4], style.SERIES[0], style.SERIES[1])
    for one, (label, time) in zip(series, moments.items(), strict=True):
        marks = {**one, "linestyle": "", "fillstyle": "none"}
        rate = output.rate.sel(time=time, method="nearest")
        target = output.target.transpose(*rate.dims)
        axes.plot(target.values.ravel(), rate.values.ravel(), **marks, label=label)
    ends = [float(output.target.min()), float(output.target.max())]
    axes.plot(ends, ends, color=style.GREY, label="as asked for", zorder=0)
    axes.set(
        xlabel="target of the output cell (dimensionless)",
        ylabel="rate (dimensionless)",
        title="outputs and their targets",
    )
    style.legend(axes, columns=2)


def plot_speed(axes, tree):
    """How fast each class of weights is driven to change."""
    speed = tree["new_association"].weight_speed
    for series, name in zip(style.LINES, speed.projection.values, strict=False):
        kind, _, place = str(name).partition("_")
        label = rf"${kind}_{{{place}}}$"
        _curve(axes, speed.sel(projection=name), series, label)
    _finish(axes, tree, "length of the change (1/ms)", "speed of learning", columns=2)


def plot_cells(axes, tree, start, stop, title):
    """Apical potentials of all cells of the first run, from `start` to `stop`, s."""
    v = tree["populations/hidden1"].v.isel(replica=0).sel(compartment="apical")
    v = v.sel(time=slice(1000 * start, 1000 * stop)).transpose("time", "unit")
    axes.plot(v.time / 1000, v, color=style.BLUE, linewidth=0.7)
    _shade(axes, tree)
    axes.set(
        xlim=(start, stop),
        xlabel="time (s)",
        ylabel="apical potential (dimensionless)",
        title=f"{title}: all cells of one run",
    )
    axes.xaxis.set_major_locator(MaxNLocator(4))


def plot_errors(axes, tree):
    """Is the apical error gone because the output has been learned?"""
    found = tree["new_association"]
    on, _ = _teacher(tree)
    first = float(found.time[np.searchsorted(found.time.values, 1000 * on + 1)])
    shown = {
        "apical": "apical potential",
        "predicted_error": "error of what basal dendrites predict",
    }
    for series, (name, label) in zip(style.LINES, shown.items(), strict=False):
        _curve(axes, found[name] / found[name].sel(time=first), series, label)
    _finish(axes, tree, "share of the value at onset", "which error goes first?")
    axes.set(ylim=(1e-5, 5), ylabel="size (share of that at the onset)")


def _teacher(tree):
    times = tree["stimuli/teacher"].to_dataset()
    return float(times.onset[0]) / 1000, float(times.offset[0]) / 1000


def _curve(axes, values, series, label):
    axes.plot(values.time / 1000, values.median("seed"), **series, label=label)


def _shade(axes, tree):
    axes.axvspan(*_teacher(tree), color=style.PALE, zorder=0)


def _finish(axes, tree, ylabel, title, columns=1):
    _shade(axes, tree)
    axes.set(xlabel="time (s)", ylabel=ylabel, title=title, yscale="log")
    style.legend(axes, columns=columns)
