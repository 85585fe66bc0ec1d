"""One recorded presentation: what is in the tree, and what is refused."""

import numpy as np
import pytest
from systems import layer_names, logistic, patterns, plastic_microcircuit, twin_of

import circuits
from circuits import Phase, Record, Schedule, simulate
from circuits.microcircuit import microcircuit
from circuits.weights import initial_weights
from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError, ModelError, NumericalError

SIZES = [4, 3, 3, 2]
DT = 0.1
FREE = Schedule((Phase("free", 2.0, on=("input",)),))


@pytest.fixture(scope="module")
def circuit():
    return microcircuit(SIZES, presentation=2.0, g_dendrite="matched")


@pytest.fixture(scope="module")
def shown():
    inputs, targets, _ = patterns(SIZES, batch=3)
    return {"input": inputs, "target": targets}


@pytest.fixture
def nothing_compiles(monkeypatch):
    def compile(*_, **__):
        raise AssertionError("a run was built before its options were checked")

    monkeypatch.setattr("circuits.run.simulate.Replicas", compile)


def test_potentials_are_labelled_by_sample_time_compartment_and_unit(circuit, shown):
    tree = simulate(circuit, shown, ["hidden1", "output"])
    validate(tree)
    assert set(tree["populations"].children) == {"hidden1", "output"}
    v = tree["populations/hidden1"].v
    assert v.dims == ("sample", "time", "compartment", "unit")
    assert v.shape == (3, 20, 3, 3)
    assert list(v.compartment.values) == ["soma", "basal", "apical"]
    np.testing.assert_allclose(v.time, DT * np.arange(1, 21), rtol=1e-14)
    assert v.time.attrs["units"] == "ms"
    assert v.attrs["units"] == "1"
    assert tree.attrs["kind"] == "simulation"
    assert tree.attrs["t_stop_ms"] == pytest.approx(2.0)


def test_one_pattern_has_no_sample_dimension(circuit, shown):
    one = {name: value[0] for name, value in shown.items()}
    v = simulate(circuit, one, ["hidden1"])["populations/hidden1"].v
    assert v.dims == ("time", "compartment", "unit")
    every = simulate(circuit, shown, ["hidden1"])["populations/hidden1"].v
    # Sums over three samples are other matrix products: rounding may differ.
    np.testing.assert_allclose(v, every.isel(sample=0), rtol=0, atol=1e-14)


def test_what_is_recorded_is_the_trajectory_of_the_independent_twin():
    rates = {"basal_rates": 1e-2, "interneuron_rates": 2e-2, "apical_rates": 1e-2}
    circuit = plastic_microcircuit(SIZES, steps=20)
    inputs, targets, potentials = patterns(SIZES, batch=2)
    weights = initial_weights(circuit)
    twin = twin_of(circuit, weights, rates, batch=2)
    tree = simulate(
        circuit,
        {"input": inputs, "target": targets},
        ["output", "hidden2"],
        learning=True,
    )
    output = tree["populations/output"].v.sel(compartment="soma")
    apical = tree["populations/hidden2"].v.sel(compartment="apical")
    for step in range(20):
        twin.step(inputs, potentials)
        np.testing.assert_allclose(output[:, step], twin.u[-1], rtol=0, atol=1e-13)
        np.testing.assert_allclose(apical[:, step], twin.vA[-1], rtol=0, atol=1e-13)


def test_reads_units_compartments_and_intervals_are_as_asked(circuit, shown):
    full = simulate(circuit, shown, [Record("hidden2", reads=("rate",))])
    part = simulate(
        circuit,
        shown,
        [Record("hidden2", ["apical", "soma"], ["rate"], units=[2, 0], every=0.5)],
    )
    full, part = (t["populations/hidden2"].to_dataset() for t in (full, part))
    assert list(part.compartment.values) == ["apical", "soma"]
    np.testing.assert_array_equal(part.unit, [2, 0])
    np.testing.assert_array_equal(part.step, [5, 10, 15, 20])
    assert part.rate.dims == ("sample", "time", "unit")
    picked = full.isel(time=[4, 9, 14, 19], unit=[2, 0])
    np.testing.assert_array_equal(part.rate, picked.rate)
    np.testing.assert_array_equal(part.v, picked.v.isel(compartment=[2, 0]))
    soma = full.v.sel(compartment="soma")
    np.testing.assert_allclose(full.rate, logistic(soma), rtol=1e-14)


def test_reads_alone_are_a_recording(circuit, shown):
    tree = simulate(circuit, shown, [Record("output", compartments=(), reads=["rate"])])
    assert set(tree["populations/output"].data_vars) == {"rate"}


def test_the_teacher_acts_only_where_the_schedule_shows_it(circuit, shown):
    taught = simulate(circuit, shown, ["hidden1", "output"])
    free = simulate(circuit, shown, ["hidden1", "output"], schedule=FREE)
    apical = [
        t["populations/hidden1"].v.sel(compartment="apical") for t in (taught, free)
    ]
    assert float(np.abs(apical[0]).max()) > 1e-3
    # Self-predicting and matched: silent through the transient, to rounding.
    assert float(np.abs(apical[1]).max()) < 1e-14


def test_the_target_need_not_be_given_while_it_is_off(circuit, shown):
    tree = simulate(circuit, {"input": shown["input"]}, ["output"], schedule=FREE)
    both = simulate(circuit, shown, ["output"], schedule=FREE)
    name = "populations/output"
    np.testing.assert_array_equal(tree[name].v, both[name].v)


def test_learning_adds_the_weights_before_and_after(shown, tmp_path):
    circuit = plastic_microcircuit(SIZES, steps=20)
    tree = simulate(circuit, shown, ["output"], learning=True)
    plastic = {p.name for p in circuit.projections if p.learns}
    assert set(tree["connections"].children) == plastic
    start = initial_weights(circuit)
    for name in plastic:
        node = tree[f"connections/{name}"].to_dataset()
        assert node.w.dims == ("record", "post", "pre")
        np.testing.assert_array_equal(node.w[0], start[name])
        assert not np.array_equal(node.w[0], node.w[1])
        np.testing.assert_array_equal(node.record_step, [0, 20])
        np.testing.assert_allclose(node.record_time, [0.0, 2.0])
        assert node.record_time.attrs["units"] == "ms"
    assert "connections" not in simulate(circuit, shown, ["output"])
    path = save_run(tree, tmp_path / "run.nc")
    assert open_run(path).identical(tree)


def test_given_weights_are_used_and_their_copies_follow(circuit, shown):
    zero = {
        f"{a}_to_{b}_basal": 0 * initial_weights(circuit)[f"{a}_to_{b}_basal"]
        for a, b in zip(layer_names(3)[:-1], layer_names(3)[1:], strict=True)
    }
    tree = simulate(circuit, shown, ["output"], weights=zero, schedule=FREE)
    np.testing.assert_array_equal(tree["populations/output"].v, 0.0)


def test_learning_can_be_watched_without_recording_cells(shown):
    circuit = plastic_microcircuit(SIZES, steps=20)
    tree = simulate(circuit, shown, [], learning=True)
    validate(tree)
    assert "populations" not in tree
    wanted = simulate(circuit, shown, ["output"], learning=True)
    name = "connections/input_to_hidden1_basal"
    np.testing.assert_array_equal(tree[name].w, wanted[name].w)


def test_a_population_that_is_on_needs_a_pattern(nothing_compiles, circuit, shown):
    with pytest.raises(ConfigError, match="'target' is on .* and has no pattern"):
        simulate(circuit, {"input": shown["input"]}, ["output"])


def test_phases_rounded_one_by_one_are_recorded_to_the_last_step(circuit, shown):
    # Twice 0.16 ms are two steps each; 0.32 ms together would be three.
    phases = [Phase(name, 0.16, on=("input",)) for name in ("first", "second")]
    with pytest.warns(UserWarning, match="0.16 ms is not a multiple"):
        tree = simulate(circuit, shown, ["output"], schedule=Schedule(tuple(phases)))
    v = tree["populations/output"].v
    np.testing.assert_array_equal(v.step, [1, 2, 3, 4])
    assert np.isfinite(v).all() and (v.sel(compartment="soma")[:, -1] != 0).all()
    assert tree.attrs["t_stop_ms"] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (["hiden1"], "no population 'hiden1'. did you mean 'hidden1'"),
        (
            [Record("hidden1", ["apicl"])],
            "no compartment 'apicl'. did you mean 'apical'",
        ),
        ([Record("hidden1", reads=["rats"])], "no read 'rats'. did you mean 'rate'"),
        ([Record("hidden1", units=[0, 3])], "unit 3 is out of range 0..2"),
        ([Record("hidden1", units=[-1])], "unit -1 is out of range 0..2"),
        ([Record("hidden1", units=[0, 0])], "a unit is given twice"),
        ([Record("hidden1", units=[])], "units must be a list of whole numbers"),
        ([Record("hidden1", units=[0.5])], "units must be a list of whole numbers"),
        ([Record("hidden1", every=2.1)], "between dt = 0.1 ms and the presentation, 2"),
        ([Record("hidden1", compartments=())], "no compartment and no read"),
        (["hidden1", Record("hidden1", every=1.0)], "'hidden1' is recorded twice"),
        ([3], "record holds a int, must hold Records or names"),
    ],
)
def test_impossible_recordings_are_refused(
    nothing_compiles, circuit, shown, record, text
):
    with pytest.raises((ConfigError, ModelError), match=text):
        simulate(circuit, shown, record)


@pytest.mark.parametrize("every", [0, -0.1, "1", float("nan")])
def test_an_impossible_interval_is_refused_where_it_is_written(every):
    with pytest.raises(ConfigError, match=f"every = {every!r}.*: must be .*> 0"):
        Record("hidden1", every=every)


def test_an_interval_that_is_no_multiple_of_the_step_is_rounded_aloud(circuit, shown):
    with pytest.warns(UserWarning, match="0.26 ms is not a multiple of dt = 0.1 ms; 3"):
        tree = simulate(circuit, shown, [Record("output", every=0.26)])
    np.testing.assert_array_equal(tree["populations/output"].step, 3 * np.arange(1, 7))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "'input' is on in phases of the schedule and has no"),
        ({"imput": np.zeros((1, 4))}, "no clamped population. did you mean 'input'"),
        ({"hidden1": np.zeros((1, 3))}, "'hidden1' is no clamped population"),
        ({"input": np.zeros((1, 5))}, r"shape \(1, 5\), must be \(n_samples, 4\)"),
        ({"input": np.zeros((2, 2, 4))}, r"must be \(n_samples, 4\)"),
        ({"input": np.full((1, 4), np.nan)}, "values that are not finite"),
        ({"input": np.zeros((0, 4))}, "the same number >= 1"),
        ({"input": ["a", "b", "c", "d"]}, "holds no numbers"),
        (
            {"input": np.zeros((2, 4)), "target": np.zeros((3, 2))},
            r"have \[2, 3\] samp",
        ),
    ],
)
def test_impossible_patterns_are_refused(nothing_compiles, circuit, given, text):
    with pytest.raises(ConfigError, match=text):
        simulate(circuit, given, ["output"])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"integrator": "euler"}, "integrator = 'euler': "),
        ({"dtype": "int64"}, "dtype = 'int64': .*allowed: float64, float32"),
        ({"threads": 0}, "threads: expected a whole number >= 1"),
        ({"integrator": "blocked", "block": 0}, "block: expected a whole number >= 1"),
        ({"seed": -1}, "seed=-1"),
        ({"weights": {"input_to_hidden": 0}}, "no projection 'input_to_hidden'"),
    ],
)
def test_impossible_options_are_refused(
    nothing_compiles, circuit, shown, options, text
):
    with pytest.raises((ConfigError, ModelError), match=text):
        simulate(circuit, shown, ["output"], **options)


def test_phases_of_drawn_length_are_refused(nothing_compiles, circuit, shown):
    drawn = Schedule((Phase("free", lambda rng: rng.uniform(1, 2), on=("input",)),))
    with pytest.raises(ConfigError, match="needs phases of fixed duration"):
        simulate(circuit, shown, ["output"], schedule=drawn)


def test_a_recording_larger_than_memory_is_refused_with_both_figures(shown):
    # 3 units x 3 compartments x 3 samples x 8 bytes x 2e10 steps: 4 TB.
    circuit = microcircuit(SIZES, presentation=2e9)
    with pytest.raises(ConfigError, match=r"too large: needs .*iB of memory, and"):
        simulate(circuit, shown, ["hidden1"])


def test_a_run_that_diverges_says_where(shown):
    circuit = microcircuit(SIZES, presentation=100.0)
    huge = {"input_to_hidden1_basal": np.full((3, 4), 1e308)}
    with pytest.raises(NumericalError, match="population 'hidden1'"):
        simulate(circuit, shown, ["output"], weights=huge)


def test_a_constant_of_the_population_itself_is_the_default_pattern(shown):
    circuit = microcircuit(SIZES, presentation=2.0, bias=True)
    bias = {"bias_to_output_basal": np.full((2, 1), 0.7)}
    zero = {"hidden2_to_output_basal": np.zeros((2, 3))}
    free = Schedule((Phase("free", 60.0, on=("input", "bias")),))
    tree = circuits.simulate(
        circuit,
        {"input": shown["input"]},
        ["output"],
        weights=bias | zero,
        schedule=free,
    )
    # 60 ms are 66 time constants: u = a v with v = 0.7 and a = 1 / 1.1.
    last = tree["populations/output"].v.sel(compartment="soma")[:, -1]
    np.testing.assert_allclose(last, 0.7 / 1.1, rtol=1e-12)
