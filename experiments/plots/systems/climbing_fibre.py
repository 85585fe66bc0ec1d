"""The picture of the climbing-fibre experiment, from its saved tree alone."""

from matplotlib.figure import Figure

from experiments.plots import style

TIME = "time in the cycle (s)"


@style.picture
def plot(tree) -> Figure:
    """Errors over learning, movements before and after, rates of climbing fibres.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.systems.climbing_fibre.climbing_fibre` returns or
        `dendrites.open_run` reads.
    """
    learning, movement = (tree[k].to_dataset() for k in ("learning", "movement"))
    tasks = learning.task.values
    figure = style.figure(
        f"{tree.attrs['title']}\n({style.seeds_of(tree)})",
        width=3.3 * len(tasks) + 0.5,
        height=9.0,
    )
    panels = figure.subplots(3, len(tasks), squeeze=False, sharey="row")
    for column, task in zip(panels.T, tasks, strict=True):
        plot_errors(column[0], learning.sel(task=task), learning.floor)
        column[0].set_title(_name(task))
        plot_eye(column[1], movement.sel(task=task))
        column[1].set_title("eye, taught by spikes")
        plot_climbing(column[2], movement.sel(task=task))
        column[2].set_title("climbing fibre, first cycle")
    for axes, label in zip(
        panels[:, 0],
        ("error (dimensionless)", "velocity (dimensionless)", "rate (Hz)"),
        strict=True,
    ):
        axes.set_ylabel(label)
    for axes in panels[:, -1]:
        style.legend(axes, beside=True)
    return figure


def _name(task):
    kind, value = str(task).split()
    return (
        f"asked: gain {value}" if kind == "gain" else f"asked: lead of {value} degrees"
    )


def plot_errors(axes, learning, floor):
    """Error of every code over cycles, the curve of theory and the floor of spikes."""
    for series, code in zip(style.LINES, learning.code.values, strict=False):
        axes.plot(
            learning.cycle, learning.error.sel(code=code), label=str(code), **series
        )
    axes.plot(
        learning.cycle, learning.expected, "k:", linewidth=1.0, label="signed, theory"
    )
    axes.axhline(float(floor), color=style.GREY, linewidth=0.9, label="floor, theory")
    axes.set_yscale("log")
    axes.set_xlabel("number of cycles")


def plot_eye(axes, movement):
    """Velocity of the eye before and after learning, and the one asked for."""
    seconds = movement.latency / 1000.0
    eye = movement.eye.sel(code="spikes")
    for series, when in zip(style.LINES, movement.when.values, strict=False):
        axes.plot(seconds, eye.sel(when=when), label=f"{when} cycle", **series)
    axes.plot(seconds, movement.wanted, "k:", linewidth=1.2, label="asked")
    axes.set_xlabel(TIME)


def plot_climbing(axes, movement):
    """Rates of climbing fibres in the first cycle."""
    seconds = movement.latency / 1000.0
    first = movement.climbing.sel(when="first")
    for series, code in zip(style.LINES[:2], ("signed", "rectified"), strict=True):
        axes.plot(seconds, first.sel(code=code), label=code, **series)
    style.zero(axes)
    axes.set_xlabel(TIME)
