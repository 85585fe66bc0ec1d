"""The disinhibition-gate experiment: closed forms, five conditions, tree."""

import json

import numpy as np
import pytest

import circuits
from circuits import Phase, Record, Schedule
from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from dendrites.transfer import logistic
from experiments.gates.disinhibition_circuit import BASAL, gate_circuit, settled
from experiments.gates.disinhibition_gate import (
    CONDITIONS,
    POTENTIATED,
    combinations,
    disinhibition_gate,
    named_conditions,
    paired,
    pulses,
)

GAINS = (0.0, 0.3, 0.6, 1.0, 2.0)
SMALL = {"gains": GAINS, "seeds": 6}


@pytest.fixture(scope="module")
def tree():
    return disinhibition_gate(**SMALL)


@pytest.fixture(scope="module")
def gains(tree):
    return tree["gains"].to_dataset()


def constant_input(cells, *, lag, plastic, eta=1e-4, decay=5e-6, dt=1.0):
    """Apical potentials at the end and weights before and after; noise-free."""
    steps = round((lag + plastic) / dt)
    circuit = gate_circuit(cells, steps, eta=eta, decay=decay, noise=0.0, dt=dt)
    phase = Phase("pairing", steps * dt, on=("pom", "l4", "constant"), lag=lag)
    rates = np.unique(cells.l4)
    tree = circuits.simulate(
        circuit.with_schedule(Schedule((phase,))),
        {"pom": np.ones(1), "l4": rates},
        [Record("vip"), Record("sst"), Record("pyramidal", ("apical",))],
        learning=True,
    )
    last = {
        name: tree[f"populations/{name}"].v.values[-1, 0]
        for name in ("vip", "sst", "pyramidal")
    }
    return last, tree[f"connections/{BASAL}"].w.values


def all_cells():
    grid = combinations(
        np.array([0.0, 0.5, 1.0]), np.array([0.0, 1.0]), np.array(GAINS)
    )
    named = named_conditions(1)
    return type(grid)(*(np.concatenate(x) for x in zip(grid, named, strict=True)))


def test_cells_settle_where_the_closed_form_says():
    cells = all_cells()
    last, _ = constant_input(cells, lag=600.0, plastic=1.0)
    wanted = settled(cells)
    # What is left after 60 time constants is below rounding of values up to 6.
    np.testing.assert_allclose(last["pyramidal"], wanted["apical"], atol=1e-13)
    for name in ("vip", "sst"):
        np.testing.assert_allclose(np.maximum(last[name], 0), wanted[name], atol=1e-13)


def test_the_apical_drive_of_the_five_conditions_by_hand():
    # POm 1: VIP 1, SST [1 - 2]+ = 0. Without VIP cells SST 1, which takes 3 away.
    wanted = {
        "L4 only": -3.0,
        "POm only": 1.0,
        "both": 1.0,
        "both, VIP off": -2.0,
        "L4, SST off": 0.0,
    }
    found = settled(named_conditions(1))["apical"]
    assert dict(zip(CONDITIONS, found.tolist(), strict=True)) == wanted


def test_the_weight_moves_as_its_closed_form_in_a_settled_circuit():
    # Soma and weight are two linear equations at a constant plateau:
    # soma' = soma + dt/tau (w l4 - soma), w' = w + dt (eta p l4 soma - decay w).
    cells, eta, decay, n = all_cells(), 1e-3, 2e-4, 2000
    _, weights = constant_input(
        cells, lag=600.0, plastic=float(n), eta=eta, decay=decay
    )
    apical = settled(cells)["apical"]
    for k, l4 in enumerate(cells.l4):
        p = logistic((apical[k] + 1.0) / 0.3)
        step = np.array([[1 - 0.1, 0.1 * l4], [eta * p * l4, 1 - decay]])
        _, wanted = np.linalg.matrix_power(step, n) @ [l4, 1.0]
        # 2000 steps, each rounded to 1e-16.
        assert weights[1, k] == pytest.approx(wanted, rel=1e-12)


def test_the_synapse_grows_in_the_two_expected_conditions_only(tree):
    change = tree["conditions"].dW
    assert change.condition.values.tolist() == [*CONDITIONS]
    for name in CONDITIONS:
        grown = (change.sel(condition=name) > 0).values
        assert grown.all() if name in POTENTIATED else not grown.any()
    headline = json.loads(tree.attrs["headline_json"])
    assert headline["share_of_cells_as_expected"]["value"] == 1.0


def test_without_layer_4_there_is_nothing_but_decay(tree):
    # exp(-5e-6 * 10000) - 1, in Euler steps.
    found = tree["conditions"].dW.sel(condition="POm only")
    np.testing.assert_allclose(found, (1 - 5e-6) ** 10000 - 1, rtol=1e-10)


def test_pairing_raises_vip_and_lowers_sst_activity(tree):
    mean = tree["conditions"].to_dataset().mean("repeat")
    alone, both = (mean.sel(condition=name) for name in ("L4 only", "both"))
    assert both.vip > alone.vip + 0.5
    assert both.sst < alone.sst - 0.5


def test_sst_inhibition_lowers_and_vip_output_raises_the_change(gains):
    change = gains.dW.sel(pom=1.0, l4=1.0)
    # A gain of 0 takes part: no VIP output, or no inhibition at all.
    assert (change.diff("vip_gain") >= 0).all()
    assert (change.diff("sst_gain") <= 0).all()
    assert change.sel(vip_gain=0, sst_gain=2) < 0 < change.sel(vip_gain=0, sst_gain=0)


def test_without_thalamic_input_vip_output_makes_no_difference(gains):
    still = gains.sel(pom=0.0)
    for name in ("dW", "u_apical"):
        spread = still[name].max("vip_gain") - still[name].min("vip_gain")
        assert float(spread.max()) == 0.0


def test_pulses_come_at_8_hz():
    wave = pulses(frequency=8.0, pulse=60.0, duration=10000.0, dt=0.5)
    assert wave.sum() * 0.5 == 80 * 60.0
    onsets = np.flatnonzero(np.diff(wave, prepend=0) > 0) * 0.5
    np.testing.assert_array_equal(onsets, np.arange(80) * 125.0)


def test_noise_decides_the_spread_and_the_seed_the_noise():
    cells = named_conditions(3)
    wave = pulses(frequency=8.0, pulse=60.0, duration=500.0, dt=1.0)
    rule = {"eta": 1e-4, "decay": 5e-6, "dt": 1.0}
    quiet = paired(cells, wave, noise=0.0, seed=0, **rule)["dW"].reshape(5, 3)
    assert (quiet == quiet[:, :1]).all()
    first, again, other = (
        paired(cells, wave, noise=0.15, seed=s, **rule)["dW"] for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    both = slice(6, 9)
    assert len(set(first[both])) == 3 and (first[both] != other[both]).all()


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        ({"pulse": 125.0}, "pulse = 125 ms: pulses at 8 Hz must be shorter"),
        ({"duration": 100.0}, "duration = 100 ms holds no whole period of 125 ms"),
        ({"dt": 0.7}, "dt = 0.7 ms: must divide 5 ms"),
    ],
)
def test_impossible_times_are_refused(bad, text):
    with pytest.raises(ConfigError, match=text):
        disinhibition_gate(**{**SMALL, **bad})


def test_the_tree_is_valid_and_reopens_as_it_was(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)
    assert tree["gains"].dW.dims == ("pom", "l4", "vip_gain", "sst_gain")
