"""Training that is killed or interrupted goes on and ends with the same bits."""

import os
import random
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import tiny_training
from thinned import first

from circuits.checkpoint import load_checkpoint

EPOCHS, EXAMPLES = 8, 1000
PATIENCE = 300  # seconds, on a machine that has other things to do
ROOT = Path(tiny_training.__file__).parents[1]


def start(path, *, folder=ROOT):
    """A process that trains, resuming whatever the checkpoint holds."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.Popen(
        [sys.executable, tiny_training.__file__, path, str(EPOCHS), str(EXAMPLES)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def first_report(child):
    """Wait for the first line of progress; the lines of it so far."""
    lines = []
    for line in child.stderr:
        lines.append(line)
        if line.startswith(("epoch ", "resuming ")):
            break
    return lines


def finish(path):
    """Fingerprint and number of resumes of a run that is left alone."""
    out, err = start(path).communicate(timeout=PATIENCE)
    sha, resumes = out.split() or [err, -1]
    return sha, int(resumes)


def epochs_saved(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a kill between renames is reported
        _, arrays = load_checkpoint(path)
    return len(arrays["history/epochs/wall_time"])


@pytest.fixture(scope="module")
def whole():
    """Fingerprint of the run that nothing disturbs."""
    tree = tiny_training.tiny_train(
        task=tiny_training.tiny_task(EXAMPLES), epochs=EPOCHS, threads=1
    )
    return tree.attrs["state_sha256"]


@pytest.fixture(scope="module")
def duration(whole):
    """Seconds that the run takes here, now that its loops are compiled."""
    begun = time.perf_counter()
    task = tiny_training.tiny_task(EXAMPLES)
    tiny_training.tiny_train(task=task, epochs=EPOCHS)
    return time.perf_counter() - begun


# Each takes some seconds; the others differ in the moment of the kill.
@pytest.mark.parametrize("trial", first(range(10), 1))
def test_a_killed_run_ends_with_the_same_bits(tmp_path, whole, duration, trial):
    rng, path = random.Random(trial), tmp_path / "run.ckpt"
    killed, saved = 0, 0
    for _ in range(rng.randint(1, 2)):
        with start(path) as child:
            reported = first_report(child)
            time.sleep(rng.uniform(0.0, duration / 2))
            child.kill()
            reported += child.stderr.readlines()
        assert child.returncode == -signal.SIGKILL
        killed += 1
        done = [int(x.split()[1].split("/")[0]) for x in reported if x[:5] == "epoch"]
        if path.exists() or path.with_name("run.ckpt.prev").exists():
            # An epoch is reported before it is saved: the last one may be missing.
            assert epochs_saved(path) >= max(max(done, default=0) - 1, saved)
            saved = epochs_saved(path)
    sha, resumes = finish(path)
    assert sha == whole
    assert resumes <= killed + 1
    assert not list(tmp_path.glob(".*.tmp"))


@pytest.mark.parametrize("trial", first(range(2), 1))
def test_an_interrupted_run_stops_soon_and_goes_on(tmp_path, whole, trial):
    path = tmp_path / "run.ckpt"
    begun = time.perf_counter()
    with start(path) as child:
        first_report(child)
        started = time.perf_counter() - begun
        time.sleep(0.05 * trial)
        begun = time.perf_counter()
        child.send_signal(signal.SIGINT)
        error = child.stderr.read()
        child.wait(timeout=PATIENCE)
        stopped = time.perf_counter() - begun
    assert child.returncode != 0
    assert "KeyboardInterrupt" in error
    # On a machine that is busy, to start takes as much longer as to stop.
    assert stopped < max(2.0, started)
    assert finish(path)[0] == whole
    assert np.isfinite(load_checkpoint(path)[1]["history/epochs/wall_time"]).all()
