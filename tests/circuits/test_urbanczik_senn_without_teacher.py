"""Dendritic prediction without a teacher: cells that teach each other, and reward."""

import numpy as np
import pytest

import circuits
from circuits import Record
from circuits.algorithms import urbanczik_senn
from dendrites.errors import ModelError

DT, STEPS = 0.1, 1500
N_INPUTS, N_CELLS = 8, 3
INPUTS = (np.random.default_rng(0).random((STEPS, N_INPUTS)) < 0.01).astype(float)
OWN = (np.random.default_rng(1).random((STEPS, N_CELLS)) < 0.01).astype(float)
SYNAPSES = "connections/input_to_output_dendrite"
SHARED = {"duration": STEPS * DT, "dt": DT}


def events(counts):
    step, unit = np.nonzero(counts)
    return (step + 1) * DT, unit


def run(circuit, reads=(), **waveforms):
    return circuits.simulate(
        circuit,
        {},
        [Record("output", ("soma",), reads=list(reads))],
        learning=True,
        forced_spikes={"input": events(INPUTS), "output": events(OWN)},
        waveforms=waveforms,
    )


def learned(tree):
    before, after = tree[SYNAPSES].w.values
    return after - before


def test_spikes_of_other_cells_teach_like_the_same_jumps_from_outside():
    jumps = np.array([[0.0, 20.0, -30.0], [10.0, 0.0, 15.0], [-25.0, 40.0, 0.0]])
    by_others = run(urbanczik_senn(N_INPUTS, N_CELLS, lateral=jumps, **SHARED))
    # A spike of a step reaches others in the next.
    before = np.vstack([np.zeros(N_CELLS), OWN[:-1]])
    outside = run(
        urbanczik_senn(N_INPUTS, N_CELLS, teacher="jumps", **SHARED),
        exc=before @ np.maximum(jumps, 0.0).T,
        inh=before @ np.maximum(-jumps, 0.0).T,
    )
    alone = run(urbanczik_senn(N_INPUTS, N_CELLS, **SHARED))
    somata = [tree["populations/output"].v.values for tree in (by_others, outside)]
    np.testing.assert_allclose(*somata, rtol=1e-12)
    assert np.abs(somata[0] - alone["populations/output"].v.values).max() > 1.0
    np.testing.assert_allclose(learned(by_others), learned(outside), rtol=1e-12)


@pytest.fixture(scope="module")
def rewarded():
    """Weights that move so little that they change no potential."""
    return urbanczik_senn(
        N_INPUTS, N_CELLS, reward=True, learning_rate=1e-3, initial=0.0, bounds=None,
        tau_filter=20.0, **SHARED,
    )  # fmt: skip


def given(circuit, reward):
    return learned(run(circuit, reward=np.asarray(reward, float)[:, None]))


def test_reward_multiplies_what_is_learned_and_none_teaches_nothing(rewarded):
    plain = urbanczik_senn(
        N_INPUTS, N_CELLS, learning_rate=1e-3, initial=0.0, bounds=None,
        tau_filter=20.0, **SHARED,
    )  # fmt: skip
    wanted = learned(run(plain))
    assert np.abs(wanted).max() > 1e-6
    np.testing.assert_allclose(given(rewarded, np.ones(STEPS)), wanted, rtol=1e-6)
    np.testing.assert_allclose(
        given(rewarded, -0.5 * np.ones(STEPS)), -0.5 * wanted, rtol=1e-6
    )
    np.testing.assert_array_equal(given(rewarded, np.zeros(STEPS)), 0.0)


def test_a_late_reward_meets_the_eligibility_that_is_left(rewarded):
    """Parts of a reward add up: each meets the filtered update of its own time."""
    early, late = np.zeros(STEPS), np.zeros(STEPS)
    early[: STEPS // 2], late[STEPS // 2 :] = 1.0, 1.0
    parts = given(rewarded, early), given(rewarded, late)
    assert min(np.abs(part).max() for part in parts) > 1e-7
    np.testing.assert_allclose(
        sum(parts), given(rewarded, early + late), rtol=1e-6, atol=1e-12
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"lateral": np.zeros((2, 3))}, "lateral has shape"),
        ({"lateral": "near"}, "lateral"),
        ({"reward": 1}, "reward"),
        ({"reward": True, "tau_filter": None}, "no eligibility"),
    ],
)
def test_what_cannot_teach_is_refused(options, text):
    with pytest.raises(ModelError, match=text):
        urbanczik_senn(N_INPUTS, N_CELLS, **options)
