"""The picture of the teacher-student experiment, from its saved tree alone."""

from matplotlib.figure import Figure

from experiments.plots import style

TRIALS = "number of trials"


@style.picture
def plot(tree) -> Figure:
    """Error, angles and apical potentials over trials, and answers at the end.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.teacher_student.teacher_student` returns or
        `dendrites.open_run` reads; or of a sweep over seeds, of which the first one's
        answers are shown.
    """
    title = tree.attrs["title"].removeprefix("teacher-student: ")
    figure = style.figure(f"{title} ({style.seeds_of(tree)})", height=9.0)
    errors, angles, silence, answers = figure.subplots(2, 2).flat
    plot_errors(errors, tree)
    plot_angles(angles, tree)
    plot_silence(silence, tree)
    plot_answers(answers, tree)
    return figure


def plot_errors(axes, tree):
    """Share of the teacher's variance that is missed, on examples never shown."""
    shown = {
        "training": "all weights but $B$",
        "controls/shallow": "output weights only",
    }
    for series, (path, label) in zip(style.LINES, shown.items(), strict=False):
        curve = tree[path].error_fraction.sel(split="test")
        style.mean_and_runs(axes, curve.examples_seen, curve, "seed", series, label)
    best = tree["references"].error_fraction.sel(reference="shallow_optimum")
    axes.axhline(
        float(best.mean()),
        color=style.GREY,
        linestyle=":",
        label="best output weights on the initial hidden layer",
    )
    axes.set(
        xscale="log",
        yscale="log",
        xlabel=TRIALS,
        ylabel="error (share of the teacher's variance)",
        title="what is left of the teacher's variance",
    )
    style.legend(axes)


def plot_angles(axes, tree):
    """Angle of output weights to top-down weights, and of updates to the gradient."""
    found = tree["diagnostics"].to_dataset().isel(update=slice(1, None))
    shown = {"$W_{output}$ and transposed $B$": found.angle_w_b} | {
        f"update of {layer} and exact gradient": found.angle_to_bp.sel(layer=layer)
        for layer in found.layer.values
    }
    for series, (label, angle) in zip(style.LINES, shown.items(), strict=False):
        style.mean_and_runs(axes, found.examples_seen, angle, "seed", series, label)
    axes.axhline(90, color=style.GREY, linestyle=":", label="unrelated")
    axes.set(
        xscale="log",
        ylim=(0, None),
        xlabel=TRIALS,
        ylabel="angle (degrees)",
        title="output weights turn towards $B^T$",
    )
    style.legend(axes)


def plot_silence(axes, tree):
    """Apical potentials without a teacher."""
    found = tree["diagnostics"].to_dataset().isel(update=slice(1, None))
    residual = found.sps_residual.isel(hidden_layer=0)
    style.mean_and_runs(axes, found.examples_seen, residual, "seed", style.LINES[0])
    axes.set(
        xscale="log",
        yscale="log",
        xlabel=TRIALS,
        ylabel="apical potential, rms (dimensionless)",
        title="interneurons come to cancel the output",
    )


def plot_answers(axes, tree):
    """Rates of the student against those of the teacher, on the test examples."""
    found = style.first(tree["predictions/test"].to_dataset()).isel(snapshot=-1)
    wanted = found.target.transpose("example", "class").values.ravel()
    given = found.score.transpose("example", "class").values.ravel()
    axes.plot(
        wanted, given, ".", color=style.BLUE, ms=3, alpha=0.4, mew=0, rasterized=True
    )
    axes.axline((0, 0), slope=1, color="k", linewidth=0.8)
    axes.set(
        xlabel="rate of the teacher (dimensionless)",
        ylabel="rate of the student (dimensionless)",
        title=f"{found.sizes['example']} examples never shown, one seed",
    )
