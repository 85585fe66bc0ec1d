"""Patterns shown one after the other: what carries over, is kept, is refused."""

import numpy as np
import pytest
from systems import plastic_microcircuit, twin_of, weight_deviation

import circuits
from circuits import Phase, Schedule, present_sequence, simulate
from circuits.microcircuit import microcircuit
from dendrites.errors import ConfigError, ModelError
from dendrites.models import source, three_compartment

SIZES = [4, 3, 2]
RATES = {"basal_rates": 1e-2, "interneuron_rates": 2e-2, "apical_rates": 1e-2}
STEPS = 50
COUNT = 5


def make(**options):
    options = {"carry_state": True, "steps": STEPS, "rates": RATES, **options}
    return plastic_microcircuit(SIZES, **options)


@pytest.fixture(scope="module")
def shown():
    rng = np.random.default_rng(0)
    return {
        "input": rng.uniform(0.0, 1.0, (COUNT, 4)),
        "target": rng.uniform(0.1, 0.8, (COUNT, 2)),
    }


def largest_difference(one, other):
    return max(np.abs(one[name] - other[name]).max() for name in one)


def test_weights_filters_and_states_carry_over_as_in_the_twin(shown):
    circuit = make()
    run = present_sequence(circuit, shown, keep=range(COUNT + 1))
    twin = twin_of(circuit, circuits.initial_weights(circuit), RATES)
    targets = np.log(shown["target"] / (1 - shown["target"]))
    for number in range(COUNT):
        assert weight_deviation(twin, run.weights[number]) < 1e-13
        for _ in range(STEPS):
            twin.step(shown["input"][number : number + 1], targets[number])
    assert weight_deviation(twin, run.weights[COUNT]) < 1e-13
    # What would be missed without the carried state is far larger.
    afresh = present_sequence(make(carry_state=False), shown)
    assert largest_difference(afresh.weights[0], run.weights[COUNT]) > 1e-4


def test_one_pattern_shown_twice_is_one_presentation_of_twice_the_length(shown):
    one = {name: rows[:1] for name, rows in shown.items()}
    twice = {name: rows[[0, 0]] for name, rows in shown.items()}
    in_two = present_sequence(make(), twice).weights[0]
    at_once = present_sequence(make(steps=2 * STEPS), one).weights[0]
    # Sums start anew at a presentation: one rounding of weights of order one.
    assert largest_difference(in_two, at_once) < 1e-14


@pytest.mark.parametrize(
    "other", [{"hold": {"hidden": ("soma",)}}, {"tolerance": 0.05}, {"sweeps": 2}]
)
def test_every_presentation_has_what_its_own_schedule_says(other):
    cell = three_compartment(dendrites="instantaneous")
    relaxed = {"relax": ("hidden", "output"), "on": ("input",)}
    joined = {"initial": circuits.Uniform(-1.0, 1.0)}
    first, second = (
        Schedule((Phase("free", **relaxed, **options),)) for options in ({}, other)
    )
    made = circuits.Circuit(
        (
            circuits.Population("input", source(), 3),
            circuits.Population("hidden", cell, 4),
            circuits.Population("output", cell, 2),
        ),
        (
            circuits.Projection("input", "hidden", "basal", **joined),
            circuits.Projection("hidden", "output", "basal", **joined),
        ),
        first,
        output="output",
    )
    given, read = {"input": np.ones((2, 3))}, ("output", "soma")
    options = {"reads": [read], "keep": [1, 2]}
    found = present_sequence(made, given, schedule=[first, second], **options).reads
    for k, schedule in enumerate((first, second)):
        alone = circuits.present(made, {"input": np.ones(3)}, schedule, reads=[read])
        np.testing.assert_array_equal(found[read][k], alone[read][0])
    assert np.abs(np.diff(found[read], axis=0)).max() > 1e-3


def test_looking_in_between_changes_no_bit(shown):
    circuit = make()
    end = present_sequence(circuit, shown)
    reads = [("output", "rate"), ("hidden1", "apical")]
    watched = present_sequence(circuit, shown, keep=range(COUNT + 1), reads=reads)
    assert end.presentations.tolist() == [COUNT]
    assert largest_difference(end.weights[0], watched.weights[-1]) == 0


def test_moments_are_kept_once_each_and_in_order(shown):
    run = present_sequence(make(), shown, keep=[3, 0, 3, 1])
    assert run.presentations.tolist() == [0, 1, 3]
    assert len(run.weights) == 3
    start = circuits.initial_weights(make())
    assert largest_difference(run.weights[0], start) == 0
    assert largest_difference(run.weights[1], start) > 0


def test_reads_are_those_at_the_end_of_the_presentation(shown):
    circuit = make()
    reads = [("output", "predicted_rate"), ("hidden1", "soma")]
    run = present_sequence(circuit, shown, keep=[0, 1, 2], reads=reads)
    first = {name: rows[0] for name, rows in shown.items()}
    records = [
        circuits.Record("output", (), ("predicted_rate",)),
        circuits.Record("hidden1", ("soma",)),
    ]
    tree = simulate(circuit, first, records, learning=True)
    predicted = tree["populations/output"].predicted_rate.values[-1]
    np.testing.assert_array_equal(run.reads["output", "predicted_rate"][1], predicted)
    soma = tree["populations/hidden1"].v.values[-1, 0]
    np.testing.assert_array_equal(run.reads["hidden1", "soma"][1], soma)
    assert np.abs(run.reads["hidden1", "soma"][0]).max() == 0  # at rest
    assert run.reads["hidden1", "soma"].shape == (3, 3)


def test_without_learning_weights_stay_and_states_still_carry_over(shown):
    twice = {name: rows[[0, 1, 0]] for name, rows in shown.items()}
    reads = [("hidden1", "soma")]
    options = {"keep": [1, 3], "reads": reads, "learning": False}
    run = present_sequence(make(steps=5), twice, **options)
    assert largest_difference(*run.weights) == 0
    first, third = run.reads["hidden1", "soma"]
    assert np.abs(first - third).max() > 1e-3  # 5 steps do not forget the second
    run = present_sequence(make(steps=5, carry_state=False), twice, **options)
    first, third = run.reads["hidden1", "soma"]
    np.testing.assert_array_equal(first, third)


def test_every_presentation_has_noise_of_its_own_and_a_seed_repeats_it(shown):
    same = {name: rows[[0] * 3] for name, rows in shown.items()}
    circuit = make(noise="white", carry_state=False)
    options = {"keep": [1, 2, 3], "reads": [("hidden1", "soma")], "learning": False}
    soma = present_sequence(circuit, same, **options).reads["hidden1", "soma"]
    assert len(np.unique(soma)) == soma.size
    again = present_sequence(circuit, same, **options).reads["hidden1", "soma"]
    np.testing.assert_array_equal(soma, again)
    other = present_sequence(circuit, same, seed=1, **options).reads["hidden1", "soma"]
    assert not np.isin(other, soma).any()


def test_given_weights_and_another_schedule_are_used(shown):
    circuit = make()
    zero = {"input_to_hidden1_basal": np.zeros((3, 4))}
    free = Schedule((Phase("free", 2.0, on=("input",), learning=False),))
    inputs = {"input": shown["input"]}
    run = present_sequence(
        circuit, inputs, weights=zero, schedule=free, keep=[0, COUNT]
    )
    assert not run.weights[1]["input_to_hidden1_basal"].any()
    assert largest_difference(*run.weights) == 0


@pytest.mark.parametrize("integrator", ["blocked", "equilibrium"])
def test_other_integrators_come_close_to_the_exact_one(shown, integrator):
    # 20 ms are 22 of the slowest time constants: cells settle in a twentieth of it.
    circuit = make(steps=200)
    start = circuits.initial_weights(circuit)
    exact = present_sequence(circuit, shown).weights[0]
    other = present_sequence(circuit, shown, integrator=integrator).weights[0]
    change = largest_difference(exact, start)
    tolerance = {"blocked": 0.01, "equilibrium": 0.1}[integrator]
    assert 0 < largest_difference(exact, other) < tolerance * change


def test_settled_presentations_can_be_shown_too(shown):
    circuit = microcircuit(SIZES, form="two_sweep", basal_rates=0.1)
    run = present_sequence(circuit, shown, keep=range(COUNT + 1))
    steps = [
        largest_difference(a, b)
        for a, b in zip(run.weights[:-1], run.weights[1:], strict=True)
    ]
    assert min(steps) > 0


def test_every_presentation_ticks_once(shown):
    ticks = []
    present_sequence(make(), shown, tick=lambda: ticks.append(1))
    assert len(ticks) == COUNT


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"keep": [COUNT + 1]}, ConfigError, "keep: expected a whole number 0 to 5"),
        ({"keep": []}, ConfigError, "keep is empty"),
        ({"keep": [1.5]}, ConfigError, "keep"),
        ({"reads": ["output"]}, ConfigError, r"hold \(population, read\)"),
        ({"reads": [("output", "rat")]}, ModelError, "'rate'"),
        ({"reads": [("ouput", "rate")]}, ModelError, "'output'"),
        ({"jumps": 3}, ConfigError, "jumps"),
        ({"integrator": "exakt"}, ConfigError, "'exact'"),
        ({"weights": {"a": 1}}, ModelError, "no projection 'a'"),
    ],
)
def test_impossible_requests_are_refused_before_anything_is_built(
    shown, options, error, says, monkeypatch
):
    def build(*_, **__):
        raise AssertionError("a run was built before its options were checked")

    monkeypatch.setattr("circuits.run.sequence.Replicas", build)
    with pytest.raises(error, match=says):
        present_sequence(make(), shown, **options)


def test_noise_has_no_fixed_points_to_jump_along(shown):
    with pytest.raises(ConfigError, match="no fixed point"):
        present_sequence(make(noise="white"), shown, integrator="equilibrium")
