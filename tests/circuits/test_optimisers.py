"""Updates of presentations moved by optimisers, beside the same in plain NumPy."""

from dataclasses import replace

import numpy as np
import pytest
from naive_circuit import as_given, as_square, circuit, joined, layers, sources
from naive_runs import ROUNDING
from thinned import first
from tiny_training import HIDDEN, curves, tiny_circuit, tiny_task, tiny_train

import circuits
from circuits import Adam, Phase, Sgd, Split, Task
from circuits.engine.memory import run_bytes
from circuits.run.session import Session
from dendrites import ActivityDifference, SynapticRule
from dendrites.errors import CheckpointError, ConfigError, ModelError

pytestmark = pytest.mark.usefixtures("every_engine")

BATCH, UPDATES, RATE, N = 5, 5, 0.05, 4
MASK = np.random.default_rng(8).random((N, N)) < 0.6
OPTIMISERS = [Sgd(), Sgd(0.9), Sgd(0.8, nesterov=True), Adam(), Adam(0.5, 0.9, 1e-3)]
SETTLED = (Phase("shown", settle=("x",), on=("a", "t")),)
# The first step of a cell at rest: its time constant is four steps.
TIMED = (Phase("shown", 0.5, on=("a", "t"), window=0.5),)


def against(weight, cell, pre, p):
    return -cell.u * pre


RULES = {
    "separable": ActivityDifference(None, "u", RATE, moments=("shown", "shown")),
    "synaptic": SynapticRule(against, RATE, moment="shown"),
}


def described(
    rule=RULES["separable"], connectivity="dense", phases=SETTLED, n=N, **options
):
    """Cells that settle to W a + t / 2, and a rule that descends on their squares."""
    on_x = joined("a", "x", "up", rule=rule, connectivity=connectivity, **options)
    return circuit(
        (*sources(("a", "t"), n), *layers(("x",), n)),
        (on_x, joined("t", "x", "teach", "second", connectivity="one_to_one")),
        phases=phases,
    )


def patterns(n=N, batch=BATCH, seed=3):
    rng = np.random.default_rng(seed)
    return {name: rng.uniform(-1, 1, (UPDATES * batch, n)) for name in ("a", "t")}


def start_of(n=N, mask=True):
    return np.random.default_rng(1).uniform(-0.5, 0.5, (n, n)) * mask


def numpy_weights(optimiser, shown, w, *, mask=1.0, gain=1.0, rates=None, decay=0.0):
    """Weights after each batch, by the equations of the optimiser's docstring."""
    v, m, s, found = 0.0, 0.0, 0.0, []
    for t in range(1, UPDATES + 1):
        a, teacher = (shown[k][(t - 1) * BATCH : t * BATCH] for k in ("a", "t"))
        g = -gain * mask * ((a @ w.T + 0.5 * teacher).T @ a) / BATCH
        if isinstance(optimiser, Adam):
            m = optimiser.beta1 * m + (1 - optimiser.beta1) * g
            s = optimiser.beta2 * s + (1 - optimiser.beta2) * g * g
            first = m / (1 - optimiser.beta1**t)
            g = first / (np.sqrt(s / (1 - optimiser.beta2**t)) + optimiser.epsilon)
        else:
            v = optimiser.momentum * v + g
            g = g + optimiser.momentum * v if optimiser.nesterov else v
        w = (1.0 - decay) * w + (RATE if rates is None else rates[t - 1]) * g
        found.append(w)
    return found


def run(made, shown, w, **options):
    start = as_given(made, {"up": w, "teach": np.eye(len(w))})
    options = {"batch": BATCH, **options}
    with circuits.Presenter(made, weights=start, **options) as presenter:
        for k in range(UPDATES):
            some = slice(k * BATCH, (k + 1) * BATCH)
            presenter.present({name: x[some] for name, x in shown.items()})
            yield as_square(made, "up", presenter.weights("up")["up"])


def assert_follows(found, wanted, rounding=ROUNDING):
    for k, (mine, theirs) in enumerate(zip(found, wanted, strict=True)):
        off = np.abs(mine - theirs).max()
        assert off < rounding, f"update {k + 1}: {off:.3g} from NumPy"


@pytest.mark.nojit
@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=str)
@pytest.mark.parametrize("connectivity", ["dense", "one_to_one", MASK])
def test_five_updates_are_those_of_numpy(connectivity, optimiser):
    made = described(connectivity=connectivity)
    mask = {"dense": 1.0, "one_to_one": np.eye(N)}.get(str(connectivity), MASK)
    w, shown = start_of(mask=mask), patterns()
    wanted = numpy_weights(optimiser, shown, w, mask=mask)
    assert_follows(run(made, shown, w, optimiser=optimiser), wanted)
    assert np.abs(wanted[-1] - w).max() > 0.005


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=str)
def test_decay_shrinks_the_weight_and_enters_nothing_else(optimiser):
    made = described(weight_decay=0.03)
    w, shown = start_of(), patterns()
    wanted = numpy_weights(optimiser, shown, w, decay=0.03)
    assert_follows(run(made, shown, w, optimiser=optimiser), wanted)


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=str)
@pytest.mark.parametrize("chunk", [2, 64])
def test_so_they_are_in_time_in_large_products_and_in_chunks(chunk, optimiser):
    # The first step of cells at rest is DT / tau of the way: a gain of 1 / 4.
    made = described(phases=TIMED, n=20, weight_decay=0.01)
    w, shown = start_of(20), patterns(20)
    wanted = numpy_weights(optimiser, shown, w, gain=0.25, decay=0.01)
    assert_follows(run(made, shown, w, optimiser=optimiser, chunk=chunk), wanted)


@pytest.mark.parametrize("optimiser", OPTIMISERS[1:], ids=str)
def test_rules_that_see_the_weight_and_sums_over_samples_are_moved_alike(optimiser):
    w, shown = start_of(), patterns()
    wanted = numpy_weights(optimiser, shown, w)
    made = described(RULES["synaptic"])
    assert_follows(run(made, shown, w, optimiser=optimiser), wanted)
    summed = ActivityDifference(
        None, "u", RATE, moments=("shown", "shown"), batch="sum"
    )
    wanted = numpy_weights(optimiser, shown, w, gain=BATCH)
    assert_follows(run(described(summed), shown, w, optimiser=optimiser), wanted)


@pytest.mark.parametrize("optimiser", OPTIMISERS[1:], ids=str)
def test_single_precision_follows_as_closely_as_it_can(optimiser):
    w, shown = start_of(), patterns()
    wanted = numpy_weights(optimiser, shown, w)
    found = run(described(), shown, w, optimiser=optimiser, dtype="float32")
    assert_follows(found, wanted, 1e-5)


def test_bounds_hold_what_an_optimiser_moves():
    made = described(bounds=(0.2, 0.5))
    w, shown = np.clip(np.abs(start_of()), 0.2, 0.5), patterns()
    for found in run(made, shown, w, optimiser=Adam()):
        assert found.min() == 0.2
    assert np.abs(found - w).max() > 0.01


@pytest.mark.parametrize("optimiser", OPTIMISERS[1:], ids=str)
def test_many_presentations_at_once_are_the_same(optimiser):
    made, w, shown = described(), start_of(), patterns()
    wanted = numpy_weights(optimiser, shown, w)[-1]
    start = as_given(made, {"up": w, "teach": np.eye(N)})
    options = {"batch": BATCH, "optimiser": optimiser, "weights": start}
    with circuits.Presenter(made, **options) as presenter:
        presenter.present_many(shown)
        assert np.abs(presenter.weights("up")["up"] - wanted).max() < ROUNDING


def test_the_momentum_of_a_rule_is_that_of_an_optimiser():
    rule = ActivityDifference(None, "u", RATE, moments=("shown", "shown"), momentum=0.9)
    w, shown = start_of(), patterns()
    wanted = numpy_weights(Sgd(0.9), shown, w)
    assert_follows(run(described(rule), shown, w), wanted)
    sequence = circuits.present_sequence(
        described(rule),
        {name: x[:1] for name, x in shown.items()},
        weights={"up": w, "teach": np.ones(N)},
    )
    assert np.abs(sequence.weights[0]["up"] - w).max() > 1e-3


@pytest.mark.parametrize("optimiser", OPTIMISERS[1:], ids=str)
def test_what_does_not_learn_leaves_what_is_remembered(optimiser):
    made, w, shown = described(), start_of(), patterns()
    wanted = numpy_weights(optimiser, shown, w)
    start = as_given(made, {"up": w, "teach": np.eye(N)})
    options = {"batch": BATCH, "optimiser": optimiser, "weights": start}
    with circuits.Presenter(made, **options) as presenter:
        for k in range(UPDATES):
            some = {n: x[k * BATCH : (k + 1) * BATCH] for n, x in shown.items()}
            presenter.present(some, learning=False)
            presenter.present(some)
            off = np.abs(presenter.weights("up")["up"] - wanted[k]).max()
            assert off < ROUNDING


# --- training -------------------------------------------------------------------------


def whole_batches(shown):
    """A task of one batch, so that every epoch is an update."""
    inputs, targets = (shown[k][:BATCH] for k in ("a", "t"))
    split = Split(inputs, targets, None, np.arange(BATCH))
    return Task("one batch", {"train": split, "test": split})


@pytest.mark.parametrize("optimiser", OPTIMISERS[1:], ids=str)
def test_training_decays_the_step_and_not_what_is_remembered(optimiser):
    made, w, shown = described(), start_of(), patterns()
    made = circuits_of_task(made)
    again = {k: np.tile(v[:BATCH], (UPDATES, 1)) for k, v in shown.items()}
    rates = [RATE * 0.7**k for k in range(UPDATES)]
    wanted = numpy_weights(optimiser, again, w, rates=rates)[-1]
    tree = circuits.train(
        made,
        whole_batches(shown),
        epochs=UPDATES,
        batch=BATCH,
        threads=1,
        weights={"up": w, "teach": np.ones(N)},
        optimiser=optimiser,
        rate_decay=0.7,
    )
    assert np.abs(tree["weights/up"].w.values[-1] - wanted).max() < ROUNDING


def circuits_of_task(made):
    """The same with sources that show the columns of a task."""
    patterns = {"a": "inputs", "t": "targets"}
    return replace(
        made,
        populations=tuple(
            replace(p, pattern=patterns[p.name]) if p.name in patterns else p
            for p in made.populations
        ),
    )


@pytest.mark.parametrize("optimiser", first(OPTIMISERS[:0:-1], 2), ids=str)
def test_a_resumed_run_has_the_same_bits(tmp_path, monkeypatch, optimiser):
    options = {"circuit": tiny_circuit(form="two_sweep"), "optimiser": optimiser}
    options["learning_rates"] = dict.fromkeys(HIDDEN, 0.01)
    whole, path = tiny_train(**options), tmp_path / "run.ckpt"
    tiny_train(**options, epochs=2, checkpoint=tmp_path / "other.ckpt")
    run_epoch = Session.run_epoch

    def limited(self, epoch, tick):
        if epoch > 1:
            raise InterruptedError
        run_epoch(self, epoch, tick)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "run_epoch", limited)
        with pytest.raises(InterruptedError):
            tiny_train(**options, checkpoint=path)
    with pytest.raises(CheckpointError, match="optimiser"):
        tiny_train(**options | {"optimiser": None}, checkpoint=path, resume=True)
    resumed = tiny_train(**options, checkpoint=path, resume=True)
    assert resumed.attrs["state_sha256"] == whole.attrs["state_sha256"]
    mine, theirs = curves(resumed), curves(whole)
    for name, values in theirs.items():
        np.testing.assert_array_equal(mine[name], values, err_msg=name)


def test_every_control_has_a_state_of_its_own():
    made, task = tiny_circuit(form="two_sweep"), tiny_task()
    options = {"optimiser": Adam(), "epochs": 2, "threads": 1}
    both = circuits.train(made, task, controls={"frozen": HIDDEN}, **options)
    alone = circuits.train(made.frozen(*HIDDEN), task, **options)
    losses = both["controls/frozen"].loss, alone["training"].loss
    np.testing.assert_array_equal(*(loss.values for loss in losses))


def test_a_stage_in_which_it_is_frozen_leaves_what_is_remembered():
    made, w, shown = circuits_of_task(described()), start_of(), patterns()
    other = joined("a", "x", "second", "second", rule=RULES["separable"])
    made = replace(made, projections=(*made.projections, other))
    start = {"up": w, "teach": np.ones(N), "second": np.zeros((N, N))}
    stages = (
        circuits.Stage(learning="up", presentations=1),
        circuits.Stage(learning="second", presentations=1),
    )
    tree = circuits.train(
        made,
        whole_batches(shown),
        epochs=2,
        batch=BATCH,
        threads=1,
        weights=start,
        stages=stages,
        optimiser=Adam(),
    )
    # The first step of Adam is the learning rate, whichever presentation it is.
    for name in ("up", "second"):
        first = np.abs(tree[f"weights/{name}"].w.values[-1] - start[name])
        np.testing.assert_allclose(first, RATE, rtol=1e-4)


def test_probes_look_at_the_update_before_the_optimiser():
    made, task = tiny_circuit(form="two_sweep"), tiny_task()
    options = {"epochs": 1, "threads": 1}
    plain = circuits.train(made, task, **options)
    moved = circuits.train(made, task, optimiser=Adam(), **options)
    angle = [t["diagnostics"].angle_to_bp.values for t in (plain, moved)]
    np.testing.assert_array_equal(angle[0][0], angle[1][0])
    assert (angle[0][1] != angle[1][1]).any()


def test_memory_counts_what_is_remembered():
    made = described(n=50)
    guards = 8 * 64 * 3
    for optimiser, numbers in ((Adam(), 2 * 50 * 50), (Sgd(0.9), 50 * 50), (Sgd(), 0)):
        for learning in (True, False):
            needed = [
                run_bytes(made, optimiser=o, learning=learning)
                for o in (None, optimiser)
            ]
            extra = needed[1] - needed[0] - 8 * numbers * learning
            assert 0 <= extra <= guards + 16


# --- refused --------------------------------------------------------------------------

STEPS = described(ActivityDifference("u", None, RATE), phases=TIMED)
OWN = ActivityDifference(None, "u", RATE, moments=("shown", "shown"), momentum=0.5)


@pytest.mark.parametrize(
    "made, optimiser, message",
    [
        (described(), "adam", "must be circuits.Sgd"),
        (described(), Adam, "must be circuits.Sgd"),
        (STEPS, Adam(), "'up' acts at every step.*moments of phases"),
        (described(OWN), Sgd(0.9), "momentum of its own"),
        (described().frozen("up"), Sgd(), "no projection .* learns"),
    ],
)
def test_what_an_optimiser_cannot_move_is_refused(made, optimiser, message):
    with pytest.raises(ConfigError, match=message):
        circuits.Presenter(made, optimiser=optimiser)
    with pytest.raises(ConfigError, match=message):
        circuits.present_sequence(made, patterns(), optimiser=optimiser)
    with pytest.raises(ConfigError, match=message):
        task = whole_batches(patterns())
        circuits.train(circuits_of_task(made), task, optimiser=optimiser)


def test_an_optimiser_without_learning_is_refused():
    with pytest.raises(ConfigError, match="learning is False"):
        circuits.present_sequence(
            described(), patterns(), optimiser=Adam(), learning=False
        )


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Sgd(1.0), "momentum = 1.0: must be >= 0 and < 1"),
        (lambda: Sgd(-0.1), "momentum"),
        (lambda: Sgd(nesterov=True), "give one"),
        (lambda: Adam(beta1=1.0), "beta1"),
        (lambda: Adam(beta2="0.9"), "beta2"),
        (lambda: Adam(epsilon=0.0), "epsilon"),
    ],
)
def test_numbers_out_of_range_are_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"momentum": 1.0}, "momentum = 1.0: must be >= 0 and < 1"),
        ({"momentum": -0.5}, "momentum"),
        ({"momentum": 0.9, "moments": ("now", "now")}, "use low_pass"),
    ],
)
def test_a_momentum_that_cannot_act_is_refused(options, message):
    with pytest.raises(ModelError, match=message):
        ActivityDifference("u", None, **{"moments": ("shown", "shown"), **options})
    with pytest.raises(ModelError, match="momentum is"):
        OWN + RULES["separable"]
