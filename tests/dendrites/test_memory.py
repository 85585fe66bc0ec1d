"""What is available is read from the system, and requests are compared with it."""

import sys

import numpy as np
import pytest

import dendrites as dn
from dendrites import _memory, models
from dendrites.errors import ConfigError

pytestmark = pytest.mark.nojit

MEMINFO = "MemTotal: 100 kB\nMemFree: 10 kB\nMemAvailable: 60 kB\nCached: 50 kB\n"


@pytest.fixture
def linux(monkeypatch, tmp_path):
    """A Linux machine in a folder: files of it can be written."""

    def write(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(_memory, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(_memory, "_GROUPS", tmp_path / "groups")
    write(proc__meminfo=MEMINFO)
    return write


def test_memory_that_caches_files_is_available(linux):
    assert _memory.available_bytes() == 60 * 1024


@pytest.mark.parametrize("folder", ["groups__box__", "groups__"])
def test_the_limit_of_a_container_is_heeded(linux, folder):
    linux(proc__self__cgroup="0::/box\n")
    linux(
        **{
            f"{folder}memory_dot_max": "50000",
            f"{folder}memory_dot_current": "30000",
            f"{folder}memory_dot_stat": "anon 5\ninactive_file 4000\n",
        }
    )
    assert _memory.available_bytes() == 50000 - 30000 + 4000


def test_a_container_without_a_limit_has_what_the_machine_has(linux):
    linux(proc__self__cgroup="0::/box\n", groups__box__memory_dot_max="max")
    assert _memory.available_bytes() == 60 * 1024


def test_the_pages_of_macos_are_counted():
    text = (
        "Mach Virtual Memory Statistics: (page size of 16384 bytes)\n"
        "Pages free:      3.\nPages active:  9.\nPages inactive:   4.\n"
        "Pages speculative:   1.\nPages wired down:  7.\n"
    )
    assert _memory._of_vm_stat(text) == 8 * 16384


def test_a_machine_that_tells_nothing_is_no_reason_to_fail(linux):
    linux(proc__meminfo="nothing\n")
    assert _memory.available_bytes() > 0


def test_the_system_is_not_asked_for_a_mebibyte(monkeypatch):
    monkeypatch.setattr(_memory, "available_bytes", lambda: 0)
    _memory.check_memory(2**20, "it")
    with pytest.raises(ConfigError, match="too large"):
        _memory.check_memory(2**20 + 1, "it")


def test_what_does_not_fit_is_refused_with_both_figures():
    with pytest.raises(ConfigError, match="needs 30 KiB of .*, and 20 KiB are"):
        _memory.check_memory(30 * 1024, "it", limit=20 * 1024)
    with pytest.raises(ConfigError, match="needs inf EiB"):
        _memory.check_memory(10**400, "it")


@pytest.mark.parametrize(
    "options",
    [
        {"duration": 1e12},
        {"duration": 1e15, "dt": 1.0},
        {"duration": 1000.0, "basal": [1.0] * 10_000_000},
    ],
)
def test_a_simulation_too_large_for_memory_is_refused_at_once(options):
    with pytest.raises(ConfigError, match="too large: needs"):
        dn.simulate(models.three_compartment(), **options)


@pytest.mark.parametrize("seed", [2**63, 2**64, 10**100 - 1])
def test_seeds_may_have_any_size(seed):
    tree = dn.simulate(models.three_compartment(), duration=0.2, seed=seed)
    assert tree.attrs["seed"] == str(seed)
    assert np.isfinite(tree["populations/cell"].v).all()


def test_a_seed_of_more_than_a_hundred_digits_is_refused():
    with pytest.raises(ConfigError, match="at most 100 digits"):
        dn.simulate(models.three_compartment(), duration=0.2, seed=10**5000)
