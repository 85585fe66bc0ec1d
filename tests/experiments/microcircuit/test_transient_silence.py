"""The transient-silence experiment: silent dendrites, tree and picture."""

import json

import numpy as np
import pytest

import circuits
from circuits.gradient import feedforward
from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ModelError
from dendrites.random import generator
from experiments.microcircuit.transient_silence import (
    transient_silence,
    two_input_circuit,
)

SIZES = (30, 20, 15, 10)


@pytest.fixture(scope="module")
def tree():
    return transient_silence()


def potentials(tree, layer, condition, compartment="apical"):
    """(replica, sample, time, unit)."""
    v = tree[f"populations/{layer}"].v
    return v.sel(condition=condition, compartment=compartment).values


def test_the_tree_is_valid_and_reopens_as_it_was(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)
    v = tree["populations/hidden1"].v
    assert v.dims == ("condition", "replica", "sample", "time", "compartment", "unit")
    assert v.shape == (2, 1, 1, 200, 2, 20)
    assert tree["stimuli/input"].onset.values.tolist() == [0.0, 10.0]


@pytest.mark.parametrize("layer", ["hidden1", "hidden2"])
def test_matched_dendrites_are_silent_while_the_input_is_replaced(tree, layer):
    assert np.abs(potentials(tree, layer, "matched")).max() < 1e-12


def test_equal_dendrites_flash_below_the_last_hidden_layer_only(tree):
    # Set from 0.09 to 0.16 over seeds in layer 1.
    assert 0.03 < np.abs(potentials(tree, "hidden1", "equal")).max() < 0.5
    assert np.abs(potentials(tree, "hidden2", "equal")).max() < 1e-12


def test_equal_dendrites_flash_at_both_changes_and_fall_silent(tree):
    peaks = np.abs(potentials(tree, "hidden1", "equal")).max(axis=(0, 1, 3))
    assert peaks[:50].max() > 0.01 and peaks[100:150].max() > 0.01
    # 10 ms are 11 time constants of the slowest cells, 0.91 ms; a chain of layers
    # lags by a power of that: 11**2 exp(-11) = 2e-3 of the peak at most.
    assert max(peaks[99], peaks[-1]) < 2e-3 * peaks.max()


@pytest.mark.parametrize("condition", ["matched", "equal"])
def test_somata_settle_to_the_network_of_each_input(tree, condition):
    # Silence means nothing unless the cells move: they go where the inputs send them.
    g_dendrite = {"matched": "matched", "equal": 1.0}[condition]
    circuit = two_input_circuit(
        SIZES, g_dendrite=g_dendrite, shown=10.0, dt=0.1, seed=0
    )
    weights = circuits.initial_weights(circuit)
    for number, step in ((1, 99), (2, 199)):
        draws = generator(0, f"transient_silence/{number}")
        inputs = draws.uniform(-1.0, 1.0, (1, 30))
        wanted = feedforward(circuit, weights, inputs)
        for k, layer in enumerate(("hidden1", "hidden2")):
            soma = potentials(tree, layer, condition, "soma")[0, 0, step]
            # Within 11**2 exp(-11) of a way of order 1, as above.
            np.testing.assert_allclose(soma, wanted[k][0], atol=2e-3)
            assert np.abs(wanted[k]).max() > 0.1


def test_headline_figures_are_the_stored_peaks(tree):
    headline = json.loads(tree.attrs["headline_json"])
    layers = ("hidden1", "hidden2")
    matched, equal = (
        [np.abs(potentials(tree, layer, condition)).max() for layer in layers]
        for condition in ("matched", "equal")
    )
    wanted = {
        "peak_apical_matched": max(matched),
        "peak_apical_unmatched": max(equal),
        "peak_apical_unmatched_last": equal[1],
    }
    assert {name: figure["value"] for name, figure in headline.items()} == wanted
    assert all(figure["source"] for figure in headline.values())


def test_networks_and_pairs_each_have_draws_of_their_own():
    tree = transient_silence(sizes=(6, 5, 4, 3), pairs=3, networks=2, shown=2.0, seed=7)
    v = potentials(tree, "hidden1", "equal", "soma")[:, :, 5]
    assert len(np.unique(v)) == 2 * 3 * 5
    assert tree["populations/hidden1"].replica.values.tolist() == [7, 8]
    # One of them alone is what it is among others, but for the order of sums.
    alone = transient_silence(sizes=(6, 5, 4, 3), shown=2.0, seed=8)
    for name in ("hidden1", "hidden2"):
        np.testing.assert_allclose(
            alone[f"populations/{name}"].v[:, 0, 0],
            tree[f"populations/{name}"].v[:, 1, 0],
            rtol=0,
            atol=1e-13,
        )


def test_one_seed_gives_the_same_bits_twice(tree):
    again = transient_silence()
    for name in ("hidden1", "hidden2"):
        assert again[f"populations/{name}"].identical(tree[f"populations/{name}"])


def test_impossible_sizes_are_refused():
    with pytest.raises(ModelError, match="at least one hidden layer"):
        transient_silence(sizes=(6, 4))


def test_the_command_leaves_a_result_and_a_picture(run):
    words = "--sizes 6 5 4 3 --shown 3 --out t.nc"
    code, out, _ = run("run", "transient-silence", *words.split())
    assert code == 0
    assert open_run("t.nc").attrs["experiment"] == "transient-silence"
    assert "peak_apical_matched" in out and "t.png" in out
