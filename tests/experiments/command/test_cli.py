"""Help, lists, errors, replotting and the doctor of the command line."""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import example_runs
import pytest
from fake_experiment import ROOT, python

from dendrites.dataset import open_run, save_run, update_root
from dendrites.errors import StorageError
from experiments.command import doctor
from experiments.registry import EXPERIMENTS

# help and lists


def test_help_names_every_command(run):
    code, out, _ = run("--help")
    assert code == 0
    assert all(f"  {name}:" in out for name in ("doctor", "list", "plot", "run"))


def test_list_gives_every_experiment_on_one_line(run):
    code, out, _ = run("list")
    names = [line.split()[0] for line in out.splitlines()]
    assert (code, names) == (0, list(EXPERIMENTS))
    assert "Does the cell answer?" in out


def test_help_of_an_experiment_shows_texts_units_and_defaults(answer):
    code, out, _ = answer("--help")
    plain = " ".join(out.split())
    assert code == 0
    assert "Does the cell answer? A second paragraph that explains." in plain
    assert "--gain FLOAT: of the cell (mV) [default: 0.5]" in plain
    assert "--hidden INT: cells of each layer [default: 4 2]" in plain
    assert "--hidden 4 2 or --hidden 4,2" in plain
    assert "--learning-rule near|far: which [default: near]" in plain
    assert "--threads INT: default: all" in plain
    assert "Not for the help" not in plain and "--checkpoint" not in plain


HEAVY = ("numba", "xarray", "matplotlib", "sklearn", "scipy", "pydantic")


@pytest.mark.parametrize("argv", [["--help"], ["list"], ["run", "--help"]])
def test_help_imports_nothing_heavy(argv):
    script = f"""
import sys
from experiments.command.cli import main
code = main({argv!r})
print([m for m in {HEAVY!r} if m in sys.modules], code)
"""
    done = python(script)
    assert done.stdout.splitlines()[-1] == "[] 0"


def test_bad_arguments_are_refused_before_anything_heavy_is_imported():
    script = f"""
import sys
from experiments.command.cli import main
code = main(["run", "digits", "--epochs", "many"])
print([m for m in {HEAVY[:-1]!r} if m in sys.modules], code)
"""
    done = python(script)
    assert done.stdout.splitlines()[-1] == "[] 2"


def test_a_terminal_without_our_letters_is_served():
    script = """
import sys
from experiments.command.cli import main
from experiments.registry import EXPERIMENTS, Experiment
EXPERIMENTS["other"] = Experiment("other", "m", "f", "p", "Gr\u00f6\u00dfer?")
sys.exit(main(["list"]))
"""
    done = python(script, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "Gr\\xf6\\xdfer?" in done.stdout


def test_names_of_the_package_are_loaded_when_used():
    script = """
import sys, experiments
assert "numpy" not in sys.modules
print(experiments.read_config.__name__, experiments.tasks.digits.__name__)
print([name for name in experiments.__all__ if not hasattr(experiments, name)])
"""
    assert python(script).stdout == "read_config digits\n[]\n"


# errors


def test_every_progress_bar_knows_its_total():
    for file in (ROOT / "experiments").rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "tqdm":
                named = any(word.arg == "total" for word in call.keywords)
                assert call.args or named, f"{file.name}:{call.lineno}"


def test_a_numerical_error_has_its_own_exit_code(answer):
    code, out, err = answer("--gain", 3)
    assert (code, out) == (3, "")
    assert err == "error: population pyr became non-finite\n"
    assert os.listdir() == []


def test_a_result_that_cannot_be_written_keeps_the_checkpoint(answer, monkeypatch):
    def full(*_, **__):
        raise StorageError("no space left on device: needs about 3 MB")

    monkeypatch.setattr("dendrites.dataset.save_run", full)
    code, out, err = answer("--out", "a.nc", "--gain", 5, "--seed", 1)
    assert (code, out) == (4, "")
    assert "no space left on device" in err
    line = "dendrites run cell-answers --gain 5 --seed 1 --out a.nc --resume"
    # In the order of the help, not of typing.
    assert sorted(err.splitlines()[-1].split()) == sorted(line.split())
    assert sorted(os.listdir()) == ["a.nc.ckpt", "a.nc.ckpt.prev"]


def test_a_bug_is_told_without_traceback_unless_asked(answer):
    code, _, err = answer("--gain", 4)
    assert code == 1
    assert "RuntimeError: surprise" in err and "Traceback" not in err
    code, _, err = answer("--gain", 4, "--debug")
    assert code == 1 and "Traceback" in err


# plot and doctor


def test_a_saved_run_is_drawn_again(run, answer):
    answer("--out", "a.nc", "--no-plot")
    assert run("plot", "a.nc")[:2] == (0, "picture  a.png\n")
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")
    assert run("plot", "a.nc", "--out", "b.pdf")[0] == 0
    assert Path("b.pdf").read_bytes().startswith(b"%PDF")


def test_drawing_again_does_not_replace_a_picture_unasked(run, answer):
    answer("--out", "a.nc")
    code, _, err = run("plot", "a.nc")
    assert (code, "--overwrite" in err) == (4, True)
    assert run("plot", "a.nc", "--overwrite")[0] == 0


def test_a_picture_in_a_read_only_folder_is_refused_with_the_way_out(
    run, answer, monkeypatch
):
    answer("--out", "a.nc", "--no-plot")
    monkeypatch.setattr(os, "access", lambda *_: False)
    code, _, err = run("plot", "a.nc")
    assert code == 4
    assert "read-only for you" in err and "choose another with --out" in err


def test_a_run_of_no_experiment_cannot_be_drawn(run):
    save_run(example_runs.simulation(), "plain.nc")
    code, _, err = run("plot", "plain.nc")
    assert (code, "no attribute 'experiment'" in err) == (2, True)


def test_a_missing_or_damaged_file_cannot_be_drawn(run):
    assert run("plot", "gone.nc")[0] == 4
    Path("bad.nc").write_text("no netCDF")
    assert run("plot", "bad.nc")[0] == 4


def test_the_doctor_finds_everything_and_names_nobody(run, monkeypatch):
    monkeypatch.setenv("DENDRITES_DATA", os.path.expanduser("~"))
    code, out, _ = run("doctor")
    assert code == 0
    rows = dict(re.split(r"  +", line, maxsplit=1) for line in out.splitlines())
    assert rows["circuits"] == "ours" and rows["cache of compiled code"]
    assert rows["DENDRITES_DATA"] == "set"
    assert os.uname().nodename not in out and os.path.expanduser("~") not in out


def test_the_doctor_tells_what_is_missing(run, monkeypatch):
    monkeypatch.setitem(doctor.CORE, "no-such-package", "no_such_package")
    code, out, err = run("doctor")
    assert code == 1
    assert re.search("no-such-package +missing", out)
    assert "pip install no-such-package" in err


def test_the_doctor_finds_a_distribution_that_installs_over_ours(run, monkeypatch):
    version = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda n: "9" if n == "circuits" else version(n)
    )
    code, _, err = run("doctor")
    assert code == 1
    assert "'circuits' 9" in err and "pip uninstall circuits" in err


@pytest.mark.parametrize(
    "beside, found",
    [
        ("experiments/__init__.py", "the experiments that lies here"),
        ("experiments.py", "the experiments that lies here"),
        ("experiments/notes.txt", "ours"),  # hides nothing
        ("dendrites/__init__.py", "the dendrites that lies here"),
    ],
)
def test_the_doctor_says_what_a_folder_of_the_same_name_hides(run, beside, found):
    Path(beside).parent.mkdir(exist_ok=True)
    Path(beside).write_text("")
    code, out, _ = run("doctor")
    rows = dict(re.split(r"  +", line, maxsplit=1) for line in out.splitlines())
    name = Path(beside).parts[0].removesuffix(".py")
    assert (code, found in rows[name]) == (0, True)
    assert rows["circuits"] == "ours"


def test_a_reader_that_stops_early_is_no_error():
    command = f"{sys.executable} -m experiments.command.cli list | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stderr == ""


# Standard output and error that cannot be written


COMMAND = """
import os, sys
import fake_experiment
from experiments.command.cli import main
from experiments.registry import EXPERIMENTS

fake_experiment.question.calls = []
EXPERIMENTS["answers"] = fake_experiment.experiment("answers", "question")
sys.exit(main(sys.argv[1:]))
"""


def shell(redirection, *words):
    """A command as a shell runs it, with something done to its streams."""
    return subprocess.run(
        ["sh", "-c", f'"$0" -c "$@" {redirection}', sys.executable, COMMAND, *words],
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_full_standard_output_is_told_and_costs_no_result(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = shell(">/dev/full", "run", "answers", "--out", "a.nc", "--no-plot")
    said = "error: standard output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (4, said)
    assert open_run("a.nc").attrs["experiment"] == "answers"


def test_with_a_closed_standard_output_a_run_ends_well(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = shell(">&- <&-", "run", "answers", "--out", "a.nc", "--no-plot")
    assert (done.returncode, done.stderr) == (0, "")
    assert open_run("a.nc").attrs["experiment"] == "answers"


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
def test_nobody_hearing_of_an_error_changes_nothing(tmp_path, monkeypatch, redirection):
    monkeypatch.chdir(tmp_path)
    words = ["run", "answers", "--out", "a.nc", "--no-plot"]
    done = shell(redirection, *words, "--gain", "3")
    assert (done.returncode, done.stdout) == (3, "")
    assert shell(redirection, *words).returncode == 0
    open_run("a.nc")


# The picture of a file that holds something else


def test_the_picture_of_a_run_without_what_it_shows_is_refused(run, tmp_path):
    tree = update_root(example_runs.training(), experiment="digits")
    save_run(tree, "other.nc")
    code, out, err = run("plot", "other.nc")
    assert (code, out) == (2, "")
    assert "other.nc: lacks what the picture of digits shows" in err
    save_run(update_root(example_runs.training(), experiment="cell-answers"), "t.nc")
    code, out, err = run("plot", "t.nc")
    assert (code, "bug" in err) == (2, False)
    assert sorted(os.listdir()) == ["other.nc", "t.nc"]


def test_a_picture_of_a_file_with_too_long_a_name_is_refused(run):
    code, _, err = run("plot", "a" * 300 + ".nc")
    assert (code, "is too long" in err) == (4, True)
    code, _, err = run("plot", "d" * 300 + "/a.nc", "--out", "a.png")
    assert (code, "no such file" in err) == (4, True)
