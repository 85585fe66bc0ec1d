"""Where a run's files go, and what is refused before it runs."""

import json
import os
import re
import uuid
from pathlib import Path

import fake_experiment
import pytest
from fake_experiment import refused

from dendrites.dataset import open_run


def test_a_run_leaves_result_and_picture_and_prints_its_figures(answer):
    code, out, _ = answer()
    (result,) = Path().glob("*.nc")
    assert code == 0
    assert re.fullmatch(r"cell-answers-[0-9a-f]{8}\.nc", result.name)
    assert result.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert len(os.listdir()) == 2
    assert str(result) in out and str(result.with_suffix(".png")) in out
    rows = [line.split() for line in out.splitlines()]
    assert ["name", "ours", "unit", "reference", "source"] in rows
    assert ["test_error", "0.02778", "0.04", "somebody"] in rows
    assert ["angle", "31.5", "degree"] in rows


def test_the_file_knows_its_experiment_and_bears_the_start_of_its_run_id(answer):
    answer()
    (result,) = Path().glob("*.nc")
    attrs = open_run(result).attrs
    assert attrs["experiment"] == "cell-answers"
    assert uuid.UUID(attrs["run_id"]).version == 4
    assert result.stem.endswith("-" + attrs["run_id"][:8])


def test_names_lie_under_the_output_directory(answer, tmp_path):
    (tmp_path / "sub").mkdir()
    words = "--out a.nc --plot b.svg --out-dir sub"
    assert answer(*words.split())[0] == 0
    assert sorted(os.listdir("sub")) == ["a.nc", "b.svg"]


def test_a_result_may_be_a_zarr_store(answer):
    assert answer("--out", "a.zarr", "--no-plot")[0] == 0
    assert answer("--out", "a.zarr", "--no-plot", "--overwrite")[0] == 0
    assert open_run("a.zarr").attrs["experiment"] == "cell-answers"
    assert os.listdir() == ["a.zarr"]


def test_what_is_no_result_is_not_overwritten(answer):
    Path("a.zarr").mkdir()
    Path("a.zarr/mine").write_text("")
    refused(answer("--out", "a.zarr", "--overwrite"), 4, "left alone")


def test_an_absolute_name_may_be_typed(answer, tmp_path):
    (tmp_path / "sub").mkdir()
    assert answer("--out", tmp_path / "sub" / "a.nc", "--no-plot")[0] == 0
    assert os.listdir("sub") == ["a.nc"]


@pytest.mark.parametrize(
    "name", ["../a.nc", "~/a.nc", "a\0.nc", "a\x1b[2J.nc", "link/a.nc", ""]
)
@pytest.mark.parametrize("option", ["--out", "--plot"])
def test_a_name_that_leaves_the_output_directory_is_refused(
    answer, tmp_path, name, option
):
    os.symlink("/tmp", "link")
    name = name if option == "--out" else name.replace(".nc", ".png")
    refused(answer(option, name), 4, "must stay under the output directory")


def test_an_absolute_name_is_refused_below_a_given_directory(answer, tmp_path):
    result = answer("--out", tmp_path / "a.nc", "--out-dir", ".")
    refused(result, 4, "must stay under the output directory")


@pytest.mark.parametrize("key", ["out", "plot"])
def test_a_name_in_a_file_cannot_steer_the_terminal(answer, key):
    suffix = {"out": "nc", "plot": "png"}[key]
    Path("c.json").write_text(json.dumps({key: f"a\x1b[2J\x1b]0;x\x07.{suffix}"}))
    result = answer("--config", "c.json")
    refused(result, 4, "must stay under the output directory", "\\x1b[2J")
    assert "\x1b" not in result[2]
    # What is printed of a name that is allowed cannot either: here, right to left.
    Path("c.json").write_text(json.dumps({key: f"a\u202e.{suffix}"}))
    code, out, err = answer("--config", "c.json")
    assert (code, "a?." in out, "\u202e" in out + err) == (0, True, False)


@pytest.mark.parametrize("key", ["out", "plot"])
@pytest.mark.parametrize("length", [201, 255, 300, 5000])
def test_a_name_that_is_too_long_is_refused(answer, key, length):
    suffix = {"out": ".nc", "plot": ".png"}[key]
    name = "a" * (length - len(suffix)) + suffix
    refused(answer(f"--{key}", name), 4, f"of {length} bytes is too long")
    refused(answer(f"--{key}", name, "--out-dir", "."), 4, "is too long")


@pytest.mark.parametrize("option", ["--out-dir", "--config"])
def test_a_folder_or_file_with_too_long_a_name_is_not_there(answer, option):
    code = {"--out-dir": 4, "--config": 2}[option]
    name = "d" * 300 + {"--out-dir": "", "--config": ".json"}[option]
    refused(answer(option, name), code, "no such file" if code == 2 else "not exist")


@pytest.mark.parametrize("key", ["out", "plot"])
def test_an_absolute_name_in_a_file_is_refused(answer, tmp_path, key):
    suffix = {"out": "nc", "plot": "png"}[key]
    Path("c.json").write_text(json.dumps({key: f"{tmp_path}/a.{suffix}"}))
    result = answer("--config", "c.json")
    refused(result, 4, "must stay under the output directory")


def test_an_output_directory_that_does_not_exist_is_named(answer):
    refused(answer("--out-dir", "gone"), 4, "gone does not exist")


def test_an_output_directory_that_is_a_file_is_named(answer):
    Path("file").write_text("")
    refused(answer("--out-dir", "file"), 4, "is a file")


@pytest.mark.parametrize("words", ["--out a.nc", "--plot a.png", "--out /nix/a.nc"])
def test_a_folder_that_cannot_be_written_is_named_with_the_way_out(
    answer, monkeypatch, tmp_path, words
):
    words = words.replace("/nix", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda *_: False)
    refused(answer(*words.split()), 4, "read-only for you", "--out-dir or in --out")


@pytest.mark.parametrize(
    ("words", "text"), [("--out a.txt", ".nc or .zarr"), ("--plot a.bmp", ".png")]
)
def test_an_unknown_kind_of_file_is_refused(answer, words, text):
    refused(answer(*words.split()), 2, text)


@pytest.mark.parametrize("existing", ["a.nc", "a.png"])
def test_an_existing_output_is_refused_and_left_alone(answer, existing):
    Path(existing).write_text("mine")
    refused(answer("--out", "a.nc"), 4, existing, "already exists", "--overwrite")
    assert Path(existing).read_text() == "mine"


def test_overwrite_replaces_existing_outputs(answer):
    Path("a.nc").write_text("old")
    Path("a.png").write_text("old")
    assert answer("--out", "a.nc", "--overwrite")[0] == 0
    assert open_run("a.nc").attrs["experiment"] == "cell-answers"


def test_a_result_survives_a_picture_that_fails(answer, monkeypatch):
    def broken(tree):
        raise RuntimeError("no ink")

    monkeypatch.setattr(fake_experiment, "plot", broken)
    code, out, err = answer("--out", "a.nc")
    assert (code, out, "no ink" in err) == (1, "result   a.nc\n", True)
    assert open_run("a.nc").attrs["experiment"] == "cell-answers"
    assert os.listdir() == ["a.nc"]


def test_the_real_digits_leave_a_result_and_a_picture(run):
    words = "--epochs 1 --hidden 12,8 --batch 20 --no-progress --out d.nc"
    code, out, _ = run("run", "digits", *words.split())
    assert code == 0
    assert open_run("d.nc").attrs["experiment"] == "digits"
    assert Path("d.png").read_bytes().startswith(b"\x89PNG")
    assert "test_error" in out
