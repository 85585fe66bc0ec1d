"""Spike-timing rules in circuits: windows in closed form, trains against plain sums."""

import math
from typing import Annotated, NamedTuple

import numpy as np
import pytest
from reference import stdp_twin

import circuits
from circuits import Circuit, Constant, Phase, Population, Projection, Schedule
from dendrites.cell import CellModel
from dendrites.errors import ModelError
from dendrites.models.naud_sprekeler import naud_sprekeler
from dendrites.models.presynaptic import presynaptic
from dendrites.rules.stdp import stdp_pair, stdp_triplet, with_triplet_rate

pytestmark = pytest.mark.nojit

PAIR = {"a_plus": 0.7, "a_minus": 0.4}
TRIPLET = {"a2_plus": 0.3, "a2_minus": 0.5, "a3_plus": 0.9, "a3_minus": 0.6}
TAUS = {"tau_plus": 17.0, "tau_minus": 34.0}
SLOW = {"tau_x": 101.0, "tau_y": 125.0}
# Traces are products of at most 2000 rounded factors (1e-16 each), of sums near 1.
ROUNDING = 1e-12


class State(NamedTuple):
    spikes: Annotated[float, "1"] = 0.0
    spike_rate: Annotated[float, "1/ms"] = 0.0
    trace: Annotated[float, "1"] = 0.0
    slow_trace: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    tau_trace: Annotated[float, "ms"] = 34.0
    tau_slow: Annotated[float, "ms"] = 125.0


class Inputs(NamedTuple):
    synapse: Annotated[float, "1"] = 0.0


def silent_cell():
    """A cell with traces that only fires when it is made to."""

    def step(cell, inputs, p, dt):
        trace = math.exp(-dt / p.tau_trace) * cell.trace
        return State(0.0, 0.0, trace, math.exp(-dt / p.tau_slow) * cell.slow_trace)

    def spike(cell, u, p, dt):
        return 0.0

    def fired(cell, count, p, dt):
        return State(count, count / dt, cell.trace + count, cell.slow_trace + count)

    return CellModel(
        "silent", State, Params, Inputs, step=step, spike=spike, fired=fired
    )


def changes(rule, trains, *, dt=0.5, duration=120.0, cell=None):
    """Weight changes of one-to-one synapses; trains: (pre times, post times) each."""
    n = len(trains)
    pre = with_triplet_rate(
        presynaptic(tau_trace=TAUS["tau_plus"], tau_slow=SLOW["tau_x"])
    )
    circuit = Circuit(
        (Population("pre", pre, n), Population("cell", cell or silent_cell(), n)),
        (
            Projection(
                "pre",
                "cell",
                "synapse",
                signal="spikes",
                connectivity="one_to_one",
                initial=Constant(0.0),
                rule=rule,
            ),
        ),
        Schedule((Phase("all", duration, on=("pre",)),)),
        output="cell",
        readout="spikes",
        dt=dt,
    )
    forced = {}
    for k, name in enumerate(("pre", "cell")):
        times = np.concatenate([np.asarray(train[k], float) for train in trains])
        units = np.repeat(np.arange(n), [len(train[k]) for train in trains])
        order = np.argsort(times, kind="stable")
        forced[name] = (times[order], units[order])
    tree = circuits.simulate(circuit, {}, [], learning=True, forced_spikes=forced)
    before, after = tree["connections/pre_to_cell_synapse"].w.values
    return after - before


def random_trains(n, duration, seed, dt=0.5):
    rng = np.random.default_rng(seed)
    steps = int(duration / dt)
    return [
        tuple(dt * (1 + np.flatnonzero(rng.random(steps - 1) < 0.1)) for _ in range(2))
        for _ in range(n)
    ]


def test_a_pair_changes_the_weight_by_the_window():
    lags = np.arange(-40.0, 40.5, 2.5)
    found = changes(stdp_pair(**PAIR), [([50.0], [50.0 + s]) for s in lags])
    wanted = np.where(
        lags > 0,
        0.7 * np.exp(-np.abs(lags) / 17.0),
        np.where(lags < 0, -0.4 * np.exp(-np.abs(lags) / 34.0), 0.0),
    )
    np.testing.assert_allclose(found, wanted, rtol=ROUNDING, atol=0)
    assert found[16] == 0.0 and lags[16] == 0.0


def test_pairs_of_trains_add_up():
    trains = random_trains(6, 100.0, 1)
    found = changes(stdp_pair(**PAIR), trains)
    wanted = [stdp_twin.pair_change(*both, **PAIR, **TAUS) for both in trains]
    assert min(len(t) for both in trains for t in both) > 5
    np.testing.assert_allclose(found, wanted, rtol=ROUNDING, atol=ROUNDING)


def test_the_change_of_a_train_is_that_of_its_spikes_one_by_one():
    pre, post = [20.0, 33.0, 70.0], [10.0, 33.0, 51.5]
    whole = changes(stdp_pair(**PAIR), [(pre, post)])
    parts = changes(stdp_pair(**PAIR), [([a], [b]) for a in pre for b in post])
    np.testing.assert_allclose(whole[0], parts.sum(), rtol=ROUNDING)


@pytest.mark.parametrize("rule", [stdp_pair(**PAIR), stdp_triplet(**TRIPLET)])
def test_the_step_does_not_matter_for_spikes_on_the_grid(rule):
    trains = [([10.0, 42.0], [16.0, 30.0, 57.0]), ([12.0, 13.0], [3.0, 12.0])]
    found = [changes(rule, trains, dt=dt) for dt in (0.1, 0.5, 1.0)]
    np.testing.assert_allclose(found[0], found[2], rtol=ROUNDING)
    np.testing.assert_allclose(found[1], found[2], rtol=ROUNDING)
    assert (abs(found[0]) > 0.05).all()


def test_a_post_pre_post_triplet_is_the_formula():
    first, second = 12.0, 9.0
    (found,) = changes(
        stdp_triplet(**TRIPLET), [([30.0], [30.0 - first, 30.0 + second])]
    )
    wanted = -0.5 * math.exp(-first / 34.0) + math.exp(-second / 17.0) * (
        0.3 + 0.9 * math.exp(-(first + second) / 125.0)
    )
    assert found == pytest.approx(wanted, rel=ROUNDING)


def test_a_pre_post_pre_triplet_is_the_formula():
    first, second = 7.0, 21.0
    (found,) = changes(
        stdp_triplet(**TRIPLET), [([30.0 - first, 30.0 + second], [30.0])]
    )
    wanted = 0.3 * math.exp(-first / 17.0) - math.exp(-second / 34.0) * (
        0.5 + 0.6 * math.exp(-(first + second) / 101.0)
    )
    assert found == pytest.approx(wanted, rel=ROUNDING)


def test_triplets_over_a_grid_and_trains_are_plain_sums():
    gaps = [-24.0, -8.0, 0.0, 5.0, 19.0]
    trains = [([50.0], sorted((50 + a, 50 + b))) for a in gaps for b in gaps]
    trains += [(sorted((50 + a, 50 + b)), [50.0]) for a in gaps for b in gaps]
    trains += random_trains(4, 100.0, 2)
    found = changes(stdp_triplet(**TRIPLET), trains)
    wanted = [
        stdp_twin.triplet_change(*both, **TRIPLET, **TAUS, **SLOW) for both in trains
    ]
    np.testing.assert_allclose(found, wanted, rtol=ROUNDING, atol=ROUNDING)


def test_without_third_spikes_triplets_are_pairs():
    trains = random_trains(3, 100.0, 3)
    rule = stdp_triplet(a2_plus=0.7, a2_minus=0.4, a3_plus=0.0)
    found = changes(rule, trains)
    np.testing.assert_array_equal(found, changes(stdp_pair(**PAIR), trains))


def test_the_learning_rate_multiplies_all():
    trains = random_trains(3, 100.0, 4)
    one = changes(stdp_triplet(**TRIPLET), trains)
    two = changes(stdp_triplet(**TRIPLET, learning_rate=2.0), trains)
    np.testing.assert_allclose(two, 2.0 * one, rtol=ROUNDING)


def test_a_cell_with_dynamics_of_its_own_gives_the_same_sums():
    trains = random_trains(2, 100.0, 5)
    cell = naud_sprekeler(tau_trace=34.0, tau_slow=125.0)
    found = changes(stdp_triplet(**TRIPLET), trains, cell=cell)
    np.testing.assert_allclose(
        found, changes(stdp_triplet(**TRIPLET), trains), rtol=ROUNDING
    )


def test_events_count_the_first_spike_of_a_burst_alone():
    # Spikes less than 16 ms apart are one event: at 20 and 60 ms here.
    post, events = [20.0, 26.0, 40.0, 60.0], [20.0, 60.0]
    trains = [([t], post) for t in (15.0, 20.0, 23.0, 55.0, 80.0)]
    cell = naud_sprekeler(tau_trace=1.0, tau_event=34.0)
    found = changes(stdp_pair(**PAIR, postsynaptic="events"), trains, cell=cell)
    wanted = [stdp_twin.pair_change(pre, events, **PAIR, **TAUS) for pre, _ in trains]
    np.testing.assert_allclose(found, wanted, rtol=ROUNDING)


def test_an_unknown_kind_of_postsynaptic_spike_is_refused():
    with pytest.raises(
        ModelError, match="postsynaptic = 'event': did you mean 'events'"
    ):
        stdp_pair(**PAIR, postsynaptic="event")


@pytest.mark.parametrize("bad", [-0.1, math.nan, math.inf, "1", True])
@pytest.mark.parametrize(
    ("rule", "numbers"), [(stdp_pair, PAIR), (stdp_triplet, TRIPLET)]
)
def test_impossible_amplitudes_are_refused(rule, numbers, bad):
    for name in numbers:
        with pytest.raises(ModelError, match=f"{rule.__name__}: {name} = "):
            rule(**{**numbers, name: bad})


def test_a_presynaptic_cell_without_the_triplet_signal_is_named():
    circuit = {
        "populations": (
            Population("pre", presynaptic(), 1),
            Population("cell", silent_cell(), 1),
        ),
        "schedule": Schedule((Phase("all", 1.0),)),
        "output": "cell",
        "readout": "spikes",
    }
    projection = Projection(
        "pre", "cell", "synapse", signal="spikes", rule=stdp_triplet(**TRIPLET)
    )
    with pytest.raises(ModelError, match="have no read 'triplet_rate'"):
        Circuit(projections=(projection,), **circuit)
