"""The picture of the burst-multiplexing experiment, from its saved tree alone."""

from matplotlib.figure import Figure

from experiments.plots import style

BREAKDOWN = 400.0  # pA
APICAL = "apical current (pA)"


@style.picture
def plot(tree) -> Figure:
    """Event rate, burst probability and contrast over currents; two stepped currents.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.burst_multiplexing.burst_multiplexing` returns or
        `dendrites.open_run` reads.
    """
    found = tree["multiplexing"].to_dataset()
    title = f"{tree.attrs['title']} ({style.seeds(found.seed.values)})"
    figure = style.figure(title, height=9.0)
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.1))
    rates, shares, contrast = above.subplots(1, 3)
    plot_over_current(rates, found, "event_rate")
    rates.set(ylabel="event rate (Hz)", title="events follow the soma")
    plot_over_current(shares, found, "burst_probability")
    shares.set(
        ylabel="burst probability (dimensionless)", title="bursts follow the dendrite"
    )
    reference, *ours = rates.get_legend_handles_labels()[0]
    handles = [*ours, reference]
    style.legend(rates, handles=handles, title="somatic current", columns=2)
    plot_contrast(contrast, found)
    rows = below.subplots(4, 1, sharex=True, height_ratios=(0.5, 1, 0.5, 1))
    steps = tree["steps"].to_dataset()
    plot_steps(rows[:2], steps, "event_rate", "soma_current")
    plot_steps(rows[2:], steps, "burst_probability", "apical_current")
    cells = steps.attrs["n_cells"]
    rows[0].set(ylabel="somatic\n(pA)", title="current into the somata")
    rows[1].set(ylabel="event\nrate (Hz)", title=f"events of {cells} cells")
    rows[2].set(ylabel="apical\n(pA)", title="current into their dendrites")
    rows[3].set(
        ylabel="burst probability\n(dimensionless)",
        title="bursts of the same cells; bands: one standard error",
        xlabel="time (ms)",
    )
    below.align_ylabels(rows)
    return figure


def plot_over_current(axes, found, name):
    """One line per somatic current with standard errors; crosses are the reference."""
    for series, soma in zip(style.SERIES, found.soma_current.values, strict=False):
        here = found.sel(soma_current=soma)
        axes.errorbar(
            here.apical_current,
            here[f"{name}_all"],
            here[f"{name}_error"],
            **series,
            label=f"{soma:g} pA",
        )
        known = here[f"{name}_reference"].dropna("apical_current")
        axes.plot(known.apical_current, known, "kx", ms=7, zorder=3)
    axes.plot([], [], "kx", ms=7, label="plain NumPy")
    _mark(axes)
    axes.set(xlabel=APICAL)
    axes.set_ylim(bottom=0)


def plot_contrast(axes, found):
    """How far the event rate still tells somatic currents apart."""
    axes.plot(found.apical_current, found.soma_contrast, **style.SERIES[6])
    style.zero(axes)
    _mark(axes)
    low, high = found.soma_current.values[[0, -1]]
    axes.set(
        xlabel=APICAL,
        ylabel=rf"$(E_{{{high:g}}} - E_{{{low:g}}}) / (E_{{{high:g}}} + E_{{{low:g}}})$"
        " (dimensionless)",
        title="contrast of event rates $E$",
    )


def _mark(axes):
    axes.axvline(BREAKDOWN, color=style.GREY, linewidth=0.8, linestyle=":")


def plot_steps(panels, steps, name, current):
    """A current, and below it the ensemble reading that should follow it."""
    panels[0].plot(steps["bin"], steps[current], color="k", drawstyle="steps-mid")
    style.mean_and_band(
        panels[1], steps["bin"], steps[name], steps[f"{name}_error"], style.LINES[0]
    )
    panels[1].set_ylim(bottom=0)
