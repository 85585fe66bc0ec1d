"""The picture of the bac-firing experiment, from its saved tree alone."""

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

TITLES = {
    "soma": "somatic pulse alone",
    "apical": "apical pulse alone",
    "both": "both together",
}
SPIKE_TOP = 30.0  # mV, how high spikes are drawn
AROUND = (-20.0, 100.0)  # ms around the somatic pulse
ONSET = 100.0  # ms


def plot(tree) -> Figure:
    """Traces; spikes and plateaus over delay and current; rates over current.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.bac_firing.bac_firing` returns or `dendrites.open_run` reads.
    """
    figure = Figure(figsize=(14, 8), layout="constrained")
    panels = figure.subplots(2, 3)
    for axes, name in zip(panels[0], TITLES, strict=True):
        plot_traces(axes, tree, name)
    panels[0, 0].legend(fontsize="small", loc="upper right")
    found = tree["coincidence"].to_dataset()
    plot_spikes(panels[1, 0], found)
    plot_plateau(panels[1, 1], found)
    plot_gain(panels[1, 2], tree["gain"].to_dataset())
    figure.suptitle(tree.attrs["title"])
    return figure


def plot_traces(axes, tree, name):
    """Potentials of one condition; spikes are bars above the somatic potential."""
    cell = tree["populations/cell"].to_dataset().sel(condition=name)
    row = int(np.flatnonzero(tree["populations/cell"].condition.values == name)[0])
    spikes = tree["spikes/cell"]
    times = spikes.spike_time.values[spikes.spike_trial.values == row] - ONSET
    time = cell.time - ONSET
    for place, color in (("apical", "C3"), ("soma", "C0")):
        axes.plot(
            time, cell.v.sel(compartment=place).isel(unit=0), color=color, label=place
        )
    threshold = np.full(len(times), -50.0)
    axes.vlines(times, threshold, SPIKE_TOP, color="C0", linewidth=1.2)
    count = f"{len(times)} spike{'' if len(times) == 1 else 's'}"
    axes.set(
        xlim=AROUND,
        ylim=(-90, SPIKE_TOP + 5),
        xlabel="time from the somatic pulse (ms)",
        ylabel="potential (mV)",
        title=f"{TITLES[name]}: {count}",
    )
    return axes


def plot_spikes(axes, found):
    """Number of output spikes; lines where the apical pulse begins to add one."""
    most = int(found.n_spikes.max())
    colors = ["0.93", "#c6dbef", "#6baed6", "#2171b5", "#08306b", "#3f007d"]
    edges = np.arange(-0.5, max(most, 1) + 1)
    shown = ListedColormap([colors[min(k, 5)] for k in range(len(edges) - 1)])
    image = axes.pcolormesh(
        found.delay,
        found.apical_current,
        found.n_spikes.T,
        cmap=shown,
        norm=BoundaryNorm(edges, shown.N),
        shading="nearest",
    )
    axes.figure.colorbar(
        image, ax=axes, label="output spikes (1)", ticks=range(len(edges) - 1)
    )
    _thresholds(axes, found)
    axes.legend(fontsize="small", loc="upper right", framealpha=0.9)
    axes.set(title="output spikes over delay and current")
    return axes


def plot_plateau(axes, found):
    """Area of the apical plateau."""
    image = axes.pcolormesh(
        found.delay,
        found.apical_current,
        found.plateau_area.T,
        cmap="magma",
        shading="nearest",
    )
    axes.figure.colorbar(image, ax=axes, label="plateau area above -20 mV (mV ms)")
    _thresholds(axes, found, color="w")
    axes.set(title="plateau of the dendrite")
    return axes


def _thresholds(axes, found, color="C3"):
    axes.plot(
        found.delay, found.threshold, color=color, label="threshold, with somatic pulse"
    )
    axes.axhline(
        float(found.threshold_alone),
        color=color,
        linestyle="--",
        label="threshold, apical pulse alone",
    )
    axes.set(xlabel="apical minus somatic onset (ms)", ylabel="apical current (pA)")


def plot_gain(axes, found):
    """Rates of spikes and of events over constant somatic current."""
    currents = found.apical_current.values
    for k, current in enumerate(currents):
        here = found.sel(apical_current=current)
        color = f"C{k}"
        axes.plot(
            here.soma_current, here.rate, color=color, label=f"{current:g} pA apical"
        )
        axes.plot(here.soma_current, here.event_rate, color=color, linestyle="--")
    axes.plot([], [], color="0.3", label="spikes")
    axes.plot([], [], color="0.3", linestyle="--", label="events")
    axes.legend(fontsize="small", loc="upper left")
    axes.set(
        xlabel="constant somatic current (pA)",
        ylabel="rate (Hz)",
        title="no noise: more spikes, fewer events",
    )
    return axes
