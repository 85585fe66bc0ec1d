"""Figures in the docs are those of the stored files."""

import functools
import json
import re
from pathlib import Path

import pytest

from dendrites.dataset import open_run
from experiments.lab.matrix import matrix_table, sign_table
from experiments.statistics import paired_p

DOCS = Path(__file__).resolve().parents[1] / "docs"
# First words of a row: file, variable, factor, and what to select in it.
ROWS = {
    "[digits]": ("digits", "test_error", 100, {}),
    "digits, frozen hidden layers, converged readout": (
        "digits",
        "test_error_frozen_hidden",
        100,
        {},
    ),
    "digits, linear classifier": ("digits", "test_error_linear", 100, {}),
    "digits, backprop, same network": ("digits", "test_error_backprop", 100, {}),
    "digits, angle of hidden layer 1": ("digits", "angle_deg_hidden1", 1, {}),
    "digits, angle of hidden layer 2": ("digits", "angle_deg_hidden2", 1, {}),
    "digits, half in negative, the microcircuit": (
        "digits",
        "test_error_negatives",
        100,
        {},
    ),
    "digits, half in negative, frozen hidden layers": (
        "digits",
        "test_error_negatives_frozen_hidden",
        100,
        {},
    ),
    "digits, half in negative, linear classifier": (
        "digits",
        "test_error_negatives_linear",
        100,
        {},
    ),
    "digits, apical potential": ("digits", "apical_without_teacher", 1, {}),
    "[teacher-student]": ("teacher-student", "error_fraction", 1, {"apical_rate": 1.0}),
    "teacher-student, output weights only": (
        "teacher-student",
        "error_fraction_shallow",
        1,
        {"apical_rate": 1.0},
    ),
    "[yin-yang]": ("yin-yang", "test_error", 100, {"interneurons": "tied"}),
    "[mnist-microcircuit]": ("mnist-tied", "test_error", 100, {}),
    "mnist-microcircuit, plastic interneurons": (
        "mnist-plastic",
        "test_error",
        100,
        {},
    ),
    "mnist-microcircuit, backprop": ("mnist-tied", "test_error_backprop", 100, {}),
    "mnist-microcircuit, feedback alignment": (
        "mnist-tied",
        "test_error_feedback_alignment",
        100,
        {},
    ),
    "mnist-microcircuit, frozen middle weights": (
        "mnist-frozen",
        "test_error",
        100,
        {},
    ),
    "[dendritic-prediction]": ("dendritic-prediction", "rms_mv_first_curve", 1, {}),
    "dendritic-prediction, the same": (
        "dendritic-prediction",
        "rms_mv_last_curve",
        1,
        {},
    ),
    "dendritic-prediction, rate error": (
        "dendritic-prediction",
        "rate_error_hz_last_curve",
        1,
        {},
    ),
    "dendritic-prediction, correlation": (
        "dendritic-prediction",
        "correlation_after_removal_curve",
        1,
        {},
    ),
    "[segregated-dendrites]": (
        "segregated-8000",
        "test_error",
        100,
        {"feedback": "random"},
    ),
    "segregated-dendrites, a fifth of the feedback": (
        "segregated-8000",
        "test_error",
        100,
        {"feedback": "sparse"},
    ),
    "segregated-dendrites, no feedback": (
        "segregated-8000",
        "test_error",
        100,
        {"feedback": "zero"},
    ),
    "[plateau-angle]": (
        "plateau-angle",
        "angle_median",
        1,
        {"fed_back": "spikes", "stretch": 15},
    ),
    "plateau-angle, rates fed back, 8,000 images": (
        "plateau-angle",
        "angle_median",
        1,
        {"fed_back": "rate", "stretch": 15},
    ),
}


@functools.cache
def stored(name):
    return open_run(DOCS / "results" / f"{name}.nc")["sweep"].to_dataset()


@pytest.mark.parametrize("row", ROWS)
def test_the_results_table_repeats_the_stored_runs(row):
    file, name, scale, selection = ROWS[row]
    line = next(
        line
        for line in (DOCS / "results.md").read_text().splitlines()
        if line.startswith(f"| {row}")
    )
    cell = line.split("|")[3]
    values = (stored(file)[name].sel(selection) * scale).values.ravel()
    written = re.findall(r"\d+\.\d+", cell)
    expected = [values.mean(), values.min(), values.max(), values.std(ddof=1)]
    assert 3 <= len(written) <= 4, cell
    for text, value in zip(written, expected, strict=False):
        digits = len(text.split(".")[1])
        assert float(text) == pytest.approx(value, abs=0.5001 * 10**-digits)


def test_the_circuit_reads_digits_better_than_a_linear_classifier_and_its_control():
    digits = stored("digits")
    assert list(digits.seed.values) == [*range(100, 110)]
    assert float(digits.test_error.mean()) <= 0.022
    for other in ("linear", "frozen_hidden"):
        errors = digits[f"test_error_{other}"]
        assert float(digits.test_error.mean()) < float(errors.mean())
        assert paired_p(digits.test_error, errors) < 0.01


def test_updates_of_hidden_layers_are_close_to_the_gradient_on_every_seed():
    digits = stored("digits")
    for layer in ("hidden1", "hidden2"):
        assert float(digits[f"angle_deg_{layer}"].max()) < 60.0


def test_only_learned_hidden_layers_read_images_and_their_negatives():
    digits = stored("digits")
    assert float(digits.test_error_negatives_linear.min()) > 0.65
    assert float(digits.test_error_negatives_frozen_hidden.min()) > 0.4
    assert float(digits.test_error_negatives.max()) < 0.25


@pytest.mark.parametrize("name", ["mnist-tied", "mnist-plastic"])
def test_two_hidden_layers_learn_mnist(name):
    run = stored(name)
    assert run.sizes["seed"] == 3
    assert float(run.test_error.mean()) <= 0.0185


def test_three_hidden_layers_learn_mnist_and_five_are_trained():
    three = stored("depth-three").test_error.isel(epoch=-1)
    assert float(three.sel(setting="matched", depth=3)) <= 0.023
    errors = stored("depth-matched").test_error.isel(epoch=-1)
    assert float(errors.sel(setting="matched", depth=5)) <= 0.06


def test_plateaus_teach_a_spiking_network_and_need_feedback_for_it():
    errors = stored("segregated-8000").test_error.mean("seed")
    assert float(errors.sel(feedback="random")) == pytest.approx(0.204, abs=0.03)
    assert float(errors.sel(feedback="zero")) > 1.5 * float(
        errors.sel(feedback="random")
    )


def test_matched_rates_are_what_lets_five_layers_learn():
    errors = stored("depth").test_error.isel(epoch=-1).sel(depth=5)
    assert float(errors.sel(setting="equal_rates")) > 3 * float(
        errors.sel(setting="matched")
    )


# One seed each: file, variable, factor, page, the figure as written there.
SINGLE_RUNS = [
    ("mnist-continuous-500", "test_error", 100, "mnist-microcircuit", "8.8"),
    ("mnist-continuous-500-500", "test_error", 100, "mnist-microcircuit", "25.6"),
    ("mnist-continuous-large-steps", "test_error", 100, "mnist-microcircuit", "29.1"),
    ("mnist-continuous-batch1", "test_error", 100, "mnist-microcircuit", "18.2"),
    ("mnist-continuous-batch64", "test_error", 100, "mnist-microcircuit", "22.3"),
    ("mnist-learned", "test_error", 100, "mnist-microcircuit", "3.39"),
    ("yin-yang-continuous", "test_error", 100, "yin-yang", "2.9"),
    ("teacher-student-full", "error_fraction", 1e6, "teacher-student", "2.7"),
    ("segregated-mnist", "test_error", 100, "segregated-dendrites", "5.80"),
    ("segregated-mnist-two", "test_error", 100, "segregated-dendrites", "7.26"),
    ("segregated-epochs", "test_error", 100, "segregated-dendrites", "14.1"),
    ("segregated-zero", "test_error", 100, "segregated-dendrites", "36.1"),
    ("segregated-sparse", "test_error", 100, "segregated-dendrites", "14.5"),
    ("segregated-symmetric", "test_error", 100, "segregated-dendrites", "16.3"),
    ("segregated-full-kernel", "test_error", 100, "segregated-dendrites", "14.4"),
    ("segregated-no-hidden", "test_error", 100, "segregated-dendrites", "13.3"),
    ("segregated-two-hidden", "test_error", 100, "segregated-dendrites", "38.4"),
    ("segregated-digits", "test_error", 100, "segregated-dendrites", "23.1"),
    ("plateau-angle-mnist", "angle_deg_spiking", 1, "plateau-angle", "68.1"),
    ("plateau-angle-mnist", "angle_deg_rate", 1, "plateau-angle", "45.8"),
    ("plateau-angle-symmetric", "angle_deg_spiking", 1, "plateau-angle", "44.1"),
    ("plateau-angle-full-kernel", "angle_deg_spiking", 1, "plateau-angle", "66.6"),
    ("plateau-angle-full-kernel", "angle_deg_rate", 1, "plateau-angle", "67.0"),
]


@pytest.mark.parametrize("run", SINGLE_RUNS, ids=lambda run: f"{run[0]}-{run[4]}")
def test_single_runs_are_quoted_as_stored(run):
    file, name, scale, page, written = run
    digits = len(written.split(".")[1])
    value = scale * float(stored(file)[name][0])
    assert value == pytest.approx(float(written), abs=0.5001 * 10**-digits)
    assert written in (DOCS / "experiments" / f"{page}.md").read_text()


# --- the plasticity lab: stored as single runs ---------------------------------------


def lab_rows():
    text = (DOCS / "results.md").read_text().split("## The plasticity lab")[1]
    rows = [line.split("|")[1:-1] for line in text.split("\n## ")[0].splitlines()]
    return [[cell.strip() for cell in row] for row in rows if len(row) == 7][2:]


@functools.cache
def headline(name):
    run = open_run(DOCS / "results" / f"{name}.nc")
    return json.loads(run.attrs["headline_json"])


def test_the_table_of_the_lab_repeats_the_stored_runs():
    rows = lab_rows()
    assert len(rows) > 30
    for experiment, figure, reference, ours, unit, *_ in rows:
        name = re.match(r"\[?([a-z-]+)", experiment)[1]
        entry = headline(name)[figure]
        assert float(ours) == pytest.approx(entry["value"], rel=6e-4), figure
        assert reference == entry["reference"], figure
        assert (unit or "1") == entry["unit"], figure


def test_stored_figures_of_the_lab_reach_their_references():
    pairing = headline("burst-pairing")
    for key in ("dw_10hz", "dw_50hz", "dw_70hz", "dw_100hz"):
        reference = float(pairing[key]["reference"])
        assert pairing[key]["value"] == pytest.approx(reference, abs=1e-3)
    firing = headline("bac-firing")
    wanted = {"spikes_soma": 1, "spikes_apical": 0, "spikes_both": 3}
    assert {key: firing[key]["value"] for key in wanted} == wanted
    assert headline("btsp")["max_deviation_from_table"]["value"] < 2e-3
    assert headline("pairing-frequency")["sign_agreement"]["value"] == 1
    distance = headline("distance-switch")
    assert distance["dw_proximal"]["value"] > 0 > distance["dw_distal"]["value"]
    assert distance["dw_distal_depolarised"]["value"] > 0
    assert 200 < headline("plasticity-sign")["flip_current_pa_burst"]["value"] < 300


def test_the_table_of_plasticity_sign_is_made_from_its_dataset():
    run = open_run(DOCS / "results" / "plasticity-sign.nc")
    page = (DOCS / "experiments" / "plasticity-sign.md").read_text()
    assert sign_table(run) in page


def test_the_matrix_is_made_from_its_dataset():
    run = open_run(DOCS / "results" / "plasticity-matrix.nc")
    page = (DOCS / "experiments" / "plasticity-matrix.md").read_text()
    assert matrix_table(run, "../results/plasticity-matrix.nc") in page
