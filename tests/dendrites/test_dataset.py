"""Building a run: what is stored with it and what is refused."""

import hashlib
import json
import os
import platform
import re
from pathlib import Path

import numpy as np
import pytest
from example_runs import simulation, simulation_groups

from dendrites.dataset import group, population_dataset, update_root
from dendrites.errors import ConfigError, DataError


def test_a_run_names_no_machine_user_or_folder():
    stored = json.dumps(list(simulation().attrs.values()))
    for private in (platform.node(), os.path.expanduser("~"), os.getcwd()):
        assert not re.search(rf"(?<!\w){re.escape(private)}(?!\w)", stored)


def test_the_seed_may_exceed_64_bits():
    assert simulation().attrs["seed"] == str(2**127 + 5)


@pytest.mark.parametrize("seed", [-1, 1.5, True, None, "x"])
def test_a_seed_that_is_no_whole_number_is_refused(seed):
    with pytest.raises(ConfigError, match="seed must be a whole number"):
        simulation(seed=seed)


def test_the_configuration_is_canonical_and_hashed():
    a = simulation(config={"b": np.float64(1.5), "a": np.arange(2)}).attrs
    assert a["config_json"] == '{"a": [0, 1], "b": 1.5}'
    expected = hashlib.sha256(a["config_json"].encode()).hexdigest()
    assert a["config_sha256"] == expected


@pytest.mark.parametrize("bad", [float("nan"), {1, 2}, Path("x"), 1j])
def test_a_configuration_that_is_no_json_is_refused(bad):
    with pytest.raises(ConfigError, match="config cannot be stored as JSON"):
        simulation(config={"a": [bad]})


def test_headline_figures_carry_their_reference():
    figure = {"value": 2.6, "unit": "percent", "reference": 2.5, "source": "x"}
    tree = update_root(simulation(), headline={"test_error": figure})
    assert json.loads(tree.attrs["headline_json"]) == {"test_error": figure}


def test_a_headline_without_a_unit_is_refused():
    with pytest.raises(ConfigError, match=r"missing \['unit'\]"):
        simulation(headline={"error": {"value": 1.0}})


def test_extra_attributes_are_stored_but_replace_nothing():
    tree = simulation(extra={"state_sha256": "ab"})
    assert tree.attrs["state_sha256"] == "ab"
    with pytest.raises(ConfigError, match="'kind' is set by run_tree"):
        simulation(extra={"kind": "sweep"})


def test_update_root_leaves_the_given_tree_alone():
    tree = simulation()
    finished = update_root(tree, finished_utc="2026-01-02T04:00:00Z")
    assert tree.attrs["finished_utc"] == ""
    assert finished.attrs["finished_utc"] == "2026-01-02T04:00:00Z"


def test_update_root_makes_the_same_checks():
    with pytest.raises(DataError, match="finished_utc 'yesterday'"):
        update_root(simulation(), finished_utc="yesterday")


def test_building_does_not_change_the_callers_groups():
    groups = simulation_groups()
    groups["/spikes/pyr"].attrs["n"] = np.int64(3)
    simulation(groups=groups)
    assert type(groups["/spikes/pyr"].attrs["n"]) is np.int64


def test_a_group_has_the_units_and_texts_that_its_coordinates_are_given():
    found = group(
        {"rate": (("delay", "cell"), np.zeros((2, 1)), "Hz")},
        {"delay": [0.0, 5.0], "cell": ["a"], "depth": ("delay", [1, 2])},
        units={"delay": "ms", "depth": ("1", "um from the soma")},
    )
    assert found.delay.attrs == {"units": "ms"}
    assert found.depth.attrs == {"units": "1", "long_name": "um from the soma"}
    assert found.cell.attrs == {}


@pytest.mark.parametrize("nonfinite", [("some",), "found"])
def test_a_group_marks_the_variables_that_may_hold_nan(nonfinite):
    variables = {
        "all": (("k",), [1.0, 2.0], "1"),
        "some": (("k",), [1.0, np.nan], "1", "with a text"),
        "label": (("k",), np.array(["a", "b"], dtype=object), "1"),
    }
    found = group(variables, {"k": [0, 1]}, nonfinite=nonfinite)
    assert [k for k, v in found.items() if "allow_nonfinite" in v.attrs] == ["some"]
    assert found.some.attrs["long_name"] == "with a text"


def test_a_coordinate_that_is_no_label_may_hold_nan_where_it_says_so():
    def tree(name, **attributes):
        found = group({"v": (("k",), [0.0, 1.0], "mV")}, {name: ("k", [0.0, np.nan])})
        found[name].attrs |= attributes
        return simulation(groups={"/lab": found})

    tree("delay", allow_nonfinite=1)
    for name, attributes in (("delay", {}), ("k", {"allow_nonfinite": 1})):
        with pytest.raises(DataError, match=f"/lab/{name}: 1 non-finite"):
            tree(name, **attributes)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"units": {"tme": "ms"}}, r"units: got 'tme'; expected some of \(time\)"),
        ({"nonfinite": ("time",)}, r"nonfinite: got 'time'; expected some of \(v\)"),
        ({"nonfinite": "all"}, r"nonfinite: got 'all'"),
    ],
)
def test_units_and_marks_of_what_a_group_lacks_are_refused(options, text):
    with pytest.raises(DataError, match=text):
        group({"v": (("time",), [0.0], "mV")}, {"time": [0.0]}, **options)


def test_time_is_step_times_dt_without_accumulated_error():
    step = np.array([1, 10, 1_000_003])
    cell = population_dataset(step, 0.1, np.zeros((3, 1, 1)), ["soma"], [0])
    np.testing.assert_array_equal(cell.time, step * 0.1)
    assert cell.time.attrs["sampling"] == "state after the step"


def test_a_leading_condition_comes_before_time():
    cell = population_dataset(
        np.arange(1, 4),
        0.1,
        np.zeros((2, 3, 1, 5)),
        ["soma"],
        np.arange(5),
        leading=("condition", [0.0, 200.0], "pA"),
        others={"rate": (("time", "unit"), np.zeros((2, 3, 5)), "Hz")},
    )
    assert cell.v.dims == ("condition", "time", "compartment", "unit")
    assert cell.rate.dims == ("condition", "time", "unit")
    simulation(groups={"/populations/cell": cell})


def test_an_array_that_does_not_fit_its_labels_is_refused():
    with pytest.raises(DataError, match=r"shape \(3, 1, 5\), got .* \(3, 5, 1\)"):
        population_dataset(
            np.arange(3), 0.1, np.zeros((3, 5, 1)), ["soma"], np.arange(5)
        )
