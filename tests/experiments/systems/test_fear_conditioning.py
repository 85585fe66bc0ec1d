"""The fear-conditioning experiment: one trial by hand, theory, tree."""

import json

import numpy as np
import pytest

import circuits
from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from experiments.systems.fear_circuit import (
    fear_circuit,
    learning_constants,
    synaptic_kernel,
)
from experiments.systems.fear_conditioning import (
    HABITUATION,
    expected,
    fear_conditioning,
    procedures,
)

SMALL = {
    "trials": 10,
    "fibres": 40,
    "cells": 4,
    "animals": 3,
    "tone": 60.0,
    "eta": 0.03,
}
CIRCUIT = {
    "rest": 10.0,
    "delay": 2.0,
    "tone": 20.0,
    "outcome": 30.0,
    "gain": 4.0,
    "sigma": 0.2,
    "dt": 1.0,
}


@pytest.fixture(scope="module")
def tree():
    return fear_conditioning(**SMALL)


@pytest.fixture(scope="module")
def conditioning(tree):
    return tree["conditioning"].to_dataset()


def test_one_trial_changes_weights_by_what_was_not_expected():
    # Sum over steps of the outcome of eta (shock - V) psp, all as the step begins.
    circuit = fear_circuit(fibres=5, cells=2, eta=0.02, **CIRCUIT)
    name = "tone_to_amygdala_association"
    start = np.full((2, 5), [[0.1], [0.6]])
    records = [circuits.Record("tone", (), ["psp"]), "amygdala"]
    with circuits.Presenter(
        circuit, weights={name: start}, record=records
    ) as presenter:
        on, off = np.full((1, 5), 100.0), np.zeros((1, 5))
        presenter.present({"tone": on, "light": off, "shock": np.ones((1, 1))})
        found, weights = presenter.recorded(), presenter.weights()
    psp = found["tone", "psp"][:, 0]
    error = (found["amygdala", "shock"] - found["amygdala", "association"])[:, 0]
    change = 0.02 * np.einsum("tc,tf->cf", error[32:62], psp[32:62])
    assert abs(change).max() > 0.01
    np.testing.assert_allclose(weights[name] - start, change, atol=1e-13)
    np.testing.assert_array_equal(weights["light_to_amygdala_association"], 0.0)


def test_the_kernel_has_area_one_and_the_theory_is_rescorla_and_wagners():
    assert synaptic_kernel(0.01).sum() * 0.01 == pytest.approx(1.0, abs=1e-4)
    many = learning_constants(fibres=10**6, rate=50.0, eta=1e-8, dt=1.0)
    assert many[0] == pytest.approx(many[1], rel=1e-4)
    # One step after the one without a shock: V' = V + a (1 - V).
    shown = [(1, 0, 1)] * 4 + [(1, 0, 0)] * 3
    share = 0.2
    found = expected(shown, (share, share), 1000)[0]
    np.testing.assert_allclose(found[1:5], 1.0, atol=1e-9)
    slow = expected([(1, 0, 1)] * 40, (1e-4, 1e-4), 100)[0]
    wanted = 1.0 - np.exp(-1e-4 * 99 * np.arange(40))
    np.testing.assert_allclose(slow, wanted, rtol=0.02)


def test_a_known_tone_leaves_nothing_to_a_light():
    shown = procedures(200)
    own = (0.001, 0.001)
    blocked, control = (
        expected(shown[k], own, 50)[1, -1] for k in ("blocking", "control")
    )
    assert blocked == pytest.approx(0.0, abs=0.02)
    assert control == pytest.approx(0.5, abs=0.02)


def test_cells_follow_the_theory_within_sampling(tree, conditioning):
    # Strengths of 3 animals are known to a few hundredths.
    for found in (conditioning, tree["blocking"].to_dataset()):
        off = abs(found.strength.mean("animal") - found.expected)
        assert float(off.max()) < 0.05
    assert float(conditioning.strength.sel(procedure="unpaired").max()) < 0.02


def test_the_tone_is_acquired_extinguished_and_answered(conditioning):
    paired = conditioning.sel(procedure="paired").mean("animal")
    end = HABITUATION + SMALL["trials"]
    assert float(paired.strength[HABITUATION]) < 0.02
    assert float(paired.strength[end]) > 0.7
    assert float(paired.strength[-1]) < 0.25
    late = paired.response[end - 3 : end]
    assert float(late.min()) > float(paired.response[:HABITUATION].max()) + 1.0


def test_first_spikes_come_after_the_path_and_soon(tree):
    latency = tree["latency"].to_dataset()
    after = latency.first_spikes.sel(when="after")
    assert float(after.sel(latency=slice(0.0, 8.0)).sum()) < 10.0
    assert float(after.sel(latency=slice(9.0, 25.0)).sum()) > 80.0
    assert 10.0 < float(latency["median"].sel(when="after")) < 20.0


def test_the_tree_is_valid_and_its_headline_is_read_off_it(
    tree, conditioning, tmp_path
):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")) is not None
    figures = json.loads(tree.attrs["headline_json"])
    end = HABITUATION + SMALL["trials"]
    mean = conditioning.strength.sel(procedure="paired").mean("animal")
    assert figures["strength_acquired"]["value"] == pytest.approx(float(mean[end]))
    assert figures["strength_of_light_blocking"]["value"] < 0.15
    assert figures["strength_of_light_control"]["value"] > 0.35


@pytest.mark.parametrize("bad", [{"tone": 20.0}, {"trials": 0}, {"delay": 0.0}])
def test_impossible_trials_are_refused(bad):
    with pytest.raises(ConfigError, match=next(iter(bad))):
        fear_conditioning(**bad)
