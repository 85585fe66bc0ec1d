"""The picture of the plateau-angle experiment, from its saved tree alone."""

from matplotlib.figure import Figure

WORDS = {"spikes": "spikes fed back", "rate": "rates fed back"}
# Read off Fig. 7A of Guerguiev et al. (2017): ranges after the first thousands.
PUBLISHED = {"spikes": (65.0, 70.0), "rate": (35.0, 40.0)}


def plot(tree) -> Figure:
    """Angles and errors over the images seen.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.plateau_angle.plateau_angle` returns or `dendrites.open_run`
        reads.
    """
    figure = Figure(figsize=(12, 4.8), layout="constrained")
    angles, errors = figure.subplots(1, 2, width_ratios=(1.4, 1))
    plot_angles(angles, tree)
    plot_errors(errors, tree)
    figure.suptitle(f"{tree.attrs['title']} (seed {tree.attrs['seed']})")
    return figure


def plot_angles(axes, tree):
    """Medians of single images and angles of sums, a line for each network."""
    found = tree["alignment"].to_dataset()
    for k, sent in enumerate(found.fed_back.values):
        at = found.sel(fed_back=sent)
        for r in range(found.sizes["replica"]):
            one = at.isel(replica=r)
            texts = (
                (f"{WORDS[str(sent)]}: single images, median", "sums of updates")
                if r == 0
                else (None, None)
            )
            axes.plot(
                one.examples_seen, one.angle_median, color=f"C{k}", label=texts[0]
            )
            axes.plot(
                one.examples_summed,
                one.angle_sum,
                color=f"C{k}",
                linewidth=0.7,
                alpha=0.6,
                label=texts[1],
            )
        axes.axhspan(
            *PUBLISHED[str(sent)],
            color=f"C{k}",
            alpha=0.15,
            lw=0,
            label=f"published, {WORDS[str(sent)]}",
        )
    axes.axhline(90.0, color="0.6", linewidth=0.8, linestyle="--")
    axes.set(
        xlim=(0, None),
        ylim=(0, 100),
        xlabel="images seen",
        ylabel="angle to backpropagation (degree)",
        title="hidden layer's update",
    )
    axes.legend(fontsize="small", loc="lower left", ncols=2)
    return axes


def plot_errors(axes, tree):
    """Share of images that the network had wrong before it learned them."""
    found = tree["alignment"].to_dataset()
    for k, sent in enumerate(found.fed_back.values):
        for r in range(found.sizes["replica"]):
            one = found.sel(fed_back=sent).isel(replica=r)
            axes.plot(
                one.examples_seen,
                100 * one.error_rate,
                color=f"C{k}",
                label=WORDS[str(sent)] if r == 0 else None,
            )
    axes.set(
        xlim=(0, None),
        ylim=(0, 100),
        xlabel="images seen",
        ylabel="error on images not seen before (%)",
        title="errors, from 20 ms of the forward phase",
    )
    axes.legend(fontsize="small")
    return axes
