"""The picture of the early-late experiment, from its saved tree alone."""

from matplotlib.figure import Figure

LABEL = "weight change per presynaptic activity (1)"


def plot(tree) -> Figure:
    """Four conditions, the change over the onset, and over onset and duration.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.early_late.early_late` returns or `dendrites.open_run` reads.
    """
    figure = Figure(figsize=(14, 4.6), layout="constrained")
    axes = figure.subplots(1, 3, width_ratios=(0.8, 1.1, 1.2))
    plot_conditions(axes[0], tree)
    plot_onset(axes[1], tree)
    plot_map(axes[2], tree)
    figure.suptitle(f"{tree.attrs['title']} (seed {tree.attrs['seed']})")
    return figure


def plot_conditions(axes, tree):
    """Changes without spikes, and those of every draw of spikes."""
    settled = tree["settled"].dw
    drawn = tree["conditions"].dw
    x = range(settled.sizes["condition"])
    for k in x:
        values = drawn.isel(condition=k)
        axes.plot([k] * values.sizes["repeat"], values, ".", color="C1", alpha=0.3)
    axes.plot(x, settled, "D", color="C0", label="no spikes, cell at rest, long halves")
    axes.plot([], [], ".", color="C1", label="spikes, halves of usual length")
    axes.axhline(0.0, color="0.6", linewidth=0.8)
    axes.set_xticks(list(x), [str(name) for name in settled.condition.values])
    axes.set(xlabel="apical input", ylabel=LABEL, title="depression and potentiation")
    axes.margins(x=0.15, y=0.25)
    axes.legend(fontsize="small", loc="upper left")
    return axes


def plot_onset(axes, tree):
    """The change over the onset of an apical input of one duration."""
    found = tree["onset"].to_dataset()
    axes.plot(found.onset, found.dw, color="C0", label="no spikes, cell at rest")
    mean, sd = found.dw_spikes_mean, found.dw_spikes_sd
    axes.plot(found.onset, mean, color="C1", label="spikes: mean and deviation")
    axes.fill_between(found.onset, mean - sd, mean + sd, color="C1", alpha=0.2, lw=0)
    axes.axhline(0.0, color="0.6", linewidth=0.8)
    axes.axvline(
        tree.attrs["t_stop_ms"] / 2,
        color="0.6",
        linewidth=0.8,
        linestyle="--",
        label="second half begins",
    )
    axes.set(
        xlabel="onset of the apical input (ms)", ylabel=LABEL, title="over the onset"
    )
    axes.legend(fontsize="small", loc="lower right")
    return axes


def plot_map(axes, tree):
    """The change over onset and duration, without spikes, and where its sign turns."""
    dw = tree["map"].dw
    largest = float(abs(dw).max())
    mesh = axes.pcolormesh(
        dw.onset,
        dw.duration,
        dw,
        cmap="RdBu_r",
        vmin=-largest,
        vmax=largest,
        shading="nearest",
        rasterized=True,
    )
    if float(dw.min()) < 0 < float(dw.max()):
        axes.contour(dw.onset, dw.duration, dw, levels=[0.0], colors="k", linewidths=1)
    axes.figure.colorbar(mesh, ax=axes, label=LABEL)
    axes.set(
        xlabel="onset of the apical input (ms)",
        ylabel="its duration (ms)",
        title="no spikes; black line: no change",
    )
    return axes
