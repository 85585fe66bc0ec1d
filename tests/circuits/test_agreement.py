"""What must agree is checked where it meets: bounds, conductances, rules, targets."""

from dataclasses import replace
from typing import Annotated, NamedTuple

import numpy as np
import pytest
from systems import two_populations
from tiny_training import tiny_task

import circuits
import dendrites as dn
from circuits.algorithms import guerguiev
from dendrites import models, rules
from dendrites.btsp import FIT, SINGLE_SPIKE
from dendrites.errors import ConfigError, DataError, ModelError

pytestmark = [pytest.mark.nojit, pytest.mark.usefixtures("nothing_is_compiled")]

RULE = dn.ActivityDifference("rate", "basal")
ONES = {"input": np.ones((1, 4))}


class _State(NamedTuple):
    v: Annotated[float, "mV"] = -70.0


class _Params(NamedTuple):
    tau: Annotated[float, "ms", dn.POSITIVE] = 10.0


class _Inputs(NamedTuple):
    g: Annotated[float, "nS", dn.NON_NEGATIVE] = 0.0


def _derivative(cell, inputs, p):
    return _State((-70.0 - cell.v - inputs.g * cell.v) / p.tau)


CONDUCTANCE = dn.CellModel("conductance", _State, _Params, _Inputs, _derivative)


def opened(pre=None, pattern="inputs", **projection):
    """Sources that open the conductance of the output cells."""
    return circuits.Circuit(
        (
            circuits.Population("input", pre or models.source(), 4, pattern=pattern),
            circuits.Population("output", CONDUCTANCE, 3),
        ),
        (
            circuits.Projection(
                "input", "output", "g", name="feedforward", **projection
            ),
        ),
        circuits.Schedule((circuits.Phase("forward", 5.0, on=("input",)),)),
        readout="v",
    )


# --- conductances ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "initial",
    [circuits.Constant(-1.0), circuits.Uniform(-1.0, 1.0), np.full((3, 4), -0.1)],
)
def test_weights_that_open_negative_conductances_are_refused(initial):
    with pytest.raises(ModelError, match="'feedforward': -.* conductance 'g' of 'outp"):
        circuits.simulate(opened(initial=initial), ONES, ["output"])
    given = {"feedforward": initial}
    with pytest.raises(ModelError, match="conductance 'g'"):
        circuits.simulate(opened(), ONES, ["output"], weights=given)


def test_jumps_of_a_conductance_per_spike_are_not_negative():
    weights = {"signal": "spikes", "initial": circuits.Constant(-50.0)}
    circuit = opened(models.presynaptic(), **weights)
    with pytest.raises(ModelError, match="-50: they open the conductance 'g'"):
        circuits.simulate(circuit, ONES, ["output"])
    cell = models.urbanczik_senn()
    with pytest.raises(ModelError, match="exc = -50 nS .*>= 0"):
        dn.simulate(cell, duration=5.0, exc=dn.spike_train([1.0], weight=-50.0))


@pytest.mark.parametrize("bounds", [None, (-1.0, 1.0)])
def test_a_conductance_that_learns_needs_a_lower_bound(bounds):
    rule = dn.ActivityDifference("v", None)
    with pytest.raises(ModelError, match="it learns and opens .*lower one >= 0"):
        opened(rule=rule, bounds=bounds)
    opened(rule=rule, bounds=(0.0, float("inf")))
    opened(rule=rule, bounds=bounds, plastic=False)


def test_a_sign_is_enough_for_a_conductance_that_learns():
    opened(rule=dn.ActivityDifference("v", None), sign=1)
    for sign in (-1, np.array([1, 1, -1, 1])):
        with pytest.raises(ModelError, match="it learns and opens"):
            opened(rule=dn.ActivityDifference("v", None), sign=sign)


def test_what_could_make_a_conductance_negative_later_is_refused():
    drawn = {"times": circuits.Uniform(-1.0, 1.0), "redraw": True}
    for tie in (
        circuits.Tied("feedforward", function=abs),
        circuits.Tied("feedforward", **drawn),
    ):
        base = opened(bounds=(0.0, 1.0), rule=dn.ActivityDifference("v", None))
        follower = circuits.Projection("input", "output", "g", name="f", tied_to=tie)
        with pytest.raises(ModelError, match="'f': .* could make negative"):
            replace(base, projections=(*base.projections, follower))
    added = circuits.Perturbation(0.1, phases=("forward",))
    with pytest.raises(ModelError, match="a perturbation could make negative"):
        opened(perturbation=added)


def test_values_of_sources_that_open_negative_conductances_are_refused():
    with pytest.raises(ModelError, match="pattern -1 of 'input' opens"):
        opened(pattern=-1.0)
    with pytest.raises(ModelError, match="pattern 2 of 'input' opens"):
        opened(pattern=2.0, signal="complement")
    with pytest.raises(ConfigError, match="2 gives complement = -1: .*'g'"):
        circuits.simulate(
            opened(signal="complement"), {"input": np.full((1, 4), 2.0)}, ["output"]
        )


def test_examples_that_open_negative_conductances_are_refused():
    task, circuit = tiny_task(), guerguiev([8, 3])
    targets = task.splits["train"].targets + 0.5
    train = task.splits["train"]._replace(targets=targets)
    task = circuits.Task("bright", {**task.splits, "train": train})
    with pytest.raises(ConfigError, match="'train', targets: 1.3 gives complement"):
        circuits.train(circuit, task, epochs=1, batch=1, threads=1)


# --- bounds, masks --------------------------------------------------------------------


def test_weights_outside_their_bounds_are_refused():
    circuit = two_populations(rule=RULE, bounds=(0.0, 0.5))
    weights = np.full((3, 4), 0.25)
    circuits.initial_weights(circuit, given={"feedforward": weights})
    weights[1, 2] = 0.75
    with pytest.raises(ModelError, match=r"1 of 12 are outside the bounds \(0, 0.5\)"):
        circuits.initial_weights(circuit, given={"feedforward": weights})
    circuit = two_populations(rule=RULE, bounds=(1.0, 2.0))
    with pytest.raises(ModelError, match="12 of 12 are outside"):
        circuits.initial_weights(circuit)


def test_what_a_run_in_float32_holds_at_a_bound_can_be_given_again():
    circuit = two_populations(rule=RULE, bounds=(0.0, 0.1))
    held = np.full((3, 4), np.float32(0.1), float)
    assert held.max() > 0.1
    circuits.initial_weights(circuit, given={"feedforward": held})


def test_masked_arrays_are_refused_by_their_count():
    masked = np.ma.masked_equal(np.eye(3, 4), 1.0)
    with pytest.raises(ModelError, match="3 masked entries"):
        circuits.initial_weights(two_populations(), given={"feedforward": masked})
    with pytest.raises(ConfigError, match="'input'. has 1 masked"):
        shown = {"input": np.ma.masked_equal([1.0, 2.0, 3.0, 4.0], 3.0)}
        circuits.simulate(two_populations(), shown, ["output"])


# --- rules, their cells and their projection ------------------------------------------


def onto(post, rule, field, pre=None, **projection):
    pre = pre or models.presynaptic()
    read = {"signal": "spike_rate", "rule": rule, "field": field, **projection}
    try:
        return two_populations(pre=pre, post=post, dt=0.1, steps=5, **read)
    except ModelError as error:
        # The cells have no `rate` to answer with, which is not the question here.
        lines = [t for t in str(error).splitlines() if "output 'output'" not in t]
        if lines:
            raise ModelError("\n".join(lines)) from None


def test_the_trace_of_clopath_must_have_its_time_constant():
    cell = models.adex_dendrite()
    with pytest.raises(ModelError, match="needs tau_trace = 15 ms, .* have 50. Make"):
        onto(cell, rules.clopath(tau_x=15.0), cell.inputs._fields[0])
    pre = models.presynaptic(tau_trace=15.0)
    onto(cell, rules.clopath(tau_x=15.0), cell.inputs._fields[0], pre)


def test_the_traces_of_btsp_must_have_its_time_constants():
    cell = models.plateau_cell(tau_instructive=FIT.tau_instructive)
    pre = models.presynaptic(tau_trace=FIT.tau_eligibility)
    onto(cell, rules.btsp(FIT), "synapse", pre)
    with pytest.raises(ModelError, match="needs tau_trace = 864 ms"):
        onto(cell, rules.btsp(FIT), "synapse")
    with pytest.raises(ModelError, match="needs tau_instructive = 1500 ms"):
        onto(cell, rules.btsp(SINGLE_SPIKE), "synapse", pre)


def test_the_kernel_of_spike_prediction_must_be_that_of_the_dendrite():
    rule, onto_dendrite = rules.spike_prediction(0.1), {"signal": "spikes"}

    def wired(pre, **parameters):
        cell = models.urbanczik_senn(**parameters)
        return onto(cell, rule, "dendrite", pre, **onto_dendrite)

    wired(models.spike_source())
    wired(models.spike_source(tau_rise=2.0), tau_syn=2.0)
    wired(models.spike_source(tau_decay=5.0), capacitance=150.0)
    wired(models.spike_source(tau_decay=7.0), g_back=10.0)
    with pytest.raises(ModelError, match="needs tau_rise = 2 ms, .* have 3. Make"):
        wired(models.spike_source(), tau_syn=2.0)
    with pytest.raises(ModelError, match="needs tau_rise = 3 ms, .* have 2. Make"):
        wired(models.spike_source(tau_rise=2.0), g_back=10.0)
    with pytest.raises(ModelError, match="needs tau_decay = 5 ms, .* have 10. Make"):
        wired(models.spike_source(), capacitance=150.0)


def test_spike_prediction_asks_cells_without_such_parameters_for_nothing():
    pre = models.spike_source(tau_rise=2.0)
    cell = models.three_compartment()
    reads = dict.fromkeys(("spike_rate", "predicted_rate", "importance"), _zero)
    cell = replace(cell, reads={**cell.reads, **reads})
    onto(cell, rules.spike_prediction(0.1), "basal", pre, signal="spikes")


def _zero(cell, p):
    return 0.0


@pytest.mark.parametrize(
    "rule",
    [
        rules.stdp_pair(a_plus=1.0, a_minus=1.0),
        rules.stdp_triplet(a2_plus=1.0, a2_minus=1.0, a3_plus=1.0),
        rules.clopath(tau_x=50.0),
        rules.burst_dependent(1.0),
        rules.apical_gating(1.0),
    ],
    ids=["pair", "triplet", "clopath", "burst", "gating"],
)
def test_rules_of_spike_times_are_refused_with_a_delay(rule):
    cell = models.naud_sprekeler()
    field = cell.inputs._fields[0]
    with pytest.raises(ModelError, match="delay = 2 ms: its rule reads the presyn"):
        onto(cell, rule, field, delay=2.0)
    for delay in (None, 0.0, 0.1):
        onto(cell, rule, field, delay=delay)


# --- tasks ----------------------------------------------------------------------------


def test_labels_that_contradict_their_targets_are_refused():
    splits = tiny_task().splits
    labels = splits["train"].labels.copy()
    labels[7] = (labels[7] + 1) % 3
    wrong = splits["train"]._replace(labels=labels)
    with pytest.raises(DataError, match="1 labels contradict .*: example 7 has"):
        circuits.Task("mine", {**splits, "train": wrong})
