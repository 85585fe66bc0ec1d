"""The picture of the gain-control experiment, from its saved tree alone."""

import numpy as np
from matplotlib.figure import Figure

from experiments.plots import style

SOMA = "somatic current (pA)"


@style.picture
def plot(tree) -> Figure:
    """Rates of every model, their gains and offsets, and attention to one stimulus.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.systems.gain_control.gain_control` returns or
        `dendrites.open_run` reads.
    """
    curves, attention = (tree[k].to_dataset() for k in ("rates", "attention"))
    models = curves.model.values
    figure = style.figure(
        f"{tree.attrs['title']}\n({style.seeds_of(tree)})",
        width=2.9 * len(models) + 0.5,
        height=7.0,
    )
    panels = figure.subplots(2, len(models), squeeze=False)
    for axes, model in zip(panels[0], models, strict=True):
        plot_rates(axes, curves.rate.sel(model=model))
        axes.set_title(str(model).replace("_", " "))
    panels[0, 0].set_ylabel("rate (Hz)")
    style.legend(panels[0, -1], beside=True, title="apical, pA")
    gain, offset, shift, response = panels[1, :4]
    for axes, name, label, title in (
        (gain, "gain", "gain (dimensionless)", "gain"),
        (offset, "offset", "offset (Hz)", "offset"),
        (
            shift,
            "explained_by_shift",
            "variance (percent of all)",
            "explained by a shift",
        ),
    ):
        for series, model in zip(style.SERIES, models, strict=False):
            values = curves[name].sel(model=model)
            values = 100.0 * values if name == "explained_by_shift" else values
            seen = np.isfinite(values)
            axes.plot(
                values.apical[seen],
                values[seen],
                label=str(model).replace("_", " "),
                **series,
            )
        axes.set_xlabel("apical current (pA)")
        axes.set_ylabel(label)
        axes.set_title(title)
    style.zero(gain, 1.0)
    style.zero(offset)
    plot_attention(response, attention)
    handles = gain.get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def plot_rates(axes, rate):
    """Rates over somatic current, one line per apical current."""
    for series, apical in zip(
        style.graded(rate.sizes["current"]), rate.current.values, strict=True
    ):
        axes.plot(rate.soma, rate.sel(current=apical), label=f"{apical:g}", **series)
    axes.set_xlabel(SOMA)


def plot_attention(axes, attention):
    """Responses of the target to stimuli alone, together, and with attention."""
    y = -np.arange(attention.sizes["condition"])
    axes.barh(y, attention.response, color=style.SKY, height=0.6)
    axes.plot(attention.expected, y, "k|", markersize=14)
    axes.set_yticks(y, attention.condition.values)
    axes.set_xlabel("response (dimensionless)")
    axes.set_title("target of two stimuli")
