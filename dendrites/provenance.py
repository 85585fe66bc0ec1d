"""When and with what a result was made: commit, package versions, machine."""

import functools
import importlib.metadata
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
# Written when a package is built: commit and whether files differed from it.
COMMIT_FILE = Path(__file__).resolve().with_name("commit.txt")
UNKNOWN = "unknown", 0


def now() -> str:
    """This moment, as the schema writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@functools.cache
def provenance() -> dict[str, str | int]:
    """Root attributes of a run that describe software and machine, not the user."""
    commit, dirty = source_state()
    packages = ("numpy", "scipy", "numba", "llvmlite", "xarray")
    return {
        "software": "dendrites",
        "software_version": _version("dendritic-circuits"),
        "git_commit": commit,
        "git_dirty": dirty,
        "python_version": platform.python_version(),
        **{f"{package}_version": _version(package) for package in packages},
        "platform": platform.platform(),
        "cpu": _cpu(),
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def source_state() -> tuple[str, int]:
    """Commit of this copy of the sources, or "unknown", and whether files differ."""
    if (SOURCE / ".git").exists():
        return _git_state()
    try:
        commit, changed = COMMIT_FILE.read_text(encoding="ascii").split()
        return (commit, int(changed)) if _is_commit(commit) else UNKNOWN
    except (OSError, ValueError):
        return UNKNOWN


def _is_commit(text):
    return re.fullmatch(r"[0-9a-f]{40,64}", text) is not None


def _git_state():
    command = ["git", "-C", str(SOURCE), "status", "--porcelain=v2", "--branch"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        lines = subprocess.run(
            [*command, "--untracked-files=no"],
            capture_output=True,
            text=True,
            timeout=2,
            check=True,
            env=environment | {"GIT_OPTIONAL_LOCKS": "0"},
        ).stdout.splitlines()
    except (OSError, ValueError, subprocess.SubprocessError):
        return UNKNOWN
    commit = [line[13:] for line in lines if line.startswith("# branch.oid ")]
    changed = any(not line.startswith("#") for line in lines)
    known = commit and _is_commit(commit[0])
    return (commit[0], int(changed)) if known else UNKNOWN


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        text = ""
    model = re.search(r"^model name\s*:\s*(\S.*)$", text, re.MULTILINE)
    return model[1] if model else platform.processor() or platform.machine()
