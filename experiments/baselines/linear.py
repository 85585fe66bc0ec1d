"""What needs no hidden layer: chance, and a linear classifier of the inputs."""

import numpy as np

from circuits.task import Task


def linear_error(task: Task) -> float:
    """Test error of multinomial logistic regression on the inputs."""
    from sklearn.linear_model import LogisticRegression

    train, test = task.splits["train"], task.splits["test"]
    model = LogisticRegression(max_iter=5000).fit(train.inputs, train.labels)
    return float(np.mean(model.predict(test.inputs) != test.labels))


def has_learned(error: float, n_classes: int) -> bool:
    """Whether a learner is good for a comparison: at most half the errors of chance."""
    return error <= 0.5 * (1.0 - 1.0 / n_classes)
