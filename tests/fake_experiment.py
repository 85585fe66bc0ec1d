"""An experiment that takes no time, and what tests of the command line share."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

import annotated_types
import example_runs
from matplotlib.figure import Figure

from dendrites.errors import NumericalError
from experiments.parameters import Argument
from experiments.registry import Experiment

ROOT = Path(__file__).resolve().parents[1]
HEADLINE = {
    "test_error": {
        "value": 0.0277777,
        "unit": "1",
        "reference": "0.04",
        "source": "somebody",
    },
    "angle": {"value": 31.5, "unit": "degree"},
}


def question(
    *,
    gain: Annotated[float, Argument("of the cell", "mV")] = 0.5,
    epochs: Annotated[int, Argument("passes"), annotated_types.Ge(1)] = 3,
    hidden: Annotated[tuple[int, ...], Argument("cells of each layer")] = (4, 2),
    learning_rule: Annotated[Literal["near", "far"], Argument("which")] = "near",
    threads: Annotated[int | None, Argument("default: all")] = None,
    seed: Annotated[int | None, Argument("of all draws")] = None,
    progress: bool = False,
    checkpoint: str | None = None,
    resume: bool = False,
):
    """Does the cell answer?

    A second paragraph that explains.

    Returns
    -------
    xarray.DataTree
        Not for the help.
    """
    question.calls.append(dict(locals()))
    if gain == 3:
        raise NumericalError("population pyr became non-finite")
    if gain == 4:
        raise RuntimeError("surprise")
    if gain >= 5:
        Path(checkpoint).write_text("state")
        Path(checkpoint + ".prev").write_text("state")
    if gain == 6:
        raise KeyboardInterrupt
    return example_runs.simulation(headline=HEADLINE, seed=seed)


def plot(tree):
    figure = Figure()
    figure.subplots().plot(tree["populations/pyr"].v[:, 0, 0])
    return figure


def experiment(name, function, line="Does the cell answer?"):
    """A function of this module as an experiment."""
    return Experiment(name, __name__, function, __name__, line)


def refused(result, code, *texts):
    assert result[0] == code
    assert result[1] == ""
    assert result[2].startswith("error: ") and "Traceback" not in result[2]
    for text in texts:
        assert text in result[2]
    assert question.calls == []


def python_process(script, **environment):
    # The folder of the sources may not be the current one.
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": path} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def python(script, **environment):
    with python_process(script, **environment) as child:
        out, err = child.communicate(timeout=60)
    return subprocess.CompletedProcess([], child.returncode, out, err)
