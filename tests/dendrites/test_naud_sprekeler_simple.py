"""The simplified burst cell: events of the soma, bursts of the dendrite's choice."""

import math

import numpy as np
import pytest
from scipy.stats import kstest

import dendrites as dn
from dendrites.bursts import events_and_bursts
from dendrites.errors import ModelError
from dendrites.models import naud_sprekeler_simple

CELL = naud_sprekeler_simple()
DT = 0.1


def run(model, n, *, draws=0.0, u=None, counts=None, start=None, **inputs):
    """States after every step, in plain Python; draws of 0 make every event a burst."""
    cell, cells = start or model.state(), []
    inputs = {
        name: np.broadcast_to(x, n) for name, x in {**inputs, "draw": draws}.items()
    }
    for k in range(n):
        now = model.inputs(
            **{name: float(values[k]) for name, values in inputs.items()}
        )
        cell = model.step(cell, now, model.parameters, DT)
        if counts is None:
            number = 0.5 if u is None else float(u[k])
            count = model.spike(cell, number, model.parameters, DT)
        else:
            count = float(counts[k])
        cell = model.fired(cell, count, model.parameters, DT)
        cells.append(cell)
    return cells


def series(cells, name):
    return np.array([getattr(cell, name) for cell in cells])


def steps(cells, name):
    return np.flatnonzero(series(cells, name))


@pytest.mark.nojit
def test_an_event_becomes_a_burst_with_the_sigmoid_of_the_dendrite():
    for u in (-80.0, -57.0, -50.0, -30.0):
        chance = 1.0 / (1.0 + math.exp(-(u + 57.0) / 6.0))
        cell = CELL.state(apical=u)
        assert CELL.read("burst_chance")(cell, CELL.parameters) == pytest.approx(
            chance, rel=1e-14
        )
        for draw, waits in ((chance * (1 - 1e-9), True), (chance * (1 + 1e-9), False)):
            after = CELL.fired(cell._replace(draw=draw), 1.0, CELL.parameters, DT)
            assert (after.waiting > 0) is waits


@pytest.mark.nojit
@pytest.mark.parametrize(("share", "delay"), [(0.0, 50), (0.5, 100), (1.0 - 1e-9, 150)])
def test_the_second_spike_comes_after_the_drawn_delay_and_is_the_only_one(share, delay):
    # At -57 mV half of the draws are bursts, and their place in this half is the delay.
    model = naud_sprekeler_simple(a_apical=0.0)
    held = 13.0 * 170.0 / 7.0
    cells = run(
        model,
        400,
        draws=0.5 * share,
        soma=[50_000.0] + [0.0] * 399,
        apical=held,
        start=model.state(apical=-57.0, soma=-50.0),
    )
    assert steps(cells, "event").tolist() == [0]
    assert steps(cells, "spikes").tolist() == [0, delay]
    assert steps(cells, "burst").tolist() == [delay]


@pytest.mark.nojit
def test_a_second_spike_changes_nothing_but_traces():
    burst = run(CELL, 400, draws=0.0, soma=900.0)
    single = run(CELL, 400, draws=1.0, soma=900.0)
    assert series(burst, "burst").sum() > 0 == series(single, "burst").sum()
    for name in ("soma", "threshold", "adaptation", "refractory", "event"):
        np.testing.assert_array_equal(series(burst, name), series(single, name))
    assert series(burst, "trace")[-1] > series(single, "trace")[-1]
    assert series(burst, "event_trace")[-1] == series(single, "event_trace")[-1] > 0.0


@pytest.mark.nojit
def test_events_are_at_least_a_refractory_period_apart():
    model = naud_sprekeler_simple(threshold=-80.0, tau_threshold=1.0, refractory=20.0)
    cells = run(model, 1000, draws=1.0)
    assert set(np.diff(steps(cells, "event"))) == {200}


@pytest.mark.nojit
def test_the_soma_follows_its_equation_and_fires_above_its_threshold():
    model = naud_sprekeler_simple(synaptic_current=100.0)
    n, arrivals, last = 1500, np.zeros(1500), -1000
    arrivals[20] = 1.0
    cells = run(model, n, draws=0.0, soma=900.0, synapse=arrivals)
    v, w, theta, current, expected, events = -70.0, 0.0, -50.0, 0.0, [], []
    for k in range(n):
        total = 900.0 - 200.0 * w + current
        v += DT * (-(v + 70.0) / 16.0 + total / 370.0)
        w -= DT * w / 100.0
        theta -= DT * (theta + 50.0) / 27.0
        current = current * math.exp(-DT / 5.0) + 100.0 * arrivals[k]
        if v > theta and k - last >= 200:
            v, w, theta, last = -70.0, w + 1.0, theta + 2.0, k
            events.append(k)
        expected.append((v, w, theta))
    found = np.array([[c.soma, c.adaptation, c.threshold] for c in cells])
    np.testing.assert_allclose(found, expected, rtol=1e-11)
    assert steps(cells, "event").tolist() == events
    assert len(events) > 2


@pytest.mark.nojit
def test_the_dendrite_follows_its_equation_and_hears_no_spike():
    cells = run(CELL, 300, draws=0.0, soma=900.0, apical=200.0)
    u, z, expected = -70.0, 0.0, []
    for _ in range(300):
        du = -(u + 70.0) / 7.0 + (200.0 - 13.0 * z) / 170.0
        dz = (-z + u + 70.0) / 30.0
        u, z = u + DT * du, z + DT * dz
        expected.append((u, z))
    found = np.array([[c.apical, c.apical_adaptation] for c in cells])
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.nojit
def test_a_forced_spike_in_the_refractory_period_belongs_to_the_event():
    counts = np.zeros(600)
    counts[[10, 50, 209, 210, 500]] = 1.0
    cells = run(CELL, 600, counts=counts)
    # 200 steps after step 10 the next event may begin.
    assert steps(cells, "event").tolist() == [10, 210, 500]
    assert steps(cells, "burst").tolist() == [50]
    double = run(CELL, 30, counts=[0, 2] + [0] * 28)
    assert steps(double, "event").tolist() == steps(double, "burst").tolist() == [1]


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("v", "hazard"), [(-52.0, 0.001), (-48.0, 0.001 * math.exp(2))]
)
def test_an_escaping_cell_fires_with_its_hazard(v, hazard):
    model = naud_sprekeler_simple(spike="escape")
    p = 1.0 - math.exp(-hazard * DT)
    cell = model.state(soma=v)
    assert model.spike(cell, p * (1 - 1e-9), model.parameters, DT) == 1.0
    assert model.spike(cell, p * (1 + 1e-9), model.parameters, DT) == 0.0
    assert model.spike(cell._replace(refractory=1.0), 0.0, model.parameters, DT) == 0.0


@pytest.fixture(scope="module")
def escaping():
    """Many cells under two apical currents; the same random numbers."""
    n, tree = 200, {}
    for apical in (-200.0, 300.0):
        tree[apical] = dn.simulate(
            naud_sprekeler_simple(spike="escape"),
            soma=[700.0] * n,
            apical=apical,
            duration=1000.0,
            dt=DT,
            reads=["event", "burst", "burst_chance"],
            seed=1,
        )["populations/cell"]
    return tree


def test_apical_current_changes_bursts_and_no_event(escaping):
    weak, strong = escaping.values()
    np.testing.assert_array_equal(weak.event.values, strong.event.values)
    assert weak.event.values.sum() > 500
    assert strong.burst.values.sum() > 3 * weak.burst.values.sum()


def test_the_share_of_bursts_is_the_sigmoid_of_the_dendrite(escaping):
    for found in escaping.values():
        event, burst, chance = (
            found[name].values[..., 0] for name in ("event", "burst", "burst_chance")
        )
        # An event of the last 15 ms may still be waiting for its second spike.
        counted = event[:, :-150] > 0
        expected = chance[:, :-150][counted]
        spread = math.sqrt((expected * (1.0 - expected)).sum())
        second = 0
        for train, cell in zip(event[:, :-150], burst, strict=True):
            second += sum(cell[k : k + 151].any() for k in np.flatnonzero(train))
        assert abs(second - expected.sum()) < 3.5 * spread


def test_delays_are_uniform_between_5_and_15_ms(escaping):
    event, burst = (escaping[300.0][x].values[..., 0] for x in ("event", "burst"))
    delays = []
    for train, cell in zip(event, burst, strict=True):
        begins = np.flatnonzero(train)
        for k in np.flatnonzero(cell):
            delays.append(k - begins[begins < k][-1])
    delays = np.array(delays)
    assert delays.min() >= 50 and delays.max() <= 150
    # Delays are rounded to 0.1 ms: at most half a hundredth of the distribution, which
    # 1 / sqrt(n) hides.
    assert len(delays) > 300
    assert kstest((delays - 50) / 100.0, "uniform").pvalue > 1e-3


def test_a_detector_on_the_train_finds_the_same_bursts_at_low_rates():
    tree = dn.simulate(
        naud_sprekeler_simple(spike="escape"),
        soma=[500.0] * 100,
        apical=300.0,
        duration=1000.0,
        dt=DT,
        reads=["event", "burst"],
    )
    spikes, cell = tree["spikes/cell"], tree["populations/cell"]
    found = events_and_bursts(spikes.spike_time.values, spikes.spike_trial.values)
    own = [cell[name].values.sum() for name in ("event", "burst")]
    assert [len(found.event_time), len(found.burst_time)] == pytest.approx(
        own, rel=0.05
    )
    assert own[0] > 50


def test_impossible_options_are_refused():
    with pytest.raises(ModelError, match="spike = 'poisson': no known way to fire"):
        naud_sprekeler_simple(spike="poisson")
    with pytest.raises(ModelError, match="d_escape = 1.0 needs spike='escape'"):
        naud_sprekeler_simple(d_escape=1.0)
    for wrong in ({"longest_delay": 20.0}, {"shortest_delay": 16.0}):
        with pytest.raises(ModelError, match="must ascend"):
            naud_sprekeler_simple(**wrong)
