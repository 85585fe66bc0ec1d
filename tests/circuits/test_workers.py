"""Threads of a run: whatever ends one early, none of the others goes on behind it."""

import threading
import time

import pytest

from circuits.engine.workers import SHARED_WORK, Stopped, Workers


@pytest.mark.parametrize("shares", ["replicas", "lanes"])
def test_a_failure_waits_for_all_work_to_stop(shares):
    n_replicas = 2 if shares == "replicas" else 1
    workers, begun, ended = Workers(2, n_replicas), threading.Barrier(2), []

    def work(number):
        begun.wait(timeout=30)
        if number == 0:
            raise ZeroDivisionError
        for _ in range(30_000):
            time.sleep(0.001)
            try:
                workers.check()
            except Stopped:
                ended.append(number)
                raise

    with pytest.raises(ZeroDivisionError):
        if shares == "replicas":
            workers.each(work, range(2))
        else:
            workers.map(work, range(2), SHARED_WORK)
    assert ended == [1]
    assert not workers.stopping.is_set()
    # They can work again.
    assert workers.map(lambda number: 2 * number, range(2)) == [0, 2]


def test_little_work_stays_where_it_is():
    threads = Workers(2, 1).map(lambda _: threading.get_ident(), range(3), 10)
    assert set(threads) == {threading.get_ident()}
