"""Events that cancel bursts: updates against NumPy, with and without Dale's law."""

import numpy as np
import pytest
from dendritic_layers import (
    HIDDEN,
    LAYERS,
    PAIRS,
    SHOWN,
    SIZES,
    T,
    X,
    logistic_rates,
    mean_product,
    weights_of,
    without_teacher,
)
from systems import logistic

import circuits
from circuits import Phase, Schedule, algorithms
from circuits.stack import bottom_up
from dendrites.errors import ModelError


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
    rates = logistic_rates(w)
    deltas, apical = ccn(w, rates, T - rates[3])
    found = circuits.present(learned, SHOWN, learning=True, weights=w).update
    for k, (below, here) in enumerate(PAIRS):
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
    output = logistic_rates(w)[3]
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


def test_another_resting_probability_is_a_gradient_to_second_order():
    made = algorithms.burst_ccn(SIZES, feedback="transposed", resting=0.2)
    w, name = weights_of(made), "input_to_hidden1_basal"
    output = logistic_rates(w)[3]
    lost = []
    for size in (0.1, 0.05):
        target = output + size * (T - output)
        found = circuits.gradient_estimate(made, X, target, weights=w)[name]
        exact = circuits.negative_gradient(made, w, X, target)[name]
        lost.append(np.abs(found - 0.2 * exact).max())
    assert abs(np.log2(lost[0] / lost[1]) - 2.0) < 0.1  # within 5 % of the slope


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


POSITIVE = {"input": np.abs(X), "target": T}


def with_signs(w, circuit, rng):
    """Weights of a network with Dale's law that are these."""
    given = {}
    for below, here in PAIRS:
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
    for below, here in PAIRS:
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


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"feedback": "learned"}, "feedback = 'learned'"),
        ({"cancellation": "tied"}, "cancellation = 'tied'"),
        ({"cancellation_rate": 0.1}, "no effect with cancellation"),
        (
            {"feedback": "transposed", "feedback_initial": circuits.Uniform()},
            "no effect with feedback",
        ),
        ({"gain": 0.0}, "gain"),
        ({"phi": "relu"}, "event rate 0"),
    ],
)
def test_what_bursting_networks_cannot_do_is_refused(options, text):
    with pytest.raises(ModelError, match=text):
        algorithms.burst_ccn(SIZES, **options)
