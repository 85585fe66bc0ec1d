"""The plasticity lab: cost per ms of one cell beside NumPy twins, and in total.

The lab's burst model under constant apical currents with noise, on one thread: the cell
with its synapse, detection of bursts, rule, and counts. Beside it, in turn, round by
round: the twin of the tests, one cell at a time in NumPy numbers; the same in Python
numbers (both on a few of the cells); all cells in NumPy arrays, one line per equation;
and the same tuned: preallocated, in place, spikes apart. The twins are given
their currents, so that only their steps are timed; ours builds its currents, and also
looks for plateaus. All must find the same weight changes, events and bursts. Then the
default run of `plasticity-sign`, all models, on two threads.

Usage: python benchmarks/plasticity_lab.py [--rounds 7] [--no-total]
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

# The root as well: with tests/ alone on the path its folder circuits/ would hide the
# package of an editable installation.
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from lab_twins import (  # noqa: E402
    ETA,
    INTERVAL,
    PROBABILITY,
    TAU_PRE,
    Given,
    in_arrays,
    one_by_one,
    side_by_side,
)
from reference import naud_sprekeler_twin as reference  # noqa: E402

from experiments.lab import Protocol, grid, lab_models, run_lab  # noqa: E402
from experiments.lab.background import Background  # noqa: E402

NOISE, TAU, FREQUENCY = 100.0, 2.0, 20.0
SEEDS = 20
SIZES = (5, 50)  # protocols
ALONE = 4  # cells for the twin that steps one at a time
TOLERANCE = 1e-9
ALONE_NUMPY = "one cell, NumPy numbers"
ALONE_PYTHON = "one cell, Python numbers"
TOGETHER = "all cells, NumPy arrays"
TUNED = "all cells, tuned NumPy"


def protocols_of(n):
    """n constant apical currents, below and above the one at which the sign flips."""
    currents = np.linspace(-350.0, 600.0, n)
    return list(grid(Protocol(frequency=FREQUENCY), apical_current=currents).values())


def given_to(protocols, model):
    """The same protocols for the twins."""
    first = protocols[0]
    line, n_steps = first.timeline(), model.steps_of(first)[-1]
    somatic = np.zeros(n_steps)
    for start, stop, amplitude in line.soma:
        somatic[round(start / model.dt) : round(stop / model.dt)] += amplitude
    background = Background(tuple(range(SEEDS)), NOISE, NOISE, TAU)
    noise = []
    for where in ("soma", "apical"):
        course = background.course(where, model.dt)
        next(course)
        noise.append(course.send(n_steps))
    return Given(
        somatic,
        np.array([p.apical_current for p in protocols]),
        round(first.rest / model.dt),
        *noise,
        np.rint(line.spikes / model.dt).astype(int),
        model.dt,
    )


def by_reference(given, protocol, seed):
    """Weight change, events and bursts of one cell, by the twin of the tests."""
    dt = given.dt
    apical = given.noise_apical[:, seed].copy()
    apical[given.onset :] += given.apical[protocol]
    found = reference.run(given.somatic + given.noise_soma[:, seed], apical, dt=dt)
    steps = np.flatnonzero(found["spikes"])
    events, bursts = reference.parse(steps, round(INTERVAL / dt), "strict")
    constants = {"eta": ETA, "tau_pre": TAU_PRE, "probability": PROBABILITY}
    times = [np.array(x, float) * dt for x in (given.presynaptic, events, bursts)]
    return reference.burst_rule(*times, **constants), len(events), len(bursts)


def timed(run):
    """CPU and wall seconds of a call, and its result."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = run()
    return time.process_time() - cpu, time.perf_counter() - wall, result


def ratios(name, values):
    """One line of a ratio over rounds."""
    low, middle, high = np.min(values), np.median(values), np.max(values)
    print(f"  {name:34}{low:8.2f}{middle:8.2f}{high:8.2f}", flush=True)


def compare(n, rounds, model):
    """Time the lab and both twins in turn and check that they agree."""
    protocols = protocols_of(n)
    given = given_to(protocols, model)
    cells = [(k, s) for s in range(ALONE // 2) for k in (0, n - 1)]
    ms = given.dt * len(given.somatic)
    options = {
        "seeds": range(SEEDS),
        "noise_soma": NOISE,
        "noise_apical": NOISE,
        "noise_tau": TAU,
        "controls": False,
    }
    runs = {
        "lab": (n * SEEDS, lambda: run_lab(model, protocols, **options)),
        ALONE_NUMPY: (len(cells), lambda: [by_reference(given, *c) for c in cells]),
        ALONE_PYTHON: (len(cells), lambda: [one_by_one(given, *c) for c in cells]),
        TOGETHER: (n * SEEDS, lambda: in_arrays(given)),
        TUNED: (n * SEEDS, lambda: side_by_side(given)),
    }
    runs["lab"][1]()
    costs = {name: [] for name in runs}
    for _ in range(rounds):
        found = {}
        for name, (count, run) in runs.items():
            cpu, _, found[name] = timed(run)
            costs[name].append(1e6 * cpu / (count * ms))
    _check(found, cells)
    print(f"{n} protocols x {SEEDS} seeds, {ms:g} ms: CPU us per ms of a cell, and")
    print(f"  {'ratios':34}{'min':>8}{'median':>8}{'max':>8}")
    for name, values in costs.items():
        ratios(f"{name}, us", values)
    ours = np.array(costs["lab"])
    for name in (ALONE_NUMPY, ALONE_PYTHON, TOGETHER, TUNED):
        ratios(f"{name} / lab", np.array(costs[name]) / ours)


def _check(found, cells):
    lab = found["lab"]
    lab = lab.isel(model=0)
    ours = [lab[name].values for name in ("weight_change", "n_events", "n_bursts")]
    pairs = [*zip(ours, found[TOGETHER], strict=True)]
    pairs += zip(ours, found[TUNED], strict=True)
    for name in (ALONE_NUMPY, ALONE_PYTHON):
        for cell, theirs in zip(cells, found[name], strict=True):
            pairs += zip([values[cell] for values in ours], theirs, strict=True)
    worst = max(float(np.abs(mine - theirs).max()) for mine, theirs in pairs)
    if not worst < TOLERANCE:
        raise SystemExit(f"the twins disagree with the lab by {worst:.3g}")
    print(f"largest difference of a weight change or count: {worst:.1e}")


def main():
    """Print costs and ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-total", action="store_true")
    options = parser.parse_args()
    try:
        import brian2

        print(f"Brian2 {brian2.__version__} is installed, and not among the runners")
    except (ImportError, AttributeError) as problem:
        print(f"Brian2 is left out, it cannot be imported: {problem}"[:100])
    model = lab_models(["burst"])["burst"]
    for n in SIZES:
        compare(n, options.rounds, model)
    if not options.no_total:
        from experiments.signs.plasticity_sign import plasticity_sign

        cpu, wall, _ = timed(lambda: plasticity_sign(threads=2))
        print(f"plasticity-sign, all defaults: {wall:.1f} s, {cpu:.1f} CPU s")


if __name__ == "__main__":
    main()
