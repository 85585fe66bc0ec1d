"""The microcircuit's step in NumPy, PyTorch and JAX, as named speed baselines.

Every runner has the same signature and the same meaning: build once, then
``run(steps)`` continues from where the last call ended, with inputs and target held,
and returns the sums of W, WIP and WPI, the sums of their squares (``W_squared``) and
the output potentials ``u``, so that results can be compared. Published conductances,
logistic rates, W, WIP and WPI plastic, B fixed. Thread counts are left to the caller
(on few or busy cores PyTorch and BLAS are faster and steadier with one thread).
Run this file to compare the three.

Source: Sacramento, Costa, Bengio, Senn (2018); update order of the NumPy twin.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np

# The root as well: with tests/ alone on the path its folder circuits/ would hide the
# package of an editable installation.
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from reference.microcircuit_twin import (  # noqa: E402
    TRANSFER,
    MicrocircuitTwin,
    conductances,
)
from reference.textbook_step import textbook_step  # noqa: E402

Run = Callable[[int], dict]
PLASTIC = ("W", "WIP", "WPI")
MOVING = ("W_squared", "WIP_squared", "WPI_squared")


def numpy_runner(sizes, weights, eta, dt, tau, inputs, target, dtype) -> Run:
    """The NumPy twin; arguments as its own, ``inputs`` and ``target`` (batch, n)."""
    _check_rates(sizes, eta)
    options = {"dt": dt, "eta": eta, "tau_filter": tau, "dtype": dtype}
    twin = MicrocircuitTwin(sizes, weights, batch=len(inputs), **options)
    inputs, target = np.asarray(inputs, dtype), np.asarray(target, dtype)

    def run(steps: int) -> dict:
        twin.run(inputs, target, steps)
        return _checksum({name: getattr(twin, name) for name in PLASTIC}, twin.u[-1])

    return run


def textbook_runner(sizes, weights, eta, dt, tau, inputs, target, dtype) -> Run:
    """The step as written on paper: NumPy, new arrays at every line."""
    _check_rates(sizes, eta)
    g = conductances(len(sizes) - 1)
    inputs, target = np.asarray(inputs, dtype), np.asarray(target, dtype)
    w = {k: [np.array(x, dtype) for x in v] for k, v in weights.items()}
    moving = {k: eta[k] for k in PLASTIC}
    trace = {k: [np.zeros_like(x) for x in w[k]] for k in PLASTIC}
    batch = len(inputs)
    state = {
        "u": [np.zeros((batch, size), dtype) for size in sizes[1:]],
        "uI": [np.zeros((batch, size), dtype) for size in sizes[2:]],
    }
    options = {
        "dt": dt,
        "eta": moving,
        "tau": tau,
        "phi": TRANSFER["logistic"][0],
        "g": g,
    }

    def run(steps: int) -> dict:
        nonlocal state, trace
        for _ in range(steps):
            state, new, trace = textbook_step(
                state, w, trace, inputs, target, **options
            )
            w.update({k: v for k, v in new.items() if v})
        return _checksum({name: w[name] for name in PLASTIC}, state["u"][-1])

    return run


def torch_runner(sizes, weights, eta, dt, tau, inputs, target, dtype) -> Run:
    """PyTorch on the CPU, eager, with fused in-place products (addr_, addmm_).

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    ValueError
        If ``eta`` asks for plastic top-down weights or misses an array.
    """
    import torch

    _check_rates(sizes, eta)
    n, batch = len(sizes) - 1, len(inputs)
    hidden, g = range(1, n), conductances(n)
    real = {"float32": torch.float32, "float64": torch.float64}[np.dtype(dtype).name]

    def tensor(values):
        return torch.tensor(np.asarray(values), dtype=real)

    def split(flat, cells):
        parts = torch.split(flat, [batch * size for size in cells])
        return [x if batch == 1 else x.view(batch, -1) for x in parts]

    def spread(values):
        return tensor(np.repeat(values, [batch * size for size in cells]))

    # One flat buffer per quantity, as in the twin: pyramidal 1..N, interneurons.
    cells, apical_cells = sizes[1:] + sizes[2:], sizes[1:-1]
    flat = [torch.zeros(batch * sum(cells), dtype=real) for _ in range(5)]
    soma, rate, dendrite, error, drive = flat
    apical = torch.zeros(batch * sum(apical_cells), dtype=real)
    apical_error = torch.zeros_like(apical)
    u, dendrites = split(soma, cells), split(dendrite, cells)
    errors, vA = split(error, cells), split(apical, apical_cells)
    held = tensor(inputs)[0] if batch == 1 else tensor(inputs)
    teacher = tensor(target).reshape(-1)
    rates = [held, *split(rate, cells)]
    matrices = {name: [tensor(w).clone() for w in weights[name]] for name in weights}

    products = [
        *zip(matrices["W"], rates[:n], dendrites[:n], strict=True),
        *zip(matrices["WIP"], rates[1:n], dendrites[n:], strict=True),
        *zip(matrices["B"], rates[2 : n + 1], vA, strict=True),
    ]
    cancellations = list(zip(matrices["WPI"], rates[n + 1 :], vA, strict=True))
    signals = {
        "W": (errors[:n], rates[:n]),
        "WIP": (errors[n:], rates[1:n]),
        "WPI": (split(apical_error, apical_cells), rates[n + 1 :]),
    }
    plastic = [
        (w, torch.zeros_like(w), e if batch == 1 else e.t(), p, dt * rate_)
        for name in PLASTIC
        for w, e, p, rate_ in zip(
            matrices[name], *signals[name], eta[name], strict=True
        )
        if rate_
    ]
    keep_trace, share = (1.0 - dt / tau, dt / tau) if tau > 0.0 else (0.0, 1.0)
    share /= batch
    layers = range(1, n + 1)
    attenuation = spread(
        [g.basal_attenuation(k) for k in layers]
        + [g.dendritic_attenuation(k) for k in hidden]
    )
    pull = dt * spread([g.g_basal] * n + list(g.g_dendrite))
    total = [g.total(k) for k in layers]
    total[-1] += g.g_nudge_output
    total += [g.g_leak + x + g.g_nudge_interneuron for x in g.g_dendrite]
    keep = 1.0 - dt * spread(total)
    first_output, first_inter = batch * sum(sizes[1:-1]), batch * sum(sizes[1:])
    drive_hidden, drive_inter = drive[:first_output], drive[first_inter:]
    drive_output = drive[first_output:first_inter]
    soma_above = soma[batch * sizes[1] : first_inter]

    def step():
        torch.sigmoid(soma, out=rate)
        if batch == 1:
            for w, pre, potential in products:
                torch.mv(w, pre, out=potential)
            for w, pre, potential in cancellations:
                potential.addmv_(w, pre)
        else:
            for w, pre, potential in products:
                torch.mm(pre, w.t(), out=potential)
            for w, pre, potential in cancellations:
                potential.addmm_(pre, w.t())
        torch.mul(attenuation, dendrite, out=error)
        torch.sub(rate, error.sigmoid_(), out=error)
        torch.neg(apical, out=apical_error)

        torch.mul(pull, dendrite, out=drive)
        drive_hidden.add_(apical, alpha=dt * g.g_apical)
        drive_inter.add_(soma_above, alpha=dt * g.g_nudge_interneuron)
        drive_output.add_(teacher, alpha=dt * g.g_nudge_output)
        soma.mul_(keep).add_(drive)
        if batch == 1:
            for w, trace, e, p, rate_ in plastic:
                trace.addr_(e, p, beta=keep_trace, alpha=share)
                w.add_(trace, alpha=rate_)
        else:
            for w, trace, e, p, rate_ in plastic:
                trace.addmm_(e, p, beta=keep_trace, alpha=share)
                w.add_(trace, alpha=rate_)

    def run(steps: int) -> dict:
        with torch.no_grad():
            for _ in range(steps):
                step()
        arrays = {name: [w.numpy() for w in matrices[name]] for name in PLASTIC}
        return _checksum(arrays, u[n - 1].reshape(batch, -1).numpy())

    return run


def jax_runner(sizes, weights, eta, dt, tau, inputs, target, dtype) -> Run:
    """JAX on its default device: one compiled loop over steps, state donated.

    The first call compiles; later calls with other step counts do not. Asking for
    float64 switches JAX to 64 bits for the whole process.

    Raises
    ------
    ImportError
        If JAX is not installed.
    ValueError
        If ``eta`` asks for plastic top-down weights or misses an array.
    """
    import jax
    import jax.numpy as jnp

    _check_rates(sizes, eta)
    if np.dtype(dtype) == np.float64:
        jax.config.update("jax_enable_x64", True)
    n, batch = len(sizes) - 1, len(inputs)
    hidden, g = range(1, n), conductances(n)
    keep_trace, share = (1.0 - dt / tau, dt / tau) if tau > 0.0 else (0.0, 1.0)
    a = [g.basal_attenuation(k) for k in range(1, n + 1)]
    aI = [g.dendritic_attenuation(k) for k in hidden]
    phi = jax.nn.sigmoid

    def step(state, r0, teacher, B):
        u, uI, w, traces = state
        r, rI = [r0, *map(phi, u)], [phi(x) for x in uI]
        vB = [r[k] @ w["W"][k].T for k in range(n)]
        vI = [r[k] @ w["WIP"][k - 1].T for k in hidden]
        vA = [r[k + 1] @ B[k - 1].T + rI[k - 1] @ w["WPI"][k - 1].T for k in hidden]
        signals = {
            "W": [(phi(u[k]) - phi(a[k] * vB[k]), r[k]) for k in range(n)],
            "WIP": [
                (phi(uI[k - 1]) - phi(aI[k - 1] * vI[k - 1]), r[k]) for k in hidden
            ],
            "WPI": [(-vA[k - 1], rI[k - 1]) for k in hidden],
        }
        new_u = []
        for k in range(n):
            change = -g.g_leak * u[k] + g.g_basal * (vB[k] - u[k])
            if k < n - 1:
                change += g.g_apical * (vA[k] - u[k])
            else:
                change += g.g_nudge_output * (teacher - u[k])
            new_u.append(u[k] + dt * change)
        new_uI = []
        for k in range(n - 1):
            change = -g.g_leak * uI[k] + g.g_dendrite[k] * (vI[k] - uI[k])
            change += g.g_nudge_interneuron * (u[k + 1] - uI[k])
            new_uI.append(uI[k] + dt * change)
        new_w, new_traces = {}, {}
        for name, pairs in signals.items():
            olds = zip(traces[name], pairs, strict=True)
            new_traces[name] = [
                keep_trace * old + (share / batch) * (e.T @ p) for old, (e, p) in olds
            ]
            moves = zip(w[name], eta[name], new_traces[name], strict=True)
            new_w[name] = [x + (rate * dt) * d if rate else x for x, rate, d in moves]
        return new_u, new_uI, new_w, new_traces

    def advance(state, steps, r0, teacher, B):
        def body(_, carry):
            return step(carry, r0, teacher, B)

        return jax.lax.fori_loop(0, steps, body, state)

    advance = jax.jit(advance, donate_argnums=0)
    matrices = {name: [jnp.array(w, dtype) for w in weights[name]] for name in PLASTIC}
    state = (
        [jnp.zeros((batch, size), dtype) for size in sizes[1:]],
        [jnp.zeros((batch, size), dtype) for size in sizes[2:]],
        matrices,
        jax.tree.map(jnp.zeros_like, matrices),
    )
    held = (
        jnp.asarray(inputs, dtype),
        jnp.asarray(target, dtype),
        [jnp.asarray(w, dtype) for w in weights["B"]],
    )

    def run(steps: int) -> dict:
        nonlocal state
        state = jax.block_until_ready(advance(state, steps, *held))
        arrays = {name: [np.asarray(w) for w in state[2][name]] for name in PLASTIC}
        return _checksum(arrays, np.asarray(state[0][-1]))

    return run


RUNNERS = {
    "textbook": textbook_runner,
    "numpy": numpy_runner,
    "torch": torch_runner,
    "jax": jax_runner,
}


def example(sizes, batch, seed=0):
    """Random weights, rates, inputs and target with which every weight array moves."""
    rng = np.random.default_rng(seed)
    pairs = list(zip(sizes[1:], sizes[:-1], strict=True))

    def draw(shapes):
        return [rng.uniform(-1, 1, shape) * min(1, 30 / shape[1]) for shape in shapes]

    down = [pair[::-1] for pair in pairs[1:]]
    W, WIP, B, WPI = draw(pairs), draw(pairs[1:]), draw(down), draw(down)
    weights = {"W": W, "B": B, "WIP": WIP, "WPI": WPI}
    lateral = [1e-3] * (len(W) - 1)
    eta = {"W": [1e-3] * len(W), "WIP": lateral, "WPI": lateral}
    inputs = rng.uniform(0, 1, (batch, sizes[0]))
    return weights, eta, inputs, rng.uniform(-1, 1, (batch, sizes[-1]))


def deviation(result: dict, reference: dict) -> tuple[float, float]:
    """Largest relative difference in a weight sum, largest one in an output potential.

    Sums are compared to the root of the sum of squares: they may vanish themselves.
    """
    sums = [
        abs(result[name + power] - reference[name + power])
        / reference[name + "_squared"] ** (1.0 if power else 0.5)
        for name in PLASTIC
        for power in ("", "_squared")
    ]
    return max(sums), float(np.max(np.abs(result["u"] - reference["u"])))


def _checksum(weights: dict, u) -> dict:
    sums = {"u": np.array(u, np.float64)}
    for name, arrays in weights.items():
        flat = np.concatenate([np.ravel(w) for w in arrays]).astype(np.float64)
        sums[name], sums[name + "_squared"] = float(flat.sum()), float(flat @ flat)
    return sums


def _check_rates(sizes, eta):
    if any(eta.get("B", [])):
        raise ValueError("eta['B'] is not zero; the baselines hold B fixed")
    for name, count in zip(
        PLASTIC, (len(sizes) - 1, *[len(sizes) - 2] * 2), strict=True
    ):
        if len(eta.get(name, [])) != count:
            raise ValueError(f"eta[{name!r}] must have {count} numbers")


def compare(sizes=(30, 20, 15, 10), steps=1000) -> None:
    """Print how far PyTorch and JAX end from the NumPy twin, and the time per step."""
    print(f"sizes {list(sizes)}, {steps} plastic steps after 10 to warm up")
    print("dtype    batch  baseline  |d sums W|  |d u_N|   us/step  ratio to numpy")
    for dtype in (np.float32, np.float64):
        for batch in (1, 32):
            weights, eta, inputs, target = example(list(sizes), batch)
            reference = baseline_time = None
            for name, runner in RUNNERS.items():
                run = runner(
                    list(sizes), weights, eta, 0.1, 30.0, inputs, target, dtype
                )
                first = run(10)
                start = perf_counter()
                result = run(steps)
                time = (perf_counter() - start) / steps * 1e6
                if reference is None:
                    reference, baseline_time = result, time
                    moved = [abs(result[x] / first[x] - 1) for x in MOVING]
                    print(f"    relative motion of sums of squares: {min(moved):.1e}")
                w, u = deviation(result, reference)
                print(
                    f"{np.dtype(dtype).name:8} {batch:5}  {name:8}  {w:10.1e}  {u:8.1e}"
                    f"  {time:8.1f}  {time / baseline_time:.2f}"
                )


if __name__ == "__main__":
    compare()
    compare((784, 500, 500, 10), steps=100)
