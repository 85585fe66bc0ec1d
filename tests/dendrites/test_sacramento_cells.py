"""Cells of the dendritic error microcircuit: fixed points, predictions, options.

All conductances differ, so that one in the place of another shows.
"""

from itertools import product

import numpy as np
import pytest

import dendrites as dn
from dendrites.models import (
    sacramento_interneuron,
    sacramento_output,
    sacramento_pyramidal,
    source,
)

HIDDEN = {"g_leak": 0.15, "g_basal": 1.1, "g_apical": 0.7}
INTER = {"g_leak": 0.12, "g_dendrite": 0.9, "g_nudge": 0.6}
OUTPUT = {"g_leak": 0.13, "g_basal": 1.2, "g_nudge": 0.5}
LEVELS = list(product((-1.5, 0.4), (-0.8, 1.3)))


def logistic(u):
    return 1.0 / (1.0 + np.exp(-u))


def settled(cell, **inputs):
    """State after 40 ms: of the slowest cell here exp(-40 * 1.33) = 1e-23 is left."""
    tree = dn.simulate(cell, duration=40.0, dt=0.1, **inputs)
    return cell.state(*tree["populations/cell"].v.values[0, -1, :, 0])


# Fixed points: a sum of a few products of order one, rounded.
EXACT = 1e-14


@pytest.mark.parametrize(("basal", "apical"), LEVELS)
def test_a_hidden_cell_settles_between_its_attenuated_dendrites(basal, apical):
    cell = settled(sacramento_pyramidal(**HIDDEN), basal=basal, apical=apical)
    total = 0.15 + 1.1 + 0.7
    assert abs(cell.soma - (1.1 / total * basal + 0.7 / total * apical)) < EXACT


@pytest.mark.parametrize(("dendrite", "nudge"), LEVELS)
def test_an_interneuron_settles_between_its_prediction_and_its_nudge(dendrite, nudge):
    cell = settled(sacramento_interneuron(**INTER), dendrite=dendrite, nudge=nudge)
    share = 0.6 / (0.12 + 0.9 + 0.6)
    prediction = 0.9 / (0.12 + 0.9) * dendrite
    assert abs(cell.soma - ((1 - share) * prediction + share * nudge)) < EXACT


@pytest.mark.parametrize(("basal", "target"), LEVELS)
@pytest.mark.parametrize("teaching", [0.0, 1.0])
def test_an_output_cell_settles_between_its_prediction_and_the_target(
    basal, target, teaching
):
    cell = settled(
        sacramento_output(**OUTPUT), basal=basal, target=target, teaching=teaching
    )
    share = 0.5 / (0.13 + 1.2 + 0.5) * teaching
    prediction = 1.2 / (0.13 + 1.2) * basal
    assert abs(cell.soma - ((1 - share) * prediction + share * target)) < EXACT


@pytest.mark.parametrize(
    ("model", "cell", "expected"),
    [
        (sacramento_pyramidal, (9.0, 0.8, -7.0), 1.1 / (0.15 + 1.1 + 0.7) * 0.8),
        (sacramento_interneuron, (9.0, 0.8), 0.9 / (0.12 + 0.9) * 0.8),
        (sacramento_output, (9.0, 0.8), 1.2 / (0.13 + 1.2) * 0.8),
    ],
)
def test_the_predicted_rate_is_that_of_the_potential_the_dendrite_alone_reaches(
    model, cell, expected
):
    parameters = {
        sacramento_pyramidal: HIDDEN,
        sacramento_interneuron: INTER,
        sacramento_output: OUTPUT,
    }[model]
    model = model(**parameters)
    predicted = model.read("predicted_rate")(model.state(*cell), model.parameters)
    assert abs(predicted - logistic(expected)) < EXACT


@pytest.mark.parametrize("noise", [None, "white"])
def test_top_down_input_adds_to_the_apical_potential(noise):
    model = sacramento_pyramidal(split_apical=True, noise=noise, **HIDDEN)
    cell = settled(model, basal=0.3, apical=-0.5, top_down=1.25)
    assert cell[1:] == (0.3, 0.75, 1.25)
    assert model.compartments == ("soma", "basal", "apical", "top_down")


def test_a_split_tree_drives_the_soma_like_one_dendrite_with_both_inputs():
    split = sacramento_pyramidal(split_apical=True, **HIDDEN)
    both = settled(split, basal=0.3, apical=-0.5, top_down=1.25)
    assert both[:3] == settled(sacramento_pyramidal(**HIDDEN), basal=0.3, apical=0.75)


def test_the_top_down_rate_is_not_attenuated():
    model = sacramento_pyramidal(split_apical=True, **HIDDEN)
    cell = model.state(soma=9.0, basal=-7.0, apical=5.0, top_down=0.8)
    rate = model.read("top_down_rate")(cell, model.parameters)
    assert abs(rate - logistic(0.8)) < EXACT


def test_only_a_split_tree_has_a_top_down_rate():
    assert "top_down_rate" not in sacramento_pyramidal().read_names


MAKERS = [
    (sacramento_pyramidal, {"basal": 0.7, "apical": 0.2}),
    (sacramento_interneuron, {"dendrite": 0.7, "nudge": 0.2}),
    (sacramento_output, {"basal": 0.7, "target": 0.2, "teaching": 1.0}),
]


@pytest.mark.parametrize(("make", "inputs"), MAKERS)
@pytest.mark.parametrize("noise", ["white", "per_step"])
def test_noise_of_size_zero_changes_no_bit(make, inputs, noise):
    options = {"duration": 5.0, "dt": 0.1, **inputs}
    quiet = dn.simulate(make(), **options)["populations/cell"]
    noisy = dn.simulate(make(noise=noise, sigma=0.0), **options)["populations/cell"]
    np.testing.assert_array_equal(quiet.v, noisy.v)


@pytest.mark.parametrize(("make", "inputs"), MAKERS)
def test_noise_reaches_the_soma_alone(make, inputs):
    options = {"duration": 5.0, "dt": 0.1, **inputs}
    quiet = dn.simulate(make(), **options)["populations/cell"].v[0, ..., 0]
    noisy = dn.simulate(make(noise="white"), **options)["populations/cell"].v[0, ..., 0]
    np.testing.assert_array_equal(quiet[:, 1:], noisy[:, 1:])
    assert (quiet[:, 0] != noisy[:, 0]).all()


@pytest.mark.parametrize("make", [make for make, _ in MAKERS])
def test_a_cell_without_noise_has_neither_its_input_nor_its_parameter(make):
    cell = make()
    assert "noise" not in cell.inputs._fields
    assert "sigma" not in cell.params._fields
    assert cell.random == {}


@pytest.mark.parametrize("make", [make for make, _ in MAKERS])
def test_sigma_carries_the_unit_of_its_kind_of_noise(make):
    white, per_step = make(noise="white"), make(noise="per_step")
    assert (white.unit("sigma"), white.unit("noise")) == ("1/sqrt(ms)", "1/sqrt(ms)")
    assert (per_step.unit("sigma"), per_step.unit("noise")) == ("1/ms", "1")
    assert white.parameters.sigma == per_step.parameters.sigma == 0.1
    assert white.unit("g_leak") == "1/ms"


@pytest.mark.parametrize("make", [make for make, _ in MAKERS])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": "wite"}, "noise = 'wite'.*did you mean 'white'.*per_step"),
        ({"noise": True}, "noise = True: allowed: white, per_step"),
        ({"sigma": 0.2}, "sigma = 0.2 needs a kind of noise"),
        ({"noise": "white", "sigma": -0.1}, r"= -0.1: .* in 1/sqrt\(ms\), >= 0"),
        ({"noise": "white", "sgima": 0.1}, "no parameter 'sgima'.*'sigma'"),
    ],
)
def test_impossible_noise_is_refused(make, options, message):
    with pytest.raises(dn.ModelError, match=message):
        make(**options)


def test_a_filtered_source_follows_a_step_as_euler_has_it():
    tau, dt, value = 3.0, 0.1, 2.0
    tree = dn.simulate(
        source(tau=tau), duration=30.0, dt=dt, initial={"value": value, "active": 1.0}
    )
    cell = tree["populations/cell"]
    n = np.arange(1, 301)
    expected = value * (1.0 - (1.0 - dt / tau) ** n)
    # The recurrence forgets old roundings within tau / dt = 30 steps.
    np.testing.assert_allclose(cell.rate[0, :, 0], expected, rtol=1e-13)
    np.testing.assert_array_equal(cell.v[0, :, :2, 0], [[value, 1.0]] * 300)


def test_a_source_without_a_filter_shows_its_value_and_is_constant():
    plain = source()
    assert plain.constant
    assert plain.read("rate")(plain.state(2.0, 1.0), plain.parameters) == 2.0
    assert plain.state._fields == ("value", "active")


def test_the_potential_of_a_filtered_source_reads_the_value_itself():
    filtered = source(tau=3.0, potential=lambda rate: 10.0 * rate)
    cell = filtered.state(2.0, 1.0, 0.5)
    assert filtered.read("potential")(cell, filtered.parameters) == 20.0
    assert filtered.read("rate")(cell, filtered.parameters) == 0.5


@pytest.mark.parametrize("tau", [0.0, -3.0, np.inf, np.nan, "3", True])
def test_a_filter_needs_a_positive_time_constant_in_ms(tau):
    with pytest.raises(dn.ModelError, match="source: tau = .*: must be .*> 0"):
        source(tau=tau)


def test_a_step_too_large_for_the_filter_is_refused():
    with pytest.raises(dn.ModelError, match="source cells .* 3 ms.*dt <= 1.5 ms"):
        source(tau=3.0).check_step(6.1)


def test_a_constant_source_has_nothing_to_simulate():
    with pytest.raises(dn.ConfigError, match="'source' is clamped"):
        dn.simulate(source(), duration=1.0)
