"""One batch shown to a circuit: reads at the ends of phases, and the update."""

from dataclasses import replace

import numpy as np
import pytest
from systems import (
    euler_three_compartment,
    patterns,
    plastic_microcircuit,
    two_populations,
)
from tiny_training import tiny_circuit

import circuits
import dendrites as dn
from circuits import Phase, Schedule
from dendrites.errors import ConfigError, ModelError
from dendrites.models import spike_source, three_compartment

pytestmark = pytest.mark.usefixtures("every_engine")

DT, STEPS = 0.5, 20
FREE = Phase("free", DT * STEPS, on=("input",), window=2.0)
PUSHED = Phase("pushed", DT * STEPS, on=("input", "push"), window=DT)
RULE = dn.ActivityDifference(
    teaching="soma", baseline="soma", moments=("pushed", "free"), learning_rate=0.1
)
SHOWN = {
    "input": np.random.default_rng(0).normal(size=(3, 4)),
    "push": np.random.default_rng(1).normal(size=(3, 2)),
}
WEIGHTS = np.random.default_rng(2).normal(size=(2, 4))


def contrastive():
    """Four inputs onto two cells that a second source pushes in the second phase."""
    push = circuits.Population("push", dn.models.source(), 2)
    onto = circuits.Projection(
        "push",
        "output",
        "soma",
        connectivity="one_to_one",
        initial=circuits.Constant(1.0),
    )
    return two_populations(
        4,
        2,
        dt=DT,
        phases=(FREE, PUSHED),
        rule=RULE,
        initial=WEIGHTS,
        more=(push,),
        extra=(onto,),
    )


def expected():
    """Somata at the ends of the phases, and the mean update over the samples."""
    p = three_compartment(tau_soma=10.0, tau_dendrite=3.0).parameters
    basal = np.broadcast_to(SHOWN["input"] @ WEIGHTS.T, (2 * STEPS, 3, 2))
    push = np.zeros((2 * STEPS, 3, 2))
    push[STEPS:] = SHOWN["push"]
    soma = euler_three_compartment(p, basal, DT, push)[:, 0]
    free, pushed = soma[STEPS - 3 : STEPS + 1].mean(axis=0), soma[-1]
    return free, pushed, 0.1 * (pushed - free).T @ SHOWN["input"] / 3


READS = [("output", "soma", "free"), ("output", "soma", "pushed"), ("output", "soma")]


def test_reads_and_update_are_those_of_plain_numpy():
    found = circuits.present(contrastive(), SHOWN, reads=READS, learning=True)
    free, pushed, update = expected()
    np.testing.assert_allclose(found["output", "soma", "free"], free, rtol=1e-12)
    np.testing.assert_allclose(found["output", "soma", "pushed"], pushed, rtol=1e-12)
    np.testing.assert_allclose(found["output", "soma"], pushed, rtol=1e-12)
    np.testing.assert_allclose(found.update["feedforward"], update, rtol=1e-10)
    np.testing.assert_array_equal(found.before["feedforward"], WEIGHTS)
    np.testing.assert_array_equal(
        found.weights["feedforward"], WEIGHTS + found.update["feedforward"]
    )


def test_lanes_and_numbers_of_single_precision_give_the_same():
    free, pushed, update = expected()
    for options, close in (({"chunk": 2}, 1e-10), ({"dtype": "float32"}, 1e-4)):
        found = circuits.present(
            contrastive(), SHOWN, reads=READS, learning=True, **options
        )
        np.testing.assert_allclose(found["output", "soma", "free"], free, rtol=close)
        np.testing.assert_allclose(found["output", "soma"], pushed, rtol=close)
        np.testing.assert_allclose(
            found.update["feedforward"], update, rtol=close, atol=close * 0.1
        )


def test_patterns_of_one_sample_need_no_second_dimension():
    one = {name: x[0] for name, x in SHOWN.items()}
    rows = {name: x[:1] for name, x in SHOWN.items()}
    found = circuits.present(contrastive(), one, reads=READS)
    assert found["output", "soma"].shape == (1, 2)
    again = circuits.present(contrastive(), rows, reads=READS)
    for key, values in found.reads.items():
        np.testing.assert_array_equal(again[key], values)


def test_nothing_moves_without_learning_and_any_schedule_can_be_shown():
    found = circuits.present(contrastive(), SHOWN, Phase("alone", 5.0, on=("input",)))
    assert not any(change.any() for change in found.update.values())
    assert list(found.reads) == [("output", "rate")]
    assert found["output", "rate"].shape == (3, 2)


def test_it_is_the_presentation_of_a_presenter_with_any_integrator():
    sizes = [4, 3, 2]
    circuit = plastic_microcircuit(sizes, steps=400, learning_lag=1.0)
    inputs, targets, _ = patterns(sizes, batch=2)
    shown = {"input": inputs, "target": targets}
    for integrator in ("exact", "blocked", "equilibrium"):
        found = circuits.present(circuit, shown, learning=True, integrator=integrator)
        with circuits.Presenter(circuit, batch=2, integrator=integrator) as one:
            one.present(shown)
        for name, w in one.weights().items():
            np.testing.assert_array_equal(found.weights[name], w)
        rate = one.read("output", "rate")
        np.testing.assert_array_equal(found["output", "rate"], rate)


def test_settled_phases_are_read_at_their_ends():
    circuit = tiny_circuit(form="two_sweep")
    inputs, targets = np.full((2, 8), 0.5), np.full((2, 3), 0.4)
    names = [phase.name for phase in circuit.schedule.phases]
    reads = [("hidden1", "soma", name) for name in names]
    found = circuits.present(
        circuit, {"input": inputs, "target": targets}, reads=reads, learning=True
    )
    ends = [found[read] for read in reads]
    assert (ends[0] != ends[-1]).any()
    with circuits.Presenter(circuit, batch=2) as one:
        one.present({"input": inputs, "target": targets})
        for name, end in zip(names, ends, strict=True):
            np.testing.assert_array_equal(one.read("hidden1", "soma", name), end)


def test_numbers_of_presentations_address_what_is_drawn():
    circuit = two_populations(
        pre=spike_source(rate_scale=500.0),
        steps=8,
        signal="spikes",
        initial=circuits.Constant(1.0),
    )
    reads = [("output", "soma")]
    ends = [
        circuits.present(circuit, {"input": np.ones(4)}, reads=reads, **options)[
            "output", "soma"
        ]
        for options in ({}, {}, {"number": 1}, {"seed": 1})
    ]
    np.testing.assert_array_equal(ends[0], ends[1])
    assert (ends[2] != ends[0]).any() and (ends[3] != ends[0]).any()


def test_it_says_what_it_holds():
    found = circuits.present(contrastive(), SHOWN, reads=READS[:1], learning=True)
    first, read, update = repr(found).splitlines()
    assert first == "Presented"
    assert read.split()[:5] == ["output", "soma", "free", "(3,", "2)"]
    assert update.split()[:5] == ["update", "of", "feedforward", "(2,", "4)"]
    still = repr(circuits.present(contrastive(), SHOWN))
    assert still.endswith("no weight moved")


@pytest.mark.parametrize(
    ("reads", "message"),
    [
        ([("outptu", "soma")], "no population 'outptu'. did you mean 'output'"),
        ([("output", "axon")], "axon"),
        ([("output", "soma", "fre")], "no averaging window .*allowed: free, pushed"),
        (["output"], r"must hold \(population, read\)"),
        ([("output", 5)], r"must hold \(population, read\)"),
        ([("output", "soma", "free", "x")], "must hold"),
        (5, "reads"),
    ],
)
def test_reads_that_there_are_none_of_are_refused(reads, message):
    with pytest.raises((ConfigError, ModelError), match=message):
        circuits.present(contrastive(), SHOWN, reads=reads)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning": "no"}, "learning = 'no'"),
        ({"learning_rates": {"feedforward": 1.0}}, "no rule acts"),
        ({"learning": True, "learning_rates": {"none": 1.0}}, "no projection that"),
        ({"schedule": "free"}, "must be a Schedule"),
        ({"number": -1}, "number: expected"),
        ({"weights": {"nothing": 1.0}}, "no projection 'nothing'"),
        ({"patterns": {"input": np.ones((3, 4)), "push": np.ones((2, 2))}}, "samples"),
        ({"patterns": {"inptu": np.ones(4)}}, "no clamped population"),
        (
            {"schedule": Phase("x", 5.0, on=("input",)), "learning": True},
            "no averaging window",
        ),
        ({"forced_spikes": {"output": ([1.0], [0])}}, "forced_spikes"),
        ({"spike_unit": "s"}, "spike_unit"),
    ],
)
def test_options_are_refused(options, message):
    given = {"patterns": SHOWN, **options}
    with pytest.raises((ConfigError, ModelError), match=message):
        circuits.present(contrastive(), **given)


def test_an_answer_without_a_window_is_refused_by_name():
    circuit = replace(contrastive(), readout_phase="free")
    found = circuits.present(circuit, SHOWN)
    assert list(found.reads) == [("output", "rate", "free")]
    short = Schedule((replace(PUSHED, name="late"),))
    with pytest.raises(ConfigError, match="phase 'free' has no averaging window"):
        circuits.present(circuit, SHOWN, short)
