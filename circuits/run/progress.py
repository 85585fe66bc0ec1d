"""Progress of a training run on standard error."""

import sys
import time

from tqdm import tqdm

from circuits.run.history import MAIN


class Progress:
    """A bar over epochs on a terminal, a line per epoch elsewhere, or nothing."""

    def __init__(self, epochs: int, shown: bool):
        self.epochs, self.shown = epochs, shown
        self.bar = None
        self.begun = time.perf_counter()

    def __enter__(self):
        if self.shown and sys.stderr.isatty():
            self.bar = tqdm(
                total=self.epochs,
                unit="epoch",
                bar_format="{l_bar}{bar}| {n:.1f}/{total} epochs "
                "[{elapsed}<{remaining}{postfix}]",
            )
        return self

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.close()

    def announce(self, text: str) -> None:
        """Say that loops are being compiled."""
        self._line(text)

    def resume(self, epochs_done: int) -> None:
        """Start from what a checkpoint holds."""
        self._line(f"resuming after epoch {epochs_done}")
        if self.bar is not None:
            self.bar.update(epochs_done)

    def tick(self, presentation: int, per_epoch: int) -> None:
        """A presentation has ended."""
        if self.bar is not None:
            self.bar.update(presentation / per_epoch - self.bar.n)

    def epoch(self, number: int, row: dict) -> None:
        """An epoch has ended and was tested."""
        key = f"{MAIN}/test/error_rate"
        text = (
            f"test error {row[key]:.2%}"
            if key in row
            else f"test loss {row[f'{MAIN}/test/loss']:.4g}"
        )
        if self.bar is not None:
            self.bar.update(number - self.bar.n)
            self.bar.set_postfix_str(text)
        elif self.shown:
            seconds = time.perf_counter() - self.begun
            self._line(f"epoch {number}/{self.epochs}: {text} ({seconds:.0f} s)")

    def _line(self, text):
        if self.shown:
            tqdm.write(text, file=sys.stderr)
