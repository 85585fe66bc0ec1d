"""Learning schemes in plain NumPy or PyTorch, as named speed baselines.

A twin holds weights in the layout of the engine, (n_post, n_pre), and `present`s one
batch: the arithmetic of the scheme's equations and nothing else. Tensors of PyTorch do
where arrays of NumPy do. All layers are logistic unless said otherwise.
"""

import numpy as np


class Twin:
    """Layers going up, delta rules and biases; what comes down is the scheme's.

    Parameters
    ----------
    weights : dict of arrays, by projection
    rate : float
        Learning rate, of all layers.
    ops : module
        numpy or torch.
    """

    squared = False

    def __init__(self, weights, rate, ops):
        self.ops, self.rate = ops, rate
        n = sum(name.endswith("_basal") and name[:4] != "bias" for name in weights)
        names = ["input", *(f"hidden{k}" for k in range(1, n)), "output"]
        self.names = names
        pairs = list(zip(names[:-1], names[1:], strict=True))
        self.W = [self._own(weights[f"{a}_to_{b}_basal"]) for a, b in pairs]
        self.b = [self._own(weights[f"bias_to_{b}_basal"][:, 0]) for b in names[1:]]
        self.take(weights)

    def take(self, weights):
        """Weights of the scheme's own."""

    def _own(self, values):
        made = np.array(values, np.float32)
        return made if self.ops is np else self.ops.from_numpy(made)

    def logistic(self, a):
        return 1.0 / (1.0 + self.ops.exp(-a))

    def up(self, x):
        """Rates of all layers, the input first."""
        rates = [x]
        for W, b in zip(self.W, self.b, strict=True):
            rates.append(self.logistic(rates[-1] @ W.T + b))
        return rates

    def present(self, x, t):
        rates = self.up(x)
        error = t - rates[-1]
        delta = error * rates[-1] * (1.0 - rates[-1]) if self.squared else error
        deltas = [delta]
        for k in range(len(self.W) - 1, 0, -1):
            slope = rates[k] * (1.0 - rates[k])
            error, delta = self.down(k, error, delta, deltas[-1], slope)
            deltas.insert(0, delta)
        self.learn(rates, deltas)

    def down(self, k, error, delta, output, slope):
        """Error and delta of hidden layer k, from those of the layer above."""
        error = self.back(k, error, delta, output)
        return error, error * slope

    def learn(self, rates, deltas):
        share = self.rate / len(rates[0])
        for k, (delta, r) in enumerate(zip(deltas, rates, strict=False)):
            if delta is not None:
                self.W[k] += share * (delta.T @ r)
                self.b[k] += share * delta.sum(0)

    def weights(self):
        """The bottom-up ones, by projection."""
        pairs = zip(self.names[:-1], self.names[1:], self.W, strict=True)
        return {f"{a}_to_{b}_basal": np.asarray(W) for a, b, W in pairs}


class Backprop(Twin):
    def back(self, k, error, delta, output):
        return delta @ self.W[k]


class Shallow(Twin):
    def down(self, k, error, delta, output, slope):
        return None, None


class FeedbackAlignment(Twin):
    def take(self, weights):
        pairs = zip(self.names[2:], self.names[1:], strict=False)
        self.B = [self._own(weights[f"{a}_to_{b}_apical"]) for a, b in pairs]

    def back(self, k, error, delta, output):
        return error @ self.B[k - 1].T


class DirectFeedbackAlignment(FeedbackAlignment):
    def take(self, weights):
        names = [f"output_to_{b}_apical" for b in self.names[1:-1]]
        self.B = [self._own(weights[name]) for name in names]

    def back(self, k, error, delta, output):
        return output @ self.B[k - 1].T

    def present(self, x, t):
        rates = self.up(x)
        delta = t - rates[-1]
        hidden = zip(self.B, rates[1:-1], strict=True)
        deltas = [(delta @ B.T) * r * (1.0 - r) for B, r in hidden]
        self.learn(rates, [*deltas, delta])


class SignSymmetry(Twin):
    def back(self, k, error, delta, output):
        scale = 1.0 / delta.shape[1] ** 0.5
        return scale * (delta @ self.ops.sign(self.W[k]))


class KolenPollack(FeedbackAlignment):
    decay = 1e-4

    def back(self, k, error, delta, output):
        return delta @ self.B[k - 1].T

    def learn(self, rates, deltas):
        kept, share = 1.0 - self.decay, self.rate / len(rates[0])
        for k, (delta, r) in enumerate(zip(deltas, rates, strict=False)):
            product = share * (delta.T @ r)
            self.W[k] *= kept
            self.W[k] += product
            self.b[k] *= kept
            self.b[k] += share * delta.sum(0)
            if k:
                self.B[k - 1] *= kept
                self.B[k - 1] += product.T


class ErrorNetwork(FeedbackAlignment):
    squared, baseline = True, 1.0

    def take(self, weights):
        layers = [*(f"error{k}" for k in range(1, len(self.W))), "error"]
        pairs = zip(layers[1:], layers[:-1], strict=True)
        self.B = [self._own(weights[f"{a}_to_{b}_error"]) for a, b in pairs]

    def present(self, x, t):
        rates = self.up(x)
        slopes = [r * (1.0 - r) for r in rates[1:]]
        error, deltas = t - rates[-1], []
        for k in range(len(self.W) - 1, -1, -1):
            above = (error + self.baseline).clip(0.0) - self.baseline
            deltas.insert(0, above * slopes[k])
            if k:
                error = deltas[0] @ self.B[k - 1].T
        self.learn(rates, deltas)


class ContrastiveHebbian(Twin):
    """Logistic layers that relax without and with the target, feedback gain W^T."""

    gain, step, sweeps = 0.1, 0.5, 20

    def present(self, x, t):
        below = x @ self.W[0].T + self.b[0]
        zeros = [self.ops.zeros((len(x), len(b)), dtype=x.dtype) for b in self.b]
        free = self.relaxed(zeros, below, None)
        clamped = self.relaxed(free, below, t)
        share = self.rate / len(x)
        pairs = [x, *free[:-1]], [x, *clamped[:-1]]
        for k, (f, c) in enumerate(zip(free, clamped, strict=True)):
            scale = share * self.gain ** (k + 1 - len(self.W))
            self.W[k] += scale * (c.T @ pairs[1][k] - f.T @ pairs[0][k])
            self.b[k] += scale * (c - f).sum(0)

    def relaxed(self, rates, below, t):
        last = len(rates) - 1
        for _ in range(self.sweeps):
            moved = []
            for k, r in enumerate(rates):
                if k == last and t is not None:
                    end = t
                else:
                    drive = below if k == 0 else rates[k - 1] @ self.W[k].T + self.b[k]
                    if k < last:
                        drive = drive + self.gain * (rates[k + 1] @ self.W[k + 1])
                    end = self.logistic(drive)
                moved.append(r + self.step * (end - r))
            rates = moved
        return rates


class EquilibriumPropagation(Twin):
    """Hard sigmoids that go down one energy, free, nudged and nudged away."""

    beta, step, sweeps, nudged = 0.1, 0.5, 20, 10

    def present(self, x, t):
        below = x @ self.W[0].T + self.b[0]
        states = [self.ops.zeros((len(x), len(b)), dtype=x.dtype) for b in self.b]
        free = self.relaxed(states, below, t, 0.0, self.sweeps)
        nudged = self.relaxed(free, below, t, self.beta, self.nudged)
        away = self.relaxed(nudged, below, t, -self.beta, self.nudged)
        share = self.rate / (2.0 * self.beta * len(x))
        for k, (n, a) in enumerate(zip(nudged, away, strict=True)):
            pre = (x, x) if k == 0 else (nudged[k - 1], away[k - 1])
            self.W[k] += share * (n.T @ pre[0] - a.T @ pre[1])
            self.b[k] += share * (n - a).sum(0)

    def relaxed(self, states, below, t, beta, sweeps):
        last = len(states) - 1
        for _ in range(sweeps):
            moved = []
            for k, s in enumerate(states):
                drive = below if k == 0 else states[k - 1] @ self.W[k].T + self.b[k]
                if k < last:
                    drive = drive + states[k + 1] @ self.W[k + 1]
                force = drive - s
                if k == last and beta:
                    force = force + beta * (t - s)
                moved.append((s + self.step * force).clip(0.0, 1.0))
            states = moved
        return states


class NodePerturbation(Twin):
    """A pass without and one with noise in all potentials; draws of its own."""

    sigma = 0.01

    def take(self, weights):
        self.random = np.random.default_rng(0)

    def drawn(self, shape):
        noise = self.sigma * self.random.standard_normal(shape, np.float32)
        return noise if self.ops is np else self.ops.from_numpy(noise)

    def loss(self, r, t):
        log = self.ops.log
        return -(t * log(r) + (1.0 - t) * log(1.0 - r)).sum(1)

    def present(self, x, t):
        rates = self.up(x)
        noisy, deltas = x, []
        for W, b in zip(self.W, self.b, strict=True):
            a = noisy @ W.T + b
            deltas.append(self.drawn(a.shape))
            noisy = self.logistic(a + deltas[-1])
        told = (self.loss(rates[-1], t) - self.loss(noisy, t)) / self.sigma**2
        self.learn(rates, [told[:, None] * d for d in deltas])


TWINS = {
    "shallow": Shallow,
    "node_perturbation": NodePerturbation,
    "contrastive_hebbian": ContrastiveHebbian,
    "equilibrium_propagation": EquilibriumPropagation,
    "direct_feedback_alignment": DirectFeedbackAlignment,
    "feedback_alignment": FeedbackAlignment,
    "error_network": ErrorNetwork,
    "sign_symmetry": SignSymmetry,
    "kolen_pollack": KolenPollack,
    "backprop": Backprop,
}
#: Those whose random numbers are others than the engine's: they are only timed.
DRAWING = ("node_perturbation",)
