"""How large a number may become is for the model to say."""

import math
from dataclasses import replace
from typing import Annotated, NamedTuple

import numpy as np
import pytest

import circuits
import dendrites as dn
from circuits import Circuit, Constant, Phase, Population, Projection, Schedule
from dendrites import models
from dendrites.cell import CellModel
from dendrites.errors import ModelError, NumericalError

pytestmark = pytest.mark.nojit


class State(NamedTuple):
    count: Annotated[float, "1"] = 999_900.0


class Params(NamedTuple):
    pass


class Inputs(NamedTuple):
    extra: Annotated[float, "1"] = 0.0


def count(cell, inputs, p, dt):
    return State(cell.count + 1.0 + inputs.extra)


def counter(**options):
    return CellModel("counter", State, Params, Inputs, step=count, **options)


def counting(**options):
    return Circuit(
        (
            Population("input", models.source(), 1),
            Population("cell", counter(**options), 1),
        ),
        Projection("input", "cell", "extra", signal="value", initial=Constant(0.0)),
        Schedule(Phase("all", 200.0)),
        output="cell",
        readout="count",
        dt=1.0,
    )


@pytest.mark.parametrize("limit", [1e7, math.inf])
def test_a_counter_runs_beyond_a_million_if_the_model_says_so(limit):
    tree = circuits.simulate(counting(limit=limit), {}, ["cell"])
    assert tree["populations/cell"].v.values[-1].item() == 1_000_100.0
    tree = dn.simulate(counter(limit=limit), duration=200.0, dt=1.0)
    assert tree["populations/cell"].v.values[0, -1].item() == 1_000_100.0


def test_a_counter_that_reaches_the_limit_is_told_so():
    for run in (
        lambda: circuits.simulate(counting(), {}, ["cell"]),
        lambda: dn.simulate(counter(), duration=200.0, dt=1.0),
    ):
        with pytest.raises(NumericalError) as caught:
            run()
        assert "'count'" in str(caught.value)
        assert "its limit is 1e+06" in str(caught.value)
        assert "CellModel(limit=...)" in str(caught.value)


@pytest.mark.filterwarnings("ignore:overflow")
def test_what_is_not_finite_stops_a_run_without_a_limit():
    with pytest.raises(NumericalError, match="its limit is inf"):
        dn.simulate(counter(limit=math.inf), duration=200.0, dt=1.0, extra=1e307)


@pytest.mark.parametrize("limit", [0, -1.0, math.nan, "1", None, True])
def test_an_impossible_limit_is_refused(limit):
    with pytest.raises(ModelError, match="limit = .*must be a number > 0"):
        counter(limit=limit)


def test_weights_may_be_as_large_as_their_bounds():
    rule = dn.ActivityDifference("count", None, 1.0, presynaptic="value")

    def run(bounds):
        circuit = counting(limit=math.inf)
        plastic = Projection(
            "input",
            "cell",
            "extra",
            signal="value",
            rule=rule,
            initial=Constant(0.0),
            bounds=bounds,
        )
        circuit = replace(
            circuit,
            projections=plastic,
            schedule=Schedule(Phase("all", 10.0, on=("input",))),
        )
        return circuits.simulate(circuit, {"input": [1.0]}, ["cell"], learning=True)[
            "connections/input_to_cell_extra"
        ].w.values[-1]

    assert run((-3e6, 3e6)).item() == 3e6
    with pytest.raises(NumericalError, match="weight .*its limit is 1e.06"):
        run(None)
    assert np.isfinite(run((0.0, 5.0))).all()
