"""A generated module: run from its text in memory and compiled.

The text never comes back from a file, where it could have been changed.
"""

import hashlib
import importlib.abc
import importlib.util
import sys

import numpy as np
from numba import njit, types

from dendrites.compile.bare_code import check_types
from dendrites.compile.calls import signature
from dendrites.compile.jit import INNER, jit_disabled
from dendrites.compile.machine_code import keep_machine_code
from dendrites.compile.refusals import explained
from dendrites.errors import DendritesError


def compile_loop(text, kind, dtype, functions):
    """The function `loop` of a module's text, compiled with the signature of its kind.

    `functions` are pairs (function, model) that a failure is traced to. The caller
    holds `one_compiles`.
    """
    sig = signature(kind, types.float32 if dtype == np.float32 else types.float64)
    body = "\n".join(text.lines) + "\n"
    # A code object lives in this process alone, and so does what is made of it.
    cached = not text.objects
    if (body, sig) in _COMPILED:
        # Layers that differ in their parameters only share one loop.
        return _COMPILED[body, sig]
    try:
        module = _module(body, text.objects)
        if jit_disabled():
            return module.loop
        loop = njit(**INNER)(module.loop)
        if cached:
            keep_machine_code(loop, generated=True)
        loop.compile(sig)
        loop.disable_compile()
        check_types([getattr(module, name) for name in text.bare])
    except (DendritesError, Warning):
        raise
    except Exception as error:  # Numba refuses code with many kinds of exception.
        raise explained(error, functions, dtype) from None
    _COMPILED[body, sig] = loop
    return loop


_COMPILED = {}


class _Text(importlib.abc.ExecutionLoader):
    """Loads a module from its text; tracebacks ask it for the lines."""

    def __init__(self, body):
        self.body = body

    def get_source(self, fullname):
        return self.body

    def get_filename(self, fullname):
        return f"{fullname}.py"


def _module(body, objects):
    """The module of a text, named by its hash so that its machine code can be kept."""
    name = "loop_" + hashlib.blake2b(body.encode(), digest_size=16).hexdigest()
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
