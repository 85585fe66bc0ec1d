"""Parameters that differ from cell to cell, against cells computed one by one."""

from dataclasses import replace
from typing import Annotated, NamedTuple

import numpy as np
import pytest

import circuits
import dendrites as dn
from circuits import (
    Circuit,
    LogNormal,
    Normal,
    Phase,
    Population,
    Projection,
    Record,
    Schedule,
    Uniform,
)
from circuits.describe import describe
from circuits.integrators import onset_steps
from dendrites.activity_difference import Needs
from dendrites.errors import ModelError
from dendrites.models import source
from dendrites.random import generator

pytestmark = pytest.mark.usefixtures("every_engine")

N, N_IN, DT, STEPS = 4, 3, 0.5, 20
TAU = np.array([5.0, 8.0, 13.0, 21.0])
GAIN = np.array([0.5, -1.0, 2.0, 1.5])
OFFSET = 0.25
RNG = np.random.default_rng(1)
W, X = RNG.normal(size=(N, N_IN)), RNG.normal(size=(3, N_IN))
RATE = 0.02


class State(NamedTuple):
    soma: Annotated[float, "mV"] = 0.2
    dendrite: Annotated[float, "mV"] = 0.0


class Params(NamedTuple):
    tau: Annotated[float, "ms", dn.POSITIVE] = 10.0
    offset: Annotated[float, "mV"] = OFFSET
    gain: Annotated[float, "mV/pA"] = 1.0


class Inputs(NamedTuple):
    soma: Annotated[float, "mV"] = 0.0


def derivative(cell, inputs, p):
    return State((p.gain * cell.dendrite + p.offset - cell.soma) / p.tau, 0.0)


def instantaneous(cell, inputs, p):
    return State(cell.soma, p.gain * inputs.soma)


def cell_model(**options):
    return dn.CellModel(
        **{
            "name": "scaled",
            "state": State,
            "params": Params,
            "inputs": Inputs,
            "derivative": derivative,
            "instantaneous": instantaneous,
            "reads": {
                "rate": lambda cell, p: p.gain * cell.soma,
                "size": lambda cell, p: p.gain,
            },
            "time_constant": lambda p: p.tau,
            **options,
        }
    )


CELL = cell_model()
DIFFERENCE = dn.ActivityDifference(
    "rate", lambda cell, p: cell.soma / p.tau, learning_rate=RATE
)


def decay(weight, cell, pre, p):
    return (pre - weight) * cell.soma / p.tau


SYNAPTIC = dn.SynapticRule(decay, learning_rate=RATE)


def circuit(rule=None, phases=None, cells=None, **options):
    given = {"tau": TAU, "gain": GAIN}
    cells = cells or Population("output", CELL, N, parameters=given)
    return Circuit(
        (Population("input", source(), N_IN, pattern="inputs"), cells),
        (Projection("input", "output", "soma", initial=W, rule=rule, name="w"),),
        Schedule(phases or (Phase("shown", STEPS * DT, on=("input",)),)),
        dt=DT,
        **options,
    )


def by_hand(rule=None, x=X, steps=STEPS, tau=TAU, gain=GAIN):
    """Somata (steps, samples, N) and the weights after them, cell by cell."""
    soma, w, course = np.full((len(x), N), 0.2), W.copy(), []
    for _ in range(steps):
        drive = np.zeros_like(soma)
        change = np.zeros_like(w)
        for b in range(len(x)):
            for i in range(N):
                dendrite = gain[i] * float(w[i] @ x[b])
                drive[b, i] = (gain[i] * dendrite + OFFSET - soma[b, i]) / tau[i]
                for j in range(N_IN):
                    if rule is DIFFERENCE:
                        post = gain[i] * soma[b, i] - soma[b, i] / tau[i]
                        change[i, j] += post * x[b, j] / len(x)
                    if rule is SYNAPTIC:
                        post = soma[b, i] / tau[i]
                        change[i, j] += post * (x[b, j] - w[i, j]) / len(x)
        soma = soma + DT * drive
        w = w + RATE * DT * change
        course.append(soma)
    return np.array(course), w


@pytest.mark.parametrize("rule", [None, DIFFERENCE, SYNAPTIC])
@pytest.mark.parametrize("samples", [1, 3])
def test_every_loop_has_the_parameters_of_its_cell(rule, samples):
    soma, w = by_hand(rule, X[:samples])
    presenter = circuits.Presenter(
        circuit(rule), batch=samples, record=["output"], chunk=2
    )
    presenter.present({"input": X[:samples]})
    found = presenter.recorded()["output", "soma"]
    np.testing.assert_allclose(found[1:], soma, rtol=1e-12)
    np.testing.assert_allclose(presenter.read("output", "rate"), GAIN * soma[-1])
    np.testing.assert_allclose(presenter.weights()["w"], w, rtol=1e-11)


@pytest.mark.parametrize("integrator", [circuits.Blocked(1), circuits.Blocked(4)])
def test_blocks_have_them(integrator):
    exact, found = (
        circuits.present(
            circuit(DIFFERENCE), {"input": X}, learning=True, integrator=kind
        ).weights["w"]
        for kind in (circuits.Exact(), integrator)
    )
    one = integrator.steps == 1
    np.testing.assert_allclose(found, exact, rtol=1e-12 if one else 0.1)


def test_jumps_have_them():
    phases = (Phase("p", 400.0, on=("input",)),)
    slow = replace(DIFFERENCE, learning_rate=1e-5)
    exact, found = (
        circuits.present(
            circuit(slow, phases=phases), {"input": X}, learning=True, integrator=kind
        ).update["w"]
        for kind in (circuits.Exact(), circuits.Equilibrium(jumps=4))
    )
    np.testing.assert_allclose(found, exact, rtol=1e-2)


@pytest.mark.nojit
def test_a_modulator_has_those_of_its_cell():
    trace = {"learning_rate": RATE, "low_pass": dn.LowPass(10.0)}
    given = {"input": X[:1]}
    before, after = (
        circuits.present(
            circuit(dn.ActivityDifference("rate", None, **trace, **options)),
            given,
            learning=True,
        ).update["w"]
        for options in ({"gain": "size"}, {"modulator": "size"})
    )
    assert np.abs(before).max() > 1e-3
    np.testing.assert_allclose(after, before, rtol=1e-12)


def test_plain_python_and_single_precision_have_them_too():
    soma, w = by_hand(DIFFERENCE)
    found = circuits.present(
        circuit(DIFFERENCE),
        {"input": X},
        learning=True,
        dtype="float32",
        reads=[("output", "soma")],
    )
    np.testing.assert_allclose(found["output", "soma"], soma[-1], rtol=1e-4)
    np.testing.assert_allclose(found.weights["w"], w, rtol=1e-4)


@pytest.mark.parametrize("stepper", ["heun", "exponential_euler"])
def test_every_stepper_has_them(stepper):
    """Cells of one population are those of populations of one cell each."""
    together = circuits.present(
        circuit(stepper=stepper), {"input": X}, reads=[("output", "soma")]
    )
    for i in range(N):
        model = CELL.with_parameters(tau=TAU[i], gain=GAIN[i])
        alone = circuit(stepper=stepper, cells=Population("output", model, N))
        one = circuits.present(alone, {"input": X}, reads=[("output", "soma")])
        np.testing.assert_allclose(
            together["output", "soma"][:, i], one["output", "soma"][:, i], rtol=1e-14
        )


def test_settled_cells_are_at_their_own_steady_states():
    phases = (Phase("settled", settle=("output",), on=("input",)),)
    found = circuits.present(
        circuit(phases=phases), {"input": X}, reads=[("output", "soma")]
    )
    wanted = GAIN**2 * (X @ W.T) + OFFSET
    np.testing.assert_allclose(found["output", "soma"], wanted, rtol=1e-10)


def test_relaxed_cells_come_to_their_own_steady_states():
    phase = Phase("r", relax=("output",), sweeps=400, step=1.0, on=("input",))
    found = circuits.present(
        circuit(phases=(phase,)), {"input": X}, reads=[("output", "soma")]
    )
    wanted = GAIN**2 * (X @ W.T) + OFFSET
    np.testing.assert_allclose(found["output", "soma"], wanted, rtol=1e-7)
    with pytest.raises(ModelError, match="fastest time constant is 5 ms"):
        circuit(phases=(replace(phase, step=11.0),))


def test_equilibrium_waits_for_the_slowest_cell():
    described = circuit(DIFFERENCE, phases=(Phase("p", 400.0, on=("input",)),))
    assert onset_steps(described, None) == round(10 * TAU.max() / DT)


class Spiking(NamedTuple):
    v: Annotated[float, "mV"] = 0.0
    spikes: Annotated[float, "1"] = 0.0


class Threshold(NamedTuple):
    threshold: Annotated[float, "mV"] = 1.0
    reset: Annotated[float, "mV"] = 0.0


def test_cells_spike_and_reset_at_values_of_their_own():
    model = dn.CellModel(
        "integrator",
        Spiking,
        Threshold,
        Inputs,
        step=lambda cell, inputs, p, dt: Spiking(cell.v + 0.3, 0.0),
        spike=lambda cell, u, p, dt: 1.0 if cell.v >= p.threshold else 0.0,
        fired=lambda cell, n, p, dt: Spiking(p.reset if n > 0.0 else cell.v, n),
        sparse=True,
        compartments=("v",),
    )
    threshold, reset = np.array([0.5, 1.0, 2.0]), np.array([0.0, -0.4, 0.1])
    given = {"reset": reset, "threshold": threshold}
    alone = Circuit(
        (Population("cells", model, 3, parameters=given),),
        (Projection("cells", "cells", "soma", "spikes"),),
        Schedule((Phase("free", 10.0),)),
        output="cells",
        readout="v",
        dt=DT,
    )
    v, wanted = np.zeros(3), []
    for k in range(20):
        v = v + 0.3
        fired = v >= threshold
        v = np.where(fired, reset, v)
        wanted += [((k + 1) * DT, i) for i in np.flatnonzero(fired)]
    tree = circuits.simulate(alone, record=[Record("cells", spikes=True)])
    spikes = tree["spikes/cells"]
    found = zip(spikes.spike_time.values, spikes.spike_unit.values, strict=True)
    assert [*found] == wanted
    np.testing.assert_allclose(tree["populations/cells"].v.values[-1, 0], v)


# --- drawn ----------------------------------------------------------------------------


def of(parameters, n=N, **options):
    return Population("output", CELL, n, parameters=parameters, **options)


def test_drawn_parameters_belong_to_the_circuit_and_their_names():
    distributions = {"tau": Normal(10.0, 2.0, low=5.0), "gain": Uniform(-1.0, 1.0)}
    described = replace(circuit(cells=of(distributions)), seed=7)
    values = described.population("output").values
    wanted = distributions["gain"].draw(generator(7, "parameters/output/gain"), (N,))
    np.testing.assert_array_equal(values["gain"], wanted)
    alone = replace(circuit(cells=of({"tau": distributions["tau"]})), seed=7)
    same = alone.population("output").values["tau"]
    np.testing.assert_array_equal(same, values["tau"])
    other = replace(described, seed=8).population("output").values["tau"]
    assert (other != same).all()
    frozen = described.frozen("w").population("output").values["tau"]
    np.testing.assert_array_equal(frozen, same)
    one, two = (
        circuits.present(described, {"input": X}, seed=seed, reads=[("output", "soma")])
        for seed in (1, 2)
    )
    np.testing.assert_array_equal(one["output", "soma"], two["output", "soma"])
    soma, _ = by_hand(tau=values["tau"], gain=values["gain"])
    np.testing.assert_allclose(one["output", "soma"], soma[-1], rtol=1e-12)


def test_equal_values_give_the_bits_of_the_model():
    equal = {"tau": np.full(N, 10.0), "gain": np.ones(N)}
    found, wanted = (
        circuits.present(
            circuit(DIFFERENCE, cells=of(parameters)),
            {"input": X},
            learning=True,
            reads=[("output", "soma")],
        )
        for parameters in (equal, {})
    )
    assert found["output", "soma"].tobytes() == wanted["output", "soma"].tobytes()
    assert found.weights["w"].tobytes() == wanted.weights["w"].tobytes()


def test_runs_store_them(tmp_path):
    described = circuit(DIFFERENCE, cells=of({"gain": GAIN, "tau": Uniform(5, 20)}))
    tree = circuits.simulate(described, {"input": X[:1]}, ["output"], learning=True)
    dn.save_run(tree, tmp_path / "run.nc")
    node = dn.open_run(tmp_path / "run.nc")["parameters/output"]
    np.testing.assert_array_equal(node.gain, GAIN)
    tau = described.population("output").values["tau"]
    np.testing.assert_array_equal(node.tau, tau)
    assert node.tau.attrs["units"] == "ms"
    assert node.gain.attrs["long_name"] == "gain, mV/pA"
    split = circuits.Split(X, np.zeros((3, N)), None, np.arange(3))
    task = circuits.Task("few", {"train": split, "test": split})
    trained = circuits.train(described, task, epochs=1, threads=1)
    np.testing.assert_array_equal(trained["parameters/output"].tau, tau)


def test_descriptions_tell_them_apart():
    one, same, other = (
        describe(circuit(cells=of({"tau": tau}))) for tau in (TAU, TAU.copy(), 2 * TAU)
    )
    assert one == same
    assert one != other != describe(circuit(cells=of({"tau": Normal(10.0, 1.0)})))


# --- refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"tua": TAU}, "no parameter 'tua'. did you mean 'tau'"),
        ({"tau": TAU[:3]}, r"parameters\['tau'\] has shape \(3,\), must be \(4,\)"),
        ({"tau": TAU[:, None]}, r"has shape \(4, 1\)"),
        ({"tau": -TAU}, r"4 of 4 values are refused, the first that of cell 0, -5 ms"),
        ({"tau": [1.0, 2.0, 0.0, 4.0]}, "1 of 4 .* cell 2, 0 ms: input should be gre"),
        ({"gain": [1.0, np.nan, 0.0, 4.0]}, "cell 1, nan mV/pA"),
        ({"gain": [1.0, "2", 0.0, 4.0]}, "holds no numbers"),
        ({"tau": 12.0}, r"model.with_parameters\(tau=12\)"),
        ({"tau": Normal(10.0, 1.0, per_root_fan_in=True)}, "are of weights"),
        ({"tau": Uniform(1.0, 2.0, share=0.5)}, "are of weights"),
        (TAU, "parameters is a ndarray, must be a mapping"),
        ({"tau": "fast"}, "must be an array"),
        ({"tau": circuits.Constant(1.0)}, "must be an array"),
    ],
)
def test_wrong_parameters_are_refused(parameters, message):
    with pytest.raises(ModelError, match=message):
        of(parameters)


def test_drawn_values_that_a_model_refuses_are_refused_with_the_circuit():
    with pytest.raises(ModelError, match=r"drawn from Normal.* of 40 values are ref"):
        circuit(cells=of({"tau": Normal(2.0, 5.0)}, n=40))
    assert of({"tau": LogNormal(2.0, 0.1)}).parameters["tau"].mu == 2.0
    with pytest.raises(ModelError, match="drawn when it is part of a Circuit"):
        _ = of({"tau": LogNormal(2.0, 0.1)}).values


def test_the_fastest_cell_decides_which_steps_are_refused():
    fast = np.array([10.0, 10.0, 0.2, 10.0])
    with pytest.raises(ModelError, match="fastest time constant of 0.2 ms"):
        circuit(cells=of({"tau": fast}))


def test_rules_that_need_a_value_need_it_of_every_cell():
    rule = replace(DIFFERENCE, needs=Needs(postsynaptic={"tau": 10.0}))
    circuit(rule, cells=of({"tau": np.full(N, 10.0)}))
    with pytest.raises(ModelError, match="needs tau = 10 ms, and .* have 5 to 21"):
        circuit(rule)


def test_an_array_that_was_given_may_change_afterwards():
    mine = TAU.copy()
    cells = of({"tau": mine})
    mine[:] = 1.0
    np.testing.assert_array_equal(cells.values["tau"], TAU)
