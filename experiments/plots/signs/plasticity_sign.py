"""The picture of the plasticity-sign experiment, from its saved tree alone."""

import json

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.plots import style
from experiments.statistics import AGREED, ROUNDING, agreement

COLUMNS = 4
LINEAR = 0.01  # share of the largest change within which colours are linear


@style.picture
def plot(tree) -> Figure:
    """Weight change over apical current and frequency, one panel for every model.

    Colours are shares of a panel's largest change. The black line is the current at
    which the mean over seeds turns positive, dots are where seeds disagree in sign.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.plasticity_sign.plasticity_sign` returns or
        `dendrites.open_run` reads.
    """
    found = tree["plasticity"].to_dataset()
    flips = _flips(json.loads(tree.attrs["headline_json"]))
    n = found.sizes["model"]
    columns = min(n, COLUMNS)
    rows = -(-n // columns)
    figure = style.figure(
        f"{tree.attrs['title']}: mean over {found.sizes['seed']} seeds",
        width=max(2.5 * columns, 7.0),
        height=2.6 * rows + 1.3,
    )
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for k, (axes, name) in enumerate(
        zip(panels.flat, found.model.values, strict=False)
    ):
        plot_model(axes, found.sel(model=name), flips.get(name))
        if k + columns >= n:
            axes.set_xlabel("pairing frequency (Hz)")
    for axes in panels[:, 0]:
        axes.set_ylabel("apical current (pA)")
    for axes in panels.flat[n:]:
        axes.set_axis_off()
    shares = ScalarMappable(SymLogNorm(LINEAR, vmin=-1.0, vmax=1.0), style.DIVERGING)
    bar = figure.colorbar(
        shares,
        ax=panels,
        ticks=[-1, -0.1, 0, 0.1, 1],
        format="%g",
        shrink=0.6,
        aspect=30,
    )
    bar.set_label("weight change (share of the largest of the panel)")
    bar.ax.minorticks_off()
    line = Line2D([], [], color="k", marker=".", label="the mean turns positive")
    text = f"fewer than {AGREED:.0%} of the seeds agree in sign".replace(
        "%", " percent"
    )
    dots = Line2D([], [], color="0.3", linestyle="", marker="x", label=text)
    figure.legend(handles=[line, dots], loc="outside lower center", ncols=2)
    return figure


def plot_model(axes, found, flip=None):
    """Mean change of one model as colour, and the current where it turns positive."""
    change = found.weight_change.transpose(
        "apical_current", "pairing_frequency", "seed"
    )
    mean = change.mean("seed")
    limit = float(np.abs(mean).max()) or 1.0
    places = np.arange(found.sizes["pairing_frequency"])
    norm = SymLogNorm(LINEAR * limit, vmin=-limit, vmax=limit)
    style.signed_map(axes, places, found.apical_current, mean, None, norm=norm)
    signs = agreement(change.values, nothing=ROUNDING * limit).sign
    row, column = np.nonzero((signs == 0) & change.values.any(-1))
    axes.plot(
        places[column], found.apical_current.values[row], "x", color="0.3", ms=2.5
    )
    boundary = found.sign_boundary.values
    turns = np.isfinite(boundary)
    axes.plot(places[turns], boundary[turns], ".-", color="k")
    axes.set_xticks(places, [f"{f:g}" for f in found.pairing_frequency.values])
    name = str(found.model.item())
    if flip is None:
        flip = f"{turns.sum()} of {turns.size} frequencies"
    words = f"flips at {flip}" if turns.any() else "never flips"
    axes.set_title(f"{name}\n     {words}")


def _flips(headline):
    """Where the mean sign of each model flips, in words, for models that have it."""
    words = {}
    for key, entry in headline.items():
        for start in ("flip_current_pa_", "flip_drive_"):
            if key.startswith(start) and not isinstance(entry["value"], str):
                unit = "" if entry["unit"] == "1" else f" {entry['unit']}"
                words[key.removeprefix(start)] = f"{entry['value']:.3g}{unit}"
    return words
