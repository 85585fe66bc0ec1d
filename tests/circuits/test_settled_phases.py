"""Phases in which cells settle one after the other, in circuits made by hand."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from systems import logistic, patterns, run, two_populations

from circuits.circuit import Circuit
from circuits.microcircuit import microcircuit
from circuits.population import Population
from circuits.projection import Projection, Tied
from circuits.run.simulate import simulate
from circuits.schedule import Phase, Schedule
from dendrites.activity_difference import ActivityDifference
from dendrites.cell import CellModel
from dendrites.errors import ConfigError, ModelError, NumericalError
from dendrites.models import sacramento_pyramidal, source, three_compartment

pytestmark = pytest.mark.usefixtures("every_engine")

CELLS = sacramento_pyramidal()
BASAL, APICAL = 1.0 / 1.9, 0.8 / 1.9  # shares of the dendrites in a settled soma
ROUNDING = 1e-13


def weights(n_post, n_pre, seed):
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (n_post, n_pre))


def shown(n, batch, *names):
    rng = np.random.default_rng([n, batch])
    return {name: rng.uniform(0.0, 1.0, (batch, n)) for name in names}


def circuit(sources, cells, projections, *phases, n=5):
    """Sources and pyramidal layers of n cells each; the last layer is the output."""
    return Circuit(
        (
            *(Population(name, source(), n) for name in sources),
            *(Population(name, CELLS, n) for name in cells),
        ),
        projections,
        Schedule(phases),
        output=cells[-1],
    )


def settled(sources, cells, projections, *phases, n=5, batch=2):
    """Patterns, and a function for what a population holds after the phases."""
    described = circuit(sources, cells, projections, *phases, n=n)
    inputs = shown(n, batch, *sources)
    presenter = run(described, inputs, learning=False)
    return inputs, lambda name, field="soma": presenter.read(name, field)


def same(mine, wanted):
    assert np.abs(mine - wanted).max() < ROUNDING
    assert np.abs(wanted).max() > 1e-2


# --- what a sweep computes ------------------------------------------------------------

W = weights(5, 5, 1)
V = weights(5, 5, 2)
CHAIN = (
    Projection("input", "low", "basal", initial=W),
    Projection("low", "high", "basal", initial=V),
)
UP, DOWN = ("low", "high"), ("high", "low")


@pytest.mark.nojit
def test_a_population_sees_those_that_settled_before_it():
    on = ("input",)
    x, read = settled(on, UP, CHAIN, Phase("forward", settle=UP, on=on))
    low = BASAL * (x["input"] @ W.T)
    same(read("low"), low)
    same(read("high"), BASAL * (logistic(low) @ V.T))


def test_a_population_that_settles_first_sees_the_old_state_of_the_others():
    on = ("input",)
    x, read = settled(on, UP, CHAIN, Phase("forward", settle=DOWN, on=on))
    same(read("low"), BASAL * (x["input"] @ W.T))
    same(read("high"), BASAL * (logistic(np.zeros((2, 5))) @ V.T))


def test_a_population_that_is_left_out_keeps_its_state():
    on = ("input",)
    phases = Phase("forward", settle=UP, on=on), Phase("off", settle=("low",))
    x, read = settled(on, UP, CHAIN, *phases)
    assert np.abs(read("low")).max() < ROUNDING
    same(read("high"), BASAL * (logistic(BASAL * (x["input"] @ W.T)) @ V.T))


def test_a_pattern_that_is_switched_between_phases_is_seen_anew():
    projections = (*CHAIN, Projection("other", "low", "apical", initial=V))
    phases = (
        Phase("forward", settle=UP, on=("input",)),
        Phase("nudged", settle=UP, on=("other", "input")),
        Phase("relaxed", settle=("low",), on=("other",)),
    )
    x, read = settled(("input", "other"), UP, projections, *phases)
    apical = APICAL * (x["other"] @ V.T)
    both = BASAL * (x["input"] @ W.T) + apical
    same(read("low"), apical)
    same(read("high"), BASAL * (logistic(both) @ V.T))


def test_silent_projections_carry_nothing_in_their_phase_only():
    feedback = Projection("high", "low", "apical", initial=W)
    projections = (*CHAIN, feedback)
    silent, on = (feedback.name,), ("input",)
    phases = (
        Phase("forward", settle=UP, on=on, silent=silent),
        Phase("nudged", settle=("low",), on=on),
    )
    x, read = settled(on, UP, projections, *phases)
    high = BASAL * (logistic(BASAL * (x["input"] @ W.T)) @ V.T)
    same(read("high"), high)
    same(read("low"), BASAL * (x["input"] @ W.T) + APICAL * (logistic(high) @ W.T))
    _, read = settled(on, UP, projections, *phases[:1])
    assert not read("low", "apical").any()


def test_a_silent_part_of_a_field_leaves_the_other_parts():
    extra = Projection("other", "low", "basal", initial=V)
    on = ("input", "other")
    phase = Phase("forward", settle=UP, on=on, silent=(extra.name,))
    x, read = settled(on, UP, (*CHAIN, extra), phase)
    same(read("low"), BASAL * (x["input"] @ W.T))


def test_masks_and_pairs_settle_as_dense_zeros():
    mask = np.random.default_rng(5).uniform(size=(5, 5)) < 0.5
    projections = (
        Projection("input", "low", "basal", initial=W, connectivity=mask),
        Projection(
            "input",
            "low",
            "apical",
            initial=np.diagonal(V),
            connectivity="one_to_one",
        ),
        Projection("low", "high", "basal", initial=V),
    )
    on = ("input",)
    x, read = settled(on, UP, projections, Phase("forward", settle=UP, on=on), n=5)
    basal = x["input"] @ np.where(mask, W, 0.0).T
    apical = x["input"] * np.diagonal(V)
    same(read("low"), BASAL * basal + APICAL * apical)


# --- products that tied weights share -------------------------------------------------


def tied_field(order, *, n, batch):
    """One field fed by weights, by others tied to them and by a third projection."""
    lead, other = weights(n, n, 3), weights(n, n, 4)
    projections = {
        "lead": Projection("a", "output", "apical", name="lead", initial=lead),
        "follow": Projection(
            "b", "output", "apical", name="follow", tied_to=Tied("lead", -0.5)
        ),
        "other": Projection("c", "output", "apical", name="other", initial=other),
    }
    on = ("a", "b", "c")
    phase = Phase("forward", settle=("output",), on=on)
    x, read = settled(
        on, ("output",), [projections[k] for k in order], phase, n=n, batch=batch
    )
    return read("output", "apical"), (x["a"] - 0.5 * x["b"]) @ lead.T + x["c"] @ other.T


# 20 samples of 40 cells are 32,000 multiply-adds, too large for the plain products.
@pytest.mark.parametrize(("n", "batch"), [(5, 2), (11, 40), (40, 3), (40, 40)])
@pytest.mark.parametrize(
    "order",
    [
        ("lead", "follow", "other"),
        ("other", "lead", "follow"),
        ("follow", "other", "lead"),
        ("follow", "lead"),
        ("other", "follow", "lead"),
    ],
    ids="-".join,
)
def test_weights_shared_within_a_field_equal_separate_products(order, n, batch):
    if "other" not in order:
        mine, wanted = tied_field((*order, "other"), n=n, batch=batch)
    else:
        mine, wanted = tied_field(order, n=n, batch=batch)
    same(mine, wanted)


def test_a_copied_field_is_not_one_from_before_its_source_moved():
    # "first" sees the rates of "low" at rest, "second" the settled ones.
    projections = (
        Projection("input", "low", "basal", initial=W),
        Projection("low", "first", "basal", name="lead", initial=V),
        Projection("low", "second", "basal", tied_to=Tied("lead", -0.5)),
    )
    cells, on = ("low", "first", "second"), ("input",)
    phase = Phase("forward", settle=("first", "low", "second"), on=on)
    x, read = settled(on, cells, projections, phase)
    same(read("first", "basal"), 0.5 * V.sum(axis=1))
    low = BASAL * (x["input"] @ W.T)
    same(read("second", "basal"), -0.5 * (logistic(low) @ V.T))
    # and, where nothing moved in between, a copy indeed
    phase = Phase("forward", settle=cells, on=on)
    x, read = settled(on, cells, projections, phase)
    same(read("second", "basal"), -0.5 * read("first", "basal"))


@pytest.mark.parametrize("silent", [(), ("more",)])
def test_a_copied_field_holds_what_its_own_projections_bring(silent):
    # "more" reaches the first layer only, so its field is no copy of the second's.
    projections = (
        Projection("input", "first", "basal", name="lead", initial=V),
        Projection("input", "first", "basal", name="more", initial=W),
        Projection("input", "second", "basal", tied_to=Tied("lead", 2.0)),
    )
    cells, on = ("first", "second"), ("input",)
    phase = Phase("forward", settle=cells, on=on, silent=silent)
    x, read = settled(on, cells, projections, phase)
    same(read("second", "basal"), 2.0 * (x["input"] @ V.T))
    same(read("first", "basal"), x["input"] @ (V if silent else V + W).T)


def test_a_tied_projection_from_elsewhere_is_no_scaled_copy():
    projections = (
        Projection("a", "first", "basal", name="lead", initial=V),
        Projection("b", "second", "basal", tied_to=Tied("lead", 2.0)),
        Projection("a", "second", "apical", signal="active", tied_to=Tied("lead")),
    )
    cells, on = ("first", "second"), ("a", "b")
    x, read = settled(on, cells, projections, Phase("forward", settle=cells, on=on))
    same(read("second", "basal"), 2.0 * (x["b"] @ V.T))
    same(read("second", "apical"), np.ones((2, 5)) @ V.T)


def test_two_tied_projections_of_unequal_factors_are_no_scaled_copy():
    projections = (
        Projection("a", "first", "basal", name="lead_a", initial=V),
        Projection("b", "first", "basal", name="lead_b", initial=W),
        Projection("a", "second", "basal", tied_to=Tied("lead_a", 2.0)),
        Projection("b", "second", "basal", tied_to=Tied("lead_b", -3.0)),
    )
    cells, on = ("first", "second"), ("a", "b")
    x, read = settled(on, cells, projections, Phase("forward", settle=cells, on=on))
    same(read("second", "basal"), 2.0 * (x["a"] @ V.T) - 3.0 * (x["b"] @ W.T))


# --- beside phases with a duration ----------------------------------------------------


def test_a_timed_phase_stays_where_a_settled_one_ended():
    on = ("input",)
    sweep = Phase("forward", settle=UP, on=on)
    _, read = settled(on, UP, CHAIN, sweep)
    _, later = settled(on, UP, CHAIN, sweep, Phase("held", 20.0, on=on))
    for name in UP:
        same(later(name), read(name))


def test_a_settled_phase_is_where_a_long_timed_one_ends():
    on = ("input",)
    _, read = settled(on, UP, CHAIN, Phase("held", 40.0, on=on))
    timed = Phase("short", 2.0, on=on)
    phase = Phase("forward", settle=UP, on=on)
    _, after = settled(on, UP, CHAIN, timed, phase)
    for name in UP:
        # Two layers in a row approach their ends like t exp(-1.9 t).
        same(after(name), read(name))


def test_a_rule_reads_a_settled_and_a_timed_moment():
    rule = ActivityDifference(
        "rate", "rate", moments=("held", "forward"), learning_rate=0.3
    )
    phases = (
        Phase("forward", settle=("output",), on=("input",)),
        Phase("held", 40.0, window=1.0),
    )
    described = two_populations(
        post=CELLS, phases=phases, dt=0.1, rule=rule, initial=weights(3, 4, 1)
    )
    inputs = np.random.default_rng(0).uniform(0.0, 1.0, (2, 4))
    presenter = run(described, {"input": inputs})
    # The presynaptic rate is 0 while the input is off: only the baseline counts.
    rate = logistic(BASAL * (inputs @ weights(3, 4, 1).T))
    change = presenter.weights()["feedforward"] - weights(3, 4, 1)
    same(change, -0.3 * rate.T @ inputs / 2)


def test_phases_may_come_in_a_list():
    on, results = ("input",), []
    for kind in (tuple, list):
        phases = kind([Phase("forward", settle=UP, on=on), Phase("held", 2.0, on=on)])
        described = replace(circuit(on, UP, CHAIN, *phases), schedule=Schedule(phases))
        presenter = run(described, shown(5, 2, "input"))
        results.append(presenter.read("high", "soma"))
    np.testing.assert_array_equal(*results)


def test_a_phase_that_settles_leaves_nothing_to_record():
    tiny = microcircuit([3, 2, 2], form="two_sweep")
    inputs, targets, _ = patterns([3, 2, 2])
    with pytest.raises(ConfigError, match="settled phases take no time"):
        simulate(tiny, {"input": inputs, "target": targets}, ["output"])


# --- what is refused ------------------------------------------------------------------


def test_settling_takes_no_time():
    for name in ("duration", "window", "lag"):
        with pytest.raises(ModelError, match=f"{name} = 5.0: a settled phase takes no"):
            Phase("forward", settle=("output",), **{name: 5.0})


def test_a_phase_needs_a_duration_or_cells_that_settle():
    with pytest.raises(ModelError, match="'forward': needs a duration in ms, or"):
        Phase("forward", on=("input",))


def test_only_settled_phases_silence_projections():
    with pytest.raises(ModelError, match="can be silenced in settled phases only"):
        Phase("forward", 5.0, silent=("feedforward",))


def test_a_population_settles_once_per_phase():
    with pytest.raises(ModelError, match="settle names 'output' twice"):
        Phase("forward", settle=("output", "input", "output"))


@pytest.mark.parametrize("field", ["settle", "silent", "on"])
def test_one_name_is_no_tuple_of_names(field):
    options = {"settle": ("output",), field: "output"}
    with pytest.raises(ModelError, match=rf"{field} = 'output' is text.*\('output',\)"):
        Phase("forward", **options)


def settling(**options):
    phase = Phase("forward", **{"settle": ("output",), **options})
    return two_populations(post=CELLS, phases=(phase,), dt=0.1)


def test_names_of_a_settled_phase_must_exist():
    with pytest.raises(ModelError, match="no population 'outputs'.*'output'"):
        settling(settle=("outputs",))
    with pytest.raises(ModelError, match="no projection 'feedforwards'.*'feedforward'"):
        settling(silent=("feedforwards",))
    with pytest.raises(ModelError, match="'output' is no clamped population"):
        settling(on=("output",))


class Count(NamedTuple):
    count: float = 0.0


class Nothing(NamedTuple):
    pass


class Drive(NamedTuple):
    basal: float = 0.0


def count_up(cell, inputs, p, dt):
    return Count(cell.count + 1.0)


COUNTER = CellModel(
    "counter",
    Count,
    Nothing,
    Drive,
    step=count_up,
    reads={"rate": lambda cell, p: cell.count},
)


def test_cells_without_a_derivative_cannot_settle():
    phase = Phase("forward", settle=("output",), on=("input",))
    with pytest.raises(ModelError, match="'output': counter cells cannot settle"):
        two_populations(post=COUNTER, phases=(phase,))
    phase = Phase("forward", settle=("input", "output"), on=("input",))
    with pytest.raises(ModelError, match="'input': source cells cannot settle"):
        two_populations(post=CELLS, phases=(phase,))


def test_a_test_schedule_is_checked_too():
    described = settling(on=("input",))
    wrong = Schedule((Phase("free", settle=("nobody",)),))
    with pytest.raises(ModelError, match="phase 'free': no population 'nobody'"):
        replace(described, test_schedule=wrong)


def test_a_rule_across_phases_must_name_a_readable_one():
    rule = ActivityDifference("rate", "rate", moments=("late", "forward"))
    phases = (Phase("forward", settle=("output",)), Phase("late", 5.0))
    with pytest.raises(ModelError, match="reads phase 'late'.*no averaging window"):
        two_populations(post=CELLS, phases=phases, rule=rule)


def test_compartments_that_act_on_each_other_do_not_settle_unnoticed():
    # One sweep solves each compartment for the old state of the others, which is no
    # fixed point of the cell; it used to be taken for one.
    model = three_compartment(tau_soma=10.0, tau_dendrite=3.0)
    inputs = np.random.default_rng(0).uniform(0.0, 1.0, (2, 4))
    start = {"feedforward": weights(3, 4, 1)}
    phase = Phase("sweep", settle=("output",), on=("input",))
    described = two_populations(post=model, phases=(phase,))
    with pytest.raises(NumericalError, match="compartment 'soma', .* did not settle"):
        run(described, {"input": inputs}, weights=start)
