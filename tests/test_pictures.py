"""Pictures of the docs: current, of one style, legible, and of their trees alone."""

import itertools
import re
from string import ascii_lowercase

import matplotlib
import numpy as np
import pytest
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.transforms import Bbox

import experiments
from docs import make_pictures
from experiments.plots import style
from experiments.registry import EXPERIMENTS

# What has no unit: counts say so, names of categories have no numbers.
COUNTS = re.compile("number of|^epoch$")
UNITS = re.compile(
    r"\((s|ms|Hz|mV|pA|mV ms|1/ms|\$\\mu\$m|degrees|percent|dimensionless|model's unit"
    r"|standard errors|(percent|share) of .+)\)$"
)
COVERED = 0.03  # share of a panel's points that may lie under a text
ROOM = 1.0  # dots that boxes of texts may have in common: they include margins


@pytest.fixture(scope="module", params=make_pictures.PICTURES)
def question(request):
    return request.param


@pytest.fixture(scope="module")
def tree(question):
    return make_pictures.stored(question)


@pytest.fixture(scope="module")
def figure(question, tree):
    figure = make_pictures.figure_of(question, tree)
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    return figure


@pytest.fixture(scope="module")
def panels(figure):
    shown = [axes for axes in figure.axes if axes.axison]
    return [axes for axes in shown if axes.get_label() != style.COLORBAR]


def texts_of(figure):
    """Boxes of all texts but those of legends, which are boxes themselves."""
    texts = [figure._suptitle]
    for axes in figure.axes:
        if axes.axison:
            texts += [axes.xaxis.label, axes.yaxis.label, axes._left_title, *axes.texts]
            for axis in (axes.xaxis, axes.yaxis):
                low, high = sorted(axis.get_view_interval())
                texts += [axis.get_offset_text()]
                texts += [
                    label
                    for tick in axis.get_major_ticks()
                    for label in (tick.label1, tick.label2)
                    if low <= tick.get_loc() <= high
                ]
    boxes = [
        (text.get_text(), text.get_window_extent())
        for text in texts
        if text.get_visible() and text.get_text().strip()
    ]
    legends = [axes.get_legend() for axes in figure.axes if axes.get_legend()]
    for part in (figure, *figure.subfigs):
        legends += part.legends
    return boxes + [("legend", legend.get_window_extent()) for legend in legends]


def points_of(axes):
    """Places of the points of all lines and collections of a panel, in dots."""
    places = [line.get_transform().transform(line.get_xydata()) for line in axes.lines]
    places += [
        collection.get_offset_transform().transform(collection.get_offsets())
        for collection in axes.collections
        if len(collection.get_offsets()) > 1
    ]
    points = np.concatenate([np.empty((0, 2)), *places])
    return points[within(axes.get_window_extent(), points)]


def within(box, points):
    low, high = np.sort(box.get_points(), axis=0)
    return ((low <= points) & (points <= high)).all(axis=1)


def test_a_picture_is_current(question, figure):
    stale = make_pictures.out_of_date(question, figure)
    assert not stale, f"python docs/make_pictures.py {question}"


def test_panels_have_letters(panels):
    for letter, axes in zip(ascii_lowercase, panels, strict=False):
        assert axes.get_title(loc="left").startswith(rf"$\mathbf{{{letter}}}$  ")


@pytest.mark.parametrize("side", ["x", "y"])
def test_axes_say_what_is_drawn_and_in_which_unit(panels, side):
    for axes in panels:
        label, names = label_of(axes, side)
        if not label:  # then that of the first panel of the row, or last of the column
            others = [other for other in panels if in_line(axes, other, side)]
            label, names = max(label_of(other, side) for other in others)
        assert names or COUNTS.search(label) or UNITS.search(label), (label, side)


def label_of(axes, side):
    """The label of an axis, and whether its ticks are names and no numbers."""
    ticks = [text.get_text() for text in getattr(axes, f"get_{side}ticklabels")()]
    names = any(
        re.search("[a-z]{2}", text.replace("mathdefault", "")) for text in ticks
    )
    return getattr(axes, f"get_{side}label")().replace("\n", " "), names


def in_line(axes, other, side):
    """Whether a panel lies above or below (x), or beside (y) another one."""
    edge = int(side == "y")
    here, there = (one.get_window_extent().get_points()[0] for one in (axes, other))
    return abs(here - there)[edge] <= ROOM


def test_no_text_lies_on_another_or_outside(figure):
    boxes = texts_of(figure)
    whole = figure.bbox
    for text, box in boxes:
        assert whole.x0 <= box.x0 + ROOM and box.x1 - ROOM <= whole.x1, text
        assert whole.y0 <= box.y0 + ROOM and box.y1 - ROOM <= whole.y1, text
    for (text, box), (other, its) in itertools.combinations(boxes, 2):
        common = Bbox.intersection(box, its)
        if common is not None:
            assert min(common.width, common.height) <= ROOM, (text, other)


def test_texts_cover_next_to_no_points(figure, panels):
    for axes in panels:
        points = points_of(axes)
        boxes = [box for text, box in texts_of(figure)]
        hidden = sum(int(within(box, points).sum()) for box in boxes)
        assert hidden <= COVERED * max(len(points), 1), axes.get_title(loc="left")


def test_legends_lie_off_the_data(panels):
    for axes in panels:
        if legend := axes.get_legend():
            common = Bbox.intersection(
                legend.get_window_extent(), axes.get_window_extent()
            )
            assert common is None or min(common.width, common.height) <= ROOM


def test_all_that_is_drawn_is_finite_and_dense_enough(figure):
    assert figure.dpi >= 150
    for axes in figure.axes:
        for label, _, arrays in make_pictures.artists_of(axes):
            if axes.get_label() != style.COLORBAR:
                for array in arrays[:2]:
                    values = np.asarray(array, dtype=float)
                    assert np.isfinite(values).any() or values.size == 0, label
        for line in axes.lines:
            assert np.isfinite(np.asarray(line.get_xydata(), float)).all(), line


def test_no_panel_has_two_scales(figure):
    boxes = [axes.get_position().bounds for axes in figure.axes if axes.axison]
    parents = [axes.get_figure(root=False) for axes in figure.axes if axes.axison]
    places = [(id(p), *np.round(b, 6)) for p, b in zip(parents, boxes, strict=True)]
    assert len(set(places)) == len(places)


def test_what_is_drawn_follows_the_tree(question, tree, figure):
    changed = make_pictures.figure_of(question, scaled(tree))
    for old, new in zip(figure.axes, changed.axes, strict=True):
        if old.get_label() == style.COLORBAR or not old.axison:
            continue
        pairs = zip(
            make_pictures.artists_of(old), make_pictures.artists_of(new), strict=False
        )
        moved = [
            any(
                not np.array_equal(np.asarray(a, float), np.asarray(b, float))
                for a, b in zip(before[2], after[2], strict=False)
            )
            for before, after in pairs
        ]
        assert any(moved), old.get_title(loc="left")


def scaled(tree):
    """The tree with other numbers of the same signs in all its variables."""
    groups = {}
    for node in tree.subtree:
        dataset = node.to_dataset(inherit=False)
        for name, variable in dataset.data_vars.items():
            if variable.dtype.kind == "f" and variable.size:
                factor = np.linspace(0.97, 0.99, variable.size).reshape(variable.shape)
                dataset[name] = variable * factor
        groups[node.path] = dataset.assign_attrs(node.attrs)
    return xr.DataTree.from_dict(groups)


def test_every_question_has_a_picture_that_is_drawn_from_a_stored_file():
    assert {*make_pictures.PICTURES} == set(EXPERIMENTS)


@pytest.mark.parametrize("palette", [style.SERIES, style.LINES])
def test_series_are_told_apart_without_colours(palette):
    looks = [(str(one["linestyle"]), one["marker"]) for one in palette]
    assert len(set(looks)) == len(looks)
    assert len({one["color"] for one in palette}) == len(palette)


def test_a_sweep_over_seeds_has_the_picture_of_its_question():
    swept = make_pictures.stored("yin-yang")
    assert swept.attrs["sweep_of"] == "yin-yang"
    drawn = make_pictures.drawn(experiments.plot(swept))
    assert drawn == make_pictures.drawn(make_pictures.figure_of("yin-yang"))


def test_the_style_leaves_no_setting_behind():
    before = dict(matplotlib.rcParams)
    make_pictures.figure_of("drift")
    assert dict(matplotlib.rcParams) == before


def test_a_picture_that_shows_something_else_is_found_out():
    name = "spike-pair-window"
    other = make_pictures.figure_of(name, scaled(make_pictures.stored(name)))
    stale = make_pictures.out_of_date(name, other)
    assert {text[:7] for text in stale} == {"panel 0", "panel 1", "panel 2"}


def test_digests_are_those_of_a_figure_that_is_not_rendered_yet(question, tree, figure):
    fresh = make_pictures.figure_of(question, tree)
    assert make_pictures.drawn(fresh) == make_pictures.drawn(figure)


def test_digests_do_not_depend_on_the_last_bits():
    values = np.array([0.1 + 0.2, -1e-300, np.nan, 0.0, 12345.678])
    nearby = np.nextafter(values, 1e9)
    rounded = make_pictures._rounded
    np.testing.assert_array_equal(rounded(values[[0, 4]]), rounded(nearby[[0, 4]]))
    assert not np.array_equal(rounded(values), rounded(values * 1.00001))
