"""The picture of the drift experiment, from its saved tree alone."""

import json

from matplotlib.figure import Figure

from experiments.plots import style

POTENTIAL = "predicted potential $V^*$ (mV)"


@style.picture
def plot(tree) -> Figure:
    """Mean weight changes over V*, closer by U_M, and deviations from the closed form.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.drift.drift` returns or `dendrites.open_run` reads.
    """
    cells = json.loads(tree.attrs["config_json"])["cells"]
    figure = style.figure(
        f"{tree.attrs['title']} ({style.seeds_of(tree)}, {cells} cells per point)"
    )
    changes, zero, deviations = figure.subplots(1, 3)
    plot_changes(changes, tree)
    changes.set_title("weights grow below $U_M$, shrink above")
    style.legend(changes)
    plot_zero(zero, tree)
    plot_deviations(deviations, tree)
    return figure


def plot_changes(axes, tree):
    """Measured and predicted weight change, and the matching potential U_M."""
    found, curve = tree["drift"].to_dataset(), tree["closed_form"].to_dataset()
    style.zero(axes)
    axes.plot(curve.potential, curve.predicted, color="k", label="closed form")
    axes.errorbar(
        found.potential,
        found.measured,
        found.standard_error,
        fmt="o",
        color=style.BLUE,
        label="measured: mean and standard error",
    )
    point = tree["fixed_point"]
    if "matching_potential" in point:
        axes.axvline(
            float(point.matching_potential),
            color=style.RED,
            linestyle=":",
            label="matching potential $U_M$",
        )
    axes.set(xlabel=POTENTIAL, ylabel="mean weight change (pA)")


def plot_zero(axes, tree):
    """The same where the drift changes its sign."""
    plot_changes(axes, tree)
    found = tree["drift"].to_dataset()
    unit = float(abs(found.predicted.min()) + found.standard_error.min())
    centre = tree["fixed_point"].get("matching_potential", found.potential[-1])
    axes.set(
        xlim=(float(centre) - 2.5, float(found.potential[-1]) + 0.5),
        ylim=(-2.0 * unit, 4.0 * unit),
        title="the same around $U_M$",
    )
    axes.ticklabel_format(axis="y", style="plain")


def plot_deviations(axes, tree):
    """Measured minus predicted, in standard errors."""
    found = tree["drift"].to_dataset()
    error = (found.measured - found.predicted) / found.standard_error
    text = "two standard errors to both sides"
    axes.axhspan(-2.0, 2.0, color=style.PALE, zorder=0, label=text)
    style.zero(axes)
    axes.plot(found.potential, error, "o", color=style.BLUE)
    limit = 1.1 * max(3.0, float(abs(error).max()))
    axes.set(
        xlabel=POTENTIAL,
        ylabel="deviation (standard errors)",
        title="measured minus closed form",
        ylim=(-limit, limit),
    )
    style.legend(axes)
