"""The burst cell: measured tables, a twin in plain NumPy, what it shows to rules."""

import numpy as np
import pytest
from reference import naud_sprekeler_twin as twin
from scipy.optimize import brentq

import dendrites as dn
from dendrites.bursts import events_and_bursts
from dendrites.errors import ModelError
from dendrites.models import naud_sprekeler
from experiments.bursts.burst_statistics import TABLE, TABLE_APICAL, TABLE_CELLS

CELL = naud_sprekeler()
P = CELL.parameters
DT = 0.1
SOMA = dn.pulse(2000.0, start=100.0, duration=5.0)


def apical(amplitude, delay=0.0):
    return dn.pulse(amplitude, start=100.0 + delay, duration=20.0)


# What enters the soma and the dendrite, spike times (ms, stamped after their step) and
# the highest dendritic potential, mV. The table stamps steps where they begin, 0.1 ms
# earlier, and gives one digit.
BAC = [
    (SOMA, 0.0, [104.2], -42.1),
    (0.0, apical(400.0), [], -54.1),
    (SOMA, apical(400.0), [104.2, 115.1, 128.2], 10.7),
    (0.0, apical(600.0), [], -35.9),
    (0.0, apical(800.0), [117.4, 126.9], 17.8),
]
DELAYS = {-20: 1, -10: 2, -5: 3, 0: 3, 2: 3, 5: 1}
# Constant 600 pA into the soma; 0 and 200 pA into the dendrite.
SINGLE = (26, [23.0], -42.0)
BURSTS = (56, [22.0, 30.3, 37.2, 45.4, 55.2, 67.3], 11.5)


def trains(tree, n):
    spikes = tree["spikes/cell"]
    return [spikes.spike_time.values[spikes.spike_trial.values == k] for k in range(n)]


def highest(tree):
    v = tree["populations/cell"].v.sel(compartment="apical")
    return v.max("time").values[:, 0]


@pytest.fixture(scope="module")
def pulses():
    drives = [row[:2] for row in BAC] + [(SOMA, apical(300.0, d)) for d in DELAYS]
    soma, dendrite = (list(column) for column in zip(*drives, strict=True))
    return dn.simulate(CELL, soma=soma, apical=dendrite, duration=300.0, dt=DT)


@pytest.fixture(scope="module")
def constant():
    return dn.simulate(CELL, soma=600.0, apical=[0.0, 200.0], duration=2500.0, dt=DT)


def test_an_undriven_cell_rests_where_its_currents_cancel():
    def settled(u):
        f = 1.0 / (1.0 + np.exp(-(u + 38.0) / 6.0))
        return -(u + 70.0) / 7.0 + (1200.0 * f - 13.0 * (u + 70.0)) / 170.0

    u = brentq(settled, -75.0, -65.0, xtol=1e-13)
    v = -70.0 + 16.0 / 370.0 * 1300.0 / (1.0 + np.exp(-(u + 38.0) / 6.0))
    assert abs(u + 69.84124) < 5e-6
    assert abs(v + 69.72269) < 5e-6
    # Slowest: 30 ms of the apical adaptation; e^-33 is left.
    tree = dn.simulate(CELL, duration=1000.0, dt=DT, record_every=1000.0)
    np.testing.assert_allclose(
        tree["populations/cell"].v.values[0, -1, :, 0], [v, u], rtol=0, atol=1e-11
    )
    assert tree["spikes/cell"].sizes["spike"] == 0


def test_a_dendrite_without_adaptation_has_two_stable_potentials():
    def slope(u):
        cell = CELL.state(apical=u)
        p = P._replace(a_apical=0.0)
        moved = CELL.step(cell, CELL.inputs(apical=200.0), p, DT)
        return (moved.apical - u) / DT

    found = [brentq(slope, *ends) for ends in ((-65, -55), (-45, -35), (-20, -5))]
    np.testing.assert_allclose(found, [-60.66, -38.89, -13.12], rtol=0, atol=5e-3)
    stable = [slope(u + 0.1) < slope(u - 0.1) for u in found]
    assert stable == [True, False, True]


def test_a_somatic_spike_and_apical_current_together_make_a_burst(pulses):
    found = trains(pulses, len(BAC))
    for train, (_, _, expected, _) in zip(found, BAC, strict=True):
        np.testing.assert_allclose(train, expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(
        highest(pulses)[: len(BAC)], [row[3] for row in BAC], rtol=0, atol=0.05
    )


def test_apical_current_counts_within_a_few_milliseconds_of_the_spike(pulses):
    found = trains(pulses, len(BAC) + len(DELAYS))[len(BAC) :]
    assert [len(train) for train in found] == list(DELAYS.values())


def test_constant_apical_current_turns_single_spikes_into_bursts(constant):
    for train, top, row in zip(
        trains(constant, 2), highest(constant), (SINGLE, BURSTS), strict=True
    ):
        count, first, highest_potential = row
        assert len(train) == count
        np.testing.assert_allclose(train[: len(first)], first, rtol=0, atol=1e-9)
        assert abs(top - highest_potential) < 0.05
    intervals = np.diff(trains(constant, 2)[0])[-10:]
    # The table says 98.4 ms; a step of 0.1 ms to either side.
    assert abs(intervals.mean() - 98.4) < 0.11
    assert len(events_and_bursts(trains(constant, 2)[0]).burst_time) == 0
    assert len(events_and_bursts(trains(constant, 2)[1]).burst_time) > 5


# The twin

NOISY = 6000
AVERAGED = (
    "event",
    "burst",
    "burst_rate",
    "event_average",
    "burst_average",
    "event_trace",
)


def noise(seed):
    rng = np.random.default_rng(seed)
    fresh = rng.standard_normal((2, NOISY))
    keep, out = np.exp(-DT / 2.0), np.zeros((2, NOISY))
    for k in range(NOISY):
        out[:, k] = keep * out[:, k - 1] + 450.0 * np.sqrt(1 - keep**2) * fresh[:, k]
    return out + np.array([[500.0], [300.0]])


def as_drive(values):
    return dn.waveform(values, dt=DT)


@pytest.mark.parametrize("forced", [False, True])
def test_a_noisy_cell_agrees_with_plain_numpy(forced):
    currents = noise(4)
    train = np.random.default_rng(5).random(NOISY) < 0.004 if forced else None
    expected = twin.run(*currents, forced=train)
    tree = dn.simulate(
        CELL,
        soma=as_drive(currents[0]),
        apical=as_drive(currents[1]),
        duration=NOISY * DT,
        dt=DT,
        reads=["adaptation", "apical_adaptation", "threshold", "spikes"],
        forced_spikes=None if train is None else DT * (np.flatnonzero(train) + 1),
    )["populations/cell"]
    assert expected["spikes"].sum() > 10
    # Rounding is 1e-14 mV per step; an up-stroke multiplies it by e^4, then it fades.
    for name in ("soma", "apical"):
        found = tree.v.sel(compartment=name).values[0, :, 0]
        np.testing.assert_allclose(found, expected[name], rtol=1e-12, atol=1e-12)
    for name in ("adaptation", "apical_adaptation", "threshold", "spikes"):
        found = tree[name].values[0, :, 0]
        np.testing.assert_allclose(found, expected[name], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("detector", ["strict", "trace"])
def test_events_bursts_and_averages_agree_with_plain_parsing(detector):
    currents = noise(6)
    steps = np.flatnonzero(twin.run(*currents)["spikes"])
    events, bursts = twin.parse(steps.tolist(), 160, detector)
    assert len(events) > len(bursts) > 3
    tree = dn.simulate(
        naud_sprekeler(detector=detector, tau_average=200.0),
        soma=as_drive(currents[0]),
        apical=as_drive(currents[1]),
        duration=NOISY * DT,
        dt=DT,
        reads=AVERAGED,
    )["populations/cell"]
    found = {name: tree[name].values[0, :, 0] for name in AVERAGED}
    assert np.flatnonzero(found["event"]).tolist() == events
    assert np.flatnonzero(found["burst"]).tolist() == bursts
    np.testing.assert_allclose(found["burst_rate"], found["burst"] / DT, rtol=1e-15)
    age = np.subtract.outer(np.arange(NOISY), events)
    trace = np.where(age >= 0, np.exp(-age * DT / 50.0), 0.0).sum(1)
    np.testing.assert_allclose(found["event_trace"], trace, rtol=1e-12)
    for name, times, start in (
        ("event_average", events, 0.005),
        ("burst_average", bursts, 0.0015),
    ):
        expected = twin.averages(NOISY, times, 200.0, start, DT)
        # Every step rounds once.
        np.testing.assert_allclose(found[name], expected, rtol=1e-12)


# Multiplexing


@pytest.mark.slow
def test_somatic_current_sets_events_and_apical_current_bursts():
    n, conditions = 150, [(s, d) for s in TABLE for d in TABLE_APICAL]
    soma, dendrite = (np.repeat(x, n) for x in zip(*conditions, strict=True))
    tree = dn.simulate(
        naud_sprekeler(noise=True),
        soma=soma.astype(float).tolist(),
        apical=dendrite.astype(float).tolist(),
        duration=2100.0,
        dt=DT,
        record_every=2100.0,
    )
    spikes = tree["spikes/cell"]
    found = events_and_bursts(spikes.spike_time.values, spikes.spike_trial.values)
    # All cells start from rest and fire together once: 100 ms are left out.
    events, bursts = (
        np.bincount(units[times > 100.0], minlength=len(soma)).reshape(-1, n)
        for units, times in (
            (found.event_unit, found.event_time),
            (found.burst_unit, found.burst_time),
        )
    )
    rate = events.sum(1) / (2.0 * n)
    probability = bursts.sum(1) / events.sum(1)
    # Table and measurement are samples of 600 and 150 cells; the error of a rate is
    # that of the cells' counts, the error of P at least binomial.
    rates, probabilities, _ = (np.ravel(x) for x in zip(*TABLE.values(), strict=True))
    both = np.sqrt(1.0 + n / TABLE_CELLS)
    error = both * events.std(1) / 2.0 / np.sqrt(n)
    assert np.all(np.abs(rate - rates) < 3.5 * error)
    error = both * np.sqrt(probability * (1.0 - probability) / events.sum(1))
    assert np.all(np.abs(probability - probabilities) < 3.5 * error)


# Synapse, noise and traces


def run(model, n, *, counts=None, **inputs):
    """States after every step, in plain Python."""
    cell, cells = model.state(), []
    given = {name: np.broadcast_to(x, n).tolist() for name, x in inputs.items()}
    for k in range(n):
        now = model.inputs(**{name: values[k] for name, values in given.items()})
        cell = model.step(cell, now, model.parameters, DT)
        count = model.spike(cell, 0.5, model.parameters, DT)
        if counts is not None:
            count = float(counts[k])
        cell = model.fired(cell, count, model.parameters, DT)
        cells.append(cell)
    return cells


def series(cells, name):
    return np.array([getattr(cell, name) for cell in cells])


def test_a_synapse_is_heard_as_a_decaying_current_into_the_soma():
    arrivals = np.zeros(400)
    arrivals[[0, 150]] = (1.0, 0.5)
    heard = run(naud_sprekeler(synaptic_current=80.0), 400, synapse=arrivals)
    k = np.arange(400)
    # From the end of its step on, so not in the step itself.
    current = 80.0 * np.where(k > 0, np.exp(-(k - 1) * DT / 5.0), 0.0)
    current += 40.0 * np.where(k > 150, np.exp(-(k - 151) * DT / 5.0), 0.0)
    expected = run(CELL, 400, soma=current)
    for name in ("soma", "apical"):
        np.testing.assert_allclose(
            series(heard, name), series(expected, name), rtol=1e-13
        )
    assert series(run(CELL, 400, synapse=arrivals), "soma").max() < -69.7


def test_traces_add_spikes_and_forget_them():
    counts = np.random.default_rng(1).random(500) < 0.02
    model = naud_sprekeler(tau_trace=20.0, tau_slow=60.0)
    cells = run(model, 500, counts=counts)
    age = np.subtract.outer(np.arange(500), np.arange(500))
    for name, tau in (("trace", 20.0), ("slow_trace", 60.0)):
        kernel = np.where(age >= 0, np.exp(-age * DT / tau), 0.0)
        np.testing.assert_allclose(series(cells, name), kernel @ counts, rtol=1e-12)
        past = [model.read(f"past_{name}")(cell, model.parameters) for cell in cells]
        np.testing.assert_allclose(past, kernel @ counts - counts, rtol=0, atol=1e-12)
    np.testing.assert_allclose(series(cells, "spike_rate"), counts / DT, rtol=1e-15)


def test_a_spike_travels_back_for_two_milliseconds():
    cells = run(CELL, 40, counts=[1] + [0] * 39)
    assert series(cells, "bap").tolist() == [*range(20, 0, -1), *[0] * 20]
    rises = np.diff(series(cells, "apical"))
    # 2600 pA / 170 pF: 1.5 mV per step.
    assert np.all(rises[:20] > 0.6) and np.all(rises[20:] < 0.0)


def test_noise_is_an_ornstein_uhlenbeck_current_of_its_own_in_both_compartments():
    model = naud_sprekeler(noise=True, noise_apical=200.0)
    n = 400
    tree = dn.simulate(
        model,
        soma=[0.0] * n,
        duration=20.0,
        dt=DT,
        reads=["soma_noise", "apical_noise"],
    )["populations/cell"]
    soma, dendrite = (tree[f"{x}_noise"].values[..., 0] for x in ("soma", "apical"))
    # Numbers 40 steps apart, two time constants, count as independent.
    for values, sd in ((soma, 450.0), (dendrite, 200.0)):
        late = values[:, 100::40]
        assert abs(late.std() / sd - 1.0) < 4.0 / np.sqrt(2 * late.size)
        # 20 steps are one time constant.
        lagged = (values[:, 80:180:40] * values[:, 100:200:40]).mean() / sd**2
        assert abs(lagged - np.exp(-1.0)) < 4.0 * np.sqrt(1.14 / (3 * n))
        # It begins at 0: one step has 1 - e^(-0.1) of the variance.
        first = values[:, 0].std() / sd / np.sqrt(1.0 - np.exp(-0.1))
        assert abs(first - 1.0) < 4.0 / np.sqrt(2 * n)
    correlation = (soma * dendrite)[:, 100::40].mean() / 450.0 / 200.0
    assert abs(correlation) < 4.0 / np.sqrt(3 * n)


def test_noise_currents_enter_as_injected_ones_do():
    rng = np.random.default_rng(3)
    normal = rng.standard_normal((2, 600))
    noisy = run(
        naud_sprekeler(noise=True, tau_noise=3.0),
        600,
        soma=400.0,
        soma_normal=normal[0],
        apical_normal=normal[1],
    )
    quiet = run(
        CELL,
        600,
        soma=400.0 + series(noisy, "soma_noise"),
        apical=series(noisy, "apical_noise"),
    )
    assert series(quiet, "spikes").sum() > 1
    for name in ("soma", "apical", "threshold"):
        np.testing.assert_allclose(series(quiet, name), series(noisy, name), rtol=1e-11)


def test_noise_parameters_need_noise_and_names_must_exist():
    with pytest.raises(ModelError, match="tau_noise = 5.0 needs noise=True"):
        naud_sprekeler(tau_noise=5.0)
    with pytest.raises(ModelError, match="did you mean 'tau_soma'"):
        naud_sprekeler(tau_soms=5.0)
    with pytest.raises(ModelError, match="no field of the state"):
        naud_sprekeler(initial={"some": -60.0})


def test_a_coarse_step_warns_and_a_huge_one_is_refused():
    assert CELL.check_step(0.1) is None
    assert "coarse" in CELL.check_step(5.0)
    with pytest.raises(ModelError, match="diverge"):
        CELL.check_step(20.0)
