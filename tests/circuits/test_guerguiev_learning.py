"""What segregated dendrites learn: means, signs and gradients, from the equations."""

from dataclasses import replace

import numpy as np
import pytest
from systems import logistic

import circuits
from circuits import Constant, Record, Schedule
from circuits.algorithms import guerguiev
from tests.reference import guerguiev_twin as twin

MEMORIES = {10: 10, 0: None}  # ours: the twin's
FORWARD, TARGET = slice(30, 50), slice(80, 100)
WINDOWS = {"forward": FORWARD, "target": TARGET}
UP, DOWN = "hidden1_to_output_basal", "output_to_hidden1_apical"
INPUT = "input_to_hidden1_basal"


def network(sizes, **options):
    return guerguiev(sizes, drawn=False, **options)


def with_lengths(circuit, forward, target, *, taught=True):
    """Its schedule with phases of these lengths; without a teacher if asked."""
    phases = []
    for phase, length in zip(circuit.schedule.phases, (forward, target), strict=True):
        on = phase.on if taught else [name for name in phase.on if name != "teacher"]
        phases.append(replace(phase, duration=float(length), on=tuple(on)))
    return Schedule(tuple(phases))


def every_step(counts, steps=100):
    """Forced spikes: so many of each cell in every step."""
    units = np.repeat(np.arange(len(counts)), counts)
    times = np.repeat(np.arange(1.0, steps + 1), len(units))
    return times, np.tile(units, steps)


def change(tree, projection):
    before, after = tree[f"connections/{projection}"].w.values
    return after - before


def recorded(tree, population, compartment):
    return tree[f"populations/{population}"].v.sel(compartment=compartment).values


# Check 4: means


@pytest.mark.parametrize("memory", MEMORIES)
def test_potentials_of_constant_input_rates_have_the_mean_field_mean(memory):
    n_in, n_hidden, steps, settling = 20, 12, 20_000, 200
    circuit = network((n_in, n_hidden, 2), memory=memory, seed=1)
    shares = np.random.default_rng(0).uniform(0.05, 0.6, n_in)
    rates = twin.PHI_MAX * shares
    tree = circuits.simulate(
        circuit,
        {"input": shares, "teacher": np.zeros(2)},
        [Record("hidden1")],
        schedule=with_lengths(circuit, steps, 50),
    )
    start = circuits.initial_weights(circuit)
    W, b = start[INPUT], start["bias_to_hidden1_bias"][:, 0]
    area = twin.kernel_sum(MEMORIES[memory])
    # A spike adds `area` in all to the sum over steps, so the mean over n steps of
    # independent Poisson inputs has the variance area^2 sum_j W_ij^2 r_j / n. Spikes
    # at the two ends count in part: less, by about 20 of 20,000 ms.
    span = slice(settling, steps)
    n = steps - settling
    error = area * np.sqrt(W**2 @ rates / n)
    basal = recorded(tree, "hidden1", "basal")[span].mean(axis=0)
    z = (basal - (area * W @ rates + b)) / error
    assert np.abs(z).max() < 4
    # Neither too large nor too small to be errors of this size.
    assert 0.1 < np.mean(z**2) < 4
    soma = recorded(tree, "hidden1", "soma")[span].mean(axis=0)
    [expected] = twin.mean_field([W], [b], rates, kernel_sum=area)
    z = (soma - expected) / (twin.share_hidden() * error)
    assert np.abs(z).max() < 4
    # The other kernel is far outside.
    other = twin.kernel_sum(None if memory else 10)
    assert np.abs((basal - other * W @ rates - b) / error).max() > 20


# Check 7: no teacher, no learning on average


@pytest.mark.parametrize("taught", [False, True])
def test_plateaus_of_both_phases_agree_on_average_unless_there_is_a_teacher(taught):
    # 60 ms: a window that starts at 40 has forgotten the start from rest, since three
    # synapses in a row remember 10 ms each and a soma has lost 0.3^10 by then.
    samples, n_in = 800, 10
    circuit = network((n_in, 8, 3), seed=2)
    shares = np.random.default_rng(1).uniform(0.1, 0.5, n_in)
    tree = circuits.simulate(
        circuit,
        {
            "input": np.tile(shares, (samples, 1)),
            "teacher": np.tile(np.eye(3)[0], (samples, 1)),
        },
        [Record("hidden1", compartments=["apical"])],
        schedule=with_lengths(circuit, 60, 60, taught=taught),
    )
    apical = tree["populations/hidden1"].v.values[:, :, 0]
    plateau = [
        twin.sigma(apical[:, steps].mean(axis=1))
        for steps in (slice(40, 60), slice(100, 120))
    ]
    difference = plateau[1] - plateau[0]
    z = difference.mean(axis=0) / (difference.std(axis=0, ddof=1) / np.sqrt(samples))
    if taught:
        assert np.abs(z).max() > 20
    else:
        assert np.abs(z).max() < 3
        # They differ on every single presentation: the mean is what vanishes.
        assert difference.std(axis=0).min() > 0.01


# Check 8: signs


@pytest.mark.parametrize(
    ("early", "late", "expected"),
    [
        (True, False, -0.342717),
        (False, True, 0.342717),
        (True, True, 0.0),
        (False, False, 0.0),
    ],
)
def test_output_spikes_in_one_phase_only_move_hidden_weights_by(early, late, expected):
    # One output cell that fires in every step holds the apical potential at
    # Y kernel_sum = 2; somata at rest have the slope 1/4.
    circuit = network((2, 3, 1), learning_rate=(0.21, 0.21))
    times = np.concatenate(
        [np.arange(1.0, 51) if early else [], np.arange(51.0, 101) if late else []]
    )
    tree = circuits.simulate(
        circuit,
        {"input": np.array([0.5, 0.0]), "teacher": np.ones(1)},
        ["hidden1"],
        weights={
            INPUT: Constant(0.0),
            "bias_to_hidden1_bias": Constant(0.0),
            DOWN: Constant(2.0 / twin.kernel_sum(10)),
        },
        forced_spikes={
            "output": (times, np.zeros(len(times), int)),
            "input": every_step([1, 0]),
        },
        learning=True,
    )
    # Per unit of activity: the bias's is 1, that of a spike per step the kernel's sum.
    np.testing.assert_allclose(
        change(tree, "bias_to_hidden1_bias"), expected, atol=1e-6
    )
    moved = change(tree, INPUT)
    np.testing.assert_allclose(moved[:, 0], expected * twin.kernel_sum(10), atol=1e-6)
    assert (moved[:, 1] == 0).all()


def test_hidden_weights_move_in_the_direction_of_their_plateau_difference():
    circuit = network((6, 12, 4), seed=4)
    tree = circuits.simulate(
        circuit,
        {"input": np.linspace(0.2, 0.7, 6), "teacher": np.eye(4)[2]},
        [Record("hidden1", compartments=["apical"])],
        learning=True,
    )
    apical = recorded(tree, "hidden1", "apical")
    plateau = {k: twin.sigma(apical[w].mean(axis=0)) for k, w in WINDOWS.items()}
    difference = plateau["target"] - plateau["forward"]
    moved = change(tree, INPUT)
    assert (np.sign(moved) == np.sign(difference)[:, None]).all()
    assert (difference > 0).any() and (difference < 0).any()
    np.testing.assert_array_equal(
        np.sign(change(tree, "bias_to_hidden1_bias")[:, 0]), np.sign(difference)
    )


# Check 9: the output descends the gradient of its loss


@pytest.mark.parametrize("memory", MEMORIES)
def test_output_weights_take_a_gradient_step_of_the_loss_of_constant_input(memory):
    # Hidden cells that fire the same in every step: the means of a window are then the
    # settled values. The full kernel needs longer phases for that, exp(-400/10).
    length = 50 if memory else 400
    counts, eta = np.array([0, 1, 2, 1]), 0.17
    circuit = network((2, 4, 3), learning_rate=(0.0, eta), memory=memory, seed=5)
    start = circuits.initial_weights(circuit)
    W, b = 0.2 * start[UP], start["bias_to_output_bias"][:, 0]
    tree = circuits.simulate(
        circuit,
        {"input": np.zeros(2), "teacher": np.eye(3)[1]},
        [Record("output", reads=["rate"])],
        weights={UP: W},
        schedule=with_lengths(circuit, length, length),
        forced_spikes={"hidden1": every_step(counts, 2 * length)},
        learning=True,
    )
    taught = tree["populations/output"].rate.values[-20:].mean(axis=0)

    def loss(W, b):
        area = twin.kernel_sum(MEMORIES[memory])
        return twin.mean_field_loss([W], [b], counts, taught, kernel_sum=area)

    def central(x, of):
        # Error h^2 f''' / 6 of some 1e-10 and 1e-16 / h of rounding.
        gradient, h = np.empty_like(x), 1e-5
        for at in np.ndindex(x.shape):
            step = np.zeros_like(x)
            step[at] = h
            gradient[at] = (of(x + step) - of(x - step)) / (2 * h)
        return gradient

    expected = -eta * central(W, lambda w: loss(w, b))
    np.testing.assert_allclose(change(tree, UP), expected, rtol=1e-7, atol=1e-9)
    assert (np.abs(expected[:, counts > 0]) > 1e-4).all()
    expected = -eta * central(b, lambda x: loss(W, x))
    moved = change(tree, "bias_to_output_bias")[:, 0]
    np.testing.assert_allclose(moved, expected, rtol=1e-7)


# Check 10: with transposed feedback the hidden layer descends it as well


def angle_to_backprop(size, *, transposed=True):
    """Hidden update against backpropagation, rad, for output weights of this size."""
    sizes, counts, shares = (3, 6, 4), np.array([1, 0, 2]), 0.4
    circuit = network(sizes, fed_back="rate", learning_rate=(0.2, 0.0), seed=6)
    start = circuits.initial_weights(circuit)
    rng = np.random.default_rng(3)
    W = [0.3 * start[INPUT], size * rng.normal(size=(4, 6))]
    b = [start["bias_to_hidden1_bias"][:, 0], np.full(4, 0.3)]
    tree = circuits.simulate(
        circuit,
        {"input": np.full(3, shares), "teacher": np.eye(4)[0]},
        [Record("output", reads=["rate"])],
        weights={
            INPUT: W[0],
            UP: W[1],
            DOWN: W[1].T if transposed else size * rng.normal(size=(6, 4)),
            "bias_to_output_bias": b[1][:, None],
        },
        forced_spikes={
            "input": every_step(counts),
            "hidden1": every_step(np.ones(6, int)),
        },
        learning=True,
    )
    taught = tree["populations/output"].rate.values[TARGET].mean(axis=0)
    (expected, _), _ = twin.backprop_update(
        W, b, counts, taught, kernel_sum=twin.kernel_sum(10)
    )
    return np.radians(circuits.measure_alignment(change(tree, INPUT), expected).angle)


def test_with_transposed_feedback_and_small_weights_the_update_is_backpropagation():
    # Output weights of size x make apical and output potentials differ by order x from
    # where all sigmoids have one slope; the angle is that of the slopes, of order x.
    large, small = angle_to_backprop(1e-2), angle_to_backprop(1e-3)
    assert large < 0.05
    assert small == pytest.approx(large / 10, rel=0.1)


def test_with_random_feedback_it_is_not():
    assert angle_to_backprop(1e-3, transposed=False) > 0.5


# Plateaus at times of their own


def test_a_plateau_of_its_own_time_is_that_of_an_earlier_window():
    circuit = network((6, 12, 3), plateau_leads=3.0, seed=4)
    leads = circuit.population("hidden1").values["lead"].astype(int)
    assert set(leads) == {0, 1, 2, 3, 4, 5}
    shown = {"input": np.full(6, 0.5), "teacher": np.eye(3)[0]}
    records = [Record("hidden1"), Record("input", reads=["psp"])]
    tree = circuits.simulate(circuit, shown, records, learning=True)
    apical, soma = (recorded(tree, "hidden1", name) for name in ("apical", "soma"))
    psp = tree["populations/input"].psp.values[FORWARD].mean(axis=0)
    alpha = {
        name: np.array(
            [
                logistic(apical[window.start - d : window.stop - d, k].mean())
                for k, d in enumerate(leads)
            ]
        )
        for name, window in WINDOWS.items()
    }
    r = logistic(soma[FORWARD].mean(axis=0))
    step = 0.21 * 20.0 * twin.share_hidden()
    error = step * (alpha["target"] - alpha["forward"]) * r * (1.0 - r)
    wanted = np.outer(error, psp)
    assert np.abs(wanted).max() > 1e-3
    np.testing.assert_allclose(change(tree, INPUT), wanted, rtol=0, atol=1e-12)


# Feedback that learns


def test_feedback_that_learns_moves_plateaus_towards_somatic_rates():
    circuit = network((6, 4, 3), feedback_rate=0.5, seed=2)
    reads = [
        ("hidden1", name, "forward")
        for name in ("somatic_rate", "plateau", "apical_slope")
    ] + [("output", "psp", "forward")]
    shown = {"input": np.full(6, 0.5), "teacher": np.eye(3)[0]}
    found = circuits.present(circuit, shown, reads=reads, learning=True)
    rate, plateau, slope, psp = (found[read] for read in reads)
    wanted = 0.5 * ((rate - plateau) * slope).T @ psp
    assert np.abs(wanted).max() > 1e-3
    np.testing.assert_allclose(found.update[DOWN], wanted, rtol=0, atol=1e-14)
