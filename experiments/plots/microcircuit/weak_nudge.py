"""The picture of the weak-nudge experiment, from its saved tree alone."""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

STYLES = {"transpose": "-", "random": "--"}
LABELS = {
    "transpose": "transposed feedback, to the gradient",
    "random": "random feedback, to feedback alignment",
}
GRADIENT = "random feedback, to the gradient"


def plot(tree) -> Figure:
    """Angle and size of every layer's update over the teacher's share.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.weak_nudge.weak_nudge` returns or `dendrites.open_run` reads.
    """
    figure = Figure(figsize=(11, 5), layout="constrained")
    angles, sizes = figure.subplots(1, 2)
    plot_angles(angles, tree)
    plot_sizes(sizes, tree)
    figure.suptitle(f"{tree.attrs['title']} (seed {tree.attrs['seed']})")
    return figure


def plot_angles(axes, tree):
    """Mean angles with a guide of slope one; random feedback against the gradient too.

    With transposed feedback the two reference directions are one.
    """
    found = tree["alignment"].to_dataset()
    for feedback, style in STYLES.items():
        _layers(axes, found.angle_to_fa.sel(feedback=feedback), style)
    _layers(axes, found.angle_to_bp.sel(feedback="random")[..., :-1, :], ":")
    ends = found.nudge.values[[0, -1]]
    start = 2 * float(found.angle_to_bp.isel(nudge=0).sel(feedback="transpose").max())
    guide = axes.plot(
        ends, start * ends / ends[0], color="0.6", linewidth=1, label="slope one"
    )
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="teacher's share of the output potential (1)",
        ylabel="angle (degree)",
        title="weak teacher: the direction is that of the reference",
    )
    dotted = Line2D([], [], color="0.2", linestyle=":", label=GRADIENT)
    _legend(axes, found, [dotted, *guide])
    return axes


def plot_sizes(axes, tree):
    """Length of the update over its first-order prediction."""
    found = tree["alignment"].to_dataset()
    for feedback, style in STYLES.items():
        ratio = found.size_over_prediction.sel(feedback=feedback)
        _layers(axes, ratio, style)
    axes.axhline(1.0, color="0.6", linewidth=1)
    axes.set(
        xscale="log",
        xlabel="teacher's share of the output potential (1)",
        ylabel="length / first-order prediction (1)",
        title="weak teacher: the length is the predicted one",
    )
    _legend(axes, found, [])
    return axes


def _layers(axes, values, style):
    """A line of means per layer; for solid lines also the range it is the mean of."""
    over = ("replica", "pattern")
    for k, layer in enumerate(values.layer.values):
        one = values.sel(layer=layer)
        axes.plot(one.nudge, one.mean(over), style, color=f"C{k}")
        if style == "-":
            axes.fill_between(
                one.nudge, one.min(over), one.max(over), color=f"C{k}", alpha=0.15, lw=0
            )


def _legend(axes, found, more):
    handles = [
        Line2D([], [], color=f"C{k}", label=str(layer))
        for k, layer in enumerate(found.layer.values)
    ]
    handles += [
        Line2D([], [], color="0.2", linestyle=STYLES[name], label=label)
        for name, label in LABELS.items()
    ]
    axes.legend(handles=[*handles, *more], fontsize="small")
