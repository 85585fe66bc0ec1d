"""The command line as tests of it use it."""

import fake_experiment
import pytest

from experiments.command import cli
from experiments.registry import EXPERIMENTS


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run a command in an empty folder; exit code, standard output and error."""
    monkeypatch.setattr(fake_experiment.question, "calls", [], raising=False)
    known = fake_experiment.experiment("cell-answers", "question")
    monkeypatch.setitem(EXPERIMENTS, known.name, known)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*argv):
        code = cli.main([str(word) for word in argv])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def answer(run):
    """Run the experiment cell-answers."""
    return lambda *argv: run("run", "cell-answers", *argv)
