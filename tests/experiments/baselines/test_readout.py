"""The readout of frozen hidden layers, the linear classifier, what counts as learnt."""

import numpy as np
import pytest
from scipy.optimize import least_squares

import circuits
from circuits.algorithms import sacramento
from circuits.gradient import network_loss
from circuits.initialisers import Uniform
from dendrites.errors import ConfigError
from dendrites.transfer import soft_rectifier
from experiments import tasks
from experiments.baselines.linear import has_learned, linear_error
from experiments.baselines.readout import frozen_readout, settled_score
from experiments.microcircuit.digits_circuit import digits_circuit


def student(**options):
    uniform = Uniform(-1.0, 1.0)
    return sacramento(
        [30, 2, 10], form="two_sweep", basal_initial=uniform, seed=1, **options
    )


@pytest.fixture(scope="module")
def frozen():
    """Circuit, task and the best readout of its frozen hidden layers."""
    task = tasks.digits(seed=0)
    circuit = digits_circuit(
        task,
        hidden=(12, 8),
        learning_rate=0.6,
        hidden_rate=(8.0, 0.2),
        interneuron_rate=None,
        g_teacher=0.8,
        top_feedback=10.0,
        hidden_feedback=10.0,
        start="centred",
        filter_tau=0.0,
        presentation=9.0,
        learning_lag=8.1,
        dt=0.18,
        seed=0,
    )
    return circuit, task, frozen_readout(circuit, task)


def test_the_linear_classifier_is_as_good_as_published():
    # About 3-4 % on a stratified fifth of these 1,797 images.
    assert 0.01 < linear_error(tasks.digits(seed=0)) < 0.06


def test_a_learner_with_at_most_half_the_errors_of_chance_has_learned():
    assert has_learned(0.45, 10) and not has_learned(0.46, 10)
    assert has_learned(1 / 3, 3) and not has_learned(0.34, 3)


def test_the_frozen_readout_is_at_the_minimum_of_its_loss(frozen):
    circuit, task, readout = frozen
    train, name = task.splits["train"], circuit.network.layers[-1].projection
    start, best = circuits.initial_weights(circuit), readout[name]
    assert readout.keys() == {name}

    def loss(w):
        return network_loss(circuit, {**start, name: w}, train.inputs, train.targets)

    # Along random unit directions the loss is flat to second order: no slope is left
    # compared with the slope at the start, by central differences.
    rng = np.random.default_rng(0)
    for _ in range(4):
        direction = rng.normal(size=best.shape)
        direction /= np.linalg.norm(direction)
        step = 1e-3 * direction
        slopes = [
            abs(loss(w + step) - loss(w - step)) / 2e-3 for w in (best, start[name])
        ]
        assert slopes[0] < 1e-2 * slopes[1]
        assert loss(best + 10 * step) >= loss(best)
    assert loss(best) < 0.5 * loss(start[name])


def test_the_frozen_readout_beats_chance_by_far(frozen):
    circuit, task, readout = frozen
    error = settled_score(circuit, task, readout)["error_rate"]
    # 9 of 10 classes are wrong by chance; 8 random cells carry some of them.
    assert error < 0.5
    # The circuit itself answers the same once its interneurons mirror the readout.
    settled = circuits.evaluate(circuit, task, readout)
    # 7.5 ms leave exp(-1.1 x 7.5) = 3e-4 of the way: 1 in 100 images may flip.
    assert settled["error_rate"] == pytest.approx(error, abs=0.01)


def test_the_readout_of_least_squared_rate_error_is_that_of_another_method():
    circuit = student(phi=soft_rectifier())
    task = tasks.teacher_student(sizes=(30, 20, 10), n_train=400, n_test=20, seed=1)
    train = task.splits["train"]
    task = circuits.Task(task.name, {"train": train, "test": train})
    found = settled_score(circuit, task, frozen_readout(circuit, task, loss="squared"))
    start, (below, above) = circuits.initial_weights(circuit), circuit.network.layers
    phi, _, inverse = (np.vectorize(f) for f in circuit.network.phi)
    hidden = phi(below.attenuation * train.inputs @ start[below.projection].T)

    def gaps(flat):
        return (phi(hidden @ flat.reshape(10, 2).T) - train.targets).ravel()

    linear = np.linalg.lstsq(hidden, inverse(train.targets))[0].T
    best = least_squares(gaps, linear.ravel(), xtol=1e-12, ftol=1e-12)
    # The search ends where a step gains less than 2e-9 of the loss.
    assert found["loss"] == pytest.approx(2 * best.cost / 400, rel=1e-4)
    assert found["loss"] >= 2 * best.cost / 400 * (1 - 1e-9)
    assert above.attenuation != 1.0


def test_targets_that_no_output_reaches_are_refused():
    task = tasks.teacher_student(sizes=(30, 20, 10), n_train=400, n_test=20, seed=1)
    with pytest.raises(ConfigError, match="outside the rates of the output"):
        frozen_readout(student(), task, loss="squared")


def test_a_loss_that_is_not_known_is_refused(frozen):
    circuit, task, _ = frozen
    with pytest.raises(ConfigError, match="loss = 'cubic': allowed: integral, squared"):
        frozen_readout(circuit, task, loss="cubic")
