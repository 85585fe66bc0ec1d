"""What `circuits.explain` says: the order of a step, and what is shared in it."""

import re
from dataclasses import replace

import pytest
from systems import plastic_microcircuit, two_populations

import circuits
from circuits import Constant, Phase, Population, Projection, Schedule, Tied
from circuits.algorithms import guerguiev, urbanczik_senn
from circuits.microcircuit import microcircuit
from dendrites import ActivityDifference, LowPass
from dendrites.errors import ConfigError, ModelError
from dendrites.models import three_compartment

pytestmark = pytest.mark.nojit

RULE = ActivityDifference("rate", "basal", learning_rate=0.1)
PRODUCT = re.compile(r"add (?:middle of )?(\S+) times (.+?) to (\w+)\.(\w+) \(")


def chain(delay=None, **options):
    """input onto `output`, and `output` onto `late`, as late as `delay` says."""
    late = Population("late", three_compartment(tau_soma=10.0, tau_dendrite=3.0), 3)
    onward = Projection("output", "late", "basal", name="onward", delay=delay)
    return two_populations(more=(late,), extra=(onward,), rule=RULE, **options)


def tied():
    """Two populations that the same sources reach through the same weights."""
    other = Population("other", three_compartment(tau_soma=10.0, tau_dendrite=3.0), 3)
    follow = Projection(
        "input", "other", "basal", name="follow", tied_to=Tied("feedforward", -0.5)
    )
    return two_populations(more=(other,), extra=(follow,))


CIRCUITS = {
    "chain": chain(),
    "chain without delay": chain(0.0),
    "late chain": chain(2.0),
    "heun": chain(stepper="heun"),
    "microcircuit": plastic_microcircuit([4, 3, 3, 2]),
    "plain updates": plastic_microcircuit([4, 3, 2], filter_tau=None),
    "tied": tied(),
    "guerguiev": guerguiev([4, 3, 2]),
    "urbanczik_senn": urbanczik_senn(4, 2),
}


def parts(text):
    """The operations of every list, as (title, texts in order)."""
    found = []
    for line in text.splitlines():
        if line.startswith(" "):
            found[-1][1].append(line.strip())
        else:
            found.append((line, []))
    return found


def lines(text):
    """All operations in order, without titles."""
    return [line for _, texts in parts(text) for line in texts]


@pytest.fixture(params=[True, False], ids=["passes", "no_passes"])
def optimise(request):
    return request.param


@pytest.mark.parametrize("block", [1, 5])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", CIRCUITS)
def test_a_signal_is_read_before_it_is_used(name, batch, block, optimise):
    text = circuits.explain(CIRCUITS[name], batch=batch, block=block, optimise=optimise)
    read, stepped = {}, {}
    for k, line in enumerate(lines(text)):
        for signal in used_by(line):
            name, late = re.fullmatch(
                r"(\S+)( \(late\)| \(second stage\))?", signal
            ).groups()
            if " where it fired" in line:
                assert stepped[name.partition(".")[0]] < k, f"{line!r}: too early"
                continue
            if line.endswith(", read in place"):
                assert name not in stepped
                continue
            assert name in read, f"{line!r}: {signal} has not been read"
            if late:
                sender = name.partition(".")[0]
                assert read[name] > stepped[sender], f"{line!r}: {signal} is old"
        if found := re.match(r"read (\S+) off (\S+)", line):
            read[f"{found[2]}.{found[1]}"] = k
        if found := re.match(r"copy \S+ to (\S+)", line):
            read[found[1]] = k
        if line.endswith("into shared signal"):
            read["shared-signal"] = k
        if found := re.match(r"step (\S+)", line):
            stepped[found[1]] = k


def used_by(line):
    """Signals that an operation of a step uses."""
    if found := PRODUCT.match(line):
        yield (
            found[2].removeprefix("line of ").replace("shared signal", "shared-signal")
        )
    if found := re.match(r"sum factor of \S+ times (\S+) into", line):
        yield found[1]
    if found := re.search(r"and add it times (\S+) to", line):
        yield found[1]


@pytest.mark.parametrize("block", [1, 5])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", CIRCUITS)
def test_fields_are_complete_before_cells_are_filled_and_step(
    name, batch, block, optimise
):
    text = circuits.explain(CIRCUITS[name], batch=batch, block=block, optimise=optimise)
    steps = [texts for title, texts in parts(text) if title.endswith(("every step",))]
    assert steps
    for texts in steps:
        # Of two stages the second begins when all have stepped.
        first = texts[: 1 + max(k for k, t in enumerate(texts) if t.startswith("step"))]
        for post in {p.post for p in CIRCUITS[name].projections}:
            made = [
                k for k, t in enumerate(first) if re.search(rf" to {post}\.\w+( |$)", t)
            ]
            made = [k for k in made if first[k].startswith(("add", "update"))]
            moved = [
                k
                for k, t in enumerate(first)
                if re.match(rf"(fill|step) {post}( where| and|$)", t)
            ]
            if "heun" not in name and made:
                assert max(made) < min(moved), f"{post}: {first}"


@pytest.mark.parametrize("name", CIRCUITS)
def test_rules_see_complete_cells_and_move_weights_last(name, optimise):
    circuit = CIRCUITS[name]
    texts = lines(circuits.explain(circuit, batch=3, optimise=optimise))
    for p in circuit.projections:
        if not p.learns:
            continue
        factors = [
            k for k, t in enumerate(texts) if t.startswith(f"factor of {p.name}")
        ]
        sums = [k for k, t in enumerate(texts) if re.match(rf"sum .*{p.name} times", t)]
        moved = f"move {p.name} by", f"set {p.name} from"
        moves = [k for k, t in enumerate(texts) if t.startswith(moved)]
        assert factors and moves
        assert max(factors) < min([*sums, *moves])
        assert all(k < max(moves) for k in sums)


def test_what_arrives_at_once_is_read_after_its_sender_has_stepped():
    text = circuits.explain(CIRCUITS["chain without delay"], batch=2)
    (texts,) = (t for title, t in parts(text) if title.endswith("every step"))
    order = [
        texts.index("step output"),
        texts.index("read rate off output", texts.index("step output")),
        next(k for k, t in enumerate(texts) if t.startswith("add onward times")),
        texts.index("step late"),
    ]
    assert order == sorted(order)
    usual = circuits.explain(CIRCUITS["chain"], batch=2)
    (texts,) = (t for title, t in parts(usual) if title.endswith("every step"))
    arrives = next(k for k, t in enumerate(texts) if t.startswith("add onward times"))
    assert arrives < texts.index("step output")


# --- what is shared -------------------------------------------------------------------


def products(text):
    return [m[1] for line in lines(text) if (m := PRODUCT.match(line))]


@pytest.mark.parametrize("name", CIRCUITS)
def test_without_passes_every_projection_has_a_product_of_its_own(name):
    circuit = CIRCUITS[name]
    stages = 2 if name == "heun" else 1
    text = circuits.explain(circuit, batch=3, optimise=False)
    steps = [texts for title, texts in parts(text) if title.endswith("every step")]
    assert len(steps) == len(circuit.schedule.phases)
    for texts in steps:
        made = [m.groups() for m in map(PRODUCT.match, texts) if m]
        found = [
            (signal.removeprefix("line of ").partition(".")[0], post, field)
            for _, signal, post, field in made
        ]
        for p in circuit.projections:
            assert found.count((p.pre, p.post, p.field)) == stages


def test_what_stands_still_is_computed_when_a_phase_begins_or_weights_have_moved():
    circuit = two_populations(rule=None)
    (title,) = (
        title
        for title, texts in parts(circuits.explain(circuit))
        if any(PRODUCT.match(t) for t in texts)
    )
    assert title == "phase 'forward' begins"
    moving = replace(
        circuit, projections=tuple(replace(p, rule=RULE) for p in circuit.projections)
    )
    (title,) = (
        title
        for title, texts in parts(circuits.explain(moving, block=5, batch=2))
        if any(PRODUCT.match(t) for t in texts)
    )
    assert "5 steps" in title


def test_a_single_sample_moves_weights_within_its_products():
    circuit = plastic_microcircuit([4, 3, 2])
    one, many = (lines(circuits.explain(circuit, batch=k)) for k in (1, 2))
    update = "update hidden1_to_output_basal and add it times hidden1.rate"
    assert any(t.startswith(update) for t in one)
    assert not any(t.startswith("update") for t in many)
    plain = lines(circuits.explain(circuit, batch=1, optimise=False))
    assert not any(t.startswith("update") for t in plain)


def test_fields_that_tied_weights_bring_are_copied():
    options = {"form": "two_sweep", "tie_interneurons": True, "tie_inhibition": True}
    circuit = microcircuit([4, 3, 2], **options)
    texts = lines(circuits.explain(circuit))
    assert "1 x output.basal into interneuron1.dendrite" in texts
    assert "-1 x interneuron1.rate into shared signal" in texts
    full = products(circuits.explain(circuit, optimise=False))
    assert len(products("\n".join(["", *(f" {t}" for t in texts)]))) < len(full)


def test_nothing_learns_where_learning_is_off():
    for name, circuit in CIRCUITS.items():
        texts = lines(circuits.explain(circuit, learning=False))
        assert not [t for t in texts if t.startswith(("factor", "move", "update"))], (
            name
        )


def test_another_schedule_is_explained_in_its_own_phases():
    phases = (Phase("on", 5.0, on=("input",)), Phase("off", 5.0))
    text = circuits.explain(two_populations(), Schedule(phases))
    titles = [title for title, _ in parts(text)]
    assert any("'on'" in t for t in titles) and any("'off'" in t for t in titles)


def test_a_filter_is_named():
    rule = replace(RULE, low_pass=LowPass(5.0))
    texts = lines(circuits.explain(two_populations(rule=rule), batch=2, block=3))
    assert "move feedforward by filtered sums of feedforward" in texts


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"block": 0}, "explain: block: expected a whole number >= 1"),
        ({"batch": 1.5}, "explain: batch: expected a whole number"),
        ({"optimise": "no"}, "explain: optimise"),
        ({"schedule": "test"}, "schedule"),
    ],
)
def test_what_cannot_be_explained_is_refused(options, message):
    with pytest.raises((ConfigError, ModelError), match=message):
        circuits.explain(chain(), **options)
    with pytest.raises(ConfigError, match="explain"):
        circuits.explain("chain")


def test_constants_are_of_no_matter_to_an_explanation():
    ones = two_populations(initial=Constant(1.0))
    assert circuits.explain(ones) == circuits.explain(two_populations())
