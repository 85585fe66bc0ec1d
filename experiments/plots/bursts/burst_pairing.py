"""The picture of the burst-pairing experiment, from its saved tree alone."""

from matplotlib.figure import Figure


def plot(tree) -> Figure:
    """The three pairing protocols above, steering below.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.burst_pairing.burst_pairing` returns or `dendrites.open_run`
        reads.
    """
    figure = Figure(figsize=(12, 10), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.3))
    periodic, poisson, bursts = above.subplots(1, 3)
    plot_periodic(periodic, tree)
    plot_poisson(poisson, tree)
    plot_burst_poisson(bursts, tree)
    rows = below.subplots(3, 1, sharex=True, height_ratios=(1, 1, 1.4))
    plot_currents(rows[0], tree)
    plot_code(rows[1], tree)
    plot_weight(rows[2], tree)
    figure.suptitle(f"{tree.attrs['title']} (seed {tree.attrs['seed']})")
    return figure


def plot_periodic(axes, tree):
    """Change of 75 simultaneous pairings over their frequency."""
    found = tree["periodic"].to_dataset()
    frequency = found.pairing_frequency
    for bursts in (False, True):
        # The prediction jumps where intervals become shorter than a burst's.
        part = found.sel(pairing_frequency=(frequency > 62.5) == bursts)
        axes.plot(
            part.pairing_frequency,
            part.predicted,
            color="0.6",
            label=None if bursts else "event by event",
        )
    axes.plot(frequency, found.weight_change, "o", ms=5, color="C0", label="measured")
    axes.axvline(62.5, color="0.8", linestyle=":", label="interval of 16 ms")
    axes.set(xlabel="pairing frequency (Hz)", title="periodic pairings")
    return _finish(axes)


def plot_poisson(axes, tree):
    """Change between independent Poisson trains over their rate."""
    found = tree["poisson"].to_dataset()
    _rows(axes, found, "expected", "rate", lambda x: f"P(0) = {x:.0%}")
    axes.set(xlabel="rate of both cells (Hz)", title="Poisson trains")
    return _finish(axes)


def plot_burst_poisson(axes, tree):
    """Change between trains of events and bursts over the burst probability."""
    found = tree["burst_poisson"].to_dataset()
    _rows(
        axes, found, "event_rate", "burst_probability", lambda x: f"{x:g} Hz of events"
    )
    axes.set(
        xlabel="burst probability (1)", title="random events and bursts, P(0) = 20%"
    )
    return _finish(axes)


def plot_currents(axes, tree):
    """Apical currents of both populations."""
    found = tree["steering"].to_dataset()
    for k, (name, label) in enumerate(
        {
            "apical_current": "postsynaptic",
            "presynaptic_apical_current": "presynaptic",
        }.items()
    ):
        axes.step(found.end, found[name], where="pre", color=f"C{k}", label=label)
    axes.set(
        ylabel="apical (pA)",
        title="steering: apical input to burst cells, and the weights between them",
    )
    axes.legend(fontsize="small", loc="lower left", ncols=2)
    return axes


def plot_code(axes, tree):
    """Burst probability and event rate of the postsynaptic population."""
    found = tree["steering"].to_dataset()
    (burst,) = axes.plot(
        found.end, found.burst_probability, color="C0", label="burst probability"
    )
    axes.set(ylabel="probability (1)", ylim=(0, 1))
    rates = axes.twinx()
    (event,) = rates.plot(
        found.end, found.event_rate, color="C2", linewidth=1, label="event rate"
    )
    rates.set(ylabel="events (Hz)", ylim=(0, 10))
    axes.legend(handles=[burst, event], fontsize="small", loc="lower left", ncols=2)
    return axes


def plot_weight(axes, tree):
    """Mean weight, with the standard error over postsynaptic cells."""
    found = tree["steering"].to_dataset()
    mean, error = found.weight_change, found.weight_change_error
    axes.axhline(0.0, color="0.7", linewidth=0.8)
    axes.plot(found.end, mean, color="C3")
    axes.fill_between(
        found.end, mean - error, mean + error, color="C3", alpha=0.25, linewidth=0
    )
    edges = _edges(found)
    for axis in axes.figure.axes:
        if axis.get_shared_x_axes().joined(axis, axes):
            for edge in edges:
                axis.axvline(edge, color="0.85", linewidth=0.8, zorder=0)
    axes.set(xlabel="time (s)", ylabel="change (percent)")
    return axes


def _edges(found):
    post, pre = found.apical_current, found.presynaptic_apical_current
    changed = (post.diff("end") != 0) | (pre.diff("end") != 0)
    return [float(t) - 1.0 for t in changed.end[changed]]


def _rows(axes, found, row, column, label):
    mean = found.weight_change.mean("realisation")
    error = found.weight_change.std("realisation", ddof=1)
    error = error / found.sizes["realisation"] ** 0.5
    for k, value in enumerate(found[row].values):
        at = {row: value}
        axes.plot(found[column], found.predicted.sel(at), color=f"C{k}", alpha=0.5)
        axes.errorbar(
            found[column],
            mean.sel(at),
            error.sel(at),
            fmt="o",
            ms=4,
            color=f"C{k}",
            label=label(value),
        )
    axes.plot([], [], color="0.4", alpha=0.5, label="mean rates, closed form")


def _finish(axes):
    axes.axhline(0.0, color="0.7", linewidth=0.8, zorder=0)
    axes.set_ylabel("weight change (1)")
    axes.legend(fontsize="small", loc="upper left")
    return axes
