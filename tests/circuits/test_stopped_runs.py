"""What an interrupt leaves of runs: the presentation, sequence or piece so far."""

import numpy as np
import pytest
from systems import patterns, plastic_microcircuit, two_populations
from tiny_training import tiny_train

import circuits
from circuits import Inputs, Phase, Record, Schedule
from dendrites.dataset import validate
from dendrites.models import spike_source

SIZES = [4, 3, 2]
CIRCUIT = plastic_microcircuit(SIZES, steps=40)
# Long enough to come back from compiled code several times.
SPLIT = Schedule(
    (Phase("free", 20.0, on=("input",)), Phase("nudged", 20.0, on=("input", "target")))
)


def shown(samples=1):
    inputs, targets, _ = patterns(SIZES, batch=samples)
    return {"input": inputs, "target": targets}


@pytest.fixture
def stopping(monkeypatch):
    """Interrupts a run when it comes back from compiled code for the n-th time."""

    def stop_at(n):
        returns = []

        def interrupt(self):
            returns.append(None)
            if len(returns) == n:
                raise KeyboardInterrupt

        monkeypatch.setattr("circuits.engine.workers.Workers.check", interrupt)

    return stop_at


def interrupt(*_, **__):
    raise KeyboardInterrupt


def test_a_simulation_hands_back_what_was_recorded(stopping):
    record = ["output", Record("hidden1", every=0.5, reads=["rate"])]
    options = {"schedule": SPLIT, "learning": True}
    whole = circuits.simulate(CIRCUIT, shown(2), record, **options)
    stopping(3)
    with pytest.raises(KeyboardInterrupt) as caught:
        circuits.simulate(CIRCUIT, shown(2), record, **options)
    found = caught.value.run
    done = found["populations/output"].sizes["time"]
    assert 0 < done < 400
    validate(found)
    assert (found.attrs["complete"], found.attrs["finished_utc"]) == (0, "")
    for name, count in (("output", done), ("hidden1", done // 5)):
        path = f"populations/{name}"
        part = whole[path].to_dataset().isel(time=slice(0, count))
        assert found[path].to_dataset().equals(part)
    learned = found["connections/input_to_hidden1_basal"]
    np.testing.assert_array_equal(learned.record_step, [0, done])
    assert (learned.w[0] != learned.w[1]).any()


@pytest.mark.parametrize("door", ["train", "simulate"])
def test_what_is_stopped_while_it_is_made_has_nothing(door, monkeypatch):
    for module in ("session", "simulate"):
        monkeypatch.setattr(f"circuits.run.{module}.Replicas", interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        if door == "train":
            tiny_train()
        else:
            circuits.simulate(CIRCUIT, shown(), ["output"])
    assert caught.value.run is None


def test_a_sequence_hands_back_what_was_kept():
    calls = []

    def tick():
        calls.append(None)
        if len(calls) == 2:
            raise KeyboardInterrupt

    options = {"keep": [0, 1, 3], "reads": [("output", "rate")]}
    whole = circuits.present_sequence(CIRCUIT, shown(3), **options)
    with pytest.raises(KeyboardInterrupt) as caught:
        circuits.present_sequence(CIRCUIT, shown(3), tick=tick, **options)
    found = caught.value.run
    np.testing.assert_array_equal(found.presentations, [0, 1])
    np.testing.assert_array_equal(
        found.reads["output", "rate"], whole.reads["output", "rate"][:2]
    )
    for mine, theirs in zip(found.weights, whole.weights, strict=False):
        for name, w in theirs.items():
            np.testing.assert_array_equal(mine[name], w)


def test_a_sequence_stopped_while_it_is_made_has_kept_nothing(monkeypatch):
    monkeypatch.setattr("circuits.run.sequence.Replicas", interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        circuits.present_sequence(CIRCUIT, shown(), reads=[("output", "rate")])
    assert caught.value.run.weights == []
    assert caught.value.run.presentations.shape == (0,)


def spiking():
    return two_populations(
        pre=spike_source(rate_scale=500.0),
        steps=8,
        signal="spikes",
        initial=circuits.Constant(1.0),
    )


def pieces(given, **options):
    return circuits.run_in_pieces(
        spiking(), given, n_steps=12, piece=4, record=["output"], driven=["input"]
    )


def ones(first, count):
    return Inputs({"input": np.ones((count, 4))}, {})


def test_pieces_before_an_interrupt_are_there_and_those_after_it_go_on(stopping):
    whole = [*pieces(ones)]
    stopping(2)
    run, found = pieces(ones), []
    with pytest.raises(KeyboardInterrupt) as caught:
        for piece in run:
            found.append(piece)
    # The second piece was stopped after its last step.
    assert len(found) == 1
    for mine, theirs in zip((*found, caught.value.run), whole, strict=False):
        np.testing.assert_array_equal(
            mine.reads["output", "soma"], theirs.reads["output", "soma"]
        )


def test_an_interrupt_of_the_inputs_has_no_piece():
    def given(first, count):
        if first:
            raise KeyboardInterrupt
        return ones(first, count)

    with pytest.raises(KeyboardInterrupt) as caught:
        for _ in pieces(given):
            pass
    assert caught.value.run is None
