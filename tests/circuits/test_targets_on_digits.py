"""Handwritten digits, learned with targets and with exact gradients."""

import numpy as np
import pytest

import circuits
from circuits import algorithms
from experiments import tasks

SIZES = (64, 60, 40, 10)
SEEDS = range(3)


def error_of(name, **options):
    """Mean over seeds of the test error after 20 epochs."""
    errors = []
    for seed in SEEDS:
        circuit = getattr(algorithms, name)(
            SIZES, phi="tanh", output_phi="softmax", loss="cross_entropy", seed=seed,
            **options,
        )  # fmt: skip
        run = circuits.train(circuit, tasks.digits(seed=seed), epochs=20, batch=10)
        errors.append(float(run["training"].error_rate.sel(split="test")[-1]))
    return np.mean(errors)


@pytest.mark.slow
def test_differences_of_targets_read_digits_nearly_as_well_as_backprop():
    exact = error_of("backprop")
    assert exact < 0.04
    for name in (
        "difference_target_propagation",
        "direct_difference_target_propagation",
    ):
        assert error_of(name) < 1.5 * exact
    assert error_of("shallow") > 3 * exact


@pytest.mark.slow
def test_codes_without_labels_are_better_than_random_layers():
    random = error_of("shallow")
    assert error_of("autoencoder", learning_rate=0.05) < 0.7 * random
    assert error_of("recirculation", learning_rate=0.05) < random
