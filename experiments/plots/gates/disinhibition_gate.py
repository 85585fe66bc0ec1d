"""The picture of the disinhibition-gate experiment, from its saved tree alone."""

from matplotlib.figure import Figure

CHANGE = "relative change of the basal weight (1)"


def plot(tree) -> Figure:
    """Five conditions, courses in a pulse, the change over the gains of VIP and SST.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.disinhibition_gate.disinhibition_gate` returns or
        `dendrites.open_run` reads.
    """
    figure = Figure(figsize=(15, 4.6), layout="constrained")
    conditions, course, gains = figure.subplots(1, 3, width_ratios=(1.0, 1.1, 1.1))
    plot_conditions(conditions, tree)
    plot_course(course, tree)
    plot_gains(gains, tree)
    figure.suptitle(f"{tree.attrs['title']} (seed {tree.attrs['seed']})")
    return figure


def plot_conditions(axes, tree):
    """Change of the weight in every condition: each noisy cell, and their mean."""
    change = tree["conditions"].dW
    names = [str(name) for name in change.condition.values]
    for k, name in enumerate(names):
        one = change.sel(condition=name)
        axes.plot([k] * one.sizes["repeat"], one, ".", color=f"C{k}", alpha=0.4)
        axes.plot(k, one.mean(), "_", color=f"C{k}", markersize=24, markeredgewidth=2)
    axes.axhline(0.0, color="0.6", linewidth=0.8)
    axes.set_xticks(range(len(names)), [n.replace(", ", ",\n") for n in names])
    axes.tick_params(axis="x", labelsize="small")
    axes.set(ylabel=CHANGE, title="growth needs L4 input and silent SST cells")
    axes.margins(x=0.15, y=0.15)
    return axes


def plot_course(axes, tree):
    """Apical potential over one period of the input, without noise."""
    course = tree["pulse"].to_dataset()
    for k, name in enumerate(course.condition.values):
        one = course.sel(condition=name)
        # "both" and "POm only" are one line.
        style = (0, (4, 4)) if name == "POm only" else "-"
        above = 3 if name == "POm only" else 2
        axes.plot(
            one.latency,
            one.apical,
            linestyle=style,
            color=f"C{k}",
            zorder=above,
            label=str(name),
        )
    axes.axhline(
        course.attrs["plateau_threshold"],
        color="0.6",
        linewidth=0.8,
        linestyle=":",
        label="plateau is 1/2",
    )
    axes.set(
        xlabel="time in the last period (ms)",
        ylabel="apical potential (1)",
        title="VIP cells silence SST cells in a pulse of POm",
    )
    axes.margins(y=0.3)
    axes.legend(fontsize="small", loc="upper center", ncols=3)
    return axes


def plot_gains(axes, tree):
    """The change at the strongest inputs, with the line where it is 0."""
    found = tree["gains"].dW.isel(pom=-1, l4=-1)
    limit = float(abs(found).max())
    image = axes.pcolormesh(
        found.vip_gain,
        found.sst_gain,
        found.T,
        cmap="RdBu_r",
        vmin=-limit,
        vmax=limit,
        shading="nearest",
    )
    axes.contour(found.vip_gain, found.sst_gain, found.T, levels=[0.0], colors="k")
    axes.figure.colorbar(image, ax=axes, label=CHANGE)
    axes.set(
        xlabel="gain of VIP output (1)",
        ylabel="gain of SST output (1)",
        title=f"both inputs (POm {float(found.pom):g}, L4 {float(found.l4):g}), "
        "no noise\nblack: no change",
    )
    return axes
