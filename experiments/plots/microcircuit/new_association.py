"""The picture of the new-association experiment, from its saved tree alone."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator


def plot(tree) -> Figure:
    """Apical error, its parts, the output and the speed of learning over time.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.new_association.new_association` returns or
        `dendrites.open_run` reads. Traces of cells are those of the first run, curves
        are medians over runs.
    """
    figure = Figure(figsize=(14, 8), layout="constrained")
    parts, output, speed, onset, offset, errors = figure.subplots(2, 3).flat
    plot_parts(parts, tree)
    plot_output(output, tree)
    plot_speed(speed, tree)
    on, off = _teacher(tree)
    lengths = min(on, 1.0), min(off - on, 1.0)
    plot_cells(onset, tree, on - lengths[0], on + lengths[1], "the teacher comes on")
    plot_cells(offset, tree, off - lengths[1], off + lengths[0], "and is removed")
    offset.sharey(onset)
    plot_errors(errors, tree)
    first, last = tree["new_association"].seed.values[[0, -1]]
    seeds = f"seed {first}" if first == last else f"seeds {first}-{last}"
    figure.suptitle(f"{tree.attrs['title']} ({seeds}; grey: teacher on)")
    return figure


def plot_parts(axes, tree):
    """Top-down and lateral parts of the apical potential, and their sum."""
    found = tree["new_association"]
    _curve(axes, found.top_down, "C0", "top-down part, B r_output")
    _curve(axes, found.lateral, "C1", "lateral part, W_PI r_interneuron", "--")
    _curve(axes, found.apical, "C3", "sum: apical potential")
    title = "apical potential and its parts"
    _finish(axes, tree, "root mean square over cells (1)", title)
    return axes


def plot_output(axes, tree):
    """Output rates of the first run and what the teacher asks for."""
    output = tree["populations/output"].to_dataset().isel(replica=0)
    colors = [f"C{k}" for k in output.unit.values]
    rates = output.rate.transpose("unit", "time")
    for rate, target, color in zip(rates, output.target, colors, strict=True):
        axes.plot(output.time / 1000, rate, color=color)
        axes.axhline(float(target), color=color, linewidth=0.8, linestyle=":")
    title = "output rates and their targets (dotted)"
    _finish(axes, tree, "rate (1)", title, log=False)
    return axes


def plot_speed(axes, tree):
    """How fast each class of weights is driven to change."""
    speed = tree["new_association"].weight_speed
    for k, name in enumerate(speed.projection.values):
        _curve(axes, speed.sel(projection=name), f"C{k}", str(name))
    _finish(axes, tree, "length of the change (1/ms)", "speed of learning")
    return axes


def plot_cells(axes, tree, start, stop, title):
    """Apical potentials of all cells of the first run, from `start` to `stop`, s."""
    v = tree["populations/hidden1"].v.isel(replica=0).sel(compartment="apical")
    v = v.sel(time=slice(1000 * start, 1000 * stop)).transpose("time", "unit")
    axes.plot(v.time / 1000, v, color="C3", linewidth=0.7)
    _finish(axes, tree, "apical potential (1)", title, log=False)
    axes.set_xlim(start, stop)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    return axes


def plot_errors(axes, tree):
    """Is the apical error gone because the output has been learned?"""
    found = tree["new_association"]
    on, _ = _teacher(tree)
    first = float(found.time[(found.time > 1000 * on + 1).values][0])
    for name, color, label in (
        ("apical", "C3", "apical potential"),
        ("predicted_error", "C2", "error of what basal dendrites predict"),
    ):
        _curve(axes, found[name] / found[name].sel(time=first), color, label)
    title = "which goes first, apical or output error?"
    _finish(axes, tree, "relative to the teacher's onset (1)", title)
    axes.set_ylim(1e-5, 5)
    return axes


def _teacher(tree):
    times = tree["stimuli/teacher"].to_dataset()
    return float(times.onset[0]) / 1000, float(times.offset[0]) / 1000


def _curve(axes, values, color, label, style="-"):
    middle = values.median("seed")
    axes.plot(values.time / 1000, middle, style, color=color, label=label)


def _finish(axes, tree, ylabel, title, log=True):
    axes.axvspan(*_teacher(tree), color="0.92", zorder=0)
    axes.set(xlabel="time (s)", ylabel=ylabel, title=title)
    if log:
        axes.set_yscale("log")
        axes.legend(fontsize="small")
