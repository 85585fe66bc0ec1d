"""Ensembles of bursting cells: one update against NumPy, and when it is a gradient."""

from dataclasses import replace

import numpy as np
import pytest
from systems import logistic

import circuits
from circuits import Phase, Schedule, algorithms
from circuits.stack import bottom_up
from dendrites.errors import ModelError

SIZES = (5, 4, 4, 3)
LAYERS = ("input", "hidden1", "hidden2", "output")
HIDDEN = ((1, "hidden1", "hidden2"), (2, "hidden2", "output"))
RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 5))
T = RNG.uniform(0.1, 0.9, size=(6, 3))
SHOWN = {"input": X, "target": T}


def weights_of(circuit, seed=0):
    """Initial weights, and biases that are not 0."""
    rng = np.random.default_rng(seed)
    return {
        name: w + rng.normal(size=w.shape) if name.startswith("bias") else w
        for name, w in circuits.initial_weights(circuit).items()
        if circuit.projection(name).tied_to is None
    }


def events(w, x=X):
    """Event rates of all layers."""
    rates = [x]
    for below, here in zip(LAYERS[:-1], LAYERS[1:], strict=True):
        u = rates[-1] @ w[bottom_up(below, here)].T
        rates.append(logistic(u + w[bottom_up("bias", here)][:, 0]))
    return rates


def without_teacher(circuit):
    """The same phases, in none of which the teacher is on."""
    phases = tuple(replace(phase, on=()) for phase in circuit.schedule.phases)
    return replace(circuit.schedule, phases=phases)


def mean_product(post, pre):
    return post.T @ pre / len(post)


# --- burstprop ------------------------------------------------------------------------

RATES = {"learning_rate": 0.3, "recurrent_rate": 0.7, "momentum": 0.8}


@pytest.fixture(scope="module")
def recurrent():
    return algorithms.burstprop(SIZES, weight_decay=0.01, **RATES)


@pytest.fixture(scope="module")
def plain():
    return algorithms.burstprop(SIZES, recurrent=False, learning_rate=0.3)


def bursts(w, rates, error, recurrent=True):
    """By layer: apical potentials and burst rates without and with teacher, b_pre."""
    p0, found = 0.2, {}
    e = rates[3]
    b, b_t = p0 * e, p0 * (error * (1 - e) + 1) * e
    found["output"] = (None, b, b_t, None)
    for k, here, above in reversed(HIDDEN):
        e, y = rates[k], w[f"{above}_to_{here}_apical"]
        before = e * logistic(b @ y.T)
        r = before @ w[f"{here}_to_{here}_recurrent"].T if recurrent else 0.0
        u, u_t = (s @ y.T * (1 - e) - r for s in (b, b_t))
        b, b_t = e * logistic(u), e * logistic(u_t)
        found[here] = (u, b, b_t, before)
    return found


def burstprop_update(w, rates, error):
    """One step of v = momentum v + g from v = 0: all changes but decay."""
    found, wanted = bursts(w, rates, error), {}
    for k, (below, here) in enumerate(zip(LAYERS[:-1], LAYERS[1:], strict=True)):
        _, b, b_t, _ = found[here]
        wanted[bottom_up(below, here)] = mean_product(b_t - b, rates[k])
        wanted[bottom_up("bias", here)] = (b_t - b).mean(axis=0)[:, None]
    for k, here, above in HIDDEN:
        u, _, _, before = found[here]
        _, b, b_t, _ = found[above]
        wanted[f"{above}_to_{here}_apical"] = mean_product(rates[k], b_t - b)
        wanted[f"{here}_to_{here}_recurrent"] = mean_product(u, before)
    return wanted


def test_two_presentations_of_burstprop_are_its_equations(recurrent):
    w = weights_of(recurrent)
    v = {name: np.zeros_like(value) for name, value in w.items()}
    with circuits.Presenter(recurrent, batch=len(X), weights=w) as presenter:
        for _ in range(2):
            rates = events(w)
            for name, g in burstprop_update(w, rates, T - rates[3]).items():
                is_r = name.endswith("recurrent")
                v[name] = g if is_r else 0.8 * v[name] + g
                kept = 1.0 if is_r else 0.99
                w[name] = kept * w[name] + (0.7 if is_r else 0.3) * v[name]
            presenter.present(SHOWN)
        found = presenter.weights()
    for name, g in burstprop_update(w, rates, T - rates[3]).items():
        np.testing.assert_allclose(found[name], w[name], rtol=0, atol=1e-13)
        assert np.abs(g).max() > 1e-5


def test_the_output_layer_learns_the_gradient_times_its_burst_probability(plain):
    w = weights_of(plain)
    found = circuits.gradient_estimate(plain, X, T, weights=w)
    exact = circuits.negative_gradient(plain, w, X, T)
    for name in ("hidden2_to_output_basal", "bias_to_output_basal"):
        np.testing.assert_allclose(found[name], 0.2 * exact[name], rtol=0, atol=1e-14)


@pytest.mark.parametrize("which", ["recurrent", "plain"])
def test_without_a_teacher_no_weight_moves_but_recurrent_ones(which, request):
    circuit = request.getfixturevalue(which)
    w, schedule = weights_of(circuit), without_teacher(circuit)
    found = circuits.present(circuit, SHOWN, schedule, learning=True, weights=w)
    assert len(found.update) >= 8
    for name, update in found.update.items():
        if circuit.projection(name).rule is None:
            np.testing.assert_array_equal(update, 0.0)
        elif name.endswith("recurrent"):
            assert np.abs(update).max() > 1e-5
        elif which == "recurrent" or name.endswith("apical"):
            # Decay, and of feedback two sums over the batch: last bits.
            decay = 0.01 * w[name] if which == "recurrent" else 0.0
            np.testing.assert_allclose(update, -decay, rtol=0, atol=1e-15)
        else:
            np.testing.assert_array_equal(update, 0.0)


def test_for_small_errors_each_layer_passes_on_a_quarter(recurrent):
    """With Y = W^T and R that silences apical potentials."""
    w, x = weights_of(recurrent), X[:1]
    for here, above in (("hidden1", "hidden2"), ("hidden2", "output")):
        w[f"{above}_to_{here}_apical"] = w[bottom_up(here, above)].T.copy()
    rates = events(w, x)
    off = {f"{here}_to_{here}_recurrent": np.zeros((4, 4)) for here in LAYERS[1:3]}
    b = 0.2 * rates[3]
    for k, here, above in reversed(HIDDEN):
        y = w[f"{above}_to_{here}_apical"]
        before = rates[k] * logistic(b @ y.T)
        u = b @ y.T * (1 - rates[k])
        off[f"{here}_to_{here}_recurrent"] = u.T @ before / (before**2).sum()
        b = rates[k] / 2
    w |= off
    lost = []
    for size in (2.0, 1.0):
        target = rates[3] + size * (T[:1] - rates[3])
        still = {name: 0.0 for name in off}
        found = circuits.gradient_estimate(
            recurrent, x, target, weights=w, learning_rates=still
        )
        exact = circuits.negative_gradient(recurrent, w, x, target)
        for depth, (below, here) in enumerate(
            zip(LAYERS[:-1], LAYERS[1:], strict=True)
        ):
            name = bottom_up(below, here)
            decay = -0.01 / 0.3 * w[name]
            wanted = 0.2 * 0.25 ** (2 - depth) * exact[name]
            miss = np.abs(found[name] - decay - wanted).max() / np.abs(wanted).max()
            lost.append(miss)
    assert max(lost[2], lost[5]) < 1e-12
    for k in (0, 1):  # second order of the error, relative to the update
        assert abs(np.log2(lost[k] / lost[k + 3]) - 2.0) < 0.1


def test_recurrent_weights_bring_apical_potentials_to_zero(recurrent):
    reads = [("hidden1", "potential", "student"), ("hidden2", "potential", "student")]
    schedule = without_teacher(recurrent)
    w = weights_of(recurrent)
    sizes = []
    with circuits.Presenter(recurrent, batch=len(X), weights=w) as presenter:
        for _ in range(2):
            found = circuits.present(
                recurrent, SHOWN, schedule, reads=reads, weights=presenter.weights()
            )
            sizes.append([np.abs(found[read]).mean() for read in reads])
            for _ in range(300):
                presenter.present(SHOWN, schedule)
    assert (np.array(sizes[1]) < 0.3 * np.array(sizes[0])).all()


# --- bursting cortico-cortical networks -----------------------------------------------


@pytest.fixture(scope="module")
def learned():
    return algorithms.burst_ccn(SIZES, cancellation="learned", cancellation_rate=0.4)


@pytest.fixture(scope="module")
def transposed():
    return algorithms.burst_ccn(SIZES, feedback="transposed")


def ccn(w, rates, error, p0=0.5, gain=4.0):
    """Updates of every layer, and apical potentials of hidden ones."""
    e, apical = rates[3], {}
    b = p0 * (1 + error * (1 - e)) * e
    deltas = {"output": b - p0 * e}
    for k, here, above in reversed(HIDDEN):
        e = rates[k]
        q, y = (w[f"{above}_to_{here}_{field}"] for field in ("apical", "inhibition"))
        u = rates[k + 1] @ q.T - b @ y.T
        p = logistic(gain * u * (1 - e) + np.log(p0 / (1 - p0)))
        b, apical[here] = p * e, u
        deltas[here] = (p - p0) * e
    return deltas, apical


def test_one_update_of_a_bursting_network_is_its_equations(learned):
    w = weights_of(learned)
    rates = events(w)
    deltas, apical = ccn(w, rates, T - rates[3])
    found = circuits.present(learned, SHOWN, learning=True, weights=w).update
    for k, (below, here) in enumerate(zip(LAYERS[:-1], LAYERS[1:], strict=True)):
        wanted = 0.1 * mean_product(deltas[here], rates[k])
        np.testing.assert_allclose(found[bottom_up(below, here)], wanted, atol=1e-15)
        wanted = 0.1 * deltas[here].mean(axis=0)[:, None]
        np.testing.assert_allclose(found[bottom_up("bias", here)], wanted, atol=1e-15)
    for k, here, above in HIDDEN:
        wanted = -0.4 * mean_product(apical[here], rates[k + 1])
        assert np.abs(wanted).max() > 1e-3
        name = f"{above}_to_{here}_apical"
        np.testing.assert_allclose(found[name], wanted, atol=1e-15)


@pytest.mark.parametrize("target", ["its own output", "none"])
def test_events_that_cancel_bursts_leave_nothing_to_learn(learned, target):
    w = weights_of(learned)
    for _, here, above in HIDDEN:
        w[f"{above}_to_{here}_apical"] = 0.5 * w[f"{above}_to_{here}_inhibition"]
    shown, schedule = SHOWN, without_teacher(learned)
    if target == "its own output":
        rate = circuits.present(learned, SHOWN, reads=[("output", "rate")], weights=w)
        shown, schedule = SHOWN | {"target": rate["output", "rate"]}, learned.schedule
    reads = [("hidden1", "apical"), ("hidden2", "apical")]
    found = circuits.present(
        learned, shown, schedule, reads=reads, weights=w, learning=True
    )
    for read in reads:
        np.testing.assert_array_equal(found[read], 0.0)
    assert len(found.update) >= 8
    for update in found.update.values():
        np.testing.assert_array_equal(update, 0.0)


def test_transposed_bursts_give_the_gradient_up_to_third_order(transposed):
    w = weights_of(transposed)
    output = events(w)[3]
    lost = []
    for size in (0.1, 0.05):
        target = output + size * (T - output)
        found = circuits.gradient_estimate(transposed, X, target, weights=w)
        exact = circuits.negative_gradient(transposed, w, X, target)
        lost.append([np.abs(found[n] - 0.5 * exact[n]).max() for n in exact])
    assert len(lost[0]) == 6
    orders = dict(zip(exact, np.log2(np.array(lost[0]) / lost[1]), strict=True))
    for name in ("input_to_hidden1_basal", "hidden1_to_hidden2_basal"):
        assert abs(orders[name] - 3.0) < 0.15  # within 5 % of the slope
    of_output = dict(zip(exact, lost[0], strict=True))["hidden2_to_output_basal"]
    assert of_output < 1e-14


def test_everything_at_once_reaches_the_same_state(transposed):
    """One phase: input, teacher, events and bursts together, from rest."""
    w = weights_of(transposed)
    wanted = circuits.gradient_estimate(transposed, X, T, weights=w)
    at_once = Phase("backward", relax=LAYERS[1:], sweeps=5, on=("target",))
    always = transposed.schedule.always_on
    found = circuits.gradient_estimate(
        transposed, X, T, weights=w, schedule=Schedule((at_once,), always_on=always)
    )
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-14)


def test_learned_events_come_to_cancel_bursts_without_a_teacher(learned):
    w, schedule = weights_of(learned), without_teacher(learned)
    reads = [("hidden1", "apical"), ("hidden2", "apical")]
    sizes = []
    with circuits.Presenter(learned, batch=len(X), weights=w) as presenter:
        for _ in range(2):
            found = circuits.present(
                learned, SHOWN, schedule, reads=reads, weights=presenter.weights()
            )
            sizes.append([np.abs(found[read]).mean() for read in reads])
            for _ in range(300):
                presenter.present(SHOWN, schedule)
    assert (np.array(sizes[1]) < 0.1 * np.array(sizes[0])).all()


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("burstprop", {"feedback": "random"}, "feedback = 'random'"),
        ("burstprop", {"resting": 1.0}, "resting = 1.0: must be below 1"),
        ("burstprop", {"resting": 0.0}, "resting"),
        ("burstprop", {"phi": "tanh"}, "event rate -1"),
        ("burstprop", {"output_phi": "softmax"}, "must be a dendrites.transfer"),
        ("burstprop", {"loss": "cross_entropy"}, "no option 'loss'"),
        ("burstprop", {"recurrent": False, "recurrent_rate": 0.1}, "no effect"),
        ("burstprop", {"recurrent": 1}, "recurrent"),
        ("burst_ccn", {"feedback": "learned"}, "feedback = 'learned'"),
        ("burst_ccn", {"cancellation": "tied"}, "cancellation = 'tied'"),
        ("burst_ccn", {"cancellation_rate": 0.1}, "no effect with cancellation"),
        (
            "burst_ccn",
            {"feedback": "transposed", "feedback_initial": circuits.Uniform()},
            "no effect with feedback",
        ),
        ("burst_ccn", {"gain": 0.0}, "gain"),
        ("burst_ccn", {"phi": "relu"}, "event rate 0"),
    ],
)
def test_what_bursts_cannot_do_is_refused(name, options, text):
    with pytest.raises(ModelError, match=text):
        getattr(algorithms, name)(SIZES, **options)


# --- with Dale's law ------------------------------------------------------------------

POSITIVE = {"input": np.abs(X), "target": T}


def with_signs(w, circuit, rng):
    """Weights of a network with Dale's law that are these."""
    given = {}
    for below, here in zip(LAYERS[:-1], LAYERS[1:], strict=True):
        name = bottom_up(below, here)
        more = rng.uniform(0.1, 0.5, w[name].shape)  # so that none is 0
        given[name] = np.maximum(w[name], 0) + more
        given[f"pv_{here}_to_{here}_basal"] = np.minimum(w[name], 0) - more
        given[bottom_up("bias", here)] = w[bottom_up("bias", here)]
    for _, here, above in HIDDEN:
        y = w.get(f"{above}_to_{here}_inhibition")
        if y is not None:
            given[f"{above}_to_sst_{here}_drive"] = np.maximum(y, 0)
            given[f"{above}_to_{here}_apical"] = np.maximum(-y, 0)
    return given


@pytest.mark.parametrize("feedback", ["fixed", "transposed"])
def test_interneurons_change_nothing_but_signs(feedback):
    plain = algorithms.burst_ccn(SIZES, feedback=feedback)
    w = weights_of(plain)
    made = algorithms.burst_ccn(SIZES, feedback=feedback, dale=True)
    given = with_signs(w, made, np.random.default_rng(3))
    wanted = circuits.present(plain, POSITIVE, learning=True, weights=w).update
    reads = [("hidden1", "apical"), ("sst_hidden1", "rate"), ("ndnf_hidden1", "rate")]
    found = circuits.present(made, POSITIVE, reads=reads, learning=True, weights=given)
    for below, here in zip(LAYERS[:-1], LAYERS[1:], strict=True):
        for name in (bottom_up(below, here), f"pv_{here}_to_{here}_basal"):
            update = found.update[name]
            wanted_here = wanted[bottom_up(below, here)]
            np.testing.assert_allclose(update, wanted_here, rtol=0, atol=1e-15)
    assert all((found[read] > 0.0).all() for read in reads[1:])
    assert np.abs(found[reads[0]]).max() > 1e-3


def test_signs_of_a_network_with_dales_law_never_change():
    made = algorithms.burst_ccn((5, 4, 3), dale=True, learning_rate=20.0)
    inhibitory = ("pv", "vip", "sst", "ndnf")
    still = 0
    with circuits.Presenter(made, batch=len(X)) as presenter:
        for _ in range(1000):
            presenter.present(POSITIVE)
        for name, w in presenter.weights().items():
            if made.projection(name).pre.split("_")[0] in inhibitory:
                assert (w <= 0.0).all()
            elif not name.startswith("bias"):
                assert (w >= 0.0).all()
            still += (w == 0.0).sum()
    assert still > 0  # some came to a stop


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"dale": True, "cancellation": "learned"}, "does not see the dendrite"),
        ({"sst_baseline": 2.0}, "no effect with dale = False"),
        ({"dale": True, "sst_baseline": -1.0}, "baseline"),
        ({"dale": True, "connectivity": 0.5}, "no option 'connectivity'"),
    ],
)
def test_what_dales_law_does_not_have_is_refused(options, text):
    with pytest.raises(ModelError, match=text):
        algorithms.burst_ccn(SIZES, **options)
