"""What is shared and delayed, over several presentations, equals the twin's."""

import numpy as np
import pytest
from naive_circuit import DT, Naive, circuit, joined, layers, random_weights, sources
from naive_runs import ROUNDING

import circuits
from circuits import Phase, Tied
from dendrites import ActivityDifference, LowPass

pytestmark = pytest.mark.usefixtures("every_engine")

N = 4
SEEN = ActivityDifference("seen", None, learning_rate=0.02)
FILTERED = ActivityDifference("u", None, learning_rate=0.1, low_pass=LowPass(3.0))
READS = [(name, what) for name in ("x", "y", "z") for what in ("u", "seen")]


def drawn(rng, carry_state):
    """Three layers behind two sources, tied and delayed at random."""
    cells, projections = ("x", "y", "z"), [joined("a", "x", "drive", rule=SEEN)]
    for k in range(6):
        pre, post = str(rng.choice(["a", "b", *cells])), str(rng.choice(cells))
        options = {
            "field": str(rng.choice(["first", "second"])),
            "delay": [None, DT * int(rng.integers(1, 6))][int(rng.integers(2))],
        }
        free = [p.name for p in projections if p.tied_to is None]
        if rng.random() < 0.5:
            factor, transpose = float(rng.choice([1.0, -0.5])), rng.random() < 0.4
            options["tied_to"] = Tied(str(rng.choice(free)), factor, bool(transpose))
        else:
            options["rule"] = (None, SEEN, FILTERED)[rng.integers(3)]
        projections.append(joined(pre, post, f"p{k}", **options))
    for name in cells[1:]:
        if not any(name in (p.pre, p.post) for p in projections):
            projections.append(joined("b", name, f"to_{name}"))
    if not any(p.pre == "b" for p in projections):
        projections.append(joined("b", "z", "other"))
    phases = (
        Phase("first", 2.0, on=("a", "b"), lag=1.0),
        Phase("second", 1.5, on=("b",)),
    )
    populations = (*sources(("a", "b"), N), *layers(cells, N))
    return circuit(populations, projections, phases=phases, carry_state=carry_state)


@pytest.mark.parametrize("carry_state", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_presentations_follow_each_other_as_in_the_twin(seed, carry_state):
    rng = np.random.default_rng(seed)
    described = drawn(rng, carry_state)
    start = random_weights(described)
    shown = {name: rng.uniform(-1.0, 1.0, (4, N)) for name in ("a", "b")}
    found = circuits.present_sequence(
        described, shown, weights=start, keep=(1, 2, 3, 4), reads=READS
    )
    twin = Naive(described, start, 1)
    for number in range(4):
        if not carry_state:
            twin.rest()
        for phase in described.schedule.phases:
            for k in range(round(phase.duration / DT)):
                sources_now = {
                    name: rows[number : number + 1] * (name in phase.on)
                    for name, rows in shown.items()
                }
                twin.step(sources_now, learning=k * DT >= phase.lag)
        for name, what in READS:
            mine = found.reads[name, what][number]
            np.testing.assert_allclose(mine, getattr(twin, what)[name][0], atol=1e-12)
        for p in described.projections:
            mine = found.weights[number][p.name]
            np.testing.assert_allclose(mine, twin.weight(p), atol=ROUNDING)
