"""Jumps along fixed points follow them, and are near single steps."""

from dataclasses import replace

import numpy as np
import pytest
from equilibrium_runs import (
    LAG,
    RATES,
    SIZES,
    after,
    distance,
    plastic,
    shown,
    start_of,
)
from systems import patterns, run, twin_of, two_populations

from circuits.initialisers import Uniform
from circuits.microcircuit import microcircuit
from circuits.population import Population
from circuits.projection import Projection
from circuits.run.simulate import simulate
from circuits.schedule import Phase
from circuits.weights import initial_weights
from dendrites.activity_difference import ActivityDifference, LowPass
from dendrites.models import sacramento_pyramidal, source, three_compartment
from dendrites.synaptic_rule import SynapticRule

# --- fixed points ---------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 3, 40])
def test_settled_cells_are_where_a_long_run_ends(batch):
    # 200 ms are 200 of the slowest time constants, so the long run is at rest to
    # rounding; sweeps end when a potential moves by less than 1e-10.
    circuit = plastic(1e-2, steps=2000)
    options = {"weights": start_of(circuit), "learning": False}
    long = run(circuit, shown(batch), **options)
    jumped = run(circuit, shown(batch), jumps=1, **options)
    for p in circuit.populations:
        for field in p.model.state._fields:
            wanted = long.read(p.name, field)
            assert np.abs(jumped.read(p.name, field) - wanted).max() < 1e-9


def test_coupled_compartments_settle_where_a_long_run_ends():
    model = three_compartment(tau_soma=10.0, tau_dendrite=3.0)
    recurrent = Projection("output", "output", "apical", initial=Uniform())
    circuit = two_populations(post=model, steps=1500, extra=(recurrent,))
    inputs = np.random.default_rng(0).uniform(0.0, 1.0, (2, 4))
    start = initial_weights(circuit, given={"feedforward": Uniform()})
    long = run(circuit, {"input": inputs}, weights=start)
    jumped = run(circuit, {"input": inputs}, weights=start, jumps=3)
    for field in ("soma", "basal", "apical"):
        wanted = long.read("output", field)
        got = jumped.read("output", field)
        assert np.abs(got - wanted).max() < 1e-9
        assert np.abs(wanted).max() > 1e-2


def test_a_filtered_input_settles_at_its_pattern():
    circuit = microcircuit(SIZES, input_tau=3.0)
    presenter = run(circuit, shown(), learning=False, jumps=1)
    filtered = presenter.read("input", "filtered")
    np.testing.assert_array_equal(filtered, shown()["input"])


def test_float32_settles_within_its_tolerance():
    circuit = plastic(1e-2)
    options = {"weights": start_of(circuit), "learning": False, "jumps": 1}
    double = run(circuit, shown(), **options)
    single = run(circuit, shown(), dtype="float32", **options)
    for name in ("hidden1", "hidden2", "output", "interneuron1"):
        wanted = double.read(name, "soma")
        # A sweep that moves by 1e-5 at most, and brings a digit, ends 1e-5 off.
        assert np.abs(single.read(name, "soma") - wanted).max() < 2e-5


def test_recorded_cells_stand_still_at_the_fixed_point():
    circuit = plastic(1e-2, steps=50)
    tree = simulate(circuit, shown(), ["hidden1"], integrator="equilibrium", jumps=5)
    v = tree["populations/hidden1"].v
    assert v.sizes["time"] == 50
    np.testing.assert_array_equal(v.values, v.values[:, :1] + 0.0 * v.values)
    assert tree.attrs["integrator"] == "equilibrium"


# --- weights: against a plain loop along fixed points ---------------------------------


def followed(circuit, steps, *, batch, low_pass, bounds=None, decay=0.0):
    """Weights after `steps` steps, the cells at the fixed point of each of them."""
    rates = {p.name: p.rule.learning_rate for p in circuit.projections if p.learns}
    inputs, _, targets = patterns(SIZES, batch=batch)
    twin = twin_of(circuit, start_of(circuit), dict.fromkeys(RATES, 0.0), batch=batch)
    g, dt = twin.g, circuit.dt
    plastic_arrays = [
        *(
            (f"{pre}_to_{post}_basal", w)
            for (pre, post), w in zip(UPWARD, twin.W, strict=True)
        ),
        *(
            (f"hidden{k}_to_interneuron{k}_dendrite", w)
            for k, w in enumerate(twin.WIP, 1)
        ),
        *(
            (f"interneuron{k}_to_hidden{k}_apical", w)
            for k, w in enumerate(twin.WPI, 1)
        ),
    ]
    a = 0.0
    if low_pass is not None:
        a = np.exp(-dt / low_pass.tau) if low_pass.exact else 1.0 - dt / low_pass.tau
    filters = {name: np.zeros_like(w) for name, w in plastic_arrays}
    for _ in range(steps):
        p = twin.fixed_point(inputs, targets)
        r = [inputs, *map(twin.phi, p.u)]
        errors = [
            *(
                twin.phi(u) - twin.phi(g.basal_attenuation(k) * v)
                for k, (u, v) in enumerate(zip(p.u, p.vB, strict=True), 1)
            ),
            *(
                twin.phi(u) - twin.phi(g.dendritic_attenuation(k) * v)
                for k, (u, v) in enumerate(zip(p.uI, p.vI, strict=True), 1)
            ),
            *(-v for v in p.vA),
        ]
        signals = [*r[:-1], *r[1:-1], *map(twin.phi, p.uI)]
        for (name, w), e, x in zip(plastic_arrays, errors, signals, strict=True):
            old = filters[name]
            filters[name] = a * old + (1.0 - a) * (e.T @ x) / batch
            read = old if low_pass and low_pass.read == "before" else filters[name]
            w *= 1.0 - decay * dt
            w += rates[name] * dt * read
            if bounds is not None:
                np.clip(w, *bounds, out=w)
    return dict(plastic_arrays)


UPWARD = [("input", "hidden1"), ("hidden1", "hidden2"), ("hidden2", "output")]
FILTERS = {
    "none": None,
    "after": LowPass(5.0),
    "before": LowPass(5.0, read="before"),
    "exact_factor": LowPass(5.0, exact=True),
}


def with_rules(circuit, low_pass, **options):
    """The same circuit, every rule with this filter, every plastic weight so bound."""
    projections = tuple(
        replace(p, rule=replace(p.rule, low_pass=low_pass), **options)
        if p.learns
        else p
        for p in circuit.projections
    )
    return replace(circuit, projections=projections)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("kind", FILTERS)
def test_a_jump_per_step_follows_the_fixed_points_step_by_step(kind, batch):
    steps, low_pass = 40, FILTERS[kind]
    circuit = with_rules(plastic(2e-2, steps=steps), low_pass)
    wanted = followed(circuit, steps, batch=batch, low_pass=low_pass)
    mine = after(circuit, batch=batch, jumps=steps, onset=0.0)
    start = start_of(circuit)
    for name, value in wanted.items():
        # Cells settle to 1e-10; 4 ms at 4e-2 per ms pass on a sixth of that.
        assert np.abs(mine[name] - value).max() < 1e-10
        assert np.abs(value - start[name]).max() > 1e-4


@pytest.mark.parametrize("kind", FILTERS)
def test_jumps_come_to_the_fixed_points_of_single_steps_with_the_square(kind):
    steps, low_pass = 320, FILTERS[kind]
    circuit = with_rules(plastic(2e-3, steps=steps), low_pass)
    start = start_of(circuit)
    fine = after(circuit, jumps=steps, onset=0.0)
    counts = [1, 2, 4, 8, 16]
    off = [distance(after(circuit, jumps=n, onset=0.0), fine, start) for n in counts]
    assert -2.2 <= np.polyfit(np.log(counts), np.log(off), 1)[0] <= -1.8


@pytest.mark.parametrize("kind", FILTERS)
def test_weight_decay_follows_the_fixed_points_step_by_step(kind):
    steps, low_pass, decay = 40, FILTERS[kind], 0.05
    circuit = with_rules(plastic(2e-2, steps=steps), low_pass, weight_decay=decay)
    wanted = followed(circuit, steps, batch=2, low_pass=low_pass, decay=decay)
    mine = after(circuit, jumps=steps, onset=0.0)
    for name, value in wanted.items():
        assert np.abs(mine[name] - value).max() < 1e-10
    # In jumps of five steps the decay of single steps stays exact, what drives the
    # weights is of second order in the jump.
    few = after(circuit, jumps=8, onset=0.0)
    for name, value in wanted.items():
        change = np.abs(value - start_of(circuit)[name]).max()
        assert np.abs(few[name] - value).max() < 1e-3 * change


def test_weight_bounds_hold_at_every_jump():
    steps, bounds = 40, (-0.4, 0.45)
    circuit = with_rules(plastic(2e-2, steps=steps), None, bounds=bounds)
    wanted = followed(circuit, steps, batch=2, low_pass=None, bounds=bounds)
    mine = after(circuit, jumps=steps, onset=0.0)
    few = after(circuit, jumps=4, onset=0.0)
    for name, value in wanted.items():
        assert np.abs(mine[name] - value).max() < 1e-10
        assert bounds[0] <= few[name].min() <= few[name].max() <= bounds[1]
    held = wanted["input_to_hidden1_basal"]
    assert (held.min(), held.max()) == bounds


# --- weights: against every step ------------------------------------------------------


@pytest.mark.parametrize("lag", [0.0, 6.0, LAG])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("tau", [None, 30.0])
def test_two_jumps_are_near_single_steps(tau, batch, lag):
    circuit = plastic(1e-4, filter_tau=tau, learning_lag=lag)
    start = start_of(circuit)
    exact = after(circuit, batch=batch)
    off = distance(after(circuit, batch=batch, jumps=2), exact, start)
    # Weights move by 1 % at 1e-4 per ms in 100 ms, the cells' lag behind their moving
    # fixed points included; the drift within a jump is a square of that.
    assert off < 1e-3
    # Without the onset, and without a lag, the cells' own start is missed.
    no_onset = distance(after(circuit, batch=batch, jumps=2, onset=0.0), exact, start)
    assert (no_onset > 5e-3) == (lag == 0.0)


@pytest.mark.parametrize("tau", [None, 30.0])
def test_what_jumps_miss_of_single_steps_is_in_proportion_to_the_rate(tau):
    # Many jumps: what is left is how far cells lag behind fixed points that move.
    off = []
    for rate in (1e-4, 1e-3):
        circuit = plastic(rate, filter_tau=tau, learning_lag=LAG)
        jumped = after(circuit, jumps=64)
        off.append(distance(jumped, after(circuit), start_of(circuit)))
    assert off[0] < 1e-4
    assert off[1] / off[0] == pytest.approx(10.0, rel=0.1)


def test_a_phase_shorter_than_the_onset_takes_every_step_in_blocks():
    # 10 times 0.909 ms of the output cells, as long as no lag covers it
    circuit = plastic(1e-2, steps=50)
    stepped, jumped = after(circuit, block=10), after(circuit, jumps=1)
    for name, value in stepped.items():
        np.testing.assert_array_equal(jumped[name], value)


def test_several_presentations_carry_filters_over():
    circuit = plastic(1e-4, steps=300)
    start = start_of(circuit)
    results = [
        run(circuit, shown(), weights=start, times=3, **options)
        for options in ({}, {"jumps": 4})
    ]
    exact, jumped = (presenter.weights() for presenter in results)
    assert distance(jumped, exact, start) < 1e-3


def oja(weight, cell, pre, p):
    return cell.soma * (pre - cell.soma * weight)


def test_rules_that_see_the_weight_move_by_jumps_too():
    rule, steps = SynapticRule(oja, learning_rate=1e-2), 200
    circuit = two_populations(
        post=sacramento_pyramidal(), dt=0.1, steps=steps, rule=rule
    )
    inputs = np.random.default_rng(0).uniform(0.0, 1.0, (2, 4))
    start = initial_weights(circuit, given={"feedforward": Uniform()})
    options = {"weights": start, "jumps": steps, "onset": 0.0}
    presenter = run(circuit, {"input": inputs}, **options)
    w = start["feedforward"].copy()
    for _ in range(steps):
        soma = inputs @ w.T / 1.9
        w += 1e-3 * (soma.T @ inputs - (soma**2).sum(axis=0)[:, None] * w) / 2
    assert np.abs(presenter.weights()["feedforward"] - w).max() < 1e-10
    assert np.abs(w - start["feedforward"]).max() > 1e-2


@pytest.mark.parametrize("batch", ["mean", "sum"])
def test_rules_across_phases_read_the_fixed_points(batch):
    # The second phase starts where the first ended, so its window is at rest too.
    rule = ActivityDifference(
        "rate", "rate", moments=("nudged", "free"), learning_rate=0.3, batch=batch
    )
    phases = (
        Phase("free", 40.0, on=("input",), window=5.0),
        Phase("nudged", 40.0, on=("input", "teacher"), window=5.0),
    )
    circuit = two_populations(
        post=sacramento_pyramidal(),
        dt=0.1,
        phases=phases,
        rule=rule,
        more=(Population("teacher", source(), 3),),
        extra=(Projection("teacher", "output", "apical", initial=Uniform()),),
    )
    rng = np.random.default_rng(0)
    inputs = {name: rng.uniform(0.0, 1.0, (2, n)) for name, n in SOURCES}
    start = initial_weights(circuit, given={"feedforward": Uniform()})
    exact, jumped = (
        run(circuit, inputs, weights=start, **options).weights()["feedforward"]
        for options in ({}, {"jumps": 3})
    )
    # exp(-1.9 x 35) of the first state is left when the windows open
    assert np.abs(jumped - exact).max() < 1e-9
    assert np.abs(exact - start["feedforward"]).max() > 1e-3


SOURCES = (("input", 4), ("teacher", 3))
