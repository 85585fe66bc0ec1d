"""The picture of the plasticity-matrix experiment, from its saved tree alone."""

import numpy as np
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from experiments.statistics import ROUNDING, agreement

LABELS = {
    "apical_current": "apical current (pA)",
    "apical_timing": "apical pulse: part of the train, or delay",
    "pairing_frequency": "pairing frequency (Hz), no apical current",
    "initial_weight": "initial weight / usual weight",
}


def plot(tree) -> Figure:
    """Sign of every model along every axis, and the conditions proposed.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.plasticity_matrix.plasticity_matrix` returns or
        `dendrites.open_run` reads.
    """
    figure = Figure(figsize=(15, 9.5), layout="constrained")
    panels = figure.subplots(2, 3).ravel()
    for axes, name in zip(panels, LABELS, strict=False):
        plot_axis(axes, tree[name].to_dataset(), LABELS[name])
    plot_conditions(panels[4], tree["conditions"].to_dataset())
    panels[5].set_axis_off()
    panels[5].text(
        0.0,
        0.95,
        "colour: mean change over seeds, as a share of the\nmodel's largest in the "
        "panel (red: potentiation)\n+ / -: at least 95 % of the seeds agree in sign\n"
        "grey: cannot be run on this model",
        va="top",
    )
    seeds = tree["conditions"].sizes["seed"]
    figure.suptitle(f"{tree.attrs['title']} ({seeds} seeds)")
    return figure


def plot_axis(axes, found, label):
    """Models by the values of one axis."""
    dim = found.sign.dims[1]
    values = found[dim].values
    ticks = [f"{v:g}" if found[dim].dtype.kind == "f" else str(v) for v in values]
    _cells(axes, found.weight_change.mean("seed"), found.sign.values, ticks, label)
    return axes


def plot_conditions(axes, found):
    """Models by apical condition, for three basal protocols side by side."""
    change = found.weight_change
    names = [str(name) for name in change.basal_protocol.values]
    flat = change.transpose("model", "basal_protocol", "apical_condition", "seed")
    mean = flat.mean("seed").values.reshape(flat.sizes["model"], -1)
    agreed = agreement(flat.values, nothing=ROUNDING * float(abs(flat).max())).sign
    sign = np.array(["none", "LTP", "LTD"])[agreed]
    ticks = [str(name) for name in change.apical_condition.values] * len(names)
    shown = flat.mean("seed").stack(place=("basal_protocol", "apical_condition"))
    _cells(axes, shown, sign.reshape(mean.shape), ticks, " | ".join(names))
    for k in range(1, len(names)):
        axes.axvline(k * change.sizes["apical_condition"] - 0.5, color="k")
    return axes


def _cells(axes, mean, sign, ticks, label):
    limit = np.abs(mean.values)
    limit = np.nanmax(limit, axis=1, keepdims=True)
    shares = mean.values / np.where(limit > 0, limit, 1.0)
    axes.set_facecolor("0.8")
    axes.imshow(
        np.ma.masked_invalid(shares),
        cmap="RdBu_r",
        norm=TwoSlopeNorm(0.0, -1.0, 1.0),
        aspect="auto",
    )
    for row, column in np.ndindex(sign.shape):
        mark = {"LTP": "+", "LTD": "\N{MINUS SIGN}"}.get(sign[row, column], "")
        axes.text(column, row, mark, ha="center", va="center")
    axes.set_xticks(range(len(ticks)), ticks, rotation=60, ha="right")
    axes.set_yticks(range(mean.sizes["model"]), [str(m) for m in mean.model.values])
    axes.set_xlabel(label)
