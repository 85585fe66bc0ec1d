"""The integrator `equilibrium` against `exact`: deviation and speed by number of jumps.

A 30-20-15-10 microcircuit, 4 patterns side by side, 100 ms with a teacher, plasticity
on from the start or after 20 ms. The deviation is the largest relative distance
between the weight changes of the two, over projections; the drift is the integrator's
own estimate (distance from twice the jumps); the speed is that of `exact` in this run.

Usage: python benchmarks/equilibrium.py
"""

from time import perf_counter

import numpy as np

from circuits import Equilibrium, Presenter
from circuits.microcircuit import microcircuit
from circuits.weights import initial_weights

SIZES, SAMPLES = [30, 20, 15, 10], 4
RATES, LAGS, JUMPS = (1e-5, 1e-4, 1e-3), (0.0, 20.0), (1, 2, 4, 8)
ROUNDS = 5


def fastest(run):
    """Seconds of the fastest of a few calls."""
    times = []
    for _ in range(ROUNDS):
        begun = perf_counter()
        run()
        times.append(perf_counter() - begun)
    return min(times)


def compare(rate, lag):
    """Print one row per number of jumps."""
    circuit = microcircuit(
        SIZES,
        basal_rates=rate,
        interneuron_rates=2 * rate,
        apical_rates=rate,
        bias=True,
        g_dendrite="matched",
        learning_lag=lag,
        seed=1,
    )
    rng = np.random.default_rng(0)
    patterns = {
        "input": rng.uniform(0, 1, (SAMPLES, SIZES[0])),
        "target": rng.uniform(0.2, 0.8, (SAMPLES, SIZES[-1])),
    }
    start = initial_weights(circuit)

    def change(presenter):
        presenter.present(patterns)
        after = presenter.weights()
        return {name: after[name] - start[name] for name in start}

    with Presenter(circuit, batch=SAMPLES) as exact:
        wanted = change(exact)
        seconds = fastest(lambda: exact.present(patterns))
    for jumps in JUMPS:
        jumping = Presenter(circuit, batch=SAMPLES, integrator=Equilibrium(jumps))
        with jumping:
            estimate = jumping.drift(patterns)
            found = change(jumping)
            own = fastest(lambda run=jumping: run.present(patterns))
        deviation = max(
            np.linalg.norm(found[name] - value) / np.linalg.norm(value)
            for name, value in wanted.items()
            if np.any(value)
        )
        print(
            f"rate {rate:g}/ms  lag {lag:2g} ms  {jumps} jumps: deviation "
            f"{100 * deviation:7.4f} %  drift {100 * estimate:8.5f} %  "
            f"{seconds / own:5.1f} x exact",
            flush=True,
        )


if __name__ == "__main__":
    for rate in RATES:
        for lag in LAGS:
            compare(rate, lag)
