"""Shared weights as arrays: given, kept, described, stored, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from shared_kinds import KINDS, PLAIN, RULE, circuit_of, drawn, each_kind, full
from systems import two_populations

import circuits
import dendrites as dn
from circuits import (
    Constant,
    Convolution,
    LocallyConnected,
    Pooling,
    Population,
    Projection,
    Shared,
    Tied,
    Transposed,
    Uniform,
)
from dendrites import ActivityDifference, SynapticRule, validate
from dendrites._describe import plain
from dendrites.errors import ModelError, NumericalError

RNG = np.random.default_rng(0)
TIMES = "early", "late"


@each_kind
def test_weights_come_back_from_the_order_of_a_run(kind):
    sizes = kind.n_post, kind.n_pre
    weights = drawn(kind)
    flat = kind.flatten(weights)
    assert flat.shape == (kind.n_synapses(*sizes),)
    np.testing.assert_array_equal(kind.unflatten(flat, *sizes), weights)
    assert len(kind.axes) == weights.ndim
    post, pre, slots = kind.synapses()
    table = np.zeros(sizes)
    np.add.at(table, (post, pre), weights.ravel()[slots])
    np.testing.assert_array_equal(table, full(kind, weights))
    assert kind.fan_in(kind.n_pre) >= np.bincount(post).max()
    np.testing.assert_array_equal(
        kind.transposed.transposed.synapses(), kind.synapses()
    )


def test_initial_weights_have_the_shape_and_fan_in_of_a_field():
    start = Uniform(0.5, 1.0, per_root_fan_in=True)
    found = circuits.initial_weights(circuit_of(PLAIN, initial=start))["feedforward"]
    assert found.shape == (3, 2, 3, 2)
    assert 0.5 <= found.min() * np.sqrt(12) <= found.max() * np.sqrt(12) <= 1.0
    local = circuit_of(KINDS["strided local"], initial=Constant(1.0))
    found = circuits.initial_weights(local)["feedforward"]
    assert found[0, 0, 0, 0].tolist() == [[0, 0, 0], [0, 1, 1], [0, 1, 1]]


def test_results_name_the_axes_of_kernels(tmp_path):
    circuit = circuit_of(PLAIN, rule=RULE, steps=3)
    shown = {"input": RNG.uniform(size=PLAIN.n_pre)}
    tree = circuits.simulate(circuit, shown, [], learning=True)
    assert tree["connections/feedforward"].w.dims == ("record", *PLAIN.axes)
    assert tree["connections/feedforward"].attrs["connectivity"] == "convolution"
    validate(tree)
    sides = RNG.random((6, PLAIN.n_pre)), RNG.random((6, PLAIN.n_post))
    split = circuits.Split(*sides, None, np.arange(6))
    task = circuits.Task("few", {"train": split, "test": split})
    options = {"epochs": 2, "threads": 1, "checkpoint": tmp_path / "c"}
    tree = circuits.train(circuit, task, **options)
    validate(tree)
    w = tree["weights/feedforward"].w
    assert w.dims == ("snapshot", *PLAIN.axes)
    again = circuits.train(circuit, task, resume=True, **options)
    assert again["weights/feedforward"].w.equals(w)
    dn.save_run(tree, tmp_path / "run.nc")
    assert dn.open_run(tmp_path / "run.nc")["weights/feedforward"].w.equals(w)
    assert circuits.evaluate(circuit, task, {"feedforward": w.values[-1]}) is not None


def test_lists_say_which_maps_are_joined():
    said = circuits.explain(circuit_of(PLAIN, rule=RULE))
    assert "feedforward times input.rate to output.basal (2, 6, 5) to (3, 4, 4)" in said
    assert "sum factor of feedforward times input.rate into" in said


def test_kinds_are_told_apart_by_their_geometry():
    kinds = [PLAIN, replace(PLAIN, padding=1), KINDS["local"], PLAIN.transposed]
    kinds += [KINDS["pooling"], KINDS["slots"], KINDS["slots, back"]]
    assert len({str(plain(kind)) for kind in kinds}) == len(kinds)
    assert Convolution((6, 5), [3, 2], (2, 3), stride=1) == PLAIN


def test_a_weight_that_diverges_is_named_by_its_axes():
    rule = ActivityDifference("basal", None, 1e7)
    for kind in (PLAIN, KINDS["local"]):
        circuit = circuit_of(kind, rule=rule, initial=Constant(1.0))
        shown = {"input": np.ones(kind.n_pre)}
        with pytest.raises(
            NumericalError, match=rf"weight \({', '.join(kind.axes)}\) = "
        ):
            circuits.present(circuit, shown, learning=True)


@pytest.mark.slow
def test_float32_gives_the_same_to_its_accuracy():
    for kind in (PLAIN, KINDS["strided local"]):
        circuit = circuit_of(kind, rule=RULE, steps=6)
        shown = {"input": RNG.uniform(size=(2, kind.n_pre))}
        single, double = (
            circuits.present(circuit, shown, learning=True, dtype=dtype).update
            for dtype in ("float32", "float64")
        )
        wanted = double["feedforward"]
        error = np.abs(single["feedforward"] - wanted).max()
        assert error < 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Convolution((3, 3), 4), "4 rows does not fit into 3 rows with padd"),
        (lambda: Convolution((5, 3), (2, 4)), "4 columns does not fit into 3 columns"),
        (lambda: Convolution((5, 5), 2, padding=2), "at the edge would see nothing; u"),
        (lambda: Convolution((5, 5), 2, stride=0), "stride = 0: must be a number or"),
        (lambda: Convolution(25, 2), r"shape = 25: must be \(height, width\), whole"),
        (lambda: Convolution((5, 5), 2, 3), r"channels = 3: must be \(c_in, c_out\)"),
        (lambda: Convolution((5, 5), 2.0), "kernel = 2.0: must be a number or"),
        (lambda: Pooling((4, 4), 2, 0), "Pooling: channels: expected a whole number"),
        (lambda: Transposed(KINDS["slots"]), "of is a Shared, must be a Convolution"),
        (lambda: Shared([0, 1], [0], [0, 1]), "2 post, 1 pre, 2 slots: give one"),
        (lambda: Shared([0, 1], [0, 1], [0, 2]), "slot 1 has no synapse, and slot 2"),
        (lambda: Shared([0, -1], [0, 1], [0, 0]), "post = .* flat array of whole nu"),
        (lambda: Shared([], [], []), "post = .* at least one"),
        (lambda: Shared([0.5], [0], [0]), "post = .* whole numbers"),
    ],
)
def test_slots_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ModelError, match=message):
        make()


def test_populations_that_do_not_fit_are_refused_with_what_would():
    message = (
        r"a convolution of maps \(2, 6, 5\) to \(3, 4, 4\) \(channels, height, width\) "
        "joins 60 to 48 cells, got 61 -> 48"
    )
    with pytest.raises(ModelError, match=message):
        two_populations(61, 48, connectivity=PLAIN)
    with pytest.raises(ModelError, match=r"transposed_convolution .* joins 48 to 60"):
        two_populations(60, 48, connectivity=PLAIN.transposed)
    with pytest.raises(ModelError, match=r"join pre cell 4, and .* has 4 cells"):
        two_populations(4, 4, connectivity=KINDS["slots"])


def test_weights_of_another_shape_are_refused_with_a_hint():
    message = r"\(2, 3, 3, 2\), must be \(3, 2, 3, 2\) .* Swap their first two axes"
    circuit = circuit_of(PLAIN)
    with pytest.raises(ModelError, match=message):
        circuits.initial_weights(circuit, given={"feedforward": np.ones((2, 3, 3, 2))})
    bad = np.ones((3, 2, 3, 2))
    bad[1, 0, 2, 1] = np.nan
    with pytest.raises(ModelError, match=r"kernel_column\) = \(1, 0, 2, 1\)"):
        circuits.initial_weights(circuit, given={"feedforward": bad})
    with pytest.raises(ModelError, match=r"must be an array \(c_out, c_in, kernel row"):
        circuit_of(PLAIN, initial=np.ones((3, 2)))


def test_rules_that_see_single_synapses_are_refused():
    rule = SynapticRule(lambda weight, cell, pre, p: pre - weight)
    with pytest.raises(ModelError, match="in a convolution projection synapses share"):
        circuit_of(PLAIN, rule=rule)
    options = {
        "rule": ActivityDifference("soma", None, moments=2 * ("forward",)),
        "perturbation": circuits.Perturbation(0.1, phases=("forward",)),
        "phases": (circuits.Phase("forward", 1.0, on=("input",), window=0.4),),
    }
    circuit_of(PLAIN, **options)
    options["rule"] = replace(options["rule"], presynaptic="xi")
    with pytest.raises(ModelError, match="reads what is added to the weight of one"):
        circuit_of(PLAIN, **options)


def test_shared_weights_can_be_perturbed():
    kind, image = PLAIN, RNG.uniform(size=(2, PLAIN.n_pre))
    phases = tuple(
        circuits.Phase(name, 0.2, on=("input",), window=0.2) for name in TIMES
    )
    perturbation = circuits.Perturbation(0.5, phases=("late",))
    circuit = circuit_of(kind, perturbation=perturbation, phases=phases)
    with circuits.Presenter(
        circuit, weights={"feedforward": drawn(kind)}, batch=2
    ) as p:
        p.present({"input": image})
        xi = p.perturbation("feedforward")
        early, late = (p.read("output", "basal", name) for name in TIMES)
    assert xi.shape == kind.slot_shape
    moved = image @ full(kind, xi).T
    np.testing.assert_allclose(late - early, moved, rtol=1e-11, atol=1e-13)


def test_signs_of_presynaptic_cells_are_refused():
    with pytest.raises(ModelError, match="several share a weight; give one sign"):
        circuit_of(PLAIN, sign=np.ones(PLAIN.n_pre, int))


@pytest.mark.parametrize(
    "connectivity",
    [
        Convolution((4, 4), (3, 2), (3, 2), padding=(2, 1)),
        Convolution((6, 5), (3, 2), (2, 3), padding=1).transposed,
        LocallyConnected((6, 5), (3, 2), (2, 3)).transposed,
        "dense",
    ],
)
def test_ties_to_other_synapses_are_refused(connectivity):
    tied = Tied("feedforward", transpose=True)
    back = Projection(
        "output", "below", "basal", tied_to=tied, connectivity=connectivity
    )
    n = getattr(back.connectivity, "n_post", PLAIN.n_pre)
    more = (Population("below", circuit_of(PLAIN).model("output"), n),)
    with pytest.raises(ModelError, match="Give it the connectivity.transposed of 'fee"):
        circuit_of(PLAIN, extra=(back,), more=more)
