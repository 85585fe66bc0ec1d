"""What a benchmark ends with: times taken in turn, a result in a file, an exit code."""

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from dendrites.provenance import now, provenance

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Check:
    """An agreement or a reach that is named in the docs.

    Parameters
    ----------
    what : str
    value : float
    at_least, at_most : float, optional
        Bounds of the value.
    """

    what: str
    value: float
    at_least: float = float("-inf")
    at_most: float = float("inf")

    @property
    def holds(self) -> bool:
        """Whether the value is a number within its bounds."""
        return self.at_least <= self.value <= self.at_most


def in_turn(
    runs: Mapping[str, Callable], rounds: int, clock: Callable = time.perf_counter
) -> dict[str, float]:
    """Seconds of the fastest round of each, after one that is not counted.

    All are timed equally often, one after the other in every round; every second round
    goes the other way, so that none always follows the same one.
    """
    times = {name: [] for name in runs}
    for k in range(rounds + 1):
        for name in [*runs][:: -1 if k % 2 else 1]:
            begun = clock()
            runs[name]()
            if k:
                times[name].append(clock() - begun)
    return {name: min(values) for name, values in times.items()}


def finish(
    name: str, tables: Mapping[str, tuple[list, list]], checks: Iterable[Check]
) -> int:
    """Keep what was measured, say which checks fail, and give the exit code.

    Parameters
    ----------
    name : str
        Of the file in `benchmarks/results`.
    tables : mapping of name to (titles, rows)
        Texts, as docs/benchmarks.md shows them between the markers NAME-TABLE.
    checks : iterable of Check
    """
    checks = [*checks]
    record = {
        "made": now(),
        **provenance(),
        "load": round(os.getloadavg()[0], 1),
        "tables": {k: {"titles": t, "rows": rows} for k, (t, rows) in tables.items()},
        "checks": [_known(asdict(check)) for check in checks],
    }
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
    for titles, rows in tables.values():
        print(*("  ".join(row) for row in [titles, *rows]), sep="\n")
    failed = [check for check in checks if not check.holds]
    for check in failed:
        bounds = f"{check.at_least:g} to {check.at_most:g}"
        print(f"FAILED: {check.what}: {check.value:.4g}, not within {bounds}")
    return int(bool(failed))


def _known(check):
    """What JSON can hold: no bounds that are infinite."""
    return {k: v for k, v in check.items() if isinstance(v, str) or np.isfinite(v)}
