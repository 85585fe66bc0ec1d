"""What other learners reach on the same split: the figures printed beside ours."""

import numpy as np
from scipy.optimize import minimize

from circuits.circuit import Circuit
from circuits.gradient import feedforward, negative_gradient
from circuits.task import Task, score
from circuits.weights import initial_weights
from dendrites.compile.loops import elementwise
from dendrites.errors import NumericalError
from dendrites.random import generator


def has_learned(error: float, n_classes: int) -> bool:
    """Whether a learner is good for a comparison: at most half the errors of chance."""
    return error <= 0.5 * (1.0 - 1.0 / n_classes)


def linear_error(task: Task) -> float:
    """Test error of multinomial logistic regression on the inputs."""
    from sklearn.linear_model import LogisticRegression

    train, test = task.splits["train"], task.splits["test"]
    model = LogisticRegression(max_iter=5000).fit(train.inputs, train.labels)
    return float(np.mean(model.predict(test.inputs) != test.labels))


def backprop_error(
    circuit: Circuit, task: Task, *, epochs: int, batch: int, rate: float, seed: int
) -> float:
    """Test error of the same feedforward network trained with its exact gradient.

    Starts from the circuit's own initial weights and sees the images in the same
    order; plain stochastic gradient descent on the loss of `circuits.gradient`.

    Parameters
    ----------
    rate : float
        Step along the negative gradient, per batch.
    """
    weights = initial_weights(circuit, seed=seed)
    train = task.splits["train"]
    for epoch in range(1, epochs + 1):
        order = generator(seed, f"order/{epoch}").permutation(len(train.inputs))
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            step = negative_gradient(
                circuit, weights, train.inputs[rows], train.targets[rows]
            )
            for name, direction in step.items():
                weights[name] += rate * direction
    return settled_error(circuit, task, weights)


def settled_error(circuit: Circuit, task: Task, weights: dict) -> float:
    """Test error of the settled circuit, which is its feedforward network.

    Projections without given weights have the circuit's initial ones.
    """
    weights = initial_weights(circuit, given=weights)
    test = task.splits["test"]
    output = feedforward(circuit, weights, test.inputs)[-1]
    return score(elementwise(circuit.network.phi[0], output), test)["error_rate"]


def frozen_readout(circuit: Circuit, task: Task, *, seed: int) -> dict:
    """Weights with the circuit's initial hidden layers and a converged readout.

    Minimises the circuit's own loss (`circuits.gradient`) over the output weights
    with L-BFGS until it converges.

    Returns
    -------
    dict of ndarray (n_post, n_pre), by projection

    Raises
    ------
    NumericalError
        If the search does not converge.

    Source: our control.
    """
    weights = initial_weights(circuit, seed=seed)
    layer = circuit.network.layers[-1]
    train = task.splits["train"]
    phi, slope, inverse = circuit.network.phi
    hidden = feedforward(circuit, weights, train.inputs)[-2]
    rates = elementwise(phi, hidden)
    target = elementwise(inverse, train.targets)
    shape = circuit.shape(layer.projection)
    # Rates of a random layer are nearly collinear; in orthonormal coordinates the
    # search takes tens of steps instead of thousands.
    basis, mixing = np.linalg.qr(rates)
    nodes, shares = np.polynomial.legendre.leggauss(12)
    nodes, shares = (nodes + 1) / 2, shares / 2

    def loss(flat):
        u = layer.attenuation * basis @ flat.reshape(shape).T
        gap = target - u
        mean_rate = sum(
            share * elementwise(phi, u + node * gap)
            for node, share in zip(nodes, shares, strict=True)
        )
        value = np.sum(gap * (mean_rate - elementwise(phi, u)))
        delta = -elementwise(slope, u) * gap * layer.attenuation
        return value / len(u), (delta.T @ basis).ravel() / len(u)

    found = minimize(
        loss,
        (weights[layer.projection] @ mixing.T).ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 3000, "maxfun": 4000, "ftol": 1e-9},
    )
    if not found.success:
        raise NumericalError(f"the frozen readout did not converge: {found.message}")
    final = np.linalg.solve(mixing, found.x.reshape(shape).T).T
    return {layer.projection: final}
