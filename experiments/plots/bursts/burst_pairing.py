"""The picture of the burst-pairing experiment, from its saved tree alone."""

from matplotlib.figure import Figure

from experiments.plots import style

CHANGE = "weight change (dimensionless)"
SHORT = 62.5  # Hz, above it intervals are shorter than the 16 ms of bursts


@style.picture
def plot(tree) -> Figure:
    """The three pairing protocols above, steering below.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.burst_pairing.burst_pairing` returns or `dendrites.open_run`
        reads.
    """
    title = f"{tree.attrs['title']} ({style.seeds_of(tree)})"
    figure = style.figure(title, height=10.5)
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.5))
    periodic, poisson, bursts = above.subplots(1, 3)
    plot_periodic(periodic, tree)
    plot_poisson(poisson, tree)
    plot_burst_poisson(bursts, tree)
    rows = below.subplots(4, 1, sharex=True, height_ratios=(1, 1, 1, 1.5))
    steering = tree["steering"].to_dataset()
    plot_currents(rows[0], steering)
    plot_code(rows[1:3], steering)
    plot_weight(rows[3], steering)
    for edge in _edges(steering):
        for axes in rows:
            axes.axvline(edge, color=style.PALE, linewidth=0.8, zorder=0)
    below.align_ylabels(rows)
    return figure


def plot_periodic(axes, tree):
    """Change of 75 simultaneous pairings over their frequency."""
    found = tree["periodic"].to_dataset()
    frequency = found.pairing_frequency
    for bursts in (False, True):
        # The prediction jumps where intervals become shorter than a burst's.
        part = found.sel(pairing_frequency=(frequency > SHORT) == bursts)
        label = None if bursts else "predicted event by event"
        axes.plot(part.pairing_frequency, part.predicted, color="k", label=label)
    marks = {**style.SERIES[0], "linestyle": ""}
    axes.plot(frequency, found.weight_change, **marks, label="simulated")
    axes.axvline(SHORT, color=style.GREY, linestyle=":", label="interval of 16 ms")
    axes.set(xlabel="pairing frequency (Hz)", title="periodic pairings")
    _finish(axes)


def plot_poisson(axes, tree):
    """Change between independent Poisson trains over their rate."""
    found = tree["poisson"].to_dataset()
    _rows(axes, found, "expected", "rate", lambda x: f"expected bursts $P_0$ = {x:g}")
    axes.set(xlabel="rate of both cells (Hz)", title="Poisson trains")
    _finish(axes)


def plot_burst_poisson(axes, tree):
    """Change between trains of events and bursts over the burst probability."""
    found = tree["burst_poisson"].to_dataset()
    _rows(
        axes, found, "event_rate", "burst_probability", lambda x: f"{x:g} Hz of events"
    )
    axes.set(
        xlabel="burst probability (dimensionless)",
        title="events and bursts, $P_0$ = 0.2",
    )
    _finish(axes)


def plot_currents(axes, found):
    """Apical currents of both populations."""
    names = {
        "apical_current": "postsynaptic",
        "presynaptic_apical_current": "presynaptic",
    }
    for series, (name, label) in zip(style.LINES, names.items(), strict=False):
        axes.step(found.end, found[name], where="pre", **series, label=label)
    axes.set(
        ylabel="apical\ncurrent (pA)",
        title="steering: current into the dendrites of two populations of burst cells",
    )
    style.legend(axes, beside=True)


def plot_code(panels, found):
    """Burst probability and event rate of the postsynaptic population."""
    probability, rate = panels
    probability.plot(found.end, found.burst_probability, color=style.BLUE)
    probability.set(
        ylabel="burst probability\n(dimensionless)",
        ylim=(0, 1),
        title="bursts of the postsynaptic cells follow their current",
    )
    rate.plot(found.end, found.event_rate, color=style.BLUE)
    rate.set(ylabel="event\nrate (Hz)", ylim=(0, 10), title="their event rate does not")


def plot_weight(axes, found):
    """Mean weight, with the standard error over postsynaptic cells."""
    style.zero(axes)
    style.mean_and_band(
        axes, found.end, found.weight_change, found.weight_change_error, style.LINES[0]
    )
    axes.set(
        xlabel="time (s)",
        ylabel="weight change\n(percent)",
        title="weights: mean and standard error over postsynaptic cells",
    )


def _edges(found):
    post, pre = found.apical_current, found.presynaptic_apical_current
    changed = (post.diff("end") != 0) | (pre.diff("end") != 0)
    return [float(t) - 1.0 for t in changed.end[changed]]


def _rows(axes, found, row, column, label):
    mean = found.weight_change.mean("realisation")
    error = found.weight_change.std("realisation", ddof=1)
    error = error / found.sizes["realisation"] ** 0.5
    for series, value in zip(style.SERIES, found[row].values, strict=False):
        at = {row: value}
        line, marks = {**series, "marker": ""}, {**series, "linestyle": ""}
        axes.plot(found[column], found.predicted.sel(at), **line, alpha=0.6)
        axes.errorbar(found[column], mean.sel(at), error.sel(at), **marks)
        axes.plot([], [], **series, label=label(value))
    title = "lines: mean rates, closed form;\nmarks: mean and standard error"
    style.legend(axes, title=title, alignment="left")


def _finish(axes):
    style.zero(axes)
    axes.set_ylabel(CHANGE)
    if axes.get_legend() is None:
        style.legend(axes)
