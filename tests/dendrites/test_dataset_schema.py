"""Every departure of a tree from the schema is refused by its path."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from example_runs import (
    assert_same,
    changed_root,
    one,
    simulation,
    simulation_groups,
    training,
)

from dendrites.dataset import (
    labels,
    open_run,
    population_dataset,
    save_run,
    validate,
)
from dendrites.errors import DataError


def refuse(groups, match):
    with pytest.raises(DataError, match=match):
        simulation(groups=groups)


@pytest.mark.parametrize("name", sorted(set(simulation().attrs) - {"t_stop_ms"}))
def test_a_missing_root_attribute_is_named(name):
    tree = changed_root()
    del tree.attrs[name]
    with pytest.raises(DataError, match=name):
        validate(tree)


@pytest.mark.parametrize(
    "name, value",
    [
        ("kind", "other"),
        ("dtype", "float16"),
        ("Conventions", "CF-1.8"),
        ("run_id", "1"),
        ("created_utc", "2026-13-01T00:00:00Z"),
        ("created_utc", ""),
        ("complete", 2),
        ("complete", True),
        ("n_threads", 1.0),
        ("dt_ms", -0.1),
        ("dt_ms", "0.1"),
        ("seed", "007"),
        ("seed", 7),
        ("config_json", '{"b": 1, "a": 2}'),
        ("config_json", '{"a": NaN}'),
        ("config_json", "[" * 100_000),
        ("config_sha256", "0" * 64),
        ("t_stop_ms", "long"),
    ],
)
def test_a_wrong_root_attribute_is_named(name, value):
    with pytest.raises(DataError, match=f"{name}"):
        validate(changed_root(**{name: value}))


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, np.bool_(True), np.int64(1), 2**63, {"a": 1}, Path("x"), 1j),
        *(b"x", [7], [], [1, "a"], [1, 2.0], [None, 1], (1, 2), np.zeros((2, 2))),
        *(float("nan"), float("inf"), "a\0b", "\ud800", [[1, 2], [3, 4]]),
    ],
)
def test_an_attribute_one_backend_would_change_is_refused(value):
    tree = changed_root(note=value)
    with pytest.raises(DataError, match="/: attribute note"):
        validate(tree)


@pytest.mark.parametrize(
    "name", ["", "a/b", "..", "a b", "x" * 65, "1a", "é", "_x", "scale_factor"]
)
def test_an_attribute_name_that_would_not_survive_is_refused(name):
    with pytest.raises(DataError, match="attribute name"):
        validate(changed_root(**{name: 1}))


@pytest.mark.parametrize("name", ["a b", "1a", "x" * 65, "é", "_a"])
@pytest.mark.parametrize("place", ["group", "variable", "dimension"])
def test_an_illegal_name_is_refused(name, place):
    variable = name if place == "variable" else "x"
    dim = name if place == "dimension" else "interval"
    group = xr.Dataset({variable: one([1.0], dim)})
    path = name if place == "group" else "s"
    refuse({f"/stimuli/{path}": group}, "must start with a letter")


@pytest.mark.parametrize("units", [None, "seconds", "milliseconds", "days", "V", "", 1])
def test_units_outside_the_list_are_refused(units):
    attrs = {} if units is None else {"units": units}
    group = xr.Dataset({"x": ("interval", np.zeros(2), attrs)})
    refuse({"/stimuli/s": group}, "/stimuli/s/x: units .*allowed: ms, s, mV")


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(2, "float16"),
        np.zeros(2, "complex128"),
        np.zeros(2, ">f8"),
        np.zeros(2, [("a", "f8")]),
        np.zeros(2, "datetime64[ns]"),
        np.array([None, "a"], dtype=object),
        np.array(["a\0", "a"], dtype=object),
        np.array([{}, {}], dtype=object),
    ],
    ids=str,
)
def test_an_array_type_one_backend_would_change_is_refused(array):
    group = xr.Dataset({"x": ("interval", array, {"units": "1"})})
    refuse({"/stimuli/s": group}, "/stimuli/s/x")


def test_fixed_width_text_in_a_tree_is_refused():
    tree = simulation().copy(deep=True)
    tree["stimuli/apical"]["label"] = xr.Variable("interval", np.array(["a", "b"]))
    with pytest.raises(DataError, match=r"label: text of dtype <U1.*labels\(\)"):
        validate(tree)


def with_time(time, step=None, **attrs):
    time = np.asarray(time)
    step = np.arange(len(time)) if step is None else np.asarray(step)
    group = population_dataset(
        np.arange(len(time)), 0.1, np.zeros((len(time), 1, 1)), ["soma"], [0]
    )
    group = group.assign_coords(
        time=("time", time, group.time.attrs), step=("time", step, {"units": "1"})
    )
    del group.attrs["record_initial"]
    group.time.attrs.update(attrs)
    return {"/populations/p": group}


@pytest.mark.parametrize(
    "time, index", [([0.0, 0.1, 0.1], 2), ([0.0, 0.2, 0.1], 2), ([0.1, 0.0, 0.2], 1)]
)
def test_unsorted_time_names_the_first_offending_index(time, index):
    refuse(with_time(time), f"time: not strictly increasing, first at index {index}")


def test_unsorted_epochs_are_refused():
    tree = training()
    group = tree["training"].to_dataset().isel(epoch=[0, 2, 1, 3, 4])
    refuse({"/training": group}, "/training/epoch: not strictly increasing")


def test_time_that_disagrees_with_step_is_refused():
    refuse(with_time([0.0, 0.1, 0.2 + 2e-9]), "time: 0.2.* at index 2, but t0_ms")


def test_time_within_a_billionth_of_a_millisecond_is_accepted():
    simulation(groups=with_time([0.0, 0.1, 0.2 + 5e-10]))


def test_time_may_start_at_a_stated_offset():
    simulation(groups=with_time([5.0, 5.1, 5.2], t0_ms=5.0))


def test_time_in_single_precision_is_refused():
    refuse(with_time(np.array([0, 0.1], "float32")), "time must be float64 in ms")


def test_time_without_the_sampling_convention_is_refused():
    groups = with_time([0.0, 0.1])
    del groups["/populations/p"].time.attrs["sampling"]
    refuse(groups, "attribute sampling is missing")


def test_an_initial_sample_must_be_declared():
    groups = with_time([0.0, 0.1])
    groups["/populations/p"].attrs["record_initial"] = 0
    refuse(groups, "first is 0, but record_initial=0")


def test_a_repeated_label_is_refused():
    groups = simulation_groups()
    cell = groups["/populations/pyr"]
    cell = cell.assign_coords(compartment=labels(["soma", "basal", "soma"]))
    refuse({"/populations/pyr": cell}, "compartment: value 'soma' repeats at index 2")


def test_a_missing_coordinate_is_refused():
    groups = simulation_groups()
    cell = groups["/populations/pyr"].drop_vars("compartment")
    refuse({"/populations/pyr": cell}, "dimension compartment has no coordinate")


@pytest.mark.parametrize(
    "path, dims",
    [
        ("/populations/pyr", ("unit", "compartment", "time")),
        ("/connections/input_to_pyr_basal", ("record", "pre", "post")),
    ],
)
def test_a_dimension_out_of_order_is_refused(path, dims):
    groups = simulation_groups()
    groups[path] = groups[path].transpose(*dims)
    refuse(groups, f"{path}/.*out of order")


def test_weights_that_do_not_fit_their_population_are_refused():
    groups = simulation_groups()
    path = "/connections/input_to_pyr_basal"
    groups[path] = groups[path].isel(post=slice(2))
    refuse(groups, "post has length 2, but population 'pyr' has 3 units")


def test_a_recording_of_some_units_fits_when_the_size_is_stated():
    groups = simulation_groups()
    cell = groups["/populations/pyr"].isel(unit=slice(2))
    groups["/populations/pyr"] = cell.assign_attrs(n_units=3)
    simulation(groups=groups)


def test_a_spike_of_an_unknown_unit_is_refused():
    groups = simulation_groups()
    groups["/spikes/pyr"]["spike_unit"][4] = 3
    refuse(groups, "spike_unit: 3 at index 4, units are 0 to 2")


def test_unsorted_spikes_are_refused():
    groups = simulation_groups()
    spikes = groups["/spikes/pyr"]["spike_time"]
    spikes[7] = spikes[9] + 1.0
    refuse(groups, "spike_time: not sorted, first at index 8")


def test_spikes_may_be_sorted_within_each_trial():
    spikes = xr.Dataset(
        {
            "spike_time": ("spike", np.array([1.0, 5.0, 2.0]), {"units": "ms"}),
            "spike_unit": one([0, 0, 0], "spike"),
            "spike_trial": one([0, 0, 1], "spike"),
        }
    )
    simulation(groups={"/spikes/pyr": spikes})


def test_a_non_finite_value_in_a_complete_run_is_located():
    groups = simulation_groups()
    groups["/populations/pyr"]["v"][5, 1, 2] = np.nan
    refuse(groups, r"/populations/pyr/v: 1 non-finite value\(s\), first at \(5, 1, 2\)")


@pytest.mark.parametrize("where", ["variable", "group", "root", "incomplete"])
def test_declared_non_finite_values_are_accepted(tmp_path, where):
    groups, options = simulation_groups(), {}
    cell = groups["/populations/pyr"]
    cell["v"][5, 1, 2] = np.nan
    if where == "incomplete":
        options["complete"] = False
    elif where == "root":
        options["extra"] = {"allow_nonfinite": 1}
    else:
        (cell["v"] if where == "variable" else cell).attrs["allow_nonfinite"] = 1
    tree = simulation(groups=groups, **options)
    assert_same(open_run(save_run(tree, tmp_path / "a.nc")), tree)


def test_a_training_run_without_its_training_group_is_refused():
    with pytest.raises(DataError, match="/training: this group is missing"):
        validate(changed_root(kind="training"))


@pytest.mark.parametrize("path", ["/", "/populations"])
def test_data_in_a_group_that_only_groups_is_refused(path):
    tree = simulation()
    groups = {node.path: node.to_dataset(inherit=False) for node in tree.subtree}
    groups[path] = groups[path].assign(x=one([1.0], "other"))
    tree = xr.DataTree.from_dict(groups)
    with pytest.raises(DataError, match="holds attributes only"):
        validate(tree)


def test_all_problems_are_reported_at_once_and_ten_shown():
    tree = changed_root(kind="x", dtype="y", **{f"n{i}": None for i in range(12)})
    with pytest.raises(DataError) as caught:
        validate(tree)
    text = str(caught.value)
    assert "14 problem(s)" in text and "... and 4 more" in text
    assert text.count("\n") == 11


def test_something_other_than_a_tree_is_refused():
    with pytest.raises(DataError, match="xarray.DataTree, got Dataset"):
        validate(xr.Dataset())
