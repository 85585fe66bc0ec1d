"""The picture of the digits experiment, from its saved tree alone."""

import numpy as np
from matplotlib.figure import Figure

from experiments.plots import style

CIRCUIT, TRAINED, FROZEN = style.LINES[0], style.LINES[3], style.LINES[1]
#: Other learners: reference, name, look.
LEVELS = (
    ("linear", "linear classifier", style.LINES[2]),
    ("frozen_hidden_readout", "frozen hidden layers, best readout", style.LINES[5]),
    ("backprop", "backprop, same network", style.LINES[6]),
)


@style.picture
def plot(tree) -> Figure:
    """Learning curves of both tasks, angles, and the apical error of one image.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.digits` returns or `dendrites.open_run` reads; or of a sweep
        over seeds, of which the first one's image is shown.
    """
    drawn = style.figure(
        f"{tree.attrs['title']} ({style.seeds_of(tree)})", width=11.5, height=8.2
    )
    both = "negatives" in tree.children
    grid = drawn.add_gridspec(2, 12, height_ratios=(1.3, 1))
    spans = [part[[0, -1]] for part in np.split(np.arange(12), 3 if both else 2)]
    first, *others = (
        drawn.add_subplot(grid[0, start : end + 1]) for start, end in spans
    )
    plot_errors(first, tree, "digits")
    frozen = 100 * tree["controls/frozen_hidden"].error_rate.sel(split="test")
    style.mean_and_runs(
        first, frozen.epoch, frozen, "seed", FROZEN, "frozen hidden layers, own rule"
    )
    style.legend(first)
    if both:
        plot_errors(others[0], tree["negatives"], "half of them in negative")
    plot_angles(others[-1], tree)
    top = None
    v = style.first(tree["populations/hidden1"].v)
    for k, condition in enumerate(v.condition.values):
        axes = drawn.add_subplot(grid[1, 3 * k : 3 * k + 3], sharex=top, sharey=top)
        plot_apical(axes, v.sel(condition=condition, compartment="apical"))
        top = top or axes
        if k:
            axes.set(ylabel="")
            axes.tick_params(labelleft=False)
    return drawn


def plot_errors(axes, tree, images):
    """Errors over epochs on new and on training images; levels of other learners."""
    curves = 100 * tree["training"].error_rate
    for split, look, label in (
        ("test", CIRCUIT, "microcircuit, new images"),
        ("train", TRAINED, "microcircuit, its training images"),
    ):
        values = curves.sel(split=split)
        style.mean_and_runs(axes, values.epoch, values, "seed", look, label)
    found = 100 * tree["references"].error_rate
    for name, label, look in LEVELS:
        axes.axhline(float(found.sel(reference=name).mean()), label=label, **look)
    final = float(curves.sel(split="test").isel(epoch=-1).mean())
    linear = float(found.sel(reference="linear").mean())
    axes.set(
        ylim=(0.2, 100),
        xlabel="epoch",
        ylabel="error (percent)",
        title=f"{images}: {final:.1f} % wrong, linear {linear:.1f} %",
    )
    style.log_percent(axes)


def plot_angles(axes, tree):
    """Angle between each layer's weight change and the exact gradient."""
    angles = tree["diagnostics"].angle_to_bp
    for name, look in zip(angles.layer.values, style.LINES, strict=False):
        values = angles.sel(layer=name)
        epochs = style.first(tree["diagnostics"].epoch_at)
        style.mean_and_runs(axes, epochs, values, "seed", look, str(name))
    style.zero(axes, 90)
    axes.set(
        ylim=(0, 120),
        yticks=(0, 30, 60, 90, 120),
        xlabel="epoch",
        ylabel="angle to the exact gradient (degrees)",
        title="updates, digits (90: unrelated)",
    )
    style.legend(axes, columns=3)


def plot_apical(axes, v):
    """Apical potentials of all cells of hidden layer 1 while one image is shown."""
    axes.plot(
        v.time, v.transpose("time", "unit"), color=style.RED, linewidth=0.5, alpha=0.6
    )
    power = float(np.sqrt((v.isel(time=-1) ** 2).mean()))
    teacher, when = str(v.condition.values).split(", ")
    axes.set(
        xlabel="time of the image (ms)",
        ylabel="apical potential, hidden layer 1\n(dimensionless)",
        title=f"{teacher},\n{when}: {power:.2g} rms",
    )
