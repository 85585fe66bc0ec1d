"""The picture of the self-prediction experiment, from its saved tree alone."""

from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

# Independent NumPy code with other draws: after so many inputs, from to (percent).
ELSEWHERE = {10: (2.2, 8.0), 30: (0.76, 1.07)}
ONE_SEED = (600, 0.56)


def plot(tree) -> Figure:
    """Apical power over inputs, and what interneurons and feedback have to do with it.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.self_prediction.self_prediction` returns or
        `dendrites.open_run` reads.
    """
    figure = Figure(figsize=(11, 5), layout="constrained")
    power, reasons = figure.subplots(1, 2)
    plot_power(power, tree)
    plot_reasons(reasons, tree)
    first, last = tree["self_prediction"].seed.values[[0, -1]]
    seeds = f"seed {first}" if first == last else f"seeds {first}-{last}"
    figure.suptitle(f"{tree.attrs['title']} ({seeds})")
    return figure


def plot_power(axes, tree):
    """Apical power over its start, every seed and the median."""
    power = _relative(tree["self_prediction"].apical_power)
    _seeds_and_median(axes, 100 * power, "C3", "apical power")
    band = {"color": "0.3", "linewidth": 5, "alpha": 0.5, "solid_capstyle": "butt"}
    for k, (n, ends) in enumerate(ELSEWHERE.items()):
        label = "independent code, five seeds" if k == 0 else None
        axes.plot([n, n], ends, **band, label=label)
    if power.presentation[-1] >= ONE_SEED[0]:
        axes.plot(*ONE_SEED, "o", color="0.3", alpha=0.7, label="the same, one seed")
    axes.set(
        yscale="log",
        ylabel="apical power (% of start)",
        title="apical dendrites fall silent",
    )
    _finish(axes, power.presentation)
    return axes


def plot_reasons(axes, tree):
    """Interneurons against the layer above, and W_PI against -B: both come later."""
    found = tree["self_prediction"]
    power = _relative(found.apical_power)
    axes.plot(
        power.presentation,
        power.median("seed"),
        color="C3",
        label="apical power / start",
    )
    error = _relative(found.prediction_error)
    _seeds_and_median(axes, error, "C0", "interneuron error / start")
    text = "|W_PI + B| / |B|, 0 if W_PI = -B"
    _seeds_and_median(axes, found.feedback_mismatch, "C1", text)
    axes.set(
        yscale="log",
        ylabel="ratio (1)",
        title="long before interneurons predict or W_PI = -B",
    )
    _finish(axes, power.presentation)
    return axes


def _relative(values):
    return values / values.sel(presentation=0)


def _seeds_and_median(axes, values, color, label):
    lines = values.transpose("presentation", "seed")
    axes.plot(values.presentation, lines, color=color, linewidth=0.8, alpha=0.3)
    axes.plot(values.presentation, values.median("seed"), color=color, label=label)


def _finish(axes, presentations):
    # Linear up to the first input, so that the start has a place.
    axes.set_xscale("symlog", linthresh=1)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlim(0, 1.3 * float(presentations[-1]))
    axes.set_xlabel("inputs shown")
    axes.grid(color="0.9", linewidth=0.6)
    axes.legend(fontsize="small", loc="lower left")
