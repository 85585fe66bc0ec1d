"""The picture of the pairing-frequency experiment, from its saved tree alone."""

from matplotlib.figure import Figure

SHOWN = {
    "voltage_soma": ("C0", "-", "voltage rule, soma, published amplitudes"),
    "voltage_soma_fitted": ("C0", "--", "the same, fitted amplitudes"),
    "voltage_dendrite_fitted": ("C2", "-", "voltage rule, dendrite, fitted"),
    "triplet_fitted": ("C1", "-", "triplets of spikes, fitted"),
    "pair_fitted": ("C3", "-", "pairs of spikes, fitted"),
}
PARTS = {"potentiation": "C0", "depression": "C3"}


def plot(tree) -> Figure:
    """Change over frequency for both orders with the data, and its two parts.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.pairing_frequency.pairing_frequency` returns or
        `dendrites.open_run` reads.
    """
    figure = Figure(figsize=(14, 4.8), layout="constrained")
    *panels, parts = figure.subplots(1, 3)
    for axes, lag in zip(panels, tree["pairing"].pairing_dt.values, strict=True):
        plot_order(axes, tree, lag)
    panels[1].sharey(panels[0])
    panels[0].legend(fontsize="small", loc="upper left")
    plot_parts(parts, tree)
    figure.suptitle(tree.attrs["title"])
    return figure


def plot_order(axes, tree, lag):
    """Curves of the models and the measured means for one order of spikes."""
    found, data = tree["pairing"].to_dataset(), tree["measured"].to_dataset()
    axes.axhline(100.0, color="0.7", linewidth=0.8)
    for model, (color, style, label) in SHOWN.items():
        one = found.change.sel(model=model, pairing_dt=lag)
        axes.plot(one.frequency, one, style, color=color, label=label)
    points = data.sel(pairing_dt=lag)
    axes.errorbar(
        points.frequency,
        points["mean"],
        points.error,
        fmt="ko",
        capsize=3,
        label="rat, mean and error bar",
    )
    order = "input before soma" if lag > 0 else "soma before input"
    axes.set(
        xlabel="frequency of pairings (Hz)",
        ylabel="weight after induction (% of initial)",
        title=f"{order}, {abs(lag):g} ms",
        ylim=(40, 215),
    )
    return axes


def plot_parts(axes, tree):
    """Potentiation and depression of the published voltage rule for both orders."""
    found = tree["pairing"].to_dataset().contribution.sel(model="voltage_soma")
    for lag, style in zip(found.pairing_dt.values, ("-", "--"), strict=True):
        order = "input first" if lag > 0 else "soma first"
        for part, color in PARTS.items():
            one = abs(found.sel(part=part, pairing_dt=lag))
            axes.plot(one.frequency, one, style, color=color, label=f"{part}, {order}")
    axes.set(
        xlabel="frequency of pairings (Hz)",
        ylabel="size of the part (% of initial)",
        title="voltage rule at the soma: its two parts",
    )
    axes.legend(fontsize="small")
    return axes
