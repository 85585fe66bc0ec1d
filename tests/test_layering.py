"""Imports point one way, kernels stay plain, and no package can run data as code."""

import ast
import functools
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("dendrites", "circuits", "experiments")
SOURCES = sorted(
    path.relative_to(ROOT).as_posix()
    for package in LAYERS
    for path in (ROOT / package).rglob("*.py")
)
# `_streams` and `errors` hold no kernels; `random` takes seeds and messages from them,
# so they are held to the same rule.
KERNEL_FILES = (
    *(f"circuits/engine/{name}.py" for name in ("interpret", "span")),
    *(s for s in SOURCES if s.startswith("circuits/engine/operations/")),
    *(
        f"dendrites/{name}.py"
        for name in (
            "compile/apply",
            "compile/calls",
            "compile/cache",
            "compile/jit",
            "compile/machine_code",
            "compile/rows",
            "compile/traces",
            "transfer",
            "random",
            "_simulate_loop",
            "_streams",
            "errors",
        )
    ),
)
XARRAY_FILES = tuple(
    f"dendrites/{name}.py"
    for name in ("dataset", "storage", "_plain_tree", "_run_formats")
)
# Modules whose loaders run code found in data.
CODE_IN_DATA = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal"}
CODE_IN_DATA |= {"shelve", "yaml", "numba.core.serialize"}
# Machine code is code; it is read only from files that this user alone can write.
LOADS_CODE = "dendrites/compile/machine_code.py"


@functools.cache
def syntax(source):
    return ast.parse((ROOT / source).read_text(encoding="utf-8"))


def imports(source):
    """Dotted names of all modules a file imports, inside functions too."""
    package = source.removesuffix(".py").split("/")[:-1]
    found = set()
    for node in ast.walk(syntax(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            # What is imported from a package may be a module of it.
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Call) and _name(node.func) == "import_module":
            first = node.args[0]
            if isinstance(first, ast.JoinedStr):
                first = first.values[0]
            if isinstance(first, ast.Constant):
                found.add(first.value.rstrip("."))
    return found


def _name(node):
    return getattr(node, "attr", getattr(node, "id", ""))


def top(module):
    return module.partition(".")[0]


@pytest.mark.parametrize("source", SOURCES)
def test_imports_only_point_down(source):
    above = LAYERS[LAYERS.index(top(source.replace("/", "."))) + 1 :]
    assert not {module for module in imports(source) if top(module) in above}


@pytest.mark.parametrize("source", KERNEL_FILES)
def test_kernel_files_import_only_numbers_compiler_and_kernels(source):
    ours = {path.removesuffix(".py").replace("/", ".") for path in KERNEL_FILES}
    # llvmlite is a part of Numba.
    plain = {"math", "numpy", "numba", "llvmlite", *sys.stdlib_module_names}
    foreign = {
        module
        for module in imports(source)
        if top(module) not in plain
        and module not in ours
        and module.rpartition(".")[0] not in ours
    }
    assert not foreign


def test_xarray_is_imported_only_where_results_are_built_or_stored():
    users = {s for s in SOURCES if "xarray" in {top(m) for m in imports(s)}}
    allowed = {*XARRAY_FILES, *(s for s in SOURCES if s.startswith("experiments/"))}
    assert users - allowed == set()
    assert "dendrites/dataset.py" in users


@pytest.mark.parametrize("source", SOURCES)
def test_only_the_cache_imports_a_loader_that_runs_code(source):
    found = {m for m in imports(source) if {m, top(m)} & CODE_IN_DATA}
    assert found == ({"numba.core.serialize"} if source == LOADS_CODE else set())


@pytest.mark.parametrize("source", SOURCES)
def test_no_file_evaluates_text_or_calls_a_shell(source):
    calls = [node for node in ast.walk(syntax(source)) if isinstance(node, ast.Call)]
    assert not [c.lineno for c in calls if _name(c.func) in ("eval", "exec", "system")]
    wrong = [
        keyword.value.lineno
        for call in calls
        for keyword in call.keywords
        if keyword.arg in ("shell", "allow_pickle")
        and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
    ]
    assert not wrong


@pytest.mark.parametrize("package", LAYERS)
def test_importing_a_package_loads_neither_compiler_nor_xarray(package):
    code = f"import sys, {package}; print(*{{'numba', 'xarray'}} & {{*sys.modules}})"
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout.split() == []


def project_files():
    """Files under version control and new ones; all files where git cannot tell."""
    command = ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_no_text_file_names_a_folder_of_one_machine():
    # Written in two parts, so that this file passes its own test.
    folder = re.compile(rb"(?<![\w.])/(?:" + rb"work|root|tmp|home)/")
    wrong = []
    for path in project_files():
        if not path.is_file() or b"\0" in (data := path.read_bytes())[:8192]:
            continue
        wrong += [
            f"{path.relative_to(ROOT)}:{number}"
            for number, line in enumerate(data.splitlines(), start=1)
            if folder.search(line)
        ]
    assert not wrong


PACKAGES = [s.removesuffix("/__init__.py") for s in SOURCES if "__init__" in s]


def lazy_imports(package):
    """Names that a package loads when they are first used, and from where."""
    blocks = [
        node.body
        for node in syntax(f"{package}/__init__.py").body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    return {
        (alias.asname, node.module) for node in sum(blocks, []) for alias in node.names
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_no_lazy_name_is_that_of_a_module_beside_it(package):
    """Importing such a module would put it in the place of what has its name."""
    dotted = package.replace("/", ".")
    names = {name for name, home in lazy_imports(package) if home != dotted}
    beside = {path.stem for path in (ROOT / package).iterdir()}
    assert beside & names == set()


@pytest.mark.parametrize("package", [p for p in PACKAGES if lazy_imports(p)])
def test_every_name_that_a_type_checker_finds_is_there(package):
    dotted = package.replace("/", ".")
    module = importlib.import_module(dotted)
    for name, home in lazy_imports(package):
        source = f"{home}.{name}" if home == dotted else home
        found = importlib.import_module(source)
        wanted = found if home == dotted else getattr(found, name)
        assert getattr(module, name) is wanted
    everything = {name for name, _ in lazy_imports(package)}
    assert everything - {"list"} == set(module.__all__)
    assert everything <= set(dir(module))
