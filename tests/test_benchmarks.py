"""How benchmarks end, and what their stored results hold."""

import json

import pytest

from benchmarks import outcome
from benchmarks.outcome import Check, finish, in_turn
from docs.results import make

STORED = sorted(make.BENCHMARKS.glob("*.json"))


def test_all_are_timed_equally_often_and_in_both_orders():
    order, clock = [], iter(range(1000))
    runs = {name: lambda name=name: order.append(name) for name in "abc"}
    found = in_turn(runs, 3, lambda: next(clock))
    assert order == [*"abc", *"cba", *"abc", *"cba"]
    assert found == {"a": 1, "b": 1, "c": 1}


def test_the_fastest_round_counts_and_the_first_does_not():
    times = iter([0.0, 1.0, 5.0, 6.0, 9.0])
    assert in_turn({"a": lambda: None}, 2, lambda: next(times)) == {"a": 3.0}


@pytest.mark.parametrize(
    ("check", "code"),
    [
        (Check("speed", 1.2, at_least=1.0), 0),
        (Check("speed", 0.9, at_least=1.0), 1),
        (Check("deviation", 2e-3, at_most=1e-3), 1),
        (Check("deviation", float("nan"), at_most=1e-3), 1),
    ],
)
def test_a_check_that_fails_gives_an_exit_code(
    check, code, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(outcome, "RESULTS", tmp_path)
    assert finish("one", {"speed": (["runner"], [["ours"]])}, [check]) == code
    assert ("FAILED" in capsys.readouterr().out) == bool(code)
    kept = json.loads((tmp_path / "one.json").read_text())
    assert kept["tables"] == {"speed": {"titles": ["runner"], "rows": [["ours"]]}}
    assert kept["checks"][0]["what"] == check.what and "git_commit" in kept


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_stored_results_hold_what_they_were_checked_for(path):
    checks = json.loads(path.read_text())["checks"]
    assert checks and all(Check(**check).holds for check in checks)
