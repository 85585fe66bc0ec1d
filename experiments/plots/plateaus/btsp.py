"""The picture of the btsp experiment, from its saved tree alone."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

PUBLISHED = {"rise": 6.73, "fall": -3.89}
NAMES = {"fit": "mean of the fits", "one-cell": "fit to one cell"}
SHOWN_PEAK = 1500.0


def plot(tree) -> Figure:
    """Pairings over time, current and duration, and laps with a plateau.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.btsp.btsp` returns or `dendrites.open_run` reads.
    """
    figure = Figure(figsize=(15, 9), layout="constrained")
    panels = figure.subplots(2, 3)
    plot_times(panels[0, 0], tree)
    plot_currents(panels[0, 1], tree)
    plot_durations(panels[0, 2], tree)
    panels[1, 1].sharey(panels[1, 0])
    for axes, parameters in zip(panels[1], NAMES, strict=False):
        plot_ramps(axes, tree, parameters)
    plot_extremes(panels[1, 2], tree)
    figure.suptitle(tree.attrs["title"])
    return figure


def plot_times(axes, tree):
    """Weight change over the time of the spike, with the table's values as points."""
    pairing, table = tree["pairing"].to_dataset(), tree["table"].to_dataset()
    axes.axhline(0.0, color="0.6", linewidth=0.8)
    axes.axvspan(0.0, 0.3, color="0.85", linewidth=0)
    for w0, color in _colors(pairing.w0):
        axes.plot(
            pairing.spike_time / 1000.0,
            pairing.change.sel(w0=w0),
            color=color,
            label=f"{w0:g}",
        )
        if w0 in table.w0.values:
            axes.plot(
                table.spike_time / 1000.0,
                table.change.sel(w0=w0),
                "o",
                color=color,
                markerfacecolor="white",
                markersize=5,
            )
    points = Line2D([], [], color="0.3", linestyle="", marker="o", label="table")
    points.set_markerfacecolor("white")
    handles = [*axes.get_legend_handles_labels()[0], points]
    axes.legend(handles=handles, title="weight before", fontsize="small")
    axes.set(
        xlabel="presynaptic spike from the plateau's beginning (s)",
        ylabel="weight change (1)",
        title="the weight decides on the sign",
    )
    return axes


def plot_currents(axes, tree):
    """Weight change over the apical current, for the spike nearest to the plateau."""
    found = tree["amplitude"].to_dataset()
    found = found.sel(spike_time=0.0, method="nearest")
    axes.axhline(0.0, color="0.6", linewidth=0.8)
    for w0, color in _colors(found.w0):
        axes.plot(
            found.apical_current,
            found.change.sel(w0=w0),
            "o-",
            color=color,
            markersize=4,
            label=f"{w0:g}",
        )
    axes.legend(title="weight before", fontsize="small", loc="upper left")
    axes.set(
        xlabel="apical current of 300 ms (pA)",
        ylabel="weight change (1)",
        title=f"current: a gate (spike at {found.spike_time / 1000.0:g} s)",
    )
    return axes


def plot_durations(axes, tree):
    """The weight at which the sign changes, over the length of the plateau."""
    found = tree["duration"].to_dataset()
    length = found.plateau_duration
    for k, time in enumerate(found.spike_time.values):
        one = found.sel(spike_time=time)
        axes.plot(length, one.fixed_point, color=f"C{k}")
        label = f"spike at {time / 1000.0:g} s"
        axes.plot(length, one.border, "o", color=f"C{k}", markersize=4, label=label)
    for text, place, side in (
        ("depression", (0.03, 0.97), "top"),
        ("potentiation", (0.97, 0.03), "bottom"),
    ):
        axes.text(
            *place,
            text,
            transform=axes.transAxes,
            va=side,
            ha="left" if side == "top" else "right",
            color="0.4",
        )
    axes.legend(fontsize="small", loc="center left")
    axes.set(
        xscale="log",
        xlabel="plateau (ms)",
        ylabel="weight that does not change (1)",
        title="longer plateaus raise the border of the sign",
    )
    return axes


def plot_ramps(axes, tree, parameters):
    """Ramps lap by lap for the existing field nearest to 1.5 s after the plateau."""
    found = tree["laps"].to_dataset().sel(parameters=parameters)
    one = found.sel(field_peak=SHOWN_PEAK, method="nearest")
    axes.axhline(0.0, color="0.6", linewidth=0.8)
    axes.axvline(0.0, color="0.6", linewidth=0.8, linestyle="--")
    last = int(found.lap[-1])
    for lap in found.lap.values:
        shade = 0.75 * (1.0 - lap / last)
        axes.plot(
            one.position / 1000.0,
            one.ramp.sel(lap=lap),
            color="C3" if lap == 0 else str(shade),
            linewidth=2 if lap in (0, last) else 1,
            label="before" if lap == 0 else f"lap {lap}",
        )
    change = one.ramp.sel(lap=last) - one.ramp.sel(lap=0)
    axes.plot(one.position / 1000.0, change, "C0--", linewidth=1.5, label="change")
    axes.legend(fontsize="small")
    axes.set(
        xlabel="running time from the plateau's place (s)",
        ylabel="ramp (mV)",
        title=f"laps with a plateau, {NAMES[parameters]}",
    )
    return axes


def plot_extremes(axes, tree):
    """Largest and smallest change of the ramp over the place of the old field."""
    found = tree["laps"].to_dataset()
    axes.axhline(0.0, color="0.6", linewidth=0.8)
    for parameters, style in zip(NAMES, ("-", "--"), strict=True):
        one = found.sel(parameters=parameters)
        for name, color in (("rise", "C3"), ("fall", "C0")):
            axes.plot(
                one.field_peak / 1000.0,
                one[name],
                style,
                marker="o",
                markersize=4,
                color=color,
                label=f"{name}, {NAMES[parameters]}",
            )
    for name, color in (("rise", "C3"), ("fall", "C0")):
        axes.axhline(
            PUBLISHED[name],
            color=color,
            linestyle=":",
            label=f"{name}, published mean",
        )
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.35 * (high - low))
    axes.legend(fontsize="x-small", ncols=2, loc="upper center")
    axes.set(
        xlabel="peak of the old field from the plateau's place (s)",
        ylabel="extreme change of the ramp (mV)",
        title="rise and fall of ramps",
    )
    return axes


def _colors(weights):
    """Weights with a colour each, from weak (dark) to strong."""
    from matplotlib import colormaps

    shades = colormaps["viridis"](np.linspace(0.0, 0.85, weights.size))
    return zip(weights.values, shades, strict=True)
