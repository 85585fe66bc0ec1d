"""What a circuit description refuses, before anything is compiled."""

from dataclasses import replace

import numpy as np
import pytest
from refusals import one_phase, refused
from systems import two_populations

from circuits.initialisers import Constant
from circuits.population import Population
from circuits.projection import Projection, Tied
from circuits.schedule import Phase, Schedule
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ConfigError
from dendrites.models import (
    sacramento_pyramidal,
    source,
    three_compartment,
)
from dendrites.synaptic_rule import SynapticRule

pytestmark = [
    pytest.mark.nojit,
    pytest.mark.usefixtures("nothing_is_compiled", "takes_no_second"),
]

CELLS = three_compartment()
MASK = np.ones((3, 4), bool)
RULE = ActivityDifference("rate", "basal")


# --- steps ----------------------------------------------------------------------------


def test_a_step_above_twice_the_fastest_time_constant_is_refused():
    cells = three_compartment(tau_dendrite=2.0)
    refused(
        lambda: two_populations(dt=4.1, post=cells),
        "dt = 4.1 ms",
        "fastest time constant of 2 ms",
        "Use dt <= 1 ms",
    )


def test_a_coarse_step_warns():
    cells = three_compartment(tau_dendrite=2.0)
    with pytest.warns(UserWarning, match="dt = 1.5 ms is coarse"):
        two_populations(dt=1.5, post=cells)


def test_a_published_step_does_not_warn():
    cells = replace(sacramento_pyramidal(g_apical=8.0), quiet_dt=0.1)
    two_populations(dt=0.1, post=cells)
    with pytest.warns(UserWarning, match="coarse"):
        two_populations(dt=0.11, post=cells)


def test_an_exponential_step_has_no_largest_step():
    cells = three_compartment(tau_dendrite=2.0)
    two_populations(dt=20.0, post=cells, stepper="exponential_euler")


# --- projections ----------------------------------------------------------------------


def with_projection(**changes):
    circuit = two_populations()
    return replace(circuit, projections=(replace(circuit.projections[0], **changes),))


def test_an_unknown_population_gets_close_matches():
    refused(
        lambda: with_projection(post="outptu"),
        "no population 'outptu'",
        "did you mean 'output'?",
        "allowed: input, output",
    )


def test_an_unknown_compartment_lists_those_there_are():
    refused(
        lambda: with_projection(field="apicl"),
        "three_compartment cells have no input 'apicl'",
        "did you mean 'apical'",
        "basal, apical, soma",
    )


def test_unknown_reads_list_those_there_are():
    refused(lambda: with_projection(signal="rat"), "source cells have no read 'rat'")
    rule = ActivityDifference("rte", "basal", gain="som", presynaptic="actve")
    refused(
        lambda: with_projection(rule=rule),
        "no read 'rte'",
        "no read 'som'",
        "source cells have no read 'actve'",
    )


def test_all_problems_of_a_circuit_come_at_once():
    circuit = two_populations()
    bad = (
        replace(circuit.projections[0], pre="nobody"),
        replace(circuit.projections[0], field="nothing", name="second"),
    )
    refused(
        lambda: replace(circuit, projections=bad, output="nowhere"),
        "'nobody'",
        "'nothing'",
        "'nowhere'",
    )


def test_an_unconnected_population_warns_or_is_refused():
    circuit = two_populations()
    lonely = (*circuit.populations, Population("lonely", CELLS, 1))
    with pytest.warns(UserWarning, match="'lonely' has no input and no output"):
        replace(circuit, populations=lonely)
    refused(lambda: replace(circuit, populations=lonely, strict=True), "'lonely'")


def test_one_to_one_needs_equal_sizes_and_says_why():
    refused(
        lambda: with_projection(connectivity="one_to_one"),
        "equal sizes, got 4 -> 3",
        "interneuron",
    )


def test_a_mask_of_another_shape_is_refused():
    refused(lambda: with_projection(connectivity=MASK.T), "(4, 3), must be (3, 4)")


def test_what_cannot_be_tied_is_refused():
    circuit = two_populations(connectivity=MASK)
    leader = circuit.projections[0]
    follower = Projection(
        "input", "output", "apical", name="follower", tied_to=Tied("feedforward")
    )
    third = replace(follower, name="third", field="soma", tied_to=Tied("follower"))

    def make(*projections):
        return replace(circuit, projections=projections)

    refused(lambda: make(leader, follower), "'follower'", "only dense projections")
    dense = replace(leader, connectivity="dense")
    make(dense, follower)
    refused(lambda: make(dense, follower, third), "'follower' is itself tied")
    refused(lambda: make(dense, replace(follower, tied_to=Tied("follower"))), "tied")
    refused(lambda: replace(follower, rule=RULE), "cannot have a rule")


def test_weight_decay_that_no_rule_would_apply_is_refused():
    rule = SynapticRule(lambda w, cell, pre, p: pre)
    refused(lambda: with_projection(rule=rule, weight_decay=0.1), "weight_decay = 0.1")


# --- rules and schedules --------------------------------------------------------------


@pytest.mark.parametrize("name", ["moments", "gain_moment", "presynaptic_moments"])
def test_a_rule_reads_everything_now_or_everything_in_windows(name):
    mixed = {
        "moments": {"moments": ("now", "free")},
        "gain_moment": {"moments": ("nudged", "free"), "gain_moment": "now"},
        "presynaptic_moments": {"presynaptic_moments": ("now", "free")},
    }[name]
    refused(lambda: replace(RULE, **mixed), "either every factor is read 'now'")
    refused(lambda: replace(RULE, gain_moment="free"), "either every factor")


def test_a_rule_needs_phases_with_windows():
    rule = replace(RULE, moments=("forward", "nudgd"))
    refused(lambda: with_projection(rule=rule), "'forward'", "no averaging window")


def test_a_phase_can_only_switch_on_sources():
    refused(
        lambda: replace(two_populations(), schedule=one_phase("inptu")),
        "phase 'forward': 'inptu' is no clamped population",
        "did you mean 'input'",
    )


@pytest.mark.parametrize(
    "times", [{"duration": 0.0}, {"duration": np.nan}, {"lag": -1.0}, {"window": 0.0}]
)
def test_impossible_times_are_refused(times):
    refused(lambda: Phase("forward", **{"duration": 5.0, **times}), "phase 'forward'")
    refused(lambda: Phase("forward", 5.0, window=6.0), "longer than the phase (5 ms)")


def test_a_phase_that_is_no_multiple_of_the_step_says_what_is_run():
    schedule = Schedule((Phase("forward", 1.03),))
    with pytest.warns(UserWarning, match="2 steps .1 ms. are used"):
        replace(two_populations(), schedule=schedule)
    for dt in (0.0, -0.1, np.nan):
        refused(lambda dt=dt: schedule.segments(dt), "dt", "> 0", error=ConfigError)


def test_an_unknown_stepper_lists_all():
    refused(
        lambda: two_populations(stepper="eular"),
        "did you mean 'euler'",
        "exponential_euler, heun",
        error=ConfigError,
    )


def test_only_sources_show_patterns():
    refused(lambda: Population("a", CELLS, 1, pattern=1.0), "only clamped sources")
    assert Population("a", source(), 1, pattern=1.0).pattern == 1.0
    assert Constant(2.0).value == 2.0
