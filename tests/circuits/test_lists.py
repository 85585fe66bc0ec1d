"""The order of operations, read off the lists that circuits become."""

import pytest
from naive_circuit import circuit, joined, layers, sources
from relaxing_cells import energy_based, relaxing

from circuits import Tied
from circuits.algorithms import guerguiev, sacramento, urbanczik_senn
from circuits.engine.layout import Layout
from circuits.engine.programs import Programs
from circuits.engine.steps import Randoms
from circuits.microcircuit import microcircuit
from dendrites import ActivityDifference

GROW = ActivityDifference("seen", None, learning_rate=0.1)


def of_ties():
    """Projections without delay, of constant sources, tied, and that learn."""
    return circuit(
        (*sources(("a", "b"), 4), *layers(("x", "y", "z"), 4)),
        (
            joined("a", "x", "lead", rule=GROW),
            joined("b", "x", "again", tied_to=Tied("lead", 2.0)),
            joined("x", "y", "onward", rule=GROW, delay=0),
            joined("y", "z", "copy", tied_to=Tied("onward", -1.0)),
            joined("z", "x", "back", "second", tied_to=Tied("onward", transpose=True)),
        ),
    )


CIRCUITS = {
    "microcircuit": lambda: microcircuit([5, 4, 3, 2], basal_rates=1e-3),
    "tied": lambda: microcircuit([5, 4, 3, 2], basal_rates=1e-3, tie_inhibition=True),
    "heun": lambda: microcircuit([5, 4, 3], basal_rates=1e-3, stepper="heun"),
    "noise": lambda: sacramento([5, 4, 3], noise="white", sigma=0.1),
    "guerguiev": lambda: guerguiev([6, 5, 3]),
    "spiking": lambda: urbanczik_senn(8, 3, duration=20.0),
    "ties": of_ties,
}


def lists_of(described, *, single, block, optimise):
    layout = Layout(
        described,
        dtype=float,
        capacity=1 if single else 3,
        block=block,
        predicts=block > 1,
    )
    randoms = Randoms(described, 0, "", ())
    programs = Programs(layout, seed=0, randoms=randoms, given={}, optimise=optimise)
    moving = frozenset(p.name for p in described.projections if p.learns)
    w = programs.writer(moving, single=single)
    for phase in described.schedule.phases:
        yield w, programs.lists(w, phase.amplitudes, None)


EVERY = [
    pytest.param(
        name, single, block, optimise, id=f"{name}-{single}-{block}-{optimise}"
    )
    for name in CIRCUITS
    for single in (True, False)
    for block in (1, 4)
    for optimise in (True, False)
]


# A second stage reads on purpose what the first has moved.
OF_ONE_STAGE = [one for one in EVERY if CIRCUITS[one.values[0]]().stepper != "heun"]


def made_by(w, lists):
    """What is there when a step begins: written once, or of the step before."""
    before = [*lists.enter, *lists.predict, *lists.begin]
    found = {key for o in before for key in o.writes}
    kept = ("state", "line", "weights", "params", "filter", "noise")
    for sections in (w.layout.lane, w.layout.replica):
        found |= {key for kind in kept for key in sections.of_kind(kind)}
    # Fields that nothing reaches stay 0, as do bases; these go on from step to step.
    reached = {key for o in lists.step for key in o.writes}
    for kind in ("field", "base"):
        found |= {key for key in w.layout.lane.of_kind(kind) if key not in reached}
    found |= {
        key for o in lists.step for key in o.reads & o.writes if key[0] != "field"
    }
    return found | {key for key in w.layout.lane.of_kind("signal before")}


@pytest.mark.parametrize("name, single, block, optimise", EVERY)
def test_nothing_is_read_before_it_is_written(name, single, block, optimise):
    for w, lists in lists_of(
        CIRCUITS[name](), single=single, block=block, optimise=optimise
    ):
        there = made_by(w, lists)
        fused = {o.projection for o in lists.leave}
        for o in lists.step:
            # An update that waits for the next product reads the factor of before.
            late = {key for key in o.reads if key[0] == "factor" and key[-1] in fused}
            assert o.reads - there <= late, o.text
            there |= o.writes
        for o in (*lists.collect, *lists.move, *lists.leave):
            assert o.reads <= there, o.text
            there |= o.writes


def in_order(operations):
    """Operations as they run: those that are repeated once and once more."""
    for o in operations:
        for name, part in o.inner:
            if name != "worst":
                yield from in_order(part)
        if not o.inner:
            yield o


@pytest.mark.parametrize("optimise", [True, False])
@pytest.mark.parametrize("stops", [None, 1e-3])
def test_sweeps_read_what_is_there_and_step_when_all_is_read(stops, optimise):
    nudged = relaxing("nudged", on={"target": 0.3}, hold={"output": ("s",)})
    phases = relaxing(tolerance=stops), nudged
    described = energy_based(phases)
    layout = Layout(described, dtype=float, capacity=3)
    programs = Programs(
        layout,
        seed=0,
        randoms=Randoms(described, 0, "", ()),
        given={},
        optimise=optimise,
    )
    operations = list(in_order(programs.timeless_lists(described.schedule.phases)))
    there = {key for key in layout.replica.of_kind("weights")}
    there |= {key for key in layout.replica.of_kind("params")}
    for kind in ("state", "sweeps", "moves"):
        there |= set(layout.lane.of_kind(kind))
    written = {key for o in operations for key in o.writes}
    there |= set(layout.lane.of_kind("field")) - written
    stepped = set()
    for o in operations:
        assert o.reads <= there, o.text
        there |= o.writes
        if o.kind.name == "step":
            stepped |= {key[1] for key in o.writes if key[0] == "state"}
        elif o.kind.name == "read":
            # Both stepped, or neither.
            assert len(stepped) in (0, 2), o.text
            stepped = set()


@pytest.mark.parametrize("name, single, block, optimise", OF_ONE_STAGE)
def test_factors_and_products_come_before_what_they_read_moves_on(
    name, single, block, optimise
):
    described = CIRCUITS[name]()
    for w, lists in lists_of(described, single=single, block=block, optimise=optimise):
        stepped, arrived = set(), set()
        for o in lists.step:
            # What has just fired is read after its cells have stepped.
            fired = [key for key in o.reads if key[0] == "fired"]
            if o.kind.name in ("factor", "fill") or o.kind.name.endswith("_product"):
                states = {key for key in o.reads if key[0] == "state"}
                assert not states - {("state", name) for _, name in fired} & stepped
            if o.kind.name == "factor":
                post = described.projection(o.projection).post
                waiting = {
                    ("field", p.post, p.field)
                    for p in described.projections
                    if p.post == post and w.layout.delay(p) == 0
                }
                assert waiting <= arrived, o.text
            if o.kind.name == "step":
                assert not o.writes & stepped, "a population steps twice"
                stepped |= {key for key in o.writes if key[0] == "state"}
            late = [key for key in o.reads if key[0] == "signal" and key[-1] == "late"]
            for _, population, *_ in [*late, *fired]:
                assert ("state", population) in stepped, o.text
                arrived |= {key for key in o.writes if key[0] == "field"}
        moving = [p.name for p in described.populations if not p.model.constant]
        assert stepped == {("state", name) for name in moving}


@pytest.mark.parametrize("name, single, block, optimise", EVERY)
def test_every_field_is_summed_once_a_stage(name, single, block, optimise):
    described = CIRCUITS[name]()
    stages = 2 if described.stepper == "heun" else 1
    for _, lists in lists_of(described, single=single, block=block, optimise=optimise):
        begun = {}
        for o in lists.step:
            begins = o.kind.name in ("clear", "copy") or o.operands.get("first") == 1
            for key in o.writes if begins else ():
                if key[0] == "field":
                    begun[key] = begun.get(key, 0) + 1
        assert all(count == stages for count in begun.values()), begun
