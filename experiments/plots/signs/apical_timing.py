"""The picture of the apical-timing experiment, from its saved tree alone."""

from matplotlib.figure import Figure

from experiments.plots import style

SHOWN = 2.0  # apical potential of the map
LENGTH = 50.0  # ms, duration of the curves over onset
CHANGE = "weight change per presynaptic\nactivity (dimensionless)"


@style.picture
def plot(tree) -> Figure:
    """Change over delay for every model, without and with noise; two halves below.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.apical_timing.apical_timing` returns or `dendrites.open_run`
        reads.
    """
    models = [str(name) for name in tree["delay"].model.values]
    figure = style.figure(
        f"{tree.attrs['title']}: apical pulses of 20 ms at 10 Hz, and the rule of two "
        "halves of an epoch",
        width=max(2.4 * len(models), 9.0),
        height=9.5,
    )
    upper, lower = figure.subfigures(2, 1, height_ratios=(1.9, 1))
    panels = upper.subplots(2, len(models), sharex=True, sharey="col", squeeze=False)
    for column, name in zip(panels.T, models, strict=True):
        plot_quiet(column[0], tree, name)
        plot_noisy(column[1], tree, name)
    seeds = tree["delay"].sizes["seed"]
    panels[0, 0].set_ylabel("no noise: weight change per\npairing (model's unit)")
    panels[1, 0].set_ylabel(
        f"noise, mean and deviation of {seeds} seeds:\n"
        "weight change per pairing (model's unit)"
    )
    handles, labels = panels[0, 0].get_legend_handles_labels()
    upper.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    axes = lower.subplots(1, 3, width_ratios=(0.8, 1.2, 1.3))
    plot_conditions(axes[0], tree)
    plot_map(axes[1], tree)
    plot_onset(axes[2], tree)
    return figure


def plot_quiet(axes, tree, name):
    """One model without noise; plain Python as points."""
    found = tree["quiet"].to_dataset().sel(model=name)
    for line, current in _currents(found):
        here = found.weight_change.sel(apical_current=current)
        axes.plot(
            here.apical_delay, here, **line, label=f"apical pulse of {current:g} pA"
        )
        if name == "burst" and "known" in tree.children:
            _known(axes, tree["known"].to_dataset(), current, line["color"])
    if name == "burst" and "known" in tree.children:
        axes.plot([], [], "o", color=style.GREY, label="plain Python")
    # Without apical current the delay has no meaning: one value.
    _guides(axes, float(found.weight_change_control[0, 0]))
    axes.set_title(name)


def _known(axes, known, current, color):
    if current in known.apical_current.values:
        here = known.independent.sel(apical_current=current)
        axes.plot(known.apical_delay, here, "o", color=color)


def plot_noisy(axes, tree, name):
    """One model with noise: mean over seeds and standard deviation."""
    found = tree["delay"].to_dataset().sel(model=name)
    for line, current in _currents(found):
        here = found.sel(apical_current=current)
        style.mean_and_band(
            axes,
            here.apical_delay,
            here.weight_change_mean,
            here.weight_change_sd,
            line,
        )
    _guides(axes, float(found.control_mean[0, 0]))
    axes.set_xlabel("apical minus\nsomatic onset (ms)")
    axes.set_title(f"{name}, noise")


def _currents(found):
    currents = found.apical_current.values
    shades = style.graded(currents.size)
    return [
        ({**series, **pattern, "marker": "", "color": series["color"]}, current)
        for series, pattern, current in zip(shades, _PATTERNS, currents, strict=False)
    ]


_PATTERNS = [{"linestyle": series["linestyle"]} for series in style.SERIES]


def _guides(axes, control):
    axes.axhline(control, color="k", linestyle=":", lw=1, label="no apical input")
    style.zero(axes)
    axes.axvline(0.0, color=style.GREY, linewidth=0.8, zorder=0)


def plot_conditions(axes, tree):
    """The change in the four conditions, in long halves."""
    dw = tree["conditions"].dw
    x = range(dw.sizes["condition"])
    axes.bar(x, dw, color=[style.RED if v > 0 else style.BLUE for v in dw.values])
    for k, value in enumerate(dw.values):
        side = "top" if value < 0 else "bottom"
        axes.text(k, value, f"{value:.3f}", ha="center", va=side, fontsize=8)
    style.zero(axes)
    axes.set_xticks(list(x), [str(name) for name in dw.condition.values])
    axes.set(xlabel="half with apical input", ylabel=CHANGE)
    axes.set_title("two long halves")
    axes.margins(y=0.15)


def plot_map(axes, tree):
    """The change over onset and duration, and the border between its signs."""
    found = tree["map"].to_dataset().sel(apical_potential=SHOWN, method="nearest")
    style.signed_map(axes, found.onset, found.duration, found.dw, CHANGE)
    known = found.border.dropna("duration")
    axes.plot(known, known.duration, color="k", linewidth=1.5)
    axes.set(
        xlabel="onset of the apical input (ms)",
        ylabel="its duration (ms)",
        title="halves of 50 ms; line: no change",
    )


def plot_onset(axes, tree):
    """The change over the onset of input of one duration, for every potential."""
    found = tree["map"].to_dataset().sel(duration=LENGTH, method="nearest")
    potentials = found.apical_potential.values
    shades = style.graded(potentials.size)
    for k, (series, potential) in enumerate(zip(shades, potentials, strict=True)):
        dw = found.dw.sel(apical_potential=potential)
        line = {**series, "markevery": (k, 8)}
        axes.plot(found.onset, dw, **line, label=f"{potential:g}")
    style.zero(axes)
    axes.axvline(50.0, color=style.GREY, linestyle="--", label="second\nhalf begins")
    axes.set(
        xlabel="onset of the apical input (ms)",
        ylabel=CHANGE,
        title=f"input of {float(found.duration):g} ms",
    )
    style.legend(axes, beside=True, title="apical\npotential")
