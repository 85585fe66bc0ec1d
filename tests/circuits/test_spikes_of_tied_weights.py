"""Spikes through shared, delayed and moving weights arrive as in the twin."""

import numpy as np
import pytest
from naive_circuit import (
    DT,
    Naive,
    as_given,
    as_square,
    circuit,
    joined,
    layers,
    random_weights,
)
from naive_runs import ROUNDING
from thinned import combined, first

import circuits
from circuits import Population, Record, Tied
from dendrites import ActivityDifference, LowPass
from dendrites.models import spike_source

pytestmark = pytest.mark.usefixtures("every_engine")

N, STEPS = 4, 14
# The rate asked for is a constant, so the weights move whether cells fire or not.
GROW = ActivityDifference("one", None, learning_rate=0.002, presynaptic="rate")
SEEN = ActivityDifference(
    "u", None, learning_rate=0.01, presynaptic="rate", low_pass=LowPass(3.0)
)
BOUNDS = (-0.4, 0.4)


class Spiking(Naive):
    """Sources that show their last count of spikes, as it comes from outside."""

    def __init__(self, circuit, weights, batch, counts):
        super().__init__(circuit, weights, batch)
        self.counts = counts
        self.count = {name: np.zeros((batch, N)) for name in counts}
        self.k = 0

    def read(self, name, what):
        return self.count[name] if what == "spikes" else super().read(name, what)

    def moves(self, name):
        return True

    def advance_source(self, name):
        self.count[name] = self.counts[name][:, self.k]

    def step(self, shown, learning=True):
        super().step(shown, learning)
        self.k += 1


def trains(counts):
    """Times and units of every sample, for a run."""
    given = {}
    for name, of in counts.items():
        given[name] = []
        for sample in of:
            steps, units = np.nonzero(sample)
            repeats = sample[steps, units].astype(int)
            times = np.repeat((steps + 1) * DT, repeats)
            given[name].append((times, np.repeat(units, repeats)))
    return given


def both(described, batch, seed, **options):
    rng = np.random.default_rng(seed)
    names = [p.name for p in described.populations if p.model.clamped]
    counts = {k: rng.poisson(0.3, (batch, STEPS, N)).astype(float) for k in names}
    shown = {name: rng.uniform(1.0, 5.0, (batch, N)) for name in names}
    start = {name: np.clip(w, *BOUNDS) for name, w in random_weights(described).items()}
    cells = [p.name for p in described.populations if not p.model.clamped]
    tree = circuits.simulate(
        described,
        shown,
        [Record(name) for name in cells],
        weights=as_given(described, start),
        learning=True,
        forced_spikes=trains(counts),
        **options,
    )
    twin = Spiking(described, start, batch, counts)
    for k in range(STEPS):
        twin.step(shown)
        for name in cells:
            v = tree[f"populations/{name}"].v.values.reshape(batch, STEPS, 2, N)
            np.testing.assert_allclose(v[:, k, 0], twin.u[name], atol=ROUNDING)
            np.testing.assert_allclose(v[:, k, 1], twin.seen[name], atol=ROUNDING)
    for p in described.projections:
        if p.learns:
            w = tree[f"connections/{p.name}"].w.values[-1]
            w = as_square(described, p.name, w)
            np.testing.assert_allclose(w, twin.w[p.name], atol=ROUNDING)
    return twin


def spiking(names):
    return tuple(Population(name, spike_source(), N) for name in names)


@pytest.mark.parametrize(
    "rule, delays, transpose, batch",
    combined(
        [None, GROW, SEEN],
        [(None, None), (0, 1.5), (1.0, 0), (2.0, None)],
        [False, True],
        [1, 3, 70],
        every=4,
    ),
)
def test_spikes_take_the_weights_of_the_moment_they_arrive(
    rule, delays, transpose, batch
):
    described = circuit(
        (*spiking(("a", "b")), *layers(("x", "y"), N)),
        (
            joined("a", "x", "lead", signal="spikes", rule=rule, delay=delays[0]),
            joined(
                "b",
                "y",
                "follow",
                signal="spikes",
                tied_to=Tied("lead", -0.5, transpose),
                delay=delays[1],
            ),
        ),
        steps=STEPS,
    )
    twin = both(described, batch, seed=batch)
    assert min(np.abs(twin.u[name]).max() for name in ("x", "y")) > 1e-2


@pytest.mark.parametrize("clip", ["weights", "readout"])
@pytest.mark.parametrize("tied", [False, True])
def test_bounds_act_on_spikes_where_they_are_said_to(clip, tied):
    projections = [
        joined(
            "a", "x", "lead", signal="spikes", rule=GROW, bounds=BOUNDS, clip="weights"
        ),
        joined("a", "y", "other", signal="spikes", rule=GROW, bounds=BOUNDS, clip=clip),
    ]
    if tied:
        follow = Tied("lead", 2.0)
        projections.append(joined("a", "y", "more", signal="spikes", tied_to=follow))
    described = circuit(
        (*spiking(("a",)), *layers(("x", "y"), N)), projections, steps=STEPS
    )
    # Weights only grow here, and one that is clipped where it is used stays clipped.
    twin = both(described, 2, seed=1)
    assert (twin.w["other"] == BOUNDS[1]).any()


@pytest.mark.parametrize("seed", first(range(20), 6))
def test_random_circuits_of_spikes_and_ties(seed):
    rng = np.random.default_rng(300 + seed)
    cells = ("x", "y", "z")
    projections = [joined("a", "x", "drive", signal="spikes", rule=GROW)]
    for k in range(6):
        pre, post = str(rng.choice(["a", "b", "x"])), str(rng.choice(cells[1:]))
        options = {
            "field": str(rng.choice(["first", "second"])),
            "signal": "rate" if pre == "x" else "spikes",
            "delay": [None, DT * int(rng.integers(0, 4))][int(rng.integers(2))],
        }
        free = [p.name for p in projections if p.tied_to is None and p.is_dense]
        if rng.random() < 0.5:
            factor, transpose = float(rng.choice([1.0, -0.5])), rng.random() < 0.4
            options["tied_to"] = Tied(str(rng.choice(free)), factor, bool(transpose))
        else:
            mask = rng.random((N, N)) < 0.5
            options["connectivity"] = ("dense", mask, "one_to_one")[k % 3]
            if pre != "x":
                options["rule"] = (None, GROW, SEEN)[rng.integers(3)]
        projections.append(joined(pre, post, f"p{k}", **options))
    used = {name for p in projections for name in (p.pre, p.post)}
    populations = (*spiking(("a", "b")), *layers(cells, N))
    described = circuit(
        [p for p in populations if p.name in used],
        [projections[k] for k in rng.permutation(len(projections))],
        steps=STEPS,
    )
    both(described, int(rng.integers(1, 4)), seed)
