"""The voltage rule as a function of one cell: signs, thresholds, refused options."""

import pytest

from dendrites.errors import ModelError
from dendrites.models.adex_dendrite import adex_dendrite
from dendrites.rules.voltage import clopath, clopath_delays

CELL = adex_dendrite()
P = CELL.parameters

pytestmark = pytest.mark.nojit


def sides(rule, **fields):
    cell = CELL.state()._replace(**fields)
    teaching, baseline, gain = rule.functions(CELL)
    assert gain is None
    return teaching(cell, P), baseline(cell, P)


@pytest.mark.parametrize("site", ["apical", "soma"])
@pytest.mark.parametrize("delayed", [True, False])
def test_both_sides_are_those_of_the_equation(site, delayed):
    past = "delayed_" if delayed else ""
    fields = {
        site: -35.3,
        f"{past}{site}_minus": -60.6,
        f"{past}{site}_plus": -65.6,
    }
    rule = clopath(compartment=site, delayed=delayed, a_ltd=1e-3, a_ltp=3e-3, tau_x=6.0)
    teaching, baseline = sides(rule, **fields)
    assert teaching == pytest.approx(3e-3 / 6.0 * 10.0 * 5.0, rel=1e-13)
    assert baseline == pytest.approx(1e-3 * 10.0, rel=1e-13)
    # Nothing of the other compartment or of the filters of another moment is read.
    other = {
        name: -20.0
        for name in CELL.state._fields
        if ("soma" in name or "apical" in name) and name not in fields
    }
    assert sides(rule, **fields, **other) == (teaching, baseline)


@pytest.mark.parametrize("low", ["apical", "delayed_apical_plus"])
def test_potentiation_needs_both_the_potential_and_its_filter(low):
    fields = {"apical": -30.0, "delayed_apical_plus": -60.0}
    assert sides(clopath(), **fields)[0] > 0.0
    assert sides(clopath(), **{**fields, low: -80.0})[0] == 0.0


def test_depression_needs_the_filtered_potential_alone():
    assert sides(clopath(), delayed_apical_minus=-70.0)[1] > 0.0
    assert sides(clopath(), apical=0.0, delayed_apical_minus=-75.0) == (0.0, 0.0)


def test_at_rest_and_below_theta_minus_there_is_neither():
    assert sides(clopath()) == (0.0, 0.0)


def test_homeostasis_scales_depression_by_the_squared_mean():
    fields = {"delayed_apical_minus": -60.6, "apical_mean": 6.0, "soma_mean": 100.0}
    plain = sides(clopath(), **fields)[1]
    sliding = sides(clopath(homeostasis=True, u_ref_squared=60.0), **fields)[1]
    assert sliding == pytest.approx(plain * 36.0 / 60.0, rel=1e-14)


def test_input_spikes_depress_and_their_trace_potentiates():
    assert clopath().presynaptic == ("trace", "spike_rate")
    assert clopath(learning_rate=0.25).learning_rate == 0.25


def test_delays_name_reads_and_inputs_of_the_cell():
    found = clopath_delays(CELL, compartment="soma", delay=5.0)
    assert [tuple(d) for d in found] == [
        ("soma_minus_above_rest", "delayed_soma_minus", 5.0),
        ("soma_plus_above_rest", "delayed_soma_plus", 5.0),
    ]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"compartment": "basal"}, "compartment = 'basal': did you mean 'apical'"),
        ({"a_ltp": -1e-5}, "a_ltp = -1e-05: must be >= 0"),
        ({"tau_x": 0.0}, "tau_x = 0.0 ms: must be > 0"),
        ({"u_ref_squared": "60"}, "u_ref_squared = '60'"),
        ({"theta_plus": float("nan")}, "theta_plus = nan mV: must be a finite"),
        ({"theta_minus": float("-inf")}, "theta_minus = -inf mV: must be a finite"),
    ],
)
def test_impossible_options_are_refused(options, text):
    with pytest.raises(ModelError, match=text):
        clopath(**options)


def test_an_unknown_site_has_no_delays():
    with pytest.raises(
        ModelError, match="compartment = 'basal': did you mean 'apical'"
    ):
        clopath_delays(CELL, compartment="basal")
