"""Rules of one cell: sign of the local error, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dendrites as dn

pytestmark = pytest.mark.nojit

CELL = dn.models.sacramento_pyramidal()
RULE = dn.rules.dendritic_prediction(0.1)
SPLIT = dn.models.sacramento_pyramidal(split_apical=True)
NAMED = [
    dn.rules.dendritic_prediction,
    dn.rules.apical_silencing,
    dn.rules.top_down_reconstruction,
]
potentials = st.floats(-10.0, 10.0)
states = st.builds(CELL.state, potentials, potentials, potentials)


def leaky(cell, p):
    return p.g_leak * max(cell.soma, 0.0)


def attenuated(cell, p):
    return p.g_basal * max(cell.basal, 0.0)


def difference(**changes):
    parts = {"teaching": leaky, "baseline": attenuated}
    return dn.ActivityDifference(**parts | changes)


@given(states)
def test_swapping_teaching_and_baseline_flips_the_sign(cell):
    swapped = difference(teaching=attenuated, baseline=leaky)
    assert swapped.local_error(CELL, cell) == -difference().local_error(CELL, cell)


@given(states)
def test_a_matched_prediction_gives_no_error(cell):
    assert difference(baseline=leaky).local_error(CELL, cell) == 0.0


@given(states, states)
def test_swapping_the_phases_flips_the_sign_of_a_rule_with_one_read(free, nudged):
    rule = difference(teaching="rate", baseline="rate", moments=("nudged", "free"))
    forth = rule.local_error(CELL, nudged, free)
    assert forth == -rule.local_error(CELL, free, nudged)
    assert forth == CELL.read("rate")(nudged, CELL.parameters) - CELL.read("rate")(
        free, CELL.parameters
    )


@given(states)
def test_a_side_that_is_left_out_counts_as_zero(cell):
    only_teaching = difference(baseline=None).local_error(CELL, cell)
    only_baseline = difference(teaching=None).local_error(CELL, cell)
    assert only_teaching == leaky(cell, CELL.parameters)
    assert only_baseline == -attenuated(cell, CELL.parameters)


@given(states)
def test_the_gain_scales_both_sides(cell):
    plain = difference().local_error(CELL, cell)
    assert difference(gain="apical").local_error(CELL, cell) == plain * cell.apical


def test_the_gain_is_read_with_the_baseline_unless_told_otherwise():
    free, nudged = CELL.state(1.0, 1.0, 2.0), CELL.state(4.0, 0.5, 3.0)
    moments = {"gain": "apical", "moments": ("nudged", "free")}
    plain = difference(moments=moments["moments"]).local_error(CELL, nudged, free)
    at_free = difference(**moments).local_error(CELL, nudged, free)
    at_nudged = difference(**moments, gain_moment="nudged")
    assert at_free == 2.0 * plain
    assert at_nudged.local_error(CELL, nudged, free) == 3.0 * plain


def settled(basal, apical):
    tree = dn.simulate(CELL, duration=30.0, dt=0.1, basal=basal, apical=apical)
    return CELL.state(*tree["populations/cell"].v.values[0, -1, :, 0])


@pytest.mark.parametrize("basal", [-1.0, 0.0, 2.0])
def test_a_silent_apical_dendrite_leaves_no_error_in_a_settled_cell(basal):
    # exp(-30 * 1.9) of the way remains.
    assert abs(RULE.local_error(CELL, settled(basal, 0.0))) < 1e-9


@pytest.mark.parametrize("basal", [-1.0, 0.0, 2.0])
def test_apical_drive_above_rest_gives_potentiation(basal):
    assert RULE.local_error(CELL, settled(basal, 0.5)) > 0.01
    assert RULE.local_error(CELL, settled(basal, -0.5)) < -0.01


@given(states)
def test_apical_silencing_pushes_the_apical_potential_towards_rest(cell):
    error = dn.rules.apical_silencing(0.1).local_error(CELL, cell)
    assert error == -cell.apical


def logistic(u):
    return 1.0 / (1.0 + np.exp(-u))


@given(st.builds(SPLIT.state, potentials, potentials, potentials, potentials))
def test_top_down_weights_reconstruct_the_rate_of_the_soma_without_attenuation(cell):
    error = dn.rules.top_down_reconstruction(0.1).local_error(SPLIT, cell)
    # Two rates below one, each rounded a few times.
    assert abs(error - (logistic(cell.soma) - logistic(cell.top_down))) < 1e-15


def test_a_cell_without_a_split_apical_tree_cannot_reconstruct():
    rule = dn.rules.top_down_reconstruction(0.1)
    with pytest.raises(dn.ModelError, match="no read 'top_down_rate'"):
        rule.local_error(CELL, CELL.state())


@pytest.mark.parametrize("make", NAMED)
def test_a_named_rule_acts_at_every_step_unless_told_otherwise(make):
    rule = make(0.1, low_pass=dn.LowPass(30.0))
    assert rule.continuous
    assert rule.presynaptic_moments is None


@pytest.mark.parametrize("make", NAMED)
def test_a_named_rule_reads_each_side_of_the_synapse_in_a_phase_of_its_own(make):
    rule = make(0.1, moments=("backward", "forward"))
    assert rule.moments == ("backward", "backward")
    assert rule.presynaptic_moments == ("forward", "forward")
    assert not rule.continuous


@pytest.mark.parametrize("make", NAMED)
def test_a_named_rule_learns_the_same_difference_in_a_phase_as_now(make):
    cell = SPLIT.state(0.3, -0.4, 0.8, -1.1)
    now, later = make(0.1), make(0.1, moments=("backward", "forward"))
    assert later.local_error(SPLIT, cell) == now.local_error(SPLIT, cell) != 0.0


@pytest.mark.parametrize("make", NAMED)
@pytest.mark.parametrize(
    "moments", ["backward", ("backward",), ("a", "b", "c"), (1, 2)]
)
def test_moments_are_two_names_of_phases(make, moments):
    with pytest.raises(dn.ModelError, match=f"{make.__name__}: moments = .*two names"):
        make(0.1, moments=moments)


@pytest.mark.parametrize("make", NAMED)
def test_a_rule_read_in_phases_takes_no_filter(make):
    with pytest.raises(dn.ModelError, match="acts at the end of a presentation"):
        make(0.1, low_pass=dn.LowPass(30.0), moments=("backward", "forward"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"teaching": None, "baseline": None}, "are both None"),
        ({"learning_rate": -0.1}, "learning_rate = -0.1"),
        ({"learning_rate": np.nan}, "learning_rate = nan"),
        ({"learning_rate": "0.1"}, "learning_rate = '0.1'"),
        ({"batch": "median"}, "'median': did you mean 'mean'"),
        ({"moments": ("now", "free")}, "either every factor is read 'now'"),
        (
            {"moments": ("nudged", "free"), "low_pass": dn.LowPass(10.0)},
            "acts at the end of a presentation",
        ),
    ],
)
def test_an_impossible_rule_is_refused(changes, message):
    with pytest.raises(dn.ModelError, match=message):
        difference(**changes)


def test_a_rule_on_a_read_the_cell_lacks_lists_those_it_has():
    rule = difference(teaching="plateau")
    with pytest.raises(dn.ModelError, match="no read 'plateau'.*rate, predicted_rate"):
        rule.local_error(CELL, CELL.state())


@pytest.mark.parametrize("tau", [0.0, -1.0, np.inf, np.nan, "10", True])
def test_a_filter_needs_a_positive_time_constant(tau):
    with pytest.raises(dn.ModelError, match="LowPass: tau"):
        dn.LowPass(tau)


def test_a_filter_is_read_before_or_after_its_step():
    with pytest.raises(dn.ModelError, match="'during': allowed: after, before"):
        dn.LowPass(10.0, read="during")


def test_a_synaptic_rule_needs_a_function_of_four_arguments():
    with pytest.raises(dn.ModelError, match="takes 2 arguments, must take 4"):
        dn.SynapticRule(change=lambda weight, cell: 0.0)
    rule = dn.SynapticRule(change=lambda weight, cell, pre, p: pre - weight)
    assert rule.continuous
    assert not dn.SynapticRule(change=rule.change, moment="free").continuous
