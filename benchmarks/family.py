"""Every learning scheme against NumPy of the same arithmetic, and against PyTorch.

64-30-10 with batches of 10, 784-500-10 and 784-500-500-10 with batches of 64, float32,
one thread. A scheme is a row of `experiments.family.table`, its twin in
`benchmarks/family_twins.py`; twins start from the same weights and are shown the same
batches. All are timed in turn, round by round, in one process by its processor time; a
row gives the fastest round of each. The deviation is the largest difference of a
bottom-up weight from NumPy's after the first round, over the largest weight.

Exits with 1 if a deviation is above 1e-4 or the engine is slower than NumPy.

Usage: python benchmarks/family.py [--schemes backprop ...] [--rounds 5] [--out FILE]
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from family_twins import DRAWING, TWINS
from threadpoolctl import threadpool_limits

from circuits import Presenter
from experiments.family.table import SCHEMES

try:
    import torch
except ImportError:
    torch = None

#: Layer sizes, batch and presentations of a round.
NETWORKS = (
    ((64, 30, 10), 10, 200),
    ((784, 500, 10), 64, 10),
    ((784, 500, 500, 10), 64, 6),
)
AGREEMENT, REACH = 1e-4, 1.0
RATE = 0.01
#: All others are built of logistic cells.
OWN_FUNCTIONS = ("equilibrium_propagation",)
OUT = Path(__file__).resolve().parents[1] / "docs" / "results" / "family-speed.json"


def batches(sizes, batch, presentations):
    """Inputs as sparse as images, and targets of one right output cell."""
    rng = np.random.default_rng(0)
    n = batch * presentations
    inputs = rng.uniform(size=(n, sizes[0])) * (rng.uniform(size=(n, sizes[0])) < 0.3)
    labels = rng.integers(sizes[-1], size=n)
    targets = np.where(labels[:, None] == np.arange(sizes[-1]), 0.8, 0.1)
    return inputs.astype(np.float32), targets.astype(np.float32)


def compared(name, sizes, batch, presentations, rounds):
    """Milliseconds of a presentation, ratios and deviation of one scheme."""
    scheme = SCHEMES[name]
    changed = {**scheme.quick, "learning_rate": RATE}
    if name not in OWN_FUNCTIONS:
        changed["phi"] = "logistic"
    circuit = scheme.circuit(sizes, **changed)
    presenter = Presenter(circuit, batch=batch, dtype="float32")
    weights = presenter.weights()
    inputs, targets = batches(sizes, batch, presentations)
    shown = {"input": inputs, "target": targets}

    def engine():
        presenter.present_many(shown)

    runs = {"engine": engine}
    twins = {"numpy": TWINS[name](weights, RATE, np)}
    if torch is not None:
        twins["torch"] = TWINS[name](weights, RATE, torch)
    parts = [slice(k, k + batch) for k in range(0, len(inputs), batch)]
    for kind, twin in twins.items():
        runs[kind] = _run_of(twin, kind, inputs, targets, parts)
    best, deviation = dict.fromkeys(runs, np.inf), None
    with presenter:
        for number in range(rounds + 1):
            for kind, run in runs.items():
                begun = time.process_time()
                run()
                if number:
                    best[kind] = min(best[kind], time.process_time() - begun)
            if not number and name not in DRAWING:
                deviation = _deviation(presenter.weights(), twins["numpy"].weights())
    found = {f"{kind}_ms": 1e3 * s / presentations for kind, s in best.items()}
    ratios = {k: best[k] / best["engine"] for k in best if k != "engine"}
    return {
        "scheme": name,
        "sizes": "-".join(map(str, sizes)),
        "batch": batch,
        **found,
        **{f"times_{kind}": ratio for kind, ratio in ratios.items()},
        "deviation": deviation,
    }


def _run_of(twin, kind, inputs, targets, parts):
    x, t = inputs, targets
    if kind == "torch":
        x, t = torch.from_numpy(inputs), torch.from_numpy(targets)

    def run():
        for part in parts:
            twin.present(x[part], t[part])

    return run


def _deviation(ours, theirs):
    return max(
        float(np.abs(ours[name] - w).max() / np.abs(w).max())
        for name, w in theirs.items()
    )


def failures(rows):
    """What is not reached, in words."""
    for row in rows:
        where = f"{row['scheme']}, {row['sizes']}"
        if row["deviation"] is not None and row["deviation"] > AGREEMENT:
            yield f"{where}: deviation {row['deviation']:.1e} > {AGREEMENT:g}"
        if row["times_numpy"] < REACH:
            yield f"{where}: {row['times_numpy']:.2f} times NumPy's speed < {REACH:g}"


def main():
    """Print and write all rows; the exit status says whether all is reached."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--schemes", nargs="+", choices=TWINS, default=[*TWINS])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    if torch is not None:
        torch.set_num_threads(1)
    rows = []
    with threadpool_limits(1):
        for name in given.schemes:
            for sizes, batch, presentations in NETWORKS:
                row = compared(name, sizes, batch, presentations, given.rounds)
                rows.append(row)
                print(
                    f"{name:26} {row['sizes']:16} {row['engine_ms']:8.3f} ms  "
                    f"{row['times_numpy']:5.2f} x NumPy  "
                    f"{row.get('times_torch', float('nan')):5.2f} x PyTorch  "
                    f"deviation {row['deviation'] or float('nan'):.0e}",
                    flush=True,
                )
    given.out.write_text(json.dumps(rows, indent=1) + "\n")
    missed = list(failures(rows))
    print("\n".join(missed))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
