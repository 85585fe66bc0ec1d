"""What training refuses before it compiles anything, and what it says meanwhile."""

import sys
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from tiny_training import HIDDEN, SIZES, tiny_circuit, tiny_task, tiny_train

import circuits
from circuits import evaluate
from circuits.run.progress import Progress
from dendrites.compile.jit import COMPILING, compiling, told_once
from dendrites.errors import (
    ConfigError,
    DataError,
    DendritesError,
    ModelError,
    NumericalError,
    StorageError,
)


@pytest.fixture
def nothing_compiles(monkeypatch):
    def compile(*_, **__):
        raise AssertionError("a run was built before its options were checked")

    monkeypatch.setattr("circuits.run.session.Replicas", compile)


WHOLE = ["epochs", "batch", "block", "chunk", "threads"]


@pytest.mark.parametrize("value", [0, -1, True, "3", 2.0], ids=repr)
@pytest.mark.parametrize("name", WHOLE)
def test_counts_must_be_whole_numbers_above_zero(nothing_compiles, name, value):
    with pytest.raises(ConfigError, match=f"{name}: expected a whole number >= 1, got"):
        tiny_train(**{name: value})


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"integrator": "blokced"}, "integrator = 'blokced': did you mean 'blocked'"),
        ({"dtype": "float16"}, "dtype = 'float16': .*allowed: float64, float32"),
        ({"probe": -1}, "probe: expected a whole number >= 0, got -1"),
        ({"seed": -1}, "seed=-1: a seed is a non-negative integer"),
        ({"seed": 1.5}, "seed=1.5 is a float"),
        ({"seed": True}, "seed=True is a bool"),
        ({"rate_decay": 0}, r"rate_decay = 0: must be > 0 and <= 1"),
        ({"rate_decay": 1.1}, "rate_decay = 1.1"),
        ({"rate_decay": "1"}, "rate_decay = '1'"),
        ({"rate_decay": float("nan")}, "rate_decay = nan"),
        (
            {"learning_rates": {"inpt_to_hidden1_basal": 1}},
            "did you mean 'input_to_hid",
        ),
        # Top-down weights have no rule.
        ({"learning_rates": {"output_to_hidden2_apical": 1.0}}, "no projection that l"),
        ({"learning_rates": {HIDDEN[0]: -1}}, "= -1: must be >= 0"),
        ({"learning_rates": {HIDDEN[0]: None}}, "= None: must be a finite number"),
        (
            {"learning_rates": {HIDDEN[0]: float("inf")}},
            "= inf: must be >= 0 and finite",
        ),
        ({"learning_rates": [1.0]}, "learning_rates is a list, must be a mapping"),
        ({"controls": {"x": ("hidden",)}}, "no projection 'hidden'"),
        ({"controls": {"x": HIDDEN[0]}}, "must be a tuple of names"),
        ({"controls": {"main": HIDDEN}}, "'main' is the trained circuit itself"),
        ({"controls": {"a/b": HIDDEN}}, "control name 'a/b'"),
        ({"controls": ["x"]}, "controls is a list, must be a mapping"),
        ({"weights": {HIDDEN[0]: np.zeros((8, 6))}}, r"must be \(6, 8\).*Transpose it"),
        ({"weights": {"input_to_hidden": 1}}, "no projection 'input_to_hidden'"),
        ({"weights": {HIDDEN[0]: np.full((6, 8), np.nan)}}, "48 of 48 values are not"),
    ],
)
def test_options_that_say_nothing_possible_are_refused(nothing_compiles, options, text):
    with pytest.raises((ConfigError, ModelError), match=text):
        tiny_train(**options)


def test_a_probe_of_a_circuit_without_network_is_refused(nothing_compiles):
    with pytest.raises(ConfigError, match="probe = 50: .* has no `network`"):
        tiny_train(replace(tiny_circuit(), network=None), probe=50)


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ([7, 6, 3], "'input' has 7 cells, but task 'tiny' has 8 inputs"),
        ([8, 6, 4], "'target' has 4 cells, but task 'tiny' has 3 targets"),
    ],
)
def test_a_task_that_does_not_fit_is_refused(nothing_compiles, sizes, text):
    with pytest.raises(ConfigError, match=text):
        tiny_train(tiny_circuit(sizes), controls=None)
    with pytest.raises(ConfigError, match=text):
        evaluate(tiny_circuit(sizes), tiny_task(), {})


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_target_rates_the_cells_never_reach_are_refused(nothing_compiles, rate):
    whole = tiny_task()
    splits = {
        name: split._replace(targets=np.where(split.targets > 0.5, 0.8, 0.1))
        for name, split in whole.splits.items()
    }
    # The largest target stays that of the label.
    column = int(splits["test"].labels[0]) - int(rate == 0.0)
    splits["test"].targets[0, column] = rate
    with pytest.raises(
        DataError, match=f"no potential gives the target rate {rate:g} "
    ):
        tiny_train(task=circuits.Task("tiny", splits))


def test_a_squared_error_needs_no_potentials_of_targets():
    whole = tiny_task()
    splits = {
        name: split._replace(targets=np.round(split.targets))
        for name, split in whole.splits.items()
    }
    circuit = circuits.algorithms.backprop((SIZES[0], 5, SIZES[-1]))
    tree = circuits.train(circuit, circuits.Task("tiny", splits), epochs=1, threads=1)
    assert np.isfinite(tree["training"].loss).all()


def test_a_checkpoint_in_no_folder_is_refused(nothing_compiles, tmp_path):
    with pytest.raises(StorageError, match="its folder does not exist"):
        tiny_train(checkpoint=tmp_path / "none" / "run.ckpt")


def test_an_unknown_split_is_refused(nothing_compiles):
    with pytest.raises(ConfigError, match="no split 'tset'. did you mean 'test'"):
        evaluate(tiny_circuit(), tiny_task(), {}, split="tset")


@pytest.mark.parametrize("options", [{"threads": 0}, {"chunk": 0}, {"dtype": "int8"}])
def test_evaluation_checks_its_options_too(nothing_compiles, options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        evaluate(tiny_circuit(), tiny_task(), {}, **options)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"g_apical": 0.0}, "'matched' needs conductances > 0"),
        ({"g_output_nudge": 0.0}, "'matched' needs conductances > 0"),
        ({"learning_rates": "mached"}, "must be 'matched' or one number per layer"),
        ({"learning_rates": [0.1, 0.1]}, "has 2 values, must have one number or 3"),
        ({"g_apical": None}, "g_apical.0. = None: must be a finite number"),
        ({"g_dendrite": "mached"}, "one per hidden layer, or 'matched'"),
        ({"g_dendrite": [1.0]}, "g_dendrite has 1 values"),
        ({"interneuron_rate": -0.1}, "interneuron_rate.* = -0.1"),
        ({"test_presentation": 0.0}, "duration = 0.0 ms: must be > 0"),
        ({"learning_lag": 5.0}, "lag = 5 ms is longer than the phase"),
        ({"filter_tau": 0.0}, "tau = 0.0 ms: must be > 0"),
    ],
)
def test_circuits_that_cannot_learn_are_refused(options, text):
    with pytest.raises(ModelError, match=text):
        tiny_circuit(**options)


@pytest.mark.parametrize("sizes", [[8, 3], 8, "abc", [8, 0, 3], [8, 2.5, 3], None])
def test_sizes_without_a_hidden_layer_are_refused(sizes):
    with pytest.raises(ModelError, match="sizes"):
        tiny_circuit(sizes)


def test_arrays_and_numpy_numbers_are_accepted_as_conductances():
    given = tiny_circuit(
        g_apical=np.float32(0.5), g_dendrite=np.array([1.0, 2.0]), g_output_nudge=1
    )
    assert given.model("hidden2").parameters.g_apical == 0.5
    assert given.model("interneuron2").parameters.g_dendrite == 2.0


@pytest.mark.parametrize("name", [HIDDEN[0], "hidden2_to_output_basal"])
def test_a_diverging_learning_rate_says_where(name):
    known = [*(p.name for p in tiny_circuit().projections)]
    known += [p.name for p in tiny_circuit().populations]
    with pytest.raises(NumericalError, match="left the finite range") as caught:
        tiny_train(learning_rates={name: 1e306}, controls=None)
    text = str(caught.value)
    assert text.split("'")[1] in known
    assert "learning rate" in text
    assert isinstance(caught.value, DendritesError)


# Progress


def test_without_a_terminal_progress_is_one_line_per_epoch(capsys):
    tiny_train(epochs=2, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line for line in err.splitlines() if line != COMPILING]
    assert len(lines) == 2
    assert lines[0].startswith("epoch 1/2: test error ")
    assert lines[1].startswith("epoch 2/2: test error ")
    assert "\r" not in err and "\x1b" not in err


def test_progress_is_silent_unless_asked_for(capsys):
    tiny_train(epochs=1)
    assert capsys.readouterr() == ("", "")


def test_regression_reports_its_loss(capsys):
    task = tiny_task()
    splits = {name: s._replace(labels=None) for name, s in task.splits.items()}
    tree = tiny_train(task=circuits.Task("tiny", splits), epochs=1, progress=True)
    assert "test loss 0." in capsys.readouterr().err
    assert "error_rate" not in tree["training"]
    assert "target" not in tree["predictions/test"]


def test_compiling_is_announced_once_and_only_when_something_compiles(capsys):
    import numba

    bar = Progress(1, shown=True)
    with compiling(bar.announce):
        pass
    assert COMPILING not in capsys.readouterr().err
    with compiling(bar.announce):
        for k in range(2):
            numba.njit(eval(f"lambda x: x + {k}"))(1)
    assert capsys.readouterr().err.count(COMPILING) == 1


def test_compiling_is_announced_once_for_many_loops_of_one_command(capsys):
    import numba

    for outer in (told_once(), nullcontext()):
        with outer:
            for k in range(3):
                with compiling():
                    numba.njit(eval(f"lambda x: x - {k}"))(1)
    # Once in all within the first, and every time outside of it.
    assert capsys.readouterr().err.count(COMPILING) == 1 + 3


def test_a_second_run_compiles_nothing(capsys):
    tiny_train(epochs=1)
    tiny_train(epochs=1, progress=True)
    assert COMPILING not in capsys.readouterr().err


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    tiny_train(epochs=2, progress=True)
    err = capsys.readouterr().err
    assert "2.0/2 epochs" in err
    assert "test error" in err


def test_every_size_of_circuit_shares_the_compiled_loops(capsys):
    tiny_train(epochs=1)
    tiny_train(tiny_circuit([SIZES[0], 4, 3]), controls=None, epochs=1, progress=True)
    assert COMPILING not in capsys.readouterr().err
