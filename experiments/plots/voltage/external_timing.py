"""The picture of the external-timing experiment, from its saved tree alone."""

from matplotlib.figure import Figure

SETTINGS = (
    ("free", "intact"),
    ("clamped", "intact"),
    ("free", "blocked"),
    ("clamped", "blocked"),
)
TITLES = {
    "free": "spike time free",
    "clamped": "spike time clamped",
    "intact": "dendrite intact",
    "blocked": "dendrite blocked",
}
RULES = {
    "dW_A": ("C0", "-", "A: pairs with events"),
    "dW_A_every_spike": ("C0", ":", "A: pairs with all spikes"),
    "dW_B": ("C3", "-", "B: bursts"),
}
BURST = "a burst"


def plot(tree) -> Figure:
    """Shift of the spike, bursts and weight changes over the external delay.

    One column for each of the four settings, at the largest external amplitude.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.external_timing.external_timing` returns or
        `dendrites.open_run` reads.
    """
    figure = Figure(figsize=(15, 6.6), layout="constrained")
    rows = figure.subplots(2, 4, sharex=True, sharey="row", height_ratios=(0.7, 1.0))
    for k, (somatic, dendrite) in enumerate(SETTINGS):
        at = {"somatic": somatic, "dendrite": dendrite}
        shown = tree["timing"].to_dataset().isel(amplitude=-1).sel(at)
        noisy = tree["noise"].to_dataset().sel(at).isel(pairing_dt=0)
        plot_shift(rows[0, k], shown)
        plot_changes(rows[1, k], shown.sel(pairing_dt=noisy.pairing_dt), noisy)
        rows[0, k].set_title(f"{TITLES[somatic]}, {TITLES[dendrite]}")
    rows[0, 0].set_ylabel("shift of the first spike (ms)")
    rows[1, 0].set_ylabel("weight change of one pairing (1)")
    # In the last column nothing moves, which leaves room.
    handles, _ = rows[0, 0].get_legend_handles_labels()
    rows[0, 3].legend(handles=handles, fontsize="small", loc="lower right")
    rows[1, 3].legend(fontsize="small", loc="upper right")
    noise = tree["noise"]
    figure.suptitle(
        f"{tree.attrs['title']}: {noise.attrs['amplitude_pA']:g} pA, presynaptic spike "
        f"{float(noise.pairing_dt[0]):g} ms before the control's spike"
    )
    return figure


def plot_shift(axes, shown):
    """Shift of the first spike, and where the cell bursts."""
    axes.plot(shown.external_delay, shown["shift"], color="k", label="shift")
    axes.fill_between(
        shown.external_delay,
        0.0,
        1.0,
        where=shown.n_bursts > 0,
        transform=axes.get_xaxis_transform(),
        color="C1",
        alpha=0.25,
        linewidth=0,
        label=BURST,
    )
    axes.axhline(0.0, color="0.6", linewidth=0.8, zorder=0)
    return axes


def plot_changes(axes, shown, noisy):
    """Changes by every rule; bands are means with noise and their errors."""
    for name, (color, style, label) in RULES.items():
        axes.plot(shown.external_delay, shown[name], style, color=color, label=label)
    for name in ("dW_A", "dW_B"):
        mean = noisy[name].mean("repeat")
        error = noisy[name].std("repeat", ddof=1) / noisy.sizes["repeat"] ** 0.5
        axes.fill_between(
            noisy.external_delay,
            mean - error,
            mean + error,
            color=RULES[name][0],
            alpha=0.25,
            linewidth=0,
            label=f"{name[-1]} with noise: mean and its error",
        )
    axes.axhline(0.0, color="0.6", linewidth=0.8, zorder=0)
    axes.set_xlabel("external pulse after the control's spike (ms)")
    return axes
