"""Test processes keep to one BLAS thread, so that several can share a machine."""

import os
import time

import pytest
from threadpoolctl import threadpool_limits

# Matrices of the tests are small, and threads wait for each other: two of them took
# twice the processor time of one (measured beside other programs). The variable is for
# processes started by tests and libraries not yet loaded, the limit for those that a
# plugin has loaded before.
BLAS_THREADS = int(os.environ.setdefault("OPENBLAS_NUM_THREADS", "1"))
threadpool_limits(limits=BLAS_THREADS, user_api="blas")


# How the engine runs: with and without the passes that replace operations by cheaper
# ones, and each time with guards around what lies in memory, so that whatever writes or
# reads beside its own place is found. Tests that do not ask run it as it is.
ENGINES = {
    "passes": {"DENDRITES_ENGINE_GUARD": "on"},
    "no_passes": {"DENDRITES_ENGINE_GUARD": "on", "DENDRITES_ENGINE_PASSES": "off"},
}


@pytest.fixture(scope="module", params=ENGINES)
def every_engine(request):
    """Runs the tests of a module that ask for it once for every way of the engine."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENGINES[request.param].items():
            patch.setenv(name, value)
        yield request.param


@pytest.fixture
def nothing_is_compiled(monkeypatch):
    """Fails a test that compiles a loop."""

    def refuse(*_):
        raise AssertionError("a loop was compiled")

    for module in ("loops", "tie_loop"):
        monkeypatch.setattr(f"dendrites.compile.{module}.compile_loop", refuse)


@pytest.fixture
def takes_no_second():
    """Fails a test that takes a second."""
    start = time.perf_counter()
    yield
    assert time.perf_counter() - start < 1.0
