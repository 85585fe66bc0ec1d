"""Plain NumPy twin of the plastic dendritic error microcircuit.

Written from the published equations alone. It serves twice: in double precision as
the reference for step-for-step comparisons, and as the NumPy baseline of benchmarks.
Hence every buffer is allocated once, every operation is in place, a single pattern
uses matrix-vector and outer products, and a batch uses matrix products.

Layer 0 is the input, ``1..N-1`` are hidden, ``N`` is the output. Lists over layers
start at layer 1, so ``W[k - 1]`` goes from layer ``k - 1`` to layer ``k``. Potentials
are dimensionless with rest 0, time is in ms, conductances and rates are in 1/ms.

Source: Sacramento, Costa, Bengio, Senn (2018), eqs. 1-5 and 7-10.
"""

from typing import NamedTuple

import numpy as np


def logistic(x, out=None):
    """1 / (1 + exp(-x)), as a hyperbolic tangent because that cannot overflow."""
    out = np.multiply(x, 0.5, out=out)
    out = np.tanh(out, out=out)
    out = np.multiply(out, 0.5, out=out)
    return np.add(out, 0.5, out=out)


def logistic_slope(x):
    """Derivative of :func:`logistic`."""
    rate = logistic(x)
    return rate * (1.0 - rate)


def soft_rectifier(x, out=None, *, gamma=0.1, beta=1.0, theta=3.0):
    """gamma log(1 + exp(beta (x - theta)))."""
    out = np.subtract(x, theta, out=out)
    out = np.multiply(out, beta, out=out)
    out = np.logaddexp(out, 0.0, out=out)
    return np.multiply(out, gamma, out=out)


def soft_rectifier_slope(x, *, gamma=0.1, beta=1.0, theta=3.0):
    """Derivative of :func:`soft_rectifier`."""
    return gamma * beta * logistic(beta * (x - theta))


TRANSFER = {
    "logistic": (logistic, logistic_slope),
    "soft_rectifier": (soft_rectifier, soft_rectifier_slope),
}


class Conductances(NamedTuple):
    """Conductances in 1/ms and the ratios that follow from them."""

    n_layers: int
    g_leak: float
    g_basal: float
    g_apical: float
    g_dendrite: tuple[float, ...]
    g_nudge_interneuron: float
    g_nudge_output: float

    def total(self, layer: int) -> float:
        """Sum of the un-nudged conductances of the pyramidal soma of a layer."""
        apical = self.g_apical if layer < self.n_layers else 0.0
        return self.g_leak + self.g_basal + apical

    def basal_attenuation(self, layer: int) -> float:
        """Share of the basal potential a pyramidal soma reaches, ``a_k``."""
        return self.g_basal / self.total(layer)

    def dendritic_attenuation(self, layer: int) -> float:
        """Share of its dendrite an un-nudged interneuron soma reaches, ``aI_k``."""
        g_dendrite = self.g_dendrite[layer - 1]
        return g_dendrite / (self.g_leak + g_dendrite)

    def apical_share(self, layer: int) -> float:
        """Share of the apical potential a hidden soma reaches, ``lamA``."""
        return self.g_apical / self.total(layer)

    def interneuron_share(self, layer: int) -> float:
        """Share of the nudge in an interneuron soma, ``lamI``."""
        nudge = self.g_nudge_interneuron
        return nudge / (self.g_leak + self.g_dendrite[layer - 1] + nudge)

    def output_share(self) -> float:
        """Share of the target in a nudged output soma, ``lamN``."""
        return self.g_nudge_output / (self.total(self.n_layers) + self.g_nudge_output)


def conductances(
    n_layers: int,
    g_leak: float = 0.1,
    g_basal: float = 1.0,
    g_apical: float = 0.8,
    g_dendrite: float | list[float] = 1.0,
    g_nudge_interneuron: float = 0.8,
    g_nudge_output: float = 0.8,
) -> Conductances:
    """Conductances in 1/ms of a circuit with ``n_layers`` layers above the input.

    ``g_dendrite`` is one number or one per hidden layer (``n_layers - 1`` numbers).
    """
    n_hidden = n_layers - 1
    dendrite = tuple(float(g) for g in np.broadcast_to(g_dendrite, (n_hidden,)))
    rest = (g_leak, g_basal, g_apical), (g_nudge_interneuron, g_nudge_output)
    return Conductances(n_layers, *map(float, rest[0]), dendrite, *map(float, rest[1]))


def self_predicting(weights: dict, g: Conductances) -> dict:
    """The same W and B with the WIP and WPI that keep the apical dendrites silent.

    WPI_k = -B_k and WIP_k = W_{k+1} a_{k+1} / aI_k.
    """
    W, B = weights["W"], weights["B"]
    ratios = [
        g.basal_attenuation(k + 1) / g.dendritic_attenuation(k)
        for k in range(1, g.n_layers)
    ]
    WIP = [ratio * above for ratio, above in zip(ratios, W[1:], strict=True)]
    return {"W": W, "B": B, "WIP": WIP, "WPI": [-b for b in B]}


def feedforward(W: list, inputs, g: Conductances, phi: str = "logistic") -> list:
    """Potentials u_k = a_k W_k phi(u_{k-1}), one (batch, n_k) array per layer."""
    rate, u = np.asarray(inputs), []
    for k, w in enumerate(W, start=1):
        u.append(g.basal_attenuation(k) * (rate @ w.T))
        rate = TRANSFER[phi][0](u[-1])
    return u


def integral_loss(W: list, inputs, target, g, phi: str = "logistic") -> float:
    """Batch mean of sum_i of the integral of phi(s) - phi(u_i), s from u_i to t_i.

    Gauss-Legendre with 32 nodes: exact to rounding while |t - u| is a few units.
    """
    u = feedforward(W, inputs, g, phi)[-1]
    nodes, node_weights = np.polynomial.legendre.leggauss(32)
    half = 0.5 * (np.asarray(target) - u)
    points = (u + half)[..., None] + half[..., None] * nodes
    value = TRANSFER[phi][0]
    integrand = value(points) - value(u)[..., None]
    return float(np.mean(np.sum(half * (integrand @ node_weights), axis=-1)))


def integral_loss_gradient(W: list, inputs, target, g, phi: str = "logistic") -> list:
    """Descent directions -dL/dW_k of :func:`integral_loss`, one array per layer."""
    value, slope = TRANSFER[phi]
    u = feedforward(W, inputs, g, phi)
    rates = [np.asarray(inputs), *(value(x) for x in u[:-1])]
    delta = slope(u[-1]) * (np.asarray(target) - u[-1])
    descent = []
    for k in range(len(W), 0, -1):
        attenuated = g.basal_attenuation(k) * delta
        descent.insert(0, attenuated.T @ rates[k - 1] / len(delta))
        if k > 1:
            delta = slope(u[k - 2]) * (attenuated @ W[k - 1])
    return descent


class FixedPoint(NamedTuple):
    """Potentials at rest of the dynamics; each a list of (batch, n) arrays."""

    u: list
    uI: list
    vA: list
    vB: list
    vI: list


class MicrocircuitTwin:
    """The microcircuit, advanced by explicit Euler steps with all weights plastic.

    Parameters
    ----------
    sizes : list of int
        Cells per layer, ``[n_0, ..., n_N]``, N at least 2.
    weights : dict
        ``W`` (N arrays), ``B``, ``WIP``, ``WPI`` (N - 1 arrays each), every array
        ``(n_post, n_pre)``. They are copied.
    dt : float
        Step in ms.
    eta : dict
        Learning rates in 1/ms, one per array, under the same names as ``weights``.
        A missing name or a zero leaves that array frozen.
    tau_filter : float
        Time constant in ms of the low-pass on the weight changes; 0 for none.
    phi : str
        ``"logistic"`` or ``"soft_rectifier"`` (gamma 0.1, beta 1, theta 3).
    g : Conductances, optional
        Default: the published values of :func:`conductances`.
    batch : int
        Patterns advanced together; weight changes are their mean.
    dtype : numpy dtype

    Attributes
    ----------
    u, uI, vA, vB, vI : list of (batch, n) arrays
        Writable views of the state; dendrites are those the last step used.
    W, B, WIP, WPI : list of (n_post, n_pre) arrays
        Change them in place only.
    trace : dict of lists
        The filtered change in weight per step, ``eta dt D``; None where frozen.

    Raises
    ------
    ValueError
        If a weight array is missing or has a wrong shape, or phi is unknown.
    """

    def __init__(
        self,
        sizes: list[int],
        weights: dict,
        *,
        dt: float = 0.1,
        eta: dict,
        tau_filter: float = 30.0,
        phi: str = "logistic",
        g: Conductances | None = None,
        batch: int = 1,
        dtype=np.float64,
    ):
        if phi not in TRANSFER:
            raise ValueError(f"phi is {phi!r}; allowed: {', '.join(TRANSFER)}")
        n = self.n_layers = len(sizes) - 1
        self.g = conductances(n) if g is None else g
        self.sizes, self.batch, self.dtype = list(sizes), batch, np.dtype(dtype)
        self.dt, self.tau_filter = float(dt), float(tau_filter)
        self.phi = TRANSFER[phi][0]
        self._copy_weights(weights)
        self._allocate_state()
        self._prepare_somata()
        self._prepare_plasticity(eta)

    def _copy_weights(self, weights):
        n = self.sizes
        hidden = range(1, self.n_layers)
        shapes = {
            "W": [(n[k], n[k - 1]) for k in range(1, self.n_layers + 1)],
            "B": [(n[k], n[k + 1]) for k in hidden],
            "WIP": [(n[k + 1], n[k]) for k in hidden],
            "WPI": [(n[k], n[k + 1]) for k in hidden],
        }
        for name, wanted in shapes.items():
            arrays = [np.array(w, self.dtype, order="C") for w in weights[name]]
            if [w.shape for w in arrays] != wanted:
                raise ValueError(
                    f"weights[{name!r}] have shapes {[w.shape for w in arrays]}; "
                    f"sizes {n} need {wanted}"
                )
            setattr(self, name, arrays)

    def _allocate_state(self):
        # One flat buffer per quantity, in blocks: pyramidal 1..N, interneurons 1..N-1.
        # Interneurons of layer k are as many as the cells of layer k + 1, so the
        # layers above all interneurons are one slice too.
        n, batch = self.n_layers, self.batch
        self._cells = self.sizes[1:] + self.sizes[2:]
        self._hidden_cells = self.sizes[1:-1]
        everything = [np.zeros(batch * sum(self._cells), self.dtype) for _ in range(5)]
        self._soma, self._rate, self._dendrite, self._error, self._drive = everything
        hidden = [
            np.zeros(batch * sum(self._hidden_cells), self.dtype) for _ in range(5)
        ]
        self._apical, self._lateral, self._apical_error = hidden[:3]
        self._top_down_error, self._apical_pull = hidden[3:]
        self._input = np.zeros((batch, self.sizes[0]), self.dtype)

        self.u, self.uI = self._split(self._soma)
        self.vB, self.vI = self._split(self._dendrite)
        self.vA, _ = self._split(self._apical, self._hidden_cells)
        lateral, _ = self._split(self._lateral, self._hidden_cells)
        rates, self._rates_inter = self._split(self._rate)
        self._rates = [self._input, *rates]
        self._dendritic_inputs = [
            (w, self._operand(rate), self._operand(potential))
            for w, rate, potential in [
                *zip(self.W, self._rates[:n], self.vB, strict=True),
                *zip(self.WIP, self._rates[1:n], self.vI, strict=True),
                *zip(self.B, self._rates[2:], self.vA, strict=True),
                *zip(self.WPI, self._rates_inter, lateral, strict=True),
            ]
        ]

    def _split(self, flat, sizes=None):
        """(batch, n) views: those of layers 1..N, then those of the interneurons."""
        sizes = self._cells if sizes is None else sizes
        parts = np.split(flat, np.cumsum(self.batch * np.array(sizes))[:-1])
        views = [x.reshape(self.batch, -1) for x in parts]
        return views[: self.n_layers], views[self.n_layers :]

    def _operand(self, view):
        return view[0] if self.batch == 1 else view

    def _spread(self, values, sizes):
        """One value per block as an array over the flat buffer."""
        return np.repeat(np.array(values, self.dtype), self.batch * np.array(sizes))

    def _prepare_somata(self):
        # u' = keep u + dt (pulls of the dendrites and of the nudges)
        g, n, dt = self.g, self.n_layers, self.dt
        layers, hidden = range(1, n + 1), range(1, n)
        self._attenuation = self._spread(
            [g.basal_attenuation(k) for k in layers]
            + [g.dendritic_attenuation(k) for k in hidden],
            self._cells,
        )
        pull = np.array([g.g_basal] * n + list(g.g_dendrite))
        self._dendritic_pull = self._spread(dt * pull, self._cells)
        total = np.array(
            [g.total(k) for k in layers]
            + [g.g_leak + x + g.g_nudge_interneuron for x in g.g_dendrite]
        )
        self._keep = self._spread(1.0 - dt * total, self._cells)
        total[n - 1] += g.g_nudge_output
        self._keep_nudged = self._spread(1.0 - dt * total, self._cells)

        sizes, (pyramidal, _) = self.sizes, self._split(self._drive)
        first_inter = self.batch * sum(sizes[1:])
        self._drive_hidden = self._drive[: self._apical.size]
        self._drive_output = pyramidal[-1]
        self._drive_inter = self._drive[first_inter:]
        self._soma_above = self._soma[self.batch * sizes[1] : first_inter]
        self._nudge = np.zeros_like(self._soma_above)
        self._rate_hidden = self._rate[: self._apical.size]

    def _prepare_plasticity(self, eta):
        # The gains carry eta, dt, the filter's input share and the batch mean, so a
        # weight matrix needs four passes per step where the textbook form needs five.
        n, tau = self.n_layers, self.tau_filter
        rates = {
            name: [float(x) for x in eta.get(name, [0.0] * len(getattr(self, name)))]
            for name in ("W", "WIP", "WPI", "B")
        }
        self._trace_keep = 1.0 - self.dt / tau if tau > 0.0 else 0.0
        unit = self.dt / self.batch * (self.dt / tau if tau > 0.0 else 1.0)
        gains = {name: unit * np.array(values) for name, values in rates.items()}
        self._gain = self._spread([*gains["W"], *gains["WIP"]], self._cells)
        self._apical_gain = self._spread(-gains["WPI"], self._hidden_cells)
        self._top_down_gain = self._spread(gains["B"], self._hidden_cells)
        self._learns_top_down = any(rates["B"])

        errors, errors_inter = self._split(self._error)
        apical_errors, _ = self._split(self._apical_error, self._hidden_cells)
        top_down_errors, _ = self._split(self._top_down_error, self._hidden_cells)
        sources = {
            "W": (errors, self._rates[:n]),
            "WIP": (errors_inter, self._rates[1:n]),
            "WPI": (apical_errors, self._rates_inter),
            "B": (top_down_errors, self._rates[2:]),
        }
        scratch = np.empty(max(w.size for w in (*self.W, *self.B)), self.dtype)
        self.trace, self._plastic = {}, []
        for name, signals in sources.items():
            self.trace[name] = []
            weights = getattr(self, name)
            for w, rate, e, p in zip(weights, rates[name], *signals, strict=True):
                trace = np.zeros_like(w) if rate else None
                self.trace[name].append(trace)
                if rate:
                    change = scratch[: w.size].reshape(w.shape)
                    operands = self._operand(e), self._operand(p)
                    self._plastic.append((w, trace, change, *operands))

    def step(self, inputs, target=None) -> None:
        """One Euler step from (batch, n_0) rates and (batch, n_N) target potentials.

        Everything is computed from the old somata; the weights move last.
        """
        np.copyto(self._input, inputs)
        self.phi(self._soma, out=self._rate)
        for w, rate, potential in self._dendritic_inputs:
            if self.batch == 1:
                np.dot(w, rate, out=potential)
            else:
                np.matmul(rate, w.T, out=potential)
        self._compute_errors()
        self._advance_somata(target)
        self._advance_weights()

    def _compute_errors(self):
        if self._learns_top_down:  # while the apical buffer is purely top-down
            error = self.phi(self._apical, out=self._top_down_error)
            np.subtract(self._rate_hidden, error, out=error)
            error *= self._top_down_gain
        self._apical += self._lateral
        np.multiply(self._apical, self._apical_gain, out=self._apical_error)

        error = np.multiply(self._attenuation, self._dendrite, out=self._error)
        self.phi(error, out=error)
        np.subtract(self._rate, error, out=error)
        error *= self._gain

    def _advance_somata(self, target):
        g, dt = self.g, self.dt
        np.multiply(self._dendrite, self._dendritic_pull, out=self._drive)
        np.multiply(self._apical, dt * g.g_apical, out=self._apical_pull)
        self._drive_hidden += self._apical_pull
        np.multiply(self._soma_above, dt * g.g_nudge_interneuron, out=self._nudge)
        self._drive_inter += self._nudge
        if target is not None:
            self._drive_output += np.multiply(
                target, dt * g.g_nudge_output, dtype=self.dtype
            )
        self._soma *= self._keep if target is None else self._keep_nudged
        self._soma += self._drive

    def _advance_weights(self):
        for w, trace, change, error, presynaptic in self._plastic:
            if self.batch == 1:
                np.multiply.outer(error, presynaptic, out=change)
            else:
                np.matmul(error.T, presynaptic, out=change)
            if self.tau_filter > 0.0:
                trace *= self._trace_keep
                trace += change
                w += trace
            else:
                w += change

    def run(self, inputs, target, steps: int) -> None:
        """``steps`` steps with inputs and target held."""
        for _ in range(steps):
            self.step(inputs, target)

    def fixed_point(self, inputs, target=None, tol: float = 1e-14) -> FixedPoint:
        """Where the potentials settle with the present weights; changes nothing here.

        Damped iteration of the fixed-point equations from rest, until the potentials
        miss them by less than ``tol`` times their scale.

        Raises
        ------
        ArithmeticError
            If 20,000 iterations do not settle it (none exists, or tol is too small).
        """
        g, n, phi = self.g, self.n_layers, self.phi
        inputs = np.asarray(inputs, self.dtype)
        u = [np.zeros_like(x) for x in self.u]
        uI = [np.zeros_like(x) for x in self.uI]
        for _ in range(20_000):
            r, rI = [inputs, *map(phi, u)], [phi(x) for x in uI]
            vB = [r[k] @ self.W[k].T for k in range(n)]
            vI = [r[k + 1] @ self.WIP[k].T for k in range(n - 1)]
            vA = [r[k + 2] @ self.B[k].T + rI[k] @ self.WPI[k].T for k in range(n - 1)]
            goal = [g.basal_attenuation(k + 1) * v for k, v in enumerate(vB)]
            for k in range(n - 1):
                goal[k] = goal[k] + g.apical_share(k + 1) * vA[k]
            if target is not None:
                share = g.output_share()
                goal[-1] = (1.0 - share) * goal[-1] + share * np.asarray(target)
            goal_inter = []
            for k, v in enumerate(vI):
                share = g.interneuron_share(k + 1)
                own = (1.0 - share) * g.dendritic_attenuation(k + 1) * v
                goal_inter.append(own + share * u[k + 1])
            pairs = list(zip(u + uI, goal + goal_inter, strict=True))
            miss = max(float(np.max(np.abs(new - old))) for old, new in pairs)
            scale = 1.0 + max(float(np.max(np.abs(new))) for _, new in pairs)
            if miss <= tol * scale:
                return FixedPoint(u, uI, vA, vB, vI)
            u = [0.5 * (old + new) for old, new in zip(u, goal, strict=True)]
            uI = [0.5 * (old + new) for old, new in zip(uI, goal_inter, strict=True)]
        raise ArithmeticError(f"no fixed point: still {miss:.3g} off (tol {tol:.3g})")
