"""The picture of the disinhibition-gate experiment, from its saved tree alone."""

import numpy as np
from matplotlib.figure import Figure

from experiments.plots import style

CHANGE = "relative weight change (dimensionless)"


@style.picture
def plot(tree) -> Figure:
    """Five conditions, courses in a pulse, the change over the gains of VIP and SST.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.disinhibition_gate.disinhibition_gate` returns or
        `dendrites.open_run` reads.
    """
    figure = style.figure(f"{tree.attrs['title']} ({style.seeds_of(tree)})", height=4.2)
    conditions, course, gains = figure.subplots(1, 3, width_ratios=(1.0, 1.0, 1.2))
    plot_conditions(conditions, tree)
    plot_course(course, tree)
    plot_gains(gains, tree)
    return figure


def plot_conditions(axes, tree):
    """Change of the weight in every condition: each noisy cell, and their mean."""
    change = tree["conditions"].dW
    names = [str(name) for name in change.condition.values]
    for k, name in enumerate(names):
        one = change.sel(condition=name)
        axes.plot([k] * one.sizes["repeat"], one, ".", color=style.BLUE, alpha=0.4)
        axes.plot(k, one.mean(), "_", color="k", markersize=18, markeredgewidth=2)
    style.zero(axes)
    axes.set_xticks(range(len(names)), [n.replace(" ", "\n") for n in names])
    axes.set(ylabel=CHANGE, title="growth needs L4, and SST silent")
    axes.margins(x=0.15, y=0.15)
    cells = change.sizes["repeat"]
    axes.plot([], [], ".", color=style.BLUE, label=f"{cells} cells with noise")
    axes.plot([], [], "_", color="k", markeredgewidth=2, label="their mean")
    style.legend(axes, gap=0.6)


def plot_course(axes, tree):
    """Apical potential over one period of the input, without noise."""
    course = tree["pulse"].apical
    drawn = {}
    for name, one in zip(course.condition.values, course.values, strict=True):
        same = [key for key, old in drawn.items() if np.array_equal(old[0], one)]
        drawn.setdefault(same[0] if same else name, (one, []))[1].append(str(name))
    for series, (values, names) in zip(style.LINES, drawn.values(), strict=False):
        axes.plot(course.latency, values, **series, label=" and ".join(names))
    style.level(axes, tree["pulse"].attrs["plateau_threshold"], "plateau\nof 1/2")
    axes.set(
        xlabel="time in the last period (ms)",
        ylabel="apical potential (dimensionless)",
        title="POm lifts the dendrite through VIP",
    )
    style.legend(axes, columns=2)


def plot_gains(axes, tree):
    """The change at the strongest inputs, with the line where it is 0."""
    found = tree["gains"].dW.isel(pom=-1, l4=-1).transpose("sst_gain", "vip_gain")
    style.signed_map(axes, found.vip_gain, found.sst_gain, found, CHANGE)
    axes.contour(found.vip_gain, found.sst_gain, found, levels=[0.0], colors="k")
    axes.set(
        xlabel="gain of VIP cells (dimensionless)",
        ylabel="gain of SST cells (dimensionless)",
        title="both inputs, no noise; black: no change",
    )
