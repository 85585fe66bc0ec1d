"""Contrasts of settled phases move tied weights as in the twin, however it is run."""

import numpy as np
import pytest
from naive_circuit import Naive, circuit, joined, layers, random_weights
from naive_runs import ROUNDING
from thinned import combined

import circuits
from circuits import Phase, Population, Schedule, Split, Task, Tied
from dendrites import ActivityDifference
from dendrites.models import source

pytestmark = pytest.mark.usefixtures("every_engine")

N, BATCH = 4, 6
ON = ("input", "target")
CONTRAST = ActivityDifference(
    "u", "rate", learning_rate=0.3, moments=("nudged", "free")
)


def drawn(seed):
    """Three layers with contrastive rules and ties, and two settled phases."""
    rng = np.random.default_rng(seed)
    cells = ("x", "y", "output")
    projections = [joined("input", "x", "drive", rule=CONTRAST)]
    projections.append(joined("target", "output", "teach", "second"))
    projections.append(joined("x", "y", "up", rule=CONTRAST))
    for k in range(5):
        pre, post = str(rng.choice(["input", *cells])), str(rng.choice(cells))
        options = {"field": str(rng.choice(["first", "second"]))}
        free = [p.name for p in projections if p.tied_to is None]
        if rng.random() < 0.6:
            factor, transpose = float(rng.choice([1.0, -0.5])), rng.random() < 0.4
            options["tied_to"] = Tied(str(rng.choice(free)), factor, bool(transpose))
        else:
            options["rule"] = CONTRAST
            options["bounds"] = (-0.55, 0.55) if rng.random() < 0.5 else None
        projections.append(joined(pre, post, f"p{k}", **options))
    up = tuple(map(str, rng.permutation(cells)))
    silent = tuple(p.name for p in projections if rng.random() < 0.2)
    phases = (
        Phase("free", settle=up, on=ON[:1], silent=silent),
        Phase("nudged", settle=tuple(map(str, rng.permutation(cells))), on=ON),
    )
    populations = (
        Population("input", source(), N, pattern="inputs"),
        Population("target", source(), N, pattern="targets"),
        *layers(cells, N),
    )
    return circuit(
        populations,
        [projections[k] for k in rng.permutation(8)],
        phases=phases,
        test_schedule=Schedule(phases[:1]),
    )


def shown_to(seed, batch):
    rng = np.random.default_rng(seed)
    return {name: rng.uniform(-1.0, 1.0, (batch, N)) for name in ON}


def present(twin, shown):
    """One presentation from rest, and the change that its two phases ask for."""
    twin.rest()
    ends = {}
    for phase in twin.circuit.schedule.phases:
        twin.settle(phase, shown)
        ends[phase.name] = {
            p.name: (twin.read(p.post, "u"), twin.read(p.post, "rate"), twin.present(p))
            for p in twin.circuit.projections
            if p.learns
        }
    for p in twin.circuit.projections:
        if p.learns:
            u, _, late = ends["nudged"][p.name]
            _, rate, early = ends["free"][p.name]
            term = (u.T @ late - rate.T @ early) / len(late)
            w = twin.w[p.name] + p.rule.learning_rate * term
            twin.w[p.name] = w if p.bounds is None else np.clip(w, *p.bounds)


def assert_weights(found, twin):
    moved = False
    for name, w in found.items():
        wanted = twin.weight(twin.circuit.projection(name))
        np.testing.assert_allclose(w, wanted, atol=ROUNDING, err_msg=name)
        moved |= bool(np.abs(wanted).max() > 1e-2)
    assert moved


@pytest.mark.parametrize("seed", range(32))
def test_presentation_by_presentation(seed):
    described = drawn(seed)
    start = random_weights(described)
    shown = shown_to(seed, 4)
    found = circuits.present_sequence(described, shown, weights=start, keep=(1, 4))
    twin = Naive(described, start, 1)
    for number in range(4):
        present(twin, {k: v[number : number + 1] for k, v in shown.items()})
        if number == 0:
            assert_weights(found.weights[0], twin)
    assert_weights(found.weights[1], twin)


@pytest.mark.parametrize("seed, chunk", combined(range(8), [2, 64], every=3))
def test_in_training_with_samples_side_by_side(seed, chunk):
    described = drawn(seed)
    start = random_weights(described)
    shown = shown_to(seed, BATCH)
    split = Split(shown["input"], shown["target"], None, np.arange(BATCH))
    tree = circuits.train(
        described,
        Task("made", {"train": split, "test": split}),
        epochs=3,
        batch=BATCH,
        chunk=chunk,
        threads=1,
        weights=start,
    )
    twin = Naive(described, start, BATCH)
    for _ in range(3):
        present(twin, shown)
    names = [p.name for p in described.projections if p.learns]
    assert_weights({name: tree[f"weights/{name}"].w.values[-1] for name in names}, twin)
