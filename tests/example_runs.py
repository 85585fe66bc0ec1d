"""The worked examples of the dataset schema, for every test of storage."""

import numpy as np
import xarray as xr

from dendrites.dataset import labels, population_dataset, run_tree

RUN_ID = "01234567-89ab-4cde-8f01-23456789abcd"


def one(values, dim, **attrs):
    return dim, np.asarray(values), {"units": "1"} | attrs


def simulation_groups():
    """Worked example A of the schema, with the units its rules demand."""
    rng = np.random.default_rng(0)
    n_units, step = 3, np.arange(200)
    cell = population_dataset(
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


def changed_root(**attrs):
    tree = simulation().copy()
    tree.attrs = tree.attrs | attrs
    return tree
