"""Checkpoints beside the result, interruptions, and the way back."""

import os
import signal
import time
from pathlib import Path

import fake_experiment
import pytest
from fake_experiment import python_process, question, refused

from dendrites.dataset import open_run


def test_checkpoints_lie_beside_the_result_and_go_when_it_is_written(answer, tmp_path):
    assert answer("--out", "a.nc", "--gain", 5)[0] == 0
    assert question.calls[0]["checkpoint"] == str(tmp_path / "a.nc.ckpt")
    assert sorted(os.listdir()) == ["a.nc", "a.png"]


def test_an_interrupted_run_prints_the_command_that_goes_on(run, answer):
    code, out, err = answer("--gain", 6, "--hidden", 3, 4, "--seed=5")
    (kept,) = Path().glob("*.nc.ckpt")
    name = kept.name.removesuffix(".ckpt")
    assert (code, out) == (130, "")
    assert "Traceback" not in err
    line = err.splitlines()[-1].split()
    words = ["--gain", "6", "--hidden=3,4", "--seed", "5", "--out"]
    assert line == ["dendrites", "run", "cell-answers", *words, name, "--resume"]
    # The same words go on, here with a gain that ends well.
    code, out, _ = run(*" ".join(line[1:]).replace("--gain 6", "--gain 5").split())
    assert (code, question.calls[-1]["resume"]) == (0, True)
    assert open_run(name).attrs["run_id"].startswith(name[-11:-3])


def test_a_drawn_seed_is_part_of_the_command_that_goes_on(answer):
    _, _, err = answer("--gain", 6)
    assert f"--seed {question.calls[0]['seed']} " in err


def test_a_checkpoint_is_not_overwritten_unasked(answer):
    Path("a.nc.ckpt").write_text("state")
    refused(answer("--out", "a.nc"), 4, "a.nc.ckpt", "--resume", "--overwrite")
    assert Path("a.nc.ckpt").read_text() == "state"


def test_resume_needs_the_name_of_the_result(answer):
    refused(answer("--resume"), 2, "--out FILE")


def test_resuming_from_another_version_is_asked_for_by_name(answer):
    refused(answer("--any-version"), 2, "--resume may go on from; give both")
    words = ["--out", "a.nc", "--gain", 5, "--any-version", "--resume", "--no-plot"]
    assert answer(*words)[0] == 0
    assert question.calls[-1]["resume"] == "any-version"


def test_a_complete_run_is_not_resumed(answer):
    Path("a.nc").write_text("done")
    refused(answer("--out", "a.nc", "--resume"), 4, "nothing to resume")


def test_termination_has_its_own_exit_code(answer, monkeypatch):
    def terminated():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

    monkeypatch.setattr(fake_experiment, "question", terminated)
    before = signal.getsignal(signal.SIGTERM)
    code, _, err = answer()
    assert (code, "nothing was kept" in err) == (143, True)
    assert signal.getsignal(signal.SIGTERM) is before


ASLEEP = 120  # seconds
SLEEPER = """
import signal, sys, time, types
from pathlib import Path
from experiments.command.cli import main
from experiments.registry import EXPERIMENTS, Experiment

def sleeper(*, checkpoint: str = "", resume: bool = False):
    "Does it sleep?"
    Path(checkpoint).write_text("state")
    for _ in range({polite} and 1 or 2):
        try:
            print("asleep", flush=True)
            time.sleep({asleep})
        except KeyboardInterrupt:
            if {polite}:
                raise

module = types.ModuleType("sleeper_module")
module.sleeper = sleeper
sys.modules["sleeper_module"] = module
EXPERIMENTS["sleeper"] = Experiment(
    "sleeper", "sleeper_module", "sleeper", "sleeper_module", "Does it sleep?"
)
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main(["run", "sleeper", "--out", "s.nc"]))
"""


def stopped(polite, *numbers):
    """Exit code and errors of a run after signals; it stops within two seconds."""
    begun = time.perf_counter()
    with python_process(SLEEPER.format(polite=polite, asleep=ASLEEP)) as child:
        assert child.stdout.readline() == "asleep\n"
        started, begun = time.perf_counter() - begun, time.perf_counter()
        child.send_signal(numbers[0])
        for number in numbers[1:]:
            assert child.stdout.readline() == "asleep\n"
            child.send_signal(number)
        _, err = child.communicate(timeout=ASLEEP / 2)
        # On a machine that is busy, to start takes as much longer as to stop.
        assert time.perf_counter() - begun < max(2.0, started)
    return child.returncode, err


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_a_signal_stops_a_run_within_two_seconds(number, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found, err = stopped(True, number)
    assert found == code
    assert "dendrites run sleeper --out s.nc --resume" in err
    assert "Traceback" not in err
    assert os.listdir() == ["s.nc.ckpt"]


def test_a_result_that_another_run_is_making_is_left_to_it(
    tmp_path, monkeypatch, answer
):
    with python_process(SLEEPER.format(polite=True, asleep=ASLEEP)) as child:
        assert child.stdout.readline() == "asleep\n"
        before = Path("s.nc.ckpt").read_bytes()
        for words in ([], ["--overwrite"], ["--resume"]):
            said = f"s.nc is being made by another run: process {child.pid}, since 20"
            refused(answer("--out", "s.nc", *words), 4, said)
        assert Path("s.nc.ckpt").read_bytes() == before
        child.kill()
    # Files of its lock are still there, as after a crash, and in nobody's way.
    assert sorted(os.listdir()) == [".s.nc.lock", ".s.nc.lock.json", "s.nc.ckpt"]
    refused(answer("--out", "s.nc"), 4, "holds an interrupted run")
    assert answer("--out", "s.nc", "--overwrite", "--no-plot")[0] == 0
    assert os.listdir() == ["s.nc"]


RACER = """
import sys
import fake_experiment
from experiments.command.cli import main
from experiments.registry import EXPERIMENTS

fake_experiment.question.calls = []
EXPERIMENTS["racer"] = fake_experiment.experiment("racer", "question")
sys.exit(main(["run", "racer", "--out", "r.nc", "--no-plot", *sys.argv[1:]]))
"""


def test_of_runs_started_together_one_has_the_result(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    children = [python_process(RACER) for _ in range(2)]
    ends = [child.communicate(timeout=ASLEEP) for child in children]
    codes = sorted(child.returncode for child in children)
    assert codes == [0, 4], ends
    for child, (out, err) in zip(children, ends, strict=True):
        if child.returncode:
            assert out == "" and err.count("\n") == 1
            assert "being made by another run" in err or "already exists" in err
    assert os.listdir() == ["r.nc"]


def test_a_second_signal_stops_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _ = stopped(False, signal.SIGINT, signal.SIGINT)
    assert code == -signal.SIGINT
