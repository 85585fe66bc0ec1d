"""The picture of the plateau-angle experiment, from its saved tree alone."""

from matplotlib.figure import Figure

from experiments.plots import style

WORDS = {"spikes": "spikes fed back", "rate": "rates fed back"}
# Read off Fig. 7A of Guerguiev et al. (2017): ranges after the first thousands.
PUBLISHED = {"spikes": (65.0, 70.0), "rate": (35.0, 40.0)}
SEEN = "number of images seen"


@style.picture
def plot(tree) -> Figure:
    """Angles and errors over the images seen, for each network.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.plateau_angle.plateau_angle` returns or `dendrites.open_run`
        reads.
    """
    found = tree["alignment"].to_dataset()
    networks = found.sizes["replica"]
    words = "one network" if networks == 1 else f"{networks} networks and their mean"
    title = f"{tree.attrs['title']} ({style.seeds_of(tree)}, {words})"
    figure = style.figure(title, height=4.2)
    median, summed, errors = figure.subplots(1, 3)
    _curves(median, found, "angle_median", "examples_seen")
    _curves(summed, found, "angle_sum", "examples_summed")
    for axes in (median, summed):
        axes.set(ylim=(0, 100), ylabel="angle to backpropagation (degrees)")
        axes.axhline(90.0, color=style.GREY, linestyle=":", label="unrelated")
    for series, sent in zip(style.LINES, found.fed_back.values, strict=False):
        text = f"published, {WORDS[str(sent)]}"
        bounds = PUBLISHED[str(sent)]
        median.axhspan(*bounds, color=series["color"], alpha=0.2, lw=0, label=text)
    median.set_title("updates of single images: median")
    summed.set_title("updates summed over 100 images")
    _curves(errors, found, "error_rate", "examples_seen", 100)
    errors.set(
        ylim=(0, 100),
        ylabel="error (percent)",
        title="errors on images not seen before",
    )
    for axes in (median, summed, errors):
        axes.set(xlim=(0, None), xlabel=SEEN)
        axes.xaxis.set_major_locator(style.few_ticks())
    style.legend(median)
    style.legend(summed)
    style.legend(errors)
    return figure


def _curves(axes, found, name, seen, factor=1):
    for series, sent in zip(style.LINES, found.fed_back.values, strict=False):
        values = factor * found[name].sel(fed_back=sent)
        label = WORDS[str(sent)]
        style.mean_and_runs(axes, found[seen], values, "replica", series, label)
