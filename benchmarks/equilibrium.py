"""The integrator `equilibrium` against `exact`: deviation and speed by number of jumps.

A 30-20-15-10 microcircuit, 4 patterns side by side, 100 ms with a teacher, plasticity
on from the start or after 20 ms. The deviation is the largest relative distance
between the weight changes of the two, over projections; the drift is the integrator's
own estimate (distance from twice the jumps); the speed is that of `exact` in processor
time.

Usage: python benchmarks/equilibrium.py
"""

import sys
from time import process_time

import numpy as np
from outcome import Check, finish, in_turn

from circuits import Equilibrium, Presenter
from circuits.microcircuit import microcircuit
from circuits.weights import initial_weights

SIZES, SAMPLES = [30, 20, 15, 10], 4
RATES, LAGS, JUMPS = (1e-4, 1e-3), (0.0, 20.0), (1, 2, 4, 8)
ROUNDS = 5


def compare(rate, lag):
    """Deviation, drift and times the speed of `exact`, by number of jumps."""
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

    exact = Presenter(circuit, batch=SAMPLES)
    with exact:
        wanted = change(exact)
    presenters, found = {0: exact}, {}
    for jumps in JUMPS:
        own = Presenter(circuit, batch=SAMPLES, integrator=Equilibrium(jumps))
        with own:
            drift = own.drift(patterns)
            changed = change(own)
        deviation = max(
            np.linalg.norm(changed[name] - value) / np.linalg.norm(value)
            for name, value in wanted.items()
            if np.any(value)
        )
        presenters[jumps], found[jumps] = own, (deviation, drift)

    def run_of(presenter):
        def run():
            with presenter:
                presenter.present(patterns)

        return run

    runs = {k: run_of(presenter) for k, presenter in presenters.items()}
    seconds = in_turn(runs, ROUNDS, process_time)
    return {k: (*found[k], seconds[0] / seconds[k]) for k in JUMPS}


def main() -> int:
    """Measure, keep the table, and check deviations and speed."""
    rows, checks = [], []
    for rate in RATES:
        for lag in LAGS:
            found = compare(rate, lag)
            cells = [f"{100 * d:.2g} %, {s:.0f}" for d, _, s in found.values()]
            rows.append([f"{rate:g}/ms", f"{lag:g} ms", *cells])
            where = f"rate {rate:g}/ms, lag {lag:g} ms"
            bound = 5e-4 if rate == 1e-4 else 5e-3
            checks += [
                Check(f"{where}: deviation, 8 jumps", found[8][0], at_most=bound),
                Check(f"{where}: speed, 1 jump", found[1][2], at_least=8.0),
            ]
    titles = ["rate", "lag", *(f"{k} jump{'s' * (k > 1)}" for k in JUMPS)]
    return finish("equilibrium", {"jumps": (titles, rows)}, checks)


if __name__ == "__main__":
    sys.exit(main())
