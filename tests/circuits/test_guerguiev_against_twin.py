"""The segregated-dendrite network, replayed on given spikes, equals its plain twin."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import issparse

import circuits
from circuits import Phase, Record, Schedule
from circuits.algorithms import guerguiev
from dendrites.errors import ModelError
from tests.reference import guerguiev_twin as twin

pytestmark = pytest.mark.usefixtures("every_engine")

ETA = (0.23, 0.21, 0.12)


def network(sizes, **options):
    rates = ETA[-(len(sizes) - 1) :]
    return guerguiev(sizes, learning_rate=rates, seed=3, **options), rates


def spikes_of(sizes, lengths, rng):
    """Counts by example, phase and population: rows of steps; some above 1."""
    return [
        [[rng.poisson(0.15, (steps, n)).astype(float) for n in sizes] for steps in pair]
        for pair in lengths
    ]


def trains(names, phases):
    """The same counts as forced spikes: times and channels of both phases in a row."""
    result = {}
    for name, *parts in zip(names, *phases, strict=True):
        counts = np.concatenate(parts).astype(int)
        step, unit = np.nonzero(counts)
        times = counts[step, unit]
        result[name] = (np.repeat(step, times) + 1.0, np.repeat(unit, times))
    return result


def fixed(circuit, lengths):
    """The circuit's schedule with phases of these lengths."""
    phases = zip(circuit.schedule.phases, lengths, strict=True)
    return Schedule(
        tuple(replace(phase, duration=float(n)) for phase, n in phases),
        carry_state=True,
    )


def replayed(sizes, *, options, twin_options, n_examples=4, seed=0):
    """Weights after every example, ours and the twin's, and the twin's results."""
    circuit, rates = network(sizes, **options)
    names = [p.name for p in circuit.populations][: len(sizes)]
    rng = np.random.default_rng(seed)
    lengths = [tuple(rng.integers(50, 64, 2)) for _ in range(n_examples)]
    counts = spikes_of(sizes, lengths, rng)
    labels = np.eye(sizes[-1])[rng.integers(sizes[-1], size=n_examples)]
    start = circuits.initial_weights(circuit)
    layers = names[1:]
    W = [start[f"{a}_to_{b}_basal"] for a, b in zip(names, layers, strict=False)]
    b = [start[f"bias_to_{layer}_bias"][:, 0] for layer in layers]
    Y = [start[f"output_to_{layer}_apical"] for layer in layers[:-1]]
    results = twin.run(
        sizes,
        W,
        b,
        Y,
        [
            twin.Example(forward, target, label)
            for (forward, target), label in zip(counts, labels, strict=True)
        ],
        eta=rates,
        **twin_options,
    )
    shown = circuits.present_sequence(
        circuit,
        {"input": np.zeros((n_examples, sizes[0])), "teacher": labels},
        keep=range(1, n_examples + 1),
        schedule=[fixed(circuit, pair) for pair in lengths],
        forced_spikes=[trains(names, phases) for phases in counts],
        reads=[("output", "soma"), (layers[0], "soma")],
    )
    return circuit, names, shown, results


OPTIONS = {
    "two hidden layers, memory of 10 steps": ((7, 6, 5, 3), {}, {"memory": 10}),
    "full kernel": ((7, 6, 3), {"memory": 0}, {}),
    "no hidden layer": ((7, 3), {}, {"memory": 10}),
    "window after settling": (
        (7, 6, 3),
        {"window": "settled"},
        {"memory": 10, "window": None, "window_after": 30},
    ),
    "coupled apical dendrite": (
        (7, 6, 5, 3),
        {"g_apical": 0.05},
        {"memory": 10, "g_a": 0.05},
    ),
    "symmetric feedback": (
        (7, 6, 3),
        {"feedback": "symmetric", "g_apical": 0.6},
        {"memory": 10, "symmetric": True, "g_a": 0.6},
    ),
    "rates fed back": (
        (7, 6, 3),
        {"fed_back": "rate", "memory": 0},
        {"feedback": "rate"},
    ),
    "rates fed back, memory of 10 steps": (
        (7, 6, 3),
        {"fed_back": "rate"},
        {"feedback": "rate", "memory": 10},
    ),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_replay_over_several_examples_equals_the_twin(case):
    sizes, options, twin_options = OPTIONS[case]
    twin_options = {"window": 20, **twin_options}
    circuit, names, shown, results = replayed(
        sizes, options=options, twin_options=twin_options
    )
    for k, result in enumerate(results):
        for m, (pre, post) in enumerate(zip(names, names[1:], strict=False)):
            ours = shown.weights[k][f"{pre}_to_{post}_basal"]
            np.testing.assert_allclose(ours, result.W[m], rtol=1e-12, atol=1e-13)
            ours = shown.weights[k][f"bias_to_{post}_bias"][:, 0]
            np.testing.assert_allclose(ours, result.b[m], rtol=1e-12)
        for m, layer in ((0, names[1]), (-1, "output")):
            np.testing.assert_allclose(
                shown.reads[layer, "soma"][k],
                result.target.C[m][-1],
                rtol=1e-11,
                atol=1e-12,
            )
    moved = [np.abs(x).max() for result in results for x in result.dW]
    assert min(moved) > 1e-6


def test_every_step_of_an_example_equals_the_twin():
    sizes = (7, 6, 3)
    circuit, rates = network(sizes)
    names = ("input", "hidden1", "output")
    rng = np.random.default_rng(5)
    counts = spikes_of(sizes, [(52, 57)], rng)
    label = np.eye(3)[1]
    start = circuits.initial_weights(circuit)
    [result] = twin.run(
        list(sizes),
        [start["input_to_hidden1_basal"], start["hidden1_to_output_basal"]],
        [start[f"bias_to_{n}_bias"][:, 0] for n in names[1:]],
        [start["output_to_hidden1_apical"]],
        [twin.Example(*counts[0], label)],
        eta=rates,
        memory=10,
        window=20,
    )
    tree = circuits.simulate(
        circuit,
        {"input": np.zeros(7), "teacher": label},
        [
            Record("hidden1", reads=["rate"], spikes=True),
            Record("output", reads=["rate"]),
        ],
        schedule=fixed(circuit, (52, 57)),
        forced_spikes=trains(names, counts[0]),
        learning=True,
    )
    for m, layer in enumerate(names[1:]):
        data = tree[f"populations/{layer}"]
        both = (result.forward, result.target)
        for name, of in (("soma", "C"), ("basal", "B"), ("apical", "A")):
            if name == "apical" and layer == "output":
                continue
            theirs = np.concatenate([getattr(phase, of)[m] for phase in both])
            ours = data.v.sel(compartment=name).values
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)
        theirs = np.concatenate([phase.rate[m] for phase in both])
        np.testing.assert_allclose(data.rate.values, theirs, rtol=1e-12)
    spikes = tree["spikes/hidden1"]
    given = trains(names, counts[0])["hidden1"]
    np.testing.assert_array_equal(spikes.spike_time, given[0])
    np.testing.assert_array_equal(spikes.spike_unit, given[1])


def test_traces_behind_sparse_weights_follow_them_as_behind_dense_ones():
    dense, _ = network((7, 6, 3), memory=0)
    sparse = replace(
        dense,
        projections=tuple(
            replace(p, connectivity=np.ones((6, 7), bool))
            if p.name == "input_to_hidden1_basal"
            else p
            for p in dense.projections
        ),
    )
    rng = np.random.default_rng(3)
    shown = {"input": rng.random((3, 7)), "teacher": np.eye(3)}
    ends = []
    for circuit in (dense, sparse):
        reads = [("hidden1", "basal"), ("hidden1", "soma")]
        ends.append(circuits.present_sequence(circuit, shown, reads=reads))
    first, second = ends
    for name, weights in first.weights[-1].items():
        values = second.weights[-1][name]
        values = values.toarray() if issparse(values) else values
        np.testing.assert_allclose(values, weights, rtol=1e-11)
    for read, values in first.reads.items():
        np.testing.assert_allclose(second.reads[read], values, rtol=1e-11)


def test_without_coupling_hidden_cells_do_not_see_their_apical_dendrites():
    circuit, _ = network((7, 6, 3))
    inputs = {"input": np.full(7, 0.4), "teacher": np.eye(3)[0]}
    seen = []
    for feedback in (-3.0, 0.0, 5.0):
        tree = circuits.simulate(
            circuit,
            inputs,
            [Record("hidden1", spikes=True)],
            schedule=fixed(circuit, (60, 60)),
            weights={"output_to_hidden1_apical": circuits.Constant(feedback)},
        )
        soma = tree["populations/hidden1"].v.sel(compartment="soma").values
        seen.append((soma, tree["spikes/hidden1"].spike_time.values))
    for soma, spikes in seen[1:]:
        assert (soma == seen[0][0]).all()
        assert (spikes == seen[0][1]).all()


def test_without_feedback_hidden_weights_stand_still_and_the_output_learns():
    circuit, _ = network((7, 6, 3), feedback="zero")
    start = circuits.initial_weights(circuit)
    rng = np.random.default_rng(0)
    shown = circuits.present_sequence(
        circuit,
        {"input": rng.random((3, 7)), "teacher": np.eye(3)},
    )
    after = shown.weights[-1]
    name = "input_to_hidden1_basal"
    np.testing.assert_array_equal(after[name], start[name])
    name = "hidden1_to_output_basal"
    assert np.abs(after[name] - start[name]).max() > 1e-4


def test_noise_of_symmetric_feedback_is_drawn_anew_for_every_update():
    circuit, _ = network((7, 40, 10), feedback="noisy")
    rng = np.random.default_rng(0)
    shown = circuits.present_sequence(
        circuit,
        {"input": rng.random((2, 7)), "teacher": np.eye(10)[:2]},
        keep=(1, 2),
    )
    noise = [
        w["output_to_hidden1_apical"] - w["hidden1_to_output_basal"].T
        for w in shown.weights
    ]
    for values in noise:
        # 400 normal numbers: their deviation is known to 3.5 %, taken three times.
        assert abs(values.std() / 0.05 - 1) < 3 * 0.036
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 3 / 20


def test_phases_are_drawn_as_in_the_public_code():
    circuit, _ = network((7, 3))
    draw = circuit.schedule.phases[0].duration
    rng = np.random.default_rng(1)
    extra = np.array([draw(rng) for _ in range(20_000)]) - 50
    # Mean 1.52 and deviation 2.83 of a million draws: three standard errors.
    assert abs(extra.mean() - 1.52) < 3 * 2.83 / np.sqrt(20_000)
    assert abs(np.mean(extra == 0) - 0.49) < 3 * 0.5 / np.sqrt(20_000) + 0.005
    assert extra.min() == 0


def test_a_window_longer_than_the_phase_is_refused():
    with pytest.raises(ModelError, match="leaves no room for its window"):
        Schedule((Phase("forward", lambda rng: 10.0, window_start=30.0),)).segments(
            1.0, np.random.default_rng(0)
        )
