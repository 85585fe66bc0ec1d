"""Microcircuits for tests of the equilibrium integrator, and runs of them."""

from dataclasses import replace

import numpy as np
from systems import patterns, plastic_microcircuit, run

from circuits.integrators import Equilibrium
from circuits.run.presenter import Presenter
from circuits.weights import initial_weights

SIZES = [6, 5, 4, 3]
RATES = {"basal_rates": 1.0, "interneuron_rates": 2.0, "apical_rates": 1.0}
LAG = 20.0  # ms, far beyond the onset


def plastic(rate, *, steps=1000, **options):
    rates = {name: rate * value for name, value in RATES.items()}
    return plastic_microcircuit(SIZES, steps=steps, rates=rates, **options)


def shown(batch=2, seed=0):
    inputs, targets, _ = patterns(SIZES, batch=batch, seed=seed)
    return {"input": inputs, "target": targets}


def start_of(circuit):
    """The same draws with and without bounds, which hold from the start."""
    free = tuple(replace(p, bounds=None) for p in circuit.projections)
    start = initial_weights(replace(circuit, projections=free), seed=3)
    for p in circuit.projections:
        if p.bounds is not None:
            start[p.name] = np.clip(start[p.name], *p.bounds)
    return start


def after(circuit, *, batch=2, **options):
    """Final weights of one presentation."""
    presenter = run(circuit, shown(batch), weights=start_of(circuit), **options)
    return presenter.weights()


def distance(mine, wanted, start):
    """Largest distance of a projection's change, relative to that change."""
    return max(
        float(np.linalg.norm(mine[name] - value) / np.linalg.norm(value - start[name]))
        for name, value in wanted.items()
        if np.any(value != start[name])
    )


def prepared(circuit, *, jumps=1, batch=2, **options):
    """A presenter that jumps, and has shown nothing yet."""
    return Presenter(
        circuit,
        weights=start_of(circuit),
        batch=batch,
        integrator=Equilibrium(jumps),
        **options,
    )
