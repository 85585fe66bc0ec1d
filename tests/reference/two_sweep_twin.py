"""Plain NumPy twin of the two-sweep form of the dendritic error microcircuit.

One presentation is a sweep up with the feedforward prediction, a sweep down with the
teacher, and one change of every plastic weight. Written from the published equations
alone, for reading: new arrays at every line, double precision, any depth.

Layer 0 is the input, ``1..N-1`` are hidden, ``N`` is the output. Lists over layers
start at layer 1, so ``W[k - 1]`` goes from layer ``k - 1`` to layer ``k``. Arrays of
activity are ``(n_samples, n)``, weights ``(n_post, n_pre)``, biases ``(n_post,)``.
Potentials are dimensionless with rest 0, conductances in 1/ms, learning rates per
presentation.

Source: Sacramento, Costa, Bengio, Senn (2018), section 3.4 and eqs. 3-5 and 7-10. The
basal attenuation and the apical share are kept apart, as conductances give them.
"""

from typing import NamedTuple

import numpy as np


def logistic(u):
    """1 / (1 + exp(-u)), as a hyperbolic tangent because that cannot overflow."""
    return 0.5 + 0.5 * np.tanh(0.5 * u)


def logistic_slope(u):
    """Derivative of :func:`logistic`."""
    return logistic(u) * (1.0 - logistic(u))


class Conductances(NamedTuple):
    """Conductances in 1/ms, those of hidden layers one by one, and their ratios."""

    g_leak: float
    g_basal: float
    g_apical: tuple[float, ...]
    g_dendrite: tuple[float, ...]
    g_interneuron_nudge: tuple[float, ...]
    g_output_nudge: float

    @property
    def n_layers(self) -> int:
        """Number N of layers above the input."""
        return len(self.g_apical) + 1

    def a(self, k: int) -> float:
        """Share of its basal potential that a pyramidal soma of layer k reaches."""
        apical = self.g_apical[k - 1] if k < self.n_layers else 0.0
        return self.g_basal / (self.g_leak + self.g_basal + apical)

    def aI(self, k: int) -> float:
        """Share of its dendrite that an interneuron of layer k reaches un-nudged."""
        return self.g_dendrite[k - 1] / (self.g_leak + self.g_dendrite[k - 1])

    def lamA(self, k: int) -> float:
        """Share of its apical potential in a pyramidal soma of layer k."""
        apical = self.g_apical[k - 1]
        return apical / (self.g_leak + self.g_basal + apical)

    def lamI(self, k: int) -> float:
        """Share of the layer above in an interneuron of layer k."""
        nudge = self.g_interneuron_nudge[k - 1]
        return nudge / (self.g_leak + self.g_dendrite[k - 1] + nudge)

    @property
    def lamN(self) -> float:
        """Share of the target in a nudged output soma."""
        nudge = self.g_output_nudge
        return nudge / (self.g_leak + self.g_basal + nudge)

    def self_predicting_ratio(self, k: int) -> float:
        """WIP_k over W_{k+1} with which the apical dendrites of layer k are silent."""
        return self.a(k + 1) / self.aI(k)


def conductances(
    n_layers: int,
    *,
    g_leak: float = 0.1,
    g_basal: float = 1.0,
    g_apical=0.8,
    g_dendrite=1.0,
    g_interneuron_nudge=0.8,
    g_output_nudge: float = 0.8,
) -> Conductances:
    """Conductances of a circuit of ``n_layers`` layers above the input.

    Those of hidden layers are one number or one per hidden layer.
    """

    def each(value):
        return tuple(float(g) for g in np.broadcast_to(value, (n_layers - 1,)))

    return Conductances(
        g_leak,
        g_basal,
        each(g_apical),
        each(g_dendrite),
        each(g_interneuron_nudge),
        g_output_nudge,
    )


class Weights(NamedTuple):
    """Weights and biases by layer; ``b`` and ``bI`` of zeros are no biases."""

    W: list
    b: list
    B: list
    WIP: list
    bI: list
    WPI: list


def random_weights(sizes, seed: int, scale: float = 1.0) -> Weights:
    """Every weight and bias uniform in (-scale, scale)."""
    draw = np.random.default_rng(seed).uniform
    hidden = range(1, len(sizes) - 1)

    def drawn(shapes):
        return [draw(-scale, scale, shape) for shape in shapes]

    return Weights(
        W=drawn([(sizes[k], sizes[k - 1]) for k in range(1, len(sizes))]),
        b=drawn(sizes[1:]),
        B=drawn([(sizes[k], sizes[k + 1]) for k in hidden]),
        WIP=drawn([(sizes[k + 1], sizes[k]) for k in hidden]),
        bI=drawn(sizes[2:]),
        WPI=drawn([(sizes[k], sizes[k + 1]) for k in hidden]),
    )


def tied(weights: Weights, g: Conductances, *, WIP: bool = True, WPI: bool = True):
    """The weights with WIP and bI mirroring W and b, and WPI mirroring B.

    WIP_k = W_{k+1} a_{k+1} / aI_k, bI_k = b_{k+1} a_{k+1} / aI_k and WPI_k = -B_k.
    """
    ratios = [g.self_predicting_ratio(k) for k in range(1, g.n_layers)]
    if WIP:
        weights = weights._replace(
            WIP=[ratios[k] * weights.W[k + 1] for k in range(g.n_layers - 1)],
            bI=[ratios[k] * weights.b[k + 1] for k in range(g.n_layers - 1)],
        )
    if WPI:
        weights = weights._replace(WPI=[-B for B in weights.B])
    return weights


class Potentials(NamedTuple):
    """One presentation, each a list over layers of (n_samples, n).

    ``up`` and ``r_up`` are potentials and rates of the upward sweep, ``r_up[0]`` the
    input; ``u`` and ``uI`` are those after the downward sweep or at a fixed point.
    """

    up: list
    r_up: list
    u: list
    uI: list
    vA: list
    vB: list
    vI: list


def sweep(weights: Weights, g: Conductances, inputs, target=None, *, phi=logistic):
    """Potentials of the two sweeps; without ``target`` the output is not nudged."""
    N = g.n_layers
    # upwards: the feedforward prediction, apical dendrites ignored
    r, vB, up = [np.asarray(inputs, float)], [], []
    for k in range(1, N + 1):
        vB.append(r[k - 1] @ weights.W[k - 1].T + weights.b[k - 1])
        up.append(g.a(k) * vB[k - 1])
        r.append(phi(up[k - 1]))

    # downwards: the nudge of the output, then what is left of it in each layer
    u, uI, vA, vI = [None] * N, [None] * (N - 1), [None] * (N - 1), [None] * (N - 1)
    if target is None:
        u[N - 1] = up[N - 1]
    else:
        total = g.g_leak + g.g_basal + g.g_output_nudge
        pull = g.g_basal * vB[N - 1] + g.g_output_nudge * np.asarray(target, float)
        u[N - 1] = pull / total
    for k in range(N - 1, 0, -1):
        gA, gD = g.g_apical[k - 1], g.g_dendrite[k - 1]
        gsI = g.g_interneuron_nudge[k - 1]
        above = u[k]
        vI[k - 1] = r[k] @ weights.WIP[k - 1].T + weights.bI[k - 1]
        uI[k - 1] = (gD * vI[k - 1] + gsI * above) / (g.g_leak + gD + gsI)
        vA[k - 1] = (
            phi(above) @ weights.B[k - 1].T + phi(uI[k - 1]) @ weights.WPI[k - 1].T
        )
        pull = g.g_basal * vB[k - 1] + gA * vA[k - 1]
        u[k - 1] = pull / (g.g_leak + g.g_basal + gA)
    return Potentials(up, r, u, uI, vA, vB, vI)


def changes(
    weights: Weights, g: Conductances, p: Potentials, *, phi=logistic
) -> Weights:
    """Change of every weight at a learning rate of 1, mean over the samples.

    Presynaptic rates of W, b, WIP and bI are those of the upward sweep, those of WPI
    and B are nudged (eqs. 7-10).
    """
    N, n_samples = g.n_layers, len(p.r_up[0])

    def mean_outer(error, rate):
        return error.T @ rate / n_samples

    basal = [phi(p.u[k - 1]) - phi(g.a(k) * p.vB[k - 1]) for k in range(1, N + 1)]
    inter = [phi(p.uI[k - 1]) - phi(g.aI(k) * p.vI[k - 1]) for k in range(1, N)]
    top_down = [
        phi(p.u[k - 1]) - phi(phi(p.u[k]) @ weights.B[k - 1].T) for k in range(1, N)
    ]
    return Weights(
        W=[mean_outer(basal[k - 1], p.r_up[k - 1]) for k in range(1, N + 1)],
        b=[error.mean(axis=0) for error in basal],
        B=[mean_outer(top_down[k - 1], phi(p.u[k])) for k in range(1, N)],
        WIP=[mean_outer(inter[k - 1], p.r_up[k]) for k in range(1, N)],
        bI=[error.mean(axis=0) for error in inter],
        WPI=[mean_outer(0.0 - p.vA[k - 1], phi(p.uI[k - 1])) for k in range(1, N)],
    )


def present(
    weights: Weights,
    g: Conductances,
    inputs,
    target,
    eta: dict,
    *,
    tie_WIP: bool = False,
    tie_WPI: bool = False,
    phi=logistic,
) -> tuple[Weights, Potentials]:
    """Weights after one presentation of a batch, and its potentials.

    Parameters
    ----------
    weights : Weights
        Left as they are.
    g : Conductances
    inputs : (n_samples, n_0), rates
    target : (n_samples, n_N) or None, potentials
    eta : dict of lists
        Learning rates by the names of `Weights`, one per array. A missing name leaves
        these arrays as they are. Biases have rates of their own.
    tie_WIP, tie_WPI : bool
        Derive WIP and bI from W and b, WPI from B, after the change.
    """
    p = sweep(weights, g, inputs, target, phi=phi)
    change = changes(weights, g, p, phi=phi)
    new = {
        name: [
            w + rate * d
            for w, rate, d in zip(
                getattr(weights, name), eta[name], getattr(change, name), strict=True
            )
        ]
        for name in eta
    }
    moved = weights._replace(**new)
    return tied(moved, g, WIP=tie_WIP, WPI=tie_WPI), p


def fixed_point(
    weights: Weights,
    g: Conductances,
    inputs,
    target=None,
    *,
    phi=logistic,
    tol: float = 1e-13,
) -> Potentials:
    """Where the potentials of the whole circuit settle, by damped iteration from rest.

    Here every rate is the settled one: ``up`` and ``r_up`` are ``u`` and its rates.

    Raises
    ------
    ArithmeticError
        If 20,000 iterations do not bring the potentials within ``tol`` times their
        scale of the fixed point.
    """
    N, r0 = g.n_layers, np.asarray(inputs, float)
    u = [np.zeros((len(r0), len(w))) for w in weights.W]
    uI = [np.zeros((len(r0), len(w))) for w in weights.WIP]
    lamN = 0.0 if target is None else g.lamN
    teacher = 0.0 if target is None else np.asarray(target, float)
    for _ in range(20_000):
        r, rI = [r0, *map(phi, u)], [phi(x) for x in uI]
        vB = [r[k] @ weights.W[k].T + weights.b[k] for k in range(N)]
        vI = [r[k + 1] @ weights.WIP[k].T + weights.bI[k] for k in range(N - 1)]
        vA = [
            r[k + 2] @ weights.B[k].T + rI[k] @ weights.WPI[k].T for k in range(N - 1)
        ]
        goal = [g.a(k) * vB[k - 1] + g.lamA(k) * vA[k - 1] for k in range(1, N)]
        goal.append((1.0 - lamN) * g.a(N) * vB[N - 1] + lamN * teacher)
        goal_inter = [
            (1.0 - g.lamI(k)) * g.aI(k) * vI[k - 1] + g.lamI(k) * u[k]
            for k in range(1, N)
        ]
        pairs = list(zip(u + uI, goal + goal_inter, strict=True))
        miss = max(float(np.max(np.abs(new - old))) for old, new in pairs)
        scale = 1.0 + max(float(np.max(np.abs(new))) for _, new in pairs)
        if miss <= tol * scale:
            return Potentials(u, r, u, uI, vA, vB, vI)
        u = [0.5 * (old + new) for old, new in zip(u, goal, strict=True)]
        uI = [0.5 * (old + new) for old, new in zip(uI, goal_inter, strict=True)]
    raise ArithmeticError(f"no fixed point: still {miss:.3g} off (tol {tol:.3g})")
