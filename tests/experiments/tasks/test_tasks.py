"""Digits are the published images, teacher and symbol the published ones."""

import hashlib
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from circuits.task import check_task
from dendrites.errors import ConfigError
from dendrites.random import generator
from experiments import tasks

# digits


def test_digits_are_the_1797_published_images():
    # Class counts of the test part of the UCI set.
    built = tasks.digits()
    labels = np.concatenate([split.labels for split in built.splits.values()])
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.bincount(labels).tolist() == counts


def test_digits_index_points_at_the_original_image():
    images, labels = load_digits(return_X_y=True)
    for split in tasks.digits(seed=3).splits.values():
        np.testing.assert_array_equal(16 * split.inputs, images[split.index])
        np.testing.assert_array_equal(split.labels, labels[split.index])


def test_digits_splits_share_no_image():
    splits = tasks.digits().splits
    together = np.concatenate([splits["train"].index, splits["test"].index])
    np.testing.assert_array_equal(np.sort(together), np.arange(1797))


def test_digits_hold_out_the_same_share_of_each_digit():
    splits = tasks.digits(test_fraction=0.2).splits
    held_out = np.bincount(splits["test"].labels)
    all_of_it = held_out + np.bincount(splits["train"].labels)
    # A stratified share is rounded to a whole image up or down.
    assert np.abs(held_out - 0.2 * all_of_it).max() < 1
    assert len(splits["test"].inputs) == 360


def test_digits_targets_are_high_for_the_right_cell_only():
    split = tasks.digits(target_rates=(0.2, 0.7)).splits["test"]
    assert (split.targets[np.arange(360), split.labels] == 0.7).all()
    assert ((split.targets == 0.2).sum(axis=1) == 9).all()


def test_digits_are_scaled_for_a_rate_model():
    built = tasks.digits()
    check_task(built, strict=True)
    assert built.splits["train"].inputs.max() == 1.0


def test_digits_with_one_seed_are_identical():
    first, second = (tasks.digits(seed=5).splits["test"].index for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_digits_with_another_seed_hold_out_other_images():
    first, second = (set(tasks.digits(seed=s).splits["test"].index) for s in (0, 1))
    assert first != second


def test_digits_record_their_source():
    (source,) = tasks.digits().sources
    images, labels = load_digits(return_X_y=True)
    raw = bytes(images.astype(int).ravel().tolist()) + bytes(labels.tolist())
    assert source["sha256"] == hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize(
    "options",
    [
        {"test_fraction": 0.0},
        {"test_fraction": 1},
        {"test_fraction": math.nan},
        {"test_fraction": "a fifth"},
        {"seed": -1},
        {"seed": None},
        {"seed": 0.5},
        {"target_rates": (0.8, 0.1)},
        {"target_rates": (0.1, math.inf)},
        {"target_rates": (0.1,)},
        {"target_rates": 0.8},
    ],
)
def test_digits_refuse_options_out_of_range(options):
    with pytest.raises(ConfigError, match=f"{next(iter(options))}: expected"):
        tasks.digits(**options)


# teacher and student


def potential(rate):
    """Inverse of the soft rectifier 0.1 log(1 + exp(u - 3))."""
    return np.log(np.expm1(10 * rate)) + 3.0


def test_teacher_of_one_cell_is_the_rectifier_of_a_line_through_zero():
    split = tasks.teacher_student(sizes=(1, 1), gains=(2.0,), n_train=50).splits[
        "train"
    ]
    x, u = split.inputs[:, 0], potential(split.targets[:, 0])
    slope = (x @ u) / (x @ x)
    # u is of order 1 and its inverse amplifies rounding less than 100-fold.
    np.testing.assert_allclose(u, slope * x, atol=1e-12)
    assert 0 < abs(slope) < 2.0


def test_the_last_gain_scales_the_output_potential():
    u = [
        potential(
            tasks.teacher_student(sizes=(3, 4, 2), gains=(2.0, gain), n_train=20)
            .splits["train"]
            .targets
        )
        for gain in (5.0, 10.0)
    ]
    np.testing.assert_allclose(u[1], 2 * u[0], rtol=1e-10, atol=1e-12)


def test_targets_agree_with_a_cell_by_cell_twin():
    split = tasks.teacher_student(n_train=5, seed=4).splits["train"]
    w1 = generator(4, "teacher_student/weights1").uniform(-1, 1, (20, 30))
    w2 = generator(4, "teacher_student/weights2").uniform(-1, 1, (10, 20))

    def layer(w, gain, rates):
        return [
            0.1 * math.log1p(math.exp(gain * math.fsum(row * rates) - 3.0)) for row in w
        ]

    for x, target in zip(split.inputs, split.targets, strict=True):
        twin = layer(w2, 10.0, layer(w1, 2.0, x))
        # 50 sums of terms below 10 err by about 1e-14 in a potential.
        np.testing.assert_allclose(target, twin, rtol=1e-12)


def test_inputs_are_uniform_between_minus_one_and_one():
    inputs = tasks.teacher_student(n_train=2000).splits["train"].inputs
    assert np.abs(inputs).max() < 1
    # 60,000 draws: five standard errors of the mean and of the mean square.
    assert abs(inputs.mean()) < 5 * math.sqrt(1 / 3 / 60_000)
    assert abs((inputs**2).mean() - 1 / 3) < 5 * math.sqrt(4 / 45 / 60_000)


def test_more_examples_leave_the_first_ones_alone():
    short = tasks.teacher_student(n_train=7, n_test=2).splits
    long = tasks.teacher_student(n_train=50, n_test=9).splits
    for name, n in (("train", 7), ("test", 2)):
        np.testing.assert_array_equal(short[name].inputs, long[name].inputs[:n])
        np.testing.assert_allclose(
            short[name].targets, long[name].targets[:n], rtol=1e-12
        )


def test_test_inputs_are_not_training_inputs():
    splits = tasks.teacher_student(n_train=50, n_test=50).splits
    assert not np.isin(splits["test"].inputs, splits["train"].inputs).any()
    assert splits["test"].index[0] == 50


def test_another_seed_is_another_teacher_and_other_inputs():
    first, second = (tasks.teacher_student(n_train=5, seed=s) for s in (0, 1))
    assert first.sources[0]["sha256"] != second.sources[0]["sha256"]
    assert (first.splits["train"].inputs != second.splits["train"].inputs).all()


def test_teacher_student_is_a_regression_of_the_given_sizes():
    built = tasks.teacher_student(sizes=(4, 6, 5, 3), gains=(1, 1, 1), n_train=5)
    assert (built.n_inputs, built.n_outputs) == (4, 3)
    assert not built.is_classification


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sizes": (30,)}, "at least one"),
        ({"gains": (2.0,)}, "need 2 gains"),
        ({"gains": (2.0, 0.0)}, "expected numbers > 0"),
        ({"gains": (2.0, math.nan)}, "expected numbers > 0"),
        ({"gains": (2.0, "ten")}, "expected numbers > 0"),
        ({"sizes": (30, 0, 10)}, "sizes: expected a whole number >= 1, got 0"),
        ({"sizes": (30, 2.5, 10)}, r"sizes: expected .* got 2.5 \(float\)"),
        ({"n_train": 0}, "n_train: expected a whole number >= 1"),
        ({"n_test": True}, r"n_test: .* got True \(bool\)"),
        ({"seed": -1}, "seed: expected a whole number >= 0, got -1"),
    ],
)
def test_teacher_student_refuses_options_out_of_range(options, message):
    with pytest.raises(ConfigError, match=message):
        tasks.teacher_student(**options)


# the Yin-Yang symbol

PLACES = [
    ((0.5, 0.95), 0, "top"),
    ((0.5, 0.05), 1, "bottom"),
    ((0.25, 0.35), 0, "left lobe, below the dot"),
    ((0.75, 0.65), 1, "right lobe, above the dot"),
    ((0.05, 0.55), 0, "left edge, upper half"),
    ((0.05, 0.45), 0, "left edge, inside the lobe"),
    ((0.95, 0.55), 1, "right edge, inside the lobe"),
    ((0.12, 0.25), 1, "under the left lobe"),
    ((0.88, 0.75), 0, "over the right lobe"),
    ((0.25, 0.5), 2, "left dot"),
    ((0.75, 0.5), 2, "right dot"),
    ((0.25, 0.59), 2, "left dot, near its edge"),
    ((0.25, 0.61), 0, "just above the left dot"),
    ((0.75, 0.39), 1, "just below the right dot"),
    ((0.99, 0.99), -1, "corner"),
]


@pytest.mark.parametrize(("point", "part", "where"), PLACES, ids=[p[2] for p in PLACES])
def test_a_point_lies_in_the_part_seen_in_the_published_figure(point, part, where):
    assert tasks.yin_yang_class(*point) == part


def test_half_a_turn_swaps_yin_and_yang():
    x, y = np.random.default_rng(0).uniform(0, 1, (2, 20_000))
    here, there = tasks.yin_yang_class(x, y), tasks.yin_yang_class(1 - x, 1 - y)
    swapped = np.array([1, 0, 2, -1])  # the last one is found by index -1
    np.testing.assert_array_equal(there, swapped[here])


def test_parts_have_the_areas_of_the_symbol():
    n = 2000
    middles = (np.arange(n) + 0.5) / n
    classes = tasks.yin_yang_class(*np.meshgrid(middles, middles))
    dots = 2 * math.pi * 0.1**2
    lobe = (math.pi * 0.5**2 - dots) / 2
    # A square of side 1/n is miscounted only if a border of length < 4 cuts it, and a
    # curve cuts at most two for each of its 1/n.
    for label, area in ((0, lobe), (1, lobe), (2, dots)):
        assert abs((classes == label).mean() - area) < 2 * 4 / n


def test_yin_yang_inputs_are_a_point_and_its_mirror_image():
    for split in tasks.yin_yang(n_train=300, n_test=50).splits.values():
        x, y = split.inputs[:, :2].T
        np.testing.assert_array_equal(split.inputs[:, 2:].T, [1 - x, 1 - y])
        np.testing.assert_array_equal(split.labels, tasks.yin_yang_class(x, y))


def test_yin_yang_classes_are_balanced_but_in_random_order():
    labels = tasks.yin_yang(n_train=3002).splits["train"].labels
    counts = np.bincount(labels, minlength=3)
    assert counts.max() - counts.min() <= 1
    triples = labels[:3000].reshape(1000, 3)
    assert (np.sort(triples, axis=1) == np.arange(3)).all()
    # Each of the six orders: binomial with probability 1/6, five standard deviations.
    _, orders = np.unique(triples, axis=0, return_counts=True)
    assert len(orders) == 6
    assert np.abs(orders - 1000 / 6).max() < 5 * math.sqrt(1000 * 5 / 36)


def test_yin_yang_points_fill_their_part_uniformly():
    split = tasks.yin_yang(n_train=30_000).splits["train"]
    points = split.inputs[:, :2]
    dots = points[split.labels == 2]
    left = dots[:, 0] < 0.5
    n = len(dots)
    assert abs(left.mean() - 0.5) < 5 * math.sqrt(0.25 / n)
    squares = (
        (dots - np.where(left, 0.25, 0.75)[:, None] * [1, 0] - [0, 0.5]) ** 2
    ).sum(axis=1)
    # The squared distance from the centre of a disc is uniform in (0, 0.01).
    assert abs(squares.mean() - 0.005) < 5 * 0.01 / math.sqrt(12 * n)
    # At x < 0.5 yin is a quarter disc and half a lobe without the left dot.
    yin = points[split.labels == 0]
    share = (math.pi / 16 + math.pi / 32 - math.pi / 100) / (math.pi * (0.125 - 0.01))
    assert abs((yin[:, 0] < 0.5).mean() - share) < 5 * math.sqrt(0.25 / len(yin))


def test_more_yin_yang_examples_leave_the_first_ones_alone():
    short = tasks.yin_yang(n_train=9, n_test=3, validation=2).splits
    long = tasks.yin_yang(n_train=9000, n_test=70, validation=80).splits
    for name, n in (("train", 9), ("test", 3), ("validation", 2)):
        np.testing.assert_array_equal(short[name].inputs, long[name].inputs[:n])
        np.testing.assert_array_equal(short[name].labels, long[name].labels[:n])


def test_yin_yang_splits_share_no_point():
    splits = tasks.yin_yang(n_train=400, n_test=200, validation=100).splits
    points = np.concatenate([split.inputs[:, 0] for split in splits.values()])
    assert len(np.unique(points)) == 700
    index = np.concatenate([split.index for split in splits.values()])
    np.testing.assert_array_equal(index, np.arange(700))


def test_yin_yang_has_the_documented_sizes_and_three_outputs():
    built = tasks.yin_yang(target_rates=(0.2, 0.7))
    check_task(built, strict=True)
    assert (built.n_inputs, built.n_outputs, built.is_classification) == (4, 3, True)
    assert {name: len(s.inputs) for name, s in built.splits.items()} == {
        "train": 6000,
        "test": 1000,
    }
    test = built.splits["test"]
    assert (test.targets[np.arange(1000), test.labels] == 0.7).all()
    assert ((test.targets == 0.2).sum(axis=1) == 2).all()


def test_yin_yang_depends_on_the_seed_alone():
    first, again, other = (
        tasks.yin_yang(n_train=20, n_test=5, seed=s) for s in (3, 3, 4)
    )
    assert first.sources == again.sources
    assert first.sources[0]["sha256"] != other.sources[0]["sha256"]
    assert (first.splits["train"].inputs != other.splits["train"].inputs).all()


@pytest.mark.parametrize(
    "options",
    [
        {"n_train": 0},
        {"n_test": 2.5},
        {"validation": -1},
        {"seed": None},
        {"target_rates": (0.8, 0.1)},
    ],
)
def test_yin_yang_refuses_options_out_of_range(options):
    with pytest.raises(ConfigError, match=f"{next(iter(options))}: expected"):
        tasks.yin_yang(**options)


def test_importing_the_tasks_loads_no_data_library():
    code = (
        "import sys, experiments.tasks\n"
        "assert not {'sklearn', 'pooch', 'requests'} & set(sys.modules)"
    )
    root = Path(tasks.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
