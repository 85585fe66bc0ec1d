"""An experiment of milliseconds, in any process that sweeps it, and its sweeps.

Worker processes of this machine learn of it from the script that starts the sweep,
`sweep_command.py`; those of Dask load this module before they take jobs, which its own
setting names (``DASK_DISTRIBUTED__WORKER__PRELOAD``).
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import annotated_types
import h5py
import numpy as np

from dendrites.errors import NumericalError
from experiments.parameters import Argument
from experiments.registry import EXPERIMENTS, Experiment

NAME = "answers"
ROOT = Path(__file__).resolve().parents[1]
#: Variables of the environment: where jobs say that they run; no more failures; a file
#: for whose end jobs with the gain LAST wait.
LOG, MENDED, HOLD = "SWEEP_LOG", "SWEEP_MENDED", "SWEEP_HOLD"
LAST = 30.0
#: Values of `gain` at which a job does not answer.
RAISES, SURPRISES, EXITS, IS_KILLED, WARNS = 103.0, 104.0, 105.0, 109.0, 102.0
#: Its process ends without a word; it never lets the interpreter go; it needs too much.
QUITS, HANGS, IS_LARGE = 106.0, 107.0, 108.0


def answers(
    *,
    gain: Annotated[float, Argument("of the cell", "mV")] = 0.5,
    rate: Annotated[float, Argument("of learning", "1/presentation")] = 0.1,
    hidden: Annotated[tuple[int, ...], Argument("cells of each layer")] = (4, 2),
    kind: Annotated[Literal["near", "far"], Argument("which")] = "near",
    dense: Annotated[bool, Argument("record everything")] = True,
    cells: Annotated[int, Argument("how many"), annotated_types.Ge(1)] = 3,
    spacing: Annotated[float, Argument("between times", "ms")] = 1.0,
    pause: Annotated[float, Argument("before it answers", "s")] = 0.0,
    threads: Annotated[int | None, Argument("default: all")] = None,
    seed: Annotated[int | None, Argument("of all draws")] = None,
    progress: bool = True,
):
    """Does the cell answer at every point?"""
    config = dict(locals())
    from dendrites._streams import generator
    from dendrites.dataset import group, run_tree

    write_log(f"{os.getpid()} {gain} {cells} {threads} {progress}")
    time.sleep(pause)
    while gain == LAST and os.path.exists(os.environ.get(HOLD, "")):
        time.sleep(0.01)
    if os.environ.get(MENDED):
        pass
    elif gain == RAISES:
        raise NumericalError("population pyr became non-finite")
    elif gain == SURPRISES:
        raise RuntimeError("surprise\nof two lines")
    elif gain == EXITS:
        sys.exit(3)
    elif gain == IS_KILLED:
        os.kill(os.getpid(), signal.SIGKILL)
    elif gain == QUITS:
        os._exit(0)
    elif gain == HANGS:
        ctypes.PyDLL(None).sleep(600)  # unlike CDLL, keeps the interpreter's lock
    elif gain == IS_LARGE:
        np.empty(2**55)
    elif gain == WARNS:
        warnings.warn("a gain of 102 is much", stacklevel=1)
    draws = generator(seed, f"answers/{kind}").normal(size=(cells, 5)) * gain
    variables = {
        "v": (("cell", "time"), draws, "mV"),
        "fires": (("cell",), draws.max(axis=1) > gain, "1"),
        "rate": (("cell",), np.full(cells, rate), "1"),
        "label": (("cell",), [f"{kind}{k}" for k in range(cells)], None),
    }
    variables = variables if dense else {"v": variables["v"]}
    labels = {"cell": np.arange(cells), "time": np.arange(5) * spacing}
    groups = {"/response": group(variables, labels)}
    groups["/response"].time.attrs["units"] = "ms"
    if dense:
        del groups["/response"].label.attrs["units"]
        w = (("post", "pre"), np.full((hidden[0], 2), gain), "1")
        labels = {"post": np.arange(hidden[0]), "pre": np.arange(2)}
        groups["/weights/input_to_hidden"] = group({"w": w}, labels)
    return run_tree(
        "simulation",
        config,
        groups,
        title="answers",
        integrator="exact",
        dt_ms=1.0,
        dtype="float64",
        seed=seed,
        t_stop_ms=5.0,
        headline={
            "peak": {"value": float(draws.max()), "unit": "mV", "reference": "1"},
            "firing": {"value": int((draws > gain).sum()), "unit": "1"},
            "gain": {"value": gain, "unit": "mV"},
            "verdict": {"value": "yes" if draws.mean() > 0 else "no", "unit": "1"},
        },
        citation="nobody (2000)",
        data_sources=[{"name": kind, "licence": "none", "sha256": "0" * 64}],
        created_utc="2026-01-02T03:04:05Z",
        extra={"finished_utc": "2026-01-02T03:04:06Z"},
    )


class Line(NamedTuple):
    """What a job says when it begins."""

    pid: int
    gain: float
    cells: int
    threads: str
    progress: str


EXPERIMENT = Experiment(NAME, __name__, NAME, __name__, "Does the cell answer?")


def dask_setup(worker=None):
    """Make the experiment known in this process."""
    EXPERIMENTS[NAME] = EXPERIMENT


def write_log(line):
    if path := os.environ.get(LOG):
        # One write at the end of the file: lines of two processes do not mix.
        with open(path, "ab", buffering=0) as file:
            file.write(line.encode() + b"\n")


def read_log(path):
    """Lines written so far."""
    if not os.path.exists(path):
        return []
    rows = (line.split() for line in Path(path).read_text().splitlines())
    return [Line(int(p), float(g), int(n), *rest) for p, g, n, *rest in rows]


def environment(**more):
    """Of processes that know the experiment, their workers included."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return os.environ | {
        "PYTHONPATH": path,
        "DASK_DISTRIBUTED__WORKER__PRELOAD": __name__,
        "DASK_TEMPORARY_DIRECTORY": str(Path.cwd() / "dask"),
        **more,
    }


def start(*argv, before="", **more):
    """``dendrites sweep`` in a process of its own."""
    script = str(Path(__file__).with_name("sweep_command.py"))
    words = [script, before, "sweep", NAME, *map(str, argv)]
    return subprocess.Popen(
        [sys.executable, "-W", "error", *words],
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(condition, seconds=120):
    """The first value of a condition that counts as true."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until
        time.sleep(0.02)
    return found


def serial(folder, fixed, grid):
    """The same sweep without workers: every job here, one after the other."""
    from experiments.options import experiment_options
    from experiments.sweep.folder import SweepFolder
    from experiments.sweep.jobs import Sweep, complete_arguments

    options = experiment_options(answers)
    sweep = Sweep(NAME, complete_arguments(options, fixed, grid), grid)
    place = SweepFolder(folder)
    with place.locked():
        place.start(sweep)
        for job in sweep.jobs():
            place.write_job(job, image(job, place.path))
    return place


def image(job, scratch):
    """The bytes of the file of a job."""
    from experiments.sweep.worker import outcome_of

    file = Path(scratch) / "image.nc"
    outcome = outcome_of(NAME, job.arguments, job.name, file)
    assert "warnings" in outcome, outcome
    found = file.read_bytes()
    file.unlink()
    return found


def contents(path):
    """Everything in a file but when and as what it was made."""
    found = {}

    def visit(name, item):
        found[name] = {k: str(v) for k, v in item.attrs.items()}
        if hasattr(item, "shape") and name != "sweep/run_id":
            data = item[()]
            exact = data.tolist() if data.dtype.kind == "O" else data.tobytes()
            found[name]["data"] = (data.dtype.str, data.shape, exact)

    with h5py.File(path) as file:
        file.visititems(visit)
        visit("", file)
    for name in ("run_id", "created_utc", "finished_utc", "n_resumes"):
        del found[""][name]
    # HDF5 numbers its dimensions as it meets them.
    for attrs in found.values():
        for name in ("DIMENSION_LIST", "REFERENCE_LIST"):
            attrs.pop(name, None)
    return found


def sweep(*argv, **more):
    """The same, waited for: exit code, standard output and error."""
    with start(*argv, **more) as child:
        out, err = child.communicate(timeout=300)
    return child.returncode, out, err
