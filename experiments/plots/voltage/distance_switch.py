"""The picture of the distance-switch experiment, from its saved tree alone."""

from matplotlib.figure import Figure

from experiments.plots import style

CHANGE = "weight after induction (percent of initial)"


@style.picture
def plot(tree) -> Figure:
    """Change over distance in both kinds of dendrite, and over the local peak.

    All at the highest frequency of pairings.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.distance_switch.distance_switch` returns or
        `dendrites.open_run` reads.
    """
    found = tree["synapses"].to_dataset()
    found = found.sel(frequency=found.frequency.max())
    title = f"{tree.attrs['title']}, {float(found.frequency):g} Hz"
    figure = style.figure(title, height=4.2)
    *panels, peaks = figure.subplots(1, 3)
    for axes, dendrite in zip(panels, found.dendrite.values, strict=True):
        plot_distances(axes, found.sel(dendrite=dendrite))
    panels[1].sharey(panels[0])
    style.legend(panels[0], title="held depolarisation", columns=3)
    plot_peaks(peaks, found)
    return figure


def plot_distances(axes, found):
    """Change over distance, a line for every held depolarisation."""
    style.zero(axes, 100.0)
    held = found.depolarisation.values
    for series, value in zip(style.graded(held.size), held, strict=True):
        one = found.change.sel(depolarisation=value)
        axes.plot(one.distance_um, one, **series, label=f"{value:g} mV")
    axes.set(
        xlabel=r"distance from the soma ($\mu$m)",
        ylabel=CHANGE,
        title=f"{found.dendrite.item()} dendrite",
    )


def plot_peaks(axes, found):
    """The same changes over the largest local potential, both kinds of dendrite."""
    style.zero(axes, 100.0)
    held = found.depolarisation.values
    for fill, dendrite in zip(("full", "none"), found.dendrite.values, strict=False):
        one = found.sel(dendrite=dendrite)
        for series, value in zip(style.graded(held.size), held, strict=True):
            points = one.sel(depolarisation=value)
            marks = {**series, "linestyle": "", "fillstyle": fill}
            axes.plot(points.peak_potential, points.change, **marks)
        axes.plot([], [], "o", color=style.GREY, fillstyle=fill, label=str(dendrite))
    axes.set(
        xlabel="largest local potential (mV)",
        ylabel=CHANGE,
        title="the same over the local peak",
    )
    style.legend(axes, title="dendrite; colours and marks as in panel a", columns=2)
