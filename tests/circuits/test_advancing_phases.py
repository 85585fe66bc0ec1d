"""Phases in which cells advance, against NumPy with numbers of known addresses."""

from typing import Annotated, NamedTuple

import numpy as np
import pytest
from drawn_numbers import SEED, drawn
from scheme_circuits import DRAWN, EXACT, ONE
from systems import logistic

import circuits
from circuits import (
    Circuit,
    Constant,
    Phase,
    Population,
    Presenter,
    Projection,
    Schedule,
    Tied,
)
from dendrites import ActivityDifference, CellModel, transfer
from dendrites.errors import ConfigError, ModelError
from dendrites.models import source, three_compartment
from dendrites.random import normal, uniform

pytestmark = pytest.mark.usefixtures("every_engine")


class State(NamedTuple):
    activity: Annotated[float, "1"] = 0.0
    xi: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    sigma: Annotated[float, "1"] = 0.1


class Inputs(NamedTuple):
    drive: Annotated[float, "1"] = 0.0
    gate: Annotated[float, "1"] = 0.0
    noise: Annotated[float, "1"] = 0.0


def step(cell, inputs, p, dt):
    """A layer's activity, with noise in its drive where a source says so."""
    drive = inputs.drive + p.sigma * inputs.gate * inputs.noise
    return State(transfer.logistic(drive), inputs.noise)


NOISY = CellModel("noisy", State, Params, Inputs, step=step, random={"noise": "normal"})


LAYERS = ("hidden", "output")


def perturbed(*phases, rule=None):
    gate = [
        Projection("gate", name, "gate", signal="active", initial=Constant(1.0))
        for name in LAYERS
    ]
    return Circuit(
        (
            Population("input", source(), 4, pattern="inputs"),
            Population("gate", source(), 1, pattern=1.0),
            Population("hidden", NOISY, 5),
            Population("output", NOISY, 3),
        ),
        (
            Projection("input", "hidden", "drive", signal="rate", name="in", rule=rule,
                       **DRAWN),
            Projection("hidden", "output", "drive", signal="activity", name="out",
                       **DRAWN),
            *gate,
        ),
        Schedule(phases, always_on=("input",)),
        output="output",
        readout="activity",
        seed=SEED,
    )  # fmt: skip


CLEAN = Phase("clean", advance=LAYERS)
NOISE = Phase("noisy", advance=LAYERS, on={"gate": 1.0})


def shown(batch=3, n=4):
    return {"input": np.random.default_rng(0).uniform(size=(batch, n))}


@pytest.mark.nojit
def test_a_population_sees_what_those_before_it_have_just_become():
    reads = [
        (p, v, f) for p in LAYERS for v in State._fields for f in ("clean", "noisy")
    ]
    patterns = shown()
    found = circuits.present(perturbed(CLEAN, NOISE), patterns, reads=reads)
    w, v, x = found.before["in"], found.before["out"], patterns["input"]
    for step_number, phase in enumerate(("clean", "noisy")):
        noise = [
            drawn(normal, f"noise/{p}/noise", n, 3, step=step_number)
            for p, n in zip(LAYERS, (5, 3), strict=True)
        ]
        h = logistic(x @ w.T + 0.1 * step_number * noise[0])
        o = logistic(h @ v.T + 0.1 * step_number * noise[1])
        for name, activity, xi in zip(LAYERS, (h, o), noise, strict=True):
            np.testing.assert_allclose(
                found[name, "activity", phase], activity, rtol=EXACT
            )
            np.testing.assert_allclose(found[name, "xi", phase], xi, rtol=EXACT)


def test_populations_advance_in_the_order_that_the_phase_says():
    back = Phase("back", advance=("output", "hidden"))
    patterns = shown()
    found = circuits.present(perturbed(back), patterns, reads=[("output", "activity")])
    # The hidden layer had not moved yet.
    np.testing.assert_allclose(found["output", "activity"], 0.5, rtol=EXACT)


def test_the_window_of_many_steps_is_their_mean():
    many = Phase("many", advance=LAYERS, times=7, on={"gate": 1.0})
    patterns = shown()
    reads = [(p, v, "many") for p in LAYERS for v in State._fields]
    found = circuits.present(perturbed(CLEAN, many), patterns, reads=reads)
    w, v, x = found.before["in"], found.before["out"], patterns["input"]
    total = {read: 0.0 for read in reads}
    for k in range(1, 8):
        xi = drawn(normal, "noise/hidden/noise", 5, 3, step=k)
        xo = drawn(normal, "noise/output/noise", 3, 3, step=k)
        h = logistic(x @ w.T + 0.1 * xi)
        o = logistic(h @ v.T + 0.1 * xo)
        for read, values in zip(reads, (h, xi, o, xo), strict=True):
            total[read] = total[read] + values / 7.0
    for read, wanted in total.items():
        np.testing.assert_allclose(found.reads[read], wanted, rtol=1e-11, atol=EXACT)


RULE = ActivityDifference(
    "activity", "activity", moments=("noisy", "clean"), presynaptic="rate",
    gain=lambda cell, p: cell.xi, gain_moment="noisy", learning_rate=0.3,
)  # fmt: skip


@pytest.mark.parametrize("options", [{"chunk": 1}, {"chunk": 2, "threads": 2}])
def test_chunks_of_samples_draw_the_same_numbers(options):
    phases = CLEAN, Phase("noisy", advance=LAYERS, times=3, on={"gate": 1.0})
    whole, parts = (
        circuits.present(perturbed(*phases, rule=RULE), shown(), learning=True, **given)
        for given in ({}, options)
    )
    np.testing.assert_allclose(whole.update["in"], parts.update["in"], rtol=1e-10)
    assert np.abs(whole.update["in"]).max() > 1e-4


def test_many_presentations_in_one_call_draw_what_single_ones_draw():
    patterns, results = shown(12), []
    for many in (True, False):
        with Presenter(perturbed(CLEAN, NOISE, rule=RULE), batch=3) as presenter:
            if many:
                presenter.present_many(patterns)
            for first in range(0, 0 if many else 12, 3):
                presenter.present({"input": patterns["input"][first : first + 3]})
            results.append((presenter.weights()["in"], presenter.read("hidden", "xi")))
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    wanted = drawn(normal, "noise/hidden/noise", 5, 3, step=1, presentation=3)
    np.testing.assert_allclose(results[0][1], wanted, rtol=EXACT)


# --- cells that draw and settle -------------------------------------------------------


class Rest(NamedTuple):
    v: Annotated[float, "1"] = 0.0


class Kicked(NamedTuple):
    drive: Annotated[float, "1"] = 0.0
    noise: Annotated[float, "1"] = 0.0


def kicked(cell, inputs, p):
    return Rest(inputs.drive + p.sigma * inputs.noise - cell.v)


def settling(kind):
    model = CellModel(
        "kicked", Rest, Params, Kicked, derivative=kicked, random={"noise": kind}
    )
    phases = [Phase(k, settle=("cell",), on=("input",)) for k in ("a", "b")]
    return Circuit(
        (Population("input", source(), 4), Population("cell", model, 4)),
        (Projection("input", "cell", "drive", **ONE),),
        Schedule(phases),
        output="cell",
        readout="v",
        seed=SEED,
    )


@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_cells_that_draw_settle_with_numbers_of_their_own_in_every_phase(kind):
    reads = [("cell", "v", phase) for phase in ("a", "b")]
    patterns = shown()
    found = circuits.present(settling(kind), patterns, reads=reads)
    draw = normal if kind == "normal" else uniform
    for k, read in enumerate(reads):
        noise = drawn(draw, "noise/cell/noise", 4, 3, step=k)
        wanted = patterns["input"] + 0.1 * noise
        np.testing.assert_allclose(found.reads[read], wanted, rtol=EXACT)


def test_white_noise_has_no_steady_state():
    with pytest.raises(ModelError, match="'noise' is white noise, a number per square"):
        settling("white")


# --- binary cells ---------------------------------------------------------------------


class Unit(NamedTuple):
    spikes: Annotated[float, "1"] = 0.0
    p: Annotated[float, "1"] = 0.0


class Field(NamedTuple):
    drive: Annotated[float, "1"] = 0.0
    clamp: Annotated[float, "1"] = 0.0
    taught: Annotated[float, "1"] = 0.0


def probability(cell, inputs, p, dt):
    free = transfer.logistic(inputs.drive)
    return Unit(cell.spikes, free + inputs.taught * (inputs.clamp - free))


def flip(cell, u, p, dt):
    return 1.0 if u < cell.p else 0.0


def flipped(cell, count, p, dt):
    return Unit(count, cell.p)


BINARY = CellModel(
    "binary", Unit, Params, Field, step=probability, spike=flip, fired=flipped
)
BOLTZMANN = ActivityDifference(
    "spikes", "spikes", moments=("clamped", "free"), presynaptic="spikes",
    average="products", learning_rate=0.25,
)  # fmt: skip


def machine(times, **options):
    """A restricted Boltzmann machine: visible cells may be clamped to a pattern."""
    order = ("hidden", "visible")
    phases = (
        Phase("clamped", advance=order, times=times, on=("input",)),
        Phase("free", advance=order, times=times),
    )
    signal = {"signal": "spikes"}
    return Circuit(
        (
            Population("input", source(), 4, pattern="inputs"),
            Population("visible", BINARY, 4),
            Population("hidden", BINARY, 3),
        ),
        (
            Projection("input", "visible", "clamp", **ONE),
            Projection("input", "visible", "taught", signal="active", **ONE),
            Projection("visible", "hidden", "drive", name="w", rule=BOLTZMANN,
                       **signal, **DRAWN),
            Projection("hidden", "visible", "drive", tied_to=Tied("w", transpose=True),
                       **signal),
        ),
        Schedule(phases),
        output="hidden",
        readout="spikes",
        seed=SEED,
        **options,
    )  # fmt: skip


@pytest.mark.nojit
@pytest.mark.parametrize("times", [1, 6])
def test_a_boltzmann_machine_samples_both_phases_and_learns_their_difference(times):
    patterns = {"input": np.array([[1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0]])}
    reads = [("visible", "spikes", "clamped"), ("hidden", "spikes", "free")]
    found = circuits.present(machine(times), patterns, reads=reads, learning=True)
    w, x = found.before["w"], patterns["input"]
    v, step_number = np.zeros((2, 4)), 0
    products, means = [], {}
    for phase in ("clamped", "free"):
        total, mean_v, mean_h = 0.0, 0.0, 0.0
        for _ in range(times):
            u = drawn(uniform, "spikes/hidden", 3, 2, step=step_number)
            h = (u < logistic(v @ w.T)).astype(float)
            u = drawn(uniform, "spikes/visible", 4, 2, step=step_number)
            p = x if phase == "clamped" else logistic(h @ w)
            v = (u < p).astype(float)
            step_number += 1
            total = total + h.T @ v / times
            mean_v, mean_h = mean_v + v / times, mean_h + h / times
        products.append(total / 2.0)
        means[phase] = mean_v, mean_h
    np.testing.assert_allclose(found.reads[reads[0]], means["clamped"][0], rtol=EXACT)
    np.testing.assert_allclose(found.reads[reads[1]], means["free"][1], rtol=EXACT)
    np.testing.assert_allclose(
        found.update["w"], 0.25 * (products[0] - products[1]), atol=EXACT
    )
    assert np.abs(found.update["w"]).max() > 0.0


# --- words ----------------------------------------------------------------------------


def test_explain_says_what_is_done_again():
    text = circuits.explain(perturbed(Phase("many", advance=LAYERS, times=4)))
    once, again = text.split("3 times more:")
    assert "add in times input.rate to hidden.drive" in once
    assert "add in times" not in again
    assert "draw hidden.noise" in again
    assert "divide every average in many by 4" in again


@pytest.mark.parametrize(
    "model, message",
    [
        (source(), "source cells do not advance: they show what they are given"),
        (three_compartment(), "do not advance: they have neither a step of their own"),
    ],
)
def test_cells_of_which_one_step_is_no_answer_do_not_advance(model, message):
    with pytest.raises(ModelError, match=f"phase 'free': 'cell': .*{message}"):
        Circuit(
            (Population("cell", model, 2),),
            (),
            Schedule((Phase("free", advance=("cell",)),)),
            output="cell",
            readout=model.read_names[0],
        )


def test_cells_with_algebraic_compartments_advance_but_not_by_heun():
    def of(stepper):
        cells = three_compartment(dendrites="instantaneous", tau_soma=2.0)
        return Circuit(
            (Population("input", source(), 2), Population("cell", cells, 2)),
            (Projection("input", "cell", "basal", **ONE),),
            Schedule((Phase("free", advance=("cell",), on=("input",)),)),
            output="cell",
            readout="basal",
            stepper=stepper,
        )

    found = circuits.present(of("euler"), {"input": np.array([1.0, 2.0])})
    np.testing.assert_allclose(found["cell", "basal"], [[1.0, 2.0]], rtol=EXACT)
    with pytest.raises(ModelError, match="phase 'free': heun looks twice at what"):
        of("heun")


def test_delays_and_recordings_need_time():
    described = perturbed(CLEAN)
    with pytest.raises(ConfigError, match="advancing phases take no time"):
        circuits.simulate(described, shown(), ["output"])
    delayed = [
        Projection("hidden", "output", "drive", signal="activity", delay=1.0, name="d")
    ]
    with pytest.raises(ModelError, match="'d' has a delay, and phase "):
        Circuit(
            described.populations,
            delayed,
            described.schedule,
            readout="activity",
        )


@pytest.mark.parametrize("times", [0, 1.5, True])
def test_phases_advance_a_whole_number_of_times(times):
    with pytest.raises(ModelError, match="phase 'a': times: expected a whole number"):
        Phase("a", advance=("cell",), times=times)
