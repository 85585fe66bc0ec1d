"""The picture of the plasticity-matrix experiment, from its saved tree alone."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.plots import style
from experiments.statistics import AGREED, ROUNDING, agreement

LABELS = {
    "apical_current": ("apical current (pA)", "apical current"),
    "apical_timing": ("part of the train, or delay (ms)", "time of the apical pulse"),
    "pairing_frequency": ("pairing frequency (Hz)", "frequency, no apical current"),
    "initial_weight": ("initial weight (share of usual)", "initial weight"),
}
SIGNS = {"LTP": "+", "LTD": "\N{MINUS SIGN}"}
DARK = 0.6  # share of the largest change from which colours need white signs
MISSING = "0.75"


@style.picture
def plot(tree) -> Figure:
    """Sign of every model along every axis, and the conditions proposed.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.plasticity_matrix.plasticity_matrix` returns or
        `dendrites.open_run` reads.
    """
    seeds = tree["conditions"].sizes["seed"]
    figure = style.figure(
        f"{tree.attrs['title']} ({seeds} seeds)", width=11.0, height=9.0
    )
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.15))
    first = above.subplots(1, 3, sharey=True)
    initial, conditions = below.subplots(1, 2, sharey=True, width_ratios=(1, 3.5))
    for axes, name in zip([*first, initial], LABELS, strict=True):
        image = plot_axis(axes, tree[name].to_dataset(), *LABELS[name])
    plot_conditions(conditions, tree["conditions"].to_dataset())
    for panels in (first, [initial, conditions]):
        bar = panels[0].figure.colorbar(image, ax=panels)
        bar.set_label("mean weight change\n(share of the model's largest)")
    words = f"{100 * AGREED:g} percent of the seeds agree"
    handles = [
        _mark("+", f"potentiation: {words}"),
        _mark("-", f"depression: {words}"),
        Patch(color=MISSING, label="the model cannot run this"),
    ]
    below.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def plot_axis(axes, found, label, title):
    """Models by the values of one axis."""
    dim = found.sign.dims[1]
    values = found[dim].values
    ticks = [f"{v:g}" if found[dim].dtype.kind == "f" else str(v) for v in values]
    ticks = [tick.removesuffix(" ms") for tick in ticks]
    axes.set_title(title)
    return _cells(
        axes, found.weight_change.mean("seed"), found.sign.values, ticks, label
    )


def plot_conditions(axes, found):
    """Models by apical condition, for three basal protocols side by side."""
    flat = found.weight_change.stack(place=("basal_protocol", "apical_condition"))
    flat = flat.transpose("model", "place", "seed")
    agreed = agreement(flat.values, nothing=ROUNDING * float(abs(flat).max())).sign
    sign = np.array(["none", "LTP", "LTD"])[agreed]
    ticks = [str(name) for name in flat.apical_condition.values]
    _cells(axes, flat.mean("seed"), sign, ticks, "apical input")
    protocols, each = found.basal_protocol.values, found.sizes["apical_condition"]
    for edge in range(each, len(ticks), each):
        axes.axvline(edge - 0.5, color="k")
    names = ", ".join(str(name) for name in protocols)
    axes.set_title(f"apical input in three protocols, left to right: {names}")


def _cells(axes, mean, sign, ticks, label):
    limit = np.nanmax(np.abs(mean.values), axis=1, keepdims=True)
    shares = mean.values / np.where(limit > 0, limit, 1.0)
    axes.set_facecolor(MISSING)
    image = axes.imshow(
        np.ma.masked_invalid(shares),
        cmap=style.DIVERGING,
        vmin=-1.0,
        vmax=1.0,
        aspect="auto",
    )
    for row, column in np.argwhere(np.isin(sign, list(SIGNS))):
        dark = abs(shares[row, column]) > DARK
        axes.text(
            column,
            row,
            SIGNS[sign[row, column]],
            ha="center",
            va="center",
            color="white" if dark else "black",
        )
    axes.set_xticks(range(len(ticks)), ticks, rotation=60)
    axes.set_yticks(range(mean.sizes["model"]), [str(m) for m in mean.model.values])
    axes.set_xlabel(label)
    return image


def _mark(sign, label):
    return Line2D([], [], color="k", linestyle="", marker=f"${sign}$", label=label)
