"""Gradient descent and feedback alignment on the feedforward network of a circuit.

The network is that of `circuits.gradient`: u_k = a_k (W_k r_{k-1} + bias_k) with
r_k = phi(u_k), and the loss whose delta at the output is phi'(u) (t - u). Every batch
moves each layer by

    W_k += rate_k mean(delta_k r_{k-1}^T),  bias_k += rate_k mean(delta_k)
    delta_k = a_k phi'(u_k) e_k,  e_N = t - u_N,  e_k = F_k delta_{k+1}

With F_k = W_{k+1}^T that is a step of `rate_k` along the exact negative gradient
("backprop"). Two others use the circuit's own fixed top-down weights B_k:

- "alignment", feedback alignment as published: what travels down is the error before it
  meets the slope of the cell that sends it, e_k = B_k e_{k+1}; every cell then applies
  its own slope.
- "gated_alignment", as it is often programmed, F_k = B_k in place of the transposed
  weights: what travels down has met the slope of its sender, e_k = B_k delta_{k+1}.

With one hidden layer and a linear output both are the same.

Source: Lillicrap, Cownden, Tweed, Akerman, Nature Communications 7 (2016) 13276 for
"alignment". Differs: e_N is there the difference of target and output rates, of the
squared error; here of potentials, of the loss, which is our derivation (docs, model
page).
"""

from collections.abc import Sequence

import numpy as np
from scipy.linalg import get_blas_funcs

from circuits.circuit import Circuit
from circuits.gradient import network_loss
from circuits.run.history import MAIN
from circuits.run.progress import Progress
from circuits.task import Task, score
from circuits.weights import initial_weights
from dendrites._blas import serial_blas
from dendrites._checks import number, whole_number
from dendrites.compile.loops import elementwise
from dendrites.errors import ConfigError, ModelError, NumericalError, choices
from dendrites.random import generator
from dendrites.transfer import LOGISTIC

FEEDBACK = ("backprop", "alignment", "gated_alignment")
DTYPES = ("float32", "float64")
TEST_BATCH = 1000


def descend(
    circuit: Circuit,
    task: Task,
    *,
    epochs: int,
    batch: int,
    output_rate: float,
    hidden_rate: float,
    rate_decay: float = 1.0,
    feedback: str = "backprop",
    seed: int = 0,
    dtype: str = "float32",
    train_layers: Sequence[str] | None = None,
    progress: bool = False,
) -> dict:
    """Train the feedforward network of a circuit with errors computed outside of it.

    Starts from the circuit's own initial weights and sees the examples in the order
    `circuits.train` shows them for the same seed; the last batch may be smaller.

    Parameters
    ----------
    circuit : Circuit with a `network` of the integral loss
    task : Task
    epochs, batch : int
    output_rate, hidden_rate : float
        Step along the mean direction of a batch, for the output layer and for all
        layers below it. Biases move at the rate of their layer.
    rate_decay : float
        Factor on both rates after each epoch, above 0 and at most 1.
    feedback : {"backprop", "alignment", "gated_alignment"}
        What travels down, see above.
    seed : int
        Draws initial weights, top-down weights and the order of examples.
    dtype : {"float32", "float64"}
    train_layers : sequence of str, optional
        Populations whose bottom-up weights move. Default: all.
    progress : bool
        Report epochs on standard error.

    Returns
    -------
    dict
        ``error_rate`` and ``loss``, each a dict of ndarray (epochs,) by split "test"
        and, if the task has it, "validation"; the loss is the mean squared rate error
        summed over outputs, and a task without labels has no error rates. ``weights``,
        a dict of float64 ndarray (n_post, n_pre) by projection, all that were trained.

    Raises
    ------
    ConfigError
        If an option is out of range, the task does not fit the circuit, or its network
        has another loss.
    ModelError
        If the circuit has no feedforward network, or feedback alignment finds no
        top-down weights, or a rate is no finite number >= 0.
    NumericalError
        If a weight or an answer is no longer finite after an epoch.
    """
    epochs = whole_number("descend, epochs", epochs, lowest=1)
    batch = whole_number("descend, batch", batch, lowest=1)
    _check_options(output_rate, hidden_rate, rate_decay, feedback, dtype)
    train = task.splits["train"]
    weights = initial_weights(circuit, seed=seed)
    network_loss(circuit, weights, train.inputs[:1], train.targets[:1])  # they fit
    if circuit.network.loss != "integral":
        raise ConfigError(
            f"descend: circuit {circuit.name!r} has the loss {circuit.network.loss!r}: "
            "only the integral loss is descended here. Give its network that one"
        )

    network = _Network(circuit, weights, feedback, dtype)
    rates = network.rates(output_rate, hidden_rate, train_layers)
    inputs = np.asarray(train.inputs, dtype)
    target = elementwise(circuit.network.phi[2], train.targets).astype(dtype)
    tested = [name for name in ("validation", "test") if name in task.splits]
    rows = []
    ignored = np.errstate(over="ignore", invalid="ignore")  # each epoch is checked
    with serial_blas(), ignored, Progress(epochs, progress) as bar:
        for epoch in range(1, epochs + 1):
            order = generator(seed, f"order/{epoch}").permutation(len(inputs))
            now = [rate * rate_decay ** (epoch - 1) for rate in rates]
            for start in range(0, len(order), batch):
                some = order[start : start + batch]
                network.move(inputs[some], target[some], now)
            rows.append({})
            for name in tested:
                split = task.splits[name]
                found = score(network.answers(split.inputs), split)
                network.check_finite(epoch, found.pop("rates"))
                rows[-1].update({f"{name}/{curve}": x for curve, x in found.items()})
            bar.epoch(epoch, {f"{MAIN}/{key}": x for key, x in rows[-1].items()})
    curves = {
        curve: {
            name: np.array([row[f"{name}/{curve}"] for row in rows])
            for name in tested
            if f"{name}/{curve}" in rows[0]
        }
        for curve in ("error_rate", "loss")
    }
    return {**curves, "weights": network.weights()}


def _check_options(output_rate, hidden_rate, rate_decay, feedback, dtype):
    number("descend: output_rate", output_rate, least=0.0)
    number("descend: hidden_rate", hidden_rate, least=0.0)
    number("descend: rate_decay", rate_decay, least=0.0)
    if not 0 < rate_decay <= 1:
        raise ConfigError(
            f"descend, rate_decay: expected above 0 and at most 1, got {rate_decay!r}"
        )
    for name, value, allowed in (
        ("feedback", feedback, FEEDBACK),
        ("dtype", dtype, DTYPES),
    ):
        if value not in allowed:
            raise ConfigError(
                f"descend, {name}: got {value!r}. {choices(value, allowed)}"
            )


class _Network:
    """Weights of the feedforward network, moved in place.

    Lists start at the first hidden layer; biases are None where the circuit has none.
    """

    def __init__(self, circuit, weights, feedback, dtype):
        self.circuit, self.dtype = circuit, np.dtype(dtype)
        self.layers = circuit.network.layers
        self.W = [self._array(weights[layer.projection]) for layer in self.layers]
        self.b = [
            self._array(weights[layer.bias][:, 0]) if layer.bias else None
            for layer in self.layers
        ]
        self.B = None
        self.gated = feedback != "alignment"
        if feedback != "backprop":
            pairs = zip(self.layers[:-1], self.layers[1:], strict=True)
            names = [_top_down(circuit, *pair) for pair in pairs]
            self.B = [self._array(weights[name]) for name in names]
        # Adds a product to a matrix in one pass: 1.6 times as fast as a product and a
        # sum, measured on 500 x 784 float32 weights with a batch of 10.
        self._add_product = get_blas_funcs("gemm", self.W)

    def _array(self, values):
        return np.array(values, self.dtype, order="C")

    def rates(self, output_rate, hidden_rate, train_layers):
        """Learning rate of every layer, 0 where it is not to be trained."""
        names = [layer.population for layer in self.layers]
        wanted = names if train_layers is None else train_layers
        if isinstance(wanted, str) or not set(wanted) <= set(names):
            raise ConfigError(
                f"descend, train_layers: expected a list of layers of "
                f"{self.circuit.name!r}, some of {', '.join(names)}; got {wanted!r}"
            )
        rates = [float(hidden_rate)] * (len(names) - 1) + [float(output_rate)]
        return [
            rate if name in wanted else 0.0
            for name, rate in zip(names, rates, strict=True)
        ]

    def move(self, inputs, target, rates):
        """One step; every direction is that of the weights before it."""
        potentials, r = self.forward(inputs)
        trained = [k for k, rate in enumerate(rates) if rate > 0]
        if not trained:
            return
        error, deltas = target - potentials[-1], {}
        for k in range(len(self.W) - 1, trained[0] - 1, -1):
            deltas[k] = error * self.slope(potentials[k], r[k + 1])
            deltas[k] *= self.layers[k].attenuation
            if k > trained[0]:
                sent = deltas[k] if self.gated else error
                error = sent @ (self.W[k] if self.B is None else self.B[k - 1].T)
        for k in trained:
            rate = rates[k] / len(inputs)
            self._add_product(
                rate, r[k].T, deltas[k].T, 1.0, self.W[k].T, trans_b=1, overwrite_c=1
            )
            if self.b[k] is not None:
                self.b[k] += rate * deltas[k].sum(axis=0)

    def forward(self, inputs):
        """Potentials of every layer, and rates from the input on."""
        potentials, r = [], [inputs]
        for layer, w, b in zip(self.layers, self.W, self.b, strict=True):
            u = r[-1] @ w.T
            if b is not None:
                u += b
            u *= layer.attenuation
            potentials.append(u)
            r.append(self.phi(u))
        return potentials, r

    def phi(self, u):
        """Rates of these potentials."""
        if self.circuit.network.phi != LOGISTIC:
            return elementwise(self.circuit.network.phi[0], u).astype(self.dtype)
        rate = 0.5 * u  # (1 + tanh(u / 2)) / 2 cannot overflow
        np.tanh(rate, out=rate)
        rate *= 0.5
        rate += 0.5
        return rate

    def slope(self, u, rate):
        """Slope of phi where it has this rate."""
        if self.circuit.network.phi != LOGISTIC:
            return elementwise(self.circuit.network.phi[1], u).astype(self.dtype)
        return rate * (1.0 - rate)

    def answers(self, inputs):
        """Output rates, float64."""
        parts = [
            self.forward(np.asarray(inputs[start : start + TEST_BATCH], self.dtype))
            for start in range(0, len(inputs), TEST_BATCH)
        ]
        return np.concatenate([rates[-1] for _, rates in parts]).astype(float)

    def weights(self):
        """Weights by projection, in the form `circuits.initial_weights` takes."""
        result = {}
        for layer, w, b in zip(self.layers, self.W, self.b, strict=True):
            result[layer.projection] = w.astype(float)
            if b is not None:
                result[layer.bias] = b.astype(float)[:, None]
        return result

    def check_finite(self, epoch, answers):
        """Refuse to go on with weights or answers that left the finite numbers."""
        if not all(np.all(np.isfinite(x)) for x in (*self.W, answers)):
            raise NumericalError(
                f"descend, epoch {epoch}: weights or output rates of "
                f"{self.circuit.name!r} are no longer finite; lower the rates"
            )


def _top_down(circuit, here, above):
    """Name of the fixed weights that carry the error of one layer to the one below."""
    names = [projection.name for projection in circuit.projections]
    stem = f"{above.population}_to_{here.population}_"
    for wanted in (stem + "apical", stem + "top_down"):
        if wanted in names:
            return wanted
    raise ModelError(
        f"descend, feedback alignment: circuit {circuit.name!r} has no projection "
        f"{stem + 'apical'!r} or {stem + 'top_down'!r}; use 'backprop'"
    )
