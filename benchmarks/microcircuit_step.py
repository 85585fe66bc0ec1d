"""One plastic step of the microcircuit: our engine against NumPy, PyTorch and JAX.

All run the same numbers: W, W_IP and W_PI plastic at every step with a 30 ms filter,
dt 0.1 ms, a teacher on, one thread. Runners are timed in turn, round by round, in one
process; a row gives the fastest round of each. `textbook` is the NumPy twin as written
on paper and the baseline of the ratios; `tuned` is a NumPy twin with preallocated
buffers and in-place operations. `final` is the largest relative deviation of the
sums of squared weights and the output potentials from the twin's after the same number
of steps: rounding for `exact`, the block's approximation for `blocked`.

Usage: python benchmarks/microcircuit_step.py [--rows one-pattern|batches|all]
"""

import argparse
import os

for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
# XLA takes every processor it may run on, whatever its flags say.
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

from time import perf_counter  # noqa: E402

import numpy as np  # noqa: E402
from baselines import MOVING, PLASTIC, RUNNERS  # noqa: E402

from circuits import Blocked, Exact, Presenter  # noqa: E402
from circuits.microcircuit import microcircuit  # noqa: E402
from dendrites._blas import serial_blas  # noqa: E402

SIZES = {"S": [30, 20, 10], "M1": [784, 500, 10], "M2": [784, 500, 500, 10]}
DT, TAU, RATE = 0.1, 30.0, 1e-3
BLOCK = 50
# (size, dtype, batch, integrator): the ratio to the NumPy twin asked of it
REACH = {
    ("S", "float64", 1, "exact"): 20,
    ("M1", "float32", 1, "blocked"): 18,
    ("M2", "float64", 1, "exact"): 4,
    ("M2", "float32", 128, "blocked"): 1.4,
    ("M1", "float32", 128, "blocked"): 2.5,
}
ROUNDS = 5


def engine_runner(integrator):
    """A runner like the baselines', on our engine."""

    def make(sizes, weights, eta, dt, tau, inputs, target, dtype):
        depth = len(sizes) - 1
        circuit = microcircuit(
            sizes,
            basal_rates=eta["W"],
            interneuron_rates=eta["WIP"],
            apical_rates=eta["WPI"],
            filter_tau=tau,
            carry_state=True,
            dt=dt,
        )
        names = ["input", *(f"hidden{k}" for k in range(1, depth)), "output"]
        ours = {}
        for k in range(depth):
            ours[f"{names[k]}_to_{names[k + 1]}_basal"] = weights["W"][k]
        for k in range(1, depth):
            here, above, inter = names[k], names[k + 1], f"interneuron{k}"
            ours[f"{above}_to_{here}_apical"] = weights["B"][k - 1]
            ours[f"{here}_to_{inter}_dendrite"] = weights["WIP"][k - 1]
            ours[f"{inter}_to_{here}_apical"] = weights["WPI"][k - 1]
            ours[f"{above}_to_{inter}_nudge"] = np.ones(sizes[k + 1])
        for field in ("target", "teaching"):
            ours[f"target_to_output_{field}"] = np.ones(sizes[-1])
        presenter = Presenter(
            circuit,
            weights=ours,
            batch=len(inputs),
            chunk=len(inputs),
            integrator=Exact() if integrator == "exact" else Blocked(BLOCK),
            dtype=np.dtype(dtype).name,
        )
        patterns = {"input": inputs, "target": 1 / (1 + np.exp(-target))}
        groups = {
            "W": [
                f"{a}_to_{b}_basal" for a, b in zip(names[:-1], names[1:], strict=True)
            ],
            "WIP": [f"{names[k]}_to_interneuron{k}_dendrite" for k in range(1, depth)],
            "WPI": [f"interneuron{k}_to_{names[k]}_apical" for k in range(1, depth)],
        }

        def run(steps):
            phase = circuit.schedule.phases[0]
            schedule = type(circuit.schedule)(
                (type(phase)("nudged", steps * dt, on=phase.on),), carry_state=True
            )
            with presenter:
                begun = perf_counter()
                presenter.present(patterns, schedule)
                run.seconds = perf_counter() - begun
            final = presenter.weights()
            sums = {}
            for name in PLASTIC:
                parts = [final[key] for key in groups[name]]
                sums[name] = sum(float(p.sum()) for p in parts)
                sums[f"{name}_squared"] = sum(float((p**2).sum()) for p in parts)
            return {**sums, "u": presenter.read("output", "soma")}

        return run

    return make


def compare(size, dtype, batch, seed=0):
    """Time every runner on one row, in turn."""
    sizes = SIZES[size]
    rng = np.random.default_rng(seed)
    depth = len(sizes) - 1

    def draw(n_post, n_pre):
        return rng.uniform(-1, 1, (n_post, n_pre)) / np.sqrt(n_pre)

    weights = {
        "W": [draw(sizes[k + 1], sizes[k]) for k in range(depth)],
        "B": [draw(sizes[k], sizes[k + 1]) for k in range(1, depth)],
        "WIP": [draw(sizes[k + 1], sizes[k]) for k in range(1, depth)],
        "WPI": [draw(sizes[k], sizes[k + 1]) for k in range(1, depth)],
    }
    eta = {
        "W": [RATE] * depth,
        "WIP": [RATE] * (depth - 1),
        "WPI": [RATE] * (depth - 1),
    }
    inputs = rng.uniform(0, 1, (batch, sizes[0]))
    rates = rng.uniform(0.1, 0.8, (batch, sizes[-1]))
    target = np.log(rates / (1 - rates))
    steps = max(BLOCK, int({"S": 2000, "M1": 500, "M2": 150}[size] / max(1, batch / 8)))
    steps = -(-steps // BLOCK) * BLOCK
    makers = {
        "exact": engine_runner("exact"),
        "blocked": engine_runner("blocked"),
        **RUNNERS,
    }
    makers["tuned"] = makers.pop("numpy")
    runs = {}
    for name, make in makers.items():
        try:
            runs[name] = make(
                sizes, weights, eta, DT, TAU, inputs, target, np.dtype(dtype).type
            )
        except ImportError:
            continue
    times = {name: [] for name in runs}
    results = {}
    for turn in range(ROUNDS + 1):
        for name, run in runs.items():
            begun = perf_counter()
            results[name] = run(steps)
            seconds = getattr(run, "seconds", perf_counter() - begun)
            if turn:
                times[name].append(seconds / steps)
    best = {name: min(values) for name, values in times.items()}
    report(size, dtype, batch, best, results)


def report(size, dtype, batch, best, results):
    """Print one block of rows."""
    twin = results["textbook"]
    for name, seconds in best.items():
        ratio = best["textbook"] / seconds
        asked = REACH.get((size, dtype, batch, name))
        verdict = ""
        if asked is not None:
            verdict = f"asked {asked:g}x: {'reached' if ratio >= asked else 'MISSED'}"
        mine = results[name]
        deviation = max(
            *(abs(mine[k] - twin[k]) / max(abs(twin[k]), 1e-12) for k in MOVING),
            float(np.abs(mine["u"] - twin["u"]).max() / np.abs(twin["u"]).max()),
        )
        print(
            f"{size:3}{dtype} x{batch:<4}{name:9}{1e6 * seconds:10.2f} us/step"
            f"{ratio:8.2f} x textbook{best['tuned'] / seconds:8.2f} x tuned"
            f"   final {deviation:.0e}   {verdict}",
            flush=True,
        )


def main():
    """Run the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rows", default="all", choices=["one-pattern", "batches", "all"]
    )
    rows = parser.parse_args().rows
    with serial_blas():
        try:
            import torch

            torch.set_num_threads(1)
        except ImportError:
            pass
        for size in SIZES:
            for dtype in ("float64", "float32"):
                for batch in (1, 32, 128):
                    if rows == "all" or (rows == "one-pattern") == (batch == 1):
                        compare(size, dtype, batch)


if __name__ == "__main__":
    main()
