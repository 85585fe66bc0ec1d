"""A generated module: run from its text in memory and compiled.

The text never comes back from a file, where it could have been changed.
"""

import contextlib
import hashlib
import importlib.abc
import importlib.util
import re
import sys

import numpy as np
from numba import njit, types

import dendrites.compile.replace  # noqa: F401, teaches Numba a method
from dendrites.compile.bare_code import check_types
from dendrites.compile.cache import cache_folder
from dendrites.compile.calls import operation_signature
from dendrites.compile.jit import INNER, jit_disabled, vectors_in_turn
from dendrites.compile.machine_code import keep_machine_code
from dendrites.compile.refusals import explained
from dendrites.errors import DendritesError

# What stands in the text of loops that call `dendrites.transfer.exp` or `tanh`, and of
# those that make exponentials in stages: to work at vectors in turn as well was slower
# (0.8).
EXPONENTIAL = re.compile("from dendrites.transfer import (exp|tanh) as")
IN_STAGES = "from dendrites.compile.exponentials import"


def compile_loop(text, trial):
    """The function `loop` of a module's text, compiled as an operation.

    `trial` tries the functions of the text. The caller holds `one_compiles`.
    """
    single = trial.dtype == np.float32
    sig = operation_signature(types.float32 if single else types.float64)
    body = "\n".join(text.lines) + "\n"
    # A code object lives in this process alone, and so does what is made of it.
    cached = not text.objects
    if (body, sig) in _COMPILED:
        # Layers that differ in their parameters only share one loop.
        return _COMPILED[body, sig]
    name = _name(body)
    tried = _tried_before(name, sig) if cached and not jit_disabled() else None
    if tried is None or not tried.exists():
        trial.check_returns()
    try:
        module = _module(name, body, text.objects)
        if jit_disabled():
            return module.loop
        loop = njit(**INNER)(module.loop)
        if cached:
            keep_machine_code(loop, generated=True)
        with vectors_in_turn(bool(EXPONENTIAL.search(body)) and IN_STAGES not in body):
            loop.compile(sig)
        loop.disable_compile()
        check_types([getattr(module, name) for name in text.bare])
    except (DendritesError, Warning):
        raise
    except Exception as error:  # Numba refuses code with many kinds of exception.
        raise explained(error, trial) from None
    if tried is None or not tried.exists():
        trial.compare(loop)
        if tried is not None:
            with contextlib.suppress(OSError):
                tried.touch(mode=0o600)
    _COMPILED[body, sig] = loop
    return loop


_COMPILED = {}


def _tried_before(name, sig):
    """A file that says that the loop of that name agreed with plain Python, or None."""
    folder = cache_folder()
    number = str(sig.args[0].dtype)
    return folder and folder / f"{name}.{number}.tried"


class _Text(importlib.abc.ExecutionLoader):
    """Loads a module from its text; tracebacks ask it for the lines."""

    def __init__(self, body):
        self.body = body

    def get_source(self, fullname):
        return self.body

    def get_filename(self, fullname):
        return f"{fullname}.py"


def _name(body):
    """Of a module: the hash of its text, so that its machine code can be kept."""
    return "loop_" + hashlib.blake2b(body.encode(), digest_size=16).hexdigest()


def _module(name, body, objects):
    """The module of a text, run where it has not been."""
    if not objects and name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_loader(name, _Text(body))
    module = importlib.util.module_from_spec(spec)
    # Exponentials of parameters alone leave the loop only if their functions are part
    # of it (measured: 3 to 25 times faster).
    module.INNER = {**INNER, "forceinline": True}
    for key, code in objects.items():
        setattr(module, key, code)
    spec.loader.exec_module(module)
    if not objects:
        # Complete by now, so that no other thread sees a part. Machine code refers to
        # the module by its name.
        sys.modules[name] = module
    return module
