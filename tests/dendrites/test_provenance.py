"""A result says which commit it was made with, or that nobody knows."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dendrites import provenance

ROOT = Path(__file__).resolve().parents[2]
COMMIT = re.compile(r"[0-9a-f]{40}")
IDENTITY = ("-c", "user.name=nobody", "-c", "user.email=nobody")


def git(folder, *arguments):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    command = ["git", "-C", str(folder), *IDENTITY, *arguments]
    return subprocess.run(
        command, env=clean, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    """A small project that is built as this one is."""
    folder = tmp_path / "checkout"
    (folder / "dendrites").mkdir(parents=True)
    for name in ("setup.py", "dendrites/provenance.py"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "dendrites/__init__.py").write_text("")
    (folder / "pyproject.toml").write_text(
        "[project]\nname = 'dendrites'\nversion = '1'\n"
        "[tool.setuptools]\npackages = ['dendrites']\n"
    )
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


def installed_state(folder, tmp_path):
    """What the files that would be installed from a folder say."""
    site = tmp_path / "site"
    done = subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build", "--build-lib", site],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    code = "from dendrites.provenance import source_state; print(*source_state())"
    return subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()


def test_an_installed_copy_knows_the_commit_it_was_built_from(checkout, tmp_path):
    commit = git(checkout, "rev-parse", "HEAD")
    assert installed_state(checkout, tmp_path) == [commit, "0"]


def test_an_installed_copy_knows_that_files_differed(checkout, tmp_path):
    (checkout / "dendrites/__init__.py").write_text("CHANGED = True\n")
    commit = git(checkout, "rev-parse", "HEAD")
    assert installed_state(checkout, tmp_path) == [commit, "1"]


def test_without_a_checkout_the_commit_is_said_to_be_unknown(checkout, tmp_path):
    shutil.rmtree(checkout / ".git")
    assert installed_state(checkout, tmp_path) == ["unknown", "0"]


def test_the_commit_in_use_is_known_or_said_to_be_unknown():
    commit = provenance.provenance()["git_commit"]
    assert commit == "unknown" or COMMIT.fullmatch(commit)


def test_a_damaged_record_of_the_commit_counts_as_unknown(monkeypatch, tmp_path):
    monkeypatch.setattr(provenance, "SOURCE", tmp_path)
    monkeypatch.setattr(provenance, "COMMIT_FILE", tmp_path / "commit.txt")
    for text in ("", "abc 0", "\x00", f"{'a' * 40} much"):
        (tmp_path / "commit.txt").write_text(text)
        assert provenance.source_state() == ("unknown", 0)
