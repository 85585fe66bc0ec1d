"""Cells and rules reach other processes by pickle, also those that functions make."""

import copy
import multiprocessing
import pickle
from dataclasses import replace
from typing import Annotated, NamedTuple

import cloudpickle
import numpy as np
import pytest
from every_option.cells import KINDS
from every_option.plain_cells import course
from systems import two_populations

import circuits
from circuits import algorithms
from circuits.describe import describe
from circuits.microcircuit import microcircuit
from dendrites import ActivityDifference, SynapticRule, models, rules, transfer
from dendrites._describe import plain
from dendrites.errors import ModelError

AMPLITUDES = {"a2_plus": 0.1, "a2_minus": 0.2, "a3_plus": 0.3, "a3_minus": 0.4}
RULES = {
    "apical_gating": rules.apical_gating(0.1),
    "apical_silencing": rules.apical_silencing(0.1),
    "btsp": rules.btsp(),
    "burst_dependent": rules.burst_dependent(0.1),
    "burst_dependent_homeostasis": rules.burst_dependent(0.1, homeostasis=True),
    "clopath": rules.clopath(),
    "clopath_homeostasis": rules.clopath(compartment="soma", homeostasis=True),
    "dendritic_prediction": rules.dendritic_prediction(0.1),
    "plateau_difference": rules.plateau_difference(0.1),
    "spike_prediction": rules.spike_prediction(0.1),
    "stdp_pair": rules.stdp_pair(a_plus=0.1, a_minus=0.2),
    "stdp_pair_events": rules.stdp_pair(
        a_plus=0.1, a_minus=0.2, postsynaptic="events"
    ),
    "stdp_triplet": rules.stdp_triplet(**AMPLITUDES),
    "target_rate_difference": rules.target_rate_difference(0.1),
    "top_down_reconstruction": rules.top_down_reconstruction(0.1),
}  # fmt: skip


def sent(thing):
    return pickle.loads(pickle.dumps(thing))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_cell_can_be_pickled(kind):
    cell = kind.factory(**kind.options, **kind.given)
    again = sent(cell)
    assert plain(again) == plain(cell)
    assert isinstance(again.parameters, again.params)
    np.testing.assert_array_equal(course(again, steps=40), course(cell, steps=40))


@pytest.mark.parametrize("name", RULES)
def test_every_rule_can_be_pickled(name):
    assert plain(sent(RULES[name])) == plain(RULES[name])


def test_every_rule_there_is_has_been_pickled():
    made = {
        n for n in rules.__all__ if n not in ("clopath_delays", "with_triplet_rate")
    }
    assert made <= {*RULES}


def test_a_presynaptic_cell_with_a_further_read_can_be_pickled():
    cell = rules.with_triplet_rate(models.presynaptic()).with_parameters(tau_trace=7.0)
    assert plain(sent(cell)) == plain(cell)


def test_two_cells_that_share_a_class_share_it_after_they_are_pickled():
    one, two = models.cable(n=2), models.cable(n=2)
    assert sent(one).state is sent(two).state


def clopath_circuit():
    cell = models.adex_dendrite(dendrite="active")

    def rate(cell, p):
        return cell.spike_rate

    return two_populations(
        post=replace(cell, reads={**cell.reads, "rate": rate}),
        pre=models.presynaptic(tau_trace=15.0),
        signal="spikes",
        field="synapse",
        rule=rules.clopath(delayed=False, compartment="soma"),
        initial=circuits.Constant(0.1),
        dt=0.1,
    )


def run(circuit):
    forced = {"input": (np.array([1.0, 2.0, 3.0]), np.array([0, 1, 3]))}
    found = circuits.simulate(
        circuit, {"input": np.zeros((1, 4))}, ["output"], learning=True,
        forced_spikes=forced,
    )  # fmt: skip
    return {name: values.to_numpy() for name, values in numbers(found)}


def numbers(tree):
    for node in tree.subtree:
        for name, values in node.data_vars.items():
            if values.dtype.kind == "f":
                yield f"{node.path}/{name}", values


def built_and_run():
    return run(clopath_circuit())


def test_a_circuit_sent_to_a_spawned_process_gives_the_same_run(monkeypatch):
    # As plain Python: what is compiled is made of the same functions.
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        sent = pool.apply(run, (clopath_circuit(),))
        built = pool.apply(built_and_run)
    assert built
    assert sent.keys() == built.keys()
    for name, values in built.items():
        np.testing.assert_array_equal(sent[name], values, err_msg=name)


@pytest.mark.parametrize(
    "circuit",
    [
        algorithms.guerguiev((3, 4, 2)),
        algorithms.urbanczik_senn(3, 2),
        microcircuit((3, 4, 2), phi=transfer.soft_rectifier(gamma=1.1)),
    ],
    ids=lambda circuit: circuit.name,
)
def test_every_circuit_can_be_pickled(circuit):
    assert describe(sent(circuit)) == describe(circuit)


class State(NamedTuple):
    soma: Annotated[float, "mV"] = 0.0


def own(read):
    return replace(models.three_compartment(), reads={"own": read})


def test_a_function_made_in_a_function_of_a_module_can_be_pickled():
    factor = 3.0

    def read(cell, p):
        return factor * cell.soma

    assert sent(own(read)).reads["own"](State(2.0), None) == 6.0


# A read, and a rule, without a name that leads to them.
unnamed = [lambda cell, p: 2.0 * cell.soma, lambda w, cell, pre, p: 2.0 * pre]


@pytest.mark.parametrize(
    "thing",
    [
        own(unnamed[0]),
        ActivityDifference(unnamed[0], None),
        SynapticRule(unnamed[1]),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_a_function_without_a_name_is_refused_and_the_remedy_told(thing):
    with pytest.raises(ModelError, match="<lambda> of "):
        pickle.dumps(thing)
    with pytest.raises(ModelError, match="def at the top of a module"):
        pickle.dumps(thing)


def test_functions_without_a_name_can_still_be_copied_and_cloudpickled():
    cell = own(unnamed[0])
    for again in (copy.deepcopy(cell), cloudpickle.loads(cloudpickle.dumps(cell))):
        assert plain(again) == plain(cell)


def test_a_function_that_captures_other_values_than_there_is_refused():
    text = pickle.dumps(rules.btsp())
    with pytest.raises(ModelError, match="same versions"):
        pickle.loads(text.replace(b"gain_down", b"gain_none"))
