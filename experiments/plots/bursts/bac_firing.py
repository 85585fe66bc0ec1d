"""The picture of the bac-firing experiment, from its saved tree alone."""

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

from experiments.plots import style

TITLES = {
    "soma": "somatic pulse alone",
    "apical": "apical pulse alone",
    "both": "both together",
}
SPIKE_TOP = 30.0  # mV, how high spikes are drawn
THRESHOLD = -50.0  # mV, where they begin
AROUND = (-20.0, 100.0)  # ms around the somatic pulse
ONSET = 100.0  # ms


@style.picture
def plot(tree) -> Figure:
    """Traces; spikes and plateaus over delay and current; rates over current.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.bac_firing.bac_firing` returns or `dendrites.open_run` reads.
    """
    figure = style.figure(tree.attrs["title"], height=10.0)
    above, middle, below = figure.subfigures(3, 1, height_ratios=(1, 1.15, 1.1))
    panels = above.subplots(1, 3, sharey=True)
    for axes, name in zip(panels, TITLES, strict=True):
        plot_traces(axes, tree, name)
    panels[0].set_ylabel("potential (mV)")
    style.legend(panels[0], columns=3)
    found = tree["coincidence"].to_dataset()
    spikes, plateau = middle.subplots(1, 2)
    plot_spikes(spikes, found)
    plot_plateau(plateau, found)
    rates, events = below.subplots(1, 2)
    gain = tree["gain"].to_dataset()
    plot_gain(rates, gain.rate, "spikes: apical current adds some")
    plot_gain(events, gain.event_rate, "events (a burst is one): it takes some away")
    style.legend(rates, title="apical current", columns=3)
    return figure


def plot_traces(axes, tree, name):
    """Potentials of one condition; spikes are bars above the somatic potential."""
    cell = tree["populations/cell"].to_dataset().sel(condition=name)
    row = int(np.flatnonzero(tree["populations/cell"].condition.values == name)[0])
    spikes = tree["spikes/cell"]
    times = spikes.spike_time.values[spikes.spike_trial.values == row] - ONSET
    for place, series in zip(("soma", "apical"), style.LINES, strict=False):
        v = cell.v.sel(compartment=place).isel(unit=0)
        axes.plot(cell.time - ONSET, v, **series, label=place)
    start = np.full(len(times), THRESHOLD)
    axes.vlines(
        times, start, SPIKE_TOP, color="k", linewidth=1.0, label="somatic spike"
    )
    count = f"{len(times)} spike{'' if len(times) == 1 else 's'}"
    axes.set(
        xlim=AROUND,
        ylim=(-90, SPIKE_TOP + 5),
        xlabel="time from the somatic pulse (ms)",
        title=f"{TITLES[name]}: {count}",
    )


def plot_spikes(axes, found):
    """Number of output spikes; lines where the apical pulse begins to add one."""
    most = max(int(found.n_spikes.max()), 1)
    edges = np.arange(-0.5, most + 1)
    shades = colormaps["Blues"](np.linspace(0.05, 0.8, most + 1))
    image = axes.pcolormesh(
        found.delay,
        found.apical_current,
        found.n_spikes.transpose("apical_current", "delay"),
        cmap=ListedColormap(shades),
        norm=BoundaryNorm(edges, most + 1),
        shading="nearest",
    )
    axes.figure.colorbar(
        image, ax=axes, label="number of output spikes", ticks=range(most + 1)
    )
    _thresholds(axes, found, style.RED)
    style.legend(axes)
    axes.set(title="output spikes over delay and current")


def plot_plateau(axes, found):
    """Area of the apical plateau."""
    image = axes.pcolormesh(
        found.delay,
        found.apical_current,
        found.plateau_area.transpose("apical_current", "delay"),
        cmap=style.SEQUENTIAL,
        shading="nearest",
    )
    axes.figure.colorbar(image, ax=axes, label=r"plateau area above $-20$ mV (mV ms)")
    _thresholds(axes, found, "white")
    axes.set(title="plateau of the dendrite; lines as in d")


def _thresholds(axes, found, color):
    text = "lowest current that adds a spike"
    axes.plot(
        found.delay, found.threshold, color=color, label=f"{text} to the somatic pulse"
    )
    axes.axhline(
        float(found.threshold_alone), color=color, linestyle="--", label=f"{text} alone"
    )
    axes.set(xlabel="apical minus somatic onset (ms)", ylabel="apical current (pA)")


def plot_gain(axes, rate, title):
    """A rate over constant somatic current, a line for each apical current.

    Marks lie at other places on every line, so that lines on each other are seen.
    """
    currents = rate.apical_current.values
    for k, (series, current) in enumerate(
        zip(style.graded(currents.size), currents, strict=True)
    ):
        one = rate.sel(apical_current=current)
        places = (k, currents.size)
        label = f"{current:g} pA"
        axes.plot(one.soma_current, one, **series, markevery=places, label=label)
    axes.set(xlabel="constant somatic current (pA)", ylabel="rate (Hz)", title=title)
