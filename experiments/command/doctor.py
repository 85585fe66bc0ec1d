"""Whether this installation can run the experiments; says nothing about its user."""

import importlib
import importlib.metadata
import importlib.util
import os
import platform
from importlib.machinery import PathFinder
from pathlib import Path

from dendrites._memory import available_bytes, gib
from dendrites.provenance import source_state

CORE = {
    "numpy": "numpy",
    "scipy": "scipy",
    "numba": "numba",
    "xarray": "xarray",
    "h5netcdf": "h5netcdf",
    "h5py": "h5py",
    "matplotlib": "matplotlib",
    "tqdm": "tqdm",
    "threadpoolctl": "threadpoolctl",
    "pydantic": "pydantic",
    "cyclopts": "cyclopts",
    "scikit-learn": "sklearn",
    "filelock": "filelock",
}
EXTRAS = {"zarr": ("zarr",), "data": ("pooch",), "distributed": ("dask", "distributed")}
OURS = ("dendrites", "circuits", "experiments")


def report() -> tuple[str, list[str]]:
    """What is installed and how this machine is set up.

    Returns
    -------
    text : str
        One line for each thing looked at; no names of people, machines or folders.
    problems : list of str
        What keeps the core from working, with the remedy; empty if all is well.
    """
    rows, problems = [("python", platform.python_version())], []
    for package, module in CORE.items():
        found, problem = _core(package, module)
        rows.append((package, found))
        problems += problem
    for extra, packages in EXTRAS.items():
        rows.append((f"extra {extra}", _extra(extra, packages)))
    for name in OURS:
        found, problem = _ours(name)
        rows.append((name, found))
        problems += problem + _stranger(name)
    rows += [
        ("commit", _commit()),
        ("processors", str(_processors())),
        ("memory", _memory()),
        ("DENDRITES_DATA", _data()),
    ]
    if not problems:
        rows += _compiler()
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name.ljust(width)}  {text}" for name, text in rows), problems


def _core(package, module):
    try:
        version = importlib.metadata.version(package)
        importlib.import_module(module)
    except importlib.metadata.PackageNotFoundError:
        return "missing", [f"{package} is missing: pip install {package}"]
    except Exception as error:  # a broken binary can raise anything
        text = f"{type(error).__name__}: {str(error)[:200]}"
        remedy = f"pip install --force-reinstall {package}"
        return f"{version}, broken", [
            f"{package} cannot be imported ({text}): {remedy}"
        ]
    return version, []


def _extra(extra, packages):
    try:
        versions = [importlib.metadata.version(package) for package in packages]
    except importlib.metadata.PackageNotFoundError:
        return f"not installed: pip install 'dendritic-circuits[{extra}]'"
    return ", ".join(versions)


def _ours(name):
    """Whether the import name leads to this project and not to one of the same name."""
    here = Path(__file__).resolve().parents[2]
    spec = importlib.util.find_spec(name)
    if spec is None:
        return "missing", [f"{name} cannot be found: install dendritic-circuits again"]
    if not _lies_in(here, spec):
        return "of another project", [
            f"import {name!r} finds another package of that name: uninstall it, or"
            f" rename a file {name}.py in the current folder"
        ]
    # The command does not look in the current folder, and Python started there does.
    beside = PathFinder.find_spec(name, [os.getcwd()])
    if beside is not None and beside.origin and not _lies_in(here, beside):
        return (
            f"ours for this command; Python started in this folder finds the {name} "
            "that lies here: rename it, or start Python elsewhere",
            [],
        )
    return "ours", []


def _stranger(name):
    """A fault if a distribution that is called like our import name is installed."""
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return []
    return [
        f"the distribution {name!r} {version} is not this one, which is called "
        f"dendritic-circuits, and may install over it: pip uninstall {name}, then "
        "install dendritic-circuits again"
    ]


def _lies_in(folder, spec):
    # A folder without __init__.py has no origin, and ours have one.
    return bool(spec.origin) and Path(spec.origin).resolve().parents[1] == folder


def _commit():
    commit, changed = source_state()
    return commit + (" and changes since" if changed else "")


def _processors():
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory():
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return f"{gib(available_bytes())} available"
    return f"{gib(total)}, {gib(available_bytes())} available"


def _data():
    folder = os.environ.get("DENDRITES_DATA")
    if not folder:
        return "not set (data sets are kept in the user's cache folder)"
    if not os.path.isdir(folder):
        return "set, but is no folder"
    return "set" if os.access(folder, os.R_OK | os.X_OK) else "set, but not readable"


def _compiler():
    import numba

    from dendrites.compile.cache import find_folder
    from dendrites.compile.jit import jit_disabled

    folder, problem = find_folder()
    kept = "usable"
    if problem:
        kept = "not usable" if folder is None else "not usable, a temporary one is used"
        kept += f" ({problem}): set NUMBA_CACHE_DIR to a folder of your own"
    return [
        ("compiler", "switched off" if jit_disabled() else "on"),
        ("numba threading layer", f"{numba.config.THREADING_LAYER} (not used)"),
        ("numba SVML", "yes" if numba.config.USING_SVML else "no"),
        ("cache of compiled code", kept),
    ]
