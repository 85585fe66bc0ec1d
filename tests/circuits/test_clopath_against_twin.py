"""Circuits with voltage-dependent plasticity against the plain twin."""

import numpy as np
import pytest
from reference import clopath_twin as twin

import circuits
from circuits import Circuit, Phase, Population, Projection, Schedule
from circuits.initialisers import Constant
from dendrites.errors import ConfigError, ModelError
from dendrites.models import source, spike_source
from dendrites.models.adex_dendrite import adex_dendrite
from dendrites.models.presynaptic import presynaptic
from dendrites.rules.voltage import clopath, clopath_delays

pytestmark = pytest.mark.usefixtures("every_engine")

DT = 0.1
N_STEPS = 3000
UNITS = 3


def circuit(compartment, *, delay=4.0, cell=None, n=UNITS, n_steps=N_STEPS, **rule):
    """`n` pairs of a forced input and a cell, with a current into each dendrite."""
    cell = cell or adex_dendrite()
    delays = clopath_delays(cell, compartment=compartment, delay=delay)
    one = {"connectivity": "one_to_one", "initial": Constant(1.0)}
    return Circuit(
        (
            Population("pre", presynaptic(tau_trace=15.0), n),
            Population("cell", cell, n),
            Population("current", source(), n),
        ),
        (
            Projection(
                "pre",
                "cell",
                "synapse",
                signal="spikes",
                connectivity="one_to_one",
                initial=Constant(0.5),
                rule=clopath(compartment=compartment, **rule),
            ),
            Projection("current", "cell", "apical", **one),
            *(
                Projection(
                    "cell", "cell", d.field, signal=d.signal, delay=d.delay, **one
                )
                for d in delays
            ),
        ),
        Schedule((Phase("shown", n_steps * DT, on=("current",)),)),
        dt=DT,
        output="cell",
        readout="soma",
        name="voltage",
    )


def train(counts):
    """Forced spikes (times, units) from counts (n_steps, n)."""
    step, unit = np.nonzero(counts)
    repeated = counts[step, unit].astype(int)
    return np.repeat((step + 1) * DT, repeated), np.repeat(unit, repeated)


def drawn(seed=5):
    rng = np.random.default_rng(seed)
    pre = rng.poisson(0.004, (N_STEPS, UNITS)).astype(float)
    post = rng.poisson(0.004, (N_STEPS, UNITS)).astype(float)
    apical = np.repeat(rng.uniform(-50.0, 250.0, (N_STEPS // 100, UNITS)), 100, axis=0)
    return pre, post, apical


def changes(of, pre, post, apical, **options):
    """Change of every weight."""
    tree = circuits.simulate(
        of,
        {},
        [],
        learning=True,
        forced_spikes={"pre": train(pre), "cell": train(post)},
        waveforms={"current": apical},
        **options,
    )
    w = tree["connections/pre_to_cell_synapse"].w.values
    return w[1] - w[0]


def twin_changes(pre, post, apical, site, cell=None, **rule):
    found = []
    for k in range(pre.shape[1]):
        past = twin.run_cell(
            len(pre), DT, forced=post[:, k], apical=apical[:, k], **(cell or {})
        )
        # The rule of a step sees the state in which it begins, so also the start.
        found.append(twin.weight_change(past, pre[:, k], DT, site=site, **rule))
    return np.array([one.sum() for one in found]), found


@pytest.mark.parametrize("compartment", ["apical", "soma"])
@pytest.mark.parametrize("delay", [0.1, 4.0])
def test_weights_move_as_in_the_twin(compartment, delay):
    pre, post, apical = drawn()
    found = changes(circuit(compartment, delay=delay), pre, post, apical)
    site = {"apical": "d", "soma": "u"}[compartment]
    expected, each = twin_changes(pre, post, apical, site, delay=delay)
    # Both signs, of sizes 1e-3 to 1e-1 around a weight of 0.5.
    assert min(one.min() for one in each) < -1e-4
    assert max(one.max() for one in each) > 1e-6
    assert abs(expected).min() > 1e-3
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_homeostasis_scales_depression_as_in_the_twin():
    pre, post, apical = drawn(6)
    cell = adex_dendrite(tau_mean=100.0)
    built = circuit("apical", cell=cell, homeostasis=True, u_ref_squared=40.0)
    found = changes(built, pre, post, apical)
    expected, _ = twin_changes(
        pre, post, apical, "d", {"taumean": 100.0}, u_ref_squared=40.0
    )
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    fixed, _ = twin_changes(pre, post, apical, "d", {"taumean": 100.0})
    assert abs(fixed - expected).min() > 1e-4


def test_without_delayed_filters_the_rule_reads_those_of_the_moment():
    pre, post, apical = drawn(7)
    found = changes(circuit("apical", delayed=False), pre, post, apical)
    expected, _ = twin_changes(pre, post, apical, "d", delay=0.0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_delayed_filters_are_those_of_exactly_that_long_before():
    pre, post, apical = drawn()
    built = circuit("soma", delay=4.0)
    names = ["soma_minus", "soma_plus", "delayed_soma_minus", "delayed_soma_plus"]
    tree = circuits.simulate(
        built,
        {},
        [circuits.Record("cell", reads=names)],
        forced_spikes={"pre": train(pre), "cell": train(post)},
        waveforms={"current": apical},
    )
    cells = tree["populations/cell"]
    for name in ("soma_minus", "soma_plus"):
        now, past = cells[name].values, cells[f"delayed_{name}"].values
        # Carried as a difference from rest, so rounded twice.
        np.testing.assert_allclose(past[40:], now[:-40], rtol=0, atol=3e-14)
        # Record k is the state after step k + 1; the start is at rest.
        assert (past[:40] == -70.6).all()


def test_without_the_delays_nothing_changes():
    pre, post, apical = drawn()
    built = circuit("apical")
    kept = tuple(p for p in built.projections if p.pre != "cell")
    bare = Circuit(
        built.populations,
        kept,
        built.schedule,
        dt=DT,
        output="cell",
        readout="soma",
        name="bare",
    )
    assert (changes(bare, pre, post, apical) == 0.0).all()


def test_one_input_spike_leaves_a_trace_of_area_one():
    # A potential held above theta_plus, filters settled at it: potentiation is
    # a_ltp (u - theta_plus) (u - theta_minus) times the integral of xbar. The sum over
    # steps of exp(-k dt / tau_x) dt / tau_x exceeds 1 by dt / (2 tau_x).
    n_steps = 6000
    cell = adex_dendrite(g_coupling=0.0)
    built = circuit("apical", cell=cell, n=1, n_steps=n_steps, a_ltd=0.0)
    # 10 nS: 400 pA hold the dendrite at -30.6 mV.
    pre, post = np.zeros((n_steps, 1)), np.zeros((n_steps, 1))
    pre[3999] = 1.0
    found = changes(built, pre, post, np.full((n_steps, 1), 400.0))
    area = DT / 15.0 / -np.expm1(-DT / 15.0) * -np.expm1(-200.0 / 15.0)
    assert found[0] == pytest.approx(8e-5 * 14.7 * 40.0 * area, rel=1e-10)
    assert abs(area - 1.0) < 1.1 * DT / 30.0


def test_an_input_spike_depresses_by_the_filtered_depolarisation_once():
    n_steps = 4500
    cell = adex_dendrite(g_coupling=0.0)
    built = circuit("apical", cell=cell, n=1, n_steps=n_steps)
    pre, post = np.zeros((n_steps, 1)), np.zeros((n_steps, 1))
    pre[3999] = 1.0
    # 200 pA: 20 mV above rest, below theta_plus.
    found = changes(built, pre, post, np.full((n_steps, 1), 200.0))
    assert found[0] == pytest.approx(-14e-5 * 20.0, rel=1e-10)


def test_a_cell_without_such_filters_is_refused():
    with pytest.raises(ModelError, match="spike_source cells have no read"):
        clopath_delays(spike_source())
    with pytest.raises(ConfigError, match="delay = 0 ms: must be > 0"):
        clopath_delays(adex_dendrite(), delay=0)
