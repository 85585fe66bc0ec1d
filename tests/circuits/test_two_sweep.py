"""The two-sweep form follows the plain NumPy twin presentation by presentation."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from reference import two_sweep_twin as twin
from systems import layer_names, logistic
from thinned import combined, first
from tiny_training import curves, tiny_circuit, tiny_task, tiny_train

from circuits.initialisers import ScaledCopy
from circuits.microcircuit import microcircuit
from circuits.run.presenter import Presenter
from circuits.schedule import Schedule
from circuits.weights import initial_weights
from dendrites._blas import serial_blas
from dendrites.errors import NumericalError

pytestmark = pytest.mark.usefixtures("every_engine")

# Both compute the same formulas in double precision: a presentation adds a few
# roundings of numbers of size one, 1e-16 each, and 200 of them stay below this even if
# they were all to add up ten times over.
ROUNDING = 1e-12
TIMES = 200
SHARED = {"g_leak": 0.13, "g_basal": 1.1, "g_output_nudge": 0.7}
BY_LAYER = {
    "g_apical": [0.3, 0.9, 0.6],
    "g_dendrite": [1.7, 0.8, 1.2],
    "g_interneuron_nudge": [0.6, 1.1, 0.9],
}
FREE = {"tie_interneurons": False, "tie_inhibition": False}
TIED = {"tie_interneurons": True, "tie_inhibition": True}


def unequal(hidden):
    """Conductances in which no two layers are alike."""
    return {**SHARED, **{name: g[:hidden] for name, g in BY_LAYER.items()}}


def learning_rates(hidden, *, tie_interneurons, tie_inhibition, top_down):
    """Rates in which no two projections are alike, for all that may learn."""
    layers = np.arange(hidden + 1)
    rates = {"basal_rates": list(0.1 + 0.05 * layers)}
    if not tie_interneurons:
        rates["interneuron_rates"] = list(0.2 - 0.03 * layers[1:])
    if not tie_inhibition:
        rates["apical_rates"] = list(0.05 + 0.02 * layers[1:])
    if top_down:
        rates["top_down_rates"] = list(0.07 - 0.01 * layers[1:])
    return rates


def names_of(circuit):
    """Projections under the twin's names of their weights."""
    layers = layer_names(len(circuit.network.layers))
    hidden = range(1, len(layers) - 1)
    known = [p.name for p in circuit.projections]

    def feedback(k):
        name = f"{layers[k + 1]}_to_{layers[k]}"
        plastic = f"{name}_top_down"
        return plastic if plastic in known else f"{name}_apical"

    names = {
        "W": [f"{pre}_to_{post}_basal" for pre, post in pairwise(layers)],
        "B": [feedback(k) for k in hidden],
        "WIP": [f"{layers[k]}_to_interneuron{k}_dendrite" for k in hidden],
        "WPI": [f"interneuron{k}_to_{layers[k]}_apical" for k in hidden],
    }
    if "bias_to_output_basal" in known:
        names["b"] = [f"bias_to_{post}_basal" for post in layers[1:]]
        names["bI"] = [f"bias_to_interneuron{k}_dendrite" for k in hidden]
    return names


def twin_weights(circuit, weights):
    """The same numbers as the twin holds them; no biases are biases of zero."""
    names = names_of(circuit)
    arrays = {key: [weights[name] for name in names[key]] for key in names}
    for key, like in (("b", "W"), ("bI", "WIP")):
        biases = arrays.get(key) or [np.zeros((len(w), 1)) for w in arrays[like]]
        arrays[key] = [b[:, 0] for b in biases]
    return twin.Weights(**arrays)


def random_start(circuit, seed=1):
    """Dense weights uniform(-1, 1), biases included; copies and ties follow."""
    rng = np.random.default_rng(seed)
    given = {
        p.name: rng.uniform(-1.0, 1.0, circuit.weights_shape(p.name))
        for p in circuit.projections
        if p.is_dense and p.tied_to is None and not isinstance(p.initial, ScaledCopy)
    }
    return initial_weights(circuit, given=given)


def shown(sizes, *, batch, seed, bias):
    rng = np.random.default_rng([seed, batch])
    patterns = {
        "input": rng.uniform(0.0, 1.0, (batch, sizes[0])),
        "target": rng.uniform(0.1, 0.8, (batch, sizes[-1])),
    }
    return {**patterns, "bias": np.ones((batch, 1))} if bias else patterns


def two_sweep(sizes, *, bias=True, **options):
    options = {**unequal(len(sizes) - 2), "self_predicting": False, **options}
    return microcircuit(sizes, form="two_sweep", bias=bias, **options)


def learn(circuit, sizes, *, batch, times, bias=True, weights=None, **options):
    """The presenter after `times` batches, each with patterns of its own."""
    weights = random_start(circuit) if weights is None else weights
    with serial_blas():
        presenter = Presenter(circuit, weights=weights, batch=batch, **options)
        for seed in range(times):
            patterns = shown(sizes, batch=batch, seed=seed, bias=bias)
            presenter.present(patterns, circuit.schedule, number=seed)
    return presenter


def all_states(presenter):
    """Every state variable of the last presentation, (samples, n) each."""
    return [
        presenter.read(p.name, field)
        for p in presenter.circuit.populations
        for field in p.model.state._fields
    ]


def largest(pairs):
    return max(float(np.abs(mine - wanted).max()) for mine, wanted in pairs)


def potentials(presenter, p):
    """Pairs of what the engine and the twin hold for the last presentation."""
    somata = layer_names(len(p.u))[1:]
    for k, name in enumerate(somata):
        yield presenter.read(name, "soma"), p.u[k]
        yield presenter.read(name, "basal"), p.vB[k]
    for k in range(len(p.uI)):
        yield presenter.read(f"interneuron{k + 1}", "soma"), p.uI[k]
        yield presenter.read(f"interneuron{k + 1}", "dendrite"), p.vI[k]
        yield presenter.read(somata[k], "apical"), p.vA[k]


def agree(sizes, *, batch, times=TIMES, bias=True, top_down=True, ties=FREE, **options):
    """Largest deviations of weights and potentials, smallest change of a projection."""
    hidden = len(sizes) - 2
    rates = learning_rates(hidden, top_down=top_down, **ties)
    circuit = two_sweep(sizes, bias=bias, **rates, **ties)
    start = random_start(circuit)
    presenter = learn(circuit, sizes, batch=batch, times=times, bias=bias)
    eta = {"W": rates["basal_rates"], "B": rates.get("top_down_rates")}
    eta |= {"WIP": rates.get("interneuron_rates"), "WPI": rates.get("apical_rates")}
    if bias:
        eta |= {"b": eta["W"], "bI": eta["WIP"]}
    eta = {name: values for name, values in eta.items() if values is not None}
    g = twin.conductances(hidden + 1, **unequal(hidden))
    weights = twin_weights(circuit, start)
    for seed in range(times):
        patterns = shown(sizes, batch=batch, seed=seed, bias=bias)
        targets = np.log(patterns["target"] / (1.0 - patterns["target"]))
        weights, p = twin.present(
            weights,
            g,
            patterns["input"],
            targets,
            eta,
            tie_WIP=ties["tie_interneurons"],
            tie_WPI=ties["tie_inhibition"],
        )
    got, before = (twin_weights(circuit, w) for w in (presenter.weights(), start))
    moved = min(
        float(np.abs(mine - old).max())
        for name in eta
        for mine, old in zip(getattr(got, name), getattr(before, name), strict=True)
    )
    deviation = largest(
        pair
        for arrays in zip(got, weights, strict=True)
        for pair in zip(*arrays, strict=True)
    )
    return deviation, largest(potentials(presenter, p)), moved


# --- against the twin ----------------------------------------------------------------


# Above 32 samples products take another way.
@pytest.mark.parametrize("batch", [1, 3, 10, 40])
@pytest.mark.parametrize("sizes", [[6, 5, 3], [9, 17, 8, 4], [5, 4, 6, 3, 2]])
def test_all_weights_plastic_equal_the_twin_at_every_depth(sizes, batch):
    weights, state, moved = agree(sizes, batch=batch)
    assert max(weights, state) < ROUNDING
    assert moved > 1e-2


@pytest.mark.parametrize(
    "tie_interneurons, tie_inhibition, bias, top_down, batch",
    combined(*[[True, False]] * 4, [3, 40], every=3),
)
def test_every_choice_of_plastic_and_tied_weights_equals_the_twin(
    tie_interneurons, tie_inhibition, bias, top_down, batch
):
    ties = {"tie_interneurons": tie_interneurons, "tie_inhibition": tie_inhibition}
    options = {"bias": bias, "top_down": top_down, "ties": ties}
    weights, state, moved = agree([6, 9, 5, 3], batch=batch, times=50, **options)
    assert max(weights, state) < ROUNDING
    # With both kinds tied nothing but a small error reaches the first layer.
    assert moved > 1e-5


# Products take eight rows at a time.
@pytest.mark.parametrize("n", first([1, 8, 9, 25, 7, 15, 16, 17], 4))
def test_layers_of_any_size_equal_the_twin(n):
    for ties in (FREE, TIED):
        weights, state, moved = agree([n, n, n, n], batch=2, times=10, ties=ties)
        assert max(weights, state) < 1e-13
        assert moved > 1e-7


@pytest.mark.parametrize("ties", [FREE, TIED], ids=["free", "tied"])
@pytest.mark.parametrize("top_down", [True, False], ids=["B_learns", "B_fixed"])
def test_layers_too_large_for_the_plain_products_equal_the_twin(ties, top_down):
    # 20 samples of these layers are 24,000 to 60,000 multiply-adds.
    options = {"ties": ties, "top_down": top_down, "times": 50}
    weights, state, moved = agree([60, 50, 40, 30], batch=40, **options)
    assert max(weights, state) < ROUNDING
    assert moved > 1e-3


@pytest.mark.nojit
@pytest.mark.parametrize("ties", [FREE, TIED], ids=["free", "tied"])
def test_a_few_presentations_equal_the_twin(ties):
    weights, state, moved = agree([9, 3, 2, 2], batch=2, times=3, ties=ties)
    assert max(weights, state) < 1e-14
    assert moved > 1e-6


# --- the un-nudged state -------------------------------------------------------------


def feedforward(circuit, weights, inputs, g):
    """u_k = a_k (W_k r_{k-1} + b_k) of every layer."""
    w, rate, u = twin_weights(circuit, weights), inputs, []
    for k in range(1, g.n_layers + 1):
        u.append(g.a(k) * (rate @ w.W[k - 1].T + w.b[k - 1]))
        rate = logistic(u[-1])
    return u


def without_teacher(circuit):
    """Both sweeps, the target switched off in the second."""
    sources = ("input", "bias")
    forward, nudged = circuit.schedule.phases
    return Schedule((forward, replace(nudged, on=sources)))


@pytest.mark.parametrize("batch", [1, 40])
@pytest.mark.parametrize("sizes", [[6, 5, 3], [9, 17, 8, 4], [5, 4, 6, 3, 2]])
@pytest.mark.parametrize("ties", [FREE, TIED], ids=["copied", "tied"])
def test_a_self_predicting_circuit_without_teacher_is_the_feedforward_net(
    ties, sizes, batch
):
    circuit = two_sweep(sizes, self_predicting=True, **ties)
    weights = random_start(circuit)
    patterns = shown(sizes, batch=batch, seed=0, bias=True)
    g = twin.conductances(len(sizes) - 1, **unequal(len(sizes) - 2))
    u = feedforward(circuit, weights, patterns["input"], g)
    with serial_blas():
        presenter = Presenter(circuit, weights=weights, batch=batch)
        presenter.present(patterns, without_teacher(circuit))
    for k, name in enumerate(layer_names(len(u))[1:]):
        # A hundred roundings of potentials below ten
        assert np.abs(presenter.read(name, "soma") - u[k]).max() < 1e-13
    for k in range(1, len(u)):
        assert np.abs(presenter.read(f"hidden{k}", "apical")).max() < 1e-13
        inter = presenter.read(f"interneuron{k}", "soma")
        assert np.abs(inter - u[k]).max() < 1e-13


@pytest.mark.parametrize("self_predicting", [True, False])
def test_a_test_presentation_answers_as_the_feedforward_net(self_predicting):
    sizes = [9, 17, 8, 4]
    circuit = two_sweep(sizes, self_predicting=self_predicting)
    weights = random_start(circuit)
    patterns = shown(sizes, batch=3, seed=0, bias=True)
    g = twin.conductances(3, **unequal(2))
    u = feedforward(circuit, weights, patterns["input"], g)
    with serial_blas():
        presenter = Presenter(circuit, weights=weights, batch=3)
        # A training presentation first: nothing of it may be left.
        presenter.present(patterns, circuit.schedule)
        presenter.present(patterns, circuit.test_schedule, learning=False)
    rates = presenter.read(circuit.output, circuit.readout)
    assert np.abs(rates - logistic(u[-1])).max() < 1e-14
    for k in (1, 2):
        assert not presenter.read(f"hidden{k}", "apical").any()


def test_without_learning_the_weights_keep_their_bits():
    sizes = [6, 5, 3]
    circuit = two_sweep(sizes, basal_rates=0.1, interneuron_rates=0.1)
    start = random_start(circuit)
    patterns = shown(sizes, batch=2, seed=0, bias=True)
    with serial_blas():
        presenter = Presenter(circuit, weights=start, batch=2)
        presenter.present(patterns, circuit.schedule, learning=False)
        for name, value in presenter.weights().items():
            np.testing.assert_array_equal(value, start[name])
        presenter.present(patterns, circuit.schedule)
    assert largest((presenter.weights()[name], start[name]) for name in start) > 1e-4


# --- what must not change a result ----------------------------------------------------


@pytest.mark.parametrize("batch", [1, 3, 40])
@pytest.mark.parametrize("sizes", [[6, 5, 3], [9, 17, 8, 4], [60, 50, 40, 30]])
def test_tied_weights_give_the_state_of_equal_weights_that_are_free(sizes, batch):
    # Ties let fields be copied and products be shared; free weights do not.
    states, changes = [], []
    for ties in (TIED, FREE):
        circuit = two_sweep(sizes, basal_rates=0.1, **ties)
        if ties is TIED:
            weights = random_start(circuit)
        presenter = learn(circuit, sizes, batch=batch, times=1, weights=weights)
        after = presenter.weights()
        changes.append([after[name] - weights[name] for name in names_of(circuit)["W"]])
        states.append(all_states(presenter))
    assert largest(zip(*states, strict=True)) < 1e-13
    assert largest(zip(*changes, strict=True)) < 1e-13
    assert min(np.abs(change).max() for change in changes[0]) > 1e-5


def test_unplastic_ties_stay_as_they_are_while_free_copies_are_left_behind():
    # The same first presentation, and different ones ever after.
    sizes, results = [6, 5, 4, 3], []
    for ties in (TIED, FREE):
        circuit = two_sweep(sizes, basal_rates=0.1, self_predicting=True, **ties)
        weights = random_start(circuit)
        presenter = learn(circuit, sizes, batch=2, times=20, weights=weights)
        results.append(presenter.weights()["input_to_hidden1_basal"])
    assert np.abs(results[0] - results[1]).max() > 1e-5


@pytest.mark.parametrize("ties", [FREE, TIED], ids=["free", "tied"])
def test_chunks_differ_by_rounding_and_threads_by_nothing(ties):
    sizes = [9, 17, 8, 4]
    rates = learning_rates(2, top_down=True, **ties)
    circuit = two_sweep(sizes, **rates, **ties)
    whole = learn(circuit, sizes, batch=10, times=50)
    chunked = [
        learn(circuit, sizes, batch=10, times=50, chunk=5, threads=threads)
        for threads in (1, 2)
    ]
    one, two = (presenter.weights() for presenter in chunked)
    for name, value in one.items():
        np.testing.assert_array_equal(two[name], value)
    one, two = (all_states(presenter) for presenter in chunked)
    for mine, theirs in zip(one, two, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    for name, value in whole.weights().items():
        assert np.abs(chunked[0].weights()[name] - value).max() < 1e-13


@pytest.mark.parametrize("batch", [1, 10, 20])
def test_float32_stays_within_its_tolerance(batch):
    sizes = [9, 17, 8, 4]
    circuit = two_sweep(sizes, **learning_rates(2, top_down=True, **FREE))
    double = learn(circuit, sizes, batch=batch, times=TIMES)
    single = learn(circuit, sizes, batch=batch, times=TIMES, dtype="float32")
    # 200 updates of weights below four: each is rounded to 1.2e-7 at most, and its
    # terms, rates times 0.2, to 1e-7 or so.
    deviation = largest(
        (single.weights()[name], value) for name, value in double.weights().items()
    )
    assert 0.0 < deviation < TIMES * (1.2e-7 + 0.2e-7)


@pytest.mark.parametrize("ties", [FREE, TIED], ids=["free", "tied"])
@pytest.mark.parametrize("batch", [1, 3, 40])
def test_many_presentations_in_one_call_give_the_bits_of_single_ones(batch, ties):
    sizes, times = [9, 17, 8, 4], 12
    rates = learning_rates(2, top_down=True, **ties)
    circuit = two_sweep(sizes, **rates, **ties)
    single = learn(circuit, sizes, batch=batch, times=times)
    all_shown = [shown(sizes, batch=batch, seed=k, bias=True) for k in range(times)]
    joined = {
        name: np.concatenate([s[name] for s in all_shown]) for name in all_shown[0]
    }
    with serial_blas():
        presenter = Presenter(circuit, weights=random_start(circuit), batch=batch)
        presenter.present_many(joined)
    for name, value in single.weights().items():
        np.testing.assert_array_equal(presenter.weights(name)[name], value)
    for mine, theirs in zip(all_states(presenter), all_states(single), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def tiny(**options):
    return tiny_circuit(form="two_sweep", bias=True, **options)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_training_in_one_call_gives_the_bits_of_single_presentations(
    monkeypatch, dtype
):
    # 11 examples in batches of 4 leave a batch of 3.
    options = {"task": tiny_task(11, 8), "batch": 4, "rate_decay": 0.9, "dtype": dtype}
    joined = tiny_train(tiny(), **options)
    monkeypatch.setattr(
        "circuits.run.session.Replicas.streams", lambda self, schedule: False
    )
    single = tiny_train(tiny(), **options)
    assert joined.attrs["state_sha256"] == single.attrs["state_sha256"]
    mine, theirs = curves(joined), curves(single)
    assert mine.keys() == theirs.keys()
    for name, values in theirs.items():
        np.testing.assert_array_equal(mine[name], values, err_msg=name)


def test_training_without_time_says_so():
    assert tiny_train(tiny(), epochs=1).attrs["integrator"] == "settled"


@pytest.mark.parametrize("at_once", [False, True])
def test_weights_that_grow_without_end_are_reported(at_once):
    sizes = [6, 5, 3]
    circuit = two_sweep(sizes, basal_rates=1e9)
    patterns = shown(sizes, batch=8, seed=0, bias=True)
    with serial_blas():
        presenter = Presenter(circuit, weights=random_start(circuit), batch=2)
        with pytest.raises(NumericalError, match="left the finite range"):
            if at_once:
                presenter.present_many(patterns)
            for k in range(4):
                part = {
                    name: value[2 * k : 2 * k + 2] for name, value in patterns.items()
                }
                presenter.present(part, circuit.schedule)
