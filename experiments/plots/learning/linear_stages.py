"""The picture of the linear-stages experiment, from its saved tree alone."""

from matplotlib.figure import Figure

from experiments.plots import style

ELAPSED = "presentations times learning rate (dimensionless)"
TITLES = {
    "backprop": "backprop and Saxe et al.'s curves",
    "feedback_alignment": "feedback alignment, aligned feedback",
    "sacramento": "dendritic microcircuit, aligned feedback",
    "random_feedback": "random feedback over curves of aligned",
}


@style.picture
def plot(tree) -> Figure:
    """What every scheme has learned of each mode, over time, with theory beneath.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.learning.linear_stages.linear_stages` returns or
        `dendrites.open_run` reads.
    """
    curves = tree["stages"].to_dataset()
    networks = curves.sizes["replica"]
    several = f"{networks} networks" if networks > 1 else "one network"
    figure = style.figure(
        f"{tree.attrs['title']}\n({style.seeds_of(tree)}, {several})", height=6.5
    )
    panels = figure.subplots(2, 2, sharey=True)
    for axes, scheme in zip(panels.flat, curves.scheme.values, strict=True):
        plot_modes(axes, curves.sel(scheme=scheme))
        axes.set_title(TITLES[str(scheme)])
    for axes in panels[-1]:
        axes.set_xlabel(ELAPSED)
    for axes in panels[:, 0]:
        axes.set_ylabel("singular value (dimensionless)")
    for axes in panels.flat[1:]:
        axes.set_xlim(0.0, _settled(curves, "feedback_alignment"))
    handles = panels[0, 0].get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def plot_modes(axes, curves):
    """Strength of every mode, learned and expected."""
    for series, mode in zip(style.LINES, curves.mode.values, strict=False):
        one = curves.sel(mode=mode)
        wide = {**series, "linestyle": "-", "linewidth": 3.5, "alpha": 0.4}
        for replica in one.replica.values:
            label = f"{mode:g}" if replica == one.replica.values[0] else None
            axes.plot(
                one.elapsed, one.strength.sel(replica=replica), **wide, label=label
            )
        axes.plot(one.elapsed, one.expected, "k--", linewidth=0.9)
    axes.plot([], [], "k--", linewidth=0.9, label="theory")


def _settled(curves, scheme):
    """Three times the last half-time of a scheme, or all of the run."""
    last = 3.0 * float(curves.expected_half_time.sel(scheme=scheme).max())
    whole = float(curves.elapsed[-1])
    return min(last, whole) if last > 0 else whole
