"""Stored results are met again on seeds that nobody looked at while choosing settings.

Seeds are 200 and up; results in `docs/results` have others, and so have all trials. A
figure agrees if the mean over the new seeds lies in the interval in which, by the
spread over the stored ones, it should lie in 99 of a hundred repetitions:

    |mean_new - mean_stored| <= t s sqrt(1 / n_stored + 1 / n_new)

with s the standard deviation over the stored seeds and t the quantile of Student's
distribution of n_stored - 1 degrees. The same seeds give the same figures every night,
so that chance is asked once. A task that takes hours is run on one seed.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t as student

import experiments
from dendrites.dataset import open_run

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"
WRONG = 0.01  # of figures that agree, this share is called wrong
FIRST = 200


def stored(name, figure, **where):
    """A figure of a stored result, one value a seed (or a network)."""
    found = open_run(RESULTS / f"{name}.nc")["sweep"].to_dataset()[figure]
    return found.sel(where).values.ravel()


def half_width(old, n_new):
    """How far from the mean of the stored values that of new ones may lie."""
    t = student.ppf(1 - WRONG / 2, len(old) - 1)
    return t * old.std(ddof=1) * np.sqrt(1 / len(old) + 1 / n_new)


def agrees(old, new):
    new = np.atleast_1d(new)
    gap = abs(new.mean() - old.mean())
    allowed = half_width(old, len(new))
    print(f"stored {old.mean():.4g}, now {new.mean():.4g}, allowed +- {allowed:.4g}")
    return gap <= allowed


def figures(question, names, *, n_seeds=3, **arguments):
    """Headline figures of a question on unseen seeds, (n_seeds,) each."""
    found = []
    for seed in range(FIRST, FIRST + n_seeds):
        tree = experiments.run(question, seed=seed, **arguments)
        headline = json.loads(tree.attrs["headline_json"])
        found.append([headline[name]["value"] for name in names])
    return dict(zip(names, np.array(found, float).T, strict=True))


def test_the_interval_holds_as_often_as_it_says():
    rng = np.random.default_rng(0)
    trials, wrong = 20_000, 0
    for _ in range(trials):
        wrong += not _quietly(rng.normal(size=5), rng.normal(size=3))
    share, error = wrong / trials, np.sqrt(WRONG / trials)
    assert abs(share - WRONG) < 4 * error


def _quietly(old, new):
    return abs(new.mean() - old.mean()) <= half_width(old, len(new))


@pytest.mark.nightly
def test_digits_are_learned_on_unseen_seeds():
    names = ("test_error", "test_error_linear", "angle_deg_hidden1")
    new = figures("digits", names)
    for name in names:
        assert agrees(stored("digits", name), new[name]), name
    assert new["test_error"].mean() < new["test_error_linear"].mean()


@pytest.mark.nightly
@pytest.mark.parametrize("interneurons", ["tied", "plastic"])
def test_the_yin_yang_is_learned_on_unseen_seeds(interneurons):
    names = ("test_error", "test_error_frozen_hidden", "angle_deg_hidden1")
    new = figures("yin-yang", names, interneurons=interneurons)
    for name in names:
        assert agrees(stored("yin-yang", name, interneurons=interneurons), new[name])


@pytest.mark.nightly
def test_a_student_learns_from_its_teacher_on_unseen_seeds():
    names = ("error_fraction", "error_fraction_shallow", "angle_w_b_deg")
    new = figures("teacher-student", names)
    for name in names:
        assert agrees(stored("teacher-student", name, apical_rate=0.5), new[name]), name


@pytest.mark.nightly
@pytest.mark.parametrize("feedback", ["random", "sparse", "zero"])
def test_segregated_dendrites_learn_8000_images_on_unseen_seeds(feedback):
    names = ("test_error", "rate_hz_hidden1")
    new = figures("segregated-dendrites", names, feedback=feedback)
    for name in names:
        assert agrees(stored("segregated-8000", name, feedback=feedback), new[name])


@pytest.mark.nightly
def test_updates_of_plateaus_turn_towards_the_gradient_on_unseen_seeds():
    tree = experiments.run("plateau-angle", seed=FIRST, networks=3)
    headline = json.loads(tree.attrs["headline_json"])
    for fed_back, name in (("spikes", "angle_deg_spiking"), ("rate", "angle_deg_rate")):
        old = open_run(RESULTS / "plateau-angle.nc")["sweep"].angle_median
        old = old.sel(fed_back=fed_back).isel(seed=0, stretch=-1).values
        # The new mean is over three networks, as the stored one.
        gap = abs(headline[name]["value"] - old.mean())
        assert gap <= half_width(old, 3), name


@pytest.mark.weekly
def test_mnist_is_learned_on_an_unseen_seed():
    names = ("test_error", "test_error_backprop", "angle_deg_hidden1")
    new = figures("mnist-microcircuit", names, n_seeds=1)
    for name in names:
        assert agrees(stored("mnist-tied", name), new[name]), name
