"""What run_lab returns: axes, units, reasons, and files that hold all of it."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from dendrites import open_run, save_run
from dendrites.dataset import run_tree
from dendrites.errors import ConfigError
from experiments.lab import LabModel, Protocol, count_runs, grid, lab_models, run_lab
from experiments.lab.grids import axes_of

NOISE = {"noise_soma": 50.0, "seeds": (3, 4)}


@pytest.fixture(scope="module")
def burst():
    return lab_models("burst")["burst"]


@pytest.fixture(scope="module")
def mixed():
    """Two models, one of which takes no pulses, and protocols that are no grid."""
    protocols = [
        Protocol(apical_current=300.0, apical_delay=-5.0),
        Protocol(apical_current=300.0),
        Protocol(frequency=20.0),
    ]
    return run_lab(["guerguiev", "burst"], protocols, **NOISE)


# --- axes ---------------------------------------------------------------------------


@pytest.mark.nojit
def test_fields_in_every_combination_are_axes_the_slower_first():
    protocols = grid(frequency=(20.0, 5.0), apical_current=(0.0, 100.0, 300.0))
    for given in (protocols, list(protocols.values())):
        axes = axes_of(list(protocols.values()), asked=getattr(given, "axes", ()))
        assert (axes.dims, axes.shape) == (("frequency", "apical_current"), (2, 3))
        assert axes.coordinates["frequency"][1].tolist() == [20.0, 5.0]
    shuffled = [list(protocols.values())[k] for k in (4, 0, 5, 2, 1, 3)]
    axes = axes_of(shuffled)
    (found,) = axes.spread(np.array([[p.frequency for p in shuffled]]))
    along = axes.dims.index("frequency")
    assert set(axes.dims) == {"frequency", "apical_current"}
    for k, value in enumerate(axes.coordinates["frequency"][1]):
        assert (found.take(k, axis=along) == value).all()


@pytest.mark.nojit
@pytest.mark.parametrize(
    "protocols",
    [
        [Protocol(frequency=5.0), Protocol(apical_current=1.0), Protocol()],
        [Protocol(), Protocol()],
        [Protocol()],
        [Protocol(apical_delay=1.0), Protocol()],
        [Protocol(frequency=f, rest=r) for f, r in ((1.0, 5.0), (2.0, 6.0))],
    ],
    ids=["corner missing", "twice the same", "one in a list", "None", "diagonal"],
)
def test_what_is_no_full_grid_is_numbered(protocols):
    axes = axes_of(protocols)
    assert axes.dims == ("protocol",)
    assert axes.coordinates["protocol"][1].tolist() == list(range(len(protocols)))


def test_a_grid_keeps_axes_of_one_value_and_a_protocol_alone_has_none(burst):
    one = run_lab(burst, grid(apical_current=[300.0]))
    assert one.sizes == {"model": 1, "apical_current": 1, "seed": 1}
    alone = run_lab(burst, Protocol(apical_current=300.0))
    assert alone.sizes == {"model": 1, "seed": 1}
    assert alone.identical(one.isel(apical_current=0))


def test_coordinates_have_units_and_what_stays_the_same_has_no_dimension(mixed):
    assert mixed.apical_current.dims == ("protocol",)
    assert mixed.apical_current.units == "pA"
    assert mixed.apical_delay.values.tolist()[0] == -5.0
    assert np.isnan(mixed.apical_delay[1:]).all()
    tail = mixed["tail"]
    assert tail.dims == () and tail == 100.0 and tail.units == "ms"
    assert mixed.noise_soma == 50.0 and mixed.noise_tau == 2.0 and mixed.silent == 0
    assert mixed.apical_unit.values.tolist() == ["1", "pA"]
    assert mixed.apical_scale.values.tolist() == [1 / 150, 1.0]
    for name, values in mixed.data_vars.items():
        assert values.units and values.long_name, name


def test_runs_of_other_options_are_joined_by_a_coordinate(burst):
    protocols = grid(apical_current=(0.0, 300.0))
    runs = [run_lab(burst, protocols, noise_soma=sd) for sd in (0.0, 50.0)]
    joined = xr.concat(
        [run.drop_vars("noise_tau", errors="ignore") for run in runs], "noise_soma"
    )
    assert joined.weight_change.sizes["noise_soma"] == 2
    assert joined.noise_soma.values.tolist() == [0.0, 50.0]
    for run, sd in zip(runs, (0.0, 50.0), strict=True):
        found = joined.weight_change.sel(noise_soma=sd)
        np.testing.assert_array_equal(found, run.weight_change)


# --- what cannot be run -------------------------------------------------------------


def test_a_model_without_a_protocol_has_nan_and_a_reason_and_others_their_numbers(
    mixed, burst
):
    left_out = mixed.reason != ""
    assert left_out.sel(model="guerguiev").values.tolist() == [True, False, False]
    assert not left_out.sel(model="burst").any()
    why = mixed.reason.sel(model="guerguiev", protocol=0).item()
    assert "single pulses have no place" in why
    assert (np.isnan(mixed.weight_change).all("seed") == left_out).all()
    alone = run_lab(burst, Protocol(apical_current=300.0, apical_delay=-5.0), **NOISE)
    here = mixed.sel(model="burst", protocol=0)
    for name in ("weight_change", "interaction", "n_spikes", "apical_peak_control"):
        np.testing.assert_array_equal(here[name], alone[name].sel(model="burst"))


def test_models_without_room_for_noise_or_without_spikes_say_so(burst):
    deaf = LabModel("deaf", burst.cell, burst.rule, burst.presynaptic, apical=None)
    found = run_lab([deaf, burst], Protocol(), noise_apical=10.0, controls=False)
    assert "noise_apical = 10 pA" in found.reason.sel(model="deaf").item()
    assert np.isnan(found.n_spikes.sel(model="deaf")).all()
    assert np.isfinite(found.n_spikes.sel(model="burst")).all()
    found = run_lab(["btsp-weak", burst], Protocol(), silent=True, controls=False)
    assert "do not spike" in found.reason.sel(model="btsp-weak").item()
    assert found.reason.sel(model="burst") == ""


@pytest.mark.nojit
def test_a_protocol_that_no_model_can_be_given_is_refused(burst):
    narrow = replace(burst, name="narrow", highest_frequency=50.0)
    protocols = [Protocol(), Protocol(frequency=120.0)]
    with pytest.raises(ConfigError, match=r"at most 50 Hz\nNor can the other model"):
        run_lab([narrow, burst], protocols)
    with pytest.raises(ConfigError, match="at most 100 Hz$"):
        run_lab(burst, protocols)


def test_runs_that_are_left_out_are_not_counted():
    protocols = [Protocol(apical_delay=1.0), Protocol()]
    ended, models = [], ["guerguiev", "burst"]
    run_lab(models, protocols, tick=ended.append)
    assert sum(ended) == count_runs(models, protocols)
    options = {"silent": True, "noise_soma": 5.0, "noise_apical": 0.0}
    ended.clear()
    run_lab(["btsp-weak", "burst"], protocols, tick=ended.append, **options)
    assert sum(ended) == count_runs(["btsp-weak", "burst"], protocols, **options)


# --- files --------------------------------------------------------------------------


def test_a_result_is_saved_alone_and_in_a_tree(mixed, tmp_path):
    path = tmp_path / "alone.nc"
    mixed.to_netcdf(path, engine="h5netcdf")
    with xr.open_dataset(path, engine="h5netcdf") as found:
        xr.testing.assert_identical(found.load(), mixed)
    tree = run_tree(
        "simulation",
        {},
        {"/lab": mixed},
        title="of a user",
        integrator="exact",
        dt_ms=0.1,
        dtype="float64",
        seed=3,
        t_stop_ms=700.0,
        created_utc="2024-01-01T00:00:00Z",
    )
    assert open_run(save_run(tree, tmp_path / "tree.nc")).identical(tree)
