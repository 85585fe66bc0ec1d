"""The picture of the btsp experiment, from its saved tree alone."""

from matplotlib.figure import Figure

from experiments.plots import style

NAMES = {"fit": "mean of the fits", "one-cell": "fit to one cell"}
CHANGE = "weight change (dimensionless)"
SHOWN_PEAK = 1500.0  # ms
WEIGHT = "weight before"


@style.picture
def plot(tree) -> Figure:
    """Pairings over time, current and duration, and laps with a plateau.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.btsp.btsp` returns or `dendrites.open_run` reads.
    """
    figure = style.figure(tree.attrs["title"], height=8.2)
    panels = figure.subplots(2, 3)
    plot_times(panels[0, 0], tree)
    plot_currents(panels[0, 1], tree)
    plot_durations(panels[0, 2], tree)
    panels[1, 1].sharey(panels[1, 0])
    for axes, parameters in zip(panels[1], NAMES, strict=False):
        plot_ramps(axes, tree, parameters)
    plot_extremes(panels[1, 2], tree)
    return figure


def plot_times(axes, tree):
    """Weight change over the time of the spike, with the table's values as points."""
    pairing, table = tree["pairing"].to_dataset(), tree["table"].to_dataset()
    style.zero(axes)
    axes.axvspan(0.0, 0.3, color=style.PALE, linewidth=0, label="plateau")
    weights = pairing.w0.values
    for series, w0 in zip(style.graded(weights.size), weights, strict=True):
        line = {**series, "marker": ""}
        axes.plot(pairing.spike_time / 1000, pairing.change.sel(w0=w0), **line)
        points = {**series, "linestyle": "", "markerfacecolor": "white"}
        if w0 in table.w0.values:
            values = table.change.sel(w0=w0)
            axes.plot(table.spike_time / 1000, values, **points, label=f"{w0:g}")
    axes.set(
        xlabel="presynaptic spike after the plateau's onset (s)",
        ylabel=CHANGE,
        title="the weight decides on the sign",
    )
    style.legend(axes, title=f"{WEIGHT}; lines: circuit, marks: table", columns=3)


def plot_currents(axes, tree):
    """Weight change over the apical current, for the spike nearest to the plateau."""
    found = tree["amplitude"].to_dataset()
    found = found.sel(spike_time=0.0, method="nearest")
    style.zero(axes)
    for series, w0 in zip(style.graded(found.w0.size), found.w0.values, strict=True):
        axes.plot(
            found.apical_current, found.change.sel(w0=w0), **series, label=f"{w0:g}"
        )
    axes.set(
        xlabel="apical current of 300 ms (pA)",
        ylabel=CHANGE,
        title=f"current is a gate (spike at {found.spike_time / 1000:g} s)",
    )
    style.legend(axes, title=WEIGHT, columns=4)


def plot_durations(axes, tree):
    """The weight at which the sign changes, over the length of the plateau."""
    found = tree["duration"].to_dataset()
    for series, time in zip(style.SERIES, found.spike_time.values, strict=False):
        one = found.sel(spike_time=time)
        exact, points = {**series, "marker": ""}, {**series, "linestyle": ""}
        axes.plot(one.plateau_duration, one.fixed_point, **exact)
        label = f"{time / 1000:g} s"
        axes.plot(one.plateau_duration, one.border, **points, label=label)
    for place, text in (((0.04, 0.9), "depression"), ((0.6, 0.06), "potentiation")):
        axes.text(*place, text, transform=axes.transAxes, color="0.4")
    axes.set(
        xscale="log",
        xlabel="length of the plateau (ms)",
        ylabel="weight that keeps its value (dimensionless)",
        title="longer plateaus raise the border",
    )
    style.legend(axes, title="spike; lines: exact, marks: circuit", columns=2)


def plot_ramps(axes, tree, parameters):
    """Ramps lap by lap for the existing field nearest to 1.5 s after the plateau."""
    found = tree["laps"].to_dataset().sel(parameters=parameters)
    one = found.sel(field_peak=SHOWN_PEAK, method="nearest")
    style.zero(axes)
    axes.axvline(0.0, color=style.GREY, linewidth=0.8, label="plateau")
    after = found.lap.values[1:]
    place = one.position / 1000
    axes.plot(place, one.ramp.sel(lap=0), **style.LINES[1], label="before")
    shades = style.graded(after.size)[::-1]
    for series, lap in zip(shades, after, strict=True):
        line = {**series, "marker": "", "linewidth": 2.0 if lap == after[-1] else 0.9}
        axes.plot(place, one.ramp.sel(lap=lap), **line, label=f"lap {lap}")
    axes.set(
        xlabel="running time after the plateau (s)",
        ylabel="ramp of the potential (mV)",
        title=f"laps with a plateau, {NAMES[parameters]}",
    )
    style.legend(axes, columns=3)


def plot_extremes(axes, tree):
    """Largest and smallest change of the ramp over the place of the old field."""
    found = tree["laps"].to_dataset()
    style.zero(axes)
    series = iter(style.SERIES)
    for name in ("rise", "fall"):
        for parameters, words in NAMES.items():
            one = found[name].sel(parameters=parameters)
            label = f"{name}, {words}"
            axes.plot(one.field_peak / 1000, one, **next(series), label=label)
    axes.set(
        xlabel="old field's peak after the plateau (s)",
        ylabel="extreme change of the ramp (mV)",
        title="rise and fall of ramps in five laps",
    )
    style.legend(axes)
