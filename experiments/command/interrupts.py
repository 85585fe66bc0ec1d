"""Ctrl+C and SIGTERM: the first asks a run to stop, the second stops it at once."""

import os
import shlex
import signal
import threading
from contextlib import contextmanager


class Terminated(KeyboardInterrupt):
    """SIGTERM, such as a batch queue's limit; stops a run as Ctrl+C does."""


@contextmanager
def stopping_politely():
    """Within, the first signal raises in the main thread, the next ends the process.

    Raises
    ------
    KeyboardInterrupt
        On Ctrl+C; `Terminated` on SIGTERM.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals belong to the main thread
        return
    signals = [
        number
        for number in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(number) is not signal.SIG_IGN  # as under nohup
    ]

    def stop(number, frame):
        for each in signals:
            # The system's own reaction needs no interpreter, so it works inside
            # compiled code too. Files on disk are complete at every moment.
            signal.signal(each, signal.SIG_DFL)
        os.write(2, b"\nstopping (once more to stop at once) ...\n")
        raise Terminated if number == signal.SIGTERM else KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def resume_line(name: str, typed: dict, out: str, seed: int | None) -> str:
    """The command that goes on with an interrupted run.

    Parameters
    ----------
    name : str
        Of the experiment.
    typed : dict
        What was typed, texts and switches by name.
    out : str
        The result's name, for a run that was given none.
    seed : int, optional
        The seed in use, for a run that drew it.
    """
    words = ["dendrites", "run", name]
    for key, value in typed.items():
        flag = "--" + key.replace("_", "-")
        if key in ("resume", "any_version", "overwrite"):
            continue
        if isinstance(value, bool):
            words.append(flag if value else "--no-" + flag[2:])
        elif isinstance(value, tuple):
            words.append(f"{flag}={','.join(value)}")
        else:
            words += [f"{flag}={value}"] if value.startswith("-") else [flag, value]
    if seed is not None and "seed" not in typed:
        words += ["--seed", str(seed)]
    if "out" not in typed:
        words += ["--out", out]
    return shlex.join([*words, "--resume"])
