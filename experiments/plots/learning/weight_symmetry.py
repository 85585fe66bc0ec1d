"""The picture of the weight-symmetry experiment, from its saved tree alone."""

from matplotlib.figure import Figure

from experiments.plots import style

PRESENTATION = "number of presentations, of 10 digits"


@style.picture
def plot(tree) -> Figure:
    """Angles of feedback weights and of updates over learning, one line per scheme.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.learning.weight_symmetry.weight_symmetry` returns or
        `dendrites.open_run` reads.
    """
    symmetry = tree["symmetry"].to_dataset()
    layers = symmetry.layer.values
    networks = symmetry.sizes["replica"]
    several = f"{networks} networks: mean, and each" if networks > 1 else "one network"
    figure = style.figure(
        f"{tree.attrs['title']}\n({style.seeds_of(tree)}, {several})",
        width=3.4 * (len(layers) + 1),
        height=6.8,
    )
    panels = figure.subplots(2, len(layers) + 1, squeeze=False, sharex=True)
    for k, layer in enumerate(layers):
        one = symmetry.sel(layer=layer)
        _curves(panels[0, k], one.angle)
        panels[0, k].set_title(f"{layer}: feedback to $W^T$")
        _curves(panels[1, k], one.angle_to_bp)
        panels[1, k].set_title(f"{layer}: update to gradient")
        for axes in panels[:, k]:
            axes.set_ylim(bottom=0.0)
            axes.axhline(90.0, color=style.GREY, linewidth=0.8, zorder=0)
    _curves(panels[0, -1], symmetry.difference.mean("layer"))
    panels[0, -1].set_title("length of $W^T - B$")
    panels[0, -1].set_ylabel("length (share of that at first)")
    _curves(panels[1, -1], 100.0 * symmetry.error_rate)
    panels[1, -1].set_title("test error")
    panels[1, -1].set_ylabel("error (percent)")
    for axes in panels[:, 0]:
        axes.set_ylabel("angle (degrees)")
    for axes in panels[-1]:
        axes.set_xlabel(PRESENTATION)
    handles = panels[0, 0].get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _curves(axes, values):
    """One line per scheme over presentations; the start, at 0, is left of them."""
    x = values.presentation
    for series, scheme in zip(style.LINES, values.scheme.values, strict=False):
        one = values.sel(scheme=scheme)
        name = str(scheme).replace("_", " ")
        style.mean_and_runs(axes, x, one, "replica", series, name)
    axes.set_xscale("symlog", linthresh=1.0)
