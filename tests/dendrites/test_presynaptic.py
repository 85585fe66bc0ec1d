"""Presynaptic cells: traces, events and what rules read of them."""

import math

import numpy as np
import pytest

import dendrites as dn
from dendrites.errors import ModelError
from dendrites.models import presynaptic

pytestmark = pytest.mark.nojit
DT = 0.5


def run(model, counts, dt=DT):
    cell, cells = model.state(), []
    for count in counts:
        cell = model.step(cell, model.inputs(), model.parameters, dt)
        cell = model.fired(cell, float(count), model.parameters, dt)
        cells.append(cell)
    return cells


def series(cells, name):
    return np.array([getattr(cell, name) for cell in cells])


COUNTS = np.random.default_rng(2).poisson(0.02, 600)


def sum_of_exponentials(counts, tau):
    k = np.arange(len(counts))
    age = k[:, None] - k[None, :]
    return np.where(age >= 0, np.exp(-age * DT / tau), 0.0) @ counts


def test_traces_are_sums_of_exponentials_with_the_spikes_of_the_step():
    cells = run(presynaptic(tau_trace=30.0, tau_slow=70.0), COUNTS)
    # 600 steps round to 1e-16 of each trace.
    np.testing.assert_allclose(
        series(cells, "trace"), sum_of_exponentials(COUNTS, 30.0), rtol=1e-12
    )
    np.testing.assert_allclose(
        series(cells, "slow_trace"), sum_of_exponentials(COUNTS, 70.0), rtol=1e-12
    )


def test_past_traces_leave_out_the_spikes_of_the_step():
    model = presynaptic()
    for cell in run(model, COUNTS):
        p = model.parameters
        for name in ("trace", "slow_trace"):
            past = model.read(f"past_{name}")(cell, p)
            assert past == getattr(cell, name) - cell.spikes
    first = run(model, [2])[0]
    assert first.trace == 2.0
    assert model.read("past_trace")(first, p) == 0.0


@pytest.mark.parametrize("detector", ["strict", "trace"])
def test_the_event_trace_counts_events_and_no_other_spikes(detector):
    model = presynaptic(tau_event=40.0, detector=detector)
    cells = run(model, COUNTS)
    events = series(cells, "event")
    times = DT * (np.repeat(np.arange(600), COUNTS) + 1)
    found = dn.bursts.events_and_bursts(times, dt=DT, detector=detector)
    np.testing.assert_array_equal(DT * (np.flatnonzero(events) + 1), found.event_time)
    bursts = np.flatnonzero(series(cells, "burst"))
    np.testing.assert_array_equal(DT * (bursts + 1), found.burst_time)
    assert 0 < len(bursts) < events.sum() < COUNTS.sum()
    np.testing.assert_allclose(
        series(cells, "event_trace"), sum_of_exponentials(events, 40.0), rtol=1e-12
    )


def test_rates_are_counts_per_millisecond():
    cells = run(presynaptic(), COUNTS)
    np.testing.assert_array_equal(series(cells, "spike_rate"), COUNTS / DT)
    np.testing.assert_array_equal(
        series(cells, "event_rate"), series(cells, "event") / DT
    )


def test_a_pattern_asks_for_a_rate_and_one_is_always_one():
    model = presynaptic(rate_scale=50.0)
    cell = model.state(value=0.4, active=1.0)
    assert model.read("rate")(cell, model.parameters) == 20.0
    assert model.read("one")(cell, model.parameters) == 1.0
    # No spike with probability exp(-20 Hz 0.5 ms).
    none = math.exp(-0.01)
    assert model.spike(cell, none - 1e-9, model.parameters, DT) == 0.0
    assert model.spike(cell, none + 1e-9, model.parameters, DT) == 1.0


def test_a_long_silence_leaves_traces_of_exactly_zero():
    last = run(presynaptic(tau_trace=1.0, tau_slow=1.0, tau_event=1.0), [1] + [0] * 200)
    assert last[-1].trace == last[-1].slow_trace == last[-1].event_trace == 0.0


def test_impossible_options_are_refused():
    with pytest.raises(ModelError, match="presynaptic: detector = 'auryn'"):
        presynaptic(detector="auryn")
    with pytest.raises(ModelError, match="burst_interval = 0.0: must be a plain"):
        presynaptic(burst_interval=0.0)
