"""The picture of the early-late experiment, from its saved tree alone."""

from matplotlib.figure import Figure

from experiments.plots import style

CHANGE = "weight change per presynaptic\nactivity (dimensionless)"


@style.picture
def plot(tree) -> Figure:
    """Four conditions, the change over the onset, and over onset and duration.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.early_late.early_late` returns or `dendrites.open_run` reads.
    """
    figure = style.figure(f"{tree.attrs['title']} ({style.seeds_of(tree)})", height=4.2)
    axes = figure.subplots(1, 3, width_ratios=(0.8, 1.0, 1.2))
    plot_conditions(axes[0], tree)
    plot_onset(axes[1], tree)
    plot_map(axes[2], tree)
    return figure


def plot_conditions(axes, tree):
    """Changes without spikes, and those of every draw of spikes."""
    settled = tree["settled"].dw
    drawn = tree["conditions"].dw
    x = range(settled.sizes["condition"])
    for k in x:
        values = drawn.isel(condition=k)
        axes.plot([k] * values.sizes["repeat"], values, ".", color=style.RED, alpha=0.3)
    axes.plot(x, settled, "D", color=style.BLUE, label="no spikes, long halves")
    text = f"spikes, usual halves, {drawn.sizes['repeat']} draws"
    axes.plot([], [], ".", color=style.RED, label=text)
    style.zero(axes)
    axes.set_xticks(list(x), [str(name) for name in settled.condition.values])
    axes.set(xlabel="half with apical input", ylabel=CHANGE)
    axes.set_title("time sets the sign")
    axes.margins(x=0.15, y=0.1)
    style.legend(axes)


def plot_onset(axes, tree):
    """The change over the onset of an apical input of one duration."""
    found = tree["onset"].to_dataset()
    axes.plot(found.onset, found.dw, **style.LINES[0], label="no spikes, cell at rest")
    style.mean_and_band(
        axes,
        found.onset,
        found.dw_spikes_mean,
        found.dw_spikes_sd,
        style.LINES[1],
        f"mean and deviation of {found.sizes['repeat']} draws of spikes",
    )
    style.zero(axes)
    half = tree.attrs["t_stop_ms"] / 2
    axes.axvline(half, color=style.GREY, linestyle=":", label="second half begins")
    axes.set(
        xlabel="onset of the apical input (ms)", ylabel=CHANGE, title="over the onset"
    )
    style.legend(axes)


def plot_map(axes, tree):
    """The change over onset and duration, without spikes, and where its sign turns."""
    dw = tree["map"].dw
    style.signed_map(axes, dw.onset, dw.duration, dw, CHANGE)
    if float(dw.min()) < 0 < float(dw.max()):
        axes.contour(dw.onset, dw.duration, dw, levels=[0.0], colors="k", linewidths=1)
    axes.set(
        xlabel="onset of the apical input (ms)",
        ylabel="its duration (ms)",
        title="no spikes; line: no change",
    )
