"""Rules that compare phases: window averages, moments and drawn durations."""

from dataclasses import replace

import numpy as np
import pytest
from systems import euler_three_compartment, logistic, run, two_populations

from circuits.population import Population
from circuits.projection import Projection
from circuits.run.presenter import Presenter
from circuits.schedule import Phase, Schedule
from dendrites._blas import serial_blas
from dendrites.activity_difference import ActivityDifference
from dendrites.models import source, three_compartment
from dendrites.random import generator
from dendrites.synaptic_rule import SynapticRule

pytestmark = pytest.mark.usefixtures("every_engine")

DT = 0.5
ROUNDING = 1e-13
CELLS = three_compartment(tau_soma=10.0, tau_dendrite=3.0)
WEIGHTS = np.random.default_rng(4).normal(0.0, 0.8, (3, 4))
INPUTS = np.random.default_rng(5).uniform(0.0, 1.0, (2, 4))
TEACHER = np.random.default_rng(6).uniform(-1.0, 2.0, (2, 3))
FREE = Phase("free", 15.0, on=("input",), window=5.0)
NUDGED = Phase("nudged", 10.0, on=("input", "teacher"), window=4.0)


def two_phases(rule, *, phases=(FREE, NUDGED), pre=None, **options):
    """Input and a teacher that drives the somata during the second phase."""
    return two_populations(
        dt=DT,
        post=CELLS,
        pre=pre,
        phases=phases,
        rule=rule,
        more=(Population("teacher", source(), 3),),
        extra=(
            Projection(
                "teacher",
                "output",
                "soma",
                connectivity="one_to_one",
                initial=np.ones(3),
            ),
        ),
        **options,
    )


def present(circuit, *, inputs=INPUTS, teacher=TEACHER, weights=WEIGHTS, **options):
    start = {"feedforward": weights, "teacher_to_output_soma": np.ones(3)}
    shown = {"input": inputs, "teacher": teacher}
    presenter = run(circuit, shown, weights=start, **options)
    return presenter.weights()["feedforward"], presenter


def averages(inputs=INPUTS, teacher=TEACHER):
    """Window-averaged soma and basal potentials (samples, 3) of either phase."""
    basal = np.repeat((inputs @ WEIGHTS.T)[None], 50, axis=0)
    soma = np.zeros((50, *teacher.shape))
    soma[30:] = teacher
    states = euler_three_compartment(CELLS.parameters, basal, DT, soma)[1:]
    return states[20:30].mean(axis=0), states[42:50].mean(axis=0)


def across_phases(**options):
    options = {
        "teaching": "rate",
        "baseline": "rate",
        "moments": ("nudged", "free"),
        "learning_rate": 0.3,
        **options,
    }
    return ActivityDifference(**options)


@pytest.mark.nojit
@pytest.mark.parametrize("batch", ["mean", "sum"])
def test_a_rule_across_phases_reads_averaged_cells(batch):
    free, nudged = averages()
    # The nonlinearity applies to the averaged soma, not the average to the rates.
    error = logistic(nudged[0]) - logistic(free[0])
    share = 1.0 if batch == "sum" else 1.0 / len(INPUTS)
    wanted = WEIGHTS + 0.3 * share * error.T @ INPUTS
    got, _ = present(two_phases(across_phases(batch=batch)))
    assert np.abs(got - wanted).max() < ROUNDING
    assert np.abs(wanted - WEIGHTS).max() > 0.005


def test_a_batch_in_chunks_gives_the_same_phase_update():
    circuit = two_phases(across_phases())
    whole, *_ = present(circuit)
    chunked, *_ = present(circuit, chunk=1)
    assert np.abs(whole - chunked).max() < ROUNDING


@pytest.mark.parametrize(("moment", "index"), [(None, 0), ("free", 0), ("nudged", 1)])
def test_the_gain_is_read_at_its_own_moment(moment, index):
    both = averages()
    gain = 1.0 + both[index][1] ** 2
    error = gain * (logistic(both[1][0]) - logistic(both[0][0]))
    wanted = WEIGHTS + 0.3 * error.T @ INPUTS / len(INPUTS)
    rule = across_phases(gain=lambda cell, p: 1.0 + cell.basal**2, gain_moment=moment)
    got, _ = present(two_phases(rule))
    assert np.abs(got - wanted).max() < ROUNDING


def test_each_side_has_its_own_presynaptic_signal_and_moment():
    squared = replace(
        source(), reads={**source().reads, "squared": lambda cell, p: cell.value**2}
    )
    # The input is off in the second phase, so its average there is zero.
    phases = (FREE, replace(NUDGED, on=("teacher",)))
    basal = np.zeros((50, *TEACHER.shape))
    basal[:30] = INPUTS @ WEIGHTS.T
    soma = np.zeros_like(basal)
    soma[30:] = TEACHER
    states = euler_three_compartment(CELLS.parameters, basal, DT, soma)[1:]
    free, nudged = states[20:30].mean(axis=0), states[42:].mean(axis=0)
    depression = (logistic(free[0])).T @ INPUTS**2 / len(INPUTS)
    potentiation = (logistic(nudged[0])).T @ INPUTS / len(INPUTS)
    rule = across_phases(
        presynaptic=("rate", "squared"), presynaptic_moments=("free", "free")
    )
    got, _ = present(two_phases(rule, phases=phases, pre=squared))
    assert np.abs(got - WEIGHTS - 0.3 * (potentiation - depression)).max() < ROUNDING
    # Read as its side, the teaching signal meets a silent input.
    rule = across_phases(presynaptic=("rate", "squared"))
    got, _ = present(two_phases(rule, phases=phases, pre=squared))
    assert np.abs(got - WEIGHTS + 0.3 * depression).max() < ROUNDING


def test_swapping_the_moments_flips_the_sign_exactly():
    zero = np.zeros_like(WEIGHTS)
    # One presynaptic moment: both sides are one factor, whose sign flips exactly.
    same = ("nudged", "nudged")
    up, *_ = present(two_phases(across_phases(presynaptic_moments=same)), weights=zero)
    swapped = across_phases(moments=("free", "nudged"), presynaptic_moments=same)
    down, *_ = present(two_phases(swapped), weights=zero)
    assert np.abs(up).max() > 0.0
    np.testing.assert_array_equal(up, -down)


@pytest.mark.nojit
def test_oja_at_the_end_of_a_presentation_equals_numpy():
    def oja(weight, cell, pre, p):
        return cell.soma * (pre - cell.soma * weight)

    _, nudged = averages()
    y = nudged[0]
    terms = y[:, :, None] * (INPUTS[:, None] - y[:, :, None] * WEIGHTS)
    rule = SynapticRule(oja, learning_rate=0.2, moment="nudged")
    got, _ = present(two_phases(rule))
    assert np.abs(got - WEIGHTS - 0.2 * terms.mean(axis=0)).max() < ROUNDING


def test_two_presentations_average_their_own_windows_only():
    # With a rate of zero the second presentation repeats the first: its windows must
    # not contain the first one's sums.
    circuit = two_phases(across_phases())
    once, presenter = present(circuit)
    with serial_blas():
        presenter.set_weights({"feedforward": WEIGHTS})
        presenter.present({"input": INPUTS, "teacher": TEACHER}, circuit.schedule)
    np.testing.assert_array_equal(presenter.weights()["feedforward"], once)


@pytest.mark.parametrize("carry", [False, True])
def test_state_between_presentations_is_reset_or_carried_over(carry):
    circuit = two_populations(
        steps=12, dt=DT, post=CELLS, carry_state=carry, initial=WEIGHTS
    )
    weights = {"feedforward": WEIGHTS}
    presenter = run(circuit, {"input": INPUTS}, weights=weights, times=3)
    steps = 36 if carry else 12
    drive = np.repeat((INPUTS @ WEIGHTS.T)[None], steps, axis=0)
    wanted = euler_three_compartment(CELLS.parameters, drive, DT)[-1, 0]
    soma = presenter.read("output", "soma")
    assert np.abs(soma - wanted).max() < ROUNDING


def test_drawn_durations_belong_to_the_presentation():
    def draw(rng):
        return DT * rng.integers(3, 40)

    phase = Phase("forward", draw, on=("input",))
    circuit = two_populations(dt=DT, post=CELLS, phases=(phase,), initial=WEIGHTS)
    with Presenter(circuit, batch=2, seed=11) as presenter:
        for number in (0, 1, 5):
            presenter.present({"input": INPUTS}, number=number)
            steps = round(draw(generator(11, f"durations/0/{number}")) / DT)
            drive = np.repeat((INPUTS @ WEIGHTS.T)[None], steps, axis=0)
            wanted = euler_three_compartment(CELLS.parameters, drive, DT)[-1, 0]
            soma = presenter.read("output", "soma")
            assert np.abs(soma - wanted).max() < ROUNDING


def test_a_lag_splits_a_phase_without_moving_its_window():
    schedule = Schedule((replace(FREE, lag=12.0), NUDGED))
    pieces = [
        (s.steps, s.learning, s.averaging)
        for s in schedule.segments(DT)
        if s.phase == 0
    ]
    assert pieces == [(20, False, False), (4, False, True), (6, True, True)]
