"""The picture of the teacher-student experiment, from its saved tree alone."""

import numpy as np
from matplotlib.figure import Figure


def plot(tree) -> Figure:
    """Error, angles and apical potentials over trials, and answers at the end.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.teacher_student.teacher_student` returns or
        `dendrites.open_run` reads.
    """
    figure = Figure(figsize=(11, 8), layout="constrained")
    axes = figure.subplots(2, 2)
    plot_errors(axes[0, 0], tree)
    plot_angles(axes[0, 1], tree)
    plot_silence(axes[1, 0], tree)
    plot_answers(axes[1, 1], tree)
    figure.suptitle(f"{tree.attrs['title']} (seed {tree.attrs['seed']})")
    return figure


def plot_errors(axes, tree):
    """Share of the teacher's variance that is missed, on examples never shown."""
    for k, (path, label) in enumerate(
        (("training", "all weights but B"), ("controls/shallow", "output weights only"))
    ):
        curve = tree[path].error_fraction.sel(split="test")
        axes.plot(curve.examples_seen, curve, color=f"C{k}", label=label)
    best = float(tree["references"].error_fraction.sel(reference="shallow_optimum"))
    axes.axhline(
        best,
        color="C1",
        linestyle=":",
        label=f"best output weights on the initial hidden layer: {best:.2f}",
    )
    last = float(tree["training"].error_fraction.sel(split="test")[-1])
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="trial",
        ylabel="error / variance of the teacher (1)",
        title=f"what is left of the teacher's variance: {last:.2g}",
    )
    axes.legend(fontsize="small")
    return axes


def plot_angles(axes, tree):
    """Angle of output weights to top-down weights, and of updates to the gradient."""
    found = tree["diagnostics"].to_dataset().isel(update=slice(1, None))
    axes.plot(
        found.examples_seen,
        found.angle_w_b,
        color="C2",
        linewidth=2,
        label="output weights to transposed top-down weights",
    )
    for k, layer in enumerate(found.layer.values):
        axes.plot(
            found.examples_seen,
            found.angle_to_bp.sel(layer=layer),
            color=f"C{3 + k}",
            linewidth=1,
            label=f"update of {layer} to the exact gradient",
        )
    axes.axhline(90, color="0.6", linewidth=1, linestyle=":")
    axes.set(
        xscale="log",
        ylim=(0, 130),
        xlabel="trial",
        ylabel="angle (degree)",
        title="output weights turn towards the top-down weights",
    )
    axes.legend(fontsize="small", loc="upper right")
    return axes


def plot_silence(axes, tree):
    """Apical potentials without a teacher."""
    found = tree["diagnostics"].to_dataset().isel(update=slice(1, None))
    axes.plot(found.examples_seen, found.sps_residual.isel(hidden_layer=0), color="C3")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="trial",
        ylabel="rms apical potential (1)",
        title="interneurons come to cancel the output in apical dendrites",
    )
    return axes


def plot_answers(axes, tree):
    """Rates of the student against those of the teacher, on the test examples."""
    found = tree["predictions/test"].to_dataset()
    wanted, given = found.target.values.ravel(), found.score.values[-1].ravel()
    axes.plot(wanted, given, ",", color="C0")
    ends = np.array([0.0, max(wanted.max(), given.max())])
    axes.plot(ends, ends, color="0.6", linewidth=1)
    axes.set(
        xlabel="rate of the teacher (1)",
        ylabel="rate of the student (1)",
        title=f"{found.sizes['example']} examples never shown, all outputs",
    )
    return axes
