"""Phases in which cells relax, against plain NumPy from the equations."""

from typing import Annotated, NamedTuple

import numpy as np
import pytest
import scipy.optimize
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
    Uniform,
)
from dendrites import ActivityDifference, CellModel, transfer
from dendrites.errors import ConfigError, ModelError, NumericalError
from dendrites.models import sacramento_pyramidal, source, threshold_unit

pytestmark = pytest.mark.usefixtures("every_engine")

EXACT = 1e-12
ONE = {"connectivity": "one_to_one", "initial": Constant(1.0)}
SIZES = (4, 6, 3)
STEP = 0.5


class State(NamedTuple):
    s: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    tau: Annotated[float, "ms"] = 1.0


class Inputs(NamedTuple):
    drive: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    beta: Annotated[float, "1"] = 0.0


def rate(cell, p):
    return transfer.logistic(cell.s)


def derivative(cell, inputs, p):
    """Energy-based: the drive is multiplied by the slope of the rate."""
    r = transfer.logistic(cell.s)
    nudge = inputs.target - inputs.beta * cell.s
    return State((r * (1.0 - r) * inputs.drive - cell.s + nudge) / p.tau)


def time_constant(p):
    return p.tau


CELL = CellModel(
    "leaky",
    State,
    Params,
    Inputs,
    derivative=derivative,
    reads={"rate": rate},
    time_constant=time_constant,
)
RULE = ActivityDifference(
    "rate", "rate", moments=("nudged", "free"), presynaptic="rate", learning_rate=0.5
)
MOVING = ("hidden", "output")


def energy_based(phases, rule=None, sizes=SIZES, **options):
    """Input, hidden and output cells with symmetric weights, and a teacher."""
    learned = {"initial": Uniform(-1.0, 1.0), "rule": rule}
    return Circuit(
        (
            Population("input", source(), sizes[0], pattern="inputs"),
            Population("hidden", CELL, sizes[1]),
            Population("output", CELL, sizes[2]),
            Population("target", source(), sizes[2], pattern="targets"),
        ),
        (
            Projection("input", "hidden", "drive", name="in", **learned),
            Projection("hidden", "output", "drive", name="out", **learned),
            Projection(
                "output", "hidden", "drive", tied_to=Tied("out", transpose=True)
            ),
            Projection("target", "output", "target", **ONE),
            Projection("target", "output", "beta", signal="active", **ONE),
        ),
        Schedule(phases, always_on=("input",)),
        **options,
    )


def relaxing(name="free", **options):
    return Phase(name, relax=MOVING, **{"sweeps": 12, "step": STEP, **options})


def free_and_nudged(beta=0.3, **options):
    nudged = relaxing("nudged", sweeps=5, on={"target": beta})
    return energy_based((relaxing(), nudged), rule=RULE, **options)


def shown(batch=3, seed=0, sizes=SIZES):
    rng = np.random.default_rng(seed)
    return {
        "input": rng.uniform(size=(batch, sizes[0])),
        "target": rng.uniform(size=(batch, sizes[-1])),
    }


def swept(weights, x, sweeps, state=None, target=0.0, beta=0.0, step=STEP):
    """(hidden, output) after so many damped sweeps."""
    w, v = weights["in"], weights["out"]
    h, o = state or (np.zeros((len(x), len(w))), np.zeros((len(x), len(v))))
    for _ in range(sweeps):
        rh, ro = logistic(h), logistic(o)
        dh = rh * (1.0 - rh) * (x @ w.T + ro @ v) - h
        do = ro * (1.0 - ro) * (rh @ v.T) - o + beta * (target - o)
        h, o = h + step * dh, o + step * do
    return h, o


# --- what a sweep computes ------------------------------------------------------------


@pytest.mark.nojit
@pytest.mark.parametrize("beta", [0.3, -0.3])
def test_a_nudged_phase_goes_on_from_the_free_one(beta):
    patterns = shown()
    reads = [(p, "s", phase) for phase in ("free", "nudged") for p in MOVING]
    found = circuits.present(
        free_and_nudged(beta), patterns, reads=reads, learning=True
    )
    x, y, before = patterns["input"], patterns["target"], found.before
    free = swept(before, x, 12)
    nudged = swept(before, x, 5, free, y, beta)
    for (population, _, phase), values in found.reads.items():
        wanted = (free if phase == "free" else nudged)[MOVING.index(population)]
        np.testing.assert_allclose(values, wanted, rtol=EXACT, atol=EXACT)
    for name, pre, k in (("in", (x, x), 0), ("out", (logistic(free[0]),
                         logistic(nudged[0])), 1)):  # fmt: skip
        difference = logistic(nudged[k]).T @ pre[1] - logistic(free[k]).T @ pre[0]
        wanted = 0.5 * difference / 3
        np.testing.assert_allclose(found.update[name], wanted, rtol=1e-10, atol=EXACT)
        assert np.abs(wanted).max() > 1e-4
    assert found.sweeps["free"].tolist() == [12, 12, 12]


@pytest.mark.parametrize("options", [{"chunk": 2}, {"chunk": 1, "threads": 2}, {}])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_chunks_and_single_precision_change_rounding_alone(options, dtype):
    patterns = shown(5)
    found = circuits.present(
        free_and_nudged(), patterns, learning=True, dtype=dtype, **options
    )
    free = swept(found.before, patterns["input"], 12)
    nudged = swept(found.before, patterns["input"], 5, free, patterns["target"], 0.3)
    rounding = EXACT if dtype == "float64" else 1e-6
    np.testing.assert_allclose(
        found["output", "rate"], logistic(nudged[1]), rtol=rounding
    )


@pytest.mark.parametrize("tolerance", [None, 1e-3])
def test_many_presentations_in_one_call_give_the_bits_of_single_ones(tolerance):
    most = {} if tolerance is None else {"sweeps": 100, "tolerance": tolerance}
    nudged = relaxing("nudged", sweeps=5, on={"target": 0.3})
    described = energy_based((relaxing(**most), nudged), rule=RULE)
    patterns = shown(12)
    results = []
    for count in (12, 3):
        with Presenter(described, batch=3) as presenter:
            for first in range(0, 12, count):
                part = slice(first, first + count)
                presenter.present_many({k: v[part] for k, v in patterns.items()})
            results.append([*presenter.weights().values(), presenter.sweeps("free")])
        with Presenter(described, batch=3) as presenter:
            for first in range(0, 12, 3):
                part = slice(first, first + 3)
                presenter.present({k: v[part] for k, v in patterns.items()})
            results.append([*presenter.weights().values(), presenter.sweeps("free")])
    for other in results[1:]:
        for mine, theirs in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_a_relaxing_phase_stands_beside_one_with_a_duration():
    described = energy_based((Phase("on", 1.0), relaxing(sweeps=3)), dt=0.1)
    patterns = shown()
    found = circuits.present(described, patterns, reads=[("output", "s")])
    begun = swept(found.before, patterns["input"], 10, step=0.1)
    wanted = swept(found.before, patterns["input"], 3, begun)
    np.testing.assert_allclose(found["output", "s"], wanted[1], rtol=EXACT)


def test_silent_projections_carry_nothing_while_cells_relax():
    (back,) = (p.name for p in energy_based((relaxing(),)).projections if p.tied_to)
    described = energy_based((relaxing(silent=(back,)),))
    patterns = shown()
    found = circuits.present(described, patterns, reads=[("hidden", "s")])
    weights = {**found.before, "out": np.zeros((3, 6))}
    wanted = swept(weights, patterns["input"], 12)
    np.testing.assert_allclose(found["hidden", "s"], wanted[0], rtol=EXACT)


class Clock(NamedTuple):
    time: Annotated[float, "ms"] = 0.0


class Nothing(NamedTuple):
    drive: Annotated[float, "1"] = 0.0


def tick(cell, inputs, p, dt):
    return Clock(cell.time + dt)


def test_cells_with_a_step_of_their_own_make_it_as_long_as_the_sweep_says():
    clock = CellModel("clock", Clock, Params, Nothing, step=tick)
    phases = (
        Phase("a", relax=("clock",), sweeps=3, step=0.25),
        Phase("b", 1.0),
        Phase("c", advance=("clock",), times=2),
    )
    described = Circuit(
        (Population("input", source(), 1, pattern="inputs"),
         Population("clock", clock, 1)),
        (Projection("input", "clock", "drive"),),
        Schedule(phases),
        output="clock",
        readout="time",
        dt=0.5,
    )  # fmt: skip
    found = circuits.present(described, {"input": np.ones(1)})
    assert found["clock", "time"] == 0.75 + 1.0 + 1.0


# --- predictive coding ----------------------------------------------------------------


class Error(NamedTuple):
    error: Annotated[float, "1"] = 0.0


class Compared(NamedTuple):
    value: Annotated[float, "1"] = 0.0
    prediction: Annotated[float, "1"] = 0.0


class Value(NamedTuple):
    value: Annotated[float, "1"] = 0.0


class Corrected(NamedTuple):
    error: Annotated[float, "1"] = 0.0
    feedback: Annotated[float, "1"] = 0.0


def no_change(cell, inputs, p):
    return Error(0.0)


def compared(cell, inputs, p):
    return Error(inputs.value - inputs.prediction)


def corrected(cell, inputs, p):
    r = transfer.logistic(cell.value)
    return Value((r * (1.0 - r) * inputs.feedback - inputs.error) / p.tau)


def value_rate(cell, p):
    return transfer.logistic(cell.value)


ERROR = CellModel(
    "error", Error, Params, Compared, derivative=no_change, instantaneous=compared
)
VALUE = CellModel(
    "value", Value, Params, Corrected, derivative=corrected, reads={"rate": value_rate}
)


def test_strict_predictive_coding_lowers_its_energy_in_every_damped_sweep():
    n, names = 60, ("hidden", "error1", "error2")
    phases = tuple(
        Phase(f"p{k}", relax=names, sweeps=1, step=0.1, on=("input", "target"))
        for k in range(n)
    )
    drawn = {"initial": Uniform(-1.0, 1.0)}
    described = Circuit(
        (
            Population("input", source(), 5, pattern="inputs"),
            Population("hidden", VALUE, 8),
            Population("error1", ERROR, 8),
            Population("error2", ERROR, 3),
            Population("target", source(), 3, pattern="targets"),
        ),
        (
            Projection("input", "error1", "prediction", name="w1", **drawn),
            Projection("hidden", "error2", "prediction", name="w2", **drawn),
            Projection("hidden", "error1", "value", signal="value", **ONE),
            Projection("target", "error2", "value", **ONE),
            Projection("error1", "hidden", "error", signal="error", **ONE),
            Projection("error2", "hidden", "feedback", signal="error",
                       tied_to=Tied("w2", transpose=True)),
        ),
        Schedule(phases),
        output="error2",
        readout="error",
    )  # fmt: skip
    x, t = shown(2, sizes=(5, 8, 3)).values()
    reads = [("hidden", "value", phase.name) for phase in phases]
    found = circuits.present(described, {"input": x, "target": t}, reads=reads)
    w1, w2 = found.before["w1"], found.before["w2"]
    v, energies = np.zeros((2, 8)), []
    e1, e2 = np.zeros((2, 8)), np.zeros((2, 3))
    for read in reads:
        r = logistic(v)
        change = r * (1.0 - r) * (e2 @ w2) - e1
        e1, e2 = v - x @ w1.T, t - r @ w2.T
        v = v + 0.1 * change
        np.testing.assert_allclose(found.reads[read], v, rtol=1e-11, atol=EXACT)
        value = found.reads[read]
        errors = value - x @ w1.T, t - logistic(value) @ w2.T
        energies.append([0.5 * (e**2).sum(axis=1) for e in errors])
    total = np.array(energies).sum(axis=1)
    assert (np.diff(total, axis=0) < 0.0)[1:].all()
    assert (total[-1] < 0.9 * total[0]).all()


# --- until nothing moves --------------------------------------------------------------


def recurrent(n=6, **options):
    """Logistic cells that excite and inhibit each other: Hopfield, Almeida-Pineda."""
    phase = Phase("rest", relax=("cell",), on=("input",), **options)
    cell = CellModel(
        "rest",
        State,
        Params,
        Inputs,
        derivative=pulled,
        reads={"rate": rate},
    )
    return Circuit(
        (
            Population("input", source(), n, pattern="inputs"),
            Population("cell", cell, n),
        ),
        (
            Projection("input", "cell", "drive", **ONE),
            Projection(
                "cell", "cell", "drive", name="back", initial=Uniform(-1.5, 1.5)
            ),
        ),
        Schedule((phase,)),
        output="cell",
    )


def pulled(cell, inputs, p):
    return State((inputs.drive - cell.s) / p.tau)


@pytest.mark.nojit
def test_every_sample_stops_by_itself_at_its_fixed_point():
    described = recurrent(sweeps=1000, step=0.7, tolerance=1e-10)
    x = np.random.default_rng(3).normal(0.0, 3.0, (7, 6))
    found = circuits.present(described, {"input": x}, reads=[("cell", "s")])
    w, counts = found.before["back"], []
    for values, drive in zip(found["cell", "s"], x, strict=True):
        root = scipy.optimize.root(
            lambda s, drive=drive: drive + w @ logistic(s) - s, drive, tol=1e-13
        )
        np.testing.assert_allclose(values, root.x, atol=1e-9)
        s, change, count = np.zeros(6), 1.0, 0
        while np.abs(change).max() > 1e-10:
            change = drive + w @ logistic(s) - s
            s, count = s + 0.7 * change, count + 1
        np.testing.assert_allclose(values, s, rtol=EXACT)
        counts.append(count)
    assert found.sweeps["rest"].tolist() == counts
    assert len(set(counts)) > 2
    chunked = circuits.present(described, {"input": x}, chunk=2)
    assert chunked.sweeps["rest"].tolist() == counts


def test_what_does_not_come_to_rest_is_said():
    described = recurrent(sweeps=4, step=0.7, tolerance=1e-10)
    with pytest.raises(
        NumericalError,
        match=r"phase 'rest': population 'cell', compartment 's', unit \d \(sample 1\)"
        r" did not come to rest: it still moves by .* 1/ms after 4 sweeps\. Allow more",
    ):
        x = np.zeros((2, 6))
        x[1] = 50.0
        circuits.present(described, {"input": x})
    for chunk in (1, 2):
        with pytest.raises(NumericalError, match="sample 1"):
            circuits.present(described, {"input": x}, chunk=chunk)


@pytest.mark.parametrize("tolerance", [None, 1e-6])
def test_cells_that_leave_the_finite_range_are_said_to(tolerance):
    described = recurrent(sweeps=400, step=3.0, tolerance=tolerance)
    with pytest.raises(NumericalError, match="(left the finite range|come to rest)"):
        circuits.present(described, {"input": np.full(6, 5.0)})


def test_training_tells_the_mean_number_of_sweeps():
    phases = (
        relaxing(sweeps=200, tolerance=1e-4),
        relaxing("nudged", sweeps=5, on={"target": 0.3}),
    )
    described = energy_based(phases, rule=RULE)
    rng = np.random.default_rng(0)
    splits = {
        name: circuits.Split(
            rng.uniform(size=(n, 4)), rng.uniform(size=(n, 3)), None, np.arange(n)
        )
        for name, n in (("train", 10), ("test", 4))
    }
    task = circuits.Task("drawn", splits)
    tree = circuits.train(described, task, epochs=2, batch=4, threads=1)
    means = tree["training"].sweeps_free.values
    assert means.shape == (2,)
    assert ((means > 5) & (means < 100)).all()
    (split, _) = splits.values()
    with Presenter(
        described, batch=10, weights=circuits.initial_weights(described)
    ) as p:
        p.present({"input": split.inputs, "target": split.targets}, learning=False)
        # Weights move little in an epoch of three updates.
        assert abs(means[0] - p.sweeps("free").mean()) < 3
    assert "sweeps_nudged" not in tree["training"]


# --- held -----------------------------------------------------------------------------


def test_held_cells_stand_still_while_others_relax():
    phases = relaxing(), relaxing("more", hold={"output": ("s",)}, sweeps=4)
    patterns = shown()
    reads = [(p, "s", phase) for phase in ("free", "more") for p in MOVING]
    found = circuits.present(energy_based(phases), patterns, reads=reads)
    h, o = swept(found.before, patterns["input"], 12)
    np.testing.assert_array_equal(
        found["output", "s", "free"], found["output", "s", "more"]
    )
    for _ in range(4):
        h, _ = swept(found.before, patterns["input"], 1, (h, o))
    np.testing.assert_allclose(found["hidden", "s", "more"], h, rtol=EXACT)


# --- words ----------------------------------------------------------------------------


def test_explain_says_what_a_sweep_does_once_and_again():
    text = circuits.explain(energy_based((relaxing(),)))
    once, again = text.split("11 times more:")
    assert "add in times input.rate to base of hidden.drive" in once
    assert "add in times" not in again
    assert "step hidden" in again
    text = circuits.explain(energy_based((relaxing(tolerance=0.1),)))
    assert "11 times more at most, until every sample is at rest:" in text


@pytest.mark.parametrize(
    "options, message",
    [
        ({"relax": ("a",), "duration": 3.0}, "duration = 3.0: a relaxing phase"),
        ({"relax": ("a",), "settle": ("b",)}, "settle and relax: cells of one phase"),
        ({"relax": ("a", "a")}, "relax names 'a' twice"),
        ({"relax": "a"}, "relax = 'a' is text"),
        ({"relax": ("a",), "sweeps": 0}, "sweeps: expected a whole number >= 1"),
        ({"relax": ("a",), "step": 0.0}, "step = 0.0 ms: must be > 0"),
        ({"relax": ("a",), "tolerance": -1.0}, "tolerance = -1.0"),
        ({"duration": 3.0, "sweeps": 5}, "sweeps = 5 is for phases in which"),
        ({"settle": ("a",), "step": 0.5}, "step = 0.5 is for phases in which"),
        ({"relax": ("a",), "times": 5}, "times = 5 is for phases in which"),
        ({"relax": ("a",), "window": 2.0}, "window = 2.0: a relaxing phase"),
    ],
)  # fmt: skip
def test_options_that_do_not_belong_together_are_refused(options, message):
    with pytest.raises(ModelError, match=message):
        Phase("free", **options)


@pytest.mark.parametrize(
    "model, message",
    [
        (source(), "source cells do not relax: they show what they are given"),
        (threshold_unit(noise=0.5), "cannot relax"),
        (sacramento_pyramidal(noise="white"), "their inputs .* are random"),
    ],
)
def test_cells_without_a_fixed_point_do_not_relax(model, message):
    population = Population("cell", model, 2)
    with pytest.raises(ModelError, match=f"phase 'free': 'cell': .*{message}"):
        Circuit(
            (population,),
            (),
            Schedule((Phase("free", relax=("cell",)),)),
            output="cell",
            readout=model.read_names[0],
        )


def test_names_and_steps_of_sweeps_must_fit():
    with pytest.raises(ModelError, match="phase 'free': no population 'hiden'"):
        energy_based((Phase("free", relax=("hiden",)),))
    with pytest.raises(ModelError, match="diverge at step = 2.5 ms.*Use step <= 1 ms"):
        energy_based((relaxing(step=2.5),))
    with Presenter(energy_based((relaxing(),))) as presenter:
        presenter.present(shown(1))
        with pytest.raises(ConfigError, match="'nudgd' is no relaxing phase"):
            presenter.sweeps("nudgd")


def test_a_presenter_refuses_tolerances_that_were_not_planned():
    with Presenter(energy_based((relaxing(),))) as presenter:
        other = Schedule((relaxing(tolerance=0.1, on=("input",)),))
        with pytest.raises(
            ConfigError, match="that it has a tolerance was not planned"
        ):
            presenter.present(shown(1), other)
