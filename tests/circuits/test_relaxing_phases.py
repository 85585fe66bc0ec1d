"""Phases in which cells relax, against plain NumPy from the equations."""

from typing import Annotated, NamedTuple

import numpy as np
import pytest
from relaxing_cells import (
    MOVING,
    RULE,
    Params,
    energy_based,
    free_and_nudged,
    relaxing,
    shown,
    swept,
)
from scheme_circuits import EXACT
from systems import logistic

import circuits
from circuits import (
    Circuit,
    Phase,
    Population,
    Presenter,
    Projection,
    Schedule,
)
from dendrites import CellModel
from dendrites.errors import ConfigError, ModelError
from dendrites.models import sacramento_pyramidal, source, threshold_unit

pytestmark = pytest.mark.usefixtures("every_engine")

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
        ({"settle": ("a",), "learning": False}, "learning = False: rules that act"),
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
