"""The picture of the distance-switch experiment, from its saved tree alone."""

from matplotlib import colormaps
from matplotlib.figure import Figure

MARKERS = {"passive": "o", "active": "^"}


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
    figure = Figure(figsize=(14, 4.8), layout="constrained")
    *panels, peaks = figure.subplots(1, 3)
    for axes, dendrite in zip(panels, found.dendrite.values, strict=True):
        plot_distances(axes, found.sel(dendrite=dendrite))
    panels[1].sharey(panels[0])
    panels[0].legend(title="held depolarisation", fontsize="small")
    plot_peaks(peaks, found)
    figure.suptitle(f"{tree.attrs['title']}, {float(found.frequency):g} Hz")
    return figure


def plot_distances(axes, found):
    """Change over distance, a line for every held depolarisation."""
    axes.axhline(100.0, color="0.7", linewidth=0.8)
    for color, held in zip(colors(found), found.depolarisation.values, strict=True):
        one = found.change.sel(depolarisation=held)
        axes.plot(
            one.distance_um, one, ".-", color=color, label=f"{held:g} mV", linewidth=1.5
        )
    axes.set(
        xlabel="distance from the soma (um)",
        ylabel="weight after induction (% of initial)",
        title=f"{found.dendrite.item()} dendrite",
    )
    return axes


def plot_peaks(axes, found):
    """The same changes over the largest local potential."""
    axes.axhline(100.0, color="0.7", linewidth=0.8)
    for dendrite, marker in MARKERS.items():
        one = found.sel(dendrite=dendrite)
        for color, held in zip(colors(found), found.depolarisation.values, strict=True):
            points = one.sel(depolarisation=held)
            axes.plot(
                points.peak_potential,
                points.change,
                marker,
                color=color,
                markersize=4,
                label=dendrite if held == found.depolarisation.max() else None,
            )
    axes.set(
        xlabel="largest local potential (mV)",
        ylabel="weight after induction (% of initial)",
        title="the same over the local peak",
    )
    axes.legend(fontsize="small")
    return axes


def colors(found):
    """A colour for every held depolarisation, dark for none."""
    n = found.sizes["depolarisation"]
    return [colormaps["viridis"](0.9 * k / max(n - 1, 1)) for k in range(n)]
