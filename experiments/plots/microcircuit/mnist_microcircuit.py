"""The picture of the mnist-microcircuit experiment, from its saved tree alone."""

from matplotlib.figure import Figure

from experiments.plots.microcircuit.digits import plot_angles

# Test errors in percent, Sacramento et al. (2018), Fig. 3 and text.
PUBLISHED = {"microcircuit": 1.96, "backprop": 1.53, "no hidden layer": 8.4}


def plot(tree) -> Figure:
    """Learning curves, angle to the gradient, silence of the apical dendrites.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.mnist_microcircuit.mnist_microcircuit` returns or
        `dendrites.open_run` reads.
    """
    figure = Figure(figsize=(14, 4.5), layout="constrained")
    axes = figure.subplots(1, 3, width_ratios=(1.5, 1, 1))
    plot_learning_curves(axes[0], tree)
    plot_angles(axes[1], tree)
    plot_silence(axes[2], tree)
    figure.suptitle(f"{tree.attrs['title']} (seed {tree.attrs['seed']})")
    return figure


def plot_learning_curves(axes, tree):
    """Test errors of the circuit and of other learners, with published figures."""
    curves = tree["training"].error_rate
    for split, style in (("validation", ":"), ("test", "-")):
        if split in curves.split.values:
            values = 100 * curves.sel(split=split)
            text = f"microcircuit, {split}: {float(values[-1]):.2f} %"
            axes.plot(curves.epoch, values, style, color="C0", label=text)
    if "references" in tree.children:
        references = tree["references"].error_rate.sel(split="test")
        for k, name in enumerate(references.reference.values, start=2):
            values = 100 * references.sel(reference=name)
            text = str(name).replace("_", " ") + f", test: {float(values[-1]):.2f} %"
            axes.plot(references.epoch, values, color=f"C{k}", label=text)
    if "Fashion" not in tree.attrs["title"]:
        for name, value in PUBLISHED.items():
            axes.axhline(value, color="0.6", linewidth=0.8, linestyle="--")
            axes.annotate(
                f"published: {name}, {value:g} %",
                (0, value),
                xycoords=("axes fraction", "data"),
                xytext=(2, 2),
                textcoords="offset points",
                fontsize="x-small",
                color="0.4",
            )
    axes.set(yscale="log", xlabel="epoch", ylabel="error (%)", title="errors")
    ticks = [1, 1.5, 2, 3, 5, 10, 20, 50, 90]
    low, high = axes.get_ylim()
    axes.set_yticks([t for t in ticks if low <= t <= high])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.legend(fontsize="small", loc="upper right")
    return axes


def plot_silence(axes, tree):
    """Apical potentials without a teacher, which should be none."""
    silence = tree["diagnostics"].sps_residual
    for name in silence.hidden_layer.values:
        axes.plot(silence.epoch_at, silence.sel(hidden_layer=name), label=str(name))
    axes.axhspan(1e-18, 1e-12, color="0.93", zorder=0)
    axes.annotate(
        "rounding", (0.02, 3e-13), xycoords=("axes fraction", "data"), color="0.4"
    )
    axes.set(
        yscale="log",
        ylim=(1e-18, 10),
        xlabel="epoch",
        ylabel="apical potential, rms (1)",
        title="apical potential without a teacher\n(0: interneurons predict all)",
    )
    axes.legend(fontsize="small", title="layer")
    return axes
