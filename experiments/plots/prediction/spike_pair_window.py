"""The picture of the spike-pair-window experiment, from its saved tree alone."""

from matplotlib.figure import Figure


def plot(tree) -> Figure:
    """The window at every V*, one panel each.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.spike_pair_window.spike_pair_window` returns or
        `dendrites.open_run` reads.
    """
    window = tree["window"].to_dataset()
    n = window.sizes["potential"]
    columns = min(n, 3)
    rows = -(-n // columns)
    figure = Figure(figsize=(4.4 * columns, 3.8 * rows + 0.4), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, potential in zip(panels, window.potential.values, strict=False):
        plot_window(axes, window.sel(potential=potential))
    for axes in panels[n:]:
        axes.set_axis_off()
    panels[0].legend(fontsize="small", loc="upper left")
    figure.suptitle(tree.attrs["title"])
    return figure


def plot_window(axes, window):
    """Weight change over the lag of the somatic spike, and the closed form."""
    axes.axhline(0.0, color="0.7", linewidth=0.8)
    axes.axvline(0.0, color="0.7", linewidth=0.8)
    axes.plot(window.lag, window.change, color="C0", linewidth=3, label="measured")
    axes.plot(
        window.lag, window.expected, color="C1", linestyle="--", label="closed form"
    )
    potential, rate = float(window.potential), float(window.rate)
    axes.set(
        xlabel="somatic minus input spike (ms)",
        ylabel="weight change (pA)",
        title=f"V* = {potential:g} mV, phi(V*) = {rate:.3g} Hz",
    )
    return axes
