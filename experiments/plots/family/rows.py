"""Pictures with a row for every learning scheme, under what hidden cells are told."""

import numpy as np

from experiments.family.scheme import INFORMATION, OWN
from experiments.plots import style

HEADINGS = {**INFORMATION, OWN: "your own"}
# Inches: of a row; above and below all rows.
ROW, ABOVE, BELOW = 0.42, 0.95, 1.05
SMALL = {"fontsize": 7.5, "color": "0.35", "va": "center"}


def framed(title, found, width, words, *columns):
    """A figure with a row for every scheme and a heading for every kind of feedback.

    Parameters
    ----------
    title : str
    found : xarray.Dataset
        With a coordinate "scheme" and "information" of each.
    width : float
        Of the figure, inches, as all that follows.
    words : (left, width)
        Of the column of names, where `say` leaves room for words.
    columns : (left, width)

    Returns
    -------
    figure : Figure
    axes : list of Axes
        Of the columns, then of the words.
    places : dict
        The place of each scheme along the vertical axis.
    """
    places, headings = rows_of(found)
    rows = max(places.values()) + 1.0
    height = ABOVE + ROW * rows + BELOW
    figure = style.figure(title, width=width, height=height)
    figure.set_layout_engine("none")
    figure._suptitle.set_y(1.0 - 0.12 / height)

    def column(left, wide, **options):
        box = (left / width, BELOW / height, wide / width, ROW * rows / height)
        return figure.add_axes(box, **options)

    first = column(*columns[0])
    first.set_ylim(rows - 0.5, -0.5)
    axes = [first, *(column(*c, sharey=first) for c in (*columns[1:], words))]
    for one in axes:
        bands(one, places, headings)
    for one in axes[:-1]:
        one.tick_params(axis="y", left=False, labelleft=one is first)
        one.spines["left"].set_visible(False)
    names = [name.replace("_", " ") for name in places]
    first.set_yticks([*places.values()], labels=names, ha="left", va="bottom")
    first.tick_params(axis="y", pad=72 * (columns[0][0] - words[0] - 0.04) - 3.5)
    axes[-1].set_axis_off()
    axes[-1].set_xlim(0.0, words[1])
    for at, text in headings.items():
        axes[-1].text(0.04, at, text, fontweight="bold", va="center", fontsize=9)
    return figure, axes, places


def say(axes, at, text):
    """Words below a name, small."""
    axes.text(0.04, at + 0.2, symbols(text), **SMALL)


def symbols(text):
    """A text with its weights as mathematics."""
    return text.replace("W^T", "$W^T$")


def networks(found):
    """How many there are, in words."""
    count = found.sizes["replica"]
    return "one network" if count == 1 else f"{count} networks"


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
