"""What is called after every epoch looks at a run, changes no bit, and may end it."""

import numpy as np
import pytest
from tiny_training import HIDDEN, curves, tiny_circuit, tiny_task, tiny_train

import circuits
from dendrites import ActivityDifference
from dendrites.dataset import validate
from dendrites.errors import ConfigError, ModelError, NumericalError
from dendrites.models import source, three_compartment

INPUT = np.random.default_rng(0).uniform(0.0, 1.0, (2, 8))


@pytest.fixture(scope="module")
def usual():
    return tiny_train()


def same(run, other):
    mine, theirs = curves(run), curves(other)
    assert mine.keys() == theirs.keys()
    for name, values in theirs.items():
        np.testing.assert_array_equal(mine[name], values, err_msg=name)
    assert run.attrs["state_sha256"] == other.attrs["state_sha256"]


def test_what_is_looked_at_is_there_and_changes_no_bit(usual):
    seen = []

    def look(epoch):
        answer = epoch.present({"input": INPUT}, epoch.circuit.test_schedule)
        learned = epoch.present(
            {"input": INPUT, "target": np.full((2, 3), 0.4)}, learning=True
        )
        assert any(change.any() for change in learned.update.values())
        tree = epoch.run()
        validate(tree)
        assert tree["training"].sizes["epoch"] == epoch.number
        seen.append((epoch.curves, epoch.weights(), answer["output", "rate"]))
        seen[-1][1][HIDDEN[0]][:] = 0.0  # a copy
        assert repr(epoch) == f"Epoch({epoch.number} of 3)"

    run = tiny_train(on_epoch=look)
    same(run, usual)
    assert len(seen) == 3 and "ended_by" not in run.attrs
    errors = usual["training"].error_rate.sel(split="test").values
    np.testing.assert_array_equal(seen[-1][0]["test/error_rate"], errors)
    frozen = usual["controls/frozen_hidden"].error_rate.sel(split="test").values
    found = seen[-1][0]["frozen_hidden/test/error_rate"]
    np.testing.assert_array_equal(found, frozen)
    final = {k: node.w.values[-1] for k, node in usual["weights"].children.items()}
    for name in final.keys() - {HIDDEN[0]}:
        np.testing.assert_array_equal(seen[-1][1][name], final[name])
    asked = circuits.present(
        tiny_circuit(), {"input": INPUT}, tiny_circuit().test_schedule, weights=final
    )
    np.testing.assert_array_equal(seen[-1][2], asked["output", "rate"])


@pytest.mark.parametrize("drawn", [{"noise": 0.1}, {"redraw": True}])
def test_what_ties_have_drawn_by_then_is_presented(drawn):
    times = circuits.Uniform(0.5, 1.5) if "redraw" in drawn else None
    tie = circuits.Tied("w", transpose=True, times=times, **drawn)
    cell = three_compartment(dendrites="instantaneous")
    rule = ActivityDifference("soma", None, 0.1, moments=("shown", "shown"))
    joined = {"initial": circuits.Uniform(-1.0, 1.0)}
    made = circuits.Circuit(
        (
            circuits.Population("input", source(), 8, pattern="inputs"),
            circuits.Population("hidden", cell, 4),
            circuits.Population("output", cell, 3),
        ),
        (
            circuits.Projection("input", "hidden", "basal", **joined),
            circuits.Projection(
                "hidden", "output", "basal", name="w", rule=rule, **joined
            ),
            circuits.Projection("output", "hidden", "apical", name="b", tied_to=tie),
        ),
        circuits.Schedule(
            (circuits.Phase("shown", settle=("hidden", "output"), on=("input",)),)
        ),
        output="output",
    )
    seen = []

    def look(epoch):
        held = epoch.weights(control="still")
        shown = epoch.present({"input": INPUT}, control="still").before
        np.testing.assert_array_equal(shown["b"], held["b"])
        shown = epoch.present({"input": INPUT}).before
        np.testing.assert_array_equal(shown["b"], epoch.weights()["b"])
        seen.append(shown["b"])

    controls = {"still": ("w",)}
    circuits.train(made, tiny_task(), epochs=2, controls=controls, on_epoch=look)
    assert np.abs(seen[1] - seen[0]).max() > 1e-3


def test_controls_have_weights_of_their_own():
    start = circuits.initial_weights(tiny_circuit())

    def look(epoch):
        (frozen,) = epoch.weights(HIDDEN[0], control="frozen_hidden").values()
        np.testing.assert_array_equal(frozen, start[HIDDEN[0]])
        assert (epoch.weights(HIDDEN[0])[HIDDEN[0]] != frozen).any()
        with pytest.raises(ConfigError, match="control = 'frozne'.*'frozen_hidden'"):
            epoch.weights(control="frozne")
        with pytest.raises(ModelError, match="no projection 'nothing'"):
            epoch.weights("nothing")
        with pytest.raises(ConfigError, match="presents with its own"):
            epoch.present({"input": INPUT}, weights={})

    tiny_train(epochs=1, on_epoch=look)


@pytest.mark.parametrize("answer", [True, np.True_])
def test_true_ends_the_training_and_a_resumed_run_goes_on(usual, tmp_path, answer):
    path = tmp_path / "run.ckpt"
    run = tiny_train(
        checkpoint=path, on_epoch=lambda e: answer if e.number == 2 else False
    )
    validate(run)
    assert run.attrs["complete"] == 0 and run.attrs["ended_by"] == "on_epoch"
    assert run["training"].sizes["epoch"] == 2
    same(run, tiny_train(epochs=2))
    numbers = []
    resumed = tiny_train(
        checkpoint=path, resume=True, on_epoch=lambda e: numbers.append(e.number)
    )
    assert numbers == [3]
    same(resumed, usual)


def test_an_interrupt_within_leaves_with_the_run_up_to_that_epoch():
    def stop(epoch):
        if epoch.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        tiny_train(on_epoch=stop)
    validate(caught.value.run)
    same(caught.value.run, tiny_train(epochs=2))


def test_what_it_raises_ends_the_run_as_an_error(tmp_path):
    def fail(epoch):
        raise NumericalError("my own")

    path = tmp_path / "run.ckpt"
    with pytest.raises(NumericalError, match="my own"):
        tiny_train(checkpoint=path, on_epoch=fail)
    assert path.exists()


def test_an_epoch_that_has_passed_can_no_longer_be_looked_at():
    kept = []
    tiny_train(epochs=1, on_epoch=kept.append)
    for look in (kept[0].weights, kept[0].run, lambda: kept[0].curves):
        with pytest.raises(ConfigError, match="has passed"):
            look()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("stop", "on_epoch = 'stop'"),
        (lambda e: 0.5, "on_epoch returned 0.5 after epoch"),
    ],
)
def test_other_functions_are_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        tiny_train(epochs=1, on_epoch=given)


def test_settled_presentations_and_numbers_of_single_precision_are_looked_at_too():
    task, numbers = tiny_task(), []
    for options in ({"dtype": "float32"}, {"integrator": "exact"}):
        run = circuits.train(
            tiny_circuit(form="two_sweep"),
            task,
            epochs=2,
            threads=1,
            on_epoch=lambda e: numbers.append(e.curves["test/loss"][-1]),
            **options,
        )
        loss = run["training"].loss.sel(split="test").values
        np.testing.assert_array_equal(numbers, loss)
        numbers.clear()
