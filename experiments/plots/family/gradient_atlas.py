"""The picture of the gradient-atlas experiment, from its saved tree alone."""

import numpy as np
from matplotlib.figure import Figure

from experiments.family.scheme import INFORMATION, OWN
from experiments.plots import style

HEADINGS = {**INFORMATION, OWN: "your own"}
# Inches: of a row; above and below all rows; left ends and widths of the columns.
ROW, ABOVE, BELOW = 0.42, 0.95, 1.05
WORDS, ANGLES, SIZES, LIMITS = (0.15, 2.95), (3.2, 3.9), (7.25, 1.75), (9.1, 2.35)
WIDTH = 11.5
LARGEST_ANGLE = 130.0
SMALL = {"fontsize": 7.5, "color": "0.35", "va": "center"}


@style.picture
def plot(tree) -> Figure:
    """Angle and size of every scheme's update, layer by layer, beside its limit.

    A row is a scheme; rows lie under what hidden cells are told of the error. Hollow
    marks are updates at the start, filled ones those after learning, ticks at the start
    the mean of many random updates. Marks are means over networks, thin lines reach
    from the smallest to the largest.

    Parameters
    ----------
    tree : xarray.DataTree
        As `experiments.run("gradient-atlas")` returns or `dendrites.open_run` reads.
    """
    atlas = tree["atlas"].to_dataset()
    places, headings = rows_of(atlas)
    rows = max(places.values()) + 1.0
    height = ABOVE + ROW * rows + BELOW
    figure = style.figure(
        f"{tree.attrs['title']}\n({style.seeds(atlas.replica.values)}: "
        f"mean and range of {_networks(atlas)}, one batch each)",
        width=WIDTH,
        height=height,
    )
    figure.set_layout_engine("none")
    figure._suptitle.set_y(1.0 - 0.12 / height)

    def column(left, width, **options):
        box = (left / WIDTH, BELOW / height, width / WIDTH, ROW * rows / height)
        return figure.add_axes(box, **options)

    angles = column(*ANGLES)
    angles.set_ylim(rows - 0.5, -0.5)
    sizes, limits, words = (column(*c, sharey=angles) for c in (SIZES, LIMITS, WORDS))
    for axes in (angles, sizes, limits, words):
        bands(axes, places, headings)
    for axes in (angles, sizes):
        axes.tick_params(axis="y", left=False, labelleft=axes is angles)
        axes.spines["left"].set_visible(False)
    names = [name.replace("_", " ") for name in places]
    angles.set_yticks([*places.values()], labels=names, ha="left", va="bottom")
    angles.tick_params(axis="y", pad=72 * (ANGLES[0] - WORDS[0] - 0.04) - 3.5)
    write_words(words, atlas, places, headings)
    write_limits(limits, atlas, places)
    plot_angles(angles, atlas, places)
    plot_sizes(sizes, atlas, places)
    style.legend(angles, columns=3, columnspacing=1.4, handletextpad=0.3)
    return figure


def rows_of(atlas):
    """Place of every scheme, and of the heading of every kind of information."""
    places, headings, at = {}, {}, 0.0
    kinds = atlas.information.values
    for kind, text in HEADINGS.items():
        names = [
            str(s) for s, k in zip(atlas.scheme.values, kinds, strict=True) if k == kind
        ]
        if names:
            headings[at] = text
            at += 1.0
        for name in names:
            places[name] = at
            at += 1.0
    return places, headings


def bands(axes, places, headings):
    """A pale stripe behind every heading, a thin line under every scheme."""
    for at in headings:
        axes.axhspan(at - 0.4, at + 0.4, color=style.PALE, lw=0, zorder=0)
    for at in places.values():
        axes.axhline(at + 0.5, color=style.PALE, lw=0.6, zorder=0)


def write_words(axes, atlas, places, headings):
    """What brings errors to hidden cells, and in how many phases."""
    axes.set_axis_off()
    axes.set_xlim(0.0, WORDS[1])
    for at, text in headings.items():
        axes.text(0.04, at, text, fontweight="bold", va="center", fontsize=9)
    for name, at in places.items():
        one = atlas.sel(scheme=name)
        phases, sweeps = int(one.phases), int(one.sweeps)
        parts = [
            str(one.feedback.item()).replace("W^T", "$W^T$"),
            f"{phases} phases" + (f", {sweeps} sweeps" if sweeps > phases else ""),
        ]
        axes.text(0.04, at + 0.2, "; ".join(p for p in parts if p), **SMALL)


def write_limits(axes, atlas, places):
    """What makes a scheme exact, with the order in which its error falls; its loss."""
    axes.set_axis_off()
    axes.set_xlim(0.0, LIMITS[1])
    above = {"transform": axes.get_xaxis_transform(), "va": "bottom"}
    axes.text(0.04, 1.0, " exact when; its loss", fontsize=9, **above)
    for name, at in places.items():
        one = atlas.sel(scheme=name)
        text = str(one.exact_when.item()).replace("W^T", "$W^T$")
        axes.text(0.04, at - 0.2, text, va="center", fontsize=8)
        texts = [str(one.loss.item())]
        if np.isfinite(one.order_expected):
            order, measured = float(one.order_expected), float(one.order)
            texts.append(f"order {order:g}, measured {measured:.2f}")
        axes.text(0.04, at + 0.2, "; ".join(t for t in texts if t), **SMALL)


def plot_angles(axes, atlas, places):
    """Of every layer's update to the exact gradient."""
    axes.axvline(90.0, color=style.GREY, lw=0.9, linestyle=(0, (3, 3)), zorder=1)
    marks(axes, atlas.angle, atlas.angle_of_mean, places)
    axes.set(
        xlim=(-3.0, LARGEST_ANGLE),
        xticks=range(0, 121, 30),
        xlabel="angle to the exact gradient (degrees)",
        title="angle of the update",
    )


def plot_sizes(axes, atlas, places):
    """Of every layer's update, over that of the exact gradient."""
    axes.axvline(1.0, color=style.GREY, lw=0.9, linestyle=(0, (3, 3)), zorder=1)
    seen = atlas.size_ratio > 0
    mean = atlas.size_ratio_of_mean
    marks(axes, atlas.size_ratio.where(seen), mean.where(mean > 0), places)
    axes.set(
        xscale="log",
        xlabel="length (share of the gradient's)",
        title="length",
    )
    axes.xaxis.set_major_formatter("{x:g}")


def marks(axes, values, means, places):
    """A mark for every scheme, layer and state, one beside the other.

    Parameters
    ----------
    values : xarray.DataArray (scheme, replica, state, layer)
    means : xarray.DataArray (scheme, replica, layer), optional
        Of many presentations at the start; NaN where nothing is random.
    """
    layers = values.layer.values
    shifts = np.linspace(-0.24, 0.24, len(layers)) if len(layers) > 1 else [0.0]
    for series, layer, shift in zip(style.SERIES, layers, shifts, strict=False):
        look = {"color": series["color"], "linestyle": "", "zorder": 3}
        for state in values.state.values:
            some = values.sel(layer=layer, state=state)
            found = [
                (
                    float(one.min()),
                    float(one.mean()),
                    float(one.max()),
                    places[name] + shift,
                )
                for name, one in ((n, some.sel(scheme=n)) for n in places)
                if bool(np.isfinite(one).all())
            ]
            if not found:
                continue
            low, middle, high, at = np.array(found).T
            filled = state == values.state.values[-1] and len(values.state) > 1
            if filled:
                _joined(axes, values.sel(layer=layer), places, shift, series["color"])
            axes.hlines(at, low, high, color=series["color"], lw=0.7, alpha=0.6)
            axes.plot(
                middle,
                at,
                marker=series["marker"],
                markersize=4.5,
                markerfacecolor=series["color"] if filled else "white",
                label=f"{layer}, {'after learning' if filled else 'at the start'}",
                **look,
            )
        if means is None:
            continue
        one = means.sel(layer=layer)
        found = [
            (float(one.sel(scheme=n).mean()), at + shift)
            for n, at in places.items()
            if bool(np.isfinite(one.sel(scheme=n)).all())
        ]
        if found:
            x, at = np.array(found).T
            label = f"{layer}, mean of many"
            axes.plot(
                x,
                at,
                marker="|",
                markersize=9,
                markeredgewidth=1.6,
                label=label,
                **look,
            )


def _joined(axes, values, places, shift, color):
    """From the mean at the start to that after learning."""
    means = values.mean("replica", skipna=False)
    ends = {name: means.sel(scheme=name).values[[0, -1]] for name in places}
    for name, pair in ends.items():
        if np.isfinite(pair).all():
            at = 2 * [places[name] + shift]
            axes.plot(pair, at, color=color, lw=1.6, alpha=0.25, zorder=1)


def _networks(atlas):
    count = atlas.sizes["replica"]
    return "one network" if count == 1 else f"{count} networks"
