import contextlib
import errno
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dendrites import dataset as ds
from dendrites.dataset import labels, open_run, output_path, run_tree, save_run
from dendrites.errors import ConfigError, DataError, StorageError

GOLDEN = Path(__file__).parents[1] / "data" / "run_schema_1_0.nc"
BACKENDS = pytest.mark.parametrize("suffix", [".nc", ".zarr"])
RUN_ID = "01234567-89ab-4cde-8f01-23456789abcd"


def one(values, dim, **attrs):
    return dim, np.asarray(values), {"units": "1"} | attrs


def simulation_groups():
    """Worked example A of the schema, with the units its rules demand."""
    rng = np.random.default_rng(0)
    n_units, step = 3, np.arange(200)
    cell = ds.population_dataset(
        step,
        0.1,
        rng.normal(-70, 1, (200, 3, n_units)),
        ["soma", "basal", "apical"],
        np.arange(n_units),
        others={"rate": (("time", "unit"), rng.random((200, n_units)), "Hz")},
        record_initial=1,
    )
    connection = xr.Dataset(
        {"w": (("record", "post", "pre"), rng.normal(size=(21, n_units, 10)))},
        coords={
            "record": one(np.arange(21), "record"),
            "record_time": ("record", np.arange(21) * 10.0, {"units": "ms"}),
            "post": one(np.arange(n_units), "post"),
            "pre": one(np.arange(10), "pre"),
        },
        attrs={
            "pre_population": "input",
            "post_population": "pyr",
            "target_compartment": "basal",
            "plastic": 1,
        },
    )
    connection["w"].attrs["units"] = "1"
    spikes = xr.Dataset(
        {
            "spike_time": (
                "spike",
                np.sort(rng.uniform(0, 20, 57)),
                {"units": "ms"},
            ),
            "spike_unit": one(rng.integers(0, n_units, 57), "spike"),
        }
    )
    stimulus = xr.Dataset(
        {
            "onset": ("interval", np.array([2.0, 12.0]), {"units": "ms"}),
            "offset": ("interval", np.array([7.0, 17.0]), {"units": "ms"}),
            "label": ("interval", labels(["apical_off", "apical_on"])),
        }
    )
    return {
        "/populations/pyr": cell,
        "/connections/input_to_pyr_basal": connection,
        "/spikes/pyr": spikes,
        "/stimuli/apical": stimulus,
    }


def simulation(**changes):
    options = {
        "title": "single cell",
        "integrator": "exact",
        "dt_ms": 0.1,
        "dtype": "float64",
        "seed": 2**127 + 5,
        "t_stop_ms": 20.0,
        "created_utc": "2026-01-02T03:04:05Z",
        "run_id": RUN_ID,
        "headline": {"sign": {"value": 1.5, "unit": "mV"}},
    }
    groups = changes.pop("groups", None) or simulation_groups()
    config = changes.pop("config", {"plastic": True, "note": None, "dt": 0.1})
    return run_tree("simulation", config, groups, **(options | changes))


def training(**changes):
    """Worked example B of the schema."""
    rng = np.random.default_rng(1)
    epochs = 5

    def weights(n_post, n_pre):
        w = rng.normal(size=(epochs, n_post, n_pre))
        return xr.Dataset(
            {"w": one(w, ("snapshot", "post", "pre"))},
            coords={
                "snapshot": one(np.arange(epochs), "snapshot"),
                "epoch_at": one(np.arange(1, epochs + 1), "snapshot"),
                "post": one(np.arange(n_post), "post"),
                "pre": one(np.arange(n_pre), "pre"),
            },
        )

    groups = {
        "/training": xr.Dataset(
            {
                "loss": one(rng.random((epochs, 2)), ("epoch", "split")),
                "wall_time": ("epoch", rng.random(epochs), {"units": "s"}),
            },
            coords={
                "epoch": one(np.arange(1, epochs + 1), "epoch"),
                "split": labels(["train", "test"]),
            },
        ),
        "/diagnostics": xr.Dataset(
            {
                "angle_to_bp": (
                    ("update", "layer"),
                    rng.uniform(0, 90, (12, 2)),
                    {"units": "degree"},
                )
            },
            coords={
                "update": one(np.arange(12), "update"),
                "layer": labels(["hidden1", "output"]),
            },
        ),
        "/weights/input_to_hidden1": weights(30, 64),
        "/weights/hidden1_to_output": weights(10, 30),
        "/predictions/test": xr.Dataset(
            {
                "target": one(rng.integers(0, 10, 36), "example"),
                "prediction": one(
                    rng.integers(0, 10, (epochs, 36)), ("snapshot", "example")
                ),
            },
            coords={
                "snapshot": one(np.arange(epochs), "snapshot"),
                "example": one(np.arange(36), "example"),
            },
        ),
    }
    options = {
        "title": "digits",
        "integrator": "blocked",
        "dt_ms": 0.1,
        "dtype": "float64",
        "seed": 7,
        "n_epochs": epochs,
        "created_utc": "2026-01-02T03:04:05Z",
    }
    config = {"layers": [64, 30, 10]}
    return run_tree("training", config, groups, **(options | changes))


def assert_same(a, b):
    """Identical, dtypes and attribute types included."""
    assert a.identical(b)
    for node in a.subtree:
        left = node.to_dataset(inherit=False).variables
        right = b[node.path].to_dataset(inherit=False).variables
        for name in left:
            assert left[name].dtype == right[name].dtype, name
            kinds = {k: type(v) for k, v in left[name].attrs.items()}
            assert kinds == {k: type(v) for k, v in right[name].attrs.items()}
        kinds = {k: type(v) for k, v in node.attrs.items()}
        assert kinds == {k: type(v) for k, v in b[node.path].attrs.items()}


def write_golden(path=GOLDEN):
    """Regenerate the golden file of schema 1.0; only with a reason in the commit."""
    save_run(simulation(), path, overwrite=True)


def changed_root(**attrs):
    tree = simulation().copy()
    tree.attrs = tree.attrs | attrs
    return tree


def refuse(groups, match):
    with pytest.raises(DataError, match=match):
        simulation(groups=groups)


# Round trips


@BACKENDS
@pytest.mark.parametrize("example", [simulation, training])
def test_a_worked_example_reopens_identical(tmp_path, suffix, example):
    tree = example()
    assert_same(open_run(save_run(tree, tmp_path / f"a{suffix}")), tree)


@BACKENDS
def test_a_reopened_run_can_be_saved_by_the_other_backend(tmp_path, suffix):
    tree = training()
    first = open_run(save_run(tree, tmp_path / f"a{suffix}"))
    other = ".zarr" if suffix == ".nc" else ".nc"
    assert_same(open_run(save_run(first, tmp_path / f"b{other}")), tree)


names = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,11}", fullmatch=True)
text = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8
)
numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
lists = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=4),
    st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=4),
    st.lists(text, min_size=2, max_size=4),
)
attributes = st.dictionaries(
    names.map(lambda name: "x" + name), st.one_of(text, numbers, lists), max_size=3
)
DTYPES = ["float64", "float32", "int64", "int32", "uint8", "uint64", "bool", "text"]


@st.composite
def arrays(draw, shape):
    dtype = draw(st.sampled_from(DTYPES))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    if dtype == "text":
        words = draw(st.lists(text, min_size=3, max_size=3))
        return labels(rng.choice(np.array(words, dtype=object), shape).ravel()).reshape(
            shape
        )
    if dtype.startswith("float"):
        specials = [0.0, -0.0, np.finfo(dtype).tiny / 2, np.finfo(dtype).max, -1.5]
        return rng.choice(np.array(specials, dtype=dtype), shape)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


@st.composite
def group(draw):
    dims = draw(st.lists(names.map(lambda n: "d" + n), min_size=1, max_size=3))
    sizes = {dim: draw(st.integers(0, 4)) for dim in dims}
    coordinates, variables = {}, {}
    for dim, size in sizes.items():
        kind = draw(st.sampled_from(["none", "int", "text"]))
        if kind == "int":
            coordinates[dim] = one(np.arange(size) * 3, dim)
        elif kind == "text":
            coordinates[dim] = (dim, labels(f"{dim}{i}" for i in range(size)))
    for name in draw(st.lists(names.map(lambda n: "v" + n), max_size=3)):
        use = draw(st.lists(st.sampled_from(sorted(sizes)), unique=True))
        array = draw(arrays(tuple(sizes[dim] for dim in use)))
        attrs = draw(attributes)
        if array.dtype != object:
            attrs = attrs | {"units": draw(st.sampled_from(["1", "ms", "s", "pA ms"]))}
        variables[name] = (tuple(use), array, attrs)
    return xr.Dataset(variables, coordinates, draw(attributes))


@BACKENDS
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(groups=st.dictionaries(names, group(), min_size=1, max_size=2))
def test_a_random_valid_tree_reopens_identical(tmp_path, suffix, groups):
    tree = simulation(groups={f"/stimuli/{k}": v for k, v in groups.items()})
    path = save_run(tree, tmp_path / f"a{suffix}", overwrite=True)
    assert_same(open_run(path), tree)


@BACKENDS
def test_plain_xarray_reads_the_same_values(tmp_path, suffix):
    tree = simulation()
    path = save_run(tree, tmp_path / f"a{suffix}")
    options = {"engine": "h5netcdf"}
    if suffix == ".zarr":
        options = {"engine": "zarr", "consolidated": False}
    with (
        pytest.warns(UserWarning, match=r"manifest\.json")
        if suffix == ".zarr"
        else contextlib.nullcontext()
    ):
        opened = xr.open_datatree(path, decode_timedelta=False, **options)
    with opened as plain:
        for node in tree.subtree:
            there = plain[node.path].to_dataset(inherit=False)
            xr.testing.assert_identical(node.to_dataset(inherit=False), there)


def test_the_golden_file_of_schema_1_0_still_opens():
    tree = open_run(GOLDEN)
    v = tree["populations/pyr"].v
    # Drawn from the documented PCG64 stream of seed 0, so known without the file.
    expected = np.random.default_rng(0).normal(-70, 1, (200, 3, 3))
    np.testing.assert_array_equal(v.values, expected)
    assert tree.attrs["seed"] == str(2**127 + 5)
    assert list(v.compartment.values) == ["soma", "basal", "apical"]
    assert GOLDEN.stat().st_size < 100_000


# Building


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
    tree = ds.update_root(simulation(), headline={"test_error": figure})
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
    finished = ds.update_root(tree, finished_utc="2026-01-02T04:00:00Z")
    assert tree.attrs["finished_utc"] == ""
    assert finished.attrs["finished_utc"] == "2026-01-02T04:00:00Z"


def test_update_root_makes_the_same_checks():
    with pytest.raises(DataError, match="finished_utc 'yesterday'"):
        ds.update_root(simulation(), finished_utc="yesterday")


def test_building_does_not_change_the_callers_groups():
    groups = simulation_groups()
    groups["/spikes/pyr"].attrs["n"] = np.int64(3)
    simulation(groups=groups)
    assert type(groups["/spikes/pyr"].attrs["n"]) is np.int64


def test_time_is_step_times_dt_without_accumulated_error():
    step = np.array([1, 10, 1_000_003])
    cell = ds.population_dataset(step, 0.1, np.zeros((3, 1, 1)), ["soma"], [0])
    np.testing.assert_array_equal(cell.time, step * 0.1)
    assert cell.time.attrs["sampling"] == "state after the step"


def test_a_leading_condition_comes_before_time():
    cell = ds.population_dataset(
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
        ds.population_dataset(
            np.arange(3), 0.1, np.zeros((3, 5, 1)), ["soma"], np.arange(5)
        )


# Refusals


@pytest.mark.parametrize("name", sorted(set(simulation().attrs) - {"t_stop_ms"}))
def test_a_missing_root_attribute_is_named(name):
    tree = changed_root()
    del tree.attrs[name]
    with pytest.raises(DataError, match=name):
        ds.validate(tree)


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
        ds.validate(changed_root(**{name: value}))


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
        ds.validate(tree)


@pytest.mark.parametrize(
    "name", ["", "a/b", "..", "a b", "x" * 65, "1a", "é", "_x", "scale_factor"]
)
def test_an_attribute_name_that_would_not_survive_is_refused(name):
    with pytest.raises(DataError, match="attribute name"):
        ds.validate(changed_root(**{name: 1}))


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
        ds.validate(tree)


def with_time(time, step=None, **attrs):
    time = np.asarray(time)
    step = np.arange(len(time)) if step is None else np.asarray(step)
    group = ds.population_dataset(
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
        ds.validate(changed_root(kind="training"))


@pytest.mark.parametrize("path", ["/", "/populations"])
def test_data_in_a_group_that_only_groups_is_refused(path):
    tree = simulation()
    groups = {node.path: node.to_dataset(inherit=False) for node in tree.subtree}
    groups[path] = groups[path].assign(x=one([1.0], "other"))
    tree = xr.DataTree.from_dict(groups)
    with pytest.raises(DataError, match="holds attributes only"):
        ds.validate(tree)


def test_all_problems_are_reported_at_once_and_ten_shown():
    tree = changed_root(kind="x", dtype="y", **{f"n{i}": None for i in range(12)})
    with pytest.raises(DataError) as caught:
        ds.validate(tree)
    text = str(caught.value)
    assert "14 problem(s)" in text and "... and 4 more" in text
    assert text.count("\n") == 11


def test_something_other_than_a_tree_is_refused():
    with pytest.raises(DataError, match="xarray.DataTree, got Dataset"):
        ds.validate(xr.Dataset())


# Reading other files


@BACKENDS
def test_a_later_minor_version_is_read_even_if_it_breaks_our_rules(tmp_path, suffix):
    tree = changed_root(schema_version="1.7")
    tree["stimuli/apical"]["new"] = xr.Variable(
        "interval", np.zeros(2), {"units": "lm"}
    )
    path = tmp_path / f"a{suffix}"
    write_unchecked(tree, path)
    assert open_run(path)["stimuli/apical"]["new"].attrs["units"] == "lm"


@BACKENDS
def test_a_later_major_version_asks_to_upgrade(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_unchecked(changed_root(schema_version="2.3"), path)
    message = "written by schema 2.3, this version reads up to 1.x; upgrade"
    with pytest.raises(DataError, match=message):
        open_run(path)


def write_unchecked(tree, path):
    if path.suffix == ".nc":
        tree.to_netcdf(path, engine="h5netcdf")
    else:
        tree.to_zarr(path, zarr_format=3, consolidated=False)


@pytest.mark.parametrize("fault", ["schema", "units"])
def test_a_foreign_or_faulty_file_is_named_with_its_fault(tmp_path, fault):
    tree = simulation().copy(deep=True)
    if fault == "schema":
        del tree.attrs["schema"]
    else:
        del tree["spikes/pyr"]["spike_time"].attrs["units"]
    write_unchecked(tree, tmp_path / "a.nc")
    message = {"schema": "not a run file", "units": "spike_time: units missing"}
    with pytest.raises(DataError, match=rf"a\.nc: (?s:.*){message[fault]}"):
        open_run(tmp_path / "a.nc")


@pytest.mark.parametrize("content", [b"", b"x", b"\x89HDF\r\n\x1a\n", b"\0" * 5000])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "a.nc"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"a\.nc: not a readable"):
        open_run(path)


def test_an_empty_folder_is_not_a_store(tmp_path):
    with pytest.raises(StorageError, match="no such file or Zarr store|not a readable"):
        open_run(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"none\.nc: no such file"):
        open_run(tmp_path / "none.nc")


def read_or_refused(path, tree):
    try:
        opened = open_run(path)
    except (StorageError, DataError):
        return
    assert_same(opened, tree)


def test_flipped_bytes_in_a_netcdf_file_never_change_a_value(tmp_path):
    tree = simulation()
    path = save_run(tree, tmp_path / "a.nc")
    good, rng = path.read_bytes(), np.random.default_rng(3)
    for _ in range(60):
        bad = bytearray(good)
        bad[rng.integers(len(bad))] ^= 1 << rng.integers(8)
        path.write_bytes(bad)
        read_or_refused(path, tree)


def test_a_truncated_netcdf_file_never_changes_a_value(tmp_path):
    tree = simulation()
    path = save_run(tree, tmp_path / "a.nc")
    good, rng = path.read_bytes(), np.random.default_rng(4)
    lengths = [*range(len(good) - ds.SEAL_LENGTH - 2, len(good), 16)]
    for length in [*lengths, *rng.integers(0, len(good), 20)]:
        path.write_bytes(good[:length])
        read_or_refused(path, tree)


def test_flipped_bytes_in_a_zarr_store_are_noticed(tmp_path):
    path = save_run(simulation(), tmp_path / "a.zarr")
    files = sorted(p for p in path.rglob("*") if p.is_file())
    rng = np.random.default_rng(5)
    for file in rng.choice(np.array(files, dtype=object), 20):
        good = file.read_bytes()
        bad = bytearray(good)
        bad[rng.integers(len(bad))] ^= 1 << rng.integers(8)
        file.write_bytes(bad)
        with pytest.raises(StorageError):
            open_run(path)
        file.write_bytes(good)


def test_a_deleted_chunk_is_reported_by_name(tmp_path):
    path = save_run(simulation(), tmp_path / "a.zarr")
    chunk = path / "populations/pyr/v/c/0/0/0"
    chunk.unlink()
    with pytest.raises(StorageError, match="missing populations/pyr/v/c/0/0/0"):
        open_run(path)


def test_an_altered_file_can_be_read_on_request(tmp_path):
    path = save_run(simulation(), tmp_path / "a.nc")
    data = path.read_bytes()
    path.write_bytes(data[:-2] + (b"0" if data[-2:-1] != b"0" else b"1") + b"\n")
    with pytest.raises(StorageError, match="checksum does not match"):
        open_run(path)
    assert_same(open_run(path, verify=False), simulation())


# Writing


@BACKENDS
def test_an_existing_output_is_replaced_only_on_request(tmp_path, suffix):
    path = save_run(simulation(title="old"), tmp_path / f"a{suffix}")
    with pytest.raises(StorageError, match="already exists.*--overwrite"):
        save_run(simulation(title="new"), path)
    assert open_run(path).attrs["title"] == "old"
    save_run(simulation(title="new"), path, overwrite=True)
    assert open_run(path).attrs["title"] == "new"
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("name", ["a.txt", "a", "a.h5"])
def test_an_unknown_suffix_lists_the_allowed_ones(tmp_path, name):
    with pytest.raises(ConfigError, match=r"use \.nc or \.zarr"):
        save_run(simulation(), tmp_path / name)


def test_zarr_that_is_not_installed_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(ds.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install dendrites\[zarr\]"):
        save_run(simulation(), tmp_path / "a.zarr")


def test_an_invalid_tree_writes_nothing(tmp_path):
    with pytest.raises(DataError):
        save_run(changed_root(kind="x"), tmp_path / "a.nc")
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(StorageError, match="does not exist; create it first"):
        save_run(simulation(), tmp_path / "none" / "a.nc")


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "f").write_text("x")
    with pytest.raises(StorageError, match="f is a file, not a folder"):
        save_run(simulation(), tmp_path / "f" / "a.nc")


def test_a_read_only_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StorageError, match="read-only for you"):
        save_run(simulation(), tmp_path / "a.nc")


def test_a_folder_that_is_no_store_is_never_replaced(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "diary.txt").write_text("x")
    with pytest.raises(StorageError, match=r"not a \.zarr output"):
        save_run(simulation(), tmp_path / "a.zarr", overwrite=True)
    assert (tmp_path / "a.zarr" / "diary.txt").exists()


class Disk:
    """Records the calls that make a write durable, and fails the n-th on request."""

    def __init__(self, monkeypatch, fail_at=None, code=errno.ENOSPC):
        self.calls, self.fail_at, self.code = [], fail_at, code
        self.fsync, self.replace = os.fsync, os.replace
        monkeypatch.setattr(os, "fsync", self.on_fsync)
        monkeypatch.setattr(os, "replace", self.on_replace)

    def count(self, what):
        self.calls.append(what)
        if len(self.calls) == self.fail_at:
            raise OSError(self.code, os.strerror(self.code))

    def on_fsync(self, descriptor):
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        self.count(("sync", "folder" if path.is_dir() else "file", path.name))
        self.fsync(descriptor)

    def on_replace(self, source, target):
        self.count(("replace", Path(target).name))
        self.replace(source, target)


def test_a_file_is_synced_then_renamed_then_its_folder_is_synced(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    save_run(simulation(), tmp_path / "a.nc")
    (_, kind, temporary), renamed, last = disk.calls
    assert kind == "file" and temporary.startswith(".a.nc.part-")
    assert renamed == ("replace", "a.nc")
    assert last == ("sync", "folder", tmp_path.name)


def test_every_file_of_a_store_is_synced_before_the_rename(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    path = save_run(simulation(), tmp_path / "a.zarr")
    rename = disk.calls.index(("replace", "a.zarr"))
    assert disk.calls[rename + 1 :] == [("sync", "folder", tmp_path.name)]
    synced = sum(call[:2] == ("sync", "file") for call in disk.calls[:rename])
    assert synced == sum(p.is_file() for p in path.rglob("*"))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("n", [1, 2])
def test_a_failure_before_the_rename_keeps_the_old_file(tmp_path, n, code, monkeypatch):
    path = save_run(simulation(title="old"), tmp_path / "a.nc")
    with monkeypatch.context() as patch:
        Disk(patch, fail_at=n, code=code)
        with pytest.raises(StorageError, match=os.strerror(code).lower()):
            save_run(simulation(title="new"), path, overwrite=True)
    assert open_run(path).attrs["title"] == "old"
    assert os.listdir(tmp_path) == ["a.nc"]


def test_a_failed_sync_of_the_folder_leaves_a_complete_file(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        Disk(patch, fail_at=3, code=errno.EIO)
        with pytest.raises(StorageError):
            save_run(simulation(), tmp_path / "a.nc")
    assert_same(open_run(tmp_path / "a.nc"), simulation())


def test_a_store_survives_a_failure_at_any_durable_step(tmp_path, monkeypatch):
    path = save_run(simulation(title="old"), tmp_path / "a.zarr")
    with monkeypatch.context() as patch:
        disk = Disk(patch)
        save_run(simulation(title="old"), tmp_path / "b.zarr")
    syncs = len(disk.calls) - 2
    for n in (1, syncs // 2, syncs, syncs + 1, syncs + 2):
        with monkeypatch.context() as patch:
            Disk(patch, fail_at=n)
            with pytest.raises(StorageError, match="needs about 1 MB"):
                save_run(simulation(title="new"), path, overwrite=True)
        assert open_run(path).attrs["title"] == "old"
        assert sorted(os.listdir(tmp_path)) == ["a.zarr", "b.zarr"]


def test_a_full_disk_is_reported_with_the_size_needed(tmp_path):
    resource = pytest.importorskip("resource")
    path = save_run(simulation(title="old"), tmp_path / "a.nc")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(StorageError, match="file too large: needs about 1 MB"):
            save_run(simulation(title="new"), path, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert open_run(path).attrs["title"] == "old"
    assert os.listdir(tmp_path) == ["a.nc"]


def test_the_temporary_file_is_private(tmp_path, monkeypatch):
    seen, replace = [], os.replace
    monkeypatch.setattr(
        ds, "_usual_mode", lambda path, default: seen.append(modes(tmp_path)) or 0o644
    )
    monkeypatch.setattr(os, "replace", replace)
    save_run(simulation(), tmp_path / "a.nc")
    assert seen == [[0o600]]


def modes(folder):
    return [path.stat().st_mode & 0o777 for path in folder.iterdir()]


def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_leftovers_of_dead_processes_only_are_removed(tmp_path):
    machine = ds._machine()
    dead = f".b.nc.part-{machine}-{dead_pid()}-0"
    alive = f".b.nc.part-{machine}-{os.getpid()}-999"
    elsewhere = f".b.nc.part-{'0' * 8}-{dead_pid()}-0"
    for name in (dead, alive, elsewhere):
        (tmp_path / name).write_text("x")
    save_run(simulation(), tmp_path / "a.nc")
    assert sorted(os.listdir(tmp_path)) == sorted([alive, elsewhere, "a.nc"])


@pytest.mark.parametrize("reader", ["open", "save"])
def test_a_store_killed_between_its_two_renames_comes_back(tmp_path, reader):
    path = save_run(simulation(title="old"), tmp_path / "a.zarr")
    path.rename(tmp_path / f".a.zarr.old-{ds._machine()}-{dead_pid()}-0")
    if reader == "save":
        save_run(simulation(), tmp_path / "b.zarr")
    assert open_run(path).attrs["title"] == "old"


# Where outputs may go


@pytest.mark.parametrize("name", ["a.nc", "sub/a.nc", "./a.nc", "a..b.nc", "é.nc"])
def test_a_relative_name_lies_under_the_folder(tmp_path, name):
    assert output_path(name, tmp_path) == tmp_path.resolve() / name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../a.nc", "s/../../a.nc", "~/a.nc", "~x", "a\0.nc", "/a.nc"],
)
def test_a_name_leading_elsewhere_is_refused(tmp_path, name):
    with pytest.raises(StorageError, match="must stay under the output directory"):
        output_path(name, tmp_path)


def test_a_link_leaving_the_folder_is_refused(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path)
    with pytest.raises(StorageError, match="must stay under"):
        output_path("link/a.nc", tmp_path / "out")


def test_a_link_inside_the_folder_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert output_path("link/a.nc", tmp_path) == tmp_path.resolve() / "real" / "a.nc"


def test_a_loop_of_links_is_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(StorageError, match="must stay under"):
        output_path("a/x.nc", tmp_path)


def test_an_absolute_name_is_accepted_only_on_request(tmp_path):
    target = tmp_path.resolve() / "a.nc"
    assert output_path(target, "elsewhere", allow_absolute=True) == target
    with pytest.raises(StorageError, match="must stay under"):
        output_path(target, tmp_path)
