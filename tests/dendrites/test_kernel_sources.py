"""Machine code is kept for the sources it was made of, all of them."""

import ast
from pathlib import Path

import pytest

from dendrites.compile import cache

ROOT = Path(__file__).resolve().parents[2]
COMPILERS = {"kernel", "inner_kernel", "inlined_kernel", "operation"}
COMPILERS |= {"njit", "jit", "vectorize", "guvectorize", "cfunc"}
COMPILERS |= {"intrinsic", "overload", "overload_method", "register_jitable"}
# Run on the host alone, by functions of files that also hold kernels.
HOST = {"dendrites/_streams.py", "dendrites/errors.py"}


def syntax(source):
    return ast.parse((ROOT / source).read_text(encoding="utf-8"))


def holds_kernels(source):
    """Whether a function of the file is compiled, or imported by generated modules."""
    for node in ast.walk(syntax(source)):
        for decorator in getattr(node, "decorator_list", ()):
            called = getattr(decorator, "func", decorator)
            if getattr(called, "attr", getattr(called, "id", "")) in COMPILERS:
                return True
        for target in getattr(node, "targets", ()):
            if getattr(target, "attr", "") == "imported_by_kernels":
                return True
    return False


SOURCES = sorted(
    path.relative_to(ROOT).as_posix()
    for package in ("dendrites", "circuits", "experiments")
    for path in (ROOT / package).rglob("*.py")
)
KERNEL_FILES = [source for source in SOURCES if holds_kernels(source)]


def covered():
    """Sources of the project whose content the folder's name tells."""
    stamps = cache._sources()[1]
    return {Path(path).relative_to(ROOT.resolve()).as_posix() for path in stamps}


def imported(source):
    """Files of the project that a file imports from."""
    found = set()
    for node in ast.walk(syntax(source)):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{source} imports relatively"
            # What is imported from a package may be a module of it.
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [
                name for name in names if name.replace(".", "/") + ".py" in SOURCES
            ]
            found |= {*modules} or {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    files = {module.replace(".", "/") + ".py" for module in found}
    return {file for file in files if file in SOURCES}


def test_kernels_are_found_where_they_are_known_to_be():
    known = {"apply", "calls"}
    known = {f"dendrites/compile/{name}.py" for name in known}
    known |= {"dendrites/random.py", "dendrites/transfer.py"}
    known |= {"dendrites/_simulate_loop.py"}
    assert known <= {*KERNEL_FILES}
    assert "dendrites/simulation.py" not in KERNEL_FILES


@pytest.mark.parametrize("source", KERNEL_FILES)
def test_a_file_with_kernels_is_part_of_the_folders_name(source):
    assert source in covered()


@pytest.mark.parametrize("source", KERNEL_FILES)
def test_a_file_with_kernels_imports_only_what_is_covered_too(source):
    assert imported(source) <= covered() | HOST
