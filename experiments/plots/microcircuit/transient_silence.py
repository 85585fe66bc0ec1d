"""The picture of the transient-silence experiment, from its saved tree alone."""

from matplotlib.figure import Figure

from experiments.plots import style

TITLES = {"equal": "equal conductances", "matched": "matched conductances"}
ROUNDING = 1e-15


@style.picture
def plot(tree) -> Figure:
    """Apical potentials of one layer, and the largest of every layer, over time.

    Traces are those of hidden layer 1 with equal conductances, first network and pair
    of inputs: all others lie on zero. What they are shows on logarithmic axes.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.transient_silence.transient_silence` returns or
        `dendrites.open_run` reads.
    """
    names = sorted(tree["populations"].children)
    networks = tree[f"populations/{names[0]}"].sizes["replica"]
    words = "one network" if networks == 1 else f"{networks} networks"
    figure = style.figure(
        f"{tree.attrs['title']} ({style.seeds_of(tree)}, {words})",
        width=3.3 * (1 + len(names)),
        height=4.2,
    )
    traces, *peaks = figure.subplots(1, 1 + len(names))
    plot_traces(traces, tree, names[0])
    for axes, name in zip(peaks, names, strict=True):
        plot_peaks(axes, tree, name)
    return figure


def plot_traces(axes, tree, name):
    """Apical potentials of all cells of a hidden layer while the input is replaced."""
    v = tree[f"populations/{name}"].v.sel(condition="equal", compartment="apical")
    first = v.isel(replica=0, sample=0)
    axes.plot(
        first.time, first.transpose("time", "unit"), color=style.BLUE, linewidth=0.7
    )
    _mark_switch(axes, tree)
    axes.set(
        xlabel="time (ms)",
        ylabel="apical potential (dimensionless)",
        title=f"{_words(name)}: {TITLES['equal']}",
    )
    style.legend(axes)


def plot_peaks(axes, tree, name):
    """Largest apical potential of the layer at every moment, on a logarithmic scale."""
    v = abs(tree[f"populations/{name}"].v.sel(compartment="apical"))
    for series, (condition, label) in zip(style.LINES, TITLES.items(), strict=False):
        largest = v.sel(condition=condition).max(("replica", "sample", "unit"))
        positive = largest[largest.values > 0]  # 0 has no logarithm
        axes.plot(positive.time, positive, **series, label=label)
    axes.axhspan(1e-18, ROUNDING, color=style.PALE, zorder=0, label="rounding")
    _mark_switch(axes, tree)
    axes.set(
        yscale="log",
        ylim=(1e-18, 10),
        xlabel="time (ms)",
        ylabel="largest apical potential (dimensionless)",
        title=f"{_words(name)}: all networks",
    )
    style.legend(axes)


def _words(name):
    return name.replace("hidden", "hidden layer ")


def _mark_switch(axes, tree):
    for k, onset in enumerate(tree["stimuli/input"].onset.values):
        label = None if k else "input comes on or changes"
        axes.axvline(onset, color=style.GREY, linewidth=1, linestyle=":", label=label)
