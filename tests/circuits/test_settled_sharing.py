"""Fields that tied weights share are those of free weights, in settled phases too."""

from dataclasses import replace

import numpy as np
import pytest
from naive_circuit import Naive, circuit, joined, layers, random_weights, sources

import circuits
from circuits import Phase, Schedule, Tied

pytestmark = pytest.mark.usefixtures("every_engine")

N = 4
ROUNDING = 1e-12


def settled(described, phases):
    """Potentials after settled phases, and the twin's."""
    described = replace(described, schedule=Schedule(phases))
    start = random_weights(described)
    rng = np.random.default_rng(1)
    shown = {
        p.name: rng.uniform(-1.0, 1.0, (1, p.size))
        for p in described.populations
        if p.model.clamped
    }
    cells = [p.name for p in described.populations if not p.model.clamped]
    reads = [(name, what) for name in cells for what in ("u", "seen")]
    found = circuits.present(
        described, shown, weights=start, reads=reads, learning=True
    )
    twin = Naive(described, start, 1)
    for phase in phases:
        twin.settle(phase, shown)
    wanted = {
        name: twin.u[name[0]] if name[1] == "u" else twin.seen[name[0]]
        for name in reads
    }
    return found.reads, wanted


@pytest.mark.parametrize("others", [0, 1, 2])
@pytest.mark.parametrize("factor", [1.0, -0.5])
def test_tied_projections_settle_in_their_own_field(factor, others):
    # The weights followed feed one field, two that follow them another.
    follow = Tied("lead", factor)
    described = circuit(
        (*sources(("a", "b", "c"), N), *layers(("x", "y"), N)),
        (
            joined("a", "x", "lead"),
            joined("b", "y", "one", tied_to=follow),
            joined("c", "y", "two", tied_to=follow),
            joined("c", "x", "rest", "second"),
            joined("b", "x", "more"),
        )[: 3 + others],
    )
    on = ("a", "b", "c")
    for order in (("x", "y"), ("y", "x")):
        mine, wanted = settled(described, (Phase("free", settle=order, on=on),))
        for name, values in wanted.items():
            off = np.abs(mine[name] - values).max()
            assert off < ROUNDING, f"{name}: {off:.3g} from the twin"
            assert np.abs(values).max() > 1e-2


def drawn(rng):
    """Three layers behind two sources, with weights tied at random."""
    cells = ("x", "y", "z")
    projections = []
    for k in range(8):
        pre, post = rng.choice(["a", "b", *cells]), rng.choice(cells)
        options = {"field": str(rng.choice(["first", "second"]))}
        free = [p.name for p in projections if p.tied_to is None]
        if free and rng.random() < 0.6:
            factor, transpose = float(rng.choice([1.0, -0.5, 2.0])), rng.random() < 0.3
            options["tied_to"] = Tied(str(rng.choice(free)), factor, bool(transpose))
        projections.append(joined(str(pre), str(post), f"p{k}", **options))
    used = {p.pre for p in projections} | {p.post for p in projections}
    populations = (*sources(("a", "b"), N), *layers(cells, N))
    populations = tuple(p for p in populations if p.name in used)
    return circuit(populations, projections)


@pytest.mark.parametrize("seed", range(24))
def test_random_circuits_of_ties_settle_as_the_twin(seed):
    rng = np.random.default_rng(100 + seed)
    described = drawn(rng)
    projections = described.projections
    used = [p.name for p in described.populations]
    on, cells = tuple(sorted({"a", "b"} & set(used))), ("x", "y", "z")
    order = [name for name in rng.permutation(cells) if name in used]
    silent = tuple(p.name for p in projections if rng.random() < 0.2)
    phases = (
        Phase("free", settle=tuple(map(str, order)), on=on, silent=silent),
        Phase("nudged", settle=tuple(map(str, order[::-1])), on=on[:1]),
        Phase("last", settle=tuple(map(str, order[:1])), on=on),
    )
    mine, wanted = settled(described, phases)
    for name, values in wanted.items():
        np.testing.assert_allclose(mine[name], values, atol=ROUNDING, err_msg=str(name))


@pytest.mark.parametrize("seed", range(16))
def test_random_circuits_of_ties_come_to_the_equilibrium_of_the_twin(seed):
    described = drawn(np.random.default_rng(200 + seed))
    start = random_weights(described, size=0.1)
    shown = {
        p.name: np.random.default_rng(1).uniform(-1.0, 1.0, (1, p.size))
        for p in described.populations
        if p.model.clamped
    }
    cells = tuple(p.name for p in described.populations if not p.model.clamped)
    phase = Phase("free", settle=cells, on=tuple(shown))
    twin = Naive(described, start, 1)
    for _ in range(200):
        twin.settle(phase, shown)
    found = circuits.present(
        described,
        shown,
        weights=start,
        integrator="equilibrium",
        jumps=1,
        reads=[(name, "u") for name in cells],
    )
    for (name, _), values in found.reads.items():
        # Fixed points are looked for to 1e-10.
        np.testing.assert_allclose(values, twin.u[name], atol=1e-9, err_msg=name)
