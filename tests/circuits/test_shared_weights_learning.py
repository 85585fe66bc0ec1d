"""Convolutions, pooling, local fields and slots: how they learn."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from shared_kinds import (
    CELL,
    KINDS,
    PLAIN,
    RULE,
    circuit_of,
    drawn,
    each_kind,
    full,
    tied_back,
)
from systems import two_populations

import circuits
from circuits import (
    Convolution,
    Phase,
    Population,
    Presenter,
    Projection,
    Schedule,
    Tied,
    Uniform,
)
from dendrites import ActivityDifference, CellModel, Kernel, transfer
from dendrites.models import source, spike_source, three_compartment

RNG = np.random.default_rng(0)


def sums_of(kind, table):
    """Of a table (n_post, n_pre), what the synapses of every weight sum to."""
    n = kind.n_synapses(*table.shape)
    # No kind joins a pair of cells twice.
    which = full(kind, np.arange(1.0, n + 1).reshape(kind.slot_shape)).astype(int)
    joined = which > 0
    return np.bincount(which[joined] - 1, table[joined], n).reshape(kind.slot_shape)


@each_kind
def test_a_weight_moves_by_the_sum_of_its_synapses(every_engine, kind):
    """Filtered, step by step; the table beside it is set to the shared weights."""
    weights, rates = drawn(kind), RNG.uniform(-1, 1, (3, kind.n_pre))
    circuit = circuit_of(kind, rule=RULE, carry_state=True)
    dense = replace(circuit.projections[0], connectivity=circuits.Dense())
    dense = replace(circuit, projections=(dense,))
    one = Presenter(circuit, weights={"feedforward": weights}, batch=3)
    table = {"feedforward": full(kind, weights)}
    other = Presenter(dense, weights=table, batch=3)
    for _ in range(4):
        before = one.weights()["feedforward"]
        one.present({"input": rates})
        other.set_weights({"feedforward": full(kind, before)})
        other.present({"input": rates})
        moved = one.weights()["feedforward"] - before
        wanted = sums_of(kind, other.weights()["feedforward"] - full(kind, before))
        np.testing.assert_allclose(moved, wanted, rtol=1e-10, atol=1e-14)
        assert np.abs(moved).max() > 1e-4


@each_kind
def test_blocks_of_one_step_are_steps(every_engine, kind):
    circuit = circuit_of(kind, rule=RULE, steps=6)
    rates = RNG.uniform(-1, 1, (3, kind.n_pre))
    shown = {"weights": {"feedforward": drawn(kind)}, "learning": True}
    exact, blocks, lanes, longer = (
        circuits.present(circuit, {"input": rates}, **shown, **options).update
        for options in (
            {},
            {"integrator": circuits.Blocked(1)},
            {"chunk": 2},
            {"integrator": circuits.Blocked(3)},
        )
    )
    wanted, size = exact["feedforward"], np.abs(exact["feedforward"]).max()
    for found, accuracy in ((blocks, 1e-12), (lanes, 1e-12), (longer, 0.2)):
        error = np.abs(found["feedforward"] - wanted).max()
        assert error < accuracy * size
    assert np.abs(longer["feedforward"] - wanted).max() > 1e-12 * size


@pytest.mark.parametrize("optimise", [True, False])
def test_ties_follow_while_shared_weights_learn(every_engine, optimise):
    tied = Tied("feedforward", -0.5, transpose=True)
    circuit = tied_back(KINDS["strided"], tied, rule=RULE, steps=4)
    kind = KINDS["strided"]
    shown = {"input": RNG.uniform(size=kind.n_pre), "above": np.ones(kind.n_post)}
    for integrator in ("exact", circuits.Blocked(2)):
        done = circuits.present(circuit, shown, learning=True, integrator=integrator)
        forward = done.weights["feedforward"]
        np.testing.assert_array_equal(done.weights["back"], -0.5 * forward)
        assert np.abs(done.update["back"]).max() > 1e-6


def test_weights_can_be_those_of_another_convolution(every_engine):
    small = Convolution((4, 4), (3, 2), (2, 3))
    alike = Projection(
        "other", "second", "basal", connectivity=small, tied_to=Tied("feedforward")
    )
    circuit = circuit_of(
        PLAIN,
        rule=RULE,
        extra=(alike,),
        more=(
            Population("other", source(), small.n_pre, pattern="targets"),
            Population("second", CELL, small.n_post),
        ),
        phases=(Phase("shown", 0.4, on=("input", "other")),),
    )
    weights, image = drawn(PLAIN), RNG.uniform(size=small.n_pre)
    shown = circuits.present(
        circuit,
        {"input": RNG.uniform(size=PLAIN.n_pre), "other": image},
        reads=[("second", "basal")],
        weights={"feedforward": weights},
    )
    wanted = full(small, weights) @ image
    np.testing.assert_allclose(shown["second", "basal"][0], wanted, rtol=1e-12)


def test_bounds_hold_shared_weights(every_engine):
    rule = ActivityDifference("rate", None, 10.0)  # which is positive
    circuit = circuit_of(PLAIN, rule=rule, steps=20, bounds=(-0.1, 0.1))
    start = {"feedforward": Uniform(-0.1, 0.1)}
    shown = {"input": RNG.uniform(0.5, 1.0, PLAIN.n_pre)}
    done = circuits.present(circuit, shown, weights=start, learning=True)
    assert (done.weights["feedforward"] == 0.1).all()


@pytest.mark.parametrize("options", [{"stepper": "heun"}, {"delay": 0.6}, {}])
def test_signals_that_move_go_through_shared_weights(every_engine, options):
    """Recurrent, and beside it the table of the same weights."""
    again = Convolution((4, 4), 3, (3, 3), padding=1)
    weights, image = drawn(again), RNG.uniform(size=(2, PLAIN.n_pre))
    delay = {name: options[name] for name in options if name == "delay"}
    ends = []
    for connectivity, start in ((again, weights), ("dense", full(again, weights))):
        back = Projection(
            "output", "output", "apical", initial=start, connectivity=connectivity
        )
        rest = {k: v for k, v in options.items() if k not in delay}
        back = replace(back, **delay)
        circuit = circuit_of(PLAIN, steps=12, extra=(back,), **rest)
        shown = circuits.present(circuit, {"input": image}, reads=[("output", "soma")])
        ends.append(shown["output", "soma"])
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-11)
    assert np.abs(ends[0]).max() > 0.1


def test_averages_of_products_are_summed_over_synapses(every_engine):
    rule = ActivityDifference(
        "soma", None, moments=("shown", "shown"), average="products", learning_rate=1.0
    )
    phases = (Phase("shown", 1.2, on=("input",), window=1.0),)
    rates = RNG.uniform(size=(2, PLAIN.n_pre))
    changes = []
    for kind in (PLAIN, circuits.Dense()):
        circuit = circuit_of(PLAIN, rule=rule, phases=phases)
        one = replace(circuit.projections[0], connectivity=kind)
        start = drawn(PLAIN) if kind is PLAIN else full(PLAIN, drawn(PLAIN))
        done = circuits.present(
            replace(circuit, projections=(one,)),
            {"input": rates},
            weights={"feedforward": start},
            learning=True,
        )
        changes.append(done.update["feedforward"])
    np.testing.assert_allclose(changes[0], sums_of(PLAIN, changes[1]), rtol=1e-11)


def test_ties_go_through_functions_and_signs_hold(every_engine):
    rng = np.random.default_rng(0)
    kind, times = KINDS["strided"], rng.uniform(1.0, 2.0, KINDS["strided"].slot_shape)
    tied = Tied("feedforward", transpose=True, function=transfer.sign, times=times)
    circuit = tied_back(kind, tied, rule=RULE, steps=4, sign=-1)
    shown = {"input": rng.uniform(-1, 1, kind.n_pre), "above": np.ones(kind.n_post)}
    rates = {"feedforward": 2.0}
    done = circuits.present(circuit, shown, learning=True, learning_rates=rates)
    forward = done.weights["feedforward"]
    assert forward.max() == 0.0
    assert forward.min() < 0.0
    np.testing.assert_array_equal(done.weights["back"], times * np.sign(forward))


class Followed(NamedTuple):
    v: float = 0.0


class NoParams(NamedTuple):
    pass


class Arriving(NamedTuple):
    drive: float = 0.0


def follow(cell, inputs, p, dt):
    return Followed(inputs.drive)


@pytest.mark.parametrize("name", ["convolution", "local", "slots", "pooling, back"])
def test_traces_behind_synapses_follow_shared_weights(every_engine, name):
    kind, kernel = KINDS[name], Kernel(1.0, 3.0, memory=4.0)
    cell = CellModel(
        "follower",
        Followed,
        NoParams,
        Arriving,
        step=follow,
        traces={"drive": kernel},
        reads={"rate": lambda cell, p: cell.v},
    )
    pre = spike_source(newest="kernel", tau_rise=1.0, tau_decay=3.0, memory=4.0)
    rule = ActivityDifference("v", None, presynaptic="psp", moments=2 * ("shown",))
    phase = Phase("shown", 3.0, on=("input",), window=1.0)
    circuit = two_populations(
        kind.n_pre,
        kind.n_post,
        pre=pre,
        post=cell,
        connectivity=kind,
        initial=Uniform(0.1, 1.0),
        field="drive",
        signal="spikes",
        delay=0.0,
        rule=rule,
        phases=(phase,),
        carry_state=True,
        dt=1.0,
    )
    silent = Schedule((replace(phase, duration=1.0),), carry_state=True)
    some = {"input": (np.array([1.0, 2.0, 2.0]), np.array([0, 1, 2]))}
    with Presenter(circuit, forced=["input"]) as shown:
        start = shown.weights()["feedforward"]
        shown.present({}, forced_spikes=some)
        weights = shown.weights()["feedforward"]
        nothing = {"input": (np.zeros(0), np.zeros(0, int))}
        shown.present({}, silent, forced_spikes=nothing, learning=False)
        found, psp = shown.read("output", "v")[0], shown.read("input", "psp")[0]
    assert np.abs(weights - start).max() > 1e-4
    np.testing.assert_allclose(found, full(kind, weights) @ psp, rtol=1e-10, atol=1e-13)


def test_jumps_over_shared_weights_are_near_to_steps():
    kind = KINDS["strided"]
    circuit = two_populations(
        kind.n_pre,
        kind.n_post,
        post=three_compartment(tau_soma=3.0, tau_dendrite=2.0),
        connectivity=kind,
        initial=Uniform(),
        rule=replace(RULE, learning_rate=1e-4),
        phases=(Phase("shown", 60.0, on=("input",), lag=40.0),),
    )
    shown = {"input": RNG.uniform(size=(3, kind.n_pre))}
    steps, jumps = (
        circuits.present(circuit, shown, learning=True, integrator=name).update
        for name in ("exact", "equilibrium")
    )
    wanted = steps["feedforward"]
    error = np.abs(jumps["feedforward"] - wanted).max()
    assert error < 1e-2 * np.abs(wanted).max()
