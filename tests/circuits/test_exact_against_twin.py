"""The exact integrator follows the plain NumPy twin step for step."""

import numpy as np
import pytest
from reference.microcircuit_twin import conductances
from systems import (
    LEARNING,
    driven_by_sources,
    patterns,
    plastic_microcircuit,
    run,
    twin_of,
    weight_deviation,
)

from circuits.run.presenter import Presenter
from circuits.schedule import Schedule
from circuits.weights import initial_weights
from dendrites._blas import serial_blas
from dendrites.models import nudging_conductances, sacramento_output

pytestmark = pytest.mark.usefixtures("every_engine")

# Both follow the same equations in double precision,
# so after 1,000 steps only rounding is left.
ROUNDING = 1e-12
STEPS = 1000


def agree(sizes, *, batch, tau_filter=30.0, steps=STEPS, **options):
    """Largest deviation of weights and of somata, and the largest weight change."""
    circuit = plastic_microcircuit(sizes, steps=steps, filter_tau=tau_filter)
    weights = initial_weights(circuit, seed=3)
    inputs, targets, potentials = patterns(sizes, batch=batch)
    twin = twin_of(
        circuit, weights, LEARNING, tau_filter=tau_filter or 0.0, batch=batch
    )
    twin.run(inputs, potentials, steps)
    shown = {"input": inputs, "target": targets}
    presenter = run(circuit, shown, weights=weights, **options)
    names = [layer.population for layer in circuit.network.layers]
    somata = [(name, "soma", u) for name, u in zip(names, twin.u, strict=True)]
    somata += [(f"interneuron{k}", "soma", u) for k, u in enumerate(twin.uI, 1)]
    somata += [(names[k], "apical", v) for k, v in enumerate(twin.vA)]
    state = max(
        float(np.abs(presenter.read(name, field) - wanted).max())
        for name, field, wanted in somata
    )
    return (
        weight_deviation(twin, presenter.weights()),
        state,
        weight_deviation(twin, weights),
    )


@pytest.mark.parametrize("sizes", [[5, 4, 3], [5, 4, 3, 2], [6, 5, 4, 3, 2]])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_plastic_run_equals_the_twin_at_every_depth(sizes, batch):
    weights, state, change = agree(sizes, batch=batch)
    assert weights < ROUNDING
    assert state < ROUNDING
    assert change > 1e-2  # the weights did move


def test_samples_split_into_chunks_give_the_twin_too():
    weights, state, _ = agree([5, 4, 3, 2], batch=3, chunk=2)
    assert max(weights, state) < ROUNDING


@pytest.mark.parametrize("batch", [1, 3])
def test_updates_without_filter_equal_the_twin(batch):
    weights, state, change = agree([5, 4, 3], batch=batch, tau_filter=None)
    assert max(weights, state) < ROUNDING
    assert change > 1e-2


def test_layers_too_large_for_the_plain_products_equal_the_twin():
    # Above 20,000 multiply-adds products go through BLAS.
    weights, state, _ = agree([80, 70, 40], batch=8, steps=100)
    assert max(weights, state) < ROUNDING


@pytest.mark.nojit
def test_a_few_plastic_steps_equal_the_twin():
    for batch in (1, 2):
        weights, state, change = agree([3, 2, 2], batch=batch, steps=12)
        assert max(weights, state) < 1e-14
        assert change > 1e-6


def test_without_a_teacher_the_output_is_not_nudged():
    rates = dict.fromkeys(LEARNING, 0.0)
    circuit = plastic_microcircuit([4, 3, 2], steps=100, rates=rates)
    weights = initial_weights(circuit, seed=1)
    inputs, targets, _ = patterns([4, 3, 2], batch=2)
    twin = twin_of(circuit, weights, rates, batch=2)
    twin.run(inputs, None, 100)
    free = circuit.with_schedule(circuit.test_schedule)
    presenter = run(free, {"input": inputs, "target": targets}, weights=weights)
    soma = presenter.read("output", "soma")
    assert np.abs(soma - twin.u[-1]).max() < ROUNDING


# --- exact checks of the model page ------------------------------------------------


def silent(sizes, **options):
    """A frozen self-predicting microcircuit."""
    rates = dict.fromkeys(LEARNING, 0.0)
    return plastic_microcircuit(sizes, rates=rates, self_predicting=True, **options)


@pytest.mark.parametrize(
    "sizes", [[6, 5, 4], [6, 5, 5, 4], [6, 5, 4, 4, 3], [6, 5, 5, 4, 4, 3]]
)
def test_apical_dendrites_of_a_self_predicting_circuit_are_silent_at_rest(sizes):
    circuit = silent(sizes, steps=1500)
    free = circuit.with_schedule(circuit.test_schedule)
    inputs, targets, _ = patterns(sizes, batch=2)
    weights = initial_weights(free, seed=5)
    presenter = run(free, {"input": inputs, "target": targets}, weights=weights)
    for k in range(1, len(sizes) - 1):
        apical = presenter.read(f"hidden{k}", "apical")
        assert np.abs(apical).max() < 1e-12


def peak_apical(sizes, g_dendrite):
    """Largest apical potential per hidden layer while the input is replaced."""
    circuit = silent(sizes, steps=1, g_dendrite=g_dendrite)
    one_step = Schedule(circuit.test_schedule.phases, carry_state=True)
    with serial_blas():
        presenter = Presenter(circuit, weights=initial_weights(circuit, seed=5))
        apical = []
        for seed in (1, 2):
            inputs, targets, _ = patterns(sizes, seed=seed)
            for _ in range(60):
                shown = {"input": inputs, "target": targets}
                presenter.present(shown, one_step)
                names = [f"hidden{k}" for k in range(1, len(sizes) - 1)]
                apical.append([presenter.read(n, "apical") for n in names])
    return np.array([[np.abs(v).max() for v in step] for step in apical]).max(axis=0)


def test_matched_dendrites_stay_silent_while_the_input_is_replaced():
    assert peak_apical([6, 5, 5, 4], "matched").max() < 1e-12


def test_equal_dendrites_flash_below_the_last_hidden_layer():
    peaks = peak_apical([6, 5, 5, 4], 1.0)
    assert peaks[0] > 1e-3
    assert peaks[-1] < 1e-12


def test_dendrites_of_unequal_layers_follow_the_twin():
    sizes = [5, 4, 3, 2]
    circuit = plastic_microcircuit(sizes, g_dendrite="matched")
    weights = initial_weights(circuit, seed=2)
    inputs, targets, potentials = patterns(sizes)
    twin = twin_of(circuit, weights, LEARNING, g=conductances(3, g_dendrite=[1.8, 1.0]))
    twin.run(inputs, potentials, 200)
    presenter = run(circuit, {"input": inputs, "target": targets}, weights=weights)
    assert weight_deviation(twin, presenter.weights()) < ROUNDING


def test_a_conductance_nudge_equals_the_current_nudge():
    target = np.array([[0.4, -0.7, 0.9], [0.1, 0.0, -0.2]])
    basal = np.array([[0.3, 0.8, -0.5], [1.0, -1.0, 0.2]])
    g_exc, g_inh = nudging_conductances(target)
    assert min(g_exc.min(), g_inh.min()) >= 0.0
    teaching = np.ones_like(target)
    nudged = {"basal": basal, "target": target, "teaching": teaching}
    presenter = driven_by_sources(sacramento_output(), nudged)
    current = presenter.read("output", "soma")
    opened = {"basal": basal, "g_exc": g_exc, "g_inh": g_inh}
    model = sacramento_output(nudge="conductance")
    presenter = driven_by_sources(model, opened)
    # The two forms round differently, by about 1e-16 per step.
    deviation = presenter.read("output", "soma") - current
    assert np.abs(deviation).max() < 1e-14
    assert np.abs(current).min() > 0.01


def test_a_target_outside_the_reversal_range_warns():
    with pytest.warns(UserWarning, match="reversal range"):
        nudging_conductances([0.2, 1.4])
