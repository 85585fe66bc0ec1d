"""The picture of the dendritic-prediction experiment, from its saved tree alone."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

MOMENTS = {
    "free": "before teaching",
    "first_taught": "first with the teacher",
    "last_taught": "last with the teacher",
    "free_again": "first after teaching",
}
POTENTIALS = {
    "matching_potential": ("C3", "U_M, teacher's"),
    "soma": ("C0", "U, soma"),
    "predicted_potential": ("C1", "V*, predicted by the dendrite"),
}
RATES = {"rate": ("C0", "phi(U)"), "predicted_rate": ("C1", "phi(V*)")}
BINS = 50


def plot(tree) -> Figure:
    """Potentials and rates of four presentations, errors over time, and weights.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.dendritic_prediction.dendritic_prediction` returns or
        `dendrites.open_run` reads. Traces are those of the first run.
    """
    figure = Figure(figsize=(14, 10.5), layout="constrained")
    rows = figure.subfigures(3, 1, height_ratios=(1.0, 1.0, 1.0))
    shown = tree["traces"].to_dataset().isel(replica=0)
    panels = rows[0].subplots(1, len(MOMENTS), sharey=True)
    for axes, moment in zip(panels, MOMENTS, strict=True):
        plot_potentials(axes, shown.sel(moment=moment))
    panels[0].set_ylabel("potential (mV)")
    rows[0].legend(handles=_handles(POTENTIALS), loc="outside lower center", ncols=3)
    panels = rows[1].subplots(1, len(MOMENTS), sharey=True)
    for axes, moment in zip(panels, MOMENTS, strict=True):
        plot_rates(axes, shown.sel(moment=moment), _spikes(tree, shown, moment))
    panels[0].set_ylabel("rate (Hz)")
    spike = Line2D([], [], color="k", linestyle="", marker="|", label="output spike")
    rows[1].legend(
        handles=[*_handles(RATES), spike], loc="outside lower center", ncols=3
    )
    errors, correlations, weights = rows[2].subplots(1, 3)
    plot_errors(errors, tree)
    plot_correlations(correlations, tree)
    plot_weights(weights, tree)
    first, last = tree["learning"].replica.values[[0, -1]]
    seeds = f"seed {first}" if first == last else f"seeds {first}-{last}"
    figure.suptitle(f"{tree.attrs['title']} ({seeds})")
    return figure


def plot_potentials(axes, traces):
    """U, V* and U_M over one presentation."""
    for name, (color, _) in POTENTIALS.items():
        axes.plot(traces.time, traces[name], color=color, linewidth=1.2)
    number = int(traces.presentation)
    axes.set_title(f"{number}: {MOMENTS[str(traces.moment.values)]}")
    return axes


def plot_rates(axes, traces, spikes):
    """phi(U), phi(V*) and the output's spikes over one presentation."""
    for name, (color, _) in RATES.items():
        axes.plot(traces.time, traces[name], color=color, linewidth=1.2)
    axes.plot(spikes, np.full(len(spikes), -8.0), "|", color="k", markersize=7)
    axes.set_xlabel("time (ms)")
    return axes


def plot_errors(axes, tree):
    """Errors of potential and rate of every presentation, means over runs."""
    found = tree["learning"].to_dataset()
    _shade(axes, found)
    left = _curve(axes, found.potential_error, "C2", "potential, V* - U_M (mV)")
    other = axes.twinx()
    right = _curve(other, found.rate_error, "C4", "rate, phi(V*) - phi(U) (Hz)")
    axes.set(xlabel="presentation", ylabel="mV", title="errors of the prediction, rms")
    other.set_ylabel("Hz")
    for one in (axes, other):
        one.set_ylim(bottom=0.0)
    axes.legend(handles=[*left, *right], fontsize="small", loc="upper right")
    return axes


def plot_correlations(axes, tree):
    """Correlations with the matching potential, also while the teacher is off."""
    found = tree["learning"].to_dataset()
    _shade(axes, found)
    _curve(axes, found.soma_correlation, "C0", "of the soma, U")
    _curve(axes, found.correlation, "C1", "of the prediction, V*")
    axes.axhline(0.0, color="0.7", linewidth=0.8)
    axes.set(
        xlabel="presentation",
        ylabel="correlation (1)",
        title="correlation with U_M (grey: teacher on)",
    )
    axes.legend(fontsize="small", loc="lower right")
    return axes


def plot_weights(axes, tree):
    """Weights of all runs after learning; inputs without a spike keep theirs."""
    (name,) = tree["weights"].children
    found = tree[f"weights/{name}"].to_dataset()
    after = found.w.isel(snapshot=1, post=0).values
    active = found.input_spikes.values > 0
    start = float(found.w.isel(snapshot=0).mean())
    axes.hist(
        [after[active], after[~active]],
        BINS,
        stacked=True,
        color=["C2", "0.7"],
        label=["after", "after, no spike in the pattern"],
    )
    axes.axvline(start, color="k", linestyle="--", label="before, all")
    axes.set(xlabel="weight (pA)", ylabel="synapses", title="weights")
    axes.legend(fontsize="small")
    return axes


def _spikes(tree, shown, moment):
    """Output spikes of the first run in one presentation, ms from its start."""
    spikes = tree["spikes/output"].to_dataset()
    length = float(shown.time[-1])
    times = spikes.spike_time.values[spikes.spike_trial.values == 0]
    start = (int(shown.presentation.sel(moment=moment)) - 1) * length
    # Times are ends of steps: one of the border belongs to the earlier presentation.
    middle = times - 0.5 * float(shown.time[0])
    return times[(middle > start) & (middle < start + length)] - start


def _curve(axes, values, color, label):
    """Mean over runs, and thin lines of all runs."""
    number = values.presentation
    if values.sizes["replica"] > 1:
        axes.plot(number, values.T, color=color, linewidth=0.4, alpha=0.5)
    return axes.plot(number, values.mean("replica"), color=color, label=label)


def _shade(axes, found):
    on = found.presentation.values[found.taught.values == 1]
    axes.axvspan(on[0] - 0.5, on[-1] + 0.5, color="0.94", zorder=0)


def _handles(lines):
    return [Line2D([], [], color=c, label=label) for c, label in lines.values()]
