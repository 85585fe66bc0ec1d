"""The picture of the transient-silence experiment, from its saved tree alone."""

from matplotlib.figure import Figure

TITLES = {
    "equal": "equal conductances, 1 per ms",
    "matched": "matched conductances",
}


def plot(tree) -> Figure:
    """Apical potentials of every hidden layer for both settings, and their peaks.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.transient_silence.transient_silence` returns or
        `dendrites.open_run` reads. Traces are those of the first network and pair.
    """
    names = sorted(tree["populations"].children)
    figure = Figure(figsize=(11, 1 + 3 * len(names)), layout="constrained")
    panels = figure.subplots(len(names), 3, squeeze=False)
    for row, name in zip(panels, names, strict=True):
        for axes, condition in zip(row, TITLES, strict=False):
            plot_traces(axes, tree, name, condition)
            axes.sharey(panels[0, 0])
        plot_peaks(row[2], tree, name)
    figure.suptitle(f"{tree.attrs['title']} (seed {tree.attrs['seed']})")
    return figure


def plot_traces(axes, tree, name, condition):
    """Apical potentials of all cells of a hidden layer while the input is replaced."""
    v = tree[f"populations/{name}"].v.sel(condition=condition, compartment="apical")
    peak = float(abs(v).max())
    first = v.isel(replica=0, sample=0)
    axes.plot(first.time, first.transpose("time", "unit"), color="C3", linewidth=0.6)
    _mark_switch(axes, tree)
    axes.set(
        xlabel="time (ms)",
        ylabel="apical potential (1)",
        title=f"{name}, {TITLES[condition]}\npeak {peak:.2g}",
    )
    return axes


def plot_peaks(axes, tree, name):
    """Largest apical potential of the layer at every moment, on a logarithmic scale."""
    v = abs(tree[f"populations/{name}"].v.sel(compartment="apical"))
    for k, condition in enumerate(TITLES):
        largest = v.sel(condition=condition).max(("replica", "sample", "unit"))
        axes.plot(largest.time, largest, color=f"C{k}", label=condition)
    _mark_switch(axes, tree)
    axes.set(
        yscale="log",
        ylim=(1e-18, 10),
        xlabel="time (ms)",
        ylabel="largest |apical potential| (1)",
        title=f"{name}, both settings,\nlogarithmic (rounding: 1e-16)",
    )
    axes.legend(fontsize="small")
    return axes


def _mark_switch(axes, tree):
    for onset in tree["stimuli/input"].onset.values:
        axes.axvline(onset, color="0.6", linewidth=1, linestyle=":")
