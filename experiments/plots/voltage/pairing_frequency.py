"""The picture of the pairing-frequency experiment, from its saved tree alone."""

from matplotlib.figure import Figure

from experiments.plots import style

SHOWN = {
    "voltage_soma": (style.LINES[0], "voltage rule, soma, published amplitudes"),
    "voltage_soma_fitted": (style.LINES[1], "voltage rule, soma, fitted amplitudes"),
    "voltage_dendrite_fitted": (
        {"color": style.RED, "linestyle": "", "marker": "s", "markerfacecolor": "none"},
        "voltage rule, dendrite, fitted amplitudes",
    ),
    "triplet_fitted": (style.LINES[2], "triplets of spikes, fitted"),
    "pair_fitted": (style.LINES[3], "pairs of spikes, fitted"),
}
ORDERS = {True: "input before soma", False: "soma before input"}


def plot_order(axes, tree, lag):
    """Curves of the models and the measured means for one order of spikes."""
    found, data = tree["pairing"].to_dataset(), tree["measured"].to_dataset()
    style.zero(axes, 100.0)
    for model, (series, label) in SHOWN.items():
        one = found.change.sel(model=model, pairing_dt=lag)
        axes.plot(one.frequency, one, **series, label=label)
    points = data.sel(pairing_dt=lag)
    axes.errorbar(
        points.frequency,
        points["mean"],
        points.error,
        fmt="o",
        color=style.BLACK,
        capsize=3,
        label="rat: mean and standard error",
    )
    axes.set(
        xlabel="frequency of pairings (Hz)",
        ylabel="weight after induction (percent of initial)",
        title=f"{ORDERS[lag > 0]}, {abs(lag):g} ms",
        ylim=(40, 215),
    )


def plot_parts(axes, tree):
    """Potentiation and depression of the published voltage rule for both orders."""
    found = tree["pairing"].to_dataset().contribution.sel(model="voltage_soma")
    series = iter(style.LINES)
    for part in found.part.values:
        for lag in found.pairing_dt.values:
            one = abs(found.sel(part=part, pairing_dt=lag))
            label = f"{part}, {ORDERS[lag > 0]}"
            axes.plot(one.frequency, one, **next(series), label=label)
    axes.set(
        xlabel="frequency of pairings (Hz)",
        ylabel="size of the part (percent of initial)",
        title="voltage rule at the soma: its two parts",
    )
    style.legend(axes)


@style.picture
def plot(tree) -> Figure:
    """Change over frequency for both orders with the data, and its two parts.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.pairing_frequency.pairing_frequency` returns or
        `dendrites.open_run` reads.
    """
    figure = style.figure(tree.attrs["title"], height=4.4)
    *panels, parts = figure.subplots(1, 3)
    for axes, lag in zip(panels, tree["pairing"].pairing_dt.values, strict=True):
        plot_order(axes, tree, lag)
    panels[1].sharey(panels[0])
    style.legend(panels[0])
    plot_parts(parts, tree)
    return figure
