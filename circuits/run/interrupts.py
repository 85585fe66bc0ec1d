"""What an interrupted run hands back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def handing_back(found: Callable[[], object]) -> Iterator[None]:
    """Within, a KeyboardInterrupt leaves with what there is, as its attribute `run`."""
    try:
        yield
    except KeyboardInterrupt as stop:
        stop.run = found()
        raise
