"""The picture of the spike-pair-window experiment, from its saved tree alone."""

from matplotlib.figure import Figure

from experiments.plots import style

COLUMNS = 3


@style.picture
def plot(tree) -> Figure:
    """The window at every V*, one panel each, all of one scale.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.spike_pair_window.spike_pair_window` returns or
        `dendrites.open_run` reads.
    """
    window = tree["window"].to_dataset()
    n = window.sizes["potential"]
    columns = min(n, COLUMNS)
    rows = -(-n // columns)
    figure = style.figure(
        tree.attrs["title"], width=3.3 * columns + 0.5, height=2.9 * rows + 0.9
    )
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes, potential in zip(panels.flat, window.potential.values, strict=False):
        plot_window(axes, window.sel(potential=potential))
    for axes in panels.flat[n:]:
        axes.set_axis_off()
    for axes in panels[-1]:
        axes.set_xlabel("somatic minus input spike (ms)")
    for axes in panels[:, 0]:
        axes.set_ylabel("weight change (pA)")
    handles = panels[0, 0].get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def plot_window(axes, window):
    """Weight change over the lag of the somatic spike, and the closed form."""
    style.zero(axes)
    axes.axvline(0.0, color=style.GREY, linewidth=0.8, zorder=0)
    axes.plot(
        window.lag, window.change, color=style.SKY, linewidth=4, label="simulated"
    )
    axes.plot(window.lag, window.expected, "k--", linewidth=1, label="closed form")
    potential, rate = float(window.potential), float(window.rate)
    axes.set_title(rf"$V^*$ = {potential:g} mV, $\varphi(V^*)$ = {rate:.3g} Hz")
