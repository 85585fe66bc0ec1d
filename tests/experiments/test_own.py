"""Questions that an installed distribution registers by an entry point."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.own import OwnQuestion, own_questions

ROOT = Path(__file__).resolve().parents[2]
MODULE = '''
"""A question of one's own."""
import numpy as np

from dendrites.dataset import group
from experiments import Answer, question


@question(title="Squares", citation="nobody")
def squares(*, numbers: tuple[float, ...] = (1.0, 2.0), seed: int = 0):
    """Do squares grow?

    They do.
    """
    x = np.array(numbers)
    found = group({"square": (("number",), x**2, "1")}, {"number": x})
    largest = {"largest": {"value": float(found.square.max()), "unit": "1"}}
    return Answer({"/squares": found}, dt=1.0, duration=1.0, headline=largest)


def plot(tree):
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot(tree["squares"].number, tree["squares"].square)
    return figure
'''
ENTRIES = """[dendrites.experiments]
do-squares-grow = squares_lab:squares
is-it-broken = broken_lab:broken
has-it-a-plot = plotless_lab:plotless
digits = squares_lab:squares
Bad_Name = squares_lab:squares
no-function = squares_lab
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder as a distribution is installed in."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "squares_lab.py").write_text(MODULE)
    (folder / "broken_lab.py").write_text("import no_such_module\n")
    (folder / "plotless_lab.py").write_text("def plotless():\n    '''Has it?'''\n")
    about = folder / "squares_lab-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: squares-lab\nVersion: 1.0\n"
    )
    (about / "entry_points.txt").write_text(ENTRIES)
    return folder


@pytest.fixture
def dendrites(installed, tmp_path):
    """Run a command in an empty folder: exit code, standard output and error."""
    path = os.pathsep.join([str(ROOT), str(installed)])

    def run(*argv):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "experiments.command.cli", *argv],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=300,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def test_entry_points_are_found_and_what_is_wrong_with_others_is_said(
    installed, monkeypatch
):
    monkeypatch.syspath_prepend(installed)
    found = [*own_questions(("digits",))]
    asked = {one.name: one for one in found if isinstance(one, OwnQuestion)}
    assert [*asked] == ["do-squares-grow", "is-it-broken", "has-it-a-plot"]
    assert asked["do-squares-grow"].line == "Do squares grow?"
    assert "cannot be read: KeyError: 'broken'" in asked["is-it-broken"].line
    assert "squares_lab" not in sys.modules
    problems = [one for one in found if isinstance(one, str)]
    assert [line.split(":")[0] for line in problems] == ["squares-lab"] * 3
    assert "'digits': a question here has this name" in problems[0]
    assert "'Bad_Name': a name has small letters" in problems[1]
    assert "'no-function' = 'squares_lab': write 'module:function'" in problems[2]


def test_a_question_of_ones_own_is_listed_run_and_drawn(dendrites, tmp_path):
    code, out, _ = dendrites("list")
    assert code == 0
    assert "do-squares-grow" in out and "Do squares grow?" in out
    assert out.count("not listed: squares-lab: entry point") == 3
    code, out, err = dendrites(
        "run", "do-squares-grow", "--numbers", "2", "3", "--out", "a.nc"
    )
    assert (code, err) == (0, "")
    assert "largest" in out and "9" in out
    assert dendrites("plot", "a.nc", "--out", "b.png")[0] == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.nc", "a.png", "b.png"]
    code, _, err = dendrites("run", "do-squares-grow", "--numbers", "x")
    assert code == 2 and "--numbers, item 1: expected a number" in err


def test_a_question_that_cannot_be_imported_says_so_and_leaves_the_others(dendrites):
    code, _, err = dendrites("run", "is-it-broken")
    assert code == 2
    assert "question 'is-it-broken', registered by squares-lab" in err
    assert "No module named 'no_such_module'" in err and "Mend or uninstall" in err
    code, _, err = dendrites("run", "has-it-a-plot")
    assert code == 2 and "plotless_lab has no function 'plot'" in err
    assert dendrites("run", "digits", "--help")[0] == 0


def test_a_question_of_ones_own_is_swept(dendrites, tmp_path):
    grid = ["--grid", "seed=0,1", "--out", "s", "--workers", "1", "--no-progress"]
    code, out, err = dendrites("sweep", "do-squares-grow", *grid)
    assert code == 0, err
    assert "2" in out and (tmp_path / "s").is_dir()
