"""Workers: threads that share out replicas or lanes, never both."""

import threading
from concurrent.futures import ThreadPoolExecutor

from dendrites.compile.jit import jit_disabled

# Fewer multiply-adds than these for each lane are not worth waiting for a thread.
SHARED_WORK = 3_000_000


class Stopped(BaseException):
    """Work that ended early because another thread failed or was interrupted."""


class Workers:
    """Threads of one run.

    Parameters
    ----------
    threads, n_replicas : int
    """

    def __init__(self, threads: int, n_replicas: int):
        self.threads = 1 if jit_disabled() else threads
        self.n_replicas, self._pool = n_replicas, None
        self.stopping = threading.Event()

    def each(self, work, numbers):
        """Call work(number) for all replicas, on threads.

        An interrupt sets `stopping`, which long work looks at by `check`.
        """
        if self.threads == 1 or len(numbers) == 1:
            return [work(number) for number in numbers]
        return self._shared(work, numbers)

    def map(self, work, items, cost=SHARED_WORK):
        """Call work(item) for lanes of one replica, on threads if `cost` is worth it.

        Several replicas already share out the threads, and waiting for lanes in a
        thread of the same pool could wait for ever.
        """
        alone = self.threads == 1 or self.n_replicas > 1 or len(items) == 1
        if alone or cost < SHARED_WORK:
            return [work(item) for item in items]
        return self._shared(work, items)

    def _shared(self, work, items):
        """All results; whatever ends them early, no work goes on behind its back."""
        try:
            waiting = [self._threads().submit(work, item) for item in items]
            return [result.result() for result in waiting]
        except BaseException:
            self.stopping.set()
            pool, self._pool = self._pool, None
            if pool is not None:
                pool.shutdown(cancel_futures=True)
            self.stopping.clear()
            raise

    def check(self):
        """End work in a thread when the run is being stopped."""
        if self.stopping.is_set():
            raise Stopped

    def _threads(self):
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.threads)
        return self._pool
