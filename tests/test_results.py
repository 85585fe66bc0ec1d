"""Figures in the docs are those of the stored files."""

import re
from pathlib import Path

import pytest

from dendrites.dataset import open_run

DOCS = Path(__file__).resolve().parents[1] / "docs"
ROWS = {
    "digits, test error of the microcircuit": ("test_error", 100),
    "digits, frozen hidden layers, converged readout": (
        "test_error_frozen_hidden",
        100,
    ),
    "digits, linear classifier": ("test_error_linear", 100),
    "digits, backprop, same network": ("test_error_backprop", 100),
    "digits, angle of hidden layer 1": ("angle_deg_hidden1", 1),
}


@pytest.fixture(scope="module")
def stored():
    return open_run(DOCS / "results" / "digits.nc")["sweep"].to_dataset()


@pytest.mark.parametrize("row", ROWS)
def test_the_results_table_repeats_the_stored_runs(row, stored):
    name, scale = ROWS[row]
    line = next(
        line
        for line in (DOCS / "results.md").read_text().splitlines()
        if line.startswith(f"| {row}")
    )
    cell = line.split("|")[4]
    mean, low, high, spread = map(float, re.findall(r"\d+\.\d+", cell))
    values = stored[name] * scale
    rounding = 0.5 * 10 ** -len(cell.split()[0].split(".")[1]) * 1.0001
    assert mean == pytest.approx(float(values.mean()), abs=rounding)
    assert low == pytest.approx(float(values.min()), abs=rounding)
    assert high == pytest.approx(float(values.max()), abs=rounding)
    assert spread == pytest.approx(float(values.std(ddof=1)), abs=rounding)


def test_the_circuit_gains_from_its_hidden_layers(stored):
    assert float(stored.test_error.mean()) <= 0.04
    assert float(stored.test_error.mean()) <= 0.6 * float(
        stored.test_error_frozen_hidden.mean()
    )
