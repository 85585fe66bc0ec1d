"""The picture of the segregated-dendrites experiment, from its saved tree alone."""

import json

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.plots import style

# Test errors in percent after 60 epochs of all of MNIST, Guerguiev et al. (2017).
PUBLISHED = {"no hidden layer": 8.3, "500": 4.1, "500 + 100": 3.2}
ALL_OF_MNIST = "Segregated dendrites learn MNIST"
CHANCE = 90.0
IMAGES = {"test": "test images", "train": "training images"}
FEEDBACK = {
    "random": "random feedback",
    "zero": "no feedback",
    "sparse": "sparse feedback",
    "symmetric": "symmetric feedback",
}


@style.picture
def plot(tree) -> Figure:
    """Errors over epochs, and the losses of a hidden layer against the output's.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.segregated_dendrites.segregated_dendrites` returns or
        `dendrites.open_run` reads; or of a sweep over seeds, or feedback and seeds.
    """
    hidden = "plateaus" in tree.children
    title = tree.attrs["title"].removeprefix("segregated-dendrites: ")
    figure = style.figure(f"{title} ({style.seeds_of(tree)})", height=4.6)
    axes = figure.subplots(1, 1 + hidden, squeeze=False)[0]
    curves = tree["training"].error_rate
    if "feedback" not in curves.dims:
        feedback = json.loads(tree.attrs["config_json"])["feedback"]
        curves = curves.expand_dims(feedback=[feedback])
    if curves.sizes["epoch"] > 1:
        plot_learning_curves(axes[0], 100 * curves)
        if tree.attrs["title"] == ALL_OF_MNIST:
            for name, value in PUBLISHED.items():
                style.level(axes[0], value, f"{name}\n(published,\n60 epochs)")
    else:
        plot_first_errors(axes[0], 100 * curves.isel(epoch=0))
    style.level(axes[0], CHANCE, "chance")
    axes[0].set(ylim=(None, 100), ylabel="error (percent)")
    style.log_percent(axes[0])
    if hidden:
        plot_losses(axes[1], tree)
    return figure


def plot_learning_curves(axes, curves):
    """Errors after every epoch."""
    series = iter(style.SERIES)
    for feedback in curves.feedback.values:
        for split, images in IMAGES.items():
            one = curves.sel(feedback=feedback, split=split)
            label = f"{FEEDBACK[str(feedback)]}, {images}"
            style.mean_and_runs(axes, curves.epoch, one, "seed", next(series), label)
    axes.set(xlabel="epoch", title="errors over epochs")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    style.legend(axes, columns=2)


def plot_first_errors(axes, errors):
    """Errors after the only epoch: every seed, and the mean."""
    names = [FEEDBACK[str(name)] for name in errors.feedback.values]
    shifts = zip((-0.1, 0.1), style.SERIES, IMAGES.items(), strict=False)
    for shift, series, (split, images) in shifts:
        for k in range(len(names)):
            one = errors.isel(feedback=k).sel(split=split).values.ravel()
            marks = {**series, "linestyle": "", "alpha": 0.6}
            label = None if k else images
            axes.plot([k + shift] * one.size, one, **marks, label=label)
            axes.plot(k + shift, one.mean(), "_", color="k", ms=16, mew=1.5)
    axes.plot([], [], "_", color="k", ms=10, mew=1.5, label="mean over seeds")
    axes.set_xticks(range(len(names)), names)
    axes.margins(x=0.3)
    axes.set_title("errors after one epoch")
    style.legend(axes, columns=3)


def plot_losses(axes, tree):
    """Local loss of the first hidden layer over the output's, image by image."""
    found = tree["plateaus"].to_dataset()
    layer = found.layer.values[0]
    for series, moment in zip(style.SERIES, found.moment.values, strict=False):
        at = found.sel(moment=moment)
        r = float(at.correlation.sel(layer=layer))
        marks = {**series, "linestyle": "", "markersize": 2.5, "alpha": 0.5}
        axes.plot(
            at.loss_output,
            at.loss_hidden.sel(layer=layer),
            **marks,
            label=rf"{moment} of training: $r$ = {r:.2f}",
        )
    number = layer.removeprefix("hidden")
    axes.set(
        xlabel="squared loss of the output (share of peak rates)",
        ylabel=f"squared plateaus of hidden layer {number} (dimensionless)",
        title=f"local losses, {found.sizes['example']} training images, one seed",
    )
    style.legend(axes, columns=2, markerscale=2)
