"""Plausible and implausible arrays at public doors: run or refused, never a crash.

Everything that compiled loops reach by pointers has been checked before. Each try gets
arrays of random shapes, types, orders and values, and must end in a result of finite
numbers or in an error of this library. The tries run in a process of their own, whose
end would show memory that is not ours.
"""

import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).with_name("fuzz_doors.py")


def tries(first, count):
    """Output of a process that makes so many tries."""
    done = subprocess.run(
        [sys.executable, FUZZ, str(first), str(count)],
        capture_output=True,
        text=True,
        timeout=3000,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_random_arrays_at_public_doors_never_end_the_process():
    assert "60 tries" in tries(0, 60)


@pytest.mark.slow
def test_thousands_of_random_arrays_never_end_the_process():
    assert "6000 tries" in tries(1000, 6000)
