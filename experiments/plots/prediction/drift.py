"""The picture of the drift experiment, from its saved tree alone."""

import json

from matplotlib.figure import Figure


def plot(tree) -> Figure:
    """Mean weight changes over V*, closer by U_M, and deviations from the closed form.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.drift.drift` returns or `dendrites.open_run` reads.
    """
    figure = Figure(figsize=(14, 4.6), layout="constrained")
    changes, zero, deviations = figure.subplots(1, 3)
    plot_changes(changes, tree)
    plot_zero(zero, tree)
    plot_deviations(deviations, tree)
    cells = json.loads(tree.attrs["config_json"])["cells"]
    figure.suptitle(
        f"{tree.attrs['title']} (seed {tree.attrs['seed']}, {cells} cells per point)"
    )
    return figure


def plot_changes(axes, tree):
    """Measured and predicted weight change; the dotted line is U_M."""
    found, curve = tree["drift"].to_dataset(), tree["closed_form"].to_dataset()
    axes.axhline(0.0, color="0.7", linewidth=0.8)
    axes.plot(curve.potential, curve.predicted, color="0.4", label="closed form")
    axes.errorbar(
        found.potential,
        found.measured,
        found.standard_error,
        fmt="o",
        color="C0",
        markersize=4,
        label="measured, with standard error",
    )
    point = tree["fixed_point"]
    if "matching_potential" in point:
        axes.axvline(
            float(point.matching_potential),
            color="C3",
            linestyle=":",
            label="matching potential U_M",
        )
    axes.set(
        xlabel="predicted potential V* (mV)",
        ylabel="mean weight change (pA)",
        title="weights grow below U_M and shrink above it",
    )
    axes.legend(fontsize="small")
    return axes


def plot_zero(axes, tree):
    """The same where the drift changes its sign."""
    plot_changes(axes, tree)
    found = tree["drift"].to_dataset()
    unit = float(abs(found.predicted.min()) + found.standard_error.min())
    centre = tree["fixed_point"].get("matching_potential", found.potential[-1])
    axes.set(
        xlim=(float(centre) - 2.5, float(found.potential[-1]) + 0.5),
        ylim=(-2.0 * unit, 4.0 * unit),
        title="the same around U_M",
    )
    axes.get_legend().remove()
    return axes


def plot_deviations(axes, tree):
    """Measured minus predicted, in standard errors."""
    found = tree["drift"].to_dataset()
    error = (found.measured - found.predicted) / found.standard_error
    axes.axhspan(-2.0, 2.0, color="0.93", zorder=0, label="two standard errors")
    axes.axhline(0.0, color="0.7", linewidth=0.8)
    axes.plot(found.potential, error, "o", color="C0", markersize=4)
    limit = 1.1 * max(3.0, float(abs(error).max()))
    axes.set(
        xlabel="predicted potential V* (mV)",
        ylabel="measured - closed form (standard errors)",
        title="deviation from the closed form",
        ylim=(-limit, limit),
    )
    axes.legend(fontsize="small", loc="lower right")
    return axes
