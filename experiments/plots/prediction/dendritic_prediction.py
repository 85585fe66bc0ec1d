"""The picture of the dendritic-prediction experiment, from its saved tree alone."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.plots import style

MOMENTS = {
    "free": "before teaching",
    "first_taught": "first with teacher",
    "last_taught": "last with teacher",
    "free_again": "teacher gone",
}
# The soma's lines are wide: without a teacher the dendrite's lie on them.
SOMA = {**style.LINES[0], "color": style.SKY, "linewidth": 3.0}
POTENTIALS = {
    "matching_potential": (style.LINES[1], "$U_M$, teacher's"),
    "soma": (SOMA, "$U$, soma"),
    "predicted_potential": (style.LINES[2], "$V^*$, predicted by the dendrite"),
}
RATES = {
    "rate": (SOMA, r"$\varphi(U)$"),
    "predicted_rate": (style.LINES[2], r"$\varphi(V^*)$"),
}
BINS = 50
PRESENTATION = "number of the presentation"


@style.picture
def plot(tree) -> Figure:
    """Potentials and rates of four presentations, errors over time, and weights.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.dendritic_prediction.dendritic_prediction` returns or
        `dendrites.open_run` reads. Traces are those of the first run.
    """
    runs = style.seeds(tree["learning"].replica.values)
    figure = style.figure(f"{tree.attrs['title']} ({runs})", width=11.0, height=10.0)
    above, middle, below = figure.subfigures(3, 1)
    shown = tree["traces"].to_dataset().isel(replica=0)
    panels = above.subplots(1, len(MOMENTS), sharey=True)
    for axes, moment in zip(panels, MOMENTS, strict=True):
        one = shown.sel(moment=moment)
        _traces(axes, one, POTENTIALS)
        axes.set_title(f"presentation {int(one.presentation)}:\n     {MOMENTS[moment]}")
    panels[0].set_ylabel("potential (mV)")
    above.legend(handles=_handles(POTENTIALS), loc="outside lower center", ncols=3)
    panels = middle.subplots(1, len(MOMENTS), sharey=True)
    for axes, moment in zip(panels, MOMENTS, strict=True):
        _traces(axes, shown.sel(moment=moment), RATES)
        spikes = _spikes(tree, shown, moment)
        axes.set_title("rates in the same")
        axes.plot(spikes, np.full(len(spikes), -8.0), "|", color="k", ms=7)
    panels[0].set_ylabel("rate (Hz)")
    spike = Line2D([], [], color="k", linestyle="", marker="|", label="output spike")
    handles = [*_handles(RATES), spike]
    middle.legend(handles=handles, loc="outside lower center", ncols=3)
    potential, rate, correlation, weights = below.subplots(1, 4)
    plot_learning(potential, tree, {"potential_error": "rms of $V^* - U_M$"})
    potential.set(ylabel="error (mV)", ylim=(0, None), title="error of the potential")
    plot_learning(rate, tree, {"rate_error": r"rms of $\varphi(V^*) - \varphi(U)$"})
    rate.set(ylabel="error (Hz)", ylim=(0, None), title="error of the rate")
    names = {"soma_correlation": "$U$ with $U_M$", "correlation": "$V^*$ with $U_M$"}
    plot_learning(correlation, tree, names)
    correlation.set(ylabel="correlation (dimensionless)", title="correlations")
    plot_weights(weights, tree)
    return figure


def _traces(axes, traces, names):
    for name, (series, _) in names.items():
        axes.plot(traces.time, traces[name], **{"linewidth": 1.1, **series})
    axes.set_xlabel("time (ms)")


def plot_learning(axes, tree, names):
    """Measures of every presentation: thin lines are runs, thick ones their means."""
    found = tree["learning"].to_dataset()
    on = found.presentation.values[found.taught.values == 1]
    axes.axvspan(
        on[0] - 0.5, on[-1] + 0.5, color=style.PALE, zorder=0, label="teacher on"
    )
    for series, (name, label) in zip(style.LINES, names.items(), strict=False):
        style.mean_and_runs(
            axes, found.presentation, found[name], "replica", series, label
        )
    axes.set_xlabel(PRESENTATION)
    style.legend(axes)


def plot_weights(axes, tree):
    """Weights of all runs after learning; inputs without a spike keep theirs."""
    (name,) = tree["weights"].children
    found = tree[f"weights/{name}"].to_dataset()
    after = found.w.isel(snapshot=1, post=0).values
    active = found.input_spikes.values > 0
    axes.hist(
        [after[active], after[~active]],
        BINS,
        stacked=True,
        color=[style.BLUE, style.GREY],
        label=["after learning", "after, inputs without spikes"],
    )
    start = float(found.w.isel(snapshot=0).mean())
    axes.axvline(start, color="k", linestyle="--", label="before, all")
    axes.set(
        xlabel="weight (pA)", ylabel="number of synapses", title="weights, all runs"
    )
    style.legend(axes)


def _spikes(tree, shown, moment):
    """Output spikes of the first run in one presentation, ms from its start."""
    spikes = tree["spikes/output"].to_dataset()
    length = float(shown.time[-1])
    times = spikes.spike_time.values[spikes.spike_trial.values == 0]
    start = (int(shown.presentation.sel(moment=moment)) - 1) * length
    # Times are ends of steps: one of the border belongs to the earlier presentation.
    middle = times - 0.5 * float(shown.time[0])
    return times[(middle > start) & (middle < start + length)] - start


def _handles(names):
    return [Line2D([], [], **series, label=label) for series, label in names.values()]
