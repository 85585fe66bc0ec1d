"""The picture of the external-timing experiment, from its saved tree alone."""

from matplotlib.figure import Figure

from experiments.plots import style

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
RULES = {"dW_A": "model A: pairs", "dW_B": "model B: bursts"}


@style.picture
def plot(tree) -> Figure:
    """Shift of the spike, bursts and weight changes over the external delay.

    One column for each of the four settings, at the largest external amplitude; one
    row for each model. Of model A only pairs with events are shown.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.external_timing.external_timing` returns or
        `dendrites.open_run` reads.
    """
    noise = tree["noise"]
    figure = style.figure(
        f"{tree.attrs['title']}: {noise.attrs['amplitude_pA']:g} pA, presynaptic spike "
        f"{float(noise.pairing_dt[0]):g} ms before the control's spike",
        width=11.0,
        height=7.5,
    )
    rows = figure.subplots(3, 4, sharex=True, sharey="row", height_ratios=(0.8, 1, 1))
    for k, (somatic, dendrite) in enumerate(SETTINGS):
        at = {"somatic": somatic, "dendrite": dendrite}
        shown = tree["timing"].to_dataset().isel(amplitude=-1).sel(at)
        noisy = noise.to_dataset().sel(at).isel(pairing_dt=0)
        plot_shift(rows[0, k], shown)
        rows[0, k].set_title(f"{TITLES[somatic]},\n     {TITLES[dendrite]}")
        for axes, name in zip(rows[1:, k], RULES, strict=True):
            one = shown[name].sel(pairing_dt=noisy.pairing_dt)
            plot_changes(axes, one, noisy[name])
            axes.set_title(RULES[name])
        rows[2, k].set_xlabel("external pulse after\nthe control's spike (ms)")
    rows[0, 0].set_ylabel("shift of the\nfirst spike (ms)")
    for axes in rows[1:, 0]:
        axes.set_ylabel("weight change of one\npairing (dimensionless)")
    handles = [
        handle for axes in rows[:2, 0] for handle in axes.get_legend_handles_labels()[0]
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def plot_shift(axes, shown):
    """Shift of the first spike, and where the cell bursts."""
    line = {**style.LINES[6], "linestyle": "-"}
    axes.plot(shown.external_delay, shown["shift"], **line, label="shift of the spike")
    axes.fill_between(
        shown.external_delay,
        0.0,
        1.0,
        where=shown.n_bursts > 0,
        transform=axes.get_xaxis_transform(),
        color=style.ORANGE,
        alpha=0.3,
        linewidth=0,
        label="the cell bursts",
    )
    style.zero(axes)


def plot_changes(axes, quiet, noisy):
    """Changes by one rule: without noise, and means over noisy cells with errors."""
    style.zero(axes)
    axes.plot(quiet.external_delay, quiet, **style.LINES[0], label="no noise")
    style.mean_and_band(
        axes,
        noisy.external_delay,
        noisy.mean("repeat"),
        noisy.std("repeat", ddof=1) / noisy.sizes["repeat"] ** 0.5,
        style.LINES[1],
        f"noise: mean and standard error of {noisy.sizes['repeat']} cells",
    )
