"""The picture of the fear-conditioning experiment, from its saved tree alone."""

from matplotlib.figure import Figure

from experiments.plots import style

STRENGTH = "association (dimensionless)"
TRIAL = "number of trials"


@style.picture
def plot(tree) -> Figure:
    """Strengths over trials, responses, blocking, and latencies of first spikes.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.systems.fear_conditioning.fear_conditioning` returns or
        `dendrites.open_run` reads.
    """
    conditioning = tree["conditioning"].to_dataset()
    blocking = tree["blocking"].to_dataset()
    n = conditioning.sizes["animal"]
    several = f"{n} animals: mean, and each" if n > 1 else "one animal"
    figure = style.figure(
        f"{tree.attrs['title']}\n({style.seeds_of(tree)}, {several})", height=6.8
    )
    panels = figure.subplots(2, 3)
    strength, response, first = panels[0]
    for series, name in zip(style.LINES, conditioning.procedure.values, strict=False):
        one = conditioning.sel(procedure=name)
        _courses(strength, one.strength, series, str(name))
        strength.plot(one.trial, one.expected, "k:", linewidth=1.1)
        _courses(response, one.response, series, str(name))
    strength.set_title("tone: pairings, extinction")
    strength.set_ylabel(STRENGTH)
    response.set_title("response to the tone")
    response.set_ylabel("number of spikes more than before")
    plot_latencies(first, tree["latency"].to_dataset())
    for axes, procedure in zip(panels[1], blocking.procedure.values, strict=False):
        one = blocking.sel(procedure=procedure)
        for series, name in zip(style.LINES, one.stimulus.values, strict=False):
            _courses(axes, one.strength.sel(stimulus=name), series, str(name))
            axes.plot(one.trial, one.expected.sel(stimulus=name), "k:", linewidth=1.1)
        axes.set_title(str(procedure))
        axes.set_ylim(-0.05, 1.05)
    panels[1, 0].set_ylabel(STRENGTH)
    for axes in (*panels[0, :2], *panels[1, :2]):
        axes.set_xlabel(TRIAL)
        axes.plot([], [], "k:", linewidth=1.1, label="theory")
        style.legend(axes, columns=3)
    style.legend(first, columns=2)
    panels[1, 2].set_axis_off()
    return figure


def _courses(axes, values, series, label):
    style.mean_and_runs(axes, values.trial, values, "animal", series, label)


def plot_latencies(axes, latency):
    """Shares of cells and trials by the time of the first spike after the tone."""
    for series, when in zip(style.LINES, latency.when.values, strict=False):
        axes.step(
            latency.latency,
            latency.first_spikes.sel(when=when),
            where="mid",
            label=f"{when} pairings",
            **series,
        )
    axes.set_title("first spike after the tone")
    axes.set_xlabel("latency (ms)")
    axes.set_ylabel("cells (percent)")
