"""Compilation settings shared by every kernel, and the folder of compiled code.

Numba does not notice an edit in a file whose functions a cached kernel calls, so
the cache folder carries a hash of the sources of all packages that hold kernels:
an edited source means an empty folder.
"""

import functools
import gc
import hashlib
import os
import sys
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path

import llvmlite.binding as llvm
import numba
from numba.core import event

COMPILING = "compiling, first run only ..."

# Division by zero gives inf, as in NumPy: a raise inside a loop would stop it from
# being vectorised, and divergence is detected by value. No fastmath: NaN must stay.
# Kernels make no arrays and need not count references to them; the counting was three
# quarters of a small circuit's step (measured).
OPTIONS = {"error_model": "numpy", "nogil": True, "_nrt": False}
_WRITTEN_OUT = ("models", "rules", "algorithms")


def jit_disabled() -> bool:
    """Whether NUMBA_DISABLE_JIT makes every kernel run as plain Python."""
    return bool(numba.config.DISABLE_JIT)


@functools.cache
def sources_hash() -> str:
    """Hash of every source file of this library that can end up in a kernel.

    Cell models, named rules and algorithms cannot: the text of their functions is
    written out in generated modules, which carry hashes of their own.
    """
    digest = hashlib.blake2b(digest_size=10)
    root = Path(__file__).resolve().parent
    for folder in (root, root.parent / "circuits"):
        for path in sorted(folder.rglob("*.py")):
            if path.parent.name not in _WRITTEN_OUT:
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update(numba.__version__.encode())
    return digest.hexdigest()


@functools.cache
def cache_folder() -> Path:
    """Folder for generated modules and machine code; made when first needed."""
    base = os.environ.get("NUMBA_CACHE_DIR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "dendrites"
    )
    folder = Path(base) / sources_hash()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        folder = Path(tempfile.mkdtemp(prefix="dendrites-"))
        warnings.warn(
            f"compiled code cannot be kept in {base} ({error.strerror}); this process "
            "compiles anew. Set NUMBA_CACHE_DIR to a writable folder.",
            stacklevel=2,
        )
    return folder


@contextmanager
def compiling(announce=None):
    """Say once if something must be compiled, and compile it faster.

    `announce` receives the text; default: standard error. The garbage collector finds
    nothing while Numba works but visits millions of live objects: 12 % of the time,
    measured.
    """

    class Announcer(event.Listener):
        said = False

        def on_start(self, _):
            if not self.said:
                self.said = True
                (announce or (lambda text: print(text, file=sys.stderr)))(COMPILING)

        def on_end(self, _):
            pass

    collecting = gc.isenabled()
    gc.disable()
    try:
        with event.install_listener("numba:compile", Announcer()):
            yield
    finally:
        if collecting:
            gc.enable()


def _vectorise_wide_cells():
    """Let LLVM check at run time that the variables of a cell do not overlap.

    They lie in one array, and by default a loop that writes more than about three of
    them is not vectorised: too many pairs would have to be compared. Measured on cells
    of 12 variables: a third of the time.
    """
    for name in (
        "runtime-memory-check-threshold",
        "vectorize-memory-check-threshold",
        "memory-check-merge-threshold",
    ):
        llvm.set_option("dendrites", f"-{name}=2000")


_vectorise_wide_cells()


@contextmanager
def own_cache_folder():
    """Functions decorated inside are cached in the hashed folder."""
    # Numba reads CACHE_DIR when a function is decorated; a user's own functions
    # must keep their setting, so it is changed for our decorations only.
    previous = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(cache_folder())
    try:
        yield
    finally:
        numba.config.CACHE_DIR = previous


# Functions only other kernels call need no wrappers for Python and C; leaving them
# out was measured to save a third of the compile time.
INNER = {**OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def kernel(function):
    """Compile a loop that Python calls, cached in the hashed folder."""
    return _compiled(function, {**OPTIONS, "no_cfunc_wrapper": True})


def inner_kernel(function):
    """The same for a function that only other kernels call."""
    return _compiled(function, INNER)


def array_kernel(function):
    """An inner kernel that calls NumPy: its arrays count their references."""
    return _compiled(function, {**INNER, "_nrt": True})


def inlined_kernel(function):
    """The same for a part that one kernel consists of.

    Numba optimises a called kernel once by itself and once more inside every caller;
    parts that are inlined are compiled once (measured: 12 s instead of 22 s).
    """
    return _compiled(function, {**INNER, "inline": "always"})


def _compiled(function, options):
    if jit_disabled():
        return function
    with own_cache_folder():
        return numba.njit(cache=True, **options)(function)
