"""What is shared, and when it is read, must not be seen in the result.

Circuits whose products could be shared in many ways, against a twin that shares none.
"""

import numpy as np
import pytest
from naive_circuit import (
    DT,
    Naive,
    as_given,
    circuit,
    joined,
    layers,
    random_weights,
    sources,
)
from naive_runs import ROUNDING, assert_same, both, shown_to

import circuits
from circuits import Inputs, Phase, Record, Tied
from dendrites import ActivityDifference, LowPass

pytestmark = pytest.mark.usefixtures("every_engine")

N = 4
PLAIN = ActivityDifference("one", None, learning_rate=0.05)
SEEN = ActivityDifference("seen", None, learning_rate=0.05)
FILTERED = ActivityDifference(
    "seen", None, learning_rate=0.2, low_pass=LowPass(3.0), batch="sum"
)


# --- ties, waveforms, delays ----------------------------------------------------------


@pytest.mark.parametrize(
    "rule", [None, PLAIN, FILTERED], ids=["fixed", "one", "filter"]
)
@pytest.mark.parametrize("transpose", [False, True], ids=["alias", "transposed"])
@pytest.mark.parametrize("factor", [1.0, -0.5])
@pytest.mark.parametrize("waves", [("a",), ("b",), ("a", "b"), ()], ids="+".join)
@pytest.mark.parametrize("delays", [(None, None), (None, 1.5), (1.5, None), (0, 1.0)])
def test_tied_weights_of_sources_that_move_and_that_do_not(
    delays, waves, factor, transpose, rule
):
    lead, follow = delays
    tie = Tied("lead", factor, transpose)
    described = circuit(
        (*sources(("a", "b"), N), *layers(("x", "y"), N)),
        (
            joined("a", "x", "lead", rule=rule, delay=lead),
            joined("b", "y", "follow", tied_to=tie, delay=follow),
        ),
    )
    assert_same(*both(described, waves=waves))


@pytest.mark.parametrize("waves", [("a",), ("b",), ("a", "b"), ()], ids="+".join)
@pytest.mark.parametrize("batch", [1, 2, 40])
@pytest.mark.parametrize("integrator", ["exact", "blocked"])
def test_a_field_fed_by_constant_and_by_moving_sources_through_one_weight(
    integrator, batch, waves
):
    # All of it could be one product, were it not for the waveforms.
    described = circuit(
        (*sources(("a", "b", "c"), N), *layers(("x", "y"), N)),
        (
            joined("a", "x", "lead"),
            joined("b", "x", "more", tied_to=Tied("lead", -0.5)),
            joined("c", "x", "rest"),
            joined("a", "y", "again", tied_to=Tied("lead", 2.0)),
            joined("b", "y", "across", "second", tied_to=Tied("lead", 3.0)),
        ),
    )
    assert_same(*both(described, waves=waves, batch=batch, integrator=integrator))


@pytest.mark.parametrize("delay", [None, 1.0, 2.5])
@pytest.mark.parametrize("waves", [(), ("a",)], ids=["pattern", "waveform"])
def test_a_delay_holds_for_a_pattern_as_for_a_waveform(waves, delay):
    described = circuit(
        (*sources(("a",), N), *layers(("x",), N)),
        (joined("a", "x", "lead", delay=delay, rule=PLAIN),),
    )
    assert_same(*both(described, waves=waves))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("delays", [(None, 1.0), (1.0, 1.0), (0, None), (1.5, 0)])
@pytest.mark.parametrize("rule", [None, SEEN, FILTERED], ids=["fixed", "now", "filter"])
def test_copies_of_a_field_with_delays_of_their_own(rule, delays, order):
    projections = (
        joined("x", "y", "lead", rule=rule, delay=delays[0]),
        joined("x", "z", "copy", tied_to=Tied("lead", 2.0), delay=delays[1]),
        joined("a", "x", "drive"),
    )
    described = circuit(
        (*sources(("a",), N), *layers(("x", "y", "z"), N)),
        [projections[k] for k in order],
    )
    assert_same(*both(described, waves=("a",)))


@pytest.mark.parametrize("rule", [PLAIN, SEEN, FILTERED], ids=["one", "now", "filter"])
@pytest.mark.parametrize("integrator", ["exact", "blocked"])
def test_ties_follow_what_many_samples_teach(integrator, rule):
    # 70 samples are two chunks.
    described = circuit(
        (*sources(("a", "b"), N), *layers(("x", "y"), N)),
        (
            joined("a", "x", "lead", rule=rule),
            joined("b", "x", "again", tied_to=Tied("lead", -0.5)),
            joined("x", "y", "onward", tied_to=Tied("lead", 2.0)),
            joined("y", "x", "back", "second", tied_to=Tied("lead", transpose=True)),
        ),
    )
    block = None if integrator == "exact" else 1
    options = {"integrator": integrator, "block": block}
    assert_same(*both(described, waves=("b",), batch=70, **options))


@pytest.mark.parametrize("waves", [(), ("a",), ("b",)], ids="+".join)
@pytest.mark.parametrize("rule", [None, SEEN, FILTERED], ids=["fixed", "now", "filter"])
def test_both_stages_of_heun_share_as_single_steps_do(rule, waves):
    described = circuit(
        (*sources(("a", "b"), N), *layers(("x", "y"), N)),
        (
            joined("a", "x", "lead", rule=rule),
            joined("b", "y", "follow", tied_to=Tied("lead", -0.5)),
            joined("x", "y", "onward", "second", rule=rule),
            joined("y", "x", "back", "second", tied_to=Tied("onward", transpose=True)),
        ),
        stepper="heun",
    )
    mine, wanted = both(described, waves=waves)
    for name in ("x", "y"):
        # What a recorded algebraic compartment is between two stages is not said.
        mine[name], wanted[name] = mine[name][:, :, 0], wanted[name][:, :, 0]
    assert_same(mine, wanted)


@pytest.mark.parametrize("waves", [("a",), ("b",), ("a", "b")], ids="+".join)
@pytest.mark.parametrize("transpose", [False, True], ids=["alias", "transposed"])
def test_tied_weights_of_sources_that_a_run_in_pieces_drives(transpose, waves):
    described = circuit(
        (*sources(("a", "b"), N), *layers(("x", "y"), N)),
        (
            joined("a", "x", "lead", rule=PLAIN),
            joined("b", "y", "follow", tied_to=Tied("lead", -0.5, transpose)),
        ),
    )
    start = random_weights(described)
    _, _, every = shown_to(described, 1, ("a", "b"))
    every = {name: v[0] * (name in waves) for name, v in every.items()}
    pieces = circuits.run_in_pieces(
        described,
        lambda first, count: Inputs(
            {name: every[name][first : first + count] for name in waves}, {}
        ),
        n_steps=len(every["a"]),
        piece=5,
        record=[Record("x"), Record("y")],
        driven=waves,
        weights=as_given(described, start),
    )
    twin = Naive(described, start, 1)
    step = 0
    for piece in pieces:
        for k in range(len(piece.reads["x", "u"])):
            twin.step({name: values[step : step + 1] for name, values in every.items()})
            for name in ("x", "y"):
                found = piece.reads[name, "u"][k]
                assert np.abs(found - twin.u[name][0]).max() < ROUNDING
            step += 1
    assert np.abs(piece.weights["lead"] - twin.w["lead"]).max() < ROUNDING
    assert step == len(every["a"])


# Those after 24 read what arrives without delay.
@pytest.mark.parametrize("seed", [*range(24), 39, 49, 63, 105, 116])
def test_random_circuits_of_ties_delays_and_rules(seed):
    rng = np.random.default_rng(seed)
    cells = ("x", "y", "z")
    rules = (None, PLAIN, SEEN, FILTERED)
    projections = [joined("a", "x", "drive")]
    for k in range(6):
        pre = rng.choice(["a", "b", *cells])
        post = rng.choice(cells)
        # Without delay only downwards, so that no loop arises.
        least = 0 if pre in "ab" or cells.index(pre) < cells.index(post) else 1
        options = {
            "field": str(rng.choice(["first", "second"])),
            "signal": "rate" if pre in "ab" else str(rng.choice(["rate", "u"])),
            "delay": [None, DT * int(rng.integers(least, 4))][int(rng.integers(2))],
        }
        free = [p.name for p in projections if p.tied_to is None and p.is_dense]
        if free and rng.random() < 0.5:
            factor, transpose = float(rng.choice([1.0, -0.5, 2.0])), rng.random() < 0.4
            options["tied_to"] = Tied(str(rng.choice(free)), factor, bool(transpose))
        else:
            options["rule"] = rules[rng.integers(len(rules))]
            mask = rng.random((N, N)) < 0.5
            options["connectivity"] = ("dense", "dense", mask, "one_to_one")[k % 4]
        if options.get("rule") is FILTERED and rng.random() < 0.5:
            options["bounds"] = (-0.6, 0.6)
        projections.append(joined(str(pre), str(post), f"p{k}", **options))
    populations = (*sources(("a", "b"), N), *layers(cells, N))
    used = {name for p in projections for name in (p.pre, p.post)}
    populations = tuple(p for p in populations if p.name in used)
    phases = (
        Phase("both", 3.0, on=tuple(sorted({"a", "b"} & used))),
        Phase("none", 1.0, learning=False),
        Phase("one", 2.0, on=("a",) if "a" in used else ()),
    )
    projections = [projections[k] for k in rng.permutation(7)]
    described = circuit(populations, projections, phases=phases[seed % 3 :])
    waves = [name for name in ("a", "b") if name in used and rng.random() < 0.5]
    mine, wanted = both(described, waves=waves, batch=int(rng.integers(1, 4)))
    for name, values in wanted.items():
        np.testing.assert_allclose(mine[name], values, atol=ROUNDING, err_msg=name)
