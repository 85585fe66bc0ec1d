"""Tied weights are at every moment the others times a factor, however these learn."""

from dataclasses import replace

import numpy as np
import pytest
from systems import patterns, plastic_microcircuit, run, two_populations
from thinned import combined
from tiny_training import curves, tiny_circuit, tiny_task, tiny_train

import circuits
from circuits.microcircuit import microcircuit
from circuits.population import Population
from circuits.projection import Projection, Tied
from circuits.run.presenter import Presenter
from circuits.run.session import Session
from circuits.schedule import Schedule
from circuits.weights import initial_weights
from dendrites._blas import serial_blas
from dendrites.activity_difference import ActivityDifference, LowPass
from dendrites.errors import ConfigError, ModelError
from dendrites.models import three_compartment

pytestmark = pytest.mark.usefixtures("every_engine")

SIZES = [6, 5, 4, 3]
BASAL = {"basal_rates": 1e-2, "interneuron_rates": 0.0, "apical_rates": 0.0}
TIES = {"tie_interneurons": True, "tie_inhibition": True}


def shown(sizes=SIZES, batch=2, seed=0):
    inputs, targets, _ = patterns(sizes, batch=batch, seed=seed)
    return {"input": inputs, "target": targets}


def tied(sizes=SIZES, *, bias=True, top_down=0.0, steps=60, **options):
    rates = {**BASAL, "top_down_rates": top_down}
    options = {**TIES, "bias": bias, "self_predicting": True, **options}
    return plastic_microcircuit(sizes, steps=steps, rates=rates, **options)


def start_of(circuit, seed=3):
    """Random weights and biases, which the tied ones follow."""
    rng = np.random.default_rng(seed)
    given = {
        p.name: rng.uniform(-1.0, 1.0, circuit.weights_shape(p.name))
        for p in circuit.projections
        if p.is_dense and p.tied_to is None
    }
    return initial_weights(circuit, given=given)


def ties_of(circuit):
    return {p.name: p.tied_to for p in circuit.projections if p.tied_to}


def untied(circuit):
    """The same circuit, its tied weights free."""
    projections = (replace(p, tied_to=None) for p in circuit.projections)
    return replace(circuit, projections=tuple(projections))


def assert_tied(circuit, weights):
    for name, tie in ties_of(circuit).items():
        leader = weights[tie.to].T if tie.transpose else weights[tie.to]
        np.testing.assert_array_equal(weights[name], tie.factor * leader, err_msg=name)


def tied_by_hand(circuit, inputs, start, steps):
    """Weights and somata with free weights that are set after every step."""
    free = untied(circuit)
    (phase,) = free.schedule.phases
    step = Schedule((replace(phase, duration=free.dt),), carry_state=True)
    with serial_blas():
        presenter = Presenter(free, weights=start, batch=len(inputs["input"]))
        for _ in range(steps):
            presenter.present(inputs, step)
            weights = presenter.weights()
            for name, tie in ties_of(circuit).items():
                weights[name] = tie.factor * weights[tie.to]
            presenter.set_weights(weights)
    return presenter.weights(), presenter


def largest(mine, wanted):
    return max(float(np.abs(mine[name] - wanted[name]).max()) for name in wanted)


# --- against weights set by hand ------------------------------------------------------


@pytest.mark.parametrize(
    "tau, top_down, bias, batch",
    combined([None, 5.0], [0.0, 1e-2], [True, False], [1, 3], every=3),
)
def test_tied_weights_equal_weights_set_after_every_step(tau, top_down, bias, batch):
    circuit = tied(bias=bias, top_down=top_down, filter_tau=tau)
    start, inputs = start_of(circuit), shown(batch=batch)
    wanted, other = tied_by_hand(circuit, inputs, start, 60)
    presenter = run(circuit, inputs, weights=start)
    # 60 steps on weights and potentials of size one
    assert largest(presenter.weights(), wanted) < 1e-13
    for p in circuit.populations:
        mine = presenter.read(p.name, p.model.state._fields[0])
        theirs = other.read(p.name, p.model.state._fields[0])
        assert np.abs(mine - theirs).max() < 1e-13
    assert largest(wanted, start) > 1e-4


@pytest.mark.parametrize("one", TIES)
def test_one_kind_of_tie_equals_weights_set_after_every_step(one):
    circuit = tied(**{name: name == one for name in TIES})
    start = start_of(circuit)
    wanted, _ = tied_by_hand(circuit, shown(), start, 60)
    presenter = run(circuit, shown(), weights=start)
    assert len(ties_of(circuit)) == (4 if one == "tie_interneurons" else 2)
    assert largest(presenter.weights(), wanted) < 1e-13


@pytest.mark.parametrize("stepper", ["exponential_euler", "heun"])
def test_ties_hold_in_every_stage_of_a_step(stepper):
    circuit = tied(stepper=stepper)
    start = start_of(circuit)
    wanted, _ = tied_by_hand(circuit, shown(), start, 60)
    presenter = run(circuit, shown(), weights=start)
    assert largest(presenter.weights(), wanted) < 1e-13


def test_tied_layers_too_large_for_the_plain_products_are_set_by_hand_too():
    # 20 samples of these layers are 24,000 and more multiply-adds.
    sizes = [60, 50, 40, 30]
    circuit = tied(sizes, steps=20)
    start, inputs = start_of(circuit), shown(sizes, batch=40)
    wanted, _ = tied_by_hand(circuit, inputs, start, 20)
    presenter = run(circuit, inputs, weights=start)
    assert largest(presenter.weights(), wanted) < 1e-12
    assert largest(wanted, start) > 1e-4


@pytest.mark.parametrize("block", [1, 6])
def test_chunks_of_samples_keep_ties(block):
    circuit = tied()
    options = {"weights": start_of(circuit), "block": block}
    whole = run(circuit, shown(batch=5), **options)
    chunked = run(circuit, shown(batch=5), chunk=2, **options)
    assert largest(chunked.weights(), whole.weights()) < 1e-13
    assert_tied(circuit, chunked.weights())


def test_blocks_of_tied_weights_come_to_single_steps_with_the_square():
    circuit = tied(steps=320, filter_tau=40.0)
    start = start_of(circuit)
    exact = run(circuit, shown(), weights=start).weights()
    lengths = [2, 4, 8, 16]
    off = [
        largest(run(circuit, shown(), weights=start, block=k).weights(), exact)
        for k in lengths
    ]
    assert 1.8 <= np.polyfit(np.log(lengths), np.log(off), 1)[0] <= 2.3


# --- products that a step shares ------------------------------------------------------


@pytest.mark.parametrize(("n", "batch"), [(5, 2), (40, 40)])
@pytest.mark.parametrize(
    "order", [("lead", "follow", "other"), ("other", "follow", "lead")], ids="-".join
)
@pytest.mark.parametrize("constant", [True, False], ids=["constant", "moving"])
def test_weights_shared_within_a_field_equal_free_ones(constant, order, n, batch):
    # Three layers onto one field; two of them through the same weights.
    names = ("a", "b", "c")
    rng = np.random.default_rng(n)
    layers = [Population(name, three_compartment(), n) for name in names]
    parts = {
        "lead": Projection("a", "output", "apical", name="lead"),
        "follow": Projection("b", "output", "apical", name="follow"),
        "other": Projection("c", "output", "apical", name="other"),
    }
    if constant:
        # What a source brings lies apart from what moves.
        parts["other"] = Projection("input", "output", "apical", name="other")
    drives = [Projection("input", name, "basal") for name in names]
    circuit = two_populations(
        n,
        n,
        dt=0.2,
        steps=30,
        more=tuple(layers),
        extra=(*drives, *(parts[name] for name in order)),
    )
    tie = Tied("lead", -0.5)
    projections = tuple(
        replace(p, tied_to=tie) if p.name == "follow" else p
        for p in circuit.projections
    )
    bound = replace(circuit, projections=projections)
    given = {
        p.name: rng.uniform(-1.0, 1.0, bound.weights_shape(p.name))
        for p in bound.projections
        if p.tied_to is None
    }
    start = initial_weights(bound, given=given)
    inputs = {"input": rng.uniform(0.0, 1.0, (batch, n))}
    mine, free = (run(c, inputs, weights=start) for c in (bound, circuit))
    for field in ("soma", "apical"):
        wanted = free.read("output", field)
        assert np.abs(mine.read("output", field) - wanted).max() < 1e-12
        assert np.abs(wanted).max() > 1e-2


def constant(field, rule=None):
    return Projection("input", field[0], "apical", name=f"to_{field[0]}", rule=rule)


FOLLOWED = ActivityDifference("soma", None, learning_rate=0.1, low_pass=LowPass(5.0))
# What reaches "first", what reaches "second" through tied weights, and constants.
COPIES = {
    "copy": ([("a", "rate", 2.0)], None, ()),
    "unequal_factors": ([("a", "rate", 2.0), ("b", "rate", -3.0)], None, ()),
    "equal_factors": ([("a", "rate", 2.0), ("b", "rate", 2.0)], None, ()),
    "a_part": ([("a", "rate", 2.0)], ["a", "b"], ()),
    "another_signal": ([("a", "soma", 2.0)], None, ()),
    "another_layer": ([("a", "rate", 2.0)], ["b"], ()),
    "beside_constants": (
        [("a", "rate", 2.0)],
        None,
        (("first", None), ("second", None)),
    ),
    "beside_a_learning_one": ([("a", "rate", 2.0)], None, (("first", FOLLOWED),)),
}


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("kind", COPIES)
def test_a_field_brought_by_tied_weights_equals_that_of_free_ones(kind, batch):
    follows, leads, constants = COPIES[kind]
    leads = leads or [pre for pre, _, _ in follows]
    layers = ("a", "b", "first", "second")
    projections = [
        *(Projection("input", name, "basal") for name in ("a", "b")),
        *(Projection(pre, "first", "apical", name=f"lead_{pre}") for pre in leads),
        *(
            Projection(
                pre,
                "second",
                "apical",
                signal=signal,
                tied_to=Tied(f"lead_{pre if pre in leads else leads[0]}", factor),
            )
            for pre, signal, factor in follows
        ),
        *(constant(place, place[1]) for place in constants),
        Projection("first", "output", "basal", name="onward"),
    ]
    circuit = two_populations(
        4,
        4,
        dt=0.2,
        steps=30,
        more=tuple(Population(name, three_compartment(), 4) for name in layers),
        extra=tuple(projections),
    )
    start = start_of(circuit)
    inputs = {"input": np.random.default_rng(0).uniform(0.0, 1.0, (batch, 4))}
    mine, free = (run(c, inputs, weights=start) for c in (circuit, untied(circuit)))
    for name in ("first", "second", "output"):
        wanted = free.read(name, "soma")
        assert np.abs(mine.read(name, "soma") - wanted).max() < 1e-13
        assert np.abs(wanted).max() > 1e-3


# --- read back in every form ----------------------------------------------------------


def transported(form):
    """A circuit whose feedback runs through the transposed forward weights."""
    transport = Tied("hidden1_to_output_basal", transpose=True)
    times = {"presentation": 30.0, "learning_lag": 12.0}
    circuit = microcircuit(
        [6, 5, 3],
        form=form,
        basal_rates=0.02,
        **(times if form == "continuous" else {}),
    )
    ties = {
        "output_to_hidden1_apical": transport,
        "interneuron1_to_hidden1_apical": replace(transport, factor=-1.0),
    }
    projections = tuple(
        replace(p, tied_to=ties[p.name], rule=None) if p.name in ties else p
        for p in circuit.projections
    )
    return replace(circuit, projections=projections)


FORMS = {
    "exact": ("continuous", {}),
    "blocked": ("continuous", {"block": 8}),
    "equilibrium": ("continuous", {"jumps": 3}),
    "settled": ("two_sweep", {}),
}


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("transposed", [False, True])
def test_tied_weights_are_read_back_as_the_others_times_the_factor(
    transposed, kind, batch
):
    form, options = FORMS[kind]
    sizes = [6, 5, 3] if transposed else SIZES
    circuit = transported(form) if transposed else tied(form=form)
    start = start_of(circuit)
    presenter = run(circuit, shown(sizes, batch), weights=start, times=3, **options)
    weights = presenter.weights()
    assert_tied(circuit, weights)
    for tie in ties_of(circuit).values():
        if tie.to.endswith("basal"):
            assert np.abs(weights[tie.to] - start[tie.to]).max() > 1e-6


@pytest.mark.parametrize("kind", ["exact", "blocked", "equilibrium"])
def test_feedback_through_tied_weights_equals_feedback_set_by_hand(kind):
    # Transposed ties are copies of their own, refreshed whenever the others move.
    form, options = FORMS[kind]
    circuit = transported(form)
    start = start_of(circuit)
    inputs = shown([6, 5, 3])
    presenter = run(circuit, inputs, weights=start, **options)
    free = untied(circuit)
    (phase,) = free.schedule.phases
    lag = round(phase.lag / free.dt)
    with serial_blas():
        other = Presenter(free, weights=start, batch=2)
        for k in range(round(phase.duration / free.dt)):
            step = replace(phase, duration=free.dt, lag=0.0, learning=k >= lag)
            other.present(inputs, Schedule((step,), carry_state=True))
            weights = other.weights()
            for name, tie in ties_of(circuit).items():
                weights[name] = tie.factor * weights[tie.to].T
            other.set_weights(weights)
    # Blocks of 8 steps of a filter of 300, and 3 jumps, are a few 1e-4 of the change.
    mine, wanted = presenter.weights(), other.weights()
    change = largest(wanted, start)
    tolerance = 1e-13 if kind == "exact" else 1e-2 * change
    assert largest(mine, wanted) < tolerance
    assert change > 1e-3


def test_weights_tied_to_frozen_ones_stand_still():
    circuit = tied()
    start = start_of(circuit)
    rates = dict.fromkeys((p.name for p in circuit.projections if p.learns), 0.0)
    presenter = run(circuit, shown(), weights=start, learning_rates=rates, block=8)
    for name, value in presenter.weights().items():
        np.testing.assert_array_equal(value, start[name])


def test_tied_interneurons_keep_predicting_while_free_copies_are_left_behind():
    residual = []
    for ties in (True, False):
        circuit = tied(steps=600, tie_interneurons=ties, tie_inhibition=ties)
        given = {
            name: w for name, w in start_of(tied()).items() if "interneuron" not in name
        }
        start = initial_weights(circuit, given=given)
        with serial_blas():
            presenter = Presenter(circuit, weights=start, batch=2)
            presenter.present(shown(), circuit.schedule)
            presenter.present(shown(), circuit.test_schedule, learning=False)
        apical = [presenter.read(f"hidden{k}", "apical") for k in (1, 2)]
        residual.append(max(np.abs(v).max() for v in apical))
    # 60 ms without teacher leave exp(-1.1 x 60) of the nudge.
    assert residual[0] < 1e-13
    assert residual[1] > 1e-3


# --- training -------------------------------------------------------------------------


def tiny(**options):
    return tiny_circuit(interneuron_rate=0.0, bias=True, **TIES, **options)


class Stopped(Exception):
    """Stands for whatever ends a process between two epochs."""


@pytest.mark.parametrize("form", ["continuous", "two_sweep"])
def test_a_resumed_run_with_ties_is_the_uninterrupted_one(monkeypatch, tmp_path, form):
    options = {"task": tiny_task(12, 8), "batch": 5, "probe": 4}
    path, circuit, run_epoch = tmp_path / "run.ckpt", tiny(form=form), Session.run_epoch
    whole = tiny_train(circuit, **options)

    def limited(self, epoch, tick):
        if epoch > 1:
            raise Stopped
        run_epoch(self, epoch, tick)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "run_epoch", limited)
        with pytest.raises(Stopped):
            tiny_train(circuit, checkpoint=path, **options)
    resumed = tiny_train(circuit, checkpoint=path, resume=True, **options)
    assert resumed.attrs["state_sha256"] == whole.attrs["state_sha256"]
    mine, theirs = curves(resumed), curves(whole)
    assert mine.keys() == theirs.keys()
    for name, values in theirs.items():
        np.testing.assert_array_equal(mine[name], values, err_msg=name)


@pytest.mark.parametrize("form", ["continuous", "two_sweep"])
def test_trained_weights_answer_as_the_run_did_without_naming_the_ties(form):
    circuit, task = tiny(form=form), tiny_task(12, 8)
    tree = tiny_train(circuit, task, epochs=2, batch=4, probe=0)
    names = [name for name in tree["weights"].children if "/" not in name]
    assert not set(names) & set(ties_of(circuit))
    weights = {name: tree[f"weights/{name}"].w.values[-1] for name in names}
    answers = circuits.evaluate(circuit, task, weights, threads=1)
    np.testing.assert_array_equal(
        answers.score, tree["predictions/test"].score.values[0]
    )


# --- refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"tie_interneurons": True, "interneuron_rates": 0.1},
            r"interneuron_rates = \[0.1, 0.1\] with tie_interneurons: .* do not learn",
        ),
        (
            {"tie_inhibition": True, "apical_rates": [0.0, 0.1]},
            r"apical_rates = \[0.0, 0.1\] with tie_inhibition: .* do not learn",
        ),
    ],
)
def test_tied_weights_have_no_rate_of_their_own(options, text):
    with pytest.raises(ModelError, match=text):
        microcircuit(SIZES, **options)


def test_training_gives_tied_weights_no_rate():
    name = "hidden1_to_interneuron1_dendrite"
    with pytest.raises(ConfigError, match="no projection that learns"):
        tiny_train(tiny(), learning_rates={name: 0.1})
