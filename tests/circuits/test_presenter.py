"""The public way of showing patterns one batch after the other and looking."""

from dataclasses import replace

import numpy as np
import pytest
from systems import patterns, plastic_microcircuit, two_populations
from tiny_training import tiny_circuit, tiny_task

import circuits
from circuits import Equilibrium, Phase, Presenter, Record, Schedule
from dendrites.errors import ConfigError, ModelError
from dendrites.models import spike_source
from dendrites.random import generator

SIZES = [4, 3, 2]
CIRCUIT = plastic_microcircuit(SIZES, steps=40, learning_lag=1.0)
TEST = Schedule((Phase("free", 2.0, on=("input",)),))


def shown(samples=2, seed=0):
    inputs, targets, _ = patterns(SIZES, batch=samples, seed=seed)
    return {"input": inputs, "target": targets}


@pytest.fixture(scope="module")
def presenter():
    with Presenter(CIRCUIT, batch=2) as made:
        yield made


def test_presentations_are_those_of_a_sequence():
    rows = shown(3)
    sequence = circuits.present_sequence(
        CIRCUIT, rows, keep=[1, 3], reads=[("output", "rate")]
    )
    with Presenter(CIRCUIT) as one:
        for k in range(3):
            one.present({name: x[k] for name, x in rows.items()})
            if k == 0:
                first = one.weights()
    for wanted, found in zip(sequence.weights, (first, one.weights()), strict=True):
        assert {*wanted} == {*found}
        for name, w in wanted.items():
            np.testing.assert_array_equal(found[name], w)
    rates = sequence.reads["output", "rate"][1]
    np.testing.assert_array_equal(one.read("output", "rate"), rates[None])


def test_without_a_with_statement_the_numbers_are_the_same(presenter):
    alone = Presenter(CIRCUIT, batch=2, weights=presenter.weights())
    for each in (alone, presenter):
        each.present(shown(seed=3), learning=False)
    np.testing.assert_array_equal(
        alone.read("hidden1", "apical"), presenter.read("hidden1", "apical")
    )


def test_an_epoch_of_training_can_be_watched():
    circuit, task = tiny_circuit(), tiny_task(20, 10)
    tree = circuits.train(
        circuit, task, epochs=1, batch=4, threads=1, probe=0, rate_decay=0.5
    )

    split, order = task.splits["train"], generator(circuit.seed, "order/1")
    order = order.permutation(len(split.inputs))
    with Presenter(circuit, batch=4, integrator=circuits.Blocked()) as one:
        for first in range(0, len(order), 4):
            some = order[first : first + 4]
            one.present({"input": split.inputs[some], "target": split.targets[some]})
    for name, node in tree["weights"].children.items():
        np.testing.assert_array_equal(one.weights(name)[name], node.w.values[-1])


def test_whole_batches_at_once_are_presentations_one_by_one():
    circuit = plastic_microcircuit(SIZES, form="two_sweep")
    rows = shown(6)
    with Presenter(circuit, batch=2) as once, Presenter(circuit, batch=2) as each:
        once.present_many(rows)
        for first in (0, 2, 4):
            each.present({k: x[first : first + 2] for k, x in rows.items()})
    for name, w in each.weights().items():
        np.testing.assert_array_equal(once.weights()[name], w)
    assert once.read("output", "rate").shape == (2, 2)
    with pytest.raises(ConfigError, match="5 samples are no whole number of batches"):
        once.present_many(shown(5))


def test_recordings_are_those_of_a_simulation():
    record = [Record("hidden1", every=0.5, units=[2, 0], reads=["rate"]), "output"]
    rows = shown(3)
    tree = circuits.simulate(CIRCUIT, rows, record)
    with Presenter(CIRCUIT, batch=3, chunk=2, record=record) as one:
        one.present(rows, learning=False)
        found = one.recorded()
    assert found["hidden1", "rate"].shape == (9, 3, 2)
    node = tree["populations/hidden1"]
    for k, name in enumerate(node.compartment.values):
        np.testing.assert_array_equal(
            found["hidden1", name][1:].swapaxes(0, 1), node.v.values[:, :, k]
        )
    np.testing.assert_array_equal(
        found["hidden1", "rate"][1:].swapaxes(0, 1), node.rate.values
    )


def test_a_shorter_schedule_records_its_own_steps(presenter):
    with Presenter(CIRCUIT, record=["output"]) as one:
        one.present({"input": np.ones(4)}, TEST, learning=False)
        assert one.recorded()["output", "soma"].shape == (21, 1, 2)
        longer = Schedule((Phase("free", 9.0, on=("input",)),))
        with pytest.raises(ConfigError, match="90 steps: recordings were planned"):
            one.present({"input": np.ones(4)}, longer, learning=False)
    with pytest.raises(ConfigError, match="records nothing"):
        presenter.recorded()


def test_means_of_windows_can_be_read():
    phases = (
        Phase("free", 2.0, on=("input",), window=1.0),
        Phase("clamped", 2.0, on=("input", "target"), window=0.1),
    )
    with Presenter(CIRCUIT, schedule=Schedule(phases), record=["output"]) as one:
        one.present(shown(1), learning=False)
        soma = one.recorded()["output", "soma"]
        mean = one.read("output", "soma", "free")
        np.testing.assert_allclose(mean, soma[11:21].mean(axis=0), rtol=1e-12)
        last = one.read("output", "soma", "clamped")
        np.testing.assert_allclose(last, one.read("output", "soma"), rtol=1e-12)
        with pytest.raises(ConfigError, match="'teh' has no averaging window"):
            one.read("output", "soma", "teh")
        other = replace(phases[0], name="relaxed")
        with pytest.raises(ConfigError, match="window was not planned for"):
            one.present(shown(1), Schedule((other,)), learning=False)


def test_weights_can_be_replaced_on_the_way():
    rates = {"basal_rates": 0.01}
    circuit = plastic_microcircuit(SIZES, rates=rates, tie_interneurons=True)
    ties = {p.tied_to.to: p for p in circuit.projections if p.tied_to}
    name, follower = next(iter(ties.items()))
    with Presenter(circuit) as one:
        before = one.weights()
        one.set_weights({name: 0.5 * before[name]})
        after = one.weights()
    for p in circuit.projections:
        factor = 0.5 if p.name in (name, follower.name) else 1.0
        np.testing.assert_array_equal(after[p.name], factor * before[p.name])
    with pytest.raises(ModelError, match="no projection 'nothing'"):
        one.set_weights({"nothing": np.ones((2, 2))})
    with pytest.raises(ModelError, match="Transpose it"):
        one.set_weights({"input_to_hidden1_basal": np.ones((4, 3))})


def spiking():
    return two_populations(
        pre=spike_source(rate_scale=500.0),
        steps=8,
        signal="spikes",
        initial=circuits.Constant(1.0),
    )


def test_spikes_and_waveforms_are_those_of_a_simulation():
    spikes = {"input": ([1.0, 2.0], [0, 1])}
    circuit = replace(spiking(), schedule=Schedule((Phase("x", 4.0),)))
    tree = circuits.simulate(circuit, {}, ["output"], forced_spikes=spikes)
    with Presenter(circuit, forced=("input",)) as one:
        one.present({}, forced_spikes=spikes)
        with pytest.raises(ConfigError, match="nothing of 'input'"):
            one.present({})
    wanted = tree["populations/output"].v.values[-1, 0]
    np.testing.assert_array_equal(one.read("output", "soma")[0], wanted)

    wave = np.random.default_rng(0).uniform(0, 1, (20, 4))
    given = {"waveforms": {"input": wave}}
    tree = circuits.simulate(CIRCUIT, {}, ["output"], schedule=TEST, **given)
    with Presenter(CIRCUIT, schedule=TEST, driven=("input",)) as one:
        one.present({}, learning=False, **given)
    wanted = tree["populations/output"].v.values[-1, 0]
    np.testing.assert_array_equal(one.read("output", "soma")[0], wanted)


def test_numbers_address_random_inputs():
    with Presenter(spiking(), record=[Record("input", spikes=True)]) as one:
        runs = []
        for number in (None, None, 0):
            one.present({"input": np.ones(4)}, number=number)
            runs.append(one.recorded()["input", "spikes"])
    assert runs[0].any() and (runs[0] != runs[1]).any()
    np.testing.assert_array_equal(runs[0], runs[2])
    with Presenter(
        spiking(), record=[Record("input", spikes=True)], stream="other"
    ) as other:
        other.present({"input": np.ones(4)})
    assert (other.recorded()["input", "spikes"] != runs[0]).any()


def test_drift_of_jumps_can_be_asked_for(presenter):
    long = plastic_microcircuit(SIZES, steps=600, learning_lag=20.0)
    with Presenter(long, batch=2, integrator=Equilibrium(jumps=2)) as one:
        before = one.weights()
        few = one.drift(shown())
        assert 0 < few < 1
        for name, w in one.weights().items():
            np.testing.assert_array_equal(w, before[name])
    with pytest.raises(ConfigError, match="'exact' makes no jumps"):
        presenter.drift(shown())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"input": np.ones((2, 5))}, r"shape \(2, 5\), must be \(n_samples, 4\)"),
        ({"input": np.full((2, 4), np.nan)}, "not finite"),
        ({"input": np.full((2, 4), np.inf)}, "not finite"),
        ({"inptu": np.ones((2, 4))}, "no clamped population"),
        ({"target": np.full((2, 2), 1.5)}, "no potential gives the target rate 1.5"),
        ({"input": np.ones((1, 4))}, r"patterns have \[1, 2\] samples"),
        ({"input": np.ones((3, 4)), "target": np.full((3, 2), 0.5)}, "3 samples"),
        ({"input": "text"}, "holds no numbers"),
    ],
)
def test_patterns_are_refused_after_others_have_passed(presenter, values, message):
    for _ in range(2):
        presenter.present(shown(), TEST, learning=False)
        presenter.present(shown(), learning=False)
    with pytest.raises(Exception, match=message) as caught:
        presenter.present(shown() | values, learning=False)
    assert type(caught.value).__module__ == "dendrites.errors"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 0}, "batch: expected a whole number >= 1"),
        ({"dtype": "int8"}, "dtype = 'int8'"),
        ({"chunk": 1.5}, "chunk"),
        ({"threads": 0}, "threads"),
        ({"seed": -1}, "seed"),
        ({"stream": 1}, "stream = 1"),
        ({"integrator": "euler"}, "integrator = 'euler'"),
        ({"integrator": Equilibrium(accuracy=0.1)}, "only circuits.train finds"),
        ({"learning_rates": {"nothing": 1.0}}, "no projection that learns"),
        ({"weights": {"nothing": 1.0}}, "no projection 'nothing'"),
        ({"schedule": 5}, "schedule is a int"),
        ({"record": ["nothing"]}, "no population 'nothing'"),
        ({"driven": ["output"]}, "'output' is no clamped population"),
        ({"forced": ["output"]}, "there are none"),
        ({"integrator": "equilibrium", "driven": ["input"]}, "leaves steps out"),
    ],
)
def test_options_are_refused(options, message):
    with pytest.raises((ConfigError, ModelError), match=message):
        Presenter(CIRCUIT, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning": "no"}, "learning = 'no'"),
        ({"number": -1}, "number: expected"),
        ({"schedule": "free"}, "must be a Schedule"),
        ({"waveforms": {"input": np.ones((40, 4))}}, "'input' was not announced"),
        ({"forced_spikes": {"input": ([], [])}}, "'input' was not announced"),
    ],
)
def test_options_of_a_presentation_are_refused(presenter, options, message):
    with pytest.raises((ConfigError, ModelError), match=message):
        presenter.present(shown(), **options)


def test_a_with_statement_is_entered_once(presenter):
    with pytest.raises(ConfigError, match="in a with statement already"), presenter:
        pass


def test_what_memory_cannot_hold_is_refused_before_anything_is_made():
    huge = plastic_microcircuit([10**5, 10**7, 2])
    with pytest.raises(ConfigError, match="needs .*[GT]iB of memory"):
        Presenter(huge)


def test_nothing_can_be_read_before_a_presentation():
    with pytest.raises(ConfigError, match="nothing has been presented"):
        Presenter(CIRCUIT).read("output", "rate")
