"""Runs of circuits of leaky cells, and those of their twin, side by side."""

import numpy as np
from naive_circuit import DT, Naive, as_given, as_square, random_weights

import circuits
from circuits import Record

ROUNDING = 1e-12


def shown_to(described, batch, waves, seed=1):
    """Patterns, waveforms, and the values of all sources in every step."""
    rng = np.random.default_rng(seed)
    patterns, waveforms, every = {}, {}, {}
    steps = len(each_step(described))
    for p in described.populations:
        if not p.model.clamped:
            continue
        if p.name in waves:
            values = rng.uniform(-1.0, 1.0, (batch, steps, p.size))
            waveforms[p.name] = values
        else:
            patterns[p.name] = rng.uniform(-1.0, 1.0, (batch, p.size))
            values = np.repeat(patterns[p.name][:, None], steps, axis=1)
        every[p.name] = values
    return patterns, waveforms, every


def each_step(described):
    """The phase of every step."""
    phases = described.schedule.phases
    return [phase for phase in phases for _ in range(round(phase.duration / DT))]


def both(described, *, batch=2, waves=(), learning=True, **options):
    """Recorded states and weights of a run, and those of the twin."""
    start = random_weights(described)
    patterns, waveforms, every = shown_to(described, batch, waves)
    cells = [p.name for p in described.populations if not p.model.clamped]
    tree = circuits.simulate(
        described,
        patterns,
        [Record(name) for name in cells],
        weights=as_given(described, start),
        learning=learning,
        waveforms=waveforms,
        **options,
    )
    twin = Naive(described, start, batch)
    mine, wanted = {}, {}
    for name in cells:
        v = tree[f"populations/{name}"].v.values
        mine[name] = v if batch > 1 else v[None]
        wanted[name] = np.zeros_like(mine[name])
    for k, phase in enumerate(each_step(described)):
        shown = {
            name: values[:, k] * (name in phase.on) for name, values in every.items()
        }
        twin.step(shown, learning and phase.learning)
        for name in cells:
            wanted[name][:, k, 0] = twin.u[name]
            wanted[name][:, k, 1] = twin.seen[name]
    for p in described.projections:
        if learning and p.learns:
            w = tree[f"connections/{p.name}"].w.values[-1]
            mine[p.name] = as_square(described, p.name, w)
            wanted[p.name] = twin.w[p.name]
    return mine, wanted


def assert_same(mine, wanted):
    """Equal to rounding, and not because nothing happens."""
    for name, values in wanted.items():
        off, size = np.abs(mine[name] - values).max(), np.abs(values).max()
        assert off < ROUNDING * max(1.0, size), f"{name}: {off:.3g} from the twin"
        assert size > 1e-3, f"{name} shows nothing"
