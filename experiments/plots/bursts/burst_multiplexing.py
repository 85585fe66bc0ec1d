"""The picture of the burst-multiplexing experiment, from its saved tree alone."""

from matplotlib.figure import Figure

BREAKDOWN = 400.0  # pA


def plot(tree) -> Figure:
    """Event rate, burst probability and contrast over currents; two stepped currents.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.burst_multiplexing.burst_multiplexing` returns or
        `dendrites.open_run` reads.
    """
    figure = Figure(figsize=(14, 8.5), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1.15, 1))
    found = tree["multiplexing"].to_dataset()
    rates, shares, contrast = above.subplots(1, 3)
    plot_over_current(rates, found, "event_rate", "event rate (Hz)")
    rates.set_title("events follow the soma below 400 pA")
    plot_over_current(shares, found, "burst_probability", "burst probability (1)")
    shares.set_title("the share of bursts follows the dendrite")
    rates.legend(fontsize="small")
    plot_contrast(contrast, found)
    first, second = below.subplots(2, 1, sharex=True)
    steps = tree["steps"].to_dataset()
    plot_steps(first, steps, "event_rate", "soma_current", "C0")
    plot_steps(second, steps, "burst_probability", "apical_current", "C3")
    first.set_ylabel("event rate (Hz)")
    second.set(ylabel="burst probability (1)", xlabel="time (ms)")
    first.set_title(
        f"one ensemble of {steps.attrs['n_cells']} cells; grey, right axis: the current"
    )
    figure.suptitle(f"{tree.attrs['title']} (seed {tree.attrs['seed']})")
    return figure


def plot_over_current(axes, found, name, label):
    """One line per somatic current with standard errors; crosses are the reference."""
    for k, soma in enumerate(found.soma_current.values):
        here = found.sel(soma_current=soma)
        axes.errorbar(
            here.apical_current,
            here[f"{name}_all"],
            here[f"{name}_error"],
            color=f"C{k}",
            marker=".",
            label=f"{soma:g} pA into the soma",
        )
        axes.plot(
            here.apical_current, here[f"{name}_reference"], "x", color=f"C{k}", ms=8
        )
    axes.plot([], [], "x", color="0.3", label="measured elsewhere")
    _mark(axes)
    axes.set(xlabel="apical current (pA)", ylabel=label)
    axes.set_ylim(bottom=0)
    return axes


def plot_contrast(axes, found):
    """How far the event rate still tells somatic currents apart."""
    axes.plot(found.apical_current, found.soma_contrast, color="0.2", marker=".")
    axes.axhline(0.0, color="0.7", linewidth=0.8)
    _mark(axes)
    low, high = found.soma_current.values[[0, -1]]
    axes.set(
        xlabel="apical current (pA)",
        ylabel="somatic contrast of the event rate (1)",
        title=f"(E at {high:g} pA - E at {low:g} pA) / sum",
    )
    return axes


def _mark(axes):
    axes.axvline(BREAKDOWN, color="0.7", linewidth=0.8, linestyle=":")


def plot_steps(axes, steps, name, current, color):
    """An ensemble reading over time and the current it should follow, on the right."""
    value, error = steps[name], steps[f"{name}_error"]
    axes.fill_between(
        steps["bin"], value - error, value + error, color=color, alpha=0.25, lw=0
    )
    axes.plot(steps["bin"], value, color=color)
    axes.set_ylim(bottom=0)
    right = axes.twinx()
    right.plot(steps["bin"], steps[current], color="0.5", drawstyle="steps-mid", lw=1)
    place = "somatic" if current == "soma_current" else "apical"
    right.set_ylabel(f"{place}\ncurrent (pA)", color="0.4")
    return axes
