"""Runs of one cell under many conditions: layout, independence, refusals."""

import json
import subprocess
import sys
from typing import Annotated, NamedTuple

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dendrites as dn
from dendrites.errors import DendritesError
from dendrites.steppers import STEPPERS

CELL = dn.models.three_compartment()
AMPLITUDES = (0.0, 20.0, -35.0)
PULSES = [dn.pulse(a, start=1.0, duration=2.0) for a in AMPLITUDES]


def cell_of(tree):
    return tree["populations/cell"]


def run(**options):
    return dn.simulate(CELL, **{"duration": 5.0, "dt": 0.1} | options)


@pytest.mark.nojit
@pytest.mark.parametrize("kind", ["dynamic", "instantaneous"])
@pytest.mark.parametrize("stepper", STEPPERS)
def test_many_conditions_equal_single_runs_to_the_bit(stepper, kind):
    cell = dn.models.three_compartment(dendrites=kind)
    options = {"duration": 5.0, "dt": 0.1, "stepper": stepper, "basal": 3.0}
    together = cell_of(dn.simulate(cell, apical=PULSES, **options))
    for k, pulse in enumerate(PULSES):
        alone = cell_of(dn.simulate(cell, apical=pulse, **options))
        np.testing.assert_array_equal(together.v[k], alone.v[0])
        np.testing.assert_array_equal(together.rate[k], alone.rate[0])


@pytest.mark.parametrize("drive", [dn.noise(2.0, tau=3.0), dn.poisson_train(300.0)])
def test_adding_a_condition_leaves_random_drives_of_the_others_unchanged(drive):
    few = cell_of(run(apical=[drive, drive], seed=5))
    many = cell_of(run(apical=[drive, drive, 1.0 + drive], seed=5, basal=1.0))
    np.testing.assert_array_equal(few.input_apical, many.input_apical[:2])
    assert not np.array_equal(few.input_apical[0], few.input_apical[1])


def test_random_drives_differ_between_fields_and_seeds():
    noise = dn.noise(1.0)
    first = cell_of(run(apical=noise, basal=noise, seed=1))
    second = cell_of(run(apical=noise, basal=noise, seed=2))
    assert not np.array_equal(first.input_apical, first.input_basal)
    assert not np.array_equal(first.input_apical, second.input_apical)


def test_a_shared_random_drive_is_drawn_anew_in_every_condition():
    found = cell_of(run(apical=dn.noise(1.0), basal=[0.0, 0.0, 0.0]))
    assert len(np.unique(found.input_apical[:, 0])) == 3
    listed = cell_of(run(apical=[dn.noise(1.0)] * 3))
    np.testing.assert_array_equal(found.input_apical, listed.input_apical)


def test_a_seed_that_was_drawn_repeats_the_run():
    first = run(apical=dn.noise(1.0), seed=None)
    again = run(apical=dn.noise(1.0), seed=int(first.attrs["seed"]))
    np.testing.assert_array_equal(cell_of(first).v, cell_of(again).v)


@pytest.mark.nojit
@pytest.mark.parametrize("stepper", STEPPERS)
@pytest.mark.parametrize("every", [2, 7, 50])
def test_the_recording_interval_changes_no_value(stepper, every):
    options = {"apical": PULSES, "stepper": stepper, "reads": ("rate", "soma")}
    full = cell_of(run(**options))
    coarse = cell_of(run(record_every=every * 0.1, **options))
    at_interval = full.isel(time=slice(every - 1, None, every))
    assert coarse.identical(at_interval)


@pytest.mark.nojit
def test_the_result_follows_the_schema():
    tree = run(apical=PULSES, soma=1.0, stepper="heun")
    dn.validate(tree)
    found = cell_of(tree)
    assert found.v.dims == ("condition", "time", "compartment", "unit")
    assert found.v.shape == (3, 50, 3, 1)
    assert found.rate.dims == ("condition", "time", "unit")
    assert found.input_apical.dims == ("condition", "time")
    assert set(found.data_vars) == {"v", "rate", "input_apical", "input_soma"}
    units = {name: variable.attrs["units"] for name, variable in found.items()}
    assert units == {"v": "mV", "rate": "1", "input_apical": "mV", "input_soma": "mV"}
    assert found.compartment.values.tolist() == ["soma", "basal", "apical"]
    assert found.condition.values.tolist() == [0, 1, 2]
    assert found.condition.attrs == {"units": "1"}
    np.testing.assert_array_equal(found.time, found.step * 0.1)
    assert (tree.attrs["kind"], tree.attrs["integrator"]) == ("simulation", "heun")
    assert (tree.attrs["dt_ms"], tree.attrs["t_stop_ms"]) == (0.1, 5.0)
    assert json.loads(tree.attrs["config_json"])["cell"] == "three_compartment"


def test_a_run_survives_saving_and_opening(tmp_path):
    tree = run(apical=PULSES)
    dn.save_run(tree, tmp_path / "run.nc")
    assert dn.open_run(tmp_path / "run.nc").identical(tree)


@pytest.mark.parametrize("conditions", [1, 3])
def test_one_line_plots_a_compartment_by_condition(conditions):
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    tree = run(apical=PULSES[:conditions])
    plt.figure()
    found = tree["populations/cell"].v.sel(compartment="apical")
    lines = found.plot(x="time", hue="condition")
    assert len(lines) == conditions
    np.testing.assert_array_equal(lines[-1].get_ydata(), found[-1, :, 0])
    plt.close("all")


@pytest.mark.nojit
def test_a_drive_is_recorded_as_the_value_held_before_the_sample():
    found = cell_of(run(apical=dn.pulse(4.0, start=1.0, duration=0.5)))
    on = found.time.values[found.input_apical.values[0] != 0]
    np.testing.assert_allclose(on, [1.1, 1.2, 1.3, 1.4, 1.5])


@pytest.mark.nojit
def test_the_first_sample_is_one_step_after_the_initial_state():
    found = cell_of(run(initial={"apical": 8.0}))
    decay = 1.0 - 0.1 / CELL.parameters.tau_dendrite
    assert found.v.sel(compartment="apical")[0, 0, 0] == pytest.approx(8.0 * decay)
    assert found.attrs["record_initial"] == 0


@pytest.mark.nojit
@given(
    kind=st.sampled_from(["dynamic", "instantaneous"]),
    stepper=st.sampled_from(STEPPERS),
    dt=st.floats(0.01, 1.0),
)
@settings(max_examples=15, deadline=None)
def test_no_drive_gives_rest_with_every_stepper(kind, stepper, dt):
    cell = dn.models.three_compartment(dendrites=kind)
    found = cell_of(dn.simulate(cell, duration=5 * dt, dt=dt, stepper=stepper))
    assert not found.v.values.any()
    assert (found.rate.values == 0.5).all()


class OwnState(NamedTuple):
    soma: Annotated[float, "mV"] = 0.0
    count: Annotated[float, "1"] = 0.0


class OwnParams(NamedTuple):
    pass


class OwnInputs(NamedTuple):
    soma: Annotated[float, "pA"] = 0.0


def _count_crossings(cell, inputs, p, dt):
    soma = cell.soma + dt * inputs.soma
    if soma > 1.0:
        return OwnState(0.0, cell.count + 1.0)
    return OwnState(soma, cell.count)


def _doubled(cell, p) -> Annotated[float, "Hz"]:
    return 2.0 * cell.count


OWN = dn.CellModel(
    name="counter",
    state=OwnState,
    params=OwnParams,
    inputs=OwnInputs,
    step=_count_crossings,
    compartments=("soma",),
    reads={"doubled": _doubled},
)


@pytest.mark.nojit
def test_a_cell_with_its_own_step_and_annotated_reads_runs():
    tree = dn.simulate(
        OWN, duration=8.0, dt=1.0, soma=0.375, reads=("count", "doubled")
    )
    found = cell_of(tree)
    # 0.375, 0.75, then 1.125 > 1 resets and counts.
    assert found["count"].values.ravel().tolist() == [0, 0, 1, 1, 1, 2, 2, 2]
    assert found["doubled"].values.ravel().tolist() == [0, 0, 2, 2, 2, 4, 4, 4]
    assert found["doubled"].attrs["units"] == "Hz"
    assert found["input_soma"].attrs["units"] == "pA"
    assert found.compartment.values.tolist() == ["soma"]
    assert tree.attrs["integrator"] == "own step"


@pytest.mark.nojit
def test_compartments_appear_in_the_order_the_model_names_them():
    cell = dn.CellModel(
        name="reversed",
        state=CELL.state,
        params=CELL.params,
        inputs=CELL.inputs,
        derivative=CELL.derivative,
        compartments=("apical", "soma"),
    )
    usual = cell_of(run(apical=PULSES, reads=()))
    found = cell_of(dn.simulate(cell, duration=5.0, dt=0.1, apical=PULSES))
    assert found.v.identical(usual.v.sel(compartment=["apical", "soma"]))


def _runaway(cell, inputs, p):
    return OwnState(0.0, cell.count * inputs.soma)


RUNAWAY = dn.CellModel(
    name="runaway",
    state=OwnState,
    params=OwnParams,
    inputs=OwnInputs,
    derivative=_runaway,
    compartments=("soma",),
    time_constant=lambda p: 0.5,
)


@pytest.mark.parametrize("stepper", STEPPERS)
def test_a_divergence_is_found_in_its_interval_and_named(stepper):
    # Grows from 25 ms on, past 1e6 well before 30 ms.
    wild = dn.step(50.0, start=25.0)
    with pytest.raises(dn.NumericalError) as caught:
        dn.simulate(
            RUNAWAY,
            duration=100.0,
            dt=0.1,
            stepper=stepper,
            initial={"count": 1.0},
            soma=[0.0, 0.0, wild],
        )
    message = str(caught.value)
    assert "runaway cell, state field 'count', condition 2" in message
    assert "between t = 20 and 30 ms" in message
    assert "dt = 0.1 ms is 0.2 x the fastest time constant" in message


REFUSED = [
    ({"apicl": 1.0}, dn.ModelError, "'apicl'.*did you mean 'apical'.*basal, apical, s"),
    ({"record_evry": 1.0}, dn.ModelError, "did you mean 'record_every'"),
    ({"apical": [1.0, 2.0], "basal": [1.0]}, dn.ModelError, "apical 2, basal 1"),
    ({"apical": []}, dn.ModelError, "one entry per condition; received apical 0"),
    ({"apical": np.zeros(4)}, dn.ModelError, r"(?s)apical.*shape \(4,\).*list\(values"),
    ({"apical": "20 mV"}, dn.ModelError, "'20 mV': pass a plain number in mV, for ex"),
    ({"apical": [0.0, np.nan]}, dn.ModelError, "apical, condition 1.*finite"),
    ({"apical": dn.spike_train([9.0])}, dn.ModelError, "apical, condition 0: spike_tr"),
    ({"reads": ("rat",)}, dn.ModelError, "no read 'rat'.*'rate'.*soma, basal, apical"),
    ({"reads": "time"}, dn.ConfigError, "'time' is a name of the result"),
    ({"initial": {"axon": 1.0}}, dn.ModelError, "no state 'axon'.*soma, basal, apical"),
    ({"initial": {"soma": "rest"}}, dn.ModelError, "soma = 'rest'.*in mV"),
    ({"dt": 0.0}, dn.ConfigError, "dt = 0.0 ms: must be > 0"),
    ({"dt": -0.1}, dn.ConfigError, "dt = -0.1 ms"),
    ({"dt": np.nan}, dn.ConfigError, "dt = nan ms"),
    (
        {"dt": "0.1 ms"},
        dn.ConfigError,
        "dt = '0.1 ms': must be a finite number > 0, in ms",
    ),
    ({"dt": True}, dn.ConfigError, "dt = True: "),
    (
        {"dt": 11.0, "duration": 22.0},
        dn.ModelError,
        "constant of 5 ms.*above 10 ms.*dt <= 2.5 ms",
    ),
    ({"duration": -1.0}, dn.ConfigError, "duration = -1.0 ms: must be >= 0"),
    ({"duration": np.inf}, dn.ConfigError, "duration = inf ms"),
    ({"duration": 0.0}, dn.ConfigError, "less than half a step"),
    (
        {"duration": 1e300, "dt": 1e-300},
        dn.ConfigError,
        "more than the .* steps that can be",
    ),
    (
        {"duration": 1e12},
        dn.ConfigError,
        "too large: needs .*iB .*Use fewer",
    ),
    ({"record_every": 0.0}, dn.ConfigError, "record_every = 0.0 ms: must be > 0"),
    ({"record_every": -1.0}, dn.ConfigError, "record_every = -1.0 ms"),
    ({"record_every": 6.0}, dn.ConfigError, "longer than the run of 5 ms"),
    ({"record_every": 1e308}, dn.ConfigError, "longer than the run of 5 ms"),
    ({"stepper": "rk4"}, dn.ConfigError, "stepper = 'rk4': .*euler"),
    ({"seed": -1}, dn.ConfigError, "seed=-1"),
    ({"seed": 1.5}, dn.ConfigError, "seed=1.5"),
]


@pytest.mark.nojit
@pytest.mark.parametrize(("options", "kind", "message"), REFUSED)
def test_impossible_options_are_refused_before_compiling(
    options, kind, message, monkeypatch
):
    monkeypatch.setattr("dendrites.simulation.SimulationRun.advance", None)
    with pytest.raises(kind, match=message) as caught:
        run(**options)
    assert isinstance(caught.value, DendritesError)
    assert len(str(caught.value).splitlines()) <= 4


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("options", "message", "records"),
    [
        ({"duration": 5.04}, "5.04 ms is not a multiple of dt = 0.1 ms; 50 steps", 50),
        ({"record_every": 0.26}, "every 3 steps", 16),
        ({"dt": 2.6, "duration": 26.0}, "dt = 2.6 ms is coarse", 10),
    ],
)
def test_rounded_times_and_coarse_steps_warn_the_caller(options, message, records):
    with pytest.warns(UserWarning, match=message) as caught:
        tree = run(**options)
    assert cell_of(tree).sizes["time"] == records
    assert caught[0].filename == __file__


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("cell", "options", "kind", "message"),
    [
        (dn.models.source(), {}, dn.ConfigError, "'source' is clamped"),
        (OWN, {"stepper": "heun"}, dn.ConfigError, "'counter' has its own step"),
        (dn.models.three_compartment, {}, dn.ModelError, "must be a CellModel"),
    ],
)
def test_cells_that_cannot_be_moved_are_refused(cell, options, kind, message):
    with pytest.raises(kind, match=message):
        dn.simulate(cell, duration=1.0, **options)


@pytest.mark.nojit
def test_compartments_of_several_units_are_refused_with_the_way_out():
    mixed = dn.CellModel(
        name="mixed",
        state=OwnState,
        params=OwnParams,
        inputs=OwnInputs,
        derivative=_runaway,
    )
    with pytest.raises(dn.ModelError, match=r"soma \(mV\), count \(1\)"):
        dn.simulate(mixed, duration=1.0)


def in_new_process(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("first", ["simulation", "steppers", "models", "dataset"])
def test_public_functions_stay_functions_after_importing_submodules(first):
    code = (
        f"import dendrites.{first}, dendrites\n"
        "assert callable(dendrites.simulate) and callable(dendrites.step)\n"
        "import dendrites.drives, dendrites.simulation, dendrites.cell\n"
        "assert callable(dendrites.simulate) and callable(dendrites.step)\n"
        "assert dendrites.simulate is dendrites.simulation.simulate"
    )
    in_new_process(code)


def test_no_public_function_shares_its_name_with_a_submodule():
    code = (
        "import pkgutil, types, dendrites as dn\n"
        "files = {m.name for m in pkgutil.iter_modules(dn.__path__)}\n"
        "for name in files & set(dn.__all__):\n"
        "    assert isinstance(getattr(dn, name), types.ModuleType), name"
    )
    in_new_process(code)


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, dendrites\n"
        "print(*{'numpy', 'numba', 'xarray', 'pydantic'} & set(sys.modules))"
    )
    assert in_new_process(code).split() == []


@pytest.mark.nojit
def test_every_public_name_loads_and_is_listed():
    assert set(dn.__all__) <= set(dir(dn))
    for name in dn.__all__:
        assert getattr(dn, name) is not None
    errors = {c.__name__ for c in DendritesError.__subclasses__()} | {"CompileError"}
    assert errors | {"DendritesError"} <= set(dn.__all__)


@pytest.mark.nojit
def test_an_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'simulte'"):
        dn.simulte  # noqa: B018
