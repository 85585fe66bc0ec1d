"""The picture of the apical-timing experiment, from its saved tree alone."""

from matplotlib.figure import Figure

COLOURS = ("C0", "C2", "C1", "C3", "C4", "C5", "C6", "C8")
SHOWN = 2.0  # apical potential of the map
LENGTH = 50.0  # ms, duration of the curves over onset
LABEL = "change per presynaptic activity (1)"


def plot(tree) -> Figure:
    """Change over delay for every model, without and with noise; two halves below.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.apical_timing.apical_timing` returns or `dendrites.open_run`
        reads.
    """
    models = [str(name) for name in tree["delay"].model.values]
    figure = Figure(figsize=(max(4.1 * len(models), 13), 12), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=(2, 1))
    panels = upper.subplots(2, len(models), sharex=True, sharey="col", squeeze=False)
    for column, name in zip(panels.T, models, strict=True):
        plot_quiet(column[0], tree, name)
        plot_noisy(column[1], tree, name)
    for row in panels:
        row[0].set_ylabel("weight change per pairing\n(unit of the model's weight)")
    lines = panels[0, 0].get_legend_handles_labels()
    upper.legend(*lines, loc="outside right upper", title="apical pulse")
    axes = lower.subplots(1, 3, width_ratios=(0.8, 1.2, 1.1))
    plot_conditions(axes[0], tree)
    plot_map(axes[1], tree)
    plot_onset(axes[2], tree)
    lower.suptitle("rule of two halves of an epoch, no spikes")
    figure.suptitle(
        f"{tree.attrs['title']} (seed {tree.attrs['seed']}); apical pulses of 20 ms, "
        "10 Hz"
    )
    return figure


def plot_quiet(axes, tree, name):
    """One model without noise; the independent simulation as points."""
    found = tree["quiet"].to_dataset().sel(model=name)
    for current, colour in zip(found.apical_current.values, COLOURS, strict=False):
        here = found.sel(apical_current=current)
        axes.plot(
            here.apical_delay,
            here.weight_change,
            color=colour,
            label=f"{current:g} pA",
            linewidth=1.3,
        )
        if name == "burst" and "known" in tree.children:
            _known(axes, tree["known"].to_dataset(), current, colour)
    # Without apical current the delay has no meaning: one value.
    control = float(found.weight_change_control[0, 0])
    axes.axhline(
        control, color="k", linestyle=":", linewidth=1, label="no apical input"
    )
    _guides(axes)
    points = ", points: independent" if name == "burst" else ""
    axes.set_title(f"{name}: no noise{points}")
    return axes


def _known(axes, known, current, colour):
    if current in known.apical_current.values:
        here = known.independent.sel(apical_current=current)
        axes.plot(known.apical_delay, here, "o", color=colour, markersize=4.5)


def plot_noisy(axes, tree, name):
    """One model with noise: mean over seeds and standard deviation."""
    found = tree["delay"].to_dataset().sel(model=name)
    for current, colour in zip(found.apical_current.values, COLOURS, strict=False):
        here = found.sel(apical_current=current)
        mean, sd = here.weight_change_mean, here.weight_change_sd
        axes.plot(here.apical_delay, mean, color=colour, linewidth=1.3)
        axes.fill_between(
            here.apical_delay, mean - sd, mean + sd, color=colour, alpha=0.13, lw=0
        )
    axes.axhline(float(found.control_mean[0, 0]), color="k", linestyle=":", linewidth=1)
    _guides(axes)
    axes.set_xlabel("apical minus somatic onset (ms)")
    axes.set_title(f"{name}: noise, {found.sizes['seed']} seeds, mean and sd")
    return axes


def _guides(axes):
    axes.axhline(0.0, color="0.6", linewidth=0.8)
    axes.axvline(0.0, color="0.6", linewidth=0.8)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))


def plot_conditions(axes, tree):
    """The change in the four conditions, in long halves."""
    dw = tree["conditions"].dw
    x = range(dw.sizes["condition"])
    axes.bar(x, dw, color=["C3" if value > 0 else "C0" for value in dw.values])
    for k, value in enumerate(dw.values):
        axes.text(k, value, f"{value:.3f}", ha="center", va="bottom")
    axes.axhline(0.0, color="0.6", linewidth=0.8)
    axes.set_xticks(list(x), [str(name) for name in dw.condition.values])
    axes.set(xlabel="apical input", ylabel=LABEL, title="long halves")
    axes.margins(y=0.15)
    return axes


def plot_map(axes, tree):
    """The change over onset and duration, and the border between its signs."""
    found = tree["map"].to_dataset().sel(apical_potential=SHOWN, method="nearest")
    largest = float(abs(found.dw).max()) or 1.0
    mesh = axes.pcolormesh(
        found.onset,
        found.duration,
        found.dw,
        cmap="RdBu_r",
        vmin=-largest,
        vmax=largest,
        shading="nearest",
        rasterized=True,
    )
    axes.plot(found.border, found.duration, color="k", linewidth=1.5)
    axes.figure.colorbar(mesh, ax=axes, label=LABEL)
    axes.set(
        xlabel="onset of the apical input (ms)",
        ylabel="its duration (ms)",
        title=f"halves of 50 ms, apical potential {float(found.apical_potential):g}; "
        "black: sign turns",
    )
    return axes


def plot_onset(axes, tree):
    """The change over the onset of input of one duration, for every potential."""
    found = tree["map"].to_dataset().sel(duration=LENGTH, method="nearest")
    potentials = found.apical_potential.values
    for potential, colour in zip(potentials, COLOURS, strict=False):
        dw = found.dw.sel(apical_potential=potential)
        axes.plot(found.onset, dw, color=colour, label=f"{potential:g}")
    axes.axhline(0.0, color="0.6", linewidth=0.8)
    axes.axvline(50.0, color="0.6", linewidth=0.8, linestyle="--")
    axes.set(
        xlabel="onset of the apical input (ms)",
        ylabel=LABEL,
        title=f"input of {float(found.duration):g} ms; dashed: second half begins",
    )
    axes.legend(fontsize="small", loc="lower right", title="apical potential")
    return axes
