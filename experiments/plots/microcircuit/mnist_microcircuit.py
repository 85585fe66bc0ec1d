"""The picture of the mnist-microcircuit experiment, from its saved tree alone."""

from matplotlib.figure import Figure

from experiments.plots import style

# Test errors in percent, Sacramento et al. (2018), Fig. 3 and text.
PUBLISHED = {"circuit": 1.96, "backprop": 1.53, "no hidden layer": 8.4}


@style.picture
def plot(tree) -> Figure:
    """Learning curves, angle to the gradient, silence of the apical dendrites.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.mnist_microcircuit.mnist_microcircuit` returns or
        `dendrites.open_run` reads; or of a sweep over seeds.
    """
    title = tree.attrs["title"].removeprefix("mnist-microcircuit: ")
    figure = style.figure(f"{title} ({style.seeds_of(tree)})", height=4.6)
    axes = figure.subplots(1, 3)
    plot_learning_curves(axes[0], tree)
    plot_layers(axes[1], tree, "angle_to_bp", "layer")
    axes[1].axhline(90, color=style.GREY, linestyle=":", label="unrelated")
    axes[1].set(
        ylim=(0, 100), ylabel="angle (degrees)", title="updates and exact gradient"
    )
    style.legend(axes[1], columns=2)
    plot_layers(axes[2], tree, "sps_residual", "hidden_layer")
    axes[2].axhspan(1e-18, 1e-12, color=style.PALE, zorder=0, label="rounding")
    axes[2].set(
        yscale="log",
        ylim=(1e-18, 10),
        ylabel="apical potential, rms (dimensionless)",
        title="apical potential without teacher",
    )
    style.legend(axes[2], columns=2)
    return figure


def plot_learning_curves(axes, tree):
    """Errors of the circuit and of other learners, with published figures."""
    curves = 100 * tree["training"].error_rate
    series = iter(style.LINES)
    for split in ("test", "validation"):
        if split in curves.split.values:
            label = f"microcircuit, {split}"
            style.mean_and_runs(
                axes, curves.epoch, curves.sel(split=split), "seed", next(series), label
            )
    if "references" in tree.children:
        references = 100 * tree["references"].error_rate.sel(split="test")
        for name in references.reference.values:
            values = references.sel(reference=name)
            label = f"{str(name).replace('_', ' ')}, test"
            style.mean_and_runs(
                axes, references.epoch, values, "seed", next(series), label
            )
    if "Fashion" not in tree.attrs["title"]:
        for name, value in PUBLISHED.items():
            style.level(axes, value, f"{name}\n(published)")
    axes.set(xlabel="epoch", ylabel="error (percent)", title="errors")
    style.log_percent(axes)
    style.legend(axes)


def plot_layers(axes, tree, name, dim):
    """A diagnostic of every layer over epochs."""
    found = tree["diagnostics"].to_dataset()
    for series, layer in zip(style.LINES, found[dim].values, strict=False):
        one = found[name].sel({dim: layer})
        style.mean_and_runs(axes, found.epoch_at, one, "seed", series, str(layer))
    axes.set(xlabel="epoch")
