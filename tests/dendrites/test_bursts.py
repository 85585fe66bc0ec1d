"""Events and bursts: the two detectors, step by step and for whole trains."""

import numpy as np
import pytest
from reference.naud_sprekeler_twin import parse

import dendrites as dn
from dendrites.bursts import (
    DETECTORS,
    burst_probability,
    check_detector,
    events_and_bursts,
    expected_burst_rate,
    too_few_events,
    too_many_events,
)
from dendrites.errors import ConfigError, ModelError
from dendrites.models.burst_detector import Params, State, burst_detector

pytestmark = pytest.mark.nojit
BOTH = pytest.mark.parametrize("detector", DETECTORS)


def step_by_step(steps, n_steps, detector, *, burst_interval=16.0, dt=0.1):
    """Steps of events and bursts from the scalar function."""
    forget, detect = DETECTORS[detector]
    memory = in_burst = 0.0
    events, bursts = [], []
    counts = np.bincount(np.array(steps, int), minlength=n_steps)
    for k, count in enumerate(counts):
        memory = forget(memory, burst_interval, dt)
        memory, in_burst, event, burst = detect(
            memory, in_burst, float(count), burst_interval, dt
        )
        if event:
            events.append(k)
        if burst:
            bursts.append(k)
    return events, bursts


@BOTH
def test_four_spikes_make_two_events_and_one_burst(detector):
    found = events_and_bursts([0.0, 10.0, 20.0, 60.0], detector=detector)
    assert found.event_time.tolist() == [0.0, 60.0]
    assert found.burst_time.tolist() == [10.0]
    assert step_by_step([0, 100, 200, 600], 700, detector) == ([0, 600], [100])


def test_spikes_at_0_10_20_and_50_ms_make_two_events_and_one_burst():
    found = events_and_bursts([0.0, 10.0, 20.0, 50.0])
    assert found.event_time.tolist() == [0.0, 50.0]
    assert found.burst_time.tolist() == [10.0]
    # The trace of the three has 16 (1 + ln(1 + e^(-10/16) + e^(-20/16))) = 25.6 ms to
    # fall to 1/e.
    found = events_and_bursts([0.0, 10.0, 20.0, 45.5, 90.0], detector="trace")
    assert found.event_time.tolist() == [0.0, 90.0]
    found = events_and_bursts([0.0, 10.0, 20.0, 45.7, 90.0], detector="trace")
    assert found.event_time.tolist() == [0.0, 45.7, 90.0]


@BOTH
@pytest.mark.parametrize(
    ("dt", "interval"), [(0.1, 16.0), (0.1, 4.8), (0.3, 16.2), (0.7, 4.9), (0.01, 1.1)]
)
def test_an_interval_of_exactly_the_limit_is_no_burst(detector, dt, interval):
    limit = round(interval / dt)
    for gap, bursts in ((limit - 1, 1), (limit, 0)):
        _, found = step_by_step(
            [3, 3 + gap], gap + 5, detector, burst_interval=interval, dt=dt
        )
        assert len(found) == bursts
        whole = events_and_bursts(
            dt * np.array([4, 4 + gap]),
            burst_interval=interval,
            dt=dt,
            detector=detector,
        )
        assert len(whole.burst_time) == bursts


def test_after_two_spikes_5_ms_apart_the_trace_waits_24_8_ms():
    # 16 (1 + ln(1 + e^(-5/16))) = 24.785 ms.
    wait = 16.0 * (1.0 + np.log1p(np.exp(-5.0 / 16.0)))
    assert abs(wait - 24.785) < 5e-4
    for gap, is_event in ((247, False), (248, True)):
        events, _ = step_by_step([0, 50, 50 + gap], 500, "trace")
        assert (len(events) == 2) is is_event
        events, _ = step_by_step([0, 50, 50 + gap], 500, "strict")
        assert len(events) == 2


@BOTH
def test_a_burst_is_registered_once_and_at_its_second_spike(detector):
    steps = [10, 60, 110, 160, 1000, 1050]
    assert step_by_step(steps, 1100, detector) == ([10, 1000], [60, 1050])


@BOTH
def test_two_spikes_in_one_step_are_an_event_and_a_burst(detector):
    assert step_by_step([5, 5, 30], 100, detector) == ([5], [5])
    found = events_and_bursts([0.5, 0.5, 3.0], detector=detector)
    assert found.event_time.tolist() == found.burst_time.tolist() == [0.5]
    # Two spikes that join a single one make it a burst; later ones add none.
    assert step_by_step([5, 30, 30, 50, 50], 100, detector) == ([5], [30])
    # A burst before does not hide it.
    assert step_by_step([5, 30, 800, 800], 900, detector) == ([5, 800], [30, 800])


@BOTH
@pytest.mark.parametrize("rate", [0.002, 0.005, 0.02])
def test_random_trains_agree_with_plain_parsing(detector, rate):
    rng = np.random.default_rng(3)
    trains = [np.flatnonzero(rng.random(20_000) < rate) for _ in range(4)]
    trains.append(np.zeros(0, int))
    expected = [parse(train.tolist(), 160, detector) for train in trains]
    for train, (events, bursts) in zip(trains, expected, strict=True):
        assert step_by_step(train, 20_000, detector) == (events, bursts)
    unit = np.repeat(np.arange(5), [len(train) for train in trains])
    steps = np.concatenate(trains)
    order = np.argsort(steps, kind="stable")
    found = events_and_bursts(0.1 * steps[order], unit[order], detector=detector)
    for kind, column in (("event", 0), ("burst", 1)):
        times, units = getattr(found, f"{kind}_time"), getattr(found, f"{kind}_unit")
        assert np.all(np.diff(times) >= 0)
        for number, both in enumerate(expected):
            mine = np.rint(times[units == number] / 0.1).astype(int)
            assert mine.tolist() == both[column]


def test_spikes_of_other_units_do_not_join():
    found = events_and_bursts([0.0, 1.0, 5.0, 6.0], [0, 1, 1, 0])
    assert found.event_time.tolist() == [0.0, 1.0]
    assert found.event_unit.tolist() == [0, 1]
    assert found.burst_time.tolist() == [5.0, 6.0]
    assert found.burst_unit.tolist() == [1, 0]


@BOTH
def test_an_empty_train_has_no_events(detector):
    found = events_and_bursts([], detector=detector)
    assert [len(part) for part in found] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("times", "options", "text"),
    [
        ([2.0, 1.0], {}, "spike_time of unit 0 descends at 1 ms; sort the train"),
        ([[1.0]], {}, "spike_time has shape (1, 1)"),
        ([1.0], {"spike_unit": [0, 1]}, "spike_unit (2,)"),
        ([float("nan")], {}, "not finite"),
        ([1.0], {"dt": 0.0}, "dt = 0.0 ms: must be > 0"),
        ([1.0], {"burst_interval": "16"}, "burst_interval = '16': "),
        ([1.0], {"detector": "trece"}, "did you mean 'trace'"),
    ],
)
def test_impossible_trains_and_options_are_refused(times, options, text):
    with pytest.raises(ConfigError) as refusal:
        events_and_bursts(times, **options)
    assert text in str(refusal.value)


def test_an_unknown_detector_is_a_problem_of_the_model():
    with pytest.raises(ModelError, match="burst_detector: detector = 'isi'"):
        burst_detector(detector="isi")
    with pytest.raises(ModelError, match="detector = None"):
        check_detector(None, "here")


# Reads

P = Params()


def cell(event_average, burst_average, event_rate=10.0):
    return State(
        event_rate=event_rate, event_average=event_average, burst_average=burst_average
    )


def test_the_burst_probability_is_the_ratio_of_the_averages_up_to_one():
    assert burst_probability(cell(0.004, 0.001), P) == 0.25
    assert burst_probability(cell(0.004, 0.005), P) == 1.0
    assert burst_probability(cell(0.0, 0.0), P) == 0.0
    assert burst_probability(cell(0.0, 0.0), P._replace(fixed_probability=0.2)) == 0.2
    assert burst_probability(cell(1.0, 1.0), P._replace(fixed_probability=0.0)) == 0.0


def test_bursts_expected_are_events_times_their_probability():
    assert expected_burst_rate(cell(0.004, 0.001), P) == 2.5
    assert expected_burst_rate(cell(0.004, 0.001, event_rate=0.0), P) == 0.0


def test_rates_outside_their_bounds_are_reported_in_their_units():
    # 2 and 10 Hz; the average of 0.5 Hz is 1.5 Hz short, 40 Hz has 3/4 too much.
    assert too_few_events(cell(0.0005, 0.0), P) == pytest.approx(1.5, rel=1e-15)
    assert too_few_events(cell(0.002, 0.0), P) == 0.0
    assert too_many_events(cell(0.04, 0.0), P) == pytest.approx(7.5, rel=1e-15)
    assert too_many_events(cell(0.01, 0.0), P) == 0.0
    assert too_many_events(cell(0.0, 0.0), P) == 0.0


# The cell that only detects


def test_averages_of_a_detector_jump_one_step_after_the_event():
    model = burst_detector(tau_average=100.0, initial={"burst_average": 0.0})
    p, cells = model.parameters, [model.state()]
    for count in (1.0, 1.0, 0.0):
        moved = model.step(cells[-1], model.inputs(), p, 1.0)
        cells.append(model.fired(moved, count, p, 1.0))
    event, burst = (
        [getattr(c, f"{kind}_average") for c in cells] for kind in ("event", "burst")
    )
    decay = np.exp(-1.0 / 100.0)
    np.testing.assert_allclose(
        event,
        [
            0.005,
            0.005 * decay,
            (0.005 * decay + 0.01) * decay,
            (0.005 * decay + 0.01) * decay**2,
        ],
        rtol=1e-15,
    )
    np.testing.assert_allclose(burst, [0.0, 0.0, 0.0, 0.01 * decay], rtol=1e-15)
    assert [c.event for c in cells] == [0.0, 1.0, 0.0, 0.0]
    assert [c.burst for c in cells] == [0.0, 0.0, 1.0, 0.0]


def test_a_cell_starts_where_it_is_told_and_names_what_it_cannot():
    model = burst_detector(initial={"event_average": 0.01})
    assert model.state().event_average == 0.01
    assert model.state().burst_average == 0.0015
    assert model.unit("event_average") == "1/ms"
    with pytest.raises(ModelError, match="did you mean 'event_average'"):
        burst_detector(initial={"event_averag": 0.01})
    for wrong in (True, "0.01", float("nan")):
        with pytest.raises(ModelError, match="must be a finite number"):
            burst_detector(initial={"event_average": wrong})


def test_a_detector_fires_at_the_rate_of_its_input():
    # 1000 Hz in steps of 1 ms: mean 1; 4000 Poisson counts.
    tree = dn.simulate(
        burst_detector(), rate=1000.0, duration=4000.0, dt=1.0, record_every=4000.0
    )
    assert abs(tree["spikes/cell"].sizes["spike"] - 4000) < 4 * np.sqrt(4000)
