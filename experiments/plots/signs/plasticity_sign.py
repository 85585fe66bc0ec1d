"""The picture of the plasticity-sign experiment, from its saved tree alone."""

import numpy as np
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure

from experiments.statistics import ROUNDING, agreement

COLUMNS = 4
NO_FLIP = "sign never flips here"
LINEAR = 0.01  # share of the largest change within which colours are linear


def plot(tree) -> Figure:
    """Weight change over apical current and frequency, one panel for every model.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.plasticity_sign.plasticity_sign` returns or
        `dendrites.open_run` reads.
    """
    found = tree["plasticity"].to_dataset()
    n = found.sizes["model"]
    columns = min(n, COLUMNS)
    rows = -(-n // columns)
    figure = Figure(figsize=(4.9 * columns, 3.9 * rows + 0.6), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, name in zip(panels, found.model.values, strict=False):
        plot_model(axes, found.sel(model=name))
    for axes in panels[n:]:
        axes.set_axis_off()
    figure.suptitle(
        f"{tree.attrs['title']}: mean over {found.sizes['seed']} seeds; "
        "black: no change, hatched: fewer than 95 % of the seeds agree in sign"
    )
    return figure


def plot_model(axes, found):
    """Mean change of one model as colour, its zero contour as a black line."""
    mean = found.weight_change.mean("seed")
    limit = float(np.abs(mean).max()) or 1.0
    x = np.arange(found.sizes["pairing_frequency"])
    image = axes.pcolormesh(
        x,
        found.apical_current,
        mean,
        cmap="RdBu_r",
        norm=SymLogNorm(LINEAR * limit, linscale=1.0, vmin=-limit, vmax=limit),
        shading="nearest",
    )
    ticks = limit * np.array([-1.0, -0.1, 0.0, 0.1, 1.0])
    bar = axes.figure.colorbar(image, ax=axes, ticks=ticks, format="%.2g")
    bar.ax.minorticks_off()
    bar.set_label("weight change (unit of the weight)")
    if float(mean.min()) < 0 < float(mean.max()):
        axes.contour(x, found.apical_current, mean, [0.0], colors="k", linewidths=1.5)
    else:
        axes.text(
            0.5, 0.02, NO_FLIP, transform=axes.transAxes, ha="center", va="bottom"
        )
    change = found.weight_change.transpose(..., "seed").values
    unsure = (agreement(change, nothing=ROUNDING * limit).sign == 0) & change.any(-1)
    axes.contourf(
        x,
        found.apical_current,
        unsure.astype(float),
        levels=[0.5, 1.5],
        colors="none",
        hatches=["//"],
    )
    axes.set_xticks(x, [f"{f:g}" for f in found.pairing_frequency.values])
    p = float(found.interaction_p)
    text = f"interaction p = {p:.1g}" if np.isfinite(p) else "interaction: no variance"
    axes.set(
        xlabel="pairing frequency (Hz)",
        ylabel="apical current (pA)",
        title=f"{found.model.item()}: {text}",
    )
    return axes
