"""Stages of training: which schedule is shown and what learns, and for how long."""

from dataclasses import replace

import numpy as np
import pytest
from systems import euler_three_compartment
from tiny_training import CONTROLS, HIDDEN, curves, tiny_circuit, tiny_task, tiny_train

import circuits
import dendrites as dn
from circuits import Phase, Schedule, Stage
from dendrites.dataset import validate
from dendrites.errors import ConfigError, ModelError
from dendrites.models import source, three_compartment
from dendrites.random import generator

pytestmark = pytest.mark.usefixtures("every_engine")

DT = 0.5
CELLS = three_compartment(tau_soma=10.0, tau_dendrite=3.0)
RNG = np.random.default_rng(0)
TASK = circuits.Task(
    "numbers",
    {
        name: circuits.Split(
            RNG.normal(size=(n, 4)), RNG.normal(size=(n, 2)), None, np.arange(n)
        )
        for name, n in (("train", 7), ("test", 3))
    },
)
START = {name: RNG.normal(size=(2, 4)) for name in ("one", "other")}
RATES = {"one": 0.1, "other": 0.3}


def phases(steps, strength=1.0):
    """Free, then pushed by the target; windows of one step."""
    on = {"input": 1.0, "target": strength}
    return (
        Phase("free", DT * steps, on=("input",), window=DT),
        Phase("pushed", DT * steps, on=on, window=DT),
    )


def contrastive(steps=6):
    """Two projections of the input onto two cells that the target pushes."""
    learned = {
        name: circuits.Projection(
            "input",
            "output",
            "basal",
            name=name,
            initial=START[name],
            rule=dn.ActivityDifference(
                "soma", "soma", RATES[name], moments=("pushed", "free")
            ),
        )
        for name in START
    }
    push = circuits.Projection(
        "target",
        "output",
        "soma",
        connectivity="one_to_one",
        initial=circuits.Constant(1.0),
    )
    return circuits.Circuit(
        (
            circuits.Population("input", source(), 4, pattern="inputs"),
            circuits.Population("target", source(), 2, pattern="targets"),
            circuits.Population("output", CELLS, 2),
        ),
        (*learned.values(), push),
        Schedule(phases(steps)),
        test_schedule=Schedule(phases(steps)[:1]),
        readout="soma",
        dt=DT,
    )


LONG = Schedule(phases(9, strength=0.5))
STAGES = [
    Stage(learning="one", presentations=2),
    Stage(LONG, learning=("other",), presentations=3),
    Stage(presentations=1),
]


def by_hand(epochs, batch=2, momentum=0.0):
    """Weights after training in stages, in plain NumPy."""
    weights = {name: w.copy() for name, w in START.items()}
    velocity = {name: np.zeros_like(w) for name, w in START.items()}
    split = TASK.splits["train"]
    course = [({"one"}, 6, 1.0)] * 2 + [({"other"}, 9, 0.5)] * 3
    course += [({"one", "other"}, 6, 1.0)]
    number = 0
    for epoch in range(1, epochs + 1):
        order = generator(0, f"order/{epoch}").permutation(7)
        for first in range(0, 7, batch):
            learn, steps, strength = course[number % len(course)]
            x, y = (a[order[first : first + batch]] for a in split[:2])
            basal = x @ (weights["one"] + weights["other"]).T
            basal = np.broadcast_to(basal, (2 * steps, *basal.shape))
            push = np.zeros_like(basal)
            push[steps:] = strength * y
            soma = euler_three_compartment(CELLS.parameters, basal, DT, push)[:, 0]
            change = (soma[-1] - soma[steps]).T @ x / len(x)
            for name in learn:
                velocity[name] = momentum * velocity[name] + change
                weights[name] = weights[name] + RATES[name] * velocity[name]
            number += 1
    return weights


def trained(stages=STAGES, circuit=None, **options):
    options = {"epochs": 4, "batch": 2, "threads": 1, "integrator": "exact", **options}
    return circuits.train(circuit or contrastive(), TASK, stages=stages, **options)


def final(run):
    return {k: node.w.values[-1] for k, node in run["weights"].children.items()}


@pytest.mark.parametrize("options", [{}, {"chunk": 1}, {"integrator": "blocked"}])
def test_training_in_stages_is_that_of_plain_numpy(options):
    run = trained(**options)
    validate(run)
    for name, w in by_hand(4).items():
        np.testing.assert_allclose(final(run)[name], w, rtol=1e-11, atol=1e-13)
    # Four presentations an epoch, of a course of six.
    assert run["training"].stage.values.tolist() == [1, 0, 2, 1]
    assert "stage" not in trained(None, epochs=1)["training"].coords


def test_momentum_stands_still_where_a_stage_freezes():
    run = trained(optimiser=circuits.Sgd(momentum=0.9))
    for name, w in by_hand(4, momentum=0.9).items():
        np.testing.assert_allclose(final(run)[name], w, rtol=1e-10, atol=1e-12)


def test_stages_may_have_phases_of_other_kinds_under_the_same_names():
    relaxed = Schedule(
        tuple(
            Phase(
                p.name, on=p.on, relax=("output",), sweeps=500, step=2.0, tolerance=1e-9
            )
            for p in phases(6)
        )
    )
    stages = [Stage(presentations=4), Stage(relaxed, learning="one", presentations=4)]
    run = trained(stages)
    validate(run)
    assert run["training"].sweeps_free.values[[0, 2]].tolist() == [0.0, 0.0]
    assert (run["training"].sweeps_free.values[[1, 3]] > 1).all()


def test_a_last_stage_without_a_length_stays():
    stages = [Stage(learning="one", epochs=1), Stage(learning="other")]
    run = trained(stages, epochs=3)
    assert run["training"].stage.values.tolist() == [0, 1, 1]
    first = trained([Stage(learning="one")], epochs=1)
    np.testing.assert_array_equal(final(run)["one"], final(first)["one"])
    assert (final(run)["other"] != START["other"]).all()


def test_presentations_that_only_settle_change_stages_among_those_shown_at_once():
    circuit, task = tiny_circuit(form="two_sweep"), tiny_task(40, 4)
    stages = [Stage(learning=HIDDEN[0], presentations=3), Stage(presentations=2)]
    options = {"epochs": 1, "batch": 4, "probe": 0, "threads": 1}
    run = circuits.train(circuit, task, stages=stages, **options)

    frozen = circuit.frozen(
        *(p.name for p in circuit.projections if p.learns and p.name != HIDDEN[0])
    )
    split, weights = task.splits["train"], circuits.initial_weights(circuit)
    order = generator(circuit.seed, "order/1").permutation(40)
    for number in range(10):
        some = order[4 * number : 4 * number + 4]
        weights = circuits.present(
            frozen if number % 5 < 3 else circuit,
            {"input": split.inputs[some], "target": split.targets[some]},
            learning=True,
            weights=weights,
            number=number,
        ).weights
    for name, w in final(run).items():
        np.testing.assert_array_equal(w, weights[name])


def same(run, other):
    mine, theirs = curves(run), curves(other)
    assert mine.keys() == theirs.keys()
    for name, values in theirs.items():
        np.testing.assert_array_equal(mine[name], values, err_msg=name)
    assert run.attrs["state_sha256"] == other.attrs["state_sha256"]


TINY = [Stage(learning=HIDDEN, presentations=3), Stage(epochs=1)]


def test_a_run_resumed_within_its_stages_keeps_its_bits(tmp_path):
    path = tmp_path / "run.ckpt"
    stop = {"on_epoch": lambda epoch: epoch.number == 2}
    tiny_train(stages=TINY, checkpoint=path, **stop)
    same(
        tiny_train(stages=TINY, checkpoint=path, resume=True, threads=2),
        tiny_train(stages=TINY),
    )
    with pytest.raises(dn.errors.CheckpointError, match="stages"):
        tiny_train(stages=TINY[::-1], checkpoint=path, resume=True)


def test_controls_go_through_the_same_stages():
    stages = [Stage(learning=(*HIDDEN, "hidden2_to_output_basal"))]
    run = tiny_train(stages=stages, epochs=1)
    control = circuits.train(
        tiny_circuit(),
        tiny_task(),
        epochs=1,
        threads=1,
        stages=[Stage(learning="hidden2_to_output_basal")],
    )
    found = run["controls/" + next(iter(CONTROLS))].loss.values
    np.testing.assert_array_equal(found, control["training"].loss.values)


def test_all_at_once_is_training_without_stages():
    same(tiny_train(stages=None), tiny_train())
    mine, usual = curves(tiny_train(stages=[Stage()])), curves(tiny_train())
    assert mine.pop("/training/stage").tolist() == [0, 0, 0]
    mine.pop("/controls/frozen_hidden/stage")
    assert mine.keys() == usual.keys()
    for name, values in usual.items():
        np.testing.assert_array_equal(mine[name], values)


def test_training_that_jumps_has_stages_too():
    circuit = tiny_circuit(presentation=27.0, learning_lag=12.0)
    options = {"integrator": "equilibrium", "probe": 0, "epochs": 1, "threads": 1}
    start = circuits.initial_weights(circuit)
    for learning in (HIDDEN, HIDDEN[:1]):
        stages = [Stage(learning=learning)]
        run = final(circuits.train(circuit, tiny_task(20, 4), stages=stages, **options))
        assert {name for name, w in run.items() if (w != start[name]).any()} == {
            *learning
        }


def late(**options):
    return Stage(Schedule(phases(6)[:1]), **options)


SHOWN = tiny_circuit().schedule.phases
STILL = tuple(replace(phase, learning=False) for phase in SHOWN)


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], "stages is empty"),
        (5, "stages"),
        ([5], r"stages\[0\] = 5 is a int"),
        ([Stage(), Stage()], r"stages\[0\] has no length"),
        ([Stage(learning="oen")], "no projection 'oen'.*did you mean 'one'"),
        ([Stage(learning="target_to_output_soma")], "does not learn in this circuit"),
        (
            [Stage(presentations=16), Stage()],
            r"begins after 16 .* ends after 16 \(4 ep",
        ),
        ([late()], r"stages\[0\]: .*'pushed'.*no averaging window"),
    ],
)
def test_stages_that_do_not_fit_are_refused(stages, message):
    with pytest.raises((ConfigError, ModelError), match=message):
        trained(stages)


def test_a_stage_in_which_nothing_learns_is_refused():
    with pytest.raises(ConfigError, match=r"stages\[0\]: nothing learns"):
        tiny_train(stages=[Stage(Schedule(STILL))])
    with pytest.raises(ConfigError, match=r"stages\[1\]: nothing learns"):
        trained([STAGES[0], Stage(learning="other")], learning_rates={"other": 0.0})
    settled = tiny_circuit(form="two_sweep").schedule
    with pytest.raises(ConfigError, match=r"stages\[0\]: .*acts at every step"):
        tiny_train(stages=[Stage(settled)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"presentations": 0}, "stage: presentations: expected"),
        ({"epochs": 1.5}, "stage: epochs"),
        ({"presentations": 1, "epochs": 1}, "give one of them"),
        ({"learning": ()}, "nothing would learn"),
        ({"learning": 5}, "stage: learning"),
        ({"schedule": "forward"}, "must be a Schedule"),
    ],
)
def test_impossible_stages_are_refused(options, message):
    with pytest.raises((ConfigError, ModelError), match=message):
        Stage(**options)
