"""The adaptive exponential cell with a dendrite: closed forms, spikes, filters."""

import math

import numpy as np
import pytest
from reference import clopath_twin as twin

import dendrites as dn
from dendrites.errors import ModelError
from dendrites.models.adex_dendrite import (
    State,
    adex_dendrite,
    back_propagated,
    boosted,
)

DT = 0.1
REST = -70.6
# No exponential, adaptation or afterpotential: two coupled passive compartments.
PASSIVE = {"delta_t": 1e-3, "a": 0.0, "threshold_rest": 0.0}


def run(model, n_steps, *, dt=DT, start=None, counts=None, **inputs):
    """States after every step; `counts` forces the spikes, else the cell fires."""
    cell, p = start or model.state(), model.parameters
    given = {k: np.broadcast_to(x, n_steps).tolist() for k, x in inputs.items()}
    cells = []
    for k in range(n_steps):
        now = model.inputs(**{name: values[k] for name, values in given.items()})
        cell = model.step(cell, now, p, dt)
        count = model.spike(cell, 0.5, p, dt) if counts is None else counts[k]
        cell = model.fired(cell, count, p, dt)
        cells.append(cell)
    return cells


def series(cells, name):
    return np.array([getattr(cell, name) for cell in cells])


def spikes_at(n_steps, *steps):
    counts = np.zeros(n_steps)
    counts[[step - 1 for step in steps]] = 1.0
    return counts


# Passive limits


@pytest.mark.nojit
def test_without_input_all_rests():
    # delta_t exp((-70.6 + 50.4)/2) = 8e-5 mV above rest with the exponential; without
    # it nothing moves at all.
    model = adex_dendrite(**PASSIVE)
    last = run(model, 500)[-1]
    assert last == model.state()._replace(threshold=last.threshold)


def passive_matrix(p):
    """d(u, v)/dt = M (u - rest, v - rest) + currents / C."""
    return np.array(
        [
            [
                -(p.g_leak + p.g_coupling) / p.capacitance,
                p.g_coupling / p.capacitance,
            ],
            [
                p.g_coupling / p.capacitance_apical,
                -(p.g_leak_apical + p.g_coupling) / p.capacitance_apical,
            ],
        ]
    )


@pytest.mark.nojit
@pytest.mark.parametrize(("soma", "apical"), [(200.0, 0.0), (0.0, 100.0)])
def test_constant_currents_bring_the_coupled_pair_to_its_steady_state(soma, apical):
    model = adex_dendrite(**PASSIVE)
    p = model.parameters
    currents = np.array([soma / p.capacitance, apical / p.capacitance_apical])
    settled = REST - np.linalg.solve(passive_matrix(p), currents)
    # Slowest mode 10 ms: exp(-40).
    last = run(model, 4000, soma=soma, apical=apical)[-1]
    np.testing.assert_allclose([last.soma, last.apical], settled, rtol=0, atol=1e-12)
    assert last.local == last.apical


@pytest.mark.nojit
def test_the_coupled_pair_relaxes_along_the_eigenvectors_of_eulers_matrix():
    model = adex_dendrite(**PASSIVE)
    start = model.state()._replace(soma=-65.0, apical=-60.0, local=-60.0)
    cells = run(model, 300, start=start)
    rates, vectors = np.linalg.eig(passive_matrix(model.parameters))
    shares = np.linalg.solve(vectors, [5.6, 10.6])
    grown = (1.0 + DT * rates) ** np.arange(1, 301)[:, np.newaxis]
    expected = REST + (grown * shares) @ vectors.T
    found = np.column_stack([series(cells, "soma"), series(cells, "apical")])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.nojit
def test_halving_the_step_halves_the_distance_from_the_exponentials():
    model = adex_dendrite(**PASSIVE)
    start = model.state()._replace(soma=-65.0, apical=-60.0, local=-60.0)
    rates, vectors = np.linalg.eig(passive_matrix(model.parameters))
    shares = np.linalg.solve(vectors, [5.6, 10.6])
    exact = REST + vectors @ (shares * np.exp(10.0 * rates))
    errors = []
    for dt in (0.1, 0.05, 0.025):
        last = run(model, round(10.0 / dt), dt=dt, start=start)[-1]
        errors.append(abs(last.soma - exact[0]) + abs(last.apical - exact[1]))
    # Order 1; the next order is dt times a rate of 0.15 of it.
    assert 1.95 < errors[0] / errors[1] < 2.05
    assert 1.97 < errors[1] / errors[2] < 2.03


@pytest.mark.nojit
def test_an_uncoupled_dendrite_hears_nothing_of_the_soma_but_its_spikes():
    model = adex_dendrite(g_coupling=0.0)
    cells = run(model, 200, counts=spikes_at(200, 50), soma=300.0)
    assert (series(cells, "local") == REST).all()
    shown = series(cells, "apical")
    arrived = back_propagated(REST, model.parameters)
    assert set(shown[49:69]) == {REST + arrived}
    assert (np.delete(shown, np.arange(49, 69)) == REST).all()


@pytest.mark.nojit
def test_presynaptic_spikes_make_a_decaying_current_from_the_end_of_their_step():
    model = adex_dendrite(synaptic_current=40.0, **PASSIVE)
    cells = run(model, 60, synapse=[0.5] + [0.0] * 59)
    age = DT * np.arange(60)
    np.testing.assert_allclose(
        series(cells, "current"), 20.0 * np.exp(-age / 3.0), rtol=1e-13
    )
    assert cells[0].apical == REST and cells[1].apical == REST + DT / 100.0 * 20.0


@pytest.mark.nojit
def test_a_synapse_is_not_heard_by_default():
    model = adex_dendrite(**PASSIVE)
    assert (series(run(model, 20, synapse=1.0), "apical") == REST).all()


# Spikes


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("duration", "dt", "steps"), [(2.0, 0.1, 20), (2.0, 0.05, 40), (1.0, 0.1, 10)]
)
def test_a_spike_holds_the_soma_for_the_duration_of_the_clamp(duration, dt, steps):
    model = adex_dendrite(clamp_duration=duration)
    n = round(10.0 / dt)
    cells = run(model, n, dt=dt, counts=spikes_at(n, 21))
    soma = series(cells, "soma")
    assert (soma[20 : 20 + steps] == 33.0).all()
    assert soma[20 + steps] == -49.6
    assert (soma == 33.0).sum() == steps
    assert steps * dt == pytest.approx(duration)


@pytest.mark.nojit
def test_adaptation_stands_still_in_the_clamp_and_jumps_with_the_spike():
    model = adex_dendrite()
    cells = run(model, 60, counts=spikes_at(60, 21), soma=100.0)
    w = series(cells, "adaptation")
    assert w[20] > 80.5 and (w[20:41] == w[20]).all() and w[41] != w[20]


@pytest.mark.nojit
def test_afterpotential_and_threshold_start_at_a_spike_and_decay():
    model = adex_dendrite()
    cells = run(model, 300, counts=spikes_at(300, 1, 101))
    age = DT * np.r_[np.arange(100), np.arange(200)]
    np.testing.assert_allclose(
        series(cells, "afterpotential"), 400.0 * np.exp(-age / 40.0), rtol=1e-12
    )
    np.testing.assert_allclose(
        series(cells, "threshold"), -50.4 + 20.0 * np.exp(-age / 50.0), rtol=1e-12
    )


@pytest.mark.nojit
@pytest.mark.parametrize("x", [0.0, 100.0, 300.0, 900.0])
def test_a_spike_arrives_with_its_attenuated_height_for_the_clamp(x):
    model = adex_dendrite(distance=x, length_constant=200.0)
    cells = run(model, 60, counts=spikes_at(60, 11), apical=50.0)
    height = series(cells, "apical") - series(cells, "local")
    expected = math.exp(-x / 200.0) * 103.6
    assert back_propagated(REST, model.parameters) == expected
    # A difference of potentials below 100 mV: 1e-14.
    np.testing.assert_allclose(height[10:30], expected, rtol=0, atol=3e-14)
    assert (np.delete(height, np.arange(10, 30)) == 0.0).all()


@pytest.mark.nojit
def test_a_cell_fires_by_itself_where_its_soma_reaches_the_peak():
    model = adex_dendrite()
    cells = run(model, 400, soma=1000.0)
    (times,) = np.nonzero(series(cells, "spikes"))
    assert len(times) > 1
    soma = series(cells, "soma")
    assert (soma[times] == 33.0).all() and soma.max() == 33.0
    # Nothing fires while a clamp lasts.
    assert np.diff(times).min() > 20


@pytest.mark.nojit
def test_a_denied_spike_resets_the_soma_without_one():
    model = adex_dendrite()
    cells = run(model, 400, soma=1000.0, counts=np.zeros(400))
    soma = series(cells, "soma")
    assert soma.max() < 20.0 and (soma == -49.6).any()
    assert series(cells, "trace").max() == 0.0


@pytest.mark.nojit
def test_traces_count_the_spike_of_their_step_and_past_traces_do_not():
    model = adex_dendrite()
    p = model.parameters
    cells = run(model, 200, counts=spikes_at(200, 1, 101))
    t = DT * np.arange(200)
    for name, tau in (("trace", 50.0), ("slow_trace", 100.0)):
        expected = np.exp(-t / tau)
        expected[100:] += np.exp(-(t[100:] - 10.0) / tau)
        np.testing.assert_allclose(series(cells, name), expected, rtol=1e-12)
        past = [model.read(f"past_{name}")(cell, p) for cell in cells]
        expected[[0, 100]] -= 1.0
        np.testing.assert_allclose(past, expected, rtol=1e-12, atol=1e-15)
    assert cells[100].spike_rate == 1.0 / DT


# Filters


@pytest.mark.nojit
@pytest.mark.parametrize(("name", "tau"), [("minus", 10.0), ("plus", 7.0)])
def test_filters_answer_a_spike_of_the_clamp_in_closed_form(name, tau):
    # Dendrite without coupling: at rest but for 2 ms at b v_bap.
    model = adex_dendrite(g_coupling=0.0)
    cells = run(model, 400, counts=spikes_at(400, 11))
    height = back_propagated(REST, model.parameters)
    # The state of step 11 is the first that shows the spike: it is filtered in step 12.
    since = DT * np.clip(np.arange(1, 401) - 11, 0, None)
    during = np.minimum(since, 2.0)
    expected = height * -np.expm1(-during / tau) * np.exp(-(since - during) / tau)
    found = series(cells, f"apical_{name}") - REST
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    above = model.read(f"apical_{name}_above_rest")
    np.testing.assert_allclose(
        [above(cell, model.parameters) for cell in cells], expected, atol=1e-12
    )


@pytest.mark.nojit
def test_means_are_depolarisations_low_passed_over_a_second():
    model = adex_dendrite(tau_mean=50.0, **PASSIVE)
    start = model.state()._replace(soma=-60.0, apical=-60.0, local=-60.0)
    hold = {"soma": 30.0 * 10.6, "apical": 10.0 * 10.6}
    cells = run(model, 400, start=start, **hold)
    expected = 10.6 * -np.expm1(-DT * np.arange(1, 401) / 50.0)
    for name in ("soma_mean", "apical_mean"):
        np.testing.assert_allclose(series(cells, name), expected, rtol=1e-12)


# Active dendrite and noise


@pytest.mark.nojit
def test_an_active_dendrite_boosts_spikes_by_half_at_its_half_potential():
    model = adex_dendrite(dendrite="active", distance=600.0, boost=2.0)
    p, passive = model.parameters, math.exp(-2.0) * 103.6
    assert boosted(-60.0, p) == pytest.approx(2.0 * passive, rel=1e-14)
    assert boosted(-200.0, p) == pytest.approx(passive, rel=1e-14)
    assert boosted(0.0, p) == pytest.approx(3.0 * passive, rel=1e-8)


@pytest.mark.nojit
def test_a_boosted_spike_is_no_higher_than_at_the_soma():
    model = adex_dendrite(dendrite="active", distance=100.0)
    assert boosted(-40.0, model.parameters) == 103.6


@pytest.mark.nojit
def test_the_boost_follows_the_local_potential_during_the_clamp():
    model = adex_dendrite(dendrite="active", distance=500.0, g_coupling=0.0)
    cells = run(model, 30, counts=spikes_at(30, 5), apical=1000.0)
    shown = [cell.apical - cell.local for cell in cells[4:24]]
    expected = [boosted(cell.local, model.parameters) for cell in cells[4:24]]
    np.testing.assert_allclose(shown, expected, rtol=1e-13)
    assert expected[-1] > 1.3 * expected[0]


def test_noise_currents_have_their_standard_deviation_and_correlation_time():
    model = adex_dendrite(noise=True, noise_soma=80.0, noise_apical=30.0)
    tree = dn.simulate(
        model, duration=5000.0, dt=DT, reads=["soma_noise", "apical_noise"], seed=2
    )
    found = tree["populations/cell"]
    for name, sd in (("soma_noise", 80.0), ("apical_noise", 30.0)):
        x = found[name].values.ravel()[200:]
        # Correlated over 2 tau = 4 ms: 1250 independent values, 2 % of sd each.
        assert abs(x.std() / sd - 1.0) < 0.08
        keep = (x[1:] * x[:-1]).mean() / x.var()
        assert abs(keep - math.exp(-DT / 2.0)) < 0.01
    apart = np.corrcoef(
        found.soma_noise.values.ravel(), found.apical_noise.values.ravel()
    )
    assert abs(apart[0, 1]) < 0.15


def test_noise_acts_as_currents_into_its_compartments():
    reads = ["soma_noise", "apical_noise"]
    noisy = dn.simulate(
        adex_dendrite(noise=True), duration=40.0, dt=DT, soma=300.0, reads=reads
    )["populations/cell"]
    soma, apical = (noisy[name].values.ravel() for name in reads)
    cells = run(adex_dendrite(), 400, soma=300.0 + soma, apical=apical)
    for name in ("soma", "apical"):
        found = noisy.v.sel(compartment=name).values.ravel()
        np.testing.assert_allclose(found, series(cells, name), rtol=0, atol=1e-10)


def test_noise_of_size_zero_is_no_noise():
    quiet = dn.simulate(adex_dendrite(), duration=60.0, dt=DT, soma=900.0)
    model = adex_dendrite(noise=True, noise_soma=0.0, noise_apical=0.0)
    noisy = dn.simulate(model, duration=60.0, dt=DT, soma=900.0)
    path = "populations/cell"
    np.testing.assert_array_equal(quiet[path].v, noisy[path].v)


# Against the twin


FIELDS = {
    "u": "soma",
    "v": "local",
    "shown": "apical",
    "w": "adaptation",
    "z": "afterpotential",
    "VT": "threshold",
    "syn": "current",
    "u_minus": "soma_minus",
    "u_plus": "soma_plus",
    "u_mean": "soma_mean",
    "d_minus": "apical_minus",
    "d_plus": "apical_plus",
    "d_mean": "apical_mean",
}


@pytest.mark.nojit
@pytest.mark.parametrize("forced", [True, False])
@pytest.mark.parametrize("active", [True, False])
def test_every_variable_is_that_of_the_twin(forced, active):
    rng = np.random.default_rng(3)
    n = 2000
    # Changing currents, strong enough to fire; forced trains with some spikes denied
    # and some within a clamp.
    soma = np.repeat(rng.uniform(0.0, 3000.0, n // 100), 100)
    apical = np.repeat(rng.uniform(-100.0, 300.0, n // 50), 50)
    synapse = rng.poisson(0.02, n).astype(float)
    counts = rng.poisson(0.004, n).astype(float) if forced else None
    model = adex_dendrite(
        dendrite="active" if active else "passive", synaptic_current=50.0
    )
    cells = run(model, n, counts=counts, soma=soma, apical=apical, synapse=synapse)
    past = twin.run_cell(
        n,
        DT,
        forced=counts,
        soma=soma,
        apical=apical,
        synapse=synapse,
        Isyn=50.0,
        boost=2.0 if active else 0.0,
    )
    np.testing.assert_array_equal(past["spikes"][1:], series(cells, "spikes"))
    assert past["spikes"].sum() >= 5
    for theirs, ours in FIELDS.items():
        # Potentials up to 100 mV and currents up to 500 pA, each step rounding them and
        # the exponential amplifying it up to a spike, where it is forgotten.
        np.testing.assert_allclose(
            series(cells, ours), past[theirs][1:], rtol=1e-12, atol=1e-11, err_msg=ours
        )


def test_a_compiled_run_is_that_of_plain_python():
    model = adex_dendrite(dendrite="active")
    tree = dn.simulate(model, duration=60.0, dt=DT, soma=900.0, apical=100.0)
    cells = run(model, 600, soma=900.0, apical=100.0)
    v = tree["populations/cell"].v
    for name in ("soma", "apical"):
        found = v.sel(compartment=name).values.ravel()
        np.testing.assert_allclose(found, series(cells, name), rtol=0, atol=1e-9)


# Refused


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"dendrite": "activ"}, "did you mean 'active'"),
        ({"noise": 1}, "must be True or False"),
        ({"noise_soma": 3.0}, "noise_soma = 3.0 needs noise=True"),
        ({"tau_noise": 3.0}, "tau_noise = 3.0 needs noise=True"),
        ({"tau_minus": 0.0}, "tau_minus = 0.0: must be a plain number in ms, > 0"),
        ({"tau_mins": 5.0}, "did you mean 'tau_minus'"),
    ],
)
def test_impossible_options_are_refused(options, text):
    with pytest.raises(ModelError, match=text):
        adex_dendrite(**options)


@pytest.mark.nojit
def test_the_state_names_every_field_the_rules_need():
    assert {"spikes", "spike_rate", "trace", "slow_trace"} < set(State._fields)
    assert adex_dendrite().compartments == ("soma", "apical")
