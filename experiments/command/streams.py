"""Standard output and error that are closed, full, or read by nobody."""

import os
import sys
from contextlib import suppress


def open_closed_streams():
    """Nowhere in place of what the caller closed (`>&-`).

    The next file opened would otherwise get the number of standard output or error,
    and what is written there would end in it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            place = os.open(os.devnull, os.O_RDWR)
            if place != number:
                os.dup2(place, number)
                os.close(place)
            mode = "w" if number else "r"
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def silence_output():
    """Nowhere for standard output, so that Python can close it without complaint."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Unfailing:
    """A stream that is full or closed, without the errors that come of it."""

    def __init__(self, stream):
        self._stream = stream

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self):
        with suppress(OSError):
            self._stream.flush()
