"""The picture of the digits experiment, from its saved tree alone."""

import numpy as np
from matplotlib.figure import Figure


def plot(tree) -> Figure:
    """Learning curves, angle to the gradient, and the apical error of one image.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.digits.digits` returns or `dendrites.open_run` reads.
    """
    figure = Figure(figsize=(12, 8), layout="constrained")
    grid = figure.add_gridspec(2, 4)
    plot_learning_curves(figure.add_subplot(grid[0, :2]), tree)
    plot_angles(figure.add_subplot(grid[0, 2:]), tree)
    first = None
    for k, condition in enumerate(tree["populations/hidden1"].condition.values):
        axes = figure.add_subplot(grid[1, k], sharex=first, sharey=first)
        plot_apical(axes, tree, str(condition))
        first = first or axes
        if k:
            axes.set(xlabel="", ylabel="")
            axes.tick_params(labelleft=False)
    figure.suptitle(f"{tree.attrs['title']} (seed {tree.attrs['seed']})")
    return figure


def plot_learning_curves(axes, tree):
    """Errors of the circuit and its frozen control over epochs, and of references."""
    curves = tree["training"].error_rate
    for split, style in (("train", "--"), ("test", "-")):
        count = tree[f"predictions/{split}"].sizes["example"]
        axes.plot(
            curves.epoch,
            100 * curves.sel(split=split),
            style,
            color="C0",
            label=f"microcircuit, {split} ({count} images)",
        )
    frozen = tree["controls/frozen_hidden"].error_rate.sel(split="test")
    axes.plot(
        frozen.epoch, 100 * frozen, color="C1", label="frozen hidden layers, own rule"
    )
    references = tree["references"].error_rate
    shown = {
        "frozen_hidden_readout": "frozen hidden layers, converged readout",
        "linear": "linear classifier",
        "backprop": "backprop, same network",
    }
    for k, (name, label) in enumerate(shown.items(), start=1):
        value = 100 * float(references.sel(reference=name))
        axes.axhline(
            value, color=f"C{k}", linewidth=1, label=f"{label}: {value:.1f} % (test)"
        )
    final = 100 * float(curves.sel(split="test")[-1])
    axes.set(
        yscale="log",
        ylim=(1, 100),
        xlabel="epoch",
        ylabel="error (%)",
        title=f"error on new digits after training: {final:.1f} %",
    )
    axes.legend(fontsize="small", loc="upper right", bbox_to_anchor=(1, 0.95))
    return axes


def plot_angles(axes, tree):
    """Angle between each layer's weight change and the exact gradient."""
    angles = tree["diagnostics"].angle_to_bp
    for name in angles.layer.values:
        axes.plot(angles.epoch_at, angles.sel(layer=name), label=str(name))
    axes.axhline(90, color="0.6", linewidth=1, linestyle=":")
    axes.set(
        ylim=(0, None),
        xlabel="epoch",
        ylabel="angle to the exact gradient (degree)",
        title="do the weight changes point down the loss? (90: unrelated)",
    )
    axes.legend(
        fontsize="small", title="layer", loc="upper left", bbox_to_anchor=(1, 1)
    )
    return axes


def plot_apical(axes, tree, condition):
    """Apical potentials of all cells of hidden layer 1 while one image is shown."""
    v = tree["populations/hidden1"].v.sel(compartment="apical", condition=condition)
    axes.plot(v.time, v.transpose("time", "unit"), color="C3", linewidth=0.5, alpha=0.6)
    power = float(np.sqrt((v.isel(time=-1) ** 2).mean()))
    axes.set(
        xlabel="time of the image (ms)",
        ylabel="apical potential, hidden layer 1 (1)",
        title=condition.replace(", ", "\n") + f"\nsettles at {power:.2g} rms",
    )
    return axes
