"""Plain NumPy twin of deep learning with segregated dendrites.

Written from the published equations alone, for reading: all counts are given, every
past count is kept, and a filtered spike train is the sum over them. Nothing is reset
between the phases of an example or between examples.

Layer 0 is the input, ``1..N-1`` are hidden, ``N`` is the output. Lists over
populations start at the input; lists over layers start at layer 1, so ``W[m - 1]``
goes from layer ``m - 1`` to layer ``m``, shape ``(n_post, n_pre)``. Hidden layer ``m``
reads the output through ``Y[m - 1]``, shape ``(n_m, n_out)``. Potentials are
dimensionless with rest 0, time is in ms in steps of 1, conductances and rates are in
1/ms.

Source: Guerguiev, Lillicrap, Richards (2017), eqs. 5, 11-23 and 28-35; initial weights
and the memory of 10 steps as in the released code.
"""

from typing import NamedTuple

import numpy as np

DT = 1.0
PHI_MAX = 0.2
TAU_RISE, TAU_DECAY = 3.0, 10.0
G_LEAK, G_BASAL, G_DENDRITE = 0.1, 0.6, 0.6
E_EXC, E_INH = 8.0, -8.0
G_TEACHER = 1.0
P_HIDDEN, P_OUTPUT = 20.0 / PHI_MAX, 20.0 / PHI_MAX**2


def sigma(x):
    """1 / (1 + exp(-x)), as a hyperbolic tangent because that cannot overflow."""
    return 0.5 + 0.5 * np.tanh(0.5 * np.asarray(x))


def sigma_slope(x):
    """Derivative of :func:`sigma`."""
    return sigma(x) * sigma(-np.asarray(x))


def kappa(t):
    """Kernel of area 1 at times t >= 0 in ms, in 1/ms."""
    t = np.asarray(t, float)
    return (np.exp(-t / TAU_DECAY) - np.exp(-t / TAU_RISE)) / (TAU_DECAY - TAU_RISE)


def kernel_sum(memory: int | None = None) -> float:
    """Sum of kappa over whole steps, all of them or the first ``memory``."""
    return float(np.sum(kappa(np.arange(1, (memory or 1000) + 1))))


def share_hidden(g_a: float = 0.0) -> float:
    """Share k_b of the basal potential that a hidden soma reaches."""
    return G_BASAL / (G_LEAK + G_BASAL + g_a)


SHARE_OUTPUT = G_DENDRITE / (G_LEAK + G_DENDRITE)


class InitialWeights(NamedTuple):
    """Mean, nominal spread and half-width of the uniform draw of the weights."""

    W_avg: float
    W_sd: float
    half_width: float


def initial_weights_constants(n_inputs: int) -> InitialWeights:
    """Constants for a layer with this many inputs.

    Weights are ``W_avg + half_width U(-1, 1)``. The half-width is 3.465 = 2 sqrt(3)
    times W_sd, which makes the actual spread twice W_sd.
    """
    N, V_avg, V_sd, b_avg = n_inputs, 3.0, 3.0, 0.8
    slope = 0.25 * PHI_MAX
    V_square = V_sd**2 + V_avg**2
    W_avg = (V_avg - b_avg) / (slope * N * V_avg)
    pairs = slope**2 * (N - N**2) * W_avg**2 * V_avg**2
    bias = 2.0 * N * slope * b_avg * V_avg * W_avg + b_avg**2
    W_square = (V_square + pairs - bias) / (N * slope**2 * V_square)
    W_sd = np.sqrt(W_square - W_avg**2)
    return InitialWeights(W_avg, float(W_sd), float(3.465 * W_sd))


class Example(NamedTuple):
    """One example: counts per population, ``(n_steps, n)``, and the one-hot target."""

    forward: list
    target: list
    label: np.ndarray


class Phase(NamedTuple):
    """Potentials and rates of a phase, ``(n_steps, n)`` per layer, and window means.

    ``s`` holds what each layer reads from the layer below. ``A`` is of hidden layers
    only. ``*_mean`` are the means of the same over the window.
    """

    s: list
    B: list
    A: list
    C: list
    rate: list
    s_mean: list
    B_mean: list
    A_mean: list
    C_mean: list
    rate_mean: list


class Result(NamedTuple):
    """What an example has done; weights are those after its update.

    ``L_hid`` and ``L_plateaus`` (the norm of the plateau differences alone) are one
    number per hidden layer.
    """

    forward: Phase
    target: Phase
    alpha_f: list
    alpha_t: list
    L_out: float
    L_hid: list
    L_plateaus: list
    dW: list
    db: list
    W: list
    b: list
    Y: list


def filtered(past, memory: int | None):
    """sum_k kappa(k) S(n - k + 1) over the rows of ``past``, whose last is S(n)."""
    newest_first = past[::-1] if memory is None else past[::-1][:memory]
    return kappa(np.arange(1, len(newest_first) + 1)) @ newest_first


def run(
    sizes: list,
    W: list,
    b: list,
    Y: list,
    examples: list,
    *,
    eta,
    g_a: float = 0.0,
    memory: int | None = None,
    window: int | None = None,
    window_after: int | None = None,
    symmetric: bool = False,
    feedback: str = "spikes",
) -> list:
    """Present examples one after the other and learn after each.

    Parameters
    ----------
    sizes : list of int
        ``[n_input, n_hidden..., n_output]``.
    W, b, Y : list of arrays
        At the start; they are not changed in place.
    examples : list of Example
    eta : float or sequence
        Learning rate, one for all or one per layer.
    g_a : float
        Conductance from apical dendrite to soma, 1/ms.
    memory : int, optional
        Steps after which a count is forgotten. Default: never.
    window, window_after : int
        Average over the last so many steps of a phase, or over all after the first so
        many. Exactly one is needed.
    symmetric : bool
        Whether Y is the transpose of the output weights, at the start and after each
        update. One hidden layer only; the given Y is ignored.
    feedback : {"spikes", "rate"}
        Whether apical dendrites filter output counts or expected output counts.

    Returns
    -------
    list of Result

    Raises
    ------
    ValueError
        If the windows are both given or both missing, a phase is shorter than its
        window, feedback is unknown, or symmetric meets several hidden layers.
    """
    if (window is None) == (window_after is None):
        raise ValueError("give either window or window_after")
    if feedback not in ("spikes", "rate"):
        raise ValueError(f"feedback is {feedback!r}; allowed: 'spikes', 'rate'")
    n_layers = len(sizes) - 1
    if symmetric and n_layers != 2:
        raise ValueError(f"symmetric needs one hidden layer, not {n_layers - 1}")
    W, b = [np.array(w, float) for w in W], [np.array(x, float) for x in b]
    Y = [W[-1].T.copy()] if symmetric else [np.array(y, float) for y in Y]
    eta = np.broadcast_to(np.asarray(eta, float), (n_layers,))

    phases = [x for example in examples for x in (example.forward, example.target)]
    total = sum(len(phase[0]) for phase in phases)
    past_counts = [np.zeros((total, n)) for n in sizes]  # filled as time goes on
    past_feedback = np.zeros((total, sizes[-1]))
    C = [np.zeros(n) for n in sizes[1:]]
    now = 0
    results = []

    def present(counts, teacher) -> Phase:
        nonlocal now
        trace = {
            name: [[] for _ in range(n_layers)] for name in ("s", "B", "A", "C", "rate")
        }
        n_steps = len(counts[0])
        for step in range(n_steps):
            past_counts[0][now] = counts[0][step]
            s_out = filtered(past_feedback[:now], memory)
            for m in range(n_layers):
                s = filtered(past_counts[m][: now + 1], memory)
                B = W[m] @ s + b[m]
                if m < n_layers - 1:
                    A = Y[m] @ s_out
                    slope = -G_LEAK * C[m] + G_BASAL * (B - C[m]) + g_a * (A - C[m])
                    trace["A"][m].append(A)
                else:
                    slope = -G_LEAK * C[m] + G_DENDRITE * (B - C[m])
                    if teacher is not None:
                        g_exc = G_TEACHER * teacher
                        g_inh = G_TEACHER * (1.0 - teacher)
                        slope += g_exc * (E_EXC - C[m]) + g_inh * (E_INH - C[m])
                C[m] = C[m] + DT * slope
                rate = PHI_MAX * sigma(C[m])
                past_counts[m + 1][now] = counts[m + 1][step]
                for name, value in (("s", s), ("B", B), ("C", C[m]), ("rate", rate)):
                    trace[name][m].append(value)
            past_feedback[now] = (
                rate * DT if feedback == "rate" else counts[n_layers][step]
            )
            now += 1
        del trace["A"][-1]  # the output has no apical dendrite

        first = n_steps - window if window is not None else window_after
        if not 0 <= first < n_steps:
            raise ValueError(f"a phase of {n_steps} steps is shorter than its window")
        arrays = {name: [np.array(x) for x in trace[name]] for name in trace}
        means = {
            f"{name}_mean": [x[first:].mean(axis=0) for x in arrays[name]]
            for name in arrays
        }
        return Phase(**arrays, **means)

    for example in examples:
        forward = present(example.forward, None)
        target = present(example.target, np.asarray(example.label, float))
        alpha_f = [sigma(x) for x in forward.A_mean]
        alpha_t = [sigma(x) for x in target.A_mean]

        L_hid, L_plateaus, dW, db = [], [], [], []
        for m in range(n_layers):
            C_mean, s_mean = forward.C_mean[m], forward.s_mean[m]
            expected = PHI_MAX * sigma(C_mean)
            if m < n_layers - 1:
                plateaus = alpha_t[m] - alpha_f[m]
                wanted = forward.rate_mean[m] + plateaus
                L_hid.append(float(np.sum((wanted - expected) ** 2)))
                L_plateaus.append(float(np.sum(plateaus**2)))
                gain = P_HIDDEN * share_hidden(g_a) * PHI_MAX
                delta = gain * plateaus * sigma_slope(C_mean)
            else:
                difference = target.rate_mean[m] - expected
                L_out = float(np.sum(difference**2))
                gain = P_OUTPUT * SHARE_OUTPUT * PHI_MAX
                delta = gain * difference * sigma_slope(C_mean)
            db.append(eta[m] * delta)
            dW.append(eta[m] * np.outer(delta, s_mean))
        for m in range(n_layers):
            W[m] = W[m] + dW[m]
            b[m] = b[m] + db[m]
        if symmetric:
            Y = [W[-1].T.copy()]
        results.append(
            Result(
                forward=forward,
                target=target,
                alpha_f=alpha_f,
                alpha_t=alpha_t,
                L_out=L_out,
                L_hid=L_hid,
                L_plateaus=L_plateaus,
                dW=dW,
                db=db,
                W=list(W),
                b=list(b),
                Y=list(Y),
            )
        )
    return results


def mean_field(W: list, b: list, rates_in, *, kernel_sum: float, g_a: float = 0.0):
    """Somatic potentials C of all layers at constant input rates, without feedback.

    C_m = k (K W_m r_{m-1} + b_m), r_m = phi_max sigma(C_m), K the sum of the kernel.
    """
    rate, C = np.asarray(rates_in, float), []
    for m, (w, x) in enumerate(zip(W, b, strict=True), start=1):
        share = share_hidden(g_a) if m < len(W) else SHARE_OUTPUT
        C.append(share * (kernel_sum * w @ rate + x))
        rate = PHI_MAX * sigma(C[-1])
    return C


def mean_field_loss(
    W, b, rates_in, rates_target, *, kernel_sum: float, g_a: float = 0.0
) -> float:
    """0.5 P_out times the squared distance of the output rates to wanted ones."""
    C = mean_field(W, b, rates_in, kernel_sum=kernel_sum, g_a=g_a)
    return float(
        0.5
        * P_OUTPUT
        * np.sum((np.asarray(rates_target) - PHI_MAX * sigma(C[-1])) ** 2)
    )


def backprop_update(
    W, b, rates_in, rates_target, *, kernel_sum: float, eta=1.0, g_a: float = 0.0
):
    """Steps (dW, db) down the gradient of :func:`mean_field_loss`, times eta."""
    C = mean_field(W, b, rates_in, kernel_sum=kernel_sum, g_a=g_a)
    rates = [np.asarray(rates_in, float), *(PHI_MAX * sigma(x) for x in C)]
    eta = np.broadcast_to(np.asarray(eta, float), (len(W),))
    back = P_OUTPUT * (np.asarray(rates_target) - rates[-1])
    dW, db = [None] * len(W), [None] * len(W)
    for m in range(len(W), 0, -1):
        share = share_hidden(g_a) if m < len(W) else SHARE_OUTPUT
        delta = back * PHI_MAX * sigma_slope(C[m - 1]) * share
        db[m - 1] = eta[m - 1] * delta
        dW[m - 1] = eta[m - 1] * np.outer(delta, kernel_sum * rates[m - 1])
        back = kernel_sum * (W[m - 1].T @ delta)
    return dW, db
