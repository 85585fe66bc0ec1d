"""Compilation settings shared by every kernel."""

import gc
import sys
from contextlib import contextmanager

import llvmlite.binding as llvm
import numba
from numba.core import event
from numba.core.compiler_lock import global_compiler_lock

from dendrites.compile.machine_code import keep_machine_code

COMPILING = "compiling, first run only ..."
_told = None  # within `told_once`: whether it was said

# Division by zero gives inf, as in NumPy: a raise inside a loop would stop it from
# being vectorised, and divergence is detected by value. No fastmath: NaN must stay.
# Kernels make no arrays and need not count references to them; the counting was three
# quarters of a small circuit's step (measured).
OPTIONS = {"error_model": "numpy", "nogil": True, "_nrt": False}

# Held while a loop is written, run and compiled: between threads, half-loaded modules
# were seen, and Python 3.11 loses count in its syntax trees. It is Numba's own lock, so
# there is no second one to wait for in another order.
one_compiles = global_compiler_lock


def jit_disabled() -> bool:
    """Whether NUMBA_DISABLE_JIT makes every kernel run as plain Python."""
    return bool(numba.config.DISABLE_JIT)


@contextmanager
def told_once():
    """Within, `compiling` says so once, however many loops are compiled one by one."""
    global _told
    before = _told
    _told = bool(before)
    try:
        yield
    finally:
        _told = None if before is None else _told


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
            global _told
            said, self.said = self.said or _told, True
            if _told is not None:
                _told = True
            if not said:
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
def vectors_in_turn(chosen: bool):
    """Within, where `chosen`, loops are compiled to work at four vectors in turn.

    An exponential is a chain of forty operations that wait for each other, longer than
    what a processor looks ahead. Measured on cells with one: 1.2 to 1.5 times faster,
    and equally fast for ten of them. Every number is computed as before.

    The option is the whole process's: `one_compiles` must be held.
    """
    if chosen:
        llvm.set_option("dendrites", "-force-vector-interleave=4")
    try:
        yield
    finally:
        if chosen:  # 0 leaves the choice to LLVM, as before.
            llvm.set_option("dendrites", "-force-vector-interleave=0")


# Functions only other kernels call need no wrappers for Python and C; leaving them
# out was measured to save a third of the compile time.
INNER = {**OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def kernel(function):
    """Compile a loop that Python calls; its machine code is kept."""
    return _compiled(function, {**OPTIONS, "no_cfunc_wrapper": True})


def inner_kernel(function):
    """The same for a function that only other kernels call."""
    return _compiled(function, INNER)


def inlined_kernel(function):
    """The same for a part that one kernel consists of.

    Numba optimises a called kernel once by itself and once more inside every caller;
    parts that are inlined are compiled once (measured: 12 s instead of 22 s).
    """
    return _compiled(function, {**INNER, "inline": "always"})


def operation(function):
    """Compile an operation of a program, called by its address alone."""
    return _compiled(function, {**INNER, "inline": "never"})


def _compiled(function, options):
    if jit_disabled():
        return function
    return keep_machine_code(numba.njit(**options)(function))
