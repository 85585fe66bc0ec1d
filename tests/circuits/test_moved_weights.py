"""Weights that a rule has moved are finite, and where their bounds say."""

from typing import Annotated, NamedTuple

import numpy as np
import pytest
from naive_circuit import DT, circuit, joined, layers, sources
from tiny_training import tiny_circuit, tiny_task

import circuits
from circuits import Circuit, Phase, Population, Projection, Schedule, Tied
from dendrites import ActivityDifference, SynapticRule, models
from dendrites.cell import CellModel
from dendrites.errors import ModelError, NumericalError

N = 3
HUGE = 1e308
PHASES = {
    "window": (Phase("shown", 6.0, on=("a",), window=2.0),),
    "settled": (Phase("shown", settle=("x",), on=("a",)),),
}


def grow(weight, cell, pre, p):
    return 10.0 * cell.u * pre


RULES = {
    "difference": ActivityDifference("u", None, HUGE, moments=("shown", "shown")),
    "synaptic": SynapticRule(grow, HUGE, moment="shown"),
}
MASK = ~np.eye(N, dtype=bool)


def moved(rule, phases, connectivity="dense", count=1, **options):
    """Weights after presentations of large inputs."""
    described = circuit(
        (*sources(("a",), N), *layers(("x",), N)),
        (joined("a", "x", "lead", rule=rule, connectivity=connectivity),),
        phases=phases,
    )
    shown = {"a": np.full((count, N), 100.0)}
    start = {"lead": np.ones((N, N))}
    if not isinstance(connectivity, str):
        start["lead"] = 1.0 * connectivity
    elif connectivity == "one_to_one":
        start["lead"] = np.ones(N)
    return circuits.present_sequence(described, shown, weights=start, **options)


@pytest.mark.parametrize("kind", RULES)
@pytest.mark.parametrize("form", PHASES)
@pytest.mark.parametrize("connectivity", ["dense", "one_to_one", MASK])
def test_weights_that_leave_the_finite_range_at_the_end_are_an_error(
    connectivity, form, kind
):
    with pytest.raises(NumericalError, match="lead"):
        moved(RULES[kind], PHASES[form], connectivity)


@pytest.mark.parametrize("form", PHASES)
def test_they_are_in_single_precision_too(form):
    rule = ActivityDifference("u", None, 1e36, moments=("shown", "shown"))
    with pytest.raises(NumericalError, match="lead"):
        moved(rule, PHASES[form], dtype="float32")


def test_a_factor_that_is_no_number_is_found_where_nothing_was_shown():
    """Of several samples the update is a product, in which 0 times it is no number."""
    n, batch = 20, 4
    rule = ActivityDifference(
        lambda cell, p: 1e300 * 1e300 * cell.u if cell.u == 0.0 else cell.u,
        None,
        1.0,
        moments=("shown", "shown"),
    )
    described = circuit(
        (*sources(("a",), n), *layers(("x",), n)),
        (joined("a", "x", "lead", rule=rule),),
        phases=PHASES["settled"],
    )
    start = {"lead": np.ones((n, n))}
    with (
        circuits.Presenter(described, weights=start, batch=batch) as presenter,
        pytest.raises(NumericalError, match="lead"),
    ):
        presenter.present({"a": np.zeros((batch, n))}, learning=True)


def test_tied_weights_do_not_hide_it():
    described = circuit(
        (*sources(("a",), N), *layers(("x", "y"), N)),
        (
            joined("a", "x", "lead", rule=RULES["difference"]),
            joined("x", "y", "back", tied_to=Tied("lead", 1e-300, True)),
        ),
        phases=PHASES["window"],
    )
    with pytest.raises(NumericalError, match="lead"):
        circuits.present_sequence(
            described,
            {"a": np.full((1, N), 100.0)},
            weights={"lead": np.ones((N, N))},
        )


def test_training_in_two_sweeps_ends_with_finite_weights_or_an_error():
    # One batch an epoch: nothing is shown after the weights have moved.
    described = tiny_circuit(form="two_sweep", learning_rate=1e200)
    with pytest.raises(NumericalError, match="_to_"):
        circuits.train(
            described, tiny_task(40, 4), epochs=1, batch=40, threads=1, probe=0
        )


def test_a_recorded_presentation_ends_with_finite_weights_or_an_error():
    described = circuit(
        (*sources(("a",), N), *layers(("x",), N)),
        (joined("a", "x", "lead", rule=RULES["difference"]),),
        phases=PHASES["window"],
    )
    with pytest.raises(NumericalError, match="lead"):
        circuits.simulate(
            described,
            {"a": np.full(N, 100.0)},
            [],
            weights={"lead": np.ones((N, N))},
            learning=True,
        )


# --- bounds where a weight is used ----------------------------------------------------


class State(NamedTuple):
    age: Annotated[float, "1"] = 0.0
    total: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    pass


class Inputs(NamedTuple):
    arriving: Annotated[float, "1"] = 0.0


def step(cell, inputs, p, dt):
    return State(cell.age + 1.0, cell.total + inputs.arriving)


def sign(cell, p):
    """Upwards in the first ten steps, then downwards."""
    return 1.0 if cell.age < 9.5 else -1.0


def change(weight, cell, pre, p):
    return (1.0 if cell.age < 9.5 else -1.0) * pre


AGEING = CellModel("ageing", State, Params, Inputs, step=step, reads={"sign": sign})
WITHIN = {
    "difference": ActivityDifference("sign", None, 0.3, presynaptic="one"),
    "synaptic": SynapticRule(change, 0.3, presynaptic="one"),
}


def one(cell, p):
    return 1.0


def up_and_down(rule, steps, clip):
    """The weight of one synapse after so many steps, and what it has brought."""
    pre = models.spike_source()
    pre = CellModel(
        **{
            **{name: getattr(pre, name) for name in pre.__dataclass_fields__},
            "reads": {**pre.reads, "one": one},
        }
    )
    described = Circuit(
        (Population("input", pre, 1), Population("output", AGEING, 1)),
        (
            Projection(
                "input",
                "output",
                "arriving",
                signal="spikes",
                rule=rule,
                bounds=(0.0, 0.5),
                clip=clip,
            ),
        ),
        Schedule((Phase("shown", steps * DT, on=("input",)),)),
        readout="total",
        dt=DT,
    )
    times = DT * np.arange(1, steps + 1)
    tree = circuits.simulate(
        described,
        {"input": np.zeros(1)},
        ["output"],
        learning=True,
        forced_spikes={"input": (times, np.zeros(steps, int))},
    )
    weights = tree["connections/input_to_output_arriving"].w.values
    return weights[-1, 0, 0], tree["populations/output"].v.values[:, 1, 0]


@pytest.mark.parametrize("clip", ["weights", "readout"])
@pytest.mark.parametrize("kind", WITHIN)
def test_bounds_act_on_the_weight_or_where_it_is_used(kind, clip):
    steps, w, total = 24, 0.0, 0.0
    wanted = []
    for k in range(steps):
        # A spike is in the count of its step and arrives in the next one.
        total += np.clip(w, 0.0, 0.5) * (k > 0)
        wanted.append(total)
        w += 0.3 * DT * (1.0 if k < 10 else -1.0)
        w = np.clip(w, 0.0, 0.5) if clip == "weights" else w
    try:
        weight, brought = up_and_down(WITHIN[kind], steps, clip)
    except ModelError as error:
        assert kind == "synaptic" and clip == "readout"
        assert "clip" in str(error)
        return
    assert abs(weight - np.clip(w, 0.0, 0.5)) < 1e-12
    assert np.abs(brought - wanted).max() < 1e-12
