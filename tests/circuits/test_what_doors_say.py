"""Impossible circuits, tasks and schedules are refused in words; stored what was used.

Each was an error of NumPy, a list of nothing or a setting that was not the one in use.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
from systems import patterns, plastic_microcircuit, two_populations
from tiny_training import tiny_circuit, tiny_task

import circuits
from circuits import Phase, Schedule
from circuits.algorithms import guerguiev
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ConfigError, ModelError, choices

SIZES, INPUT = [4, 3, 2], {"input": np.ones(4)}
TEST = Schedule((Phase("free", 2.0, on=("input",)),))


def two_phases(**windows):
    return tuple(Phase(n, 2.0, on=("input",), window=w) for n, w in windows.items())


# --- a test schedule, and others without the windows that rules read ------------------


def spiking():
    return guerguiev((6, 4, 3), seed=1)


IMAGE = {"input": np.linspace(0, 1, 6)}


def test_the_test_schedule_of_a_circuit_can_be_simulated():
    circuit = spiking()
    tree = circuits.simulate(circuit, IMAGE, ["output"], schedule=circuit.test_schedule)
    with circuits.Presenter(circuit) as presenter:
        presenter.present(IMAGE, circuit.test_schedule, learning=False)
    last = tree["populations/output"].v.isel(time=-1, compartment=0)
    np.testing.assert_array_equal(presenter.read("output", "soma")[0], last)


def test_the_test_schedule_of_a_circuit_can_be_shown_in_sequence():
    circuit = spiking()
    options = {"schedule": circuit.test_schedule, "learning": False}
    found = circuits.present_sequence(circuit, IMAGE, keep=[0, 1], **options)
    for name, w in found.weights[0].items():
        np.testing.assert_array_equal(found.weights[1][name], w)


@pytest.mark.parametrize(
    "door",
    [
        lambda c, s: circuits.simulate(c, IMAGE, ["output"], schedule=s, learning=True),
        lambda c, s: circuits.present_sequence(c, IMAGE, schedule=s),
        lambda c, s: circuits.present(c, IMAGE, s, learning=True),
        lambda c, s: circuits.Presenter(c).present(IMAGE, s),
    ],
    ids=["simulate", "present_sequence", "present", "Presenter"],
)
def test_rules_that_act_need_their_windows(door):
    circuit = spiking()
    with pytest.raises(ModelError, match="its rule reads phase 'target'"):
        door(circuit, circuit.test_schedule)


# --- what is stored -------------------------------------------------------------------


def test_a_simulation_stores_the_schedule_that_was_used():
    circuit = plastic_microcircuit(SIZES, steps=40)
    tree = circuits.simulate(circuit, INPUT, ["output"], schedule=TEST)
    config = json.loads(tree.attrs["config_json"])
    assert config["circuit"]["schedule"] == config["schedule"]
    (phase,) = config["schedule"]["phases"]
    assert (phase["name"], phase["duration"]) == ("free", 2.0)
    learning = config["circuit"]["projections"]["input_to_hidden1_basal"]
    assert learning["plastic"] is True  # of the circuit that was given


def test_onset_of_jumps_is_stored_where_it_is_given():
    circuit = plastic_microcircuit(SIZES, steps=40)
    inputs, targets, _ = patterns(SIZES)
    shown = {"input": inputs, "target": targets}
    for given in (None, 3.0):
        integrator = circuits.Equilibrium(jumps=2, onset=given)
        tree = circuits.simulate(circuit, shown, ["output"], integrator=integrator)
        config = json.loads(tree.attrs["config_json"])
        assert (config["integrator"], config["jumps"]) == ("equilibrium", 2)
        assert config.get("onset") == given


# --- what is said ---------------------------------------------------------------------


@pytest.mark.parametrize("door", [circuits.train, circuits.evaluate])
def test_answers_and_targets_are_as_many(door):
    circuit = replace(tiny_circuit(), output="hidden1", network=None)
    given = ({},) if door is circuits.evaluate else ()
    message = "output population 'hidden1' has 6 cells, but task 'tiny' has 3 targets"
    with pytest.raises(ConfigError, match=message):
        door(circuit, tiny_task(), *given)


def test_where_nothing_is_allowed_it_is_said():
    assert choices("x", ()) == "there are none"
    rule = ActivityDifference("rate", "rate", 0.1, moments=("a", "b"))
    with pytest.raises(ModelError, match=r"no averaging window\. there are none"):
        two_populations(phases=two_phases(a=None, b=None), rule=rule)


def test_frozen_rules_need_no_window():
    rule = ActivityDifference("rate", "rate", 0.1, moments=("a", "b"))
    two_populations(phases=two_phases(a=None), rule=rule, plastic=False)


MIXED = Schedule(
    (
        Phase("forward", settle=("hidden1", "output"), on=("input",)),
        Phase("nudged", 2.0, on=("input", "target")),
    )
)


def test_of_a_mixed_schedule_the_settled_phase_is_named():
    circuit = plastic_microcircuit(SIZES, steps=40)
    message = "phase 'forward': settled phases take no time"
    with pytest.raises(ConfigError, match=message):
        circuits.simulate(circuit, INPUT, ["output"], schedule=MIXED)
    drawn = Schedule((Phase("late", lambda rng: 2.0, on=("input",)),))
    with pytest.raises(ConfigError, match="phase 'late': .* of fixed duration"):
        circuits.simulate(circuit, INPUT, ["output"], schedule=drawn)


@pytest.mark.parametrize(
    "bounds",
    [(np.zeros(2), 1.0), (0.0, np.ones((3, 4))), [[0.0], [1.0, 2.0]], np.zeros((2, 2))],
    ids=str,
)
def test_bounds_of_arrays_are_refused(bounds):
    with pytest.raises(ModelError, match="bounds = .*must be a pair"):
        two_populations(bounds=bounds, rule=ActivityDifference("rate", None, 0.1))


def test_initial_weights_of_ragged_rows_are_refused():
    with pytest.raises(ModelError, match="initial = .*must be an array"):
        two_populations(initial=[[1.0], [1.0, 2.0]])


# --- integrators ----------------------------------------------------------------------


def test_names_with_options_are_the_objects():
    circuit = plastic_microcircuit(SIZES, steps=40)
    inputs, targets, _ = patterns(SIZES)
    shown = {"input": inputs, "target": targets}
    for text, options, made in (
        ("exact", {}, circuits.Exact()),
        ("blocked", {}, circuits.Blocked()),
        ("blocked", {"block": 4}, circuits.Blocked(4)),
        ("equilibrium", {"jumps": 3}, circuits.Equilibrium(3)),
    ):
        one, other = (
            circuits.simulate(circuit, shown, ["output"], learning=True, **given)
            for given in ({"integrator": text, **options}, {"integrator": made})
        )
        assert one.attrs["config_sha256"] == other.attrs["config_sha256"]
        found = other["populations/output"].v
        np.testing.assert_array_equal(one["populations/output"].v, found)


@pytest.mark.parametrize(
    ("integrator", "options", "message"),
    [
        (circuits.Blocked(), {"block": 4}, r"give it there, as Blocked\(steps=...\)"),
        (circuits.Exact(), {"jumps": 4}, r"give it there, as Equilibrium\(jumps=...\)"),
        (circuits.Equilibrium, {}, "integrator = .*allowed: exact, blocked"),
        (circuits.Equilibrium(accuracy=0.1), {}, "only circuits.train finds"),
        (None, {}, "integrator = None"),
    ],
)
def test_integrators_that_say_nothing_possible_are_refused(
    integrator, options, message
):
    circuit = plastic_microcircuit(SIZES, steps=40)
    with pytest.raises(ConfigError, match=message):
        circuits.simulate(
            circuit, INPUT, [], schedule=TEST, integrator=integrator, **options
        )


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (circuits.Blocked, {"steps": 0}),
        (circuits.Blocked, {"steps": 2.5}),
        (circuits.Equilibrium, {"jumps": 0}),
        (circuits.Equilibrium, {"accuracy": 0.0}),
        (circuits.Equilibrium, {"accuracy": 2.0}),
        (circuits.Equilibrium, {"jumps": 2, "accuracy": 0.1}),
        (circuits.Equilibrium, {"onset": -1.0}),
        (circuits.Equilibrium, {"onset": "3"}),
    ],
)
def test_integrators_check_their_options(make, options):
    with pytest.raises(ConfigError):
        make(**options)
