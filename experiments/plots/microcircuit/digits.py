"""The picture of the digits experiment, from its saved tree alone."""

import numpy as np

from experiments.plots.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    LINES,
    PURPLE,
    RED,
    figure,
    legend,
    log_percent,
    picture,
    seeds_of,
    zero,
)

# One look for each learner, in both panels of errors.
CIRCUIT, TRAINED, FROZEN = (
    {"color": BLUE, "linestyle": "-"},
    {"color": BLACK, "linestyle": (0, (1, 1)), "linewidth": 1.0},
    {"color": RED, "linestyle": "--"},
)
LEVELS = {
    "linear": ("linear classifier", {"color": GREEN, "linestyle": "-."}),
    "frozen_hidden_readout": (
        "frozen hidden layers, converged readout",
        {"color": PURPLE, "linestyle": (0, (5, 1))},
    ),
    "backprop": ("backprop, same network", {"color": GREY, "linestyle": ":"}),
}


@picture
def plot(tree):
    """Learning curves of both tasks, angles, and the apical error of one image.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.digits.digits` returns or `dendrites.open_run` reads.
    """
    drawn = figure(f"{tree.attrs['title']} ({seeds_of(tree)})", width=12, height=8.4)
    both = "negatives" in tree.children
    grid = drawn.add_gridspec(2, 12, height_ratios=(1.25, 1))
    panels = np.split(np.arange(12), 3 if both else 2)
    first, *_ = spans = [grid[0, part[0] : part[-1] + 1] for part in panels]
    errors = plot_errors(
        drawn.add_subplot(first),
        tree,
        title="errors on digits",
    )
    frozen = tree["controls/frozen_hidden"].error_rate.sel(split="test")
    errors.plot(
        frozen.epoch, 100 * frozen, label="frozen hidden layers, own rule", **FROZEN
    )
    legend(errors)
    plot_angles(drawn.add_subplot(spans[-1]), tree)
    if both:
        plot_errors(
            drawn.add_subplot(spans[1], sharey=errors),
            tree["negatives"],
            title="the same, half of the images in negative",
        )
    top = None
    for k, condition in enumerate(tree["populations/hidden1"].condition.values):
        axes = drawn.add_subplot(grid[1, 3 * k : 3 * k + 3], sharex=top, sharey=top)
        plot_apical(axes, tree, str(condition))
        top = top or axes
        if k:
            axes.set(ylabel="")
            axes.tick_params(labelleft=False)
    return drawn


def plot_errors(axes, tree, *, title):
    """Errors of the circuit over epochs, and of references."""
    curves = tree["training"].error_rate
    axes.plot(
        curves.epoch, 100 * curves.sel(split="test"), label="microcircuit", **CIRCUIT
    )
    axes.plot(
        curves.epoch,
        100 * curves.sel(split="train"),
        label="microcircuit, on its training images",
        **TRAINED,
    )
    found = tree["references"].error_rate
    for name, (label, look) in LEVELS.items():
        value = 100 * float(found.sel(reference=name))
        axes.axhline(value, label=label, **look)
    final = 100 * float(curves.sel(split="test")[-1])
    linear = 100 * float(found.sel(reference="linear"))
    axes.set(
        yscale="log",
        ylim=(0.5, 100),
        xlabel="epoch",
        ylabel="error (%)",
        title=f"{title}:\n{final:.1f} % on new images, linear {linear:.1f} %",
    )
    log_percent(axes)
    return axes


def plot_angles(axes, tree):
    """Angle between each layer's weight change and the exact gradient."""
    angles = tree["diagnostics"].angle_to_bp
    for name, look in zip(angles.layer.values, LINES, strict=False):
        axes.plot(angles.epoch_at, angles.sel(layer=name), label=str(name), **look)
    zero(axes, 90)
    axes.set(
        ylim=(0, 100),
        yticks=(0, 30, 60, 90),
        xlabel="epoch",
        ylabel="angle to the exact gradient (degree)",
        title="do updates point down the loss?\n(90: unrelated)",
    )
    legend(axes, columns=3)
    return axes


def plot_apical(axes, tree, condition):
    """Apical potentials of all cells of hidden layer 1 while one image is shown."""
    v = tree["populations/hidden1"].v.sel(compartment="apical", condition=condition)
    axes.plot(v.time, v.transpose("time", "unit"), color=RED, linewidth=0.5, alpha=0.6)
    power = float(np.sqrt((v.isel(time=-1) ** 2).mean()))
    axes.set(
        xlabel="time of the image (ms)",
        ylabel="apical potential,\nhidden layer 1 (1)",
        title=condition.replace(", ", "\n") + f":\nsettles at {power:.2g} rms",
    )
    return axes
