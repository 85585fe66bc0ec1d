"""The segregated-dendrite network as plain NumPy: the baseline of a benchmark.

784-500-10, steps of 1 ms, spikes kept for ten steps and seen through the kernel before
a dense product, as in the published code; vectorised over cells, arrays made anew in
every step. Written from the equations (docs: models/guerguiev.md).
"""

import numpy as np

KERNEL = (np.exp(-np.arange(1, 11) / 10.0) - np.exp(-np.arange(1, 11) / 3.0)) / 7.0
PHI_MAX, LAST = 0.2, 20
K = 0.6 / 0.7


def sigma(x):
    """Logistic function."""
    return 1.0 / (1.0 + np.exp(-x))


class Sketch:
    """Weights, histories and potentials of the network."""

    def __init__(self, weights, rates, seed=0):
        self.W, self.b, self.Y = weights
        self.rates = rates
        self.rng = np.random.default_rng(seed)
        sizes = (784, 500, 10)
        self.history = [np.zeros((n, 10)) for n in sizes]
        self.C = [np.zeros(500), np.zeros(10)]

    def spikes(self, layer, mean):
        """Draw counts and put them into the history, the newest first."""
        history = self.history[layer]
        history[:, 1:] = history[:, :-1]
        history[:, 0] = self.rng.poisson(mean)

    def phase(self, rates, steps, teacher):
        """Means over the last steps: inputs of both layers, A, C and rates."""
        sums = None
        for step in range(steps):
            s_out = self.history[2] @ KERNEL
            self.spikes(0, rates)
            s_in = self.history[0] @ KERNEL
            B = self.W[0] @ s_in + self.b[0]
            A = self.Y @ s_out
            self.C[0] = self.C[0] + (-0.1 * self.C[0] + 0.6 * (B - self.C[0]))
            phi = PHI_MAX * sigma(self.C[0])
            self.spikes(1, phi)
            s_hidden = self.history[1] @ KERNEL
            B = self.W[1] @ s_hidden + self.b[1]
            change = -0.1 * self.C[1] + 0.6 * (B - self.C[1])
            if teacher is not None:
                change = change + teacher * (8.0 - self.C[1])
                change = change + (1.0 - teacher) * (-8.0 - self.C[1])
            self.C[1] = self.C[1] + change
            phi_out = PHI_MAX * sigma(self.C[1])
            self.spikes(2, phi_out)
            if step >= steps - LAST:
                now = [s_in, s_hidden, A, self.C[0], self.C[1], phi_out]
                sums = (
                    now
                    if sums is None
                    else [a + x for a, x in zip(sums, now, strict=True)]
                )
        return [total / LAST for total in sums]

    def example(self, image, teacher, lengths):
        """Both phases of an example and its updates."""
        rates = PHI_MAX * image
        s_in, s_hidden, A, C_hidden, C_out, _ = self.phase(rates, lengths[0], None)
        *_, A_target, _, _, phi_target = self.phase(rates, lengths[1], teacher)
        out = sigma(C_out)
        error = (phi_target - PHI_MAX * out) * out * (1 - out)
        error *= self.rates[1] * 20.0 / PHI_MAX * K
        hidden = sigma(C_hidden)
        plateaus = (sigma(A_target) - sigma(A)) * hidden * (1 - hidden)
        plateaus *= self.rates[0] * 20.0 * K
        self.W[1] += np.outer(error, s_hidden)
        self.b[1] += error
        self.W[0] += np.outer(plateaus, s_in)
        self.b[0] += plateaus
